"""What all convolutions share: settings and their checks, weights, shapes; over texts or over images.

A layer of convolution.py, convolution_2d.py or depthwise_2d.py joins `OverTime` or `OverImages` (of
convolution_2d.py), which say what axes the windows have, with `Mixing`, `EachChannel` or `EachThenMixing`,
which say what weights, and has the signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers
from ..base.arguments import (
    check_strides_or_dilation,
    one_of,
    positive_integer,
    require_channels_last,
    single_integer,
)
from ..graph.nodes import Shape, SymbolicTensor
from .base import Layer, known_channels, require_rank


class Convolving(Layer):
    """A layer of windows over its input with weights on each tap of them."""

    not_stored = ("data_format",)  # always channels_last
    paddings: tuple[str, ...] = ("valid", "same")

    filters: int
    kernel_size: Any
    strides: Any
    dilation_rate: Any
    padding: str
    use_bias: bool
    bias_initializer: Any
    _channels: int

    @staticmethod
    def _size(argument: str, value: Any) -> Any:
        """A size along the axes of the windows; ValueError where it is none."""
        raise NotImplementedError

    @property
    def _taps(self) -> tuple[int, ...]:
        """The size of a window along each axis, as its kernel has it."""
        size = self.kernel_size
        return size if isinstance(size, tuple) else (size,)

    def _steps(self, input_shape: Shape) -> tuple[int | None, ...]:
        """How many windows there are along each axis."""
        raise NotImplementedError

    def _set_windows(
        self, kernel_size: Any, strides: Any, padding: Any, dilation_rate: Any, data_format: Any = None
    ) -> None:
        self.kernel_size = self._size("kernel_size", kernel_size)
        self.strides = self._size("strides", strides)
        self.dilation_rate = self._size("dilation_rate", dilation_rate)
        self.padding = one_of("padding", padding, self.paddings)
        require_channels_last(data_format)
        check_strides_or_dilation(self.strides, self.dilation_rate)

    def _set_weights(self, activation: Any, use_bias: bool, bias: Any, **initial: Any) -> None:
        """`initial`: the initializers of kernels, by their argument."""
        self.activation = activations.chosen(activation)
        self.use_bias = use_bias
        for argument, initializer in initial.items():
            setattr(self, argument, initializers.get(initializer, argument))
        self.bias_initializer = initializers.get(bias, "bias_initializer")

    def _add_bias(self, size: int) -> None:
        self.bias = self.add_weight("bias", (size,), self.bias_initializer) if self.use_bias else None

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        if self.built and tensors[0].shape[-1] != self._channels:
            raise ValueError(
                f"Layer {self.name!r} was built for {self._channels} channels. Received: "
                f"shape={tensors[0].shape}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *self._steps(input_shape), self.filters)


class OverTime(Convolving):
    """Windows over a text (B, T, C)."""

    paddings: tuple[str, ...] = ("valid", "same", "causal")
    _size = staticmethod(single_integer)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")
        super().check_inputs(tensors)

    def _steps(self, input_shape: Shape) -> tuple[int | None, ...]:
        time = input_shape[1]
        if time is None:
            return (None,)
        span = (self.kernel_size - 1) * self.dilation_rate + 1
        if self.padding == "valid":
            # A masked text that is shorter than the kernel still has one window; the core decides per batch.
            return (max(1, -(-(time - span + 1) // self.strides)),)
        return (-(-time // self.strides),)


class Mixing(Convolving):
    """Filters that read all channels, or those of their group: kernel (taps, C / groups, filters)."""

    groups: int
    kernel_initializer: Any

    def _set_filters(self, filters: Any, groups: Any) -> None:
        self.groups = positive_integer("groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                f"`filters` must be a multiple of `groups`. Received: filters={filters}, groups={groups}"
            )

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        if self._channels % self.groups:
            raise ValueError(
                f"The channels of the input of {self.name!r} must be a multiple of `groups`={self.groups}. "
                f"Received: shape={input_shape}"
            )
        shape = (*self._taps, self._channels // self.groups, self.filters)
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer)
        self._add_bias(self.filters)


class EachChannel(Convolving):
    """`depth_multiplier` filters for each channel: kernel (taps, C, depth_multiplier)."""

    depth_multiplier: int
    depthwise_initializer: Any

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape = (*self._taps, self._channels, self.depth_multiplier)
        self.kernel = self.add_weight("kernel", shape, self.depthwise_initializer)
        self._add_bias(self._channels * self.depth_multiplier)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels = known_channels(self, input_shape) * self.depth_multiplier
        return (input_shape[0], *self._steps(input_shape), channels)


class EachThenMixing(Convolving):
    """The same, then a mix of what each channel gave: depthwise_kernel and pointwise_kernel (1 ..., C ·
    depth_multiplier, filters).
    """

    depth_multiplier: int
    depthwise_initializer: Any
    pointwise_initializer: Any

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape: tuple[int, ...] = (*self._taps, self._channels, self.depth_multiplier)
        self.depthwise_kernel = self.add_weight("depthwise_kernel", shape, self.depthwise_initializer)
        shape = (*(1 for _ in self._taps), self._channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self.add_weight("pointwise_kernel", shape, self.pointwise_initializer)
        self._add_bias(self.filters)
