"""What an explanation holds: the shares of words and n-grams in the margin of a label, and the words of the
text with what stands over each. explanation.py makes it of bags, embedcnn/inspection of any text model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..base.checked import checked
from .shares_shown import as_html, as_lines, as_terminal
from .tokenizers import token_spans

Span = tuple[int, int]


@dataclass(frozen=True)
class Share:
    """What one feature adds to a margin, and where it stands: `places` are (begin, end) of characters in the
    text. The bucket of a hashed feature has the names and places of all n-grams of the text in it.
    """

    name: str
    kind: str
    count: int
    share: float
    places: tuple[Span, ...] = ()


class Word(NamedTuple):
    """A word of the text, (begin, end) of its characters, and what the features over it add to the margin."""

    text: str
    begin: int
    end: int
    share: float


@dataclass(frozen=True, repr=False)
class Explanation:
    """The margin of a label for one text: the `bias` and the `shares` of all features, largest first.

    `margin` is `bias` + all shares + `rest`: above 0 it speaks for the label. `rest` is 0 for what is linear
    (bags, means of embeddings); of a CNN or LSTM, whose shares are what each word alone makes of it, it is
    what the words do together. `parts`: (name, weight in the mean, margin) of each part. In a notebook, and
    with `show()` on a terminal, the text is coloured: blue speaks for the label, orange against it.
    """

    text: str
    label: Any
    margin: float
    bias: float
    shares: tuple[Share, ...]
    parts: tuple[tuple[str, float, float], ...]
    rest: float = 0.0

    def __iter__(self) -> Iterator[Share]:
        return iter(self.shares)

    def __len__(self) -> int:
        return len(self.shares)

    def __str__(self) -> str:
        return "\n".join(as_lines(self))

    def __repr__(self) -> str:
        first = [f"{one.name!r} {one.share:+.4f}" for one in self.shares[:5]]
        more = ["..."] * (len(self.shares) > 5)
        return f"<Explanation of {self.label!r}: {', '.join([f'margin {self.margin:+.4f}', *first, *more])}>"

    @property
    def words(self) -> list[Word]:
        """The words of the text in its order; the share of an n-gram is spread over the characters of its
        words, so that together they have what all features with a place have.
        """
        _, spans = token_spans(self.text, "words", False)
        size = len(self.text)
        inside = np.zeros(size + 1)  # how many characters of words stand before each place
        for begin, end in spans:
            inside[begin + 1 : end + 1] = 1
        inside = np.cumsum(inside)
        change = np.zeros(size + 1)
        for one in self.shares:
            for begin, end in one.places:
                letters = inside[end] - inside[begin]
                if letters:
                    density = one.share / len(one.places) / letters
                    change[begin] += density
                    change[end] -= density
        total = np.concatenate([[0.0], np.cumsum(np.cumsum(change)[:-1] * np.diff(inside))])
        return [
            Word(self.text[begin:end], begin, end, float(total[end] - total[begin])) for begin, end in spans
        ]

    def to_dict(self) -> dict[str, Any]:
        """What a service answers, ready for json.dumps: numbers to six places, shares largest first.

        >>> share = Share("b", "words 1", 1, 1.0, ((2, 3),))
        >>> Explanation("a b", "yes", 1.5, 0.5, (share,), ()).to_dict()["shares"]
        [{'name': 'b', 'kind': 'words 1', 'share': 1.0, 'places': [[2, 3]]}]
        """
        return {
            "text": self.text,
            "label": self.label,
            "margin": round(self.margin, 6),
            "bias": round(self.bias, 6),
            "rest": round(self.rest, 6),
            "shares": [
                {
                    "name": one.name,
                    "kind": one.kind,
                    "share": round(one.share, 6),
                    "places": [list(place) for place in one.places],
                }
                for one in self.shares
            ],
        }

    @checked
    def show(self, color: bool | None = None) -> None:
        """Prints the text and the largest shares; coloured on a terminal (None), always or never.

        The environment variable NO_COLOR is honoured.
        """
        print(as_terminal(self, color))

    def _repr_html_(self) -> str:
        """The coloured text and a table of the largest shares, for notebooks."""
        return as_html(self)
