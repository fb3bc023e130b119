"""Lines of text into tokens, as fastText cuts them: at blanks, tabs, NUL and the like."""

from __future__ import annotations

import re
from typing import Any

from ..base.arguments import unknown_name

__all__ = ["tokenize"]

END = "</s>"
_BLANKS = re.compile(r"[ \r\t\v\f\0]+")

HANDLERS = ("strict", "ignore", "replace", "backslashreplace", "surrogateescape")
"""What may be done with bytes that are no UTF-8, as in `bytes.decode`."""


def tokenize(text: str) -> list[str]:
    """The tokens of a text; each newline is the token "</s>".

    >>> tokenize("one\\ttwo\\n three")
    ['one', 'two', '</s>', 'three']
    """
    if not isinstance(text, str):
        raise TypeError(f"`text` must be a str. Received: {type(text).__name__}")
    lines = text.split("\n")
    found = [token for token in _BLANKS.split(lines[0]) if token]
    for line in lines[1:]:
        found.append(END)
        found += [token for token in _BLANKS.split(line) if token]
    return found


def one_line(argument: str, text: Any) -> str:
    """The text, which is a str without a newline; TypeError, ValueError."""
    if not isinstance(text, str):
        raise TypeError(f"`{argument}` must be a str. Received: {type(text).__name__}")
    if "\n" in text:
        raise ValueError(f"`{argument}` must be one line (remove '\\n'). Received: {text[:60]!r}")
    return text


def encoded(argument: str, word: Any) -> bytes:
    """A word as it stands in files; TypeError."""
    if not isinstance(word, str):
        raise TypeError(f"`{argument}` must be a str. Received: {type(word).__name__}")
    return word.encode("utf-8", "surrogateescape")


def decoded(word: bytes, errors: str = "surrogateescape") -> str:
    """A word of a file as str; bytes that are no UTF-8 stay what they are when it is encoded again."""
    if errors not in HANDLERS:
        raise unknown_name("on_unicode_error", errors, HANDLERS)
    return word.decode("utf-8", errors)
