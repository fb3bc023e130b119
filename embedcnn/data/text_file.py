"""A whole text file as one string, for character models."""

from __future__ import annotations

import re

from embedcnn.data.lines import PathLike, text_chunks

GUTENBERG_START = re.compile(r"^\*\*\* ?START OF (THE|THIS) PROJECT GUTENBERG EBOOK[^\n]*\n", re.MULTILINE)
GUTENBERG_END = re.compile(r"^\*\*\* ?END OF (THE|THIS) PROJECT GUTENBERG EBOOK", re.MULTILINE)


def read_text(path: PathLike, encoding: str = "utf-8", strip_gutenberg: bool = False) -> str:
    r"""Read a text file: byte-order mark stripped, CRLF turned into LF, everything else left alone.

    `strip_gutenberg=True` drops Project Gutenberg's header and footer (up to the START line, from the END
    line on) and raises ValueError where the file has none. Compressed files (.gz, .bz2, .xz, .zst) are read
    as such. Raises FileNotFoundError; ValueError for an empty file and, with line and byte offset, for bytes
    invalid in `encoding`.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "book.txt")
    >>> _ = path.write_bytes(b"\xef\xbb\xbfWell, Prince,\r\nso Genoa")
    >>> read_text(path)
    'Well, Prince,\nso Genoa'
    """
    text = "".join(text_chunks(path, encoding)).replace("\r\n", "\n")
    if not text:
        raise ValueError(f"{path}: the file is empty")
    if not strip_gutenberg:
        return text
    start = GUTENBERG_START.search(text)
    end = GUTENBERG_END.search(text, start.end() if start else 0)
    if start is None or end is None:
        missing = "START" if start is None else "END"
        raise ValueError(
            f"{path}: no line '*** {missing} OF THIS PROJECT GUTENBERG EBOOK'; "
            "read it with strip_gutenberg=False"
        )
    return text[start.end() : end.start()].strip("\n") + "\n"
