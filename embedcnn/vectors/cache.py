"""The cache file: vectors as they lie in memory, to be mapped instead of read.

Layout (little-endian): a header of 4096 bytes, then sections that start at multiples of 4096: slots and
offsets and words of the index, the matrix, the n-gram matrix of a fastText model. The header holds the
sections' places, the facts about the file that the cache was made from (JSON) and three checksums: of the
header itself and of the index, which are checked whenever the file is opened, and of the matrices, which
`verify` checks. Opening 400,000 words takes a few milliseconds, and the pages are shared by all processes
that map the file.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from typing import Any

import numpy as np

from embedcnn import _core
from embedcnn.base.replacement import replacing

from ..base.checked import checked
from .errors import StaleCacheError, VectorFileError
from .mapped import CHANGED, OF_VECTORS, MappedFile
from .word_index import WordIndex
from .word_vectors import Subwords, WordVectors

__all__ = ["MAGIC", "load_cache", "save_cache"]

MAGIC = b"ECVECS\r\n"
VERSION = 1
PAGE = 4096
SECTIONS = ("slots", "offsets", "blob", "matrix", "subwords")
# magic, version, dtype, words, dimensions, buckets, shortest, longest, file size, 5 x (place, bytes),
# index and payload checksum, bytes of JSON; then the JSON; the header's checksum ends the page.
HEADER = struct.Struct("<8sIIqqqqqq10qQQq")
DTYPES = ("<f4", "<f2")


def pad(size: int) -> int:
    """The next multiple of the page size."""
    return -(-size // PAGE) * PAGE


def little(array: np.ndarray) -> np.ndarray:
    """C-contiguous, little-endian."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


@checked
def save_cache(vectors: WordVectors, path: str | os.PathLike[str]) -> None:
    """Writes vectors to a cache file.

    The file appears under its name only when it is complete and on the disk: a killed save leaves the old
    one. Raises TypeError for vectors that are neither float32 nor float16.

    >>> import tempfile
    >>> wv = WordVectors(["a", "b"], np.array([[1, 2], [3, 4]], np.float32))
    >>> path = os.path.join(tempfile.mkdtemp(), "small.embedcnn")
    >>> wv.save(path)
    >>> WordVectors.load(path)["b"]
    array([3., 4.], dtype=float32)
    """
    if vectors.vectors.dtype not in (np.float32, np.float16):
        raise TypeError(f"vectors of dtype {vectors.vectors.dtype} cannot be cached; float32 and float16 can")
    slots, offsets, blob = vectors.key_to_index.arrays
    parts = [little(array) for array in (slots, offsets, blob, vectors.vectors)]
    subwords = vectors.subwords
    parts.append(
        little(subwords.vectors) if subwords is not None else np.empty((0, vectors.vector_size), "<f4")
    )
    places, at = [], PAGE
    for part in parts:
        places.append((at, part.nbytes))
        at = pad(at + part.nbytes)
    note = json.dumps({"source": vectors.source}).encode()
    header = HEADER.pack(
        MAGIC,
        VERSION,
        DTYPES.index(parts[3].dtype.newbyteorder("<").str),
        len(vectors),
        vectors.vector_size,
        len(parts[4]),
        subwords.shortest if subwords is not None else 0,
        subwords.longest if subwords is not None else 0,
        at,
        *(number for place in places for number in place),
        combined(parts[:3]),
        combined(parts[3:]),
        len(note),
    )
    if len(header) + len(note) > PAGE - 8:
        raise ValueError(f"the path of the vectors' source is too long for a cache: {len(note)} bytes")
    header = (header + note).ljust(PAGE - 8, b"\0")
    header += struct.pack("<Q", _core.checksum(header))
    with replacing(path) as file:
        file.write(header)
        for part, (place, _) in zip(parts, places, strict=True):
            file.seek(place)
            file.write(part.reshape(-1).view(np.uint8).data if part.size else b"")
        file.truncate(at)


def combined(parts: list[np.ndarray]) -> int:
    """One checksum over several arrays."""
    sums = [_core.checksum(part.reshape(-1).view(np.uint8)) if part.size else 0 for part in parts]
    return _core.checksum(struct.pack(f"<{len(sums)}Q", *sums))


