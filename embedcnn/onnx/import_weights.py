"""Nodes of ONNX that become layers with weights, which learn: Gather of a table, Conv, Gemm, MatMul and
normalisations; and pooling over windows, which shares the windows of Conv.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import layers, ops
from ..graph.nodes import SymbolicTensor
from .import_arithmetic import on_views, reduced
from .import_graph import Graph, Node, handles
from .import_layout import (
    Form,
    View,
    conformed,
    described,
    grouped,
    laid_out,
    memory_order,
    plain,
    with_last,
)
from .import_parts import gathered, padded
from .import_sizes import AnySize, Size, product
from .import_values import constant, one_of_rank, rank_of


def with_weights(layer: Any, tensor: SymbolicTensor, arrays: Sequence[np.ndarray]) -> SymbolicTensor:
    """The result of a layer, which gets these weights where it had none."""
    new = not layer.built or not layer.nodes
    made: SymbolicTensor = layer(tensor)
    if new:
        layer.set_weights(list(arrays))
    return made


# -- tables --------------------------------------------------------------------------------------------------
@handles("Gather")
def _gather(graph: Graph, node: Node, data: Any, indices: Any) -> Any:
    axis = one_of_rank(node.get("axis", 0), rank_of(data))
    if isinstance(indices, np.ndarray):
        if indices.dtype == object:
            raise ValueError("the places must be known: give `input_shapes`")
        return gathered(data, axis, indices)
    if not isinstance(indices, View) or axis or not isinstance(data, np.ndarray) or data.dtype == object:
        raise ValueError("rows are chosen by inputs from a constant table, along axis 0")
    order = range(len(indices.axes))
    ids = laid_out(indices, order)
    if data.ndim != 2 or data.dtype.kind != "f" or len(ids.shape) not in (2, 3):
        made = ops.take(data.astype(np.float32) if data.dtype.kind == "f" else data, ids, 0)
        return plain(made, [*indices.shape, *data.shape[1:]])

    def make() -> Any:
        table = np.ascontiguousarray(data, np.float32)
        name = graph.layer_name(node, node.inputs[0])
        rows, dimensions = table.shape
        return layers.Embedding(rows, dimensions, weights=[table.copy()], name=name)

    layer = graph.layer(node, node.inputs[:1], make)
    return plain(layer(ids), [*indices.shape, data.shape[1]])


# -- products ------------------------------------------------------------------------------------------------
@handles("Gemm")
def _gemm(graph: Graph, node: Node, a: Any, b: Any, c: Any = None) -> View:
    if not isinstance(a, View) or node.get("transA", 0):
        raise ValueError("its first operand must depend on the inputs, and transA be 0")
    kernel = constant(b, "the second operand") * np.float32(node.get("alpha", 1.0))
    kernel = kernel.T if node.get("transB", 0) else kernel
    if isinstance(c, View):
        return on_views([_dense(graph, node, a, kernel, None, node.inputs[1:2]), c], ops.add)
    bias = None if c is None else constant(c, "the bias") * np.float32(node.get("beta", 1.0))
    return _dense(graph, node, a, kernel, bias, node.inputs[1:3])


@handles("MatMul")
def _matmul(graph: Graph, node: Node, a: Any, b: Any) -> View:
    if isinstance(a, View) and isinstance(b, np.ndarray) and b.ndim == 2:
        bias, out = _bias_behind(graph, node, b.shape[1])
        made = _dense(graph, node, a, constant(b, "the second operand"), bias, node.inputs[1:2])
        if out:
            graph.values[out] = made
        return made
    if not isinstance(a, View) or not isinstance(b, View):
        raise ValueError("one operand must depend on the inputs, the other too or be a matrix behind it")
    return _of_both(a, b)


def _bias_behind(graph: Graph, node: Node, units: int) -> tuple[np.ndarray | None, str]:
    """The vector that the only reader of a product adds, and what that is called; None: there is none."""
    readers = graph.readers(node.outputs[0])
    reader = readers[0] if len(readers) == 1 else None
    if reader is None or reader.operation != "Add":
        return None, ""
    other = next((name for name in reader.inputs if name != node.outputs[0]), "")
    bias = graph.values.get(other)
    if not isinstance(bias, np.ndarray) or bias.shape != (units,) or bias.dtype.kind != "f":
        return None, ""
    return constant(bias, "the bias"), reader.outputs[0]


def _dense(
    graph: Graph, node: Node, x: View, kernel: np.ndarray, bias: np.ndarray | None, names: Sequence[str]
) -> View:
    """A Dense along the last axis."""
    last = len(x.axes) - 1
    if x.shape[last] != kernel.shape[0]:
        raise ValueError(f"{described(x)} does not fit a matrix of shape {kernel.shape}")
    if bias is not None and bias.shape != (kernel.shape[1],):
        if bias.size not in (1, kernel.shape[1]):
            raise ValueError(f"a bias of shape {bias.shape} does not fit a matrix of shape {kernel.shape}")
        bias = np.broadcast_to(bias.reshape(-1), (kernel.shape[1],))

    def make() -> Any:
        name = graph.layer_name(node, names[0])
        return layers.Dense(kernel.shape[1], use_bias=bias is not None, name=name)

    layer = graph.layer(node, names, make)
    tensor, again = with_last(x, last)
    return again(with_weights(layer, tensor, [kernel] if bias is None else [kernel, bias]), kernel.shape[1])


def _of_both(a: View, b: View) -> View:
    """The product of two Views, example by example."""
    rank = max(len(a.axes), len(b.axes))
    a, b = (View(one.tensor, one.dims, ((),) * (rank - len(one.axes)) + one.axes) for one in (a, b))
    if rank < 3 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"{described(a)} and {described(b)} cannot be multiplied example by example")
    form = Form(rank - 2)
    for one in (a, b):
        groups, order = grouped(View(one.tensor, one.dims, one.axes[:-2]))
        form.join(groups, order)
    made, lead = [], len(form.dims)
    for one in (a, b):
        # the last two axes behind the others, each whole
        whole = Form(rank)
        whole.dims = [*form.dims, one.shape[-2], one.shape[-1]]
        whole.axes = [*form.axes, [lead], [lead + 1]]
        made.append(conformed(_merged(one), whole))
    tensor = ops.matmul(*made)
    dims = (*form.dims, a.shape[-2], b.shape[-1])
    return View(tensor, dims, (*map(tuple, form.axes), (lead,), (lead + 1,)))


def _merged(x: View) -> View:
    """The view with the last two axes whole: each one dim, or none of size 1."""
    if all(len(axis) == 1 for axis in x.axes[-2:]):
        return x
    order = memory_order(x)
    return plain(laid_out(x, order), [x.shape[one] for one in order], order)


# -- convolutions and pooling --------------------------------------------------------------------------------
def windows(
    node: Node, count: int, kernel: Sequence[int]
) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """Strides, dilations and padding (before, behind) of each axis of a node with windows."""
    strides = list(node.get("strides", [1] * count))
    dilations = list(node.get("dilations", [1] * count))
    pads = list(node.get("pads", [0] * 2 * count))
    automatic = node.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        if any(stride != 1 for stride in strides):
            raise ValueError(f"auto_pad={automatic!r} with strides {strides} is not known here")
        spans = [(size - 1) * step for size, step in zip(kernel, dilations, strict=True)]
        less, more = [span // 2 for span in spans], [span - span // 2 for span in spans]
        pads = [*less, *more] if automatic == "SAME_UPPER" else [*more, *less]
    elif automatic not in ("NOTSET", "VALID"):
        raise ValueError(f"auto_pad={automatic!r} is not known here")
    if not len(strides) == len(dilations) == len(kernel) == count or len(pads) != 2 * count or min(pads) < 0:
        raise ValueError(
            f"strides {strides}, dilations {dilations}, pads {pads} and the kernel {kernel} do not fit"
        )
    return strides, dilations, list(zip(pads[:count], pads[count:], strict=True))


@handles("Conv")
def _conv(graph: Graph, node: Node, x: Any, weight: Any, bias: Any = None) -> View:
    kernel = constant(weight, "the kernel")
    count = kernel.ndim - 2
    if not isinstance(x, View) or len(x.axes) != kernel.ndim or count not in (1, 2):
        raise ValueError(f"a kernel of shape {kernel.shape} needs an input of {kernel.ndim} axes, 3 or 4")
    strides, dilations, pads = windows(node, count, kernel.shape[2:])
    group = node.get("group", 1)
    if x.shape[1] != kernel.shape[1] * group:
        raise ValueError(f"{described(x)} does not fit a kernel of shape {kernel.shape} in {group} groups")
    if count == 1:
        return _conv1d(graph, node, x, kernel, bias, strides[0], dilations[0], pads[0], group)
    whole = [axis for axis in (1, 0) if kernel.shape[2 + axis] == x.shape[2 + axis] and pads[axis] == (0, 0)]
    if not whole or group != 1:
        return _conv2d(graph, node, x, kernel, bias, strides, dilations, pads, group)
    # windows as wide as the input: their places along that axis are channels of a convolution over the other
    across, along = whole[0], 1 - whole[0]
    order = [0, 2 + along, 1, 2 + across]
    tensor = laid_out(x, order)
    rows = kernel.transpose(0, 1, 2 + across, 2 + along)
    flat = rows.reshape(len(kernel), -1, kernel.shape[2 + along])
    merged = plain(tensor, [x.shape[one] for one in order])
    one = View(tensor, merged.dims, ((0,), (2, 3), (1,)))
    made = _conv1d(graph, node, one, flat, bias, strides[along], dilations[along], pads[along], 1)
    axes = [*made.axes]
    axes.insert(2 + across, ())
    return View(made.tensor, made.dims, tuple(axes))


def _conv1d(
    graph: Graph,
    node: Node,
    x: View,
    kernel: np.ndarray,
    bias: Any,
    stride: int,
    dilation: int,
    pads: tuple[int, int],
    group: int,
) -> View:
    """A Conv1D over the last axis of (B, C, T); kernel (F, C / group, K)."""
    filters, _, width = kernel.shape
    span = (width - 1) * dilation
    padding = "valid"
    if stride == 1 and pads == (span // 2, span - span // 2) and span:
        padding = "same"
    elif stride == 1 and pads == (span, 0) and span:
        padding = "causal"
    elif pads != (0, 0):
        x = padded(x, 2, pads[0], pads[1], 0.0)

    def make() -> Any:
        return layers.Conv1D(
            filters,
            width,
            strides=stride,
            padding=padding,
            dilation_rate=dilation,
            groups=group,
            use_bias=bias is not None,
            name=graph.layer_name(node, node.inputs[1]),
        )

    layer = graph.layer(node, node.inputs[1:], make)
    arrays = [kernel.transpose(2, 1, 0)] + ([constant(bias, "the bias")] if bias is not None else [])
    tensor = with_weights(layer, laid_out(x, [0, 2, 1]), arrays)
    steps = _steps(graph, x.shape[2], span, stride) if padding == "valid" else x.shape[2]
    return plain(tensor, [x.shape[0], steps, filters], [0, 2, 1])


def _steps(graph: Graph, size: AnySize, span: int, stride: int) -> AnySize:
    """How many windows there are."""
    if stride == 1:
        return size - span
    return (size - span - 1) // stride + 1


def _conv2d(graph: Graph, node: Node, x: View, kernel: np.ndarray, bias: Any, *settings: Any) -> View:
    """A Conv2D; kernel (F, C / group, K, K)."""
    conv2d = getattr(layers, "Conv2D", None)
    if conv2d is None:
        raise ValueError("windows over two axes are not known here, unless they are as wide as one of them")
    strides, dilations, pads, group = settings
    for axis, pair in enumerate(pads):
        if pair != (0, 0):
            x = padded(x, 2 + axis, pair[0], pair[1], 0.0)

    def make() -> Any:
        return conv2d(
            len(kernel),
            kernel.shape[2:],
            strides=tuple(strides),
            dilation_rate=tuple(dilations),
            groups=group,
            use_bias=bias is not None,
            name=graph.layer_name(node, node.inputs[1]),
        )

    layer = graph.layer(node, node.inputs[1:], make)
    arrays = [kernel.transpose(2, 3, 1, 0)] + ([constant(bias, "the bias")] if bias is not None else [])
    tensor = with_weights(layer, laid_out(x, [0, 2, 3, 1]), arrays)
    sizes = [
        _steps(graph, x.shape[2 + axis], (kernel.shape[2 + axis] - 1) * dilations[axis], strides[axis])
        for axis in range(2)
    ]
    return plain(tensor, [x.shape[0], *sizes, len(kernel)], [0, 2, 3, 1])


@handles("MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool")
def _pool(graph: Graph, node: Node, x: View) -> Any:
    largest = "Max" in node.operation
    count = len(x.axes) - 2
    places = list(range(2, len(x.axes)))
    whole = Node(node.proto, "ReduceMax" if largest else "ReduceMean", node.name, [], [], {})
    if node.operation.startswith("Global"):
        return reduced(graph, whole, x, places, True)
    kernel = list(node.get("kernel_shape"))
    strides, dilations, pads = windows(node, count, kernel)
    if any(dilation != 1 for dilation in dilations):
        raise ValueError(f"dilations of pooling must be 1. Received: dilations={dilations}")
    for axis in [axis for axis in range(count) if kernel[axis] == x.shape[2 + axis] and pads[axis] == (0, 0)]:
        x = reduced(graph, whole, x, [2 + axis], True)
        kernel[axis] = strides[axis] = 1
    if all(size == 1 for size in kernel) and all(stride == 1 for stride in strides):
        return [x]
    if count != 1:
        raise ValueError("windows over two axes are not pooled here")
    if node.get("ceil_mode", 0) and not (
        isinstance(x.shape[2], int) and not (x.shape[2] + sum(pads[0]) - kernel[0]) % strides[0]
    ):
        raise ValueError("`ceil_mode` must be 0 where the windows do not fit")
    if pads[0] != (0, 0):
        if not largest and not node.get("count_include_pad", 0):
            raise ValueError("an average that leaves padding out (count_include_pad=0) is not known here")
        x = padded(x, 2, pads[0][0], pads[0][1], -np.inf if largest else 0.0)
    layer = (layers.MaxPooling1D if largest else layers.AveragePooling1D)(
        kernel[0], strides[0], name=graph.name(node.name, node.operation.lower())
    )
    made = layer(laid_out(x, [0, 2, 1]))
    return [
        plain(made, [x.shape[0], _steps(graph, x.shape[2], kernel[0] - 1, strides[0]), x.shape[1]], [0, 2, 1])
    ]


# -- normalisations ------------------------------------------------------------------------------------------
@handles("BatchNormalization")
def _batch_normalization(graph: Graph, node: Node, x: View, *given: Any) -> list[View]:
    arrays = [constant(one, "a weight") for one in given]
    if node.get("training_mode", 0):
        raise ValueError("training_mode must be 0: export the model for inference")
    if len(x.axes) < 2 or len(arrays) != 4 or any(one.shape != (x.shape[1],) for one in arrays):
        raise ValueError(f"weights of shapes {[one.shape for one in arrays]} do not fit {described(x)}")

    def make() -> Any:
        return layers.BatchNormalization(
            epsilon=node.get("epsilon", 1e-5),
            momentum=node.get("momentum", 0.9),
            name=graph.layer_name(node, node.inputs[1]),
        )

    order = [0, *range(2, len(x.axes)), 1]
    tensor = with_weights(graph.layer(node, node.inputs[1:], make), laid_out(x, order), arrays)
    return [plain(tensor, [x.shape[one] for one in order], order)]


@handles("LayerNormalization", "RMSNormalization")
def _layer_normalization(graph: Graph, node: Node, x: View, scale: Any, shift: Any = None) -> list[View]:
    rank = len(x.axes)
    axis = one_of_rank(node.get("axis", -1), rank)
    gamma = constant(scale, "the scale").reshape(-1)
    centred = node.operation == "LayerNormalization"
    size = product(x.shape[axis:])
    if axis != rank - 1 or isinstance(size, Size) or gamma.size != size:
        raise ValueError(
            f"a scale of {gamma.size} values for the axes from {axis} on does not fit {described(x)}"
        )
    beta = constant(shift, "the bias").reshape(-1) if shift is not None else None
    epsilon = node.get("epsilon", 1e-5)

    def make() -> Any:
        name = graph.layer_name(node, node.inputs[1])
        if not centred:
            return layers.RMSNormalization(epsilon=epsilon, name=name)
        return layers.LayerNormalization(epsilon=epsilon, center=beta is not None, name=name)

    arrays = [gamma] if beta is None else [gamma, beta]
    tensor, again = with_last(x, axis)
    return [again(with_weights(graph.layer(node, node.inputs[1:], make), tensor, arrays), x.shape[axis])]


handles("Gather", known=True)(_gather)
