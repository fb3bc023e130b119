"""LSTM, GRU and RNN of ONNX as layers, each in one direction or both.

ONNX has gates in the order i o f c (LSTM) and z r h (GRU), matrices (directions, gates x H, C), two biases in
a row, and steps before examples; states are (directions, batch, H).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import layers, ops
from .import_graph import Graph, Node, handles
from .import_layout import View, described, laid_out, like_examples, of_examples
from .import_sizes import AnySize, Size
from .import_values import Filled, Stack, constant

ACTIVATIONS = {name: name for name in ("elu", "relu", "sigmoid", "softplus", "softsign", "tanh")}
ACTIVATIONS |= {"hardsigmoid": "hard_sigmoid"}
SLOPES = {"elu": (1.0,), "hardsigmoid": (1 / 6, 0.5)}
"""alpha and beta of those that have some here."""
DEFAULTS = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh"), "RNN": ("tanh",)}
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STATES = {"LSTM": 2, "GRU": 1, "RNN": 1}


@handles("LSTM", "GRU", "RNN")
def _recurrent(graph: Graph, node: Node, x: Any, w: Any, r: Any, b: Any = None, *more: Any) -> list[Any]:
    kernel, recurrent = constant(w, "W"), constant(r, "R")
    lengths, *states = [*more, None, None, None][: 1 + STATES[node.operation]]
    if len(more) > 3 and more[3] is not None:
        raise ValueError("peepholes (P) are not known here")
    batch_axis = 0 if node.get("layout", 0) else 1
    directions, units = kernel.shape[0], recurrent.shape[-1]
    _check(node, x, kernel, recurrent, batch_axis)
    reads = [bool(name) and bool(graph.readers(name)) for name in (*node.outputs, "", "", "")[:3]]
    if len(x.axes[batch_axis]) > 1:
        if any(one is not None for one in states) or reads[1:] != [not reads[0], False]:
            raise ValueError("of texts in one axis with others one result may be read, from states of zeros")
        weights = _weights(node, kernel, recurrent, b)
        return _of_each(graph, node, x, lengths, reads[0], weights, units)
    layer = graph.layer(
        node,
        [*node.inputs[1:4], str(reads[0])],
        lambda: _layer(graph, node, units, directions, b is not None, reads[0]),
    )
    sequence = laid_out(x, [batch_axis, 1 - batch_axis, 2])
    new = not layer.built
    options: dict[str, Any] = {}
    initial = _initial(states, directions, units, batch_axis)
    if initial:
        options["initial_state"] = initial
    if lengths is not None:
        options["mask"] = _mask(sequence, lengths)
    made = layer(sequence, **options)
    if new:
        layer.set_weights(_weights(node, kernel, recurrent, b))
    result, final = (made[0], made[1:]) if isinstance(made, list) else (made, [])
    batch, steps = x.shape[batch_axis], x.shape[1 - batch_axis]
    if lengths is not None and reads[0]:
        result = ops.primitives.apply("all_steps", [result])
    return [
        _sequence(node, result, [batch, steps, directions, units], directions) if reads[0] else None,
        *_final(graph, node, result, final, [batch, units], directions, reads[0]),
    ]


def _of_each(
    graph: Graph, node: Node, x: View, lengths: Any, sequences: bool, weights: list[np.ndarray], units: int
) -> list[Any]:
    """The layer over texts that are in one axis with others, as the sentences of documents: a model of one
    text, with its length as a further channel, for each of them.
    """
    batch_axis = 0 if node.get("layout", 0) else 1
    channels, masked = x.shape[2], lengths is not None
    directions = 2 if node.get("direction", "forward") == "bidirectional" else 1
    length = x.shape[1 - batch_axis]
    tensor, _ = of_examples(x, [batch_axis, 1 - batch_axis, 2])

    def make() -> Any:
        text = layers.Input((None if isinstance(length, Size) else length, channels + masked))
        bias = len(weights) > 2 * directions
        layer = _layer(graph, node, units, directions, bias, sequences, return_state=False)
        options = {"mask": _mask(text, text[:, 0, channels])} if masked else {}
        made = layer(text[:, :, :channels] if masked else text, **options)
        layer.set_weights(weights)
        if masked and sequences:
            made = ops.primitives.apply("all_steps", [made])
        return graph.model(text, made, name=graph.name(f"{layer.name}.text"))

    if masked:
        counts, single = of_examples(lengths, [0])
        if single:
            raise ValueError("sequence_lens must be numbers for each text")
        counts = ops.cast(ops.expand_dims(ops.expand_dims(counts, -1), -1), "float32")
        tensor = layers.Concatenate()([tensor, ops.ones_like(tensor[..., :1]) * counts])
    model = graph.layer(node, [*node.inputs[1:4], f"{sequences} {masked}"], make)
    made = graph.for_each(model)(tensor)
    if not sequences:
        return [None, like_examples(made, x, batch_axis, [1, 0, 2], [directions, units]), None]
    if node.get("direction", "forward") == "reverse":
        made = ops.flip(made, 2)
    order = [0, 1, 2, 3] if node.get("layout", 0) else [2, 0, 1, 3]
    return [like_examples(made, x, batch_axis, order, [length, directions, units]), None, None]


def _check(node: Node, x: Any, kernel: np.ndarray, recurrent: np.ndarray, batch_axis: int) -> None:
    gates, direction = GATES[node.operation], node.get("direction", "forward")
    directions = 2 if direction == "bidirectional" else 1
    if direction not in ("forward", "reverse", "bidirectional"):
        raise ValueError(f"`direction` must be forward, reverse or bidirectional. Received: {direction!r}")
    units = recurrent.shape[-1]
    fits = kernel.ndim == 3 and kernel.shape[:2] == (directions, gates * units)
    if not fits or recurrent.shape != (directions, gates * units, units):
        raise ValueError(f"W of shape {kernel.shape} and R of shape {recurrent.shape} do not fit {direction}")
    if not isinstance(x, View) or len(x.axes) != 3 or x.shape[2] != kernel.shape[2]:
        raise ValueError(f"its input must be a sequence of {kernel.shape[2]} channels")
    if 0 not in x.axes[batch_axis]:
        raise ValueError(f"the examples must be axis {batch_axis} of its input: {described(x)}")
    if node.get("clip") is not None or node.get("input_forget", 0):
        raise ValueError("`clip` and `input_forget` are not known here")


def _activations(node: Node, directions: int) -> list[str]:
    given = [one.decode() if isinstance(one, bytes) else one for one in node.get("activations", ())]
    default = DEFAULTS[node.operation]
    found = [one.lower() for one in given] or list(default) * directions
    first = found[: len(default)]
    if found != first * directions or node.operation == "LSTM" and first[1] != first[2]:
        raise ValueError(f"the activations {given} must be the same in both directions, and of c and h")
    unknown = [name for name in first if name not in ACTIVATIONS]
    alpha, beta = node.get("activation_alpha"), node.get("activation_beta")
    ours = [[SLOPES[name][place] for name in first if len(SLOPES.get(name, ())) > place] for place in (0, 1)]
    differ = [
        given is not None and not np.allclose(given, list(one) * directions)
        for given, one in ((alpha, ours[0]), (beta, ours[1]))
        if given is None or len(given) == len(one) * directions
    ]
    if unknown or len(differ) < 2 or any(differ) or (alpha is None and "hardsigmoid" in first):
        raise ValueError(f"the activations {given} are not known here, or not with alpha and beta")
    return [ACTIVATIONS[name] for name in first]


def _layer(
    graph: Graph,
    node: Node,
    units: int,
    directions: int,
    bias: bool,
    sequences: bool,
    return_state: bool = True,
) -> Any:
    activations = _activations(node, directions)
    options: dict[str, Any] = {"activation": activations[-1], "use_bias": bias}
    if node.operation != "RNN":
        options["recurrent_activation"] = activations[0]
    if node.operation == "GRU":
        options["reset_after"] = bool(node.get("linear_before_reset", 0))
    kind = {"LSTM": layers.LSTM, "GRU": layers.GRU, "RNN": layers.SimpleRNN}[node.operation]
    name = graph.layer_name(node, "")
    options |= {"return_sequences": sequences, "return_state": return_state, "zero_output_for_mask": True}
    if directions == 2:
        return layers.Bidirectional(kind(units, **options), name=name)
    options["go_backwards"] = node.get("direction", "forward") == "reverse"
    return kind(units, name=name, **options)


def _weights(node: Node, kernel: np.ndarray, recurrent: np.ndarray, bias: Any) -> list[np.ndarray]:
    """Those of each direction, as our layers have them."""
    gates, units = GATES[node.operation], recurrent.shape[-1]
    columns = np.arange(gates * units).reshape(gates, units)
    order = (columns[[0, 2, 3, 1]] if node.operation == "LSTM" else columns).ravel()
    biases = None if bias is None else constant(bias, "B")
    if biases is not None and biases.shape != (len(kernel), 2 * gates * units):
        raise ValueError(f"B of shape {biases.shape} does not fit R of shape {recurrent.shape}")
    found = []
    for direction in range(len(kernel)):
        found += [kernel[direction].T[:, order], recurrent[direction].T[:, order]]
        if biases is not None:
            both = biases[direction].reshape(2, -1)[:, order]
            two = node.operation == "GRU" and node.get("linear_before_reset", 0)
            found.append(both if two else both.sum(axis=0))
    return found


def _initial(states: list[Any], directions: int, units: int, batch_axis: int) -> list[Any]:
    """Symbolic first states, h and c of each direction in turn; none where they are zeros."""
    zero = [
        one is None
        or (isinstance(one, Filled) and one.is_zero)
        or (isinstance(one, np.ndarray) and not one.any())
        for one in states
    ]
    if all(zero):
        return []
    known = next((one for one in states if isinstance(one, (View, Stack))), None)
    if known is None:
        raise ValueError("the first states must be zeros, or depend on the inputs")
    parts: list[list[Any]] = []
    for one, is_zero in zip(states, zero, strict=True):
        source = known if is_zero else one
        if not isinstance(source, (View, Stack)):
            raise ValueError("the first states must be zeros, or depend on the inputs")
        view = source.view() if isinstance(source, Stack) else source
        both = laid_out(view, [1 - (1 - batch_axis), 1 - batch_axis, 2] if batch_axis else [0, 1, 2])
        if both.shape[1:] != (directions, units):
            raise ValueError(
                f"first states of {described(view)} do not fit {directions} directions of {units}"
            )
        chosen = [both[:, direction] for direction in range(directions)]
        parts.append([tensor * 0.0 for tensor in chosen] if is_zero else chosen)
    return [part[direction] for direction in range(directions) for part in parts]


def _mask(sequence: Any, lengths: Any) -> Any:
    """Where a step is before the end of its text: (B, T)."""
    if isinstance(lengths, View):
        if len(lengths.axes) != 1:
            raise ValueError("sequence_lens must be numbers for each example")
        lengths = lengths.tensor
    ones = ops.ones_like(sequence[:, :, 0])
    count = ops.reshape(lengths, [-1, 1])
    return ops.cast(ops.less_equal(ops.cumsum(ones, axis=1), ops.cast(count, "float32")), "float32")


def _sequence(node: Node, result: Any, sizes: list[AnySize], directions: int) -> View:
    """Y: (T, directions, B, H), or with layout=1 (B, T, directions, H)."""
    if node.get("direction", "forward") == "reverse":
        result = ops.flip(result, 1)
    axes = ((0,), (1,), (2,), (3,)) if node.get("layout", 0) else ((1,), (2,), (0,), (3,))
    return View(result, tuple(sizes), axes)


def _final(
    graph: Graph,
    node: Node,
    result: Any,
    final: list[Any],
    sizes: list[AnySize],
    directions: int,
    sequences: bool,
) -> list[Any]:
    """Y_h and Y_c: (directions, B, H)."""
    count = STATES[node.operation]
    made: list[Any] = []
    for state in range(count):
        parts = [
            View(final[direction * count + state], tuple(sizes), ((0,), (1,)))
            for direction in range(directions)
        ]
        whole = None
        if state == 0 and not sequences and directions == 2:
            whole = View(result, (sizes[0], sizes[1] * directions), ((0,), (1,)))
        stack = Stack(tuple(parts), whole)
        graph.stacks.append(stack)
        if node.get("layout", 0):
            view = stack.view()
            made.append(View(view.tensor, view.dims, (view.axes[1], view.axes[0], view.axes[2])))
        else:
            made.append(stack)
    return made
