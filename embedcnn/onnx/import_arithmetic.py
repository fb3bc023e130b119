"""Nodes of ONNX that compute value by value, or reduce axes: Add, Relu, Softmax, ReduceMean and so on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import layers, ops
from .import_forms import together
from .import_graph import Graph, Node, handles
from .import_layout import View, factored, folding, with_last
from .import_sizes import AnySize, Size
from .import_values import Filled, axes_of, filled, one_of_rank

BINARY: dict[str, Callable[..., Any]] = {
    "Add": ops.add,
    "And": ops.logical_and,
    "Div": ops.divide,
    "Equal": ops.equal,
    "Greater": ops.greater,
    "GreaterOrEqual": ops.greater_equal,
    "Less": ops.less,
    "LessOrEqual": ops.less_equal,
    "Max": ops.maximum,
    "Min": ops.minimum,
    "Mod": ops.mod,
    "Mul": ops.multiply,
    "Or": ops.logical_or,
    "Pow": ops.power,
    "Sub": ops.subtract,
    "Sum": ops.add,
    "Xor": ops.logical_xor,
}
"""Operations of two operands; those of ONNX that take more are made of several."""

UNARY: dict[str, Callable[..., Any]] = {
    "Abs": ops.abs,
    "Acos": ops.arccos,
    "Asin": ops.arcsin,
    "Atan": ops.arctan,
    "Ceil": ops.ceil,
    "Cos": ops.cos,
    "Cosh": ops.cosh,
    "Erf": ops.erf,
    "Exp": ops.exp,
    "Floor": ops.floor,
    "HardSwish": ops.hard_swish,
    "IsNaN": ops.isnan,
    "Log": ops.log,
    "Mish": ops.mish,
    "Neg": ops.negative,
    "Not": ops.logical_not,
    "Reciprocal": ops.reciprocal,
    "Round": ops.round,
    "Sign": ops.sign,
    "Sin": ops.sin,
    "Sinh": ops.sinh,
    "Softsign": ops.softsign,
    "Sqrt": ops.sqrt,
    "Tan": ops.tan,
    "Swish": ops.silu,
}

ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Softplus": "softplus", "Tanh": "tanh"}
"""Those that become a layer, which the core joins with what is before them."""

ON_SIZES: dict[str, Callable[[Any, Any], Any]] = {
    "Add": lambda a, b: a + b,
    "Div": lambda a, b: a // b,
    "Equal": lambda a, b: _equal(a, b),
    "Mod": lambda a, b: a % b,
    "Mul": lambda a, b: a * b,
    "Sub": lambda a, b: a - b,
}
"""Of sizes that are not known."""


def _equal(a: Any, b: Any) -> bool:
    """Whether two sizes are one; ValueError where that is open. No size is 0 or less."""
    if isinstance(a, Size) == isinstance(b, Size):
        return bool(a == b)
    known = b if isinstance(a, Size) else a
    if known <= 0:
        return False
    raise ValueError(f"whether {a} is {b} is not known: give `input_shapes`")


def on_views(operands: Any, compute: Callable[..., Any]) -> View:
    """What a function of several makes of Views and arrays, with broadcasting."""
    plain_ones = [one.array if isinstance(one, Filled) else one for one in operands]
    made, form = together(plain_ones)
    return form.with_tensor(compute(*made))


@handles(*BINARY)
def _binary(graph: Graph, node: Node, *operands: Any) -> Any:
    if all(isinstance(one, (np.ndarray, Filled)) for one in operands):
        return _of_sizes(graph, node, operands)
    function = BINARY[node.operation]
    found = operands[0]
    for other in operands[1:]:
        if node.operation == "Div" and _whole(found) and _whole(other):
            found = on_views([found, other], lambda a, b: ops.cast(ops.trunc(ops.divide(a, b)), "int32"))
        else:
            found = on_views([found, other], function)
    return found


@handles("BitShift")
def _shift(graph: Graph, node: Node, x: Any, by: Any) -> View:
    """To the right alone: whole numbers stay exact below 2**24, as numbers of a model do."""
    if node.get("direction") != "RIGHT" or not isinstance(x, View) or not isinstance(by, np.ndarray):
        raise ValueError(
            "known are shifts to the right by constants, and the hashes that layers.HashedNgrams exports. "
            f"Received: direction={node.get('direction')!r}"
        )
    whole = on_views([x, np.float32(2) ** by.astype(np.float32)], ops.divide)
    return whole.with_tensor(ops.cast(ops.floor(whole.tensor), "int32"))


def _whole(value: Any) -> bool:
    """Whether it holds whole numbers."""
    return (
        value.dtype == "int32"
        if isinstance(value, View)
        else getattr(value, "dtype", np.float32) != np.float32
    )


def _of_sizes(graph: Graph, node: Node, operands: Any) -> Any:
    if any(isinstance(one, Filled) for one in operands):
        return _of_filled(graph, node, operands)
    if node.operation in ("Max", "Min") and len({str(one) for one in operands}) == 1:
        return operands[0]
    if node.operation not in ON_SIZES:
        raise ValueError("sizes that are not known are not computed with here: give `input_shapes`")
    a, b = np.broadcast_arrays(*operands)
    made = np.empty(a.shape, object)
    for place in np.ndindex(a.shape):
        left, right = (one if isinstance(one, Size) else int(one) for one in (a[place], b[place]))
        made[place] = ON_SIZES[node.operation](left, right)
    if node.operation == "Equal":
        return made.astype(bool)
    return made if any(isinstance(one, Size) for one in made.flat) else made.astype(np.int64)


def _of_filled(graph: Graph, node: Node, operands: Any) -> Any:
    """Value by value of constants, some of which are repeated to a size that is not known."""
    arrays = [one.array if isinstance(one, Filled) else one for one in operands]
    if any(array.dtype == object for array in arrays):
        raise ValueError("sizes that are not known are not computed with here: give `input_shapes`")
    (found,) = graph.computed(node, arrays)
    shapes = [(1,) * (found.ndim - len(one.shape)) + tuple(one.shape) for one in operands]
    joined = [next((size for size in sizes if size != 1), 1) for sizes in zip(*shapes, strict=True)]
    return filled(np.asarray(found), joined)


@handles("Mean")
def _mean(graph: Graph, node: Node, *operands: Any) -> View:
    total = operands[0]
    for other in operands[1:]:
        total = on_views([total, other], ops.add)
    return total.with_tensor(ops.multiply(total.tensor, 1 / len(operands)))


@handles("Where")
def _where(graph: Graph, node: Node, condition: Any, x: Any, y: Any) -> Any:
    if all(isinstance(one, np.ndarray) for one in (condition, x, y)):
        made = np.where(condition.astype(bool), x, y)
        return made if any(isinstance(one, Size) for one in made.flat) else made.astype(np.int64)
    return on_views([condition, x, y], ops.where)


@handles("Clip")
def _clip(graph: Graph, node: Node, x: View, low: Any = None, high: Any = None) -> View:
    for value, name, function in ((low, "min", ops.maximum), (high, "max", ops.minimum)):
        limit = value if value is not None else node.get(name)
        if limit is not None:
            x = on_views([x, np.asarray(limit)], function)
    return x


# -- of one --------------------------------------------------------------------------------------------------
@handles(*UNARY)
def _unary(graph: Graph, node: Node, x: Any) -> Any:
    return _changed(x, UNARY[node.operation])


def _changed(x: Any, function: Callable[[Any], Any]) -> Any:
    """A function of each value."""
    if isinstance(x, Filled):
        return Filled(np.asarray(function(x.array)), x.shape)
    if not isinstance(x, View):
        raise ValueError("sizes that are not known are not computed with here: give `input_shapes`")
    return x.with_tensor(function(x.tensor))


@handles(*ACTIVATIONS)
def _activation(graph: Graph, node: Node, x: Any) -> Any:
    layer = layers.Activation(ACTIVATIONS[node.operation], name=graph.name(node.name, node.operation.lower()))
    sequence = isinstance(x, View) and 1 < len(x.tensor.shape) < 5 and x.dtype == "float32"
    return _changed(x, layer if sequence else getattr(ops, ACTIVATIONS[node.operation]))


@handles("LeakyRelu", "Elu", "Celu", "Selu", "ThresholdedRelu", "HardSigmoid", "Gelu", "Shrink")
def _with_settings(graph: Graph, node: Node, x: Any) -> Any:
    alpha, beta = node.get("alpha"), node.get("beta")
    if node.operation == "LeakyRelu":
        return _changed(x, lambda value: ops.leaky_relu(value, 0.01 if alpha is None else alpha))
    if node.operation == "Elu":
        return _changed(x, lambda value: ops.elu(value, 1.0 if alpha is None else alpha))
    if node.operation == "Celu":
        return _changed(x, lambda value: ops.celu(value, 1.0 if alpha is None else alpha))
    if node.operation == "ThresholdedRelu":
        return _changed(x, lambda value: ops.threshold(value, 1.0 if alpha is None else alpha, 0.0))
    if node.operation == "Gelu":
        return _changed(
            x, lambda value: ops.gelu(value, approximate=node.get("approximate", "none") == "tanh")
        )
    if node.operation == "HardSigmoid":
        slope, shift = 0.2 if alpha is None else alpha, 0.5 if beta is None else beta
        return _changed(x, lambda value: ops.clip(value * slope + shift, 0.0, 1.0))
    if node.operation == "Selu" and (alpha is None or abs(alpha - 1.6732632) < 1e-4):
        return _changed(x, ops.selu)
    raise ValueError(f"these settings are not known here: {node.attributes}")


@handles("PRelu")
def _prelu(graph: Graph, node: Node, x: View, slope: Any) -> View:
    rest = on_views([_changed(x, lambda value: ops.minimum(value, 0.0)), slope], ops.multiply)
    return on_views([_changed(x, ops.relu), rest], ops.add)


@handles("Softmax", "LogSoftmax")
def _softmax(graph: Graph, node: Node, x: View) -> View:
    rank = len(x.axes)
    axis = one_of_rank(node.get("axis", -1 if graph.opset >= 13 else 1), rank)
    if graph.opset < 13 and axis != rank - 1:
        raise ValueError(
            "graphs before opset 13 normalise all axes from `axis` on together, which is not known here"
        )
    name = "softmax" if node.operation == "Softmax" else "log_softmax"
    tensor, again = with_last(x, axis)
    if len(tensor.shape) < 4:
        made = layers.Activation(name, name=graph.name(node.name, name))(tensor)
    else:
        made = getattr(ops, name)(tensor, axis=-1)
    return again(made, x.shape[axis])


# -- reductions ----------------------------------------------------------------------------------------------
REDUCTIONS: dict[str, Callable[..., Any]] = {
    "ReduceL1": lambda x, axis: ops.sum(ops.abs(x), axis),
    "ReduceL2": lambda x, axis: ops.sqrt(ops.sum(ops.square(x), axis)),
    "ReduceLogSum": lambda x, axis: ops.log(ops.sum(x, axis)),
    "ReduceLogSumExp": lambda x, axis: ops.logsumexp(x, axis),
    "ReduceMax": ops.max,
    "ReduceMean": ops.mean,
    "ReduceMin": ops.min,
    "ReduceProd": ops.prod,
    "ReduceSum": ops.sum,
    "ReduceSumSquare": lambda x, axis: ops.sum(ops.square(x), axis),
}
POOLINGS: dict[str, Any] = {
    "ReduceMax": layers.GlobalMaxPooling1D,
    "ReduceMean": layers.GlobalAveragePooling1D,
    "ReduceSum": layers.GlobalSumPooling1D,
}
"""Layers for the reductions of the steps of a sequence, which the core joins with what is before them."""


@handles(*REDUCTIONS)
def _reduce(graph: Graph, node: Node, x: Any, given: Any = None) -> Any:
    if isinstance(x, np.ndarray):
        if node.operation != "ReduceProd" or x.ndim != 1:
            raise ValueError("sizes that are not known are not computed with here: give `input_shapes`")
        total: Any = 1
        for size in x:
            total = total * size
        made = np.empty((1,) * node.get("keepdims", 1), object)
        made[...] = total
        return made
    axes = axes_of(node, given, len(x.shape))
    if isinstance(x, Filled):
        return _reduced_filled(node, x, axes or [])
    if not axes:
        if node.get("noop_with_empty_axes", 0):
            return x
        raise ValueError("the axes must be given: one result for the whole batch is not known here")
    return reduced(graph, node, x, axes, bool(node.get("keepdims", 1)))


def _reduced_filled(node: Node, x: Filled, axes: list[int]) -> Any:
    """A reduction of a constant of open size over axes that are known."""
    counts = [x.shape[axis] for axis in axes]
    if not axes or any(isinstance(size, Size) for size in counts):
        raise ValueError(
            f"a constant of shape {x.shape} is reduced over sizes that are not known: give `input_shapes`"
        )
    whole: list[Any] = [
        size if axis in axes else own
        for axis, (size, own) in enumerate(zip(x.shape, x.array.shape, strict=True))
    ]
    array = np.broadcast_to(x.array, whole)
    made = np.asarray(REDUCTIONS[node.operation](array.astype(np.float32), list(axes))).astype(array.dtype)
    shape = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    kept = np.expand_dims(made, tuple(axes))
    if node.get("keepdims", 1):
        return filled(kept, shape)
    return filled(kept.squeeze(tuple(axes)), [size for axis, size in enumerate(x.shape) if axis not in axes])


def reduced(graph: Graph, node: Node, x: View, axes: list[int], keepdims: bool) -> View:
    """A reduction over axes of ONNX."""
    gone = sorted(dim for axis in axes for dim in x.axes[axis])
    if 0 in gone:
        raise ValueError("one result for the whole batch is not known here: axis 0 is that of the examples")
    folds = folding(x)
    places = [place for place, part in enumerate(folds or []) if set(part) & set(gone)]
    if folds is None or any(not set(folds[place]) <= set(gone) for place in places):
        tensor, places = factored(x), gone
    else:
        tensor = x.tensor
    pooling = POOLINGS.get(node.operation) if places == [1] and len(tensor.shape) == 3 else None
    if not gone:
        made = tensor
    elif pooling is not None and x.dtype == "float32" and tensor.shape[2] is not None:
        made = pooling(name=graph.name(node.name, node.operation.lower()))(tensor)
    else:
        made = REDUCTIONS[node.operation](tensor, list(places))
    kept = [dim for dim in range(len(x.dims)) if dim not in gone]
    dims: list[AnySize] = [x.dims[dim] for dim in kept]
    groups = [
        tuple(kept.index(dim) for dim in group if dim in kept)
        for axis, group in enumerate(x.axes)
        if keepdims or axis not in axes
    ]
    return View(made, tuple(dims), tuple(groups))
