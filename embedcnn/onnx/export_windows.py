"""Convolutions and pooling over windows of steps, by the rules of DESIGN.md, Masks: windows are counted from
the
first token of a text's span, a text shorter than the kernel has one window, pads around it are zeros.

Without a mask a convolution is Conv of ONNX and nothing else. Under a mask with strides of 1 only what stands
at masked steps is replaced; with larger strides texts are moved to where their windows begin, and results
back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..lowering.operations import Operation
from . import export_steps as steps
from .export_graph import LEAST, Graph, Mask, Value
from .export_pointwise import activated
from .export_reductions import largest_step

Function = Callable[[Graph, Operation, "list[Value]"], Value]
Run = Callable[..., str]
"""Makes windows of [B, C, T]; takes attributes `strides`, and `pads` or `auto_pad`."""


class Windows:
    """Windows of `taps` steps over a sequence; `run` is what is done to each, steps last."""

    def __init__(
        self, g: Graph, x: Value, taps: int, strides: int = 1, dilation_rate: int = 1, padding: str = "valid"
    ) -> None:
        self.g, self.x, self.stride, self.padding = g, x, strides, padding
        self.wide = (taps - 1) * dilation_rate + 1
        self.left = {"valid": 0, "same": (self.wide - 1) // 2, "causal": self.wide - 1}[padding]
        self.right = 0 if padding == "valid" else self.wide - 1 - self.left
        self._mask: Mask | None = None
        self._source: str | None = None
        self._back: str | None = None
        self._count: str | None = None

    def apply(self, run: Run, fill: float = 0.0) -> tuple[str, Mask | None]:
        """The results of all windows [B, T, ...] and which there are; `fill` stands at masked steps."""
        g, x = self.g, self.x
        if x.mask is None:
            if self.padding == "same" and self.stride > 1:  # of no larger strides: see over_windows
                return self._turned(run, x.name, auto_pad="SAME_UPPER"), None
            return self._turned(run, x.name, pads=[self.left, self.right]), None
        if self.stride == 1 and self.padding != "valid":
            made = self._turned(run, g.filled(x, fill), pads=[self.left, self.right])
            return made, steps.inside(g, x.mask)
        return self._moved(run, x.mask, fill)

    def _turned(self, run: Run, name: str, **settings: Any) -> str:
        turned = self.g.node("Transpose", name, perm=[0, 2, 1])
        made = run(turned, strides=[self.stride], **settings)
        return self.g.node("Transpose", made, perm=[0, 2, 1])

    def _moved(self, run: Run, mask: Mask, fill: float) -> tuple[str, Mask]:
        """Windows counted from where each text begins."""
        g, wide, stride = self.g, self.g.whole(self.wide), self.g.whole(self.stride)
        width, found = g.size(self.x.name, 1), steps.span(g, mask)
        one, least = g.whole(1), g.whole(0)
        filled = g.filled(self.x, fill)
        if self.padding == "valid":
            fits = g.node("Add", g.node("Div", g.node("Sub", found.length, wide), stride), one)
            some = g.node("Max", fits, one)
            count = g.node("Where", g.node("Greater", found.length, least), some, least)
            short = g.node("Less", width, wide)
            over = g.node("Div", g.node("Max", g.node("Sub", width, wide), least), stride)
            width_out = g.node("Where", short, g.ints(1), g.node("Add", over, one))
        else:
            count = self._over(found.length)
            width_out = self._over(width)
        made = self._windows_of_texts(run, filled, found, count, width, width_out, fill)
        at = steps.positions(g, width_out)
        if found.begin is not None:  # window n of a text stands where its first token did
            last = g.node("Sub", width_out, one)
            first = g.node("Min", g.node("Div", found.begin, stride), last)
            at = g.node("Sub", at, first)
            made = steps.taken(g, made, steps.clipped(g, at, width_out))
        there = g.node("Less", at, count)
        if found.begin is not None:
            there = g.node("And", there, g.node("GreaterOrEqual", at, least))
        return made, Mask(there, mask.prefix)

    def _over(self, length: str) -> str:
        """How many strides begin within a length."""
        g = self.g
        return g.node("Div", g.node("Add", length, g.whole(self.stride - 1)), g.whole(self.stride))

    def _windows_of_texts(
        self, run: Run, name: str, found: steps.Span, count: str, width: str, width_out: str, fill: float
    ) -> str:
        """The windows of each text from the first on, `width_out` of them."""
        g = self.g
        begins = None if found.begin is None else found.begin
        left: str | None = None if self.left == 0 else g.whole(self.left)
        if self.padding == "same" and self.stride > 1:  # how much is outside depends on the length
            reach = g.node("Mul", g.node("Sub", count, g.whole(1)), g.whole(self.stride))
            outside = g.node("Sub", g.node("Add", reach, g.whole(self.wide)), found.length)
            left = g.node("Div", g.node("Max", outside, g.whole(0)), g.whole(2))
        before = self.wide if left is not None else 0
        behind = self.wide + self.stride
        name = g.padded(name, 3, 1, before, behind, g.number(fill) if fill else None)
        if begins is not None or left is not None:
            start = g.ints(before)
            start = g.node("Add", start, begins) if begins is not None else start
            start = g.node("Sub", start, left) if left is not None else start
            if begins is None and not (self.padding == "same" and self.stride > 1):
                name = g.sliced(name, 1, start, 2**31 - 1)
            else:
                total = g.size(name, 1)
                at = steps.positions(g, g.node("Sub", total, g.whole(before)))
                if begins is None:
                    start = g.node("Add", start, g.node("Mul", found.length, g.whole(0)))
                name = steps.taken(g, name, steps.clipped(g, g.node("Add", at, start), total))
        made = self._turned(run, name, pads=[0, 0])
        return g.sliced(made, 1, 0, width_out)


def convolution(g: Graph, x: Value, op: Operation, kernel: str, group: int, taps: int, bias: str) -> Value:
    """Conv over the steps; the kernel [F, C / groups, K], `bias` empty for none."""
    attributes = op.attributes
    rate = attributes.get("dilation_rate", 1)

    def run(name: str, **settings: Any) -> str:
        given = [name, kernel, bias] if bias else [name, kernel]
        return g.node("Conv", *given, dilations=[rate], group=group, kernel_shape=[taps], **settings)

    windows = Windows(g, x, taps, attributes.get("strides", 1), rate, attributes.get("padding", "valid"))
    made, mask = windows.apply(run)
    return x.made(made, mask=mask)


def over_windows(make: Function) -> Function:
    """ONNX's SAME_UPPER of strides larger than the window is negative in onnxruntime: there all steps are
    masked in.
    """

    def made(g: Graph, op: Operation, inputs: list[Value]) -> Value:
        x, settings = inputs[0], op.attributes
        size = op.variables[0].shape[0] if op.variables else settings.get("pool_size", 2)
        stride = settings.get("strides", 1 if op.variables else 2)
        if x.mask is not None or settings.get("padding", "valid") != "same" or stride <= size:
            return make(g, op, inputs)
        shape = g.joined(g.size(x.name, 0), g.size(x.name, 1))
        whole = Mask(g.node("Expand", g.cast(g.ints(1), "bool"), shape), True)
        return replace(make(g, op, [x.made(x.name, mask=whole)]), mask=None)

    return made


def _kernel(g: Graph, variable: Any) -> str:
    """A kernel [K, C, F] as ONNX has it, [F, C, K]."""
    return g.weight(variable, "filters", np.asarray(variable).transpose(2, 1, 0))


@over_windows
def conv1d(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    kernel, *biases = op.variables
    bias = g.weight(biases[0]) if biases else ""
    groups = op.attributes.get("groups", 1)
    return convolution(g, inputs[0], op, _kernel(g, kernel), groups, kernel.shape[0], bias)


@over_windows
def depthwise_conv1d(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    kernel, *biases = op.variables
    taps, channels, multiplier = kernel.shape
    turned = np.asarray(kernel).reshape(taps, channels * multiplier).T[:, None]
    bias = g.weight(biases[0]) if biases else ""
    return convolution(g, inputs[0], op, g.weight(kernel, "filters", turned), channels, taps, bias)


def conv_pool(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    made = activated(g, conv1d(g, op, inputs), op.attributes.get("activation", "linear"))
    return largest_step(g, made)


def token_conv_pool(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Several kernels over the same tokens, side by side."""
    use_bias = op.attributes.get("use_bias", True)
    made = []
    for number in range(0, len(op.variables), 2 if use_bias else 1):
        kernel = op.variables[number]
        bias = g.weight(op.variables[number + 1]) if use_bias else ""
        out = convolution(g, inputs[0], op, _kernel(g, kernel), 1, kernel.shape[0], bias)
        out = activated(g, out, op.attributes.get("activation", "linear"))
        made.append(largest_step(g, out))
    if len(made) == 1:
        return made[0]
    return made[0].made(g.node("Concat", *(one.name for one in made), axis=-1))


