"""How bags cut texts into tokens: the core's rules by name, and where in a text its tokens stand."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from embedcnn import _core

from ..text import unicode_words

TOKENIZERS = ("words", "whitespace", "chars")
WHITESPACE = " \t\n\v\f\r"
CONTROLS = "".join(map(chr, [*range(9), *range(14, 32), 127]))
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~"  # ASCII; "_" is part of words


@lru_cache(maxsize=len(TOKENIZERS))
def stops(tokenizer: str) -> str:
    """The characters that are in no token."""
    if tokenizer == "chars":
        return ""
    return WHITESPACE if tokenizer == "whitespace" else WHITESPACE + CONTROLS + unicode_words.spaces()


@lru_cache(maxsize=2 * len(TOKENIZERS))
def rules(tokenizer: str, lowercase: bool) -> Any:
    """The core's rules; made once."""
    case = "unicode" if lowercase else "none"
    if tokenizer == "chars":
        return _core.TextRules("characters", case, "", "")
    if tokenizer == "whitespace":
        return _core.TextRules("words", case, stops(tokenizer), "")
    alone, marks = unicode_words.alone(PUNCTUATION), unicode_words.marks()
    return _core.TextRules("words", case, stops(tokenizer), "", alone, marks)


def token_spans(text: str, tokenizer: str, lowercase: bool) -> tuple[list[str], list[tuple[int, int]]]:
    """The tokens of a text, without HTML's line breaks where these are no tokens, and (start, end) of each in
    the text.

    >>> token_spans("Oh,<br /> no", "words", True)
    (['oh', ',', 'no'], [(0, 2), (2, 3), (10, 12)])
    """
    tokens = rules(tokenizer, lowercase).tokens([text])[0]
    owners: Any = range(len(text))  # of each character of the tokens and between them
    if lowercase and "\u0130" in text:  # its lower case is two characters
        owners = [i for i, character in enumerate(text) for _ in character.lower()]
    cut, spans, place = stops(tokenizer), [], 0
    for token in tokens:
        while text[owners[place]] in cut:
            place += 1
        spans.append((owners[place], owners[place + len(token) - 1] + 1))
        place += len(token)
    if tokenizer != "words":
        return tokens, spans
    kept = _without_breaks(tokens)
    return [tokens[i] for i in kept], [spans[i] for i in kept]


def _without_breaks(tokens: list[str]) -> list[int]:
    """The numbers of the tokens that are in no "< br >" or "< br / >", as csrc/bags/tokens.c."""
    kept, i = [], 0
    while i < len(tokens):
        skipped = next(
            (n for n in (3, 4) if tokens[i : i + n] in (["<", "br", ">"], ["<", "br", "/", ">"])), 0
        )
        if not skipped:
            kept.append(i)
        i += skipped or 1
    return kept
