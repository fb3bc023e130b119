"""Nodes of ONNX with windows: Conv and ConvTranspose, over one axis or two, and pooling.

Their tensors are (B, C, T) or (B, C, H, W); a padding that is not the layers' own is made before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import layers, ops
from .import_arithmetic import reduced
from .import_graph import Graph, Node, handles
from .import_layout import View, described, laid_out, plain
from .import_parts import cut, padded
from .import_sizes import AnySize, Size
from .import_values import constant
from .import_weights import on_examples


def _same_padding(size: AnySize, span: int, stride: int) -> int:
    """How many places "same" adds along an axis."""
    if stride == 1:
        return span - 1
    if not isinstance(size, int):
        raise ValueError("auto_pad with strides needs a size that is known: give `input_shapes`")
    return max((-(-size // stride) - 1) * stride + span - size, 0)


def windows(
    node: Node, sizes: Sequence[AnySize], kernel: Sequence[int]
) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """Strides, dilations and padding (before, behind) of each axis of a node with windows."""
    count = len(sizes)
    strides = list(node.get("strides", [1] * count))
    dilations = list(node.get("dilations", [1] * count))
    pads = list(node.get("pads", [0] * 2 * count))
    automatic = node.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        spans = [
            _same_padding(size, (width - 1) * step + 1, stride)
            for size, width, step, stride in zip(sizes, kernel, dilations, strides, strict=True)
        ]
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
    strides, dilations, pads = windows(node, x.shape[2:], kernel.shape[2:])
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
    steps = _steps(x.shape[2], span, stride) if padding == "valid" else x.shape[2]
    return on_examples(graph, layer, x, [0, 2, 1], arrays, [steps, filters])


def _steps(size: AnySize, span: int, stride: int) -> AnySize:
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
    sizes = [
        _steps(x.shape[2 + axis], (kernel.shape[2 + axis] - 1) * dilations[axis], strides[axis])
        for axis in range(2)
    ]
    return on_examples(graph, layer, x, [0, 2, 3, 1], arrays, [*sizes, len(kernel)])


# -- the other way -------------------------------------------------------------------------------------------
@handles("ConvTranspose")
def _transposed(graph: Graph, node: Node, x: Any, weight: Any, bias: Any = None) -> View:
    """Every place adds its values times the taps to a window: the layer makes all places that windows reach,
    of which `pads` leave some out, and `output_padding` adds some behind.
    """
    kernel = constant(weight, "the kernel")  # (C, F, K) or (C, F, K, K)
    count = kernel.ndim - 2
    if not isinstance(x, View) or len(x.axes) != kernel.ndim or count not in (1, 2):
        raise ValueError(f"a kernel of shape {kernel.shape} needs an input of {kernel.ndim} axes, 3 or 4")
    if node.get("group", 1) != 1 or x.shape[1] != len(kernel):
        raise ValueError(
            f"{described(x)} does not fit a kernel of shape {kernel.shape} in {node.get('group', 1)} groups; "
            "known is 1"
        )
    strides = list(node.get("strides", [1] * count))
    dilations = list(node.get("dilations", [1] * count))
    spans = [(size - 1) * step + 1 for size, step in zip(kernel.shape[2:], dilations, strict=True)]
    whole = [
        (size - 1) * stride + span for size, stride, span in zip(x.shape[2:], strides, spans, strict=True)
    ]
    bounds = _bounds(node, x.shape[2:], strides, whole)
    beyond = [
        max(end - size, 0) if isinstance(end - size, int) else 0
        for (_, end), size in zip(bounds, whole, strict=True)
    ]

    def make() -> Any:
        kind: Any = layers.Conv1DTranspose if count == 1 else layers.Conv2DTranspose
        given = (kernel.shape[2:], tuple(strides), tuple(beyond), tuple(dilations))
        size, stride, more, step = (one[0] for one in given) if count == 1 else given
        return kind(
            kernel.shape[1],
            size,
            strides=stride,
            output_padding=more,
            dilation_rate=step,
            use_bias=bias is not None,
            name=graph.layer_name(node, node.inputs[1]),
        )

    layer = graph.layer(node, node.inputs[1:], make)
    arrays = [np.moveaxis(kernel, (0, 1), (-1, -2))]
    arrays += [constant(bias, "the bias")] if bias is not None else []
    order = [0, *range(2, count + 2), 1]
    sizes = [size + more for size, more in zip(whole, beyond, strict=True)]
    made = on_examples(graph, layer, x, order, arrays, [*sizes, kernel.shape[1]])
    for axis, ((begin, end), size) in enumerate(zip(bounds, sizes, strict=True), 2):
        if begin or end != size:
            made = cut(graph, made, axis, begin, end - size, 1)
    return made


def _bounds(
    node: Node, sizes: Sequence[AnySize], strides: Sequence[int], whole: Sequence[AnySize]
) -> list[tuple[int, Any]]:
    """Where the result begins and ends among the places that windows reach."""
    count = len(sizes)
    more = list(node.get("output_padding", [0] * count))
    pads = list(node.get("pads", [0] * 2 * count))
    wanted = node.get("output_shape")
    automatic = node.get("auto_pad", "NOTSET")
    if automatic not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER") or min([*pads, *more]) < 0:
        raise ValueError(f"auto_pad={automatic!r}, pads={pads}, output_padding={more} are not known here")
    if wanted is None and automatic.startswith("SAME"):
        wanted = [size * stride for size, stride in zip(sizes, strides, strict=True)]
    found = []
    for place, size in enumerate(whole):
        if wanted is None:
            found.append((pads[place], size + more[place] - pads[count + place]))
            continue
        outside = size + more[place] - list(wanted)[-count:][place]
        if not isinstance(outside, int) or outside < 0:
            raise ValueError(f"the size {size} of a transposed convolution does not hold {wanted}")
        begin = outside - outside // 2 if automatic != "SAME_UPPER" else outside // 2
        found.append((begin, size + more[place] - (outside - begin)))
    return found


@handles("MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool")
def _pool(graph: Graph, node: Node, x: View) -> Any:
    largest = "Max" in node.operation
    count = len(x.axes) - 2
    whole = Node(node.proto, "ReduceMax" if largest else "ReduceMean", node.name, [], [], {})
    if node.operation.startswith("Global"):
        return reduced(graph, whole, x, list(range(2, len(x.axes))), True)
    kernel = list(node.get("kernel_shape"))
    strides, dilations, pads = windows(node, x.shape[2:], kernel)
    if any(dilation != 1 for dilation in dilations):
        raise ValueError(f"dilations of pooling must be 1. Received: dilations={dilations}")
    for axis in [axis for axis in range(count) if kernel[axis] == x.shape[2 + axis] and pads[axis] == (0, 0)]:
        x = reduced(graph, whole, x, [2 + axis], True)
        kernel[axis] = strides[axis] = 1
    if all(size == 1 for size in kernel) and all(stride == 1 for stride in strides):
        return [x]
    if node.get("ceil_mode", 0) and not all(map(_fits, x.shape[2:], kernel, strides, pads)):
        raise ValueError("`ceil_mode` must be 0 where the windows do not fit")
    if count not in (1, 2) or isinstance(x.shape[1], Size):  # what no layer takes as images or sequences
        counted = bool(largest or node.get("count_include_pad", 0))
        for axis in range(count):
            x = _pooled_along(graph, x, 2 + axis, kernel[axis], strides[axis], pads[axis], largest, counted)
        return [x]
    padding = "same" if all(map(_is_same, x.shape[2:], kernel, strides, pads)) else "valid"
    if not largest and node.get("count_include_pad", 0) or padding == "valid":
        padding = "valid"
        for axis, pair in enumerate(pads):
            if pair != (0, 0):
                if not largest and not node.get("count_include_pad", 0):
                    raise ValueError(
                        "an average that leaves padding out (count_include_pad=0) is known here only as "
                        "padding='same'"
                    )
                x = padded(x, 2 + axis, pair[0], pair[1], -np.inf if largest else 0.0)
    return [_pooled(graph, node, x, kernel, strides, padding)]


def _pooled_along(
    graph: Graph,
    x: View,
    axis: int,
    width: int,
    stride: int,
    pads: tuple[int, int],
    largest: bool,
    counted: bool,
) -> View:
    """Pooling along one axis of known size, place by place of the windows; `counted`: an average counts the
    padding too.
    """
    if width == stride == 1 and pads == (0, 0):
        return x
    size = x.shape[axis]
    if not isinstance(size, int):
        raise ValueError(f"windows over {described(x)} need a size that is known: give `input_shapes`")
    count = (size + sum(pads) - width) // stride + 1
    if count < 1:
        raise ValueError(f"windows of {width} places are longer than axis {axis}: {described(x)}")
    if pads != (0, 0):
        x = padded(x, axis, pads[0], pads[1], -np.inf if largest else 0.0)
    last = (count - 1) * stride + 1
    parts = [cut(graph, x, axis, place, place + last, stride) for place in range(width)]
    made = parts[0].tensor
    for part in parts[1:]:
        if (part.dims, part.axes) != (parts[0].dims, parts[0].axes):
            raise ValueError(f"windows of {width} places along axis {axis} of {described(x)} lie apart")
        made = ops.maximum(made, part.tensor) if largest else made + part.tensor
    if largest:
        return parts[0].with_tensor(made)
    begins = np.arange(count) * stride
    inside = np.minimum(begins + width, pads[0] + size) - np.maximum(begins, pads[0])
    shares = np.full(count, 1.0 / width) if counted else 1.0 / inside
    if (shares == shares[0]).all():
        return parts[0].with_tensor(made * float(shares[0]))
    raise ValueError("an average that leaves padding out (count_include_pad=0) is not known along this axis")


def _pooled(
    graph: Graph, node: Node, x: View, kernel: Sequence[int], strides: Sequence[int], padding: str
) -> View:
    """A pooling layer over one axis or two."""
    largest, count = "Max" in node.operation, len(kernel)
    name = graph.name(node.name, node.operation.lower())
    order = [0, *range(2, count + 2), 1]
    layer: Any
    if count == 1:
        kind = layers.MaxPooling1D if largest else layers.AveragePooling1D
        layer = kind(kernel[0], strides[0], padding, name=name)
    else:
        kind_2d = layers.MaxPooling2D if largest else layers.AveragePooling2D
        layer = kind_2d(tuple(kernel), tuple(strides), padding, name=name)
    spans = [1 if padding == "same" else size for size in kernel]
    sizes = [_steps(x.shape[2 + axis], spans[axis] - 1, strides[axis]) for axis in range(count)]
    return on_examples(graph, layer, x, order, [], [*sizes, x.shape[1]])


def _fits(size: AnySize, width: int, stride: int, pads: tuple[int, int]) -> bool:
    """Whether the last window ends where the axis does."""
    return isinstance(size, int) and not (size + sum(pads) - width) % stride


def _is_same(size: AnySize, width: int, stride: int, pads: tuple[int, int]) -> bool:
    """Whether the padding is that of padding="same", less before than behind."""
    if stride != 1 and not isinstance(size, int):
        return False
    total = _same_padding(size, width, stride)
    return pads == (total // 2, total - total // 2)
