"""Text files as data sets, one line, row or object at a time, in constant memory.

Every pass opens the files anew, one after the other, and closes each at its end or when the iterator is left.
Of a pipe there is one pass.
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

from embedcnn.base.checked import checked
from embedcnn.base.pipes import is_pipe
from embedcnn.data.dataset import Dataset
from embedcnn.data.empty_texts import EmptyTexts
from embedcnn.data.lines import OPENERS, PathLike, checked_encoding, existing_file, text_lines
from embedcnn.data.streams import Path
from embedcnn.data.tables import Column, checked_delimiter, column_position, json_rows, table_rows

Filenames = PathLike | Sequence[PathLike]
Reader = Callable[[PathLike], Generator[Any, None, None]]


class FileDataset(Dataset):
    """Elements that `read` finds in each of several files; see its subclasses."""

    def __init__(self, filenames: Filenames, encoding: str, compression: str | None, read: Reader) -> None:
        if isinstance(filenames, str | os.PathLike):
            filenames = [filenames]
        if isinstance(filenames, bytes) or not isinstance(filenames, Sequence):
            raise TypeError(
                f"`filenames` must be a path or a list of paths. Received: filenames={filenames!r}"
            )
        self.filenames = [os.fspath(name) for name in filenames]
        if not self.filenames:
            raise ValueError("`filenames` must be at least one path. Received: an empty list")
        for name in self.filenames:
            existing_file(name)
        checked_encoding(encoding)
        known = isinstance(compression, str) and compression in ("", *OPENERS)
        if compression is not None and not known:
            allowed = ", ".join(map(repr, OPENERS))
            raise ValueError(
                f"`compression_type` must be None, '', {allowed}. Received: compression_type={compression!r}"
            )

        given: set[str] = set()

        def start(path: Path) -> Iterator[Any]:
            for name in self.filenames:
                if name in given:
                    raise ValueError(
                        f"{name} is a pipe, which gives its lines only once: write them to a file, or use "
                        "cache()"
                    )
                if is_pipe(name):
                    given.add(name)
                with closing(read(name)) as elements:
                    yield from elements

        super().__init__(start)


class TextLineDataset(FileDataset):
    r"""Lines of text files as str, without their ends (LF or CRLF, nothing else); tf.data's name.

    `compression_type` is "GZIP", "BZIP2", "XZ", "ZSTD" (which needs `embedcnn[zstd]`), "" for none or
    None: by the file's suffix. A byte-order mark is dropped, blank lines stay. FileNotFoundError at once;
    ValueError, with line and byte offset, for bytes invalid in `encoding`.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "lines.txt")
    >>> _ = path.write_bytes(b"one\r\ntwo\n\nlast")
    >>> list(TextLineDataset(path))
    ['one', 'two', '', 'last']
    """

    def __init__(
        self, filenames: Filenames, compression_type: str | None = None, encoding: str = "utf-8"
    ) -> None:
        super().__init__(
            filenames, encoding, compression_type, lambda name: text_lines(name, encoding, compression_type)
        )


class CsvDataset(FileDataset):
    r"""Rows of CSV files: chosen `columns`, by name or number, as a tuple of str; a single one as str.

    `columns=None`: all of them. `header`: whether the first line of each file has the names. Quoted
    fields may hold delimiters and line ends. Blank lines are left out, with a warning that counts them.
    ValueError, with file and line, for a missing column or a row of another length.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "pets.csv")
    >>> _ = path.write_text('id,text,label\n1,"it purrs, softly",cat\n2,it barks,dog\n')
    >>> list(CsvDataset(path, columns=["text", "label"]))
    [('it purrs, softly', 'cat'), ('it barks', 'dog')]
    >>> list(CsvDataset(path, columns="label"))
    ['cat', 'dog']
    """

    @checked
    def __init__(
        self,
        filenames: Filenames,
        columns: Column | Sequence[Column] | None = None,
        header: bool = True,
        delimiter: str = ",",
        encoding: str = "utf-8",
        compression_type: str | None = None,
    ) -> None:
        checked_delimiter(delimiter)
        wanted = checked_columns(columns)

        def read(name: PathLike) -> Generator[Any, None, None]:
            empty = EmptyTexts(name)
            with closing(table_rows(name, encoding, delimiter, compression_type, empty)) as rows:
                choose: Callable[[list[str]], Any] | None = None
                for _, row in rows:
                    if choose is None:
                        names = [field.strip() for field in row] if header else None
                        choose = chooser(wanted, names, len(row), name)
                        if header:
                            continue
                    yield choose(row)
            empty.warn(stacklevel=2)

        super().__init__(filenames, encoding, compression_type, read)


class TsvDataset(CsvDataset):
    r"""Rows of TSV files, like `CsvDataset`; quotes belong to the text unless they enclose a whole field.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "pets.tsv")
    >>> _ = path.write_text('1\tsays "miaow"\n')
    >>> list(TsvDataset(path, columns=[1, 0], header=False))
    [('says "miaow"', '1')]
    """

    @checked
    def __init__(
        self,
        filenames: Filenames,
        columns: Column | Sequence[Column] | None = None,
        header: bool = True,
        encoding: str = "utf-8",
        compression_type: str | None = None,
    ) -> None:
        super().__init__(filenames, columns, header, "\t", encoding, compression_type)


class JsonLinesDataset(FileDataset):
    r"""Objects of JSON-lines files: a dict a line, or the values of chosen keys as a tuple (of a single one:
    the value).

    Blank lines are left out, with a warning that counts them. ValueError, with file and line, for invalid
    JSON or a missing key.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "pets.jsonl")
    >>> _ = path.write_text('{"text": "it purrs", "label": 1}\n{"label": 0, "text": "it barks"}\n')
    >>> list(JsonLinesDataset(path, columns=["text", "label"]))
    [('it purrs', 1), ('it barks', 0)]
    """

    def __init__(
        self,
        filenames: Filenames,
        columns: str | Sequence[str] | None = None,
        encoding: str = "utf-8",
        compression_type: str | None = None,
    ) -> None:
        wanted = checked_columns(columns)
        for key in [wanted] if isinstance(wanted, str | int) else wanted or []:
            if not isinstance(key, str):
                raise ValueError(f"`columns` must be keys (str). Received: columns={key!r}")

        def read(name: PathLike) -> Generator[Any, None, None]:
            empty = EmptyTexts(name)
            with closing(json_rows(name, encoding, compression_type, empty)) as rows:
                for number, row in rows:
                    try:
                        if wanted is None:
                            yield row
                        elif isinstance(wanted, str):
                            yield row[wanted]
                        else:
                            yield tuple(row[key] for key in wanted)
                    except KeyError as error:
                        raise ValueError(
                            f"{name}, line {number}: no key {error.args[0]!r}. Received: {list(row)}"
                        ) from None
            empty.warn(stacklevel=2)

        super().__init__(filenames, encoding, compression_type, read)


def checked_columns(columns: Any) -> Any:
    """None, one column, or a list of at least one."""
    if columns is None or isinstance(columns, str):
        return columns
    if isinstance(columns, numbers.Integral) and not isinstance(columns, bool):
        return int(columns)
    if not isinstance(columns, Sequence) or isinstance(columns, bytes) or not columns:
        raise ValueError(
            f"`columns` must be None, a column or a list of columns. Received: columns={columns!r}"
        )
    return list(columns)


def chooser(columns: Any, names: list[str] | None, width: int, path: PathLike) -> Callable[[list[str]], Any]:
    """The function from a row to an element."""
    if columns is None:
        return tuple
    if isinstance(columns, str | int):
        at = column_position(columns, names, width, "columns", path)
        return lambda row: row[at]
    positions = [column_position(column, names, width, "columns", path) for column in columns]
    return lambda row: tuple(row[at] for at in positions)
