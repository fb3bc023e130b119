"""Bytes of a vector file, plain or compressed, without ever holding the whole file.

A plain file is read by the core through its descriptor; a compressed one is recognised by its first bytes
(not by its name) and decompressed piece by piece. A pipe is read once, from front to back.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zipfile
import zlib
from types import TracebackType
from typing import IO, Any

from ..base.zstandard_files import is_zst_error, open_zst
from .errors import VectorFileError

__all__ = ["ByteSource"]

MAGIC = {
    b"\x1f\x8b": "gz",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zst",
    b"PK\x03\x04": "zip",
}


def open_zip(path: str, file: IO[bytes]) -> Any:
    """The only member of an archive such as those that GloVe comes in."""
    try:
        archive = zipfile.ZipFile(file)
        members = [item for item in archive.infolist() if not item.is_dir()]
        if len(members) != 1:
            names = ", ".join(item.filename for item in members) or "none"
            raise VectorFileError(
                path, f"the archive must hold one file, not {len(members)} ({names}); unpack it"
            )
        return archive.open(members[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise VectorFileError(path, f"not a readable zip archive: {error}") from error


class Rejoined:
    """A pipe with the first bytes, which somebody has read already, before the rest."""

    def __init__(self, first: bytes, file: IO[bytes]) -> None:
        self.first, self.file = first, file

    def read(self, count: int) -> bytes:
        """At most `count` bytes; empty at the end."""
        piece, self.first = self.first[:count], self.first[count:]
        return piece or self.file.read(count)

    def close(self) -> None:
        """Nothing to do: the file belongs to the caller."""


class ByteSource:
    """The decompressed bytes of a file: `head` shows the first ones, `read` yields all in order."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        if not isinstance(self.path, str):
            self.path = os.fsdecode(self.path)
        self.file = open(self.path, "rb")  # noqa: SIM115 (closed by close)
        try:
            self.size = os.fstat(self.file.fileno()).st_size
            magic = self.file.read(6)
            self.piped = not self.file.seekable()
            self.bytes: Any = Rejoined(magic, self.file) if self.piped else self.file
            if not self.piped:
                self.file.seek(0)
            self.compression = next((kind for start, kind in MAGIC.items() if magic.startswith(start)), None)
            self.stream: Any = self._open_stream()
        except BaseException:
            self.file.close()
            raise
        self._head = b""
        self._head_used = 0
        self._ended = False

    def _open_stream(self) -> Any:
        if self.compression == "gz":
            return gzip.GzipFile(fileobj=self.bytes)
        if self.compression == "xz":
            return lzma.LZMAFile(self.bytes)
        if self.compression == "bz2":
            return bz2.BZ2File(self.bytes)
        if self.compression == "zst":
            return open_zst(self.path, self.bytes)
        if self.compression == "zip":
            if self.piped:
                raise VectorFileError(self.path, "a zip archive in a pipe cannot be read; write it to a file")
            return None if self._is_npz() else open_zip(self.path, self.file)
        return self.bytes

    def _is_npz(self) -> bool:
        try:
            with zipfile.ZipFile(self.path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, NotImplementedError):
            return False
        return bool(names) and all(name.endswith(".npy") for name in names)

    @property
    def is_npz(self) -> bool:
        """Whether the file is an archive of NumPy arrays."""
        return self.compression == "zip" and self.stream is None

    @property
    def plain(self) -> bool:
        """Whether the core may read the file itself."""
        return self.compression is None and not self.piped

    def require_file(self, what: str) -> None:
        """VectorFileError for a pipe, where the reader opens the file by its name."""
        if self.piped:
            raise VectorFileError(self.path, f"{what} in a pipe cannot be read; write it to a file")

    def _read_stream(self, count: int) -> bytes:
        try:
            return self.stream.read(count)
        except (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
            raise VectorFileError(
                self.path, f"the {self.compression or 'plain'} data is damaged: {error}"
            ) from error
        except Exception as error:
            if not is_zst_error(error):
                raise
            raise VectorFileError(self.path, f"the zst data is damaged: {error}") from error

    def head(self, count: int) -> bytes:
        """The first `count` bytes (fewer if the file is shorter); `read` will yield them too."""
        while len(self._head) < count and not self._ended:
            piece = self._read_stream(count - len(self._head))
            self._ended = not piece
            self._head += piece
        return self._head[:count]

    def skip(self, count: int) -> None:
        """Leaves out `count` bytes that `head` has shown."""
        self._head_used += count

    @property
    def position(self) -> int:
        """Where `read` goes on, while it is still within the bytes that `head` has shown."""
        return self._head_used

    def read(self, count: int) -> bytes:
        """At most `count` bytes; empty at the end."""
        if self._head_used < len(self._head):
            piece = self._head[self._head_used : self._head_used + count]
            self._head_used += len(piece)
            if self._head_used == len(self._head):
                self._head, self._head_used = b"", 0
            return piece
        return b"" if self._ended else self._read_stream(count)

    def read_exactly(self, count: int, what: str) -> bytes:
        """`count` bytes, or an error that names what is missing."""
        pieces, left = [], count
        while left:
            piece = self.read(left)
            if not piece:
                raise VectorFileError(self.path, f"the file ends within {what}")
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Closes the file."""
        if self.stream is not None and self.stream is not self.file:
            self.stream.close()
        self.file.close()

    def __enter__(self) -> ByteSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