class CacheFile:
    """A mapped cache file whose header has been checked."""

    def __init__(self, path: str, copy: bool = False) -> None:
        self.path = path
        self.map: mmap.mmap | bytes
        self.mapped: MappedFile | None = None
        with open(path, "rb") as file:
            header = file.read(PAGE)
            size = os.fstat(file.fileno()).st_size
            self._check_header(header, size)
            if copy:
                self.map = header + file.read()
            else:
                self.mapped = MappedFile(path, file.fileno())
                self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self.map) != size:
            raise VectorFileError(path, CHANGED + OF_VECTORS)
        self._check_index()

    def _check_header(self, header: bytes, size: int) -> None:
        if header[:8] != MAGIC:
            raise VectorFileError(self.path, "no cache file of embedcnn: it starts with other bytes")
        if len(header) < PAGE or struct.unpack("<Q", header[-8:])[0] != _core.checksum(header[:-8]):
            raise VectorFileError(
                self.path, "the cache file is damaged: its header does not match its checksum"
            )
        fields = HEADER.unpack_from(header)
        if fields[1] != VERSION:
            raise VectorFileError(
                self.path, f"a cache file of version {fields[1]}; version {VERSION} is read"
            )
        self.words, self.dimensions, self.buckets, self.shortest, self.longest, whole = fields[3:9]
        if fields[2] >= len(DTYPES) or min(fields[3:8]) < 0:
            raise VectorFileError(self.path, "the cache file is damaged: its header holds impossible sizes")
        self.dtype = np.dtype(DTYPES[fields[2]])
        self.places = dict(zip(SECTIONS, zip(fields[9:19:2], fields[10:19:2], strict=True), strict=True))
        self.index_sum, self.payload_sum, note_bytes = fields[19:22]
        if whole != size:
            raise VectorFileError(self.path, f"the cache file is damaged: {size} bytes instead of {whole}")
        self._check_places(size)
        self.source = self._read_source(header[HEADER.size : HEADER.size + max(0, note_bytes)])

    def _check_places(self, size: int) -> None:
        """Every section lies within the file and has the bytes of its arrays."""
        expected = {
            "offsets": 8 * (self.words + 1),
            "matrix": self.words * self.dimensions * self.dtype.itemsize,
            "subwords": 4 * self.buckets * self.dimensions,
        }
        for name, (place, length) in self.places.items():
            within = place >= PAGE and place % 8 == 0 and 0 <= length <= size - place
            if not within or expected.get(name, length) != length:
                raise VectorFileError(self.path, f"the cache file is damaged: no room for its {name}")
        if self.buckets and not 1 <= self.shortest <= self.longest:
            raise VectorFileError(self.path, "the cache file is damaged: lengths of n-grams that cannot be")

    def _read_source(self, note: bytes) -> dict[str, Any] | None:
        """What the file says of the one that it was made from."""
        try:
            source = json.loads(note)["source"]
            if source is not None:
                os.fspath(source["path"]), int(source["size"]), int(source["mtime_ns"])
            return source
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = f"the cache file is damaged: it does not say what it was made from ({error!r})"
            raise VectorFileError(self.path, reason) from None

    def section(self, name: str, dtype: Any) -> np.ndarray:
        """A section as a read-only array over the mapped pages."""
        place, size = self.places[name]
        return np.frombuffer(self.map, dtype, size // np.dtype(dtype).itemsize, place)

    def _check_index(self) -> None:
        self.index = (
            self.section("slots", "<u8"),
            self.section("offsets", "<i8"),
            self.section("blob", "u1"),
        )
        if combined(list(self.index)) != self.index_sum:
            raise VectorFileError(
                self.path, "the cache file is damaged: its index does not match its checksum"
            )

    def matrices(self) -> tuple[np.ndarray, np.ndarray]:
        """The vectors, and those of the n-grams."""
        vectors = self.section("matrix", self.dtype).reshape(self.words, self.dimensions)
        return vectors, self.section("subwords", "<f4").reshape(self.buckets, self.dimensions)

    def verify(self) -> None:
        """Reads the matrices and compares their checksum; VectorFileError if it differs."""
        if self.mapped is not None:
            self.mapped.check()
        if combined(list(self.matrices())) != self.payload_sum:
            raise VectorFileError(
                self.path, "the cache file is damaged: its vectors do not match their checksum"
            )


def check_source(path: str, source: dict[str, Any] | None) -> None:
    """Refuses a cache whose source has changed; a source that is gone is no reason."""
    if source is None:
        return
    try:
        facts = os.stat(source["path"])
    except OSError:
        return
    if (facts.st_size, facts.st_mtime_ns) != (source["size"], source["mtime_ns"]):
        raise StaleCacheError(path, f"the cache is older than {source['path']}: make it again")


@checked
def load_cache(path: str | os.PathLike[str], *, verify: bool = False, copy: bool = False) -> WordVectors:
    """Maps a cache file: nothing is copied, its pages are shared between processes. `copy` reads it into
    memory of its own instead, which no other process can change.

    Returns read-only WordVectors. Raises VectorFileError for a file that is damaged (`verify`: its vectors
    are looked at too, which reads the whole file), StaleCacheError where the file that it was made from has
    changed since.
    """
    file = CacheFile(os.fsdecode(path), copy)
    check_source(file.path, file.source)
    if verify:
        file.verify()
    matrix, grams = file.matrices()
    subwords = Subwords(file.shortest, file.longest, grams) if file.buckets else None
    vectors = WordVectors(WordIndex(file.index, file.mapped), matrix, subwords=subwords)
    vectors.source = file.source
    vectors._cache, vectors._mapped = file, file.mapped
    return vectors
