"""What is done to each value, or to each vector of a step, alone: dense, activations, rectifiers, and what
vanishes
in inference: dropout, noise, losses.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np

from ..lowering.operations import Operation
from .export_graph import Graph, Value
from .export_refusals import refuse

SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}


def _gelu(g: Graph, x: str) -> str:
    half = g.node("Mul", x, g.number(0.5))
    inner = g.node("Erf", g.node("Mul", x, g.number(sqrt(0.5))))
    return g.node("Mul", half, g.node("Add", inner, g.number(1)))


def _gelu_tanh(g: Graph, x: str) -> str:
    cubed = g.node("Mul", g.node("Mul", g.node("Mul", x, x), x), g.number(0.044715))
    inner = g.node("Tanh", g.node("Mul", g.node("Add", x, cubed), g.number(sqrt(2 / pi))))
    return g.node("Mul", g.node("Mul", x, g.number(0.5)), g.node("Add", inner, g.number(1)))


def _within(g: Graph, x: str, least: float, most: float) -> str:
    return g.node("Clip", x, g.number(least), g.number(most))


def _softplus(g: Graph, x: str) -> str:
    """max(x, 0) + log(1 + exp(-|x|)): exact where exp(x) would be too large."""
    small = g.node("Exp", g.node("Neg", g.node("Abs", x)))
    return g.node("Add", g.node("Relu", x), g.node("Log", g.node("Add", small, g.number(1))))


def _hard_sigmoid(g: Graph, x: str) -> str:
    return g.node("HardSigmoid", x, alpha=1 / 6, beta=0.5)


def _squareplus(g: Graph, x: str) -> str:
    root = g.node("Sqrt", g.node("Add", g.node("Mul", x, x), g.number(4)))
    return g.node("Mul", g.node("Add", x, root), g.number(0.5))


def _rising(g: Graph, x: str) -> str:
    """(x + 1) / 2 within 0 and 1."""
    return _within(g, g.node("Mul", g.node("Add", x, g.number(1)), g.number(0.5)), 0, 1)


def _sparse_plus(g: Graph, x: str) -> str:
    part = _rising(g, x)
    return g.node("Where", g.node("Greater", x, g.number(1)), x, g.node("Mul", part, part))


def _hard_shrink(g: Graph, x: str) -> str:
    outside = g.node("Greater", g.node("Abs", x), g.number(0.5))
    return g.node("Where", outside, x, g.number(0))


ACTIVATIONS: dict[str, Any] = {
    "linear": lambda g, x: x,
    "relu": lambda g, x: g.node("Relu", x),
    "tanh": lambda g, x: g.node("Tanh", x),
    "sigmoid": lambda g, x: g.node("Sigmoid", x),
    "softplus": _softplus,
    "softsign": lambda g, x: g.node("Softsign", x),
    "elu": lambda g, x: g.node("Elu", x, alpha=1.0),
    "selu": lambda g, x: g.node("Selu", x, **SELU),
    "exponential": lambda g, x: g.node("Exp", x),
    "leaky_relu": lambda g, x: g.node("LeakyRelu", x, alpha=0.2),
    "relu6": lambda g, x: _within(g, x, 0, 6),
    "hard_sigmoid": _hard_sigmoid,
    "silu": lambda g, x: g.node("Mul", x, g.node("Sigmoid", x)),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "log_sigmoid": lambda g, x: g.node("Neg", _softplus(g, g.node("Neg", x))),
    "mish": lambda g, x: g.node("Mul", x, g.node("Tanh", _softplus(g, x))),
    "hard_silu": lambda g, x: g.node("Mul", x, _hard_sigmoid(g, x)),
    "hard_tanh": lambda g, x: _within(g, x, -1, 1),
    "tanh_shrink": lambda g, x: g.node("Sub", x, g.node("Tanh", x)),
    "soft_shrink": lambda g, x: g.node("Sub", x, _within(g, x, -0.5, 0.5)),
    "hard_shrink": _hard_shrink,
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": _rising,
}
"""By the core's names."""


def activated(g: Graph, x: Value, name: str) -> Value:
    """An activation of each value."""
    return x if name == "linear" else x.made(ACTIVATIONS[name](g, x.name))


def activation(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    return activated(g, inputs[0], op.attributes.get("activation", "linear"))


def dense(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    kernel, *biases = op.variables
    x = inputs[0]
    turned = op.attributes.get("transposed")
    weight = g.weight(kernel, "transposed", np.asarray(kernel).T) if turned else g.weight(kernel)
    made = g.node("MatMul", x.name, weight)
    return x.made(g.node("Add", made, g.weight(biases[0])) if biases else made)


def rectifier(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """min(x, max_value) above the threshold, slope (x - threshold) below; alpha is a slope for each value."""
    x, settings = inputs[0], op.attributes
    threshold, most = settings.get("threshold", 0.0), settings.get("max_value")
    slope = g.number(settings.get("slope", 0.0))
    if op.variables:
        slope = g.weight(op.variables[0])
        if len(op.variables[0].shape) == 2 and op.variables[0].shape[0] > 1:  # of as many steps as there are
            slope = g.sliced(slope, 0, 0, g.size(x.name, 1))
    above = g.node("Greater", x.name, g.number(threshold))
    over = x.name if threshold == 0 else g.node("Sub", x.name, g.number(threshold))
    top = x.name if most is None else g.node("Min", x.name, g.number(most))
    return x.made(g.node("Where", above, top, g.node("Mul", over, slope)))


def weight_normalization(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """x g / |v| + bias."""
    gain, v, *biases = op.variables
    norm = np.sqrt((np.asarray(v, np.float64) ** 2).sum(tuple(range(len(v.shape) - 1))))
    scale = g.weight(gain, "scale", np.asarray(gain) / norm)
    made = g.node("Mul", inputs[0].name, scale)
    return inputs[0].made(g.node("Add", made, g.weight(biases[0])) if biases else made)


def as_it_is(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    return inputs[0]


def only_in_training(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Dropout and noise; not of layers that were called with training=True."""
    if op.attributes.get("always"):
        refuse(op, "draws random numbers in inference too (it was called with training=True)")
    return inputs[0]


def cross_entropy(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """The prediction that the loss is of."""
    if not op.attributes.get("from_logits", op.name == "cross_entropy"):
        return inputs[0]
    if op.attributes.get("kind") == "binary":
        return inputs[0].made(g.node("Sigmoid", inputs[0].name))
    return inputs[0].made(g.node("Softmax", inputs[0].name, axis=-1))


def weight(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    (variable,) = op.variables
    return Value(g.weight(variable), len(variable.shape), single=True, clean=True)


OPERATIONS = {
    "activation": activation,
    "dense": dense,
    "rectifier": rectifier,
    "weight_normalization": weight_normalization,
    "embed": as_it_is,
    "dropout": only_in_training,
    "noise": only_in_training,
    **dict.fromkeys(("random_affine", "random_flip", "random_light"), only_in_training),
    "cross_entropy": cross_entropy,
    "focal_cross_entropy": cross_entropy,
    "element_loss": as_it_is,
    "row_loss": as_it_is,
    "squared_error": as_it_is,
    "given_loss": as_it_is,
    "activity_penalty": as_it_is,
    "weight": weight,
}
