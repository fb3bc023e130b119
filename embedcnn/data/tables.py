"""CSV, TSV and JSON-lines files as rows, one at a time, and the choice of columns.

Used by `read_labelled` (whole file) and by the table data sets (streaming). A row is (line number, list of
fields).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from embedcnn.data.lines import PathLike, text_lines

Row = tuple[int, list[str]]
Column = str | int

LONGEST_FIELD = (1 << 31) - 1
"""Characters; the csv module itself stops at 131,072."""
DELIMITERS = (",", ";", "\t", "|")


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


def comma_rows(path: PathLike, lines: Iterable[str], delimiter: str) -> Generator[Row, None, None]:
    """Rows by the csv module: quoted fields may hold delimiters and line ends."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
    ended = 0
    try:
        for row in reader:
            yield ended + 1, row
            ended = reader.line_num
    except csv.Error as error:
        hint = ""
        if "field limit" in str(error):
            hint = "; is a quote never closed?"
        raise ValueError(f"{path}, line {ended + 1}: not valid CSV ({error}{hint})") from error


def table_rows(
    path: PathLike, encoding: str, delimiter: str, compression: str | None = None
) -> Generator[Row, None, None]:
    """Rows of a CSV or TSV file, all with equally many fields; blank lines only at the end."""
    lines = text_lines(path, encoding, compression)
    if delimiter == "\t":
        rows: Iterator[Row] = (
            (number, tab_fields(line) if line else []) for number, line in enumerate(lines, start=1)
        )
    else:
        rows = comma_rows(path, lines, delimiter)
    blank = width = 0
    for number, row in rows:
        if not row:
            blank = blank or number
            continue
        if blank:
            raise ValueError(f"{path}, line {blank}: the line is blank")
        width = width or len(row)
        if len(row) != width:
            raise ValueError(f"{path}, line {number}: {len(row)} fields, but {width} in the lines before")
        yield number, row


def json_rows(
    path: PathLike, encoding: str, compression: str | None = None
) -> Generator[tuple[int, dict[str, Any]], None, None]:
    """Objects of a JSON-lines file; blank lines only at the end."""
    blank = 0
    for number, line in enumerate(text_lines(path, encoding, compression), start=1):
        if not line.strip():
            blank = blank or number
            continue
        if blank:
            raise ValueError(f"{path}, line {blank}: the line is blank")
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
    """The first of , ; TAB | that cuts the first 20 rows into equally many fields, at least two; else a
    comma.
    """
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


def column_position(
    column: Column, header: list[str] | None, width: int, argument: str, path: PathLike
) -> int:
    """Position of a column given by name (needs a header) or by number (negative: from the end)."""
    if isinstance(column, str):
        if header is None:
            raise ValueError(
                f"{argument}: {column!r} is a name, but {path} has no header line; give a number"
            )
        if header.count(column) != 1:
            state = "no such column" if column not in header else "several columns of that name"
            raise ValueError(f"{argument}: {state} in {path}. Received: {column!r}; allowed: {header}")
        return header.index(column)
    if isinstance(column, bool) or not isinstance(column, int):
        raise ValueError(f"`{argument}` must be a column's name or number. Received: {argument}={column!r}")
    if not -width <= column < width:
        raise ValueError(f"{argument}: column {column} is outside [0, {width}) in {path}")
    return column % width
