"""The words of a text as a model's encoder sees them: which are hidden one by one, and named in n-grams."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..bags.tokenizers import token_spans
from ..ragged import Ragged
from ..text.rules import WHITESPACE
from ..text.text_encoder import TextEncoder

Span = tuple[int, int]


@dataclass(frozen=True)
class Pieces:
    """`spans`: (begin, end) of the words in `text`; `ids` int32 of all tokens, and which word each is of
    (-1: none), where the encoder cuts words one by one; else None.
    """

    text: str
    spans: list[Span]
    ids: np.ndarray | None = None
    owners: np.ndarray | None = None

    def hidden(self) -> list[str]:
        """The text without each of its words, a blank in its place."""
        return [f"{self.text[:begin]} {self.text[end:]}" for begin, end in self.spans]

    def one_by_one(self) -> bool:
        """Whether each token is a word of its own."""
        return self.owners is not None and bool(np.array_equal(self.owners, np.arange(len(self.spans))))


def pieces_of(text: str, encoder: Any) -> Pieces:
    """The words of a text; with ids where `encoder` is a TextEncoder whose tokens lie within words.

    >>> encoder = TextEncoder(vocabulary=["a", "film"])
    >>> pieces = pieces_of("A film!  Film", encoder)
    >>> pieces.spans, pieces.ids.tolist(), pieces.hidden()[1]
    ([(0, 1), (2, 7), (9, 13)], [2, 3, 3], 'A    Film')
    """
    plain = isinstance(encoder, TextEncoder) and not callable(encoder.standardize)
    if not plain or callable(encoder.split) or encoder.ngrams is not None:
        return Pieces(text, token_spans(text, "words", False)[1])
    if encoder.split == "whitespace":
        cut = re.escape(WHITESPACE + encoder.filters)
        spans = [found.span() for found in re.finditer(f"[^{cut}]+", text)]
    else:
        spans = _spans_of_words(text, encoder)
    if encoder.output_sequence_length is not None:
        return Pieces(text, spans)
    gaps = encoder.split == "character"  # blanks are tokens there
    parts, owners, place = [], [], 0
    for number, (begin, end) in enumerate(spans):
        if gaps and begin > place:
            parts.append(text[place:begin])
            owners.append(-1)
        parts.append(text[begin:end])
        owners.append(number)
        place = end
    if gaps and place < len(text):
        parts.append(text[place:])
        owners.append(-1)
    whole, alone = encoder.encode([text]), encoder.encode(parts)
    if not np.array_equal(whole.ids, alone.ids):
        return Pieces(text, spans)
    known = np.repeat(np.array(owners, np.int64), alone.lengths)
    if len(spans) and encoder.split != "character":
        kept = np.unique(known)  # words without a token, as punctuation, change nothing
        spans = [spans[number] for number in kept.tolist()]
        known = np.searchsorted(kept, known)
    return Pieces(text, spans, whole.ids, known)


def _spans_of_words(text: str, encoder: TextEncoder) -> list[Span]:
    """Where the tokens of split="words" stand, or, of characters, words as others cut them."""
    if encoder.split != "words":
        return token_spans(text, "words", False)[1]
    whole, owners = _lowered(text, encoder.standardize)
    place, spans = 0, []
    for token in encoder.tokens([text])[0]:
        found = whole.find(token, place)
        if found < 0:
            return token_spans(text, "words", False)[1]
        place = found + len(token)
        spans.append((owners[found], owners[place - 1] + 1))
    return spans


def _lowered(text: str, standardize: Any) -> tuple[str, Sequence[int]]:
    """The text in the case that tokens are in, and the place in the text of each of its characters."""
    if standardize not in ("lower", "lower_unicode"):
        return text, range(len(text))
    if text.isascii():
        return text.lower(), range(len(text))
    is_lowered = [letter < "\x80" or standardize == "lower_unicode" for letter in text]
    found = [letter.lower() if lowers else letter for letter, lowers in zip(text, is_lowered, strict=True)]
    owners = [place for place, lower in enumerate(found) for _ in lower]  # that of one letter may be two
    return "".join(found), owners


def without_each(pieces: Pieces, words: range) -> Ragged:
    """The ids of the text without each of these words, a row each."""
    ids, owners = pieces.ids, pieces.owners
    assert ids is not None and owners is not None
    kept = owners[None, :] != np.array(words)[:, None]
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return Ragged(np.broadcast_to(ids, kept.shape)[kept], offsets)
