"""Why a bag-of-n-grams model says what it says of one text: the share of every feature in the margin.

A part's margin is a sum over the features of the text, so a feature's share is its own summand, exactly: the
shares and the bias sum to the margin. Of several parts it is the mean by their weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.nesting import leaf_layers
from ..layers import BagOfNgrams
from .shares import Explanation, Share, Span
from .tokenizers import token_spans

Occurrence = tuple[str, Span]


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
    if features.buckets is not None:
        return _of_buckets(features, tokens, spans, ids)
    names = features.names_of(ids)
    first_gram = next((first for kind, first, _ in features.kinds if kind == "chars"), features.size)
    is_word = (ids < first_gram).tolist()
    of_words = _places_of_words(tokens, spans, [_words_in(kind) for kind, _, _ in features.kinds])
    of_characters: dict[str, list[Span]] = {
        name: [] for name, word in zip(names, is_word, strict=True) if not word
    }
    if of_characters:
        _add_places_of_characters(of_characters, tokens, spans, *features.chars)
    return names, [
        tuple((of_words if word else of_characters)[name]) for name, word in zip(names, is_word, strict=True)
    ]


def _words_in(kind: str) -> int:
    """How many words an n-gram of a kind has; 0 for n-grams of characters."""
    return 0 if kind == "chars" else int(kind.rpartition(" ")[2])


def _places_of_words(tokens: list[str], spans: list[Span], sizes: list[int]) -> dict[str, list[Span]]:
    """Where each n-gram of so many words stands."""
    found: dict[str, list[Span]] = {}
    for size in filter(None, sizes):
        for start in range(len(tokens) - size + 1):
            name = " ".join(tokens[start : start + size])
            found.setdefault(name, []).append((spans[start][0], spans[start + size - 1][1]))
    return found


def _add_places_of_characters(
    found: dict[str, list[Span]], tokens: list[str], spans: list[Span], least: int, most: int
) -> None:
    """Adds where these n-grams of characters of "<word>"s stand; the whole word where lower-casing has
    changed its length.
    """
    for token, (begin, end) in zip(tokens, spans, strict=True):
        word, is_whole, first = f"<{token}>", end - begin != len(token), begin - 1
        for size in range(least, min(most, len(word)) + 1):
            for at in range(len(word) - size + 1):
                places = found.get(word[at : at + size])
                if places is not None:
                    inside = max(begin, first + at), min(end, first + at + size)
                    places.append((begin, end) if is_whole else inside)


def _of_buckets(
    features: Any, tokens: list[str], spans: list[Span], ids: np.ndarray
) -> tuple[list[str], list[tuple[Span, ...]]]:
    """Names and places of buckets: each n-gram is hashed alone to find its own."""
    found: dict[int, list[Occurrence]] = {id: [] for id in ids.tolist()}
    for kind, first, last in features.kinds:
        size = _words_in(kind) or 1
        grams = [tokens[start : start + size] for start in range(len(tokens) - size + 1)]
        bags = features.transform(grams)
        for start, gram in enumerate(grams):
            own = bags.ids[bags.offsets[start] : bags.offsets[start + 1]]
            span = spans[start][0], spans[start + size - 1][1]
            for id in own[(own >= first) & (own < last)].tolist():
                found[id].append((" ".join(gram) if kind != "chars" else f"<{gram[0]}>", span))
    occurrences = [found[id] for id in ids.tolist()]
    names = [" | ".join(dict.fromkeys(name for name, _ in one)) for one in occurrences]
    return names, [tuple(span for _, span in one) for one in occurrences]
