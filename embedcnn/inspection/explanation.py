"""Why a model of texts says what it says of one text, for any model: what its words add to the margin.

A model is taken as a weighted mean of the probabilities of classifiers (often one), each a softmax or sigmoid
of logits. Shares in the logits (members.py) become shares in the log odds of the mean by integrating its
gradient along the straight line from the logits of no words to those of the text (Sundararajan et al. 2017,
Aumann and Shapley 1974): what is exact in the logits sums to the log odds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .. import layers
from ..bags import explanation as bags_explanation
from ..bags.shares import Explanation, Share
from ..graph.nodes import SymbolicTensor
from .graph_parts import LinearMap, is_linear, members, normalization
from .members import (
    WORD,
    BagMember,
    Changes,
    HiddenWords,
    MeanMember,
    logits_of,
    pools_of,
    reader_of,
)
from .windows import Windows

POINTS, WEIGHTS = np.polynomial.legendre.leggauss(48)
POINTS, WEIGHTS = (POINTS + 1) / 2, WEIGHTS / 2


def explain(model: Any, text: Any, label: Any = None) -> Explanation:
    """The share of every word or n-gram of one text in the margin of `label` (None: the predicted one).

    The margin of a model of n-grams alone is the mean of those of its parts (`bags.explain`). Of any other it
    is the log odds of the label's probability, or the output itself where this is no softmax or sigmoid;
    `bias` is that of a text without words. Bags and means of embeddings have exact shares; a CNN, an LSTM and
    all else are read once with each word hidden, and `rest` is what their words do together. Margin = bias +
    shares + rest always holds. Raises TypeError and ValueError for models that read no texts, and for labels
    that they do not know.

    >>> import embedcnn
    >>> from embedcnn import layers
    >>> encoder = embedcnn.text.TextEncoder(vocabulary=["good", "bad", "film"])
    >>> words = embedcnn.Input((None,), dtype="int32")
    >>> x = layers.Conv1D(4, 2, padding="same", activation="tanh")(layers.Embedding(5, 3)(words))
    >>> x = layers.Dense(2, activation="softmax")(layers.GlobalMaxPooling1D()(x))
    >>> model = embedcnn.Model(words, x)
    >>> model.text_encoder, model.labels = encoder, ["no", "yes"]
    >>> found = model.explain("a good film", "yes")
    >>> [word.text for word in found.words], len(found)
    (['a', 'good', 'film'], 3)
    >>> abs(found.bias + sum(one.share for one in found) + found.rest - found.margin) < 1e-6
    True
    """
    if not isinstance(text, str):
        raise TypeError(f"`text` must be one str. Received: {type(text).__name__}")
    made = _explainer(model)
    return bags_explanation.explain(model, text, label) if made.is_bag else made.explain(text, label)


_KNOWN: WeakKeyDictionary[Any, Explainer] = WeakKeyDictionary()


def _explainer(model: Any) -> Explainer:
    """Made once for a model, as long as its graph stays the same."""
    known = _KNOWN.get(model)
    if known is None or known.output is not model.outputs[0] or known.encoder is not model.text_encoder:
        known = _KNOWN[model] = Explainer(model)
    return known


@dataclass(frozen=True)
class _Part:
    """A classifier of the mean: its way to explain, whether a softmax, and its map to the output."""

    name: str
    member: Any
    normalized: str | None
    shape: tuple[int, ...]
    to_output: LinearMap


class Explainer:
    """A model taken apart, ready to explain texts."""

    def __init__(self, model: Any) -> None:
        _check(model)
        self.output, self.encoder = model.outputs[0], model.text_encoder
        self.labels = _labels(model)
        found = members(self.output)
        self.parts = [
            _Part(
                tensor.node.layer.name,
                _member_of(model, tensor),
                normalization(tensor),
                tuple(size or 0 for size in tensor.shape[1:]),
                LinearMap(tensor, self.output, [one for one in found if one is not tensor]),
            )
            for tensor in found
        ]
        self.is_bag = len(self.parts) == 1 and isinstance(self.parts[0].member, BagMember)

    def explain(self, text: str, label: Any) -> Explanation:
        """As the function."""
        changes = [part.member.changes(text) for part in self.parts]
        maps = [part.to_output.matrix() for part in self.parts]
        number = self._number(label, changes, maps)
        odds = _Odds(self.parts, maps, number, self.output.shape[-1])
        start, end = [one.start for one in changes], [one.end for one in changes]
        bias, margin = odds.value(start), odds.value(end)
        slopes = odds.mean_slopes(start, end)
        whole = sum(float(s @ (b - a)) for s, a, b in zip(slopes, start, end, strict=True))
        if whole and abs((margin - bias) / whole - 1) < 1e-3:  # what the quadrature is off by
            slopes = [slope * ((margin - bias) / whole) for slope in slopes]
        shares = _merged(changes, slopes)
        rest = 0.0
        if any(not _is_exact(one) for one in changes):
            rest = margin - bias - sum(share.share for share in shares)
        else:
            margin = bias + sum(share.share for share in shares)
        return Explanation(text, self.labels[number], margin, bias, shares, odds.of_parts(end), rest)

    def _number(self, label: Any, changes: list[Changes], maps: list[np.ndarray]) -> int:
        if label is not None:
            if label not in self.labels:
                raise ValueError(f"`label` must be one of {self.labels}. Received: label={label!r}")
            return self.labels.index(label)
        found = sum(
            _normalized(part, one.end).ravel() @ to_output
            for part, one, to_output in zip(self.parts, changes, maps, strict=True)
        )
        if len(found) == 1:
            return int(found[0] > 0.5) if len(self.labels) == 2 else 0
        return int(np.argmax(found))


def _member_of(model: Any, probabilities: SymbolicTensor) -> Any:
    """The way to explain one classifier of a model."""
    logits = logits_of(probabilities)
    margins = logits.tensor
    while is_linear(margins.node.layer) and len(margins.node.inputs) == 1:
        margins = margins.node.inputs[0]
    if isinstance(margins.node.layer, layers.BagOfNgrams) and logits.dense is None:
        return BagMember(margins.node.layer, margins, logits)
    reader = reader_of(model, logits.tensor)
    windows = None if reader.ids is None else Windows.found(reader.ids, logits.tensor)
    hidden = HiddenWords(model, reader, logits, windows)
    pools = None if reader.ids is None else pools_of(reader.ids, logits)
    return hidden if pools is None else _Either(MeanMember(reader, pools, logits), hidden)


class _Either:
    """Exact shares where tokens are words, else hidden words."""

    def __init__(self, exact: MeanMember, hidden: HiddenWords) -> None:
        self.exact, self.hidden = exact, hidden

    def changes(self, text: str) -> Changes:
        return self.exact.changes(text) or self.hidden.changes(text)


def _check(model: Any) -> None:
    texts = model.text_encoder is not None or any(one.dtype == "string" for one in model.inputs)
    if len(model.inputs) != 1 or not texts:
        raise ValueError(
            "`model` must have one input, of texts, to be explained: set model.text_encoder, or begin with "
            f"Input((1,), dtype='string'). Received: model {model.name!r} with {len(model.inputs)} inputs"
            f"{'' if texts else ' of ids or numbers'}"
        )
    shapes = [tensor.shape for tensor in model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2:
        raise ValueError(
            f"`model` must have one output of shape (batch, labels) to be explained. Received: {shapes}"
        )


def _labels(model: Any) -> list[Any]:
    """Names, or numbers, of what the margin may be of."""
    if model.labels is not None:
        return list(model.labels)
    units = model.outputs[0].shape[-1]
    return list(range(2 if units == 1 and normalization(model.outputs[0]) else units))


def _normalized(part: _Part, logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits (..., numbers), in the shape of the part."""
    shaped = logits.reshape(*logits.shape[:-1], *part.shape)
    if part.normalized == "softmax":
        raised = np.exp(shaped - shaped.max(axis=-1, keepdims=True))
        return raised / raised.sum(axis=-1, keepdims=True)
    return _sigmoid(shaped) if part.normalized == "sigmoid" else shaped


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


