"""Hiding each word of a text from a CNN in one go: of all windows of a convolution only those over the word
change, and the largest value of the others is known from those before and behind.

For T words, windows of K and F filters that is T F K^2 sums, where T texts of T words would take T^2 F K.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import activations, layers
from ..graph.nodes import SymbolicTensor
from .graph_parts import between
from .text_pieces import Pieces

# Rising functions: the largest value before is the one behind.
RISING = {"linear", "relu", "tanh", "sigmoid", "softplus", "softsign", "elu", "selu"}


@dataclass(frozen=True)
class Branch:
    """The largest values of a convolution over the embeddings of words."""

    pooled: SymbolicTensor
    convolution: layers.Conv1D
    embedded: SymbolicTensor


class Windows:
    """A CNN whose branches all end in a GlobalMaxPooling1D, and the model behind them."""

    def __init__(self, branches: list[Branch], ids: SymbolicTensor, output: SymbolicTensor) -> None:
        self.branches = branches
        embedded = {id(branch.embedded): branch.embedded for branch in branches}
        self.rows_of = {key: between([ids], [tensor]) for key, tensor in embedded.items()}
        pooled = [branch.pooled for branch in branches]
        self.behind = None if pooled == [output] else between(pooled, [output])

    @classmethod
    def found(cls, ids: SymbolicTensor, output: SymbolicTensor) -> Windows | None:
        """The branches between ids and a tensor; None where anything else reads the ids."""
        branches: dict[int, Branch] = {}
        seen: set[int] = set()
        stack = [output]
        while stack:
            tensor = stack.pop()
            if id(tensor) in seen:
                continue
            seen.add(id(tensor))
            if isinstance(tensor.node.layer, layers.GlobalMaxPooling1D):
                branch = _branch(tensor, ids)
                if branch is None:
                    return None
                branches[id(tensor)] = branch
            elif not tensor.node.inputs:
                return None
            else:
                stack += reversed(tensor.node.inputs)
        return cls(list(branches.values()), ids, output) if branches else None

    def fit(self, pieces: Pieces) -> bool:
        """Whether each word is a token and the text, one word less, still longer than any window."""
        widest = max(branch.convolution.kernel_size for branch in self.branches)
        ids = pieces.ids
        if ids is None or not pieces.one_by_one() or len(ids) <= widest:
            return False
        return not (
            any(one.embedded.node.layer.mask_zero for one in self.branches) and bool((ids == 0).any())
        )

    def values(self, pieces: Pieces) -> np.ndarray:
        """What stands behind the branches: of the text, of no words, of the text without each of its words;
        (2 + words, numbers).
        """
        rows = {
            key: np.asarray(model.predict_on_batch(pieces.ids[None]))[0]  # type: ignore[index]
            for key, model in self.rows_of.items()
        }
        pooled = [_largest(one.convolution, rows[id(one.embedded)]) for one in self.branches]
        if self.behind is None:
            return pooled[0]
        return np.asarray(self.behind.predict_on_batch(pooled if len(pooled) > 1 else pooled[0]))


def _branch(pooled: SymbolicTensor, ids: SymbolicTensor) -> Branch | None:
    tensor = pooled.node.inputs[0]
    convolution = tensor.node.layer
    if type(convolution) is not layers.Conv1D or not _is_plain(convolution):
        return None
    before = tensor.node.inputs[0]
    while isinstance(before.node.layer, (layers.Dropout, layers.SpatialDropout1D)):
        before = before.node.inputs[0]
    embedding = before.node.layer
    if type(embedding) is not layers.Embedding or before.node.inputs[0] is not ids:
        return None
    return Branch(pooled, convolution, before)


def _is_plain(convolution: Any) -> bool:
    """One window a word, all channels, and a rising function."""
    steps = convolution.strides == convolution.dilation_rate == convolution.groups == 1
    return steps and convolution.activation in RISING


def _largest(convolution: Any, rows: np.ndarray) -> np.ndarray:
    """The largest values of the filters, float32 (2 + T, F), for the vectors (T, D) of the words of a text:
    over all, over none (zeros), over all but each word.
    """
    width, tokens = convolution.kernel_size, len(rows)
    left = {"valid": 0, "same": (width - 1) // 2, "causal": width - 1}[convolution.padding]
    right = {"valid": 0, "same": width - 1 - left, "causal": 0}[convolution.padding]
    kernel = convolution.kernel.value  # (width, D, F)
    taps = np.zeros((width, left + tokens + right, kernel.shape[2]), np.float32)
    taps[:, left : left + tokens] = np.matmul(rows[None], kernel)
    last = taps.shape[1] - width  # of the windows, by their first place
    whole = np.sum([taps[tap, tap : tap + last + 1] for tap in range(width)], axis=0)
    lowest = np.full((1, kernel.shape[2]), -np.inf, np.float32)
    before = np.concatenate([lowest, np.maximum.accumulate(whole)])  # [t]: of windows below t
    behind = np.concatenate([np.maximum.accumulate(whole[::-1])[::-1], lowest])  # [t]: from t on
    places = left + np.arange(tokens)
    best = np.maximum(before[np.maximum(places - width + 1, 0)], behind[np.minimum(places + 1, last + 1)])
    for taken in range(1, width):  # so many words before the hidden one, then those behind it
        first, end = max(left, taken), min(left + tokens, last + taken)
        joined = taps[0, first - taken : end - taken].copy()
        for tap in range(1, width):
            moved = tap - taken + (tap >= taken)
            joined += taps[tap, first + moved : end + moved]
        inside = best[first - left : end - left]
        np.maximum(inside, joined, out=inside)
    found = np.concatenate([whole.max(axis=0, keepdims=True), best])
    if convolution.use_bias:
        found = found + convolution.bias.value
    made = np.zeros((len(found) + 1, found.shape[1]), np.float32)
    made[[0, *range(2, len(made))]] = activations.get(convolution.activation)(found)
    return made
