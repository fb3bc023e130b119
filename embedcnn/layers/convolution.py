"""Conv1D, DepthwiseConv1D and SeparableConv1D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers
from ..base.arguments import one_of, positive_integer, require_channels_last, single_integer
from ..base.checked import checked
from ..graph.nodes import Shape, SymbolicTensor
from .base import Layer, known_channels, require_rank


class _Windows(Layer):
    """What convolutions over time share: the windows and the shapes that follow."""

    not_stored = ("data_format",)  # always channels_last

    kernel_size: int
    strides: int
    dilation_rate: int
    padding: str
    _channels: int

    def _set_windows(
        self, kernel_size: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
    ) -> None:
        self.kernel_size = single_integer("kernel_size", kernel_size)
        self.strides = single_integer("strides", strides)
        self.dilation_rate = single_integer("dilation_rate", dilation_rate)
        self.padding = one_of("padding", padding, ("valid", "same", "causal"))
        require_channels_last(data_format)
        if self.strides > 1 and self.dilation_rate > 1:
            raise ValueError(
                "`strides` > 1 and `dilation_rate` > 1 exclude each other. "
                f"Received: strides={self.strides}, dilation_rate={self.dilation_rate}"
            )

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")
        if self.built and tensors[0].shape[-1] != self._channels:
            raise ValueError(
                f"Layer {self.name!r} was built for {self._channels} channels. Received: "
                f"shape={tensors[0].shape}"
            )

    def _steps(self, time: int | None) -> int | None:
        if time is None:
            return None
        span = (self.kernel_size - 1) * self.dilation_rate + 1
        if self.padding == "valid":
            # A masked text that is shorter than the kernel still has one window; the core decides per batch.
            return max(1, -(-(time - span + 1) // self.strides))
        return -(-time // self.strides)


class Conv1D(_Windows):
    """Convolution over time: (B, T, C) to (B, T', filters); kernel (kernel_size, C / groups, filters). As
    keras.layers.Conv1D.

    Cross-correlation, as in Keras. Behind an Embedding with `mask_zero=True`, or with Ragged input, only the
    real tokens count. Raises ValueError for padding other than "valid", "same", "causal", for stride and
    dilation both above 1, for channels or filters that `groups` does not divide, and, without a mask, for
    texts shorter than the kernel.

    >>> import embedcnn
    >>> embedcnn.layers.Conv1D(8, 3, activation="relu")(embedcnn.Input((10, 4))).shape
    (None, 8, 8)
    """

    @checked
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        self.filters = positive_integer("filters", filters)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self.groups = positive_integer("groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                f"`filters` must be a multiple of `groups`. Received: filters={filters}, groups={groups}"
            )
        self.activation = activations.chosen(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        super().__init__(**options)

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        if self._channels % self.groups:
            raise ValueError(
                f"The channels of the input of {self.name!r} must be a multiple of `groups`={self.groups}. "
                f"Received: shape={input_shape}"
            )
        shape = (self.kernel_size, self._channels // self.groups, self.filters)
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer)
        self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer) if self.use_bias else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self._steps(input_shape[1]), self.filters)


class DepthwiseConv1D(_Windows):
    """Each channel convolved over time on its own: (B, T, C) to (B, T', C · depth_multiplier).

    Weights: kernel (kernel_size, C, depth_multiplier), bias. Masks and errors as for Conv1D. As
    keras.layers.DepthwiseConv1D.

    >>> import embedcnn
    >>> embedcnn.layers.DepthwiseConv1D(3, depth_multiplier=2)(embedcnn.Input((10, 4))).shape
    (None, 8, 8)
    """

    @checked
    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self.depth_multiplier = positive_integer("depth_multiplier", depth_multiplier)
        self.activation = activations.chosen(activation)
        self.use_bias = use_bias
        self.depthwise_initializer = initializers.get(depthwise_initializer, "depthwise_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        super().__init__(**options)

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape = (self.kernel_size, self._channels, self.depth_multiplier)
        self.kernel = self.add_weight("kernel", shape, self.depthwise_initializer)
        size = (self._channels * self.depth_multiplier,)
        self.bias = self.add_weight("bias", size, self.bias_initializer) if self.use_bias else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels = known_channels(self, input_shape) * self.depth_multiplier
        return (input_shape[0], self._steps(input_shape[1]), channels)


class SeparableConv1D(_Windows):
    """A depthwise convolution over time, then a mix of the channels: (B, T, C) to (B, T', filters).

    Weights: depthwise_kernel (kernel_size, C, depth_multiplier), pointwise_kernel (1, C · depth_multiplier,
    filters), bias. Masks and errors as for Conv1D. As keras.layers.SeparableConv1D.

    >>> import embedcnn
    >>> embedcnn.layers.SeparableConv1D(8, 3)(embedcnn.Input((10, 4))).shape
    (None, 8, 8)
    """

    @checked
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        self.filters = positive_integer("filters", filters)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self.depth_multiplier = positive_integer("depth_multiplier", depth_multiplier)
        self.activation = activations.chosen(activation)
        self.use_bias = use_bias
        self.depthwise_initializer = initializers.get(depthwise_initializer, "depthwise_initializer")
        self.pointwise_initializer = initializers.get(pointwise_initializer, "pointwise_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        super().__init__(**options)

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape = (self.kernel_size, self._channels, self.depth_multiplier)
        self.depthwise_kernel = self.add_weight("depthwise_kernel", shape, self.depthwise_initializer)
        shape = (1, self._channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self.add_weight("pointwise_kernel", shape, self.pointwise_initializer)
        self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer) if self.use_bias else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self._steps(input_shape[1]), self.filters)
