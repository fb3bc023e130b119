"""A model cut into pieces that explanations need: the classifiers whose probabilities it averages, and models
that begin or end in the middle of its graph. The layers, and so the weights, are shared with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import layers
from ..graph.nodes import SymbolicTensor, flatten, walk
from ..models.model import Model

MIXING = (layers.Concatenate, layers.Reshape, layers.Permute, layers.Average, layers.Flatten)
NORMALIZING = ("softmax", "sigmoid")


def normalization(tensor: SymbolicTensor) -> str | None:
    """ "softmax" or "sigmoid" where the layer that makes a tensor ends in it along the last axis."""
    layer = tensor.node.layer
    if isinstance(layer, layers.Softmax):
        return "softmax" if layer.axis in (-1, len(tensor.shape) - 1) else None
    name = getattr(layer, "activation", None)
    found = isinstance(name, str) and name in NORMALIZING
    return name if found and isinstance(layer, (layers.Dense, layers.Activation)) else None


def is_linear(layer: Any) -> bool:
    """Whether a layer only moves numbers or sums them with weights."""
    if isinstance(layer, layers.Dense):
        return not layer.use_bias and layer.activation == "linear"
    return isinstance(layer, MIXING)


def members(output: SymbolicTensor) -> list[SymbolicTensor]:
    """The probabilities that `output` is a weighted mean of; `output` alone where it is no mean."""
    found: dict[int, SymbolicTensor] = {}
    stack = [output]
    while stack:
        tensor = stack.pop()
        if normalization(tensor) is not None:
            found[id(tensor)] = tensor
        elif is_linear(tensor.node.layer) and tensor.node.inputs:
            stack += reversed(tensor.node.inputs)
        else:
            return [output]
    return list(found.values())


def between(cuts: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> Model:
    """A Model from tensors in the middle of a graph to others behind them."""
    with _calls_forgotten(cuts, outputs):
        inputs = [
            layers.Input(tensor.shape[1:], dtype=tensor.dtype, name=f"cut_{number}")
            for number, tensor in enumerate(cuts)
        ]
        known = {id(cut): new for cut, new in zip(cuts, inputs, strict=True)}
        for node in walk(cuts, outputs):
            if any(id(tensor) in known for tensor in node.outputs):
                continue
            read = [known[id(tensor)] for tensor in node.inputs]
            options = {} if node.training is None else {"training": node.training}
            made = node.layer(read if node.layer.inputs_many or len(read) > 1 else read[0], **options)
            known.update(zip(map(id, node.outputs), flatten(made), strict=True))
        return Model(inputs, [known[id(tensor)] for tensor in outputs], name="explained", seed=0)


@contextmanager
def _calls_forgotten(cuts: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> Iterator[None]:
    """The layers remember afterwards no more calls than before."""
    counts = [(node.layer.nodes, len(node.layer.nodes)) for node in walk(cuts, outputs)]
    try:
        yield
    finally:
        for nodes, count in counts:
            del nodes[count:]


class LinearMap:
    """What is linear between two tensors; `others`: further ones that it starts from, taken as zeros."""

    def __init__(
        self, cut: SymbolicTensor, output: SymbolicTensor, others: Sequence[SymbolicTensor] = ()
    ) -> None:
        shape = tuple(size or 0 for size in cut.shape[1:])
        size = int(np.prod(shape))
        rows = np.eye(size, dtype=np.float32).reshape(size, *shape)
        zeros = [np.zeros((size, *(n or 0 for n in one.shape[1:])), np.float32) for one in others]
        self._rows: Any = [rows, *zeros] if others else rows
        self._model = None if cut is output else between([cut, *others], [output])
        self._size = size

    def matrix(self) -> np.ndarray:
        """float64 (numbers of `cut`, numbers of `output`), with the weights of now."""
        if self._model is None:
            return np.eye(self._size)
        made = self._model.predict_on_batch(self._rows)
        return np.asarray(made, np.float64).reshape(self._size, -1)
