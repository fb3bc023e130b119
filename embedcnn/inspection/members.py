"""What the logits of one classifier owe to the words of a text.

Of a bag, and of a mean of embeddings, the logits are sums over n-grams, so shares are exact. Of anything else
a word's share is what is lost when it is hidden: logits of the text less those of the text without the word.
These need not sum to what all words do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import layers
from ..bags.explanation import _kinds_of, named_places
from ..graph.nodes import SymbolicTensor, walk
from ..ragged import Ragged
from .graph_parts import LinearMap, between, normalization
from .text_pieces import Pieces, pieces_of, without_each

if TYPE_CHECKING:
    from .windows import Windows

WORD = "word"  # the kind of a word that was hidden
AT_ONCE = 200_000  # tokens of a batch of texts without a word
IDENTITIES = (layers.Dropout, layers.SpatialDropout1D, layers.GaussianNoise, layers.GaussianDropout)
Place = tuple[int, int]
Feature = tuple[str, str, tuple[Place, ...]]


@dataclass(frozen=True)
class Changes:
    """The logits without words and with all of them, float64 (numbers,); what each feature (name, kind,
    places) adds, (features, numbers).
    """

    start: np.ndarray
    end: np.ndarray
    features: list[Feature]
    shares: np.ndarray


@dataclass(frozen=True)
class Logits:
    """What stands before the softmax or sigmoid of a classifier: a tensor, and the product behind it."""

    tensor: SymbolicTensor
    dense: Any = None

    def of(self, values: np.ndarray) -> np.ndarray:
        """Logits, float64 (rows, numbers), of values of the tensor."""
        rows = np.asarray(values, np.float64).reshape(len(values), -1)
        if self.dense is None:
            return rows
        made = rows @ self.dense.kernel.value.astype(np.float64)
        return made + self.dense.bias.value if self.dense.use_bias else made


def logits_of(probabilities: SymbolicTensor) -> Logits:
    """The logits behind probabilities; the tensor itself where it has no softmax or sigmoid."""
    node = probabilities.node
    if normalization(probabilities) is None:
        return Logits(probabilities)
    if isinstance(node.layer, layers.Dense) and len(probabilities.shape) == 2:
        return Logits(node.inputs[0], node.layer)
    if isinstance(node.layer, layers.Dense):  # softmax of each step: no text model, but no reason to fail
        return Logits(probabilities)
    return Logits(node.inputs[0])


class BagMember:
    """Linear parts over one bag of n-grams: exact."""

    def __init__(self, layer: layers.BagOfNgrams, margins: SymbolicTensor, logits: Logits) -> None:
        self.layer, self._map = layer, LinearMap(margins, logits.tensor)

    def changes(self, text: str) -> Changes:
        """Shares of n-grams."""
        bags = self.layer.bags_of([text])
        to_logits = self._map.matrix()
        shares = self.layer.shares_of(bags) @ to_logits
        start = self.layer.bias.value.astype(np.float64) @ to_logits
        kinds = _kinds_of(self.layer.features.kinds, bags.ids)
        names, places = named_places(self.layer.features, text, bags.ids)
        features = list(zip(names, kinds, places, strict=True))
        return Changes(start, start + shares.sum(axis=0), features, shares)


@dataclass(frozen=True)
class Pool:
    """A sum or mean over the vectors of tokens and their n-grams of up to `n`; `map` to what the logits
    are a product of.
    """

    ids: SymbolicTensor
    tensor: SymbolicTensor
    n: int
    is_mean: bool
    map: LinearMap

    def ids_in(self, tokens: Any) -> Any:
        """How many ids there are in texts of so many tokens."""
        tokens = np.asarray(tokens)
        return sum(np.maximum(tokens - width, 0) for width in range(self.n))


class MeanMember:
    """A linear layer over means of embeddings of words and their n-grams: exact.

    The vector of an n-gram is found from the sums over the texts that are its parts, so that nothing needs to
    know how it is hashed.
    """

    def __init__(self, reader: Reader, pools: list[Pool], logits: Logits) -> None:
        self.reader, self.pools, self.logits = reader, pools, logits
        self.n = max(pool.n for pool in pools)
        self.model = between([pool.ids for pool in pools[:1]], [pool.tensor for pool in pools])

    def changes(self, text: str) -> Changes | None:
        """Shares of words and n-grams; None where tokens are no words of their own."""
        pieces = pieces_of(text, self.reader.encoder)
        if pieces.ids is None or not pieces.one_by_one():
            return None
        start = self.logits.of(np.zeros((1, self.logits.tensor.shape[-1] or 0)))[0]
        tokens = len(pieces.ids)
        if not tokens:
            return Changes(start, start, [], np.zeros((0, len(start))))
        widths = range(1, min(self.n, tokens) + 1)
        rows = [np.lib.stride_tricks.sliding_window_view(pieces.ids, width) for width in widths]
        lengths = np.concatenate([np.full(len(row), row.shape[1]) for row in rows])
        batch = Ragged(
            np.concatenate([row.ravel() for row in rows]), np.concatenate([[0], np.cumsum(lengths)])
        )
        found = self.model.predict_on_batch(batch)
        kernel = self.logits.dense.kernel.value.astype(np.float64)
        shares = np.zeros((len(lengths), len(start)))
        for pool, values in zip(self.pools, found if len(self.pools) > 1 else [found], strict=True):
            values = values.astype(np.float64)
            sums = values * pool.ids_in(lengths)[:, None] if pool.is_mean else values
            alone = _without_parts(np.split(sums, np.cumsum([len(row) for row in rows])[:-1]))
            shares += alone @ (pool.map.matrix() @ kernel) / (pool.ids_in(tokens) if pool.is_mean else 1)
        places: dict[tuple[str, str], list[int]] = {}
        spans: list[Place] = []
        for width, row in zip(widths, rows, strict=True):
            for place in range(len(row)):
                key = self._name(text, pieces, place, width), f"words {width}"
                places.setdefault(key, []).append(len(spans))
                spans.append((pieces.spans[place][0], pieces.spans[place + width - 1][1]))
        features: list[Feature] = [
            (name, kind, tuple(spans[number] for number in numbers))
            for (name, kind), numbers in places.items()
        ]
        owners = np.empty(len(spans), np.int64)
        for number, numbers in enumerate(places.values()):
            owners[numbers] = number
        together = np.zeros((len(features), len(start)))
        np.add.at(together, owners, shares)
        return Changes(start, start + together.sum(axis=0), features, together)

    @staticmethod
    def _name(text: str, pieces: Pieces, place: int, width: int) -> str:
        spans = pieces.spans[place : place + width]
        return " ".join(text[begin:end].lower() for begin, end in spans)


def _without_parts(sums: list[np.ndarray]) -> np.ndarray:
    """The vector of each n-gram alone, from the sums over all n-grams within it, by width."""
    alone = [sums[0]]
    for width in range(1, len(sums)):
        shorter = sums[width - 1]
        made = sums[width] - shorter[:-1] - shorter[1:]
        if width > 1:
            made = made + sums[width - 2][1:-1]
        alone.append(made)
    return np.concatenate(alone)


class HiddenWords:
    """Any classifier of texts: what each word alone makes of its logits, by hiding it."""

    def __init__(self, model: Any, reader: Reader, logits: Logits, windows: Windows | None) -> None:
        self.reader, self.logits, self.windows = reader, logits, windows
        self.model = between([reader.ids], [logits.tensor]) if reader.ids is not None else None
        self.of_texts = between(model.inputs, [logits.tensor])
        self.of_texts.text_encoder = model.text_encoder

    def changes(self, text: str) -> Changes:
        """Shares of words."""
        pieces = pieces_of(text, self.reader.encoder)
        values = self._values(pieces)
        logits = self.logits.of(values)
        features: list[Feature] = [(text[begin:end], WORD, ((begin, end),)) for begin, end in pieces.spans]
        return Changes(logits[1], logits[0], features, logits[0] - logits[2:])

    def _values(self, pieces: Pieces) -> np.ndarray:
        """Of the text, of no words at all, and of the text without each word; (2 + words, ...)."""
        if self.model is None or pieces.ids is None:
            texts = [pieces.text, "", *pieces.hidden()]
            each = max(1, AT_ONCE // max(1, len(pieces.spans)))
            blocks = [texts[first : first + each] for first in range(0, len(texts), each)]
            return np.concatenate([np.asarray(self.of_texts.predict_on_batch(one)) for one in blocks])
        if self.windows is not None and self.windows.fit(pieces):
            return self.windows.values(pieces)
        whole = Ragged(pieces.ids, [0, len(pieces.ids), len(pieces.ids)])
        found = [np.asarray(self.model.predict_on_batch(whole))]
        each = max(1, AT_ONCE // max(1, len(pieces.ids)))
        for first in range(0, len(pieces.spans), each):
            words = range(first, min(first + each, len(pieces.spans)))
            found.append(np.asarray(self.model.predict_on_batch(without_each(pieces, words))))
        return np.concatenate(found)


@dataclass(frozen=True)
class Reader:
    """How a classifier reads texts: the tensor of their ids and the encoder that makes these, where known."""

    ids: SymbolicTensor | None
    encoder: Any


def reader_of(model: Any, tensor: SymbolicTensor) -> Reader:
    """The reader in front of a tensor."""
    nodes = walk(_inputs_of(tensor), [tensor])
    reading = [node for node in nodes if isinstance(node.layer, layers.TextVectorization)]
    if len(reading) == 1 and reading[0].layer.output_mode == "int":
        others = [node for node in nodes if node.layer.reads_texts and node is not reading[0]]
        return Reader(None if others else reading[0].outputs[0], reading[0].layer._encoder)
    ids = model.inputs[0] if len(model.inputs) == 1 and model.inputs[0].dtype != "string" else None
    return Reader(ids, model.text_encoder)


def _inputs_of(tensor: SymbolicTensor) -> list[SymbolicTensor]:
    """The Inputs that a tensor depends on."""
    seen: dict[int, SymbolicTensor] = {}
    stack, found = [tensor], []
    while stack:
        one = stack.pop()
        if id(one) not in seen:
            seen[id(one)] = one
            stack += one.node.inputs
            found += [] if one.node.inputs else [one]
    return found


def pools_of(ids: SymbolicTensor, logits: Logits) -> list[Pool] | None:
    """The means and sums of embeddings that the logits are linear in; None where they are not."""
    if logits.dense is None or len(logits.tensor.shape) != 2:
        return None
    found: list[tuple[SymbolicTensor, int, bool]] = []
    stack = [logits.tensor]
    while stack:
        tensor = stack.pop()
        layer, inputs = tensor.node.layer, tensor.node.inputs
        if isinstance(layer, (*IDENTITIES, layers.Concatenate)):
            stack += inputs
            continue
        n = None
        if isinstance(layer, (layers.GlobalAveragePooling1D, layers.GlobalSumPooling1D)):
            n, is_mean = _ngrams_below(inputs[0], ids), isinstance(layer, layers.GlobalAveragePooling1D)
        elif isinstance(layer, (layers.EmbeddingBag, layers.EmbedReduce)) and len(inputs) == 1:
            is_mean = layer.combiner == "mean"
            padded = layer.mask_zero or getattr(layer, "padding_idx", None) is not None
            n = None if padded or layer.combiner not in ("mean", "sum") else _ngrams_of(inputs[0], ids)
        if n is None:
            return None
        found.append((tensor, n, is_mean))
    tensors = [tensor for tensor, _, _ in found]
    pools = []
    for tensor, n, is_mean in found:
        others = [one for one in tensors if one is not tensor]
        pools.append(Pool(ids, tensor, n, is_mean, LinearMap(tensor, logits.tensor, others)))
    return pools


def _ngrams_below(tensor: SymbolicTensor, ids: SymbolicTensor) -> int | None:
    """Up to how many words the n-grams have whose embeddings these are; None for anything else."""
    while isinstance(tensor.node.layer, IDENTITIES):
        tensor = tensor.node.inputs[0]
    if type(tensor.node.layer) is not layers.Embedding or tensor.node.layer.mask_zero:
        return None
    return _ngrams_of(tensor.node.inputs[0], ids)


def _ngrams_of(tensor: SymbolicTensor, ids: SymbolicTensor) -> int | None:
    """Up to how many words the n-grams have that these ids are of; None for ids of anything else."""
    if tensor is ids:
        return 1
    if isinstance(tensor.node.layer, layers.HashedNgrams) and tensor.node.inputs[0] is ids:
        return tensor.node.layer.n
    return None