class _Odds:
    """The log odds of one label as a function of the logits of all parts; where a part is no softmax or
    sigmoid, the weighted sum of the logits themselves.
    """

    def __init__(self, parts: list[_Part], maps: list[np.ndarray], number: int, units: int) -> None:
        self.parts = parts
        self.sign = -1.0 if units == 1 and number == 0 and parts[0].normalized else 1.0
        column = number if units > 1 else 0
        self.weights = [one[:, column] for one in maps]
        self.against = [one.sum(axis=1) - one[:, column] for one in maps]
        self.is_plain = any(part.normalized is None for part in parts)

    def _chances(self, logits: list[np.ndarray]) -> tuple[Any, Any]:
        """The probability of the label, and of all else, for logits (..., numbers) of each part."""
        of, against = 0.0, 0.0
        for part, z, weights, other in zip(self.parts, logits, self.weights, self.against, strict=True):
            p = _normalized(part, z).reshape(z.shape)
            of = of + p @ weights
            against = against + (p @ other if part.normalized == "softmax" else _sigmoid(-z) @ weights)
        return of, against

    def value(self, logits: list[np.ndarray]) -> float:
        """The log odds."""
        if self.is_plain:
            return float(sum(z @ weights for z, weights in zip(logits, self.weights, strict=True)))
        of, against = self._chances(logits)
        return self.sign * float(np.log(of) - np.log(against))

    def mean_slopes(self, start: list[np.ndarray], end: list[np.ndarray]) -> list[np.ndarray]:
        """The derivative by each logit, its mean over the line from `start` to `end`."""
        if self.is_plain:
            return list(self.weights)
        line = [a + POINTS[:, None] * (b - a) for a, b in zip(start, end, strict=True)]
        of, against = self._chances(line)
        found = []
        for part, z, weights, other in zip(self.parts, line, self.weights, self.against, strict=True):
            if part.normalized == "sigmoid":
                slope = weights * _sigmoid(z) * _sigmoid(-z) * (1 / of + 1 / against)[:, None]
            else:
                p = _normalized(part, z)
                up = _through_softmax(p, weights) / of[:, None]
                slope = up - _through_softmax(p, other) / against[:, None]
            found.append(self.sign * (WEIGHTS @ slope))
        return found

    def of_parts(self, end: list[np.ndarray]) -> tuple[tuple[str, float, float], ...]:
        """(name, weight in the mean, margin) of each part that counts."""
        found = []
        for number, part in enumerate(self.parts):
            if not self.weights[number].any():
                continue
            alone = _Odds.__new__(_Odds)
            alone.parts, alone.sign, alone.is_plain = [part], self.sign, self.is_plain
            alone.weights, alone.against = [self.weights[number]], [self.against[number]]
            found.append((part.name, float(self.weights[number].sum()), alone.value([end[number]])))
        return tuple(found)


