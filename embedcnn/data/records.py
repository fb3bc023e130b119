"""Texts to be answered one by one: every record of a file or stream in its place, damaged ones as errors.

What prediction reads. Unlike the readers of training data, which stop at the first fault, nothing here ends
before the stream does: an answer must stand beside every record. Constant memory; lines end at LF (a CR
before it is dropped) and nowhere else.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from embedcnn.data.lines import SUFFIXES, PathLike, damage, open_bytes
from embedcnn.data.readers import FORMAT_SUFFIXES, LABEL_NAMES, TEXT_NAMES
from embedcnn.data.tables import DELIMITERS, EXCEL_LINE, is_number, tab_fields

RECORD_FORMATS = ("lines", "csv", "tsv", "jsonl")
CHUNK_BYTES = 1 << 20  # a thousand reviews: one call of a model
LONGEST_SHOWN = 60


class TextRecord(NamedTuple):
    """A text, or why there is none, and on which line (from 1) it begins."""

    line: int
    text: str | None
    error: str | None = None


class Line(NamedTuple):
    """A line, decoded; `error` says which bytes are no text (they are U+FFFD then). A line without
    an error has the fields of its record, and is taken for it: a million lines are not made anew.
    """

    line: int
    text: str
    error: str | None = None


Groups = Iterator[list[TextRecord]]


def record_format(path: PathLike) -> str:
    """The format by a file's name, without the suffix of its compression: "lines" unless it says another.

    >>> record_format("new.csv.gz"), record_format("texts.txt")
    ('csv', 'lines')
    """
    name = str(path).lower()
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    found = next((kind for suffix, kind in FORMAT_SUFFIXES.items() if name.endswith(suffix)), "lines")
    return found if found in RECORD_FORMATS else "lines"


def file_records(
    path: PathLike, format: str | None = None, encoding: str = "utf-8", text_column: str | int | None = None
) -> Groups:
    """The records of a file in groups; .gz, .bz2, .xz and .zst are unpacked. `format` None: by its name.

    Raises FileNotFoundError, and ValueError where a table has no column that could be the text.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "new.jsonl")
    >>> _ = path.write_text('{"text": "it purrs"}\\n{"tex\\n')
    >>> [(record.line, record.text) for group in file_records(path) for record in group]
    [(1, 'it purrs'), (2, None)]
    """
    fault, last = None, 0
    with open_bytes(path) as file:

        def read() -> bytes:
            nonlocal fault
            try:
                return file.read(CHUNK_BYTES)
            except Exception as error:
                fault = damage(error)
                return b""

        for group in stream_records(read, format or record_format(path), encoding, text_column, str(path)):
            last = group[-1].line if group else last
            yield group
    if fault is not None:
        yield [TextRecord(last + 1, None, fault)]


def stream_records(
    read: Callable[[], bytes], format: str, encoding: str, text_column: str | int | None, name: str
) -> Groups:
    """The records of what `read` gives, bytes until b"": of all whole lines so far, group after group."""
    if format not in RECORD_FORMATS:
        raise ValueError(f"`format` must be one of {', '.join(RECORD_FORMATS)}. Received: format={format!r}")
    groups = line_groups(read, encoding)
    if format == "lines":
        return (
            [damaged(line) if line.error else line for line in group]  # type: ignore[misc]
            for group in groups
        )
    if format == "jsonl":
        return ([json_record(line, text_column) for line in group] for group in groups)
    return table_records(groups, format, text_column, name)


def damaged(line: Line) -> TextRecord:
    return TextRecord(line.line, None, line.error)


def line_groups(read: Callable[[], bytes], encoding: str) -> Iterator[list[Line]]:
    """All whole lines of each chunk, decoded one by one; a byte-order mark is dropped."""
    if "\n".encode(encoding) != b"\n":  # UTF-16 and UTF-32: a line end is no single byte
        read, encoding = as_utf8(read, encoding), "utf-8"
    first = 1
    parts: list[bytes] = []  # of a line that has not ended yet
    while True:
        chunk = read()
        end = chunk.rfind(b"\n")
        parts.append(chunk[: end if end >= 0 else None])
        if end >= 0 or (not chunk and any(parts)):
            lines = decoded_lines(b"".join(parts), first, encoding)
            yield lines
            first += len(lines)
            parts = [chunk[end + 1 :]]
        if not chunk:
            return


def decoded_lines(text: bytes, first: int, encoding: str) -> list[Line]:
    """The lines of a text, of which the first is number `first`: those of valid UTF-8 in one go."""
    if encoding == "utf-8":
        with contextlib.suppress(UnicodeDecodeError):
            lines = text.decode().split("\n")
            if b"\r" in text:
                lines = [line.removesuffix("\r") for line in lines]
            if first == 1:
                lines[0] = lines[0].removeprefix("\ufeff")
            return list(map(Line, range(first, first + len(lines)), lines))
    return [decoded(line, number, encoding) for number, line in enumerate(text.split(b"\n"), first)]


def decoded(line: bytes, number: int, encoding: str) -> Line:
    line = line.removesuffix(b"\r")
    error = None
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError as fault:
        bad = fault.object[fault.start]
        error = f"byte 0x{bad:02x} is not valid {encoding}"
        text = line.decode(encoding, "replace")
    return Line(number, text.removeprefix("\ufeff") if number == 1 else text, error)


def as_utf8(read: Callable[[], bytes], encoding: str) -> Callable[[], bytes]:
    """The same text in UTF-8; bytes that are none become U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")

    def read_again() -> bytes:
        while True:
            chunk = read()
            text = decoder.decode(chunk, final=not chunk)
            if text or not chunk:
                return text.encode("utf-8", "replace")

    return read_again


