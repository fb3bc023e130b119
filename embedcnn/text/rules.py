"""How texts are cut into tokens: what the settings of a TextEncoder mean to the core."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from embedcnn import _core
from embedcnn.text import unicode_words

WHITESPACE = " \t\n\v\f\r"
PUNCTUATION = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation", "lower_unicode", None)
SPLIT = {"whitespace": "words", "words": "words", "character": "characters", None: "none"}
CUTS = "!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~"  # ASCII that ends a word of split="words"


@lru_cache(maxsize=32)
def core_rules(standardize: str, split: str | None, filters: str) -> Any:
    """The core's rules for these settings; made once, as a single sentence is encoded in less time."""
    marks = PUNCTUATION if "strip" in standardize else ""
    drops = "".join(mark for mark in marks if mark not in filters)
    stops = WHITESPACE + filters if split in ("whitespace", "words") else ""
    case = "unicode" if standardize == "lower_unicode" else "ascii" if "lower" in standardize else "none"
    if split == "words":
        stops = (
            WHITESPACE + CUTS + "".join(mark for mark in filters if mark not in CUTS) + unicode_words.cuts()
        )
        return _core.TextRules("words", case, stops, "", unicode_words.alone(), unicode_words.marks())
    return _core.TextRules(SPLIT[split], case, stops, drops)