def _through_softmax(p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The gradient of sum(weights * p) by the logits of p (points, ..., units), as (points, numbers)."""
    shaped = weights.reshape(p.shape[1:])
    inner = (p * shaped).sum(axis=-1, keepdims=True)
    return (p * (shaped - inner)).reshape(len(p), -1)


def _is_exact(changes: Changes) -> bool:
    """Whether the shares sum to what all words do, but for rounding."""
    whole, found = changes.end - changes.start, changes.shares.sum(axis=0)
    return bool(np.allclose(whole, found, rtol=1e-9, atol=1e-9))


def _merged(changes: list[Changes], slopes: list[np.ndarray]) -> tuple[Share, ...]:
    """The shares of all parts, those of the same n-gram together, by size; hidden words stay apart."""
    features = list(changes[0].features)
    values = (changes[0].shares @ slopes[0]).tolist()
    known: dict[Any, int] = {}
    for one, slope in zip(changes[1:], slopes[1:], strict=True):
        if not known and any(feature[1] != WORD for feature in one.features):
            known = {feature[:2]: place for place, feature in enumerate(features) if feature[1] != WORD}
        for feature, share in zip(one.features, (one.shares @ slope).tolist(), strict=True):
            place = known.get(feature[:2]) if feature[1] != WORD else None
            if place is None:
                if feature[1] != WORD:
                    known[feature[:2]] = len(features)
                features.append(feature)
                values.append(share)
            else:
                values[place] += share
    found = []
    for place in np.argsort(-np.abs(values), kind="stable").tolist():
        name, kind, places = features[place]
        found.append(Share(name, kind, len(places), values[place], places))
    return tuple(found)