@over_windows
def max_pool(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x, size = inputs[0], op.attributes.get("pool_size", 2)

    def run(name: str, **settings: Any) -> str:
        return g.node("MaxPool", name, kernel_shape=[size], **settings)

    made, mask = _pool_windows(g, op, x).apply(run, LEAST)
    if x.mask is None or mask is None:
        return x.made(made, mask=mask)
    return x.made(made, mask=_some(g, op, x, mask))


@over_windows
def average_pool(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Under a mask the mean of zeros and values over that of zeros and ones."""
    x, size = inputs[0], op.attributes.get("pool_size", 2)
    within = 0 if x.mask is None else 1  # whether zeros around a text count

    def run(name: str, **settings: Any) -> str:
        return g.node("AveragePool", name, kernel_shape=[size], count_include_pad=within, **settings)

    made, mask = _pool_windows(g, op, x).apply(run)
    if x.mask is None or mask is None:
        return x.made(made, mask=mask)
    share, _ = _pool_windows(g, op, _ones(g, x, x.mask)).apply(run)
    some = g.node("Max", share, g.number(0.5 / size))
    return x.made(g.node("Div", made, some), mask=_some(g, op, x, mask))


def _pool_windows(g: Graph, op: Operation, x: Value) -> Windows:
    settings = op.attributes
    return Windows(
        g,
        x,
        settings.get("pool_size", 2),
        settings.get("strides", 2),
        padding=settings.get("padding", "valid"),
    )


def _ones(g: Graph, x: Value, mask: Mask) -> Value:
    """A sequence of ones, zeros where masked."""
    return x.made(g.unsqueezed(g.cast(mask.name, "float"), 2), clean=True)


def _some(g: Graph, op: Operation, x: Value, windows: Mask) -> Mask:
    """Which of the windows have a step that counts."""
    assert x.mask is not None
    if x.mask.prefix:
        return windows

    def run(name: str, **settings: Any) -> str:
        return g.node("MaxPool", name, kernel_shape=[op.attributes.get("pool_size", 2)], **settings)

    made, _ = _pool_windows(g, op, _ones(g, x, x.mask)).apply(run, 0.0)
    found = g.node("Greater", g.node("Squeeze", made, g.ints(2)), g.number(0.0))
    return Mask(g.node("And", windows.name, found))


OPERATIONS = {
    "conv1d": conv1d,
    "token_conv": conv1d,
    "depthwise_conv1d": depthwise_conv1d,
    "conv_pool": conv_pool,
    "token_conv_pool": token_conv_pool,
    "max_pool": max_pool,
    "average_pool": average_pool,
}
