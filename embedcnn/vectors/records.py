"""Text lines and binary records -> words and a matrix, driven window by window through the core.

The matrix grows with what was really read: a header is a claim, never a reason to allocate.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field

import numpy as np

from embedcnn import _core

from .errors import VectorFileError, describe_fault
from .source import ByteSource
from .word_index import WordIndex

__all__ = ["Layout", "ReadOptions", "detect_layout", "read_records"]

LONGEST_RECORD = 64 << 20
MAX_DIMENSIONS = 1_000_000
PIECE = 1 << 20
NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
BINARY_BYTES = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
DUPLICATES = ("first", "last", "error")
UNICODE_ERRORS = ("strict", "ignore", "replace")


@dataclass(frozen=True)
class ReadOptions:
    """What `load` was asked for."""

    wanted: WordIndex | None = None
    limit: int | None = None
    dtype: str = "float32"
    unicode_errors: str = "strict"
    duplicates: str = "first"
    skip_bad_lines: bool = False
    cache_copy: bool = False
    stack_level: int = field(default=4, compare=False)


@dataclass(frozen=True)
class Layout:
    """How the records of a file are laid out."""

    dimensions: int
    binary: bool = False
    header_bytes: int = 0
    announced: int | None = None  # words, says the header

    @property
    def unit(self) -> str:
        """What a record is called in messages."""
        return "record" if self.binary else "line"

    def least_bytes(self, records: int) -> int:
        """Bytes that so many records fill at least (the last line may lack its newline)."""
        return records * (2 + 4 * self.dimensions if self.binary else 2 + 2 * self.dimensions) - 1


def head_lines(source: ByteSource, count: int) -> tuple[list[bytes], bool]:
    """The first lines of the file, at least one if there is one, and whether these are all."""
    size = 1 << 16
    while True:
        head = source.head(size)
        whole = len(head) < size
        lines = head.split(b"\n")
        if whole or len(lines) > 2 or size >= LONGEST_RECORD:
            break
        size *= 4
    if lines and (not whole or not lines[-1]):
        lines.pop()
    return lines[:count], whole and len(lines) <= count


def parse_header(line: bytes) -> tuple[int, int] | None:
    """(words, dimensions) of a word2vec header, two integers; None if the line is none."""
    fields = line.strip(b" \t\r").split()
    if len(fields) != 2 or not all(item.isdigit() and len(item) <= 30 for item in fields):
        return None
    return int(fields[0]), int(fields[1])


def split_fields(line: bytes) -> list[bytes]:
    """Fields between runs of blanks and tabs (never other white space: words may hold it)."""
    return [item for item in line.rstrip(b"\r \t").replace(b"\t", b" ").split(b" ") if item]


def count_numbers(line: bytes) -> int:
    """How many numbers end the line, one field being left for the word."""
    fields = split_fields(line)
    count = 0
    most = min(len(fields) - 1, MAX_DIMENSIONS + 1)  # more are an error, whatever they are
    while count < most and NUMBER.fullmatch(fields[-1 - count]):
        count += 1
    return count


def detect_dimensions(path: str, lines: list[bytes]) -> int:
    """Numbers per line: what most of the first lines have, the first line where they disagree evenly."""
    counts = [count_numbers(line) for line in lines if split_fields(line)]
    if not counts:
        raise VectorFileError(path, "the file holds no vectors")
    best = max(counts, key=lambda count: (counts.count(count), -counts.index(count)))
    if best < 1:
        raise VectorFileError(path, "a word followed by numbers expected: this is no file of vectors", line=1)
    if best > MAX_DIMENSIONS:
        raise VectorFileError(path, f"vectors of {best} numbers; at most {MAX_DIMENSIONS} are read", line=1)
    return best


def looks_binary(source: ByteSource, start: int, dimensions: int) -> bool:
    """Whether what follows a header is a binary record rather than a line of text."""
    head = source.head(start + (1 << 16))[start:].lstrip(b"\n")
    line = head.split(b"\n", 1)[0]
    if len(split_fields(line)) > dimensions and count_numbers(line) >= dimensions:
        return False
    word, blank, numbers = head.partition(b" ")
    # The bytes of float32 numbers hold control characters or are no UTF-8, all but certainly.
    sample = numbers[: 4 * dimensions] if blank else head
    not_text = BINARY_BYTES.search(sample) or "\ufffd" in sample.decode("utf-8", "replace")[:-1]
    return bool(not_text) or source.path.lower().endswith((".bin", ".bin.gz"))


def detect_layout(source: ByteSource, format: str | None) -> Layout:
    """Looks at the first lines: header or not, text or binary, how many numbers."""
    lines, _ = head_lines(source, 16)
    if not source.head(1):
        raise VectorFileError(source.path, "the file is empty")
    mark = 3 if source.head(3) == b"\xef\xbb\xbf" else 0
    if lines:
        lines[0] = lines[0][mark:]
    header = parse_header(lines[0]) if lines and format != "glove" else None
    if header is None:
        if format in ("word2vec", "fasttext", "word2vec_binary"):
            raise VectorFileError(
                source.path, "a header of two integers (words, dimensions) expected", line=1
            )
        return Layout(detect_dimensions(source.path, lines), header_bytes=mark)
    announced, dimensions = header
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        reason = f"the header announces vectors of {dimensions} numbers, outside [1, {MAX_DIMENSIONS}]"
        raise VectorFileError(source.path, reason, line=1)
    start = (
        source.head(1 << 10).index(b"\n") + 1 if b"\n" in source.head(1 << 10) else len(source.head(1 << 10))
    )
    binary = format == "word2vec_binary" or (format is None and looks_binary(source, start, dimensions))
    return Layout(dimensions, binary, start, announced)


def check_announced(source: ByteSource, layout: Layout, options: ReadOptions) -> None:
    """Refuses a header that the file is too short for, before anything is read."""
    if not source.plain or not layout.announced or options.limit is not None:
        return
    if layout.least_bytes(layout.announced) > source.size - layout.header_bytes:
        reason = (
            f"the header announces {layout.announced} words of {layout.dimensions} numbers, "
            f"more than fit in {source.size} bytes: the file is truncated or the header wrong"
        )
        if not options.skip_bad_lines:
            raise VectorFileError(source.path, reason, line=1)


class GrowingMatrix:
    """Rows that arrive in pieces, in one array that is moved as rarely as possible."""

    def __init__(self, dimensions: int, dtype: str, most: int | None) -> None:
        self.array = np.empty((0, dimensions), dtype)
        self.most = most

    def reserve(self, rows: int, share: float) -> bool:
        """Room for `rows` rows, of which a share (0 to 1) of the file was read; whether it had to grow."""
        if rows <= len(self.array):
            return False
        room = (
            max(rows + rows // 4, min(int(rows / share * 1.01) + 64, 1000 * rows))
            if share
            else rows + rows // 4
        )
        if self.most is not None:
            room = max(rows, min(room, self.most))
        if len(self.array):
            self.array.resize((room, self.array.shape[1]), refcheck=False)
        else:
            self.array = np.empty((room, self.array.shape[1]), self.array.dtype)
        return True

    def finish(self, rows: int) -> np.ndarray:
        """The array, cut to its rows."""
        if rows < len(self.array):
            self.array.resize((rows, self.array.shape[1]), refcheck=False)
        return self.array


def read_records(source: ByteSource, layout: Layout, options: ReadOptions) -> tuple[WordIndex, np.ndarray]:
    """Reads all records that are asked for; raises VectorFileError or, where bad lines are skipped, warns."""
    check_announced(source, layout, options)
    reader = _core.VectorReader(
        dimensions=layout.dimensions,
        limit=-1 if options.limit is None else options.limit,
        first_line=1 if layout.binary or layout.announced is None else 2,
        wanted=None if options.wanted is None else options.wanted.arrays,
        binary=layout.binary,
        half=options.dtype == "float16",
        skip=options.skip_bad_lines,
        duplicates=DUPLICATES.index(options.duplicates),
        unicode=UNICODE_ERRORS.index(options.unicode_errors),
    )
    most = [len(options.wanted)] if options.wanted is not None else []
    most += [options.limit] if options.limit is not None else []
    matrix = GrowingMatrix(layout.dimensions, options.dtype, min(most) if most else None)
    source.head(layout.header_bytes)
    source.skip(layout.header_bytes)
    offset = source.position
    final = finished = False
    rows = 0
    while not (final or finished):
        room = reader.room()
        if not room:
            break
        if source.plain:
            got = reader.fill(source.file.fileno(), offset)
            final = got < room
            offset += got
        else:
            piece = source.read(min(room, PIECE))
            final = not piece
            reader.write(piece)
        rows = reader.parse(final)
        if matrix.reserve(
            rows, offset / source.size if source.plain and source.size and not options.wanted else 0.0
        ):
            reader.expect(len(matrix.array))
        reader.store(matrix.array)
        finished = reader.state()["finished"]
    state = reader.state()
    report(source.path, layout, options, state)
    return WordIndex(reader.take_words()), matrix.finish(rows)


def report(path: str, layout: Layout, options: ReadOptions, state: dict) -> None:
    """Raises or warns about what was found while reading."""
    fault = state["fault"]
    reason = describe_fault(fault, layout.dimensions, options.dtype) if fault else ""
    if fault and not (options.skip_bad_lines and state["faulty"]):
        raise VectorFileError(path, reason, fault[1], layout.unit)
    found = state["good"] + state["faulty"]
    count = ""
    if layout.announced is not None and options.limit is None and found != layout.announced:
        count = f"the header announces {layout.announced} words, the file holds {found}"
        if found < layout.announced:
            count += ": the file is truncated or the header wrong"
        if not options.skip_bad_lines:
            raise VectorFileError(path, count)
    messages = [count] if count else []
    if fault:
        messages.append(
            f"skipped {state['faulty']} bad {layout.unit}s; the first is {layout.unit} {fault[1]}: {reason}"
        )
    if state["duplicates"] and options.duplicates != "error":
        first = state["first_duplicate"]
        words = first[4].decode("utf-8", "replace")
        messages.append(
            f"{state['duplicates']} words occur more than once, the {options.duplicates} vector of each is "
            f"used; for example {words!r} in {layout.unit} {first[1]}"
        )
    if state["doubtful"]:
        messages.append(
            f"{state['doubtful']} lines hold more numbers than the {layout.dimensions} expected; "
            "the first ones were taken as a part of the word"
        )
    for message in messages:
        warnings.warn(f"{path}: {message}", stacklevel=options.stack_level)
