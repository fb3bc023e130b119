"""Why a bag-of-n-grams model says what it says of one text: the share of every feature in the margin.

A part's margin is a sum over the features of the text, so a feature's share is its own summand, exactly: the
shares and the bias sum to the margin. Of several parts it is the mean by their weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph.nesting import leaf_layers
from ..layers import BagOfNgrams
from .tokenizers import token_spans

SHOWN = 12
Span = tuple[int, int]
Occurrence = tuple[str, Span]


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


@dataclass(frozen=True)
class Explanation:
    """The margin of a label for one text: the `bias` and the `shares` of all features, largest first.

    `margin` is their sum: above 0 it speaks for the label. `parts`: (name, weight in the mean, margin) of
    each linear part.
    """

    text: str
    label: Any
    margin: float
    bias: float
    shares: tuple[Share, ...]
    parts: tuple[tuple[str, float, float], ...]

    def __iter__(self) -> Iterator[Share]:
        return iter(self.shares)

    def __len__(self) -> int:
        return len(self.shares)

    def __str__(self) -> str:
        lines = [f"{self.label!r}: margin {self.margin:+.4f}, of this bias {self.bias:+.4f}"]
        lines += [f"{one.share:+.4f}  {one.name} ({one.kind})" for one in self.shares[:SHOWN]]
        if len(self.shares) > SHOWN:
            rest = sum(one.share for one in self.shares[SHOWN:])
            lines.append(f"{rest:+.4f}  {len(self.shares) - SHOWN} others together")
        return "\n".join(lines)


def explain(model: Any, text: Any, label: Any = None) -> Explanation:
    """Every feature's share in the margin of `label` (None: the one that the model predicts) for one text.

    `model` has one BagOfNgrams layer whose parts have a unit for each label, or one for two; of a mean with
    other models (`bags.averaged`) this explains the bag alone. Margins are float64. Raises TypeError and
    ValueError for other models, texts and labels.

    >>> from embedcnn.bags import LinearPart, NgramFeatures, portfolio_model
    >>> features = NgramFeatures(words=(1, 1)).fit(["good film", "bad film"])
    >>> weights = [[{"good": 2.0, "bad": -2.0}.get(name, 0.0)] for name in features.get_feature_names_out()]
    >>> part = LinearPart(np.array(weights), np.array([0.25]), norm="none", sublinear=False)
    >>> found = explain(portfolio_model(features, [part], ["neg", "pos"]), "Good, good film")
    >>> found.label, found.margin, found.shares[0].name, found.shares[0].share, found.shares[0].places
    ('pos', 4.25, 'good', 4.0, ((0, 4), (6, 10)))
    """
    if not isinstance(text, str):
        raise TypeError(f"`text` must be one str. Received: {type(text).__name__}")
    layer = bag_layer(model)
    units = {form.units for form in layer.forms}
    classes = model.outputs[0].shape[-1] if len(model.outputs) == 1 else None
    labels = list(range(max(2, classes or 0))) if model.labels is None else list(model.labels)
    if len(units) != 1 or units - {len(labels), 1} or (units == {1} and len(labels) != 2):
        raise ValueError(
            f"`model` must have parts with a unit for each of its {len(labels)} labels. Received: units "
            f"{[form.units for form in layer.forms]}"
        )
    if label is None:
        scores = model.predict([text], verbose=0)[0]
        number = int(scores[0] > 0.5) if len(scores) == 1 else int(np.argmax(scores))
    elif label in labels:
        number = labels.index(label)
    else:
        raise ValueError(f"`label` must be one of {labels}. Received: label={label!r}")
    return _of_unit(layer, text, labels[number], number, units == {1})


def bag_layer(model: Any) -> BagOfNgrams:
    """The only BagOfNgrams of a model; ValueError where there is none, or several."""
    found = [layer for layer in leaf_layers(model.layers) if isinstance(layer, BagOfNgrams)]
    if len(found) != 1:
        raise ValueError(
            f"`model` must have one BagOfNgrams layer to be explained. Received: model {model.name!r} with "
            f"{len(found)}"
        )
    return found[0]


def _of_unit(layer: BagOfNgrams, text: str, label: Any, number: int, is_binary: bool) -> Explanation:
    """The explanation of the margin of label `number`; of a binary model it is the second label's, or the
    first's with the other sign.
    """
    bags = layer.bags_of([text])
    total = sum(form.share for form in layer.forms)
    factors = [form.share / total * (1 if number or not is_binary else -1) for form in layer.forms]
    starts = np.cumsum([0, *(form.units for form in layer.forms)])[:-1]
    columns = starts + (0 if is_binary else number)
    shares = layer.shares_of(bags)[:, columns] @ np.array(factors)
    bias = float(layer.bias.value[columns].astype(np.float64) @ np.array(factors))
    margins = layer.margins_of(bags)[0, columns]
    signs = np.sign(factors)
    parts = tuple(
        (form.name, abs(factor), float(sign * margin))
        for form, factor, sign, margin in zip(layer.forms, factors, signs, margins, strict=True)
    )
    kinds = _kinds_of(layer.features.kinds, bags.ids)
    names, places = named_places(layer.features, text, bags.ids)
    order = np.argsort(-np.abs(shares), kind="stable")
    found = tuple(Share(names[i], kinds[i], int(bags.counts[i]), float(shares[i]), places[i]) for i in order)
    return Explanation(text, label, float(shares.sum() + bias), bias, found, parts)


def _kinds_of(kinds: Sequence[tuple[str, int, int]], ids: np.ndarray) -> list[str]:
    """The name of the kind of each feature: kinds are ranges of ids."""
    ends = [last for _, _, last in kinds]
    return [kinds[place][0] for place in np.searchsorted(ends, ids, "right")]


def named_places(features: Any, text: str, ids: np.ndarray) -> tuple[list[str], list[tuple[Span, ...]]]:
    """The name of each feature of a text, and where it stands: n-grams of words from the first word to the
    last, n-grams of characters where they are in a word.

    The bucket of a hashed feature has the names of all n-grams of this text in it; of characters, the words.
    """
    tokens, spans = token_spans(text, features.tokenizer, features.lowercase)
    found: dict[int, list[Occurrence]] = {id: [] for id in ids.tolist()}
    for kind, first, last in features.kinds:
        size = 1 if kind == "chars" else int(kind.rpartition(" ")[2])
        grams = [tokens[start : start + size] for start in range(len(tokens) - size + 1)]
        bags = features.transform(grams)
        for start, gram in enumerate(grams):
            own = bags.ids[bags.offsets[start] : bags.offsets[start + 1]]
            span = spans[start][0], spans[start + size - 1][1]
            for id in own[(own >= first) & (own < last)].tolist():
                found[id].append((" ".join(gram) if kind != "chars" else f"<{gram[0]}>", span))
    occurrences = [found[id] for id in ids.tolist()]
    if features.buckets is not None:
        names = [" | ".join(dict.fromkeys(name for name, _ in one)) for one in occurrences]
    else:
        names = features.names_of(ids)
        first_gram = next((first for kind, first, _ in features.kinds if kind == "chars"), features.size)
        occurrences = [
            _inside(one, name) if id >= first_gram else one
            for id, name, one in zip(ids.tolist(), names, occurrences, strict=True)
        ]
    return names, [tuple(span for _, span in one) for one in occurrences]


def _inside(words: list[Occurrence], gram: str) -> list[Occurrence]:
    """Where n-grams of characters stand in "<word>"s; the whole word where lower-casing has changed its
    length.
    """
    found: list[Occurrence] = []
    for word, (begin, end) in words:
        at = word.find(gram)
        while at >= 0:
            inside = max(begin, begin + at - 1), min(end, begin + at - 1 + len(gram))
            found.append((gram, inside if end - begin == len(word) - 2 else (begin, end)))
            at = word.find(gram, at + 1)
    return found
