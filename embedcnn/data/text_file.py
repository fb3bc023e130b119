"""A whole text file as one string, for character models."""

from __future__ import annotations

import os
import re
from pathlib import Path

from embedcnn.base.arguments import optional, positive_integer
from embedcnn.base.checked import checked
from embedcnn.data.lines import SUFFIXES, PathLike, text_chunks

SIZE_LIMIT = 1 << 30
"""Characters up to which a compressed file is unpacked."""

GUTENBERG_START = re.compile(r"^\*\*\* ?START OF (THE|THIS) PROJECT GUTENBERG EBOOK[^\n]*\n", re.MULTILINE)
GUTENBERG_END = re.compile(r"^\*\*\* ?END OF (THE|THIS) PROJECT GUTENBERG EBOOK", re.MULTILINE)


@checked
def read_text(
    path: PathLike,
    encoding: str = "utf-8",
    strip_gutenberg: bool = False,
    size_limit: int | None = SIZE_LIMIT,
) -> str:
    r"""Read a text file: byte-order mark stripped, CRLF turned into LF, everything else left alone.

    `strip_gutenberg=True` drops Project Gutenberg's header and footer (up to the START line, from the END
    line on) and raises ValueError where the file has none. Compressed files (.gz, .bz2, .xz, .zst) are read
    as such, up to `size_limit` characters (None: any number). Raises FileNotFoundError; ValueError for an
    empty file, for one that unpacks to more and, with line and byte offset, for bytes invalid in `encoding`.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "book.txt")
    >>> _ = path.write_bytes(b"\xef\xbb\xbfWell, Prince,\r\nso Genoa")
    >>> read_text(path)
    'Well, Prince,\nso Genoa'
    """
    text = file_text(path, encoding, optional(positive_integer, "size_limit", size_limit))
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


def file_text(path: PathLike, encoding: str = "utf-8", size_limit: int | None = SIZE_LIMIT) -> str:
    """All that stands in a text file, LF at the ends of lines; "" for an empty one."""
    chunks, size = [], 0
    packed = Path(os.fsdecode(path)).suffix.lower() in SUFFIXES
    for chunk in text_chunks(path, encoding):
        chunks.append(chunk)
        size += len(chunk)
        if packed and size_limit is not None and size > size_limit:
            raise ValueError(
                f"{path}: unpacked, it has more than {size_limit} characters; if it is as large as that, "
                "give a larger size_limit="
            )
    return "".join(chunks).replace("\r\n", "\n")
