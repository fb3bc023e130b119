"""Corpora to texts, block by block: lines of text and JSON lines as a model reads them that goes over files
of any size.

A block is some megabytes of whole lines: their bytes, and the text of each by the core. What the core is not
sure of is read again in Python (records.py), which takes it after all or says what is wrong with it. Nothing
ends before the file does, and a block knows where it ends, so that reading can go on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from embedcnn import _core
from embedcnn.data.lines import OPENERS, SUFFIXES, PathLike, damage, existing_file
from embedcnn.data.readers import TEXT_NAMES
from embedcnn.data.records import TextRecord, decoded, json_record

CORPUS_FORMATS = ("lines", "jsonl")
BLOCK_BYTES = 4 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Place(NamedTuple):
    """Where reading goes on: bytes of text (unpacked) that were read, and the lines in them."""

    bytes: int = 0
    lines: int = 0


BEGIN = Place()


@dataclass
class TextBlock:
    """Some whole lines of a file: `texts[i]` is the text of line `place.lines + 1 + i`, None where `faults`
    says what is wrong.

    `raw`: their bytes, of which line i ends before `ends[i]`, int64; `behind`: where the next block begins;
    `packed_bytes`: how far in the file itself, packed as it is.
    """

    place: Place
    raw: bytes
    texts: list[str | None]
    ends: np.ndarray
    behind: Place
    packed_bytes: int
    faults: dict[int, str] = field(default_factory=dict)

    def records(self) -> list[TextRecord]:
        """The block as `records.file_records` has it."""
        first = self.place.lines + 1
        if not self.faults:
            return list(map(TextRecord, range(first, first + len(self.texts)), self.texts))
        return [TextRecord(first + i, text, self.faults.get(i)) for i, text in enumerate(self.texts)]

    def chosen(self, keep: np.ndarray) -> bytes:
        """The lines where `keep`, bool (lines,), as they stand in the file, each with a line end.

        >>> block = TextBlock(Place(), b"a\\nb\\nc", ["a", "b", "c"], np.array([2, 4, 5]), Place(5, 3), 5)
        >>> block.chosen(np.array([True, False, True]))
        b'a\\nc\\n'
        """
        edges = np.flatnonzero(np.diff(np.concatenate([[False], keep, [False]]).astype(np.int8)))
        bounds = np.concatenate([[0], self.ends])[edges].tolist()
        kept = b"".join([self.raw[a:b] for a, b in zip(bounds[::2], bounds[1::2], strict=True)])
        return kept if not kept or kept.endswith(b"\n") else kept + b"\n"


def corpus_blocks(
    path: PathLike,
    format: str = "lines",
    key: str | None = None,
    place: Place = BEGIN,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[TextBlock]:
    """The blocks of a UTF-8 file from `place` on; .gz, .bz2, .xz and .zst are unpacked.

    `format`: "lines", or "jsonl": the text under `key`, or the first usual name of a text. A file whose
    packed data is damaged ends there, with a last line that says so. Raises FileNotFoundError.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "new.jsonl")
    >>> _ = path.write_text('{"text": "it purrs"}\\n{"tex\\n')
    >>> block = next(corpus_blocks(path, "jsonl"))
    >>> block.texts, list(block.faults)
    (['it purrs', None], [1])
    """
    if format not in CORPUS_FORMATS:
        raise ValueError(f"`format` must be one of {', '.join(CORPUS_FORMATS)}. Received: format={format!r}")
    names = None
    if format == "jsonl":
        names = tuple(name.encode() for name in (TEXT_NAMES if key is None else (key,)))
    with ExitStack() as stack:
        packed = stack.enter_context(open(existing_file(path), "rb"))
        opener = OPENERS.get(SUFFIXES.get(existing_file(path).suffix.lower(), ""))
        file = packed if opener is None else stack.enter_context(closing(opener(packed, "rb")))
        source = _Unpacked(file)
        if not source.skip(place.bytes, block_bytes, opener is None):
            return
        parts: list[bytes] = []  # of a line that is longer than a block
        ended = False
        while not ended:
            chunk = source.read(block_bytes)
            ended = len(chunk) < block_bytes
            end = len(chunk) if ended and not source.fault else chunk.rfind(b"\n") + 1
            if not end and not ended:
                parts.append(chunk)
                continue
            raw = b"".join(parts) + chunk[:end] if end or not source.fault else b""
            parts = [chunk[end:]] if end else [*parts, chunk]
            if raw:
                block = _block(raw, names, key, place, packed.tell() if packed.seekable() else 0)
                place = block.behind
                yield block
        if source.fault:
            yield _cut(b"".join(parts), source.fault, place, packed.tell())


class _Unpacked:
    """A file that is read in whole pieces; `fault` says what is wrong once it cannot be unpacked."""

    def __init__(self, file: Any) -> None:
        self._file, self._read = file, getattr(file, "read1", file.read)  # read may lose what it had read
        self.fault: str | None = None

    def read(self, count: int) -> bytes:
        """`count` bytes; fewer only at the end."""
        pieces: list[bytes] = []
        while count and not self.fault:
            try:
                piece = self._read(count)
            except Exception as error:
                self.fault = damage(error)
                break
            if not piece:
                break
            pieces.append(piece)
            count -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def skip(self, count: int, step: int, seekable: bool) -> bool:
        """Goes on behind the first `count` bytes; False where there are not so many."""
        if seekable and count > 0:
            self._file.seek(count)
            return True
        while count:
            piece = len(self.read(min(count, step)))
            if not piece:
                return False
            count -= piece
        return True


def _block(
    raw: bytes, names: tuple[bytes, ...] | None, key: str | None, place: Place, packed_bytes: int
) -> TextBlock:
    """The texts of whole lines, those that the core does not know from Python."""
    read = len(raw)
    if place.bytes == 0:
        raw = raw.removeprefix(BYTE_ORDER_MARK)
    texts, ends = _core.record_texts(raw, names)
    behind = Place(place.bytes + read, place.lines + len(texts))
    block = TextBlock(place, raw, texts, ends, behind, packed_bytes)
    if None in texts:
        for i in [i for i, text in enumerate(texts) if text is None]:
            line = decoded(
                raw[ends[i - 1] if i else 0 : ends[i]].removesuffix(b"\n"), place.lines + 1 + i, "utf-8"
            )
            record = TextRecord(*line) if names is None else json_record(line, key)
            if record.error:
                block.faults[i] = record.error
            else:
                texts[i] = record.text
    return block


def _cut(rest: bytes, fault: str, place: Place, packed_bytes: int) -> TextBlock:
    """The last line of a file that cannot be unpacked any further; what begins behind it is nothing."""
    behind = Place(place.bytes + len(rest) + 1, place.lines + 1)
    return TextBlock(place, rest, [None], np.array([len(rest)]), behind, packed_bytes, {0: fault})
