"""Lines of small text files that users write: lists of words, analogies, pairs of words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any


def text_lines_of(path: str | bytes | os.PathLike[Any], encoding: str = "utf-8") -> Iterator[str]:
    """The lines with their ends (LF or CRLF), without a byte-order mark; ValueError that names the file for
    bytes that are no text.
    """
    name = os.fsdecode(path)
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    with open(path, encoding=encoding, newline="\n") as file:
        try:
            yield from file
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise ValueError(
                f"{name}: byte 0x{byte:02x} is not valid {encoding.removesuffix('-sig')} ({error.reason}); "
                "write the file in UTF-8"
            ) from None
