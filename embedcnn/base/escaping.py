"""Text of the user's in a page: everything that HTML would take for its own is escaped."""

from __future__ import annotations

import html
from typing import Any


def escaped(text: Any) -> str:
    """For HTML and SVG, in elements and attributes; half characters, which no page can hold, become "?", and
    controls but tabs and ends of lines the sign for what is damaged.

    >>> escaped('<b onclick="x">\\x00')
    '&lt;b onclick=&quot;x&quot;&gt;\ufffd'
    """
    sound = str(text).encode("utf-8", "replace").decode("utf-8")
    return html.escape("".join(letter if _is_allowed(letter) else "\ufffd" for letter in sound))


def _is_allowed(letter: str) -> bool:
    number = ord(letter)
    return letter in "\t\n\r" or 32 <= number < 127 or number >= 160
