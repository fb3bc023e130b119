"""What is done along one axis or several: softmax, normalisations, running sums.

`axes` of an operation has bit k for axis k of the padded form, the batch's being 0; without it is the last
one. Masked steps take no part where the steps are among the axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..lowering.operations import Operation
from .export_graph import LEAST, Graph, Value


def axes_of(op: Operation, x: Value) -> list[int]:
    bits = op.attributes.get("axes", 0)
    if x.single:
        bits >>= 1  # what has no batch counts its axes from 1
    return [axis for axis in range(x.rank) if bits >> axis & 1] or [x.rank - 1]


def _masked(x: Value, axes: list[int]) -> bool:
    return x.mask is not None and 1 in axes


def _beside(array: Any, axes: list[int], rank: int) -> np.ndarray:
    """A parameter with the sizes of the axes, with axes of 1 for the others."""
    array = np.asarray(array, np.float32)
    sizes = iter(array.shape)
    return array.reshape([next(sizes) if axis in axes else 1 for axis in range(axes[0], rank)])


def _mean(g: Graph, x: Value, name: str, axes: list[int]) -> str:
    """The mean of `name` along the axes, over the steps that count in x."""
    if not _masked(x, axes):
        return g.reduced("ReduceMean", name, axes, True)
    assert x.mask is not None
    beside = g.beside(x.mask, x.rank)
    total = g.reduced("ReduceSum", g.node("Where", beside, name, g.number(0)), axes, True)
    ones = g.cast(g.node("Expand", beside, g.node("Shape", name)), "float")
    return g.node("Div", total, g.node("Max", g.reduced("ReduceSum", ones, axes, True), g.number(1)))


def softmax(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x, axes = inputs[0], axes_of(op, inputs[0])
    name = g.filled(x, LEAST) if _masked(x, axes) else x.name
    logs = op.name == "log_softmax"
    if len(axes) == 1:
        return x.made(g.node("LogSoftmax" if logs else "Softmax", name, axis=axes[0]))
    below = g.node("Sub", name, g.reduced("ReduceMax", name, axes, True))
    if logs:
        return x.made(g.node("Sub", below, g.reduced("ReduceLogSumExp", below, axes, True)))
    raised = g.node("Exp", below)
    return x.made(g.node("Div", raised, g.reduced("ReduceSum", raised, axes, True)))


def layer_normalization(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """(x - mean) / sqrt(variance + epsilon), times gamma, plus beta."""
    x, axes, settings = inputs[0], axes_of(op, inputs[0]), op.attributes
    weights = list(op.variables)
    gamma = weights.pop(0) if settings.get("scale", True) else None
    beta = weights.pop(0) if settings.get("center", True) else None
    epsilon = settings.get("epsilon", 1e-3)
    if axes == [x.rank - 1] and gamma is not None:
        given = [x.name, g.weight(gamma)] + ([] if beta is None else [g.weight(beta)])
        return x.made(g.node("LayerNormalization", *given, axis=-1, epsilon=epsilon))
    apart = g.node("Sub", x.name, _mean(g, x, x.name, axes))
    variance = _mean(g, x, g.node("Mul", apart, apart), axes)
    made = g.node("Div", apart, g.node("Sqrt", g.node("Add", variance, g.number(epsilon))))
    for kind, variable in (("Mul", gamma), ("Add", beta)):
        if variable is not None:
            beside = _beside(variable, axes, x.rank)
            made = g.node(kind, made, g.weight(variable, "beside", beside))
    return x.made(made)


def unit_normalization(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """x / |x|; zeros stay zeros."""
    x, axes = inputs[0], axes_of(op, inputs[0])
    name = g.zeroed(x) if _masked(x, axes) else x.name
    norm = g.reduced("ReduceL2", name, axes, True)
    some = g.node("Where", g.node("Greater", norm, g.number(0)), norm, g.number(1))
    return x.made(g.node("Div", name, some))


def batch_normalization(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """By the moving statistics: one factor and one summand a channel."""
    x, axes, settings = inputs[0], axes_of(op, inputs[0]), op.attributes
    *given, mean, variance = (np.asarray(one, np.float64) for one in op.variables)
    factor = 1 / np.sqrt(variance + settings.get("epsilon", 1e-3))
    factor = factor * given[0] if settings.get("scale", True) else factor
    summand = -mean * factor + (given[-1] if settings.get("center", True) else 0)
    factor, summand = (_beside(one, axes, x.rank) for one in (factor, summand))
    moving = op.variables[-1]
    made = g.node("Mul", x.name, g.weight(moving, "factor", factor))
    return x.made(g.node("Add", made, g.weight(moving, "summand", summand)))


def cumsum(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x, (axis,) = inputs[0], axes_of(op, inputs[0])
    return x.made(g.node("CumSum", g.zeroed(x), g.whole(axis)))


OPERATIONS = {
    "softmax": softmax,
    "log_softmax": softmax,
    "layer_normalization": layer_normalization,
    "unit_normalization": unit_normalization,
    "batch_normalization": batch_normalization,
    "cumsum": cumsum,
}
