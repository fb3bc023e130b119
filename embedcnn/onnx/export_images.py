"""Convolutions, pooling and other sizes of images [B, H, W, C], which ONNX has with the channels first.

Sizes of images are known, so pads are numbers: padding="same" has as few places as its windows need, the
odd one behind.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..graph.nodes import Shape
from ..lowering.operations import Operation
from ..ops.image import resize
from .export_graph import Graph, Value
from .export_pointwise import activated

ENDS = ("rows", "cols")


def _pair(op: Operation, name: str, default: int) -> list[int]:
    return [op.attributes.get(f"{name}_{end}", default) for end in ENDS]


def _channels_first(g: Graph, name: str) -> str:
    return g.node("Transpose", name, perm=[0, 3, 1, 2])


def _channels_last(g: Graph, name: str) -> str:
    return g.node("Transpose", name, perm=[0, 2, 3, 1])


def _pads(op: Operation, shape: Shape, size: list[int], strides: list[int], rates: list[int]) -> list[int]:
    """Places before rows and columns, then behind them."""
    if op.attributes.get("padding", "valid") == "valid":
        return [0, 0, 0, 0]
    before, behind = [], []
    for length, taps, stride, rate in zip(shape[1:3], size, strides, rates, strict=True):
        assert length is not None  # of images it is known
        reach = (-(-length // stride) - 1) * stride + (taps - 1) * rate + 1
        outside = max(reach - length, 0)
        before.append(outside // 2)
        behind.append(outside - outside // 2)
    return [*before, *behind]


def _convolution(g: Graph, op: Operation, x: Value, filters: str, group: int) -> Value:
    """Conv with filters [F, C / groups, rows, columns]."""
    kernel, *biases = op.variables
    size, strides, rates = list(kernel.shape[:2]), _pair(op, "stride", 1), _pair(op, "dilation", 1)
    made = g.node(
        "Conv",
        *(_channels_first(g, x.name), filters, *map(g.weight, biases)),
        kernel_shape=size,
        strides=strides,
        dilations=rates,
        pads=_pads(op, g.shapes[0], size, strides, rates),
        group=group,
    )
    return activated(g, x.made(_channels_last(g, made)), op.attributes.get("activation", "linear"))


def conv2d(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    kernel = op.variables[0]
    filters = g.weight(kernel, "filters", np.asarray(kernel).transpose(3, 2, 0, 1))
    return _convolution(g, op, inputs[0], filters, op.attributes.get("groups", 1))


def conv2d_pool(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """The largest of each 2 x 2 pixels that a convolution makes."""
    made = conv2d(g, op, inputs)
    largest = g.node("MaxPool", _channels_first(g, made.name), kernel_shape=[2, 2], strides=[2, 2])
    return made.made(_channels_last(g, largest))


def separable_conv2d(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """depthwise_conv2d, conv2d of single pixels with an activation, and where it `pools` max_pool2d."""
    settings, weights = op.attributes, list(op.variables)
    first = 2 if settings.get("first_bias") else 1
    windows = settings | {"activation": settings.get("first_activation", "linear")}
    made = depthwise_conv2d(g, replace(op, variables=weights[:first], attributes=windows), inputs)
    single = {"activation": settings.get("activation", "linear")}
    kind = conv2d_pool if settings.get("pools") else conv2d
    return kind(g, replace(op, variables=weights[first:], attributes=single), [made])


def depthwise_conv2d(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Every channel with kernels of its own, [rows, columns, C, M]."""
    kernel = op.variables[0]
    turned = np.asarray(kernel).transpose(2, 3, 0, 1)
    filters = g.weight(kernel, "filters", turned.reshape(-1, 1, *turned.shape[2:]))
    return _convolution(g, op, inputs[0], filters, turned.shape[0])


def conv2d_transpose(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Every pixel adds its values times the taps to a window; of all places that windows reach, a part."""
    (kernel, *biases), settings = op.variables, op.attributes
    size, strides, rates = list(kernel.shape[:2]), _pair(op, "stride", 1), _pair(op, "dilation", 1)
    filters = g.weight(kernel, "filters", np.asarray(kernel).transpose(3, 2, 0, 1))
    made = g.node(
        "ConvTranspose",
        *(_channels_first(g, inputs[0].name), filters),
        kernel_shape=size,
        strides=strides,
        dilations=rates,
    )
    for axis, (end, taps, stride, rate) in enumerate(zip(ENDS, size, strides, rates, strict=True), 2):
        length = g.shapes[0][axis - 1]
        assert length is not None  # of images it is known
        first, wanted = settings.get(f"lead_{end}", 0), settings[f"out_{end}"]
        behind = first + wanted - ((length - 1) * stride + (taps - 1) * rate + 1)
        made = g.padded(made, 4, axis, 0, behind) if behind > 0 else made
        made = g.sliced(made, axis, first, first + wanted)
    made = _channels_last(g, made)
    made = g.node("Add", made, g.weight(biases[0])) if biases else made
    return activated(g, inputs[0].made(made), settings.get("activation", "linear"))


def pool2d(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    size, strides = _pair(op, "pool", 2), _pair(op, "stride", 2)
    settings: dict[str, Any] = {"kernel_shape": size, "strides": strides}
    settings["pads"] = _pads(op, g.shapes[0], size, strides, [1, 1])
    kind = "MaxPool" if op.name == "max_pool2d" else "AveragePool"
    return inputs[0].made(_channels_last(g, g.node(kind, _channels_first(g, inputs[0].name), **settings)))


def resize_images(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Rows and columns each by a matrix of the core's own weights, for all ways to interpolate.

    y[:, i, j, c] = sum over k, l of r[i, k] s[j, l] x[:, k, l, c]
    """
    ways = op.attributes.get("interpolation", "bilinear"), bool(op.attributes.get("antialias"))
    x = _channels_first(g, inputs[0].name)
    for axis, size in ((2, "width"), (1, "height")):
        length = g.shapes[0][axis]
        assert length is not None
        unit = np.eye(length, dtype=np.float32)[None, :, None]  # a channel for each place
        shares = np.asarray(resize(unit, (op.attributes[size], 1), *ways))[0, :, 0]
        if axis == 2:
            x = g.node("MatMul", x, g.array(np.ascontiguousarray(shares.T), "columns"))
        else:
            x = g.node("MatMul", g.array(shares, "rows"), x)
    return inputs[0].made(_channels_last(g, x))


def window_images(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Zeros, or a value, around images; less than none where the window lies inside."""
    settings, shape = op.attributes, g.shapes[0]
    before, behind = [0, settings["top"], settings["left"], 0], [0, 0, 0, 0]
    for axis, size in ((1, "height"), (2, "width")):
        length = shape[axis]
        assert length is not None  # of images it is known
        behind[axis] = before[axis] + settings[size] - length
    pads = g.ints(*(-place for place in before), *behind)
    value = g.array(np.float32(settings.get("value", 0.0)), "around")
    return inputs[0].made(g.node("Pad", inputs[0].name, pads, value))


OPERATIONS = {
    "window_images": window_images,
    "conv2d": conv2d,
    "conv2d_pool": conv2d_pool,
    "conv2d_transpose": conv2d_transpose,
    "depthwise_conv2d": depthwise_conv2d,
    "separable_conv2d": separable_conv2d,
    "max_pool2d": pool2d,
    "average_pool2d": pool2d,
    "resize_images": resize_images,
}
