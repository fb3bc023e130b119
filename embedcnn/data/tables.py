"""CSV, TSV and JSON-lines files as rows, one at a time, and the choice of columns.

Used by `read_labelled` (whole file) and by the table data sets (streaming). A row is (line number, list of
fields).
"""

from __future__ import annotations

import csv
import json
import numbers
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Any, TypeGuard

from embedcnn.data.empty_texts import EmptyTexts
from embedcnn.data.lines import PathLike, text_lines

Row = tuple[int, list[str]]
Column = str | int

LONGEST_FIELD = (1 << 31) - 1
"""Characters; the csv module itself stops at 131,072."""
DELIMITERS = (",", ";", "\t", "|")
EXCEL_LINE = re.compile(r"sep=([^\r\n\"])", re.IGNORECASE)
"""The first line that Excel writes and reads: the delimiter of the others."""


def tab_fields(line: str) -> list[str]:
    """Fields of a TSV line; quotes are part of the text unless they enclose a whole field, inner ones
    doubled.
    """
    fields = line.split("\t")
    for index, value in enumerate(fields):
        if len(value) >= 2 and value[0] == value[-1] == '"':
            inner = value[1:-1].replace('""', "")
            if '"' not in inner:
                fields[index] = value[1:-1].replace('""', '"')
    return fields


def comma_rows(
    path: PathLike, lines: Iterable[str], delimiter: str, skipped: int
) -> Generator[Row, None, None]:
    """Rows by the csv module: quoted fields may hold delimiters and line ends. `skipped`: lines before."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
    ended = skipped
    try:
        for row in reader:
            yield ended + 1, row
            ended = skipped + reader.line_num
    except csv.Error as error:
        hint = ""
        if "field limit" in str(error):
            hint = "; is a quote never closed?"
        raise ValueError(f"{path}, line {ended + 1}: not valid CSV ({error}{hint})") from error


def table_rows(
    path: PathLike,
    encoding: str,
    delimiter: str,
    compression: str | None = None,
    empty: EmptyTexts | None = None,
) -> Generator[Row, None, None]:
    """Rows of a CSV or TSV file, all with equally many fields. Blank lines are left out; `empty` counts those
    that rows follow. A first line `sep=;`, as Excel has it, says the delimiter.
    """
    lines: Iterator[str] = text_lines(path, encoding, compression)
    first = list(next_lines(lines))
    skipped = 0
    if first and (excel := EXCEL_LINE.fullmatch(first[0])):
        delimiter, first, skipped = excel[1], [], 1
    lines = chain(first, lines)
    if delimiter == "\t":
        rows: Iterator[Row] = (
            (number, tab_fields(line) if line.strip() else [])
            for number, line in enumerate(lines, start=skipped + 1)
        )
    else:
        rows = comma_rows(path, lines, delimiter, skipped)
    blank: list[int] = []
    width = 0
    for number, row in rows:
        if not row or (len(row) == 1 and width != 1 and not row[0].strip()):
            blank.append(number)
            continue
        report_blank(blank, empty)
        width = width or len(row)
        if len(row) != width:
            raise ValueError(f"{path}, line {number}: {len(row)} fields, but {width} in the lines before")
        yield number, row


def next_lines(lines: Iterator[str]) -> Iterator[str]:
    """The next line, if there is one."""
    if (line := next(lines, None)) is not None:
        yield line


def report_blank(numbers: list[int], empty: EmptyTexts | None) -> None:
    """Counts blank lines that were waiting for something to follow, and forgets them."""
    if empty is not None:
        for number in numbers:
            empty.blank_line(number)
    numbers.clear()


def json_rows(
    path: PathLike, encoding: str, compression: str | None = None, empty: EmptyTexts | None = None
) -> Generator[tuple[int, dict[str, Any]], None, None]:
    """Objects of a JSON-lines file. Blank lines are left out; `empty` counts those that objects follow."""
    blank: list[int] = []
    for number, line in enumerate(text_lines(path, encoding, compression), start=1):
        if not line.strip():
            blank.append(number)
            continue
        report_blank(blank, empty)
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{path}, line {number}: not valid JSON ({error}); one object a line is needed"
            ) from None
        if not isinstance(value, dict):
            raise ValueError(
                f"{path}, line {number}: expected a JSON object. Received: {type(value).__name__}"
            )
        yield number, value


def checked_delimiter(delimiter: str) -> str:
    """A delimiter of one character that is neither a quote nor a line end, or ValueError."""
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
        raise ValueError(
            f"`delimiter` must be one character, as ',' or '\\t'. Received: delimiter={delimiter!r}"
        )
    return delimiter


def guessed_delimiter(path: PathLike, encoding: str, compression: str | None = None) -> str:
    """What Excel's first line says, else the first of , ; TAB | that cuts the first 20 rows into equally many
    fields, at least two; else a comma.
    """
    with closing(text_lines(path, encoding, compression)) as lines:
        if excel := EXCEL_LINE.fullmatch(next(lines, "")):
            return excel[1]
    for delimiter in DELIMITERS:
        widths = set()
        try:
            for index, (_, row) in enumerate(table_rows(path, encoding, delimiter, compression)):
                widths.add(len(row))
                if index == 19:
                    break
        except ValueError:
            continue
        if len(widths) == 1 and widths.pop() >= 2:
            return delimiter
    return ","


def is_number(column: Any) -> TypeGuard[str]:
    """Whether a column's name is made of digits, so that it may be meant for a number.

    >>> is_number("2020"), is_number(2020), is_number("year")
    (True, False, False)
    """
    return isinstance(column, str) and column.isascii() and column.isdigit()


def column_position(
    column: Column, header: list[str] | None, width: int, argument: str, path: PathLike
) -> int:
    """Position of a column given by name (needs a header) or by number (negative: from the end); digits that
    are no column's name count as a number.
    """
    if is_number(column) and column not in (header or ()):
        column = int(column)
    if isinstance(column, str):
        if header is None:
            raise ValueError(
                f"{argument}: {column!r} is a name, but {path} has no header line; give a number"
            )
        if header.count(column) != 1:
            state = "no such column" if column not in header else "several columns of that name"
            raise ValueError(f"{argument}: {state} in {path}. Received: {column!r}; allowed: {header}")
        return header.index(column)
    if isinstance(column, bool) or not isinstance(column, numbers.Integral):
        raise ValueError(f"`{argument}` must be a column's name or number. Received: {argument}={column!r}")
    if not -width <= column < width:
        raise ValueError(f"{argument}: column {column} is outside [0, {width}) in {path}")
    return int(column) % width
