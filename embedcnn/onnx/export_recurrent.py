"""LSTM, GRU and simple recurrent layers as ONNX's LSTM, GRU and RNN.

ONNX knows lengths of texts and no other masks: steps that count are moved to the front, and what they make
back to where they stood. A masked step keeps state and output. Gates are i f c o here and i o f c there; z r
h in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..lowering.operations import Operation
from . import export_steps as steps
from .export_graph import Graph, Value
from .export_refusals import refuse

KINDS = {"lstm": ("LSTM", [0, 3, 1, 2]), "gru": ("GRU", [0, 1, 2]), "simple_rnn": ("RNN", [0])}
"""The operation of ONNX, and which gate of ours stands at each place of its own."""

ACTIVATIONS: dict[str, tuple[str, float, float]] = {
    "tanh": ("Tanh", 0, 0),
    "relu": ("Relu", 0, 0),
    "sigmoid": ("Sigmoid", 0, 0),
    "linear": ("Affine", 1, 0),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "leaky_relu": ("LeakyRelu", 0.2, 0),
    "elu": ("Elu", 1, 0),
    "softsign": ("Softsign", 0, 0),
    "softplus": ("Softplus", 0, 0),
}
"""What ONNX has inside of its recurrent operations, with alpha and beta."""
WITH_ALPHA, WITH_BETA = ("Affine", "HardSigmoid", "LeakyRelu", "Elu"), ("Affine", "HardSigmoid")


def recurrent(g: Graph, op: Operation, inputs: list[Value]) -> list[Value]:
    """The outputs of all steps or of the last one, then the states."""
    x, *first = inputs
    settings = op.attributes
    if settings.get("stateful"):
        refuse(op, "carries its states from batch to batch (stateful=True)")
    if settings.get("always") and settings.get("recurrent_dropout"):
        refuse(op, "draws random numbers in inference too (it was called with training=True)")
    backward, in_order = settings.get("reverse", False), settings.get("keep_order", False)
    if backward and not in_order:  # the last step first, and forward from there
        turned = steps.reversed_steps(g, x.name)
        mask = x.mask
        if mask is not None:
            mask = type(mask)(_flipped(g, mask.name))
        x, backward = x.made(turned, mask=mask), False
    lengths = None if x.mask is None else g.counts(x.mask)
    read = x.name if x.mask is None else steps.to_front(g, g.zeroed(x), x.mask)
    made = _run(g, op, read, lengths, [one.name for one in first], bool(backward))
    last = [_last(g, one, lengths, first[place : place + 1]) for place, one in enumerate(made[1:])]
    states = [Value(one, 2) for one in last]
    if settings.get("return_sequences"):
        out = _whole(g, op, x, g.node("Squeeze", made[0], g.ints(1)), bool(backward))
    else:
        out = states[0]
    return [out, *states] if settings.get("return_state") else [out]


def _flipped(g: Graph, mask: str) -> str:
    return g.cast(steps.reversed_steps(g, g.cast(mask, "int64")), "bool")


def _last(g: Graph, state: str, lengths: str | None, first: list[Value]) -> str:
    """A last state [1, B, H] as [B, H]; of a text without steps it is the first one."""
    found = g.node("Squeeze", state, g.ints(0))
    if lengths is None or not first:
        return found
    some = g.unsqueezed(g.node("Greater", lengths, g.whole(0)), 1)
    return g.node("Where", some, found, first[0].name)


def _whole(g: Graph, op: Operation, x: Value, made: str, backward: bool) -> Value:
    """The outputs [T, B, H] of the steps that count as those of all steps [B, T, H]."""
    made = g.node("Transpose", made, perm=[1, 0, 2])
    if x.mask is None:
        return x.made(made)
    repeats = not op.attributes.get("zero_output_for_mask") and not backward
    if x.mask.prefix and not repeats:
        return x.made(made, clean=True)
    count = g.node("CumSum", g.cast(x.mask.name, "int64"), g.whole(1))
    width = g.size(x.mask.name, 1)
    made = steps.taken(g, made, steps.clipped(g, g.node("Sub", count, g.whole(1)), width))
    if not repeats:
        return x.made(made)
    begun = g.unsqueezed(g.node("Greater", count, g.whole(0)), 2)
    return x.made(g.node("Where", begun, made, g.number(0)), repeats=True)


def _run(g: Graph, op: Operation, x: str, lengths: str | None, first: list[str], backward: bool) -> list[str]:
    """Outputs [T, 1, B, H] and last states [1, B, H]."""
    name, order = KINDS[op.name]
    settings = op.attributes
    kernel, inner, bias = _weights(g, op, order)
    units = op.variables[1].shape[0]
    given = [g.node("Transpose", x, perm=[1, 0, 2]), kernel, inner, bias]
    given.append("" if lengths is None else g.cast(lengths, "int32"))
    given += [g.unsqueezed(state, 0) for state in first]
    while not given[-1]:
        given.pop()
    more: dict[str, Any] = {"hidden_size": units, "direction": "reverse" if backward else "forward"}
    if name == "GRU":
        more["linear_before_reset"] = int(settings.get("reset_after", True))
    return g.nodes_of(name, given, 3 if name == "LSTM" else 2, **more, **_activations(op, name))


def _activations(op: Operation, name: str) -> dict[str, Any]:
    outer = op.attributes.get("activation", "tanh")
    gates = op.attributes.get("recurrent_activation", "sigmoid")
    names = {"LSTM": [gates, outer, outer], "GRU": [gates, outer], "RNN": [outer]}[name]
    for one in names:
        if one not in ACTIVATIONS:
            refuse(op, f"has the activation {one!r}; ONNX's {name} has {', '.join(ACTIVATIONS)}")
    chosen = [ACTIVATIONS[one] for one in names]
    settings: dict[str, Any] = {"activations": [one for one, _, _ in chosen]}
    alphas = [alpha for one, alpha, _ in chosen if one in WITH_ALPHA]
    betas = [beta for one, _, beta in chosen if one in WITH_BETA]
    settings |= {"activation_alpha": alphas} if alphas else {}
    return settings | ({"activation_beta": betas} if betas else {})


def _weights(g: Graph, op: Operation, order: list[int]) -> tuple[str, str, str]:
    """Kernel [1, gates H, C], recurrent kernel [1, gates H, H] and biases [1, 2 gates H]; "" for none."""
    form = f"as_{op.name}"  # a kernel may be shared by layers of two kinds

    def turned(array: np.ndarray) -> np.ndarray:
        parts = np.split(array, len(order), -1)
        return np.concatenate([parts[gate] for gate in order], -1)

    kernel, inner = (turned(np.asarray(one)).T[None] for one in op.variables[:2])
    names = [g.weight(one, form, array) for one, array in zip(op.variables, (kernel, inner), strict=False)]
    if not op.attributes.get("use_bias", True):
        return names[0], names[1], ""
    bias = np.asarray(op.variables[2])
    both = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    return names[0], names[1], g.weight(op.variables[2], form, turned(both).reshape(1, -1))


OPERATIONS = dict.fromkeys(KINDS, recurrent)
