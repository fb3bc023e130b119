"""Where words end in any script: which characters cut them, stand alone, or belong to the one before.

What `TextEncoder(split="words")` and the words of language models follow; Keras's and fastText's own rules,
which know ASCII only, stand beside it. After Unicode's UAX 29 (rules WB3c to WB4, WB15 and WB16): marks,
joiners and modifiers never end a word. Chinese and Japanese, which write no spaces, give one token a
character; Thai, Lao and Khmer, which would need a dictionary, one a phrase.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

ZERO_WIDTH = "\u200c\u200d"  # non-joiner and joiner
MODIFIERS = "\U0001f3fb\U0001f3ff"  # skin tones, first and last
LAST = 0x1FFFF  # no mark and no punctuation beyond it but variation selectors
SELECTORS = "\U000e0100\U000e01ef"
# Ideographs and kana, first and last of each block: Chinese and Japanese write no spaces.
IDEOGRAPHS = (
    "\u3005\u3007\u3021\u3029\u3040\u3096\u309d\u309f\u30a1\u30fa\u30fc\u30ff\u31f0\u31ff\u3400\u4dbf\u4e00\u9fff"
    "\uf900\ufaff\uff66\uff9f\U0001b000\U0001b16f\U00020000\U0003ffff"
)


def _runs(points: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of successive numbers."""
    first = last = -2
    for point in points:
        if point != last + 1:
            if first >= 0:
                yield first, last
            first = point
        last = point
    if first >= 0:
        yield first, last


@lru_cache(maxsize=1)
def _by_category() -> dict[str, list[int]]:
    """The code points beyond ASCII of each category of Unicode."""
    found: dict[str, list[int]] = {}
    for point in range(0x80, LAST + 1):
        found.setdefault(unicodedata.category(chr(point)), []).append(point)
    return found


def _of_categories(categories: str) -> list[int]:
    """Those of some categories, ascending ("P": all whose name begins with it)."""
    wanted = tuple(categories.split())
    return sorted(
        point for name, points in _by_category().items() if name.startswith(wanted) for point in points
    )


def _pairs(points: Iterable[int]) -> str:
    return "".join(chr(first) + chr(last) for first, last in _runs(points))


@lru_cache(maxsize=1)
def cuts() -> str:
    """The characters beyond ASCII that end words: punctuation of every script, spaces and controls."""
    return "".join(map(chr, _of_categories("P Z Cc")))


@lru_cache(maxsize=1)
def spaces() -> str:
    """The characters beyond ASCII that end words and are none: spaces and controls."""
    return "".join(map(chr, _of_categories("Z Cc")))


@lru_cache(maxsize=1)
def marks() -> str:
    """What belongs to the character before it, as pairs of first and last characters."""
    zero_width = set(map(ord, ZERO_WIDTH))
    modifiers = range(ord(MODIFIERS[0]), ord(MODIFIERS[1]) + 1)
    return _pairs(sorted({*_of_categories("M"), *zero_width, *modifiers})) + SELECTORS


@lru_cache(maxsize=2)
def alone(punctuation: str | None = None) -> str:
    """Characters that are a token each, as pairs of first and last: ideographs, kana, emoji, symbols.

    `punctuation`: that of all scripts too, with these of ASCII.
    """
    kept = set() if punctuation is None else {*map(ord, punctuation), *_of_categories("P")}
    ideographs = {
        point
        for first, last in zip(IDEOGRAPHS[::2], IDEOGRAPHS[1::2], strict=True)
        if ord(last) <= LAST
        for point in range(ord(first), ord(last) + 1)
    }
    modifiers = set(range(ord(MODIFIERS[0]), ord(MODIFIERS[1]) + 1))
    symbols = ideographs | kept | set(_of_categories("So Sm Sc"))
    found = sorted(symbols - modifiers - set(_of_categories("M")))
    return _pairs(found) + IDEOGRAPHS[-2:]


@lru_cache(maxsize=1)
def pattern() -> re.Pattern[str]:
    r"""Words with inner apostrophes and hyphens, or single other characters; the end of a paragraph is one.

    As `\w+(?:['’-]\w+)*|[^\w\s]`, with marks, joiners and modifiers where they belong, and flags whole.
    """
    pairs = marks()
    extends = "".join(
        re.escape(first) + "-" + re.escape(last) for first, last in zip(pairs[::2], pairs[1::2], strict=True)
    )
    word = rf"\w[\w{extends}]*"
    other = rf"[^\w\s][{extends}]*"
    flag = "[\U0001f1e6-\U0001f1ff]{2}"
    joined = f"{other}(?:(?<=\u200d){other})*"
    return re.compile(rf"\n[^\S\n]*\n\s*|{word}(?:['’-]{word})*|{flag}|{joined}")