def json_record(line: Line, key: str | int | None) -> TextRecord:
    """The text of a JSON object: `key`, or the first usual name of a text that it has."""
    if line.error:
        return damaged(line)
    try:
        value = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        return TextRecord(line.line, None, f"not valid JSON ({error})")
    if not isinstance(value, dict):
        return TextRecord(line.line, None, f"expected a JSON object. Received: {type(value).__name__}")
    names = TEXT_NAMES if key is None else (str(key),)
    found = next((name for name in names if name in value), None)
    if found is None:
        keys = ", ".join(map(repr, value))[:LONGEST_SHOWN]
        return TextRecord(line.line, None, f"no key {' or '.join(map(repr, names))}. Received: {keys}")
    if not isinstance(value[found], str):
        return TextRecord(line.line, None, f"{found!r} is no text. Received: {type(value[found]).__name__}")
    return TextRecord(line.line, value[found])


def table_records(groups: Iterable[list[Line]], format: str, column: str | int | None, name: str) -> Groups:
    """The texts of a table's column; a row that is too short, or no CSV, is an error in its place."""
    position: int | None = None
    for group in table_rows(groups, format):
        records = []
        for line, row, error in group:
            if position is None and not error:
                position, is_header = text_position(row, column, name)
                if is_header:
                    continue
            if error is None and (position is None or position >= len(row)):
                error = f"{len(row)} fields; the text is number {position} from 0"
            records.append(TextRecord(line, None if error else row[position or 0], error))
        yield records


def table_rows(
    groups: Iterable[list[Line]], format: str
) -> Iterator[list[tuple[int, list[str], str | None]]]:
    """(line, fields, error) of each row, in groups; blank lines are left out."""
    if format == "tsv":
        for group in groups:
            yield [(line.line, tab_fields(line.text), line.error) for line in group if line.text]
        return
    faults: dict[int, str] = {}
    waiting: list[Line] = []
    groups = iter(groups)

    def lines() -> Iterator[str]:
        for group in groups:
            waiting.extend(group)
            while waiting:
                line = waiting.pop(0)
                if line.error:
                    faults[line.line] = line.error
                yield line.text + "\n"

    source = lines()
    first = next(source, None)
    if first is None:
        return
    skipped = 0
    excel = EXCEL_LINE.fullmatch(first.removesuffix("\n"))
    if excel:
        first, skipped = next(source, ""), 1
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(
        itertools.chain([first], source), delimiter=excel[1] if excel else guessed(first), strict=True
    )
    rows: list[tuple[int, list[str], str | None]] = []
    while True:
        begin = skipped + reader.line_num + 1
        try:
            row = next(reader, None)
            error = None
        except csv.Error as fault:
            row, error = [], f"not valid CSV ({fault})"
        if row is None:
            break
        end = skipped + reader.line_num
        for number in [number for number in faults if number <= end]:
            error = faults.pop(number)
        if row or error:
            rows.append((begin, row, error))
        if not waiting and rows:
            yield rows
            rows = []
    if rows:
        yield rows


def guessed(line: str) -> str:
    """The delimiter that cuts a table's first line into most fields; a comma where none does."""
    return max(DELIMITERS, key=lambda mark: (line.count(mark), mark == ","))


def text_position(row: list[str], column: str | int | None, name: str) -> tuple[int, bool]:
    """Where the text stands in a table whose first row is this, and whether that row is a header."""
    fields = [field.strip() for field in row]
    lowered = [field.lower() for field in fields]
    usual = any(field in (*TEXT_NAMES, *LABEL_NAMES) for field in lowered)
    if is_number(column) and int(column) < len(row) and not (usual and column in fields):
        column = int(column)
    if isinstance(column, str):
        if column not in fields:
            raise ValueError(
                f"text_column: no such column in {name}. Received: {column!r}; allowed: {fields}"
            )
        return fields.index(column), True
    if column is not None:
        if not 0 <= column < len(row):
            raise ValueError(f"text_column: column {column} is outside [0, {len(row)}) in {name}")
        return column, usual
    found = next((lowered.index(known) for known in TEXT_NAMES if known in lowered), None)
    if found is not None:
        return found, True
    if len(row) == 1:
        return 0, False
    raise ValueError(
        f"{name}: which column is the text? None is called {', '.join(TEXT_NAMES)}; give `text_column`, "
        f"a name or a number from 0. Received: {fields}"
    )
