"""Labelled text files of the usual formats to `LabelledTexts`.

`read_labelled` finds out the format, hands the file to the reader of that format, then checks the result
once.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from embedcnn.base.arguments import integer
from embedcnn.base.checked import checked
from embedcnn.base.pipes import is_pipe, read_pipe
from embedcnn.data.empty_texts import EmptyTexts
from embedcnn.data.labelled import LabelledTexts
from embedcnn.data.lines import SUFFIXES, PathLike, checked_encoding, text_lines
from embedcnn.data.tables import (
    EXCEL_LINE,
    Column,
    Row,
    checked_delimiter,
    column_position,
    guessed_delimiter,
    is_number,
    json_rows,
    report_blank,
    table_rows,
)
from embedcnn.data.text_file import file_text

TEXT_NAMES = ("text", "sentence", "review", "content", "question")
LABEL_NAMES = ("label", "class", "category", "target", "sentiment")
FORMATS = ("csv", "tsv", "jsonl", "fasttext", "folder")
FORMAT_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".ft": "fasttext",
    ".fasttext": "fasttext",
}
PREFIX = "__label__"
FEW_VALUES = 20  # different ones of a column, with which it looks like a label however many rows there are
IDENTIFIER = re.compile(r"[^\W\d][\w.-]{0,40}")

Example = tuple[str, str, str]  # where it was found, text, label


@checked
def read_labelled(
    path: PathLike,
    encoding: str = "utf-8",
    format: str | None = None,
    text_column: Column | None = None,
    label_column: Column | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    empty: str = "skip",
    min_labels: int = 2,
    missing_labels: str = "error",
) -> LabelledTexts:
    r"""Read texts with one label each: a CSV, TSV, JSON-lines or fastText file, or a folder of classes.

    `format` is "csv", "tsv", "jsonl", "fasttext" (`__label__x text`) or "folder" (one sub-folder of .txt
    files per class); None finds it out from the name, then from the first line. Columns are given by name or
    number (from 0); without, columns with a usual name are taken (text, sentence, review, content, question;
    label, class, category, target, sentiment), else the longest text and the column with the fewest distinct
    values; `columns` of the result says which. `header=None` looks whether the first line is a header. Lines
    end at LF or CRLF only; a byte-order mark is dropped; .gz, .bz2, .xz and .zst are unpacked. In TSV, quotes
    belong to the text unless they enclose a whole field.

    `empty`: "skip" leaves out blank lines and texts without anything but blanks, and warns how many; "error"
    raises for the first of them; "keep" keeps the texts, as "". `missing_labels`: "error" raises for the
    first text without a label, "skip" leaves them out, and warns how many. A warning also names other columns
    that could be the label, where it is guessed.

    Raises FileNotFoundError, and ValueError with path and line for bytes invalid in `encoding`, an empty
    file, a missing column or label, several labels in a fastText line, or fewer than `min_labels` classes.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "pets.csv")
    >>> _ = path.write_text("animal,sentence\ncat,it purrs all day\ndog,it barks at night\n")
    >>> pets = read_labelled(path, label_column="animal")
    >>> pets.texts, pets.labels
    (['it purrs all day', 'it barks at night'], ['cat', 'dog'])
    """
    checked_encoding(encoding)
    integer("min_labels", min_labels, 1)
    place = Path(path)
    if not os.fspath(path) or not place.exists():  # an empty name would be this folder
        raise FileNotFoundError(f"there is no file or folder {os.fspath(path)!r}")
    if is_pipe(place):  # what finds out the format, and what reads, each open the file
        place = read_pipe(place)
    if format is None:
        format = guessed_format(place, encoding, delimiter)
    if format not in FORMATS:
        raise ValueError(f"`format` must be None or one of {', '.join(FORMATS)}. Received: format={format!r}")
    if place.is_dir() != (format == "folder"):
        raise ValueError(
            f"format: {format!r} does not fit {str(place)!r}, a {'folder' if place.is_dir() else 'file'}"
        )
    if format not in ("csv", "tsv"):
        refuse(format, delimiter=delimiter, header=header)
    if format in ("fasttext", "folder"):
        refuse(format, text_column=text_column, label_column=label_column)
    left_out = EmptyTexts(place, empty, missing_labels)
    found: list[str] = []
    others: list[str] = []
    if format == "folder":
        examples = folder_examples(place, encoding)
    elif format == "fasttext":
        examples = fasttext_examples(place, encoding, left_out)
    elif format == "jsonl":
        examples = json_examples(place, encoding, text_column, label_column, left_out, found, others)
    else:
        if delimiter is None:
            delimiter = "\t" if format == "tsv" else guessed_delimiter(place, encoding)
        rows = list(table_rows(place, encoding, checked_delimiter(delimiter), empty=left_out))
        examples = table_examples(place, rows, text_column, label_column, header, found, others)
    texts, labels = checked_examples(place, examples, left_out, min_labels)
    left_out.warn(stacklevel=2)
    if others:
        warnings.warn(
            f"{place}: {', '.join(others)} could be the label too; label_column= (--label-column) chooses",
            stacklevel=2,
        )
    return LabelledTexts(texts, labels, str(place), "".join(found[:1]))


def refuse(format: str, **arguments: object) -> None:
    """ValueError for an argument that means nothing in this format: silence would hide a mistake."""
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(f"{name}: has no meaning for format {format!r}. Received: {value!r}")


def checked_examples(
    path: Path, examples: Iterator[Example], empty: EmptyTexts, min_labels: int
) -> tuple[list[str], list[str]]:
    """Collect texts and labels; no empty label, `min_labels` classes. An example without a label has ""."""
    texts, labels = [], []
    for where, text, label in examples:
        text, label = text.strip(), label.strip()
        if not text and empty.leaves_out(where, label):
            continue
        if not label:
            empty.missing_label(where)
            continue
        if any("\ud800" <= letter <= "\udfff" for letter in label):
            raise ValueError(f"{where}: the label {label!r} holds half a character, which no file can hold")
        texts.append(text)
        labels.append(label)
    if not texts:
        more = f"; {empty.texts} are empty" if empty.texts else ""
        more += f"; {empty.labels} have no label" if empty.labels else ""
        raise ValueError(f"{path}: no texts in it (the file is empty or has a header only{more})")
    if len(set(labels)) < min_labels and min_labels == 2:
        raise ValueError(
            f"{path}: all {len(texts)} texts have the label {labels[0]!r}; at least two classes are needed"
        )
    if len(set(labels)) < min_labels:
        raise ValueError(f"{path}: {len(set(labels))} labels; at least {min_labels} are needed (min_labels=)")
    return texts, labels


def guessed_format(path: Path, encoding: str, delimiter: str | None) -> str:
    """By folder or suffix, else by the first line."""
    if path.is_dir():
        return "folder"
    name = path.with_suffix("") if path.suffix.lower() in SUFFIXES else path
    if name.suffix.lower() in FORMAT_SUFFIXES:
        return FORMAT_SUFFIXES[name.suffix.lower()]
    lines = text_lines(path, encoding)
    first = next(lines, None)
    lines.close()
    if first is None:
        raise ValueError(f"{path}: the file is empty")
    if first.startswith(PREFIX):
        return "fasttext"
    if first.lstrip().startswith("{"):
        return "jsonl"
    if EXCEL_LINE.fullmatch(first):
        return "csv"
    if delimiter is not None:
        return "tsv" if delimiter == "\t" else "csv"
    if "\t" in first:
        return "tsv"
    raise ValueError(
        f"{path}: neither name nor first line tell the format; give format=, one of {', '.join(FORMATS)}"
    )


def folder_examples(path: Path, encoding: str) -> Iterator[Example]:
    """One sub-folder per class, in it .txt files at any depth; names sorted, hidden ones left out."""
    classes = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not classes:
        raise ValueError(f"{path}: no sub-folders; one per class is needed")
    for folder in classes:
        files = sorted(file for file in folder.rglob("*.txt") if not file.name.startswith("."))
        if not files:
            raise ValueError(f"{folder}: no .txt files for the class {folder.name!r}")
        for file in files:
            yield str(file), file_text(file, encoding), folder.name


def fasttext_examples(path: Path, encoding: str, empty: EmptyTexts) -> Iterator[Example]:
    """`__label__x text`, one label a line."""
    blank: list[int] = []
    for number, line in enumerate(text_lines(path, encoding), start=1):
        where = f"{path}, line {number}"
        if not line.strip():
            blank.append(number)
            continue
        report_blank(blank, empty)
        line = line.replace("\t", " ")
        if line.startswith(PREFIX) and line.count(PREFIX) == 1:  # nearly all: no word has to be looked at
            label, _, text = line.partition(" ")
            yield where, text, label.removeprefix(PREFIX)
            continue
        words = line.split(" ")
        labels = [word for word in words if word.startswith(PREFIX)]
        if not labels:
            empty.missing_label(
                where, f"no {PREFIX}; every line must start with one, as '{PREFIX}sports the text'"
            )
            continue
        if len(labels) > 1:
            raise ValueError(
                f"{where}: {len(labels)} labels ({' '.join(labels)}); exactly one label a text is supported"
            )
        yield where, " ".join(word for word in words if word != labels[0]), labels[0].removeprefix(PREFIX)


def json_examples(
    path: Path,
    encoding: str,
    text: Column | None,
    label: Column | None,
    empty: EmptyTexts,
    found: list[str],
    others: list[str],
) -> Iterator[Example]:
    """Objects with a text and a label; the usual keys unless told. `found` gets a line that says which,
    `others` other keys that could be the label.
    """
    keys: dict[str, str] = {}
    for argument, column in (("text_column", text), ("label_column", label)):
        if column is not None and not isinstance(column, str):
            raise ValueError(
                f"`{argument}` must be a key (str) for JSON lines. Received: {argument}={column!r}"
            )
        if column is not None:
            keys[argument] = column
    for number, row in json_rows(path, encoding, empty=empty):
        where = f"{path}, line {number}"
        for argument, names in (("text_column", TEXT_NAMES), ("label_column", LABEL_NAMES)):
            if argument not in keys:
                known = [key for name in names for key in row if key.casefold() == name]
                if not known:
                    raise ValueError(
                        f"{where}: no key is called {', '.join(names)}; give {argument}=, one of {list(row)}"
                    )
                keys[argument] = known[0]
                others += [f"key {key!r}" for key in known[1:] if argument == "label_column"]
            if keys[argument] not in row:
                problem = f"no key {keys[argument]!r} ({argument}). Received: {list(row)}"
                if argument == "text_column":
                    raise ValueError(f"{where}: {problem}")
                empty.missing_label(where, problem)
        value, target = row[keys["text_column"]], row.get(keys["label_column"])
        if target is None:
            if keys["label_column"] in row:
                problem = f"the label {keys['label_column']!r} must be one string or number. Received: None"
                empty.missing_label(where, problem)
            continue
        if not found:
            found.append(f"text: key {keys['text_column']!r}, label: key {keys['label_column']!r}")
        if value is None and empty.rule != "error":
            value = ""
        if not isinstance(value, str):
            raise ValueError(
                f"{where}: the text {keys['text_column']!r} must be a string. Received: {value!r}"
            )
        if not isinstance(target, str | int | float):
            raise ValueError(
                f"{where}: the label {keys['label_column']!r} must be one string or number. "
                f"Received: {target!r}"
            )
        yield where, value, str(target)


def table_examples(
    path: Path,
    rows: list[Row],
    text: Column | None,
    label: Column | None,
    header: bool | None,
    found: list[str],
    others: list[str],
) -> Iterator[Example]:
    """Rows of a table; header and columns guessed where not told. `found` gets a line that says which,
    `others` other columns that could be the label.
    """
    if not rows:
        raise ValueError(f"{path}: the file is empty")
    width = len(rows[0][1])
    if width < 2:
        raise ValueError(f"{path}: only one column; a text and a label are needed (is delimiter= right?)")
    first = rows[0][1]
    if header is None:
        named = any(names_header(column, first) for column in (text, label))
        known = any(value.strip().casefold() in TEXT_NAMES + LABEL_NAMES for value in first)
        header = named or known or looks_like_header(path, rows, text, label)
    names = [value.strip() for value in first] if header else None
    body = rows[1:] if header else rows
    text_at, label_at = columns(path, names, body, width, text, label)
    at = names or range(width)
    found.append(f"text: column {at[text_at]!r}, label: column {at[label_at]!r}")
    if label is None:
        others += [f"column {at[i]!r}" for i in other_labels(names, body, width, text_at, label_at)]
    for number, row in body:
        yield f"{path}, line {number}", row[text_at], row[label_at]


def other_labels(
    names: list[str] | None, rows: list[Row], width: int, text_at: int, label_at: int
) -> list[int]:
    """Columns that could be the label as well as the one that was guessed: with usual names too, or, where
    none has such a name, with few values that come again.
    """
    left = [i for i in range(width) if i not in (text_at, label_at)]
    if names and names[label_at].casefold() in LABEL_NAMES:
        return [i for i in left if names[i].casefold() in LABEL_NAMES]
    return [i for i in left if 1 < len({row[i] for _, row in rows}) <= min(FEW_VALUES, len(rows) // 2)]


def names_header(column: Column | None, first: list[str]) -> bool:
    """Whether a column is given by a name, so that the first row must be a header; digits are a name where
    they are no column's number and stand there.
    """
    if not isinstance(column, str) or not is_number(column):
        return isinstance(column, str)
    return int(column) >= len(first) and column in [value.strip() for value in first]


def looks_like_header(path: Path, rows: list[Row], text: Column | None, label: Column | None) -> bool:
    """Whether the first row is made of distinct single words and its label is never seen again."""
    first = [value.strip() for value in rows[0][1]]
    if len(rows) < 3 or len(set(first)) < len(first) or not all(map(IDENTIFIER.fullmatch, first)):
        return False
    label_at = columns(path, None, rows[1:], len(first), text, label)[1]
    return all(row[label_at].strip() != first[label_at] for _, row in rows[1:])


def columns(
    path: Path,
    names: list[str] | None,
    rows: list[Row],
    width: int,
    text: Column | None,
    label: Column | None,
) -> tuple[int, int]:
    """Positions of the text and of the label column."""

    def usual(wanted: tuple[str, ...]) -> int | None:
        lower = [name.casefold() for name in names or []]
        return next((lower.index(name) for name in wanted if name in lower), None)

    text_at = usual(TEXT_NAMES) if text is None else column_position(text, names, width, "text_column", path)
    label_at = (
        usual(LABEL_NAMES) if label is None else column_position(label, names, width, "label_column", path)
    )
    if text_at is None:
        lengths = [sum(len(row[i]) for _, row in rows) if i != label_at else -1 for i in range(width)]
        text_at = lengths.index(max(lengths))
    if label_at is None:
        distinct: Callable[[int], int] = lambda i: len({row[i] for _, row in rows})  # noqa: E731
        counts = {i: distinct(i) for i in range(width) if i != text_at}
        counts = {i: count for i, count in counts.items() if count > 1 or width == 2}
        label_at = min(counts, key=lambda i: counts[i]) if counts else None
        if label_at is None or (counts[label_at] > FEW_VALUES and counts[label_at] > len(rows) // 2):
            raise ValueError(
                f"{path}: no column looks like a label (few distinct values); give label_column="
            )
    if text_at == label_at:
        raise ValueError(f"`text_column` and `label_column` are the same column ({text_at}) of {path}")
    return text_at, label_at
