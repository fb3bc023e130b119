"""DepthwiseConv2D and SeparableConv2D: convolutions over images, each channel on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers
from ..base.arguments import positive_integer
from ..base.checked import checked
from ..graph.nodes import Shape
from .base import known_channels
from .convolution_2d import Windows


class DepthwiseConv2D(Windows):
    """Each channel of images convolved on its own: (B, H, W, C) to (B, H', W', C · depth_multiplier).

    Weights: kernel (*kernel_size, C, depth_multiplier), bias. Settings and errors as for Conv2D. As
    keras.layers.DepthwiseConv2D, channels_last.

    >>> import embedcnn
    >>> embedcnn.layers.DepthwiseConv2D(3, depth_multiplier=2)(embedcnn.Input((10, 12, 3))).shape
    (None, 8, 10, 6)
    """

    @checked
    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
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
        shape = (*self.kernel_size, self._channels, self.depth_multiplier)
        self.kernel = self.add_weight("kernel", shape, self.depthwise_initializer)
        size = (self._channels * self.depth_multiplier,)
        self.bias = self.add_weight("bias", size, self.bias_initializer) if self.use_bias else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels = known_channels(self, input_shape) * self.depth_multiplier
        return (input_shape[0], *self._sizes(input_shape), channels)


class SeparableConv2D(Windows):
    """A depthwise convolution over images, then a mix of the channels: (B, H, W, C) to (B, H', W', filters).

    Weights: depthwise_kernel (*kernel_size, C, depth_multiplier), pointwise_kernel (1, 1,
    C · depth_multiplier, filters), bias. Settings and errors as for Conv2D. As keras.layers.SeparableConv2D,
    channels_last. Source: Chollet (2017).

    >>> import embedcnn
    >>> embedcnn.layers.SeparableConv2D(8, 3)(embedcnn.Input((10, 12, 3))).shape
    (None, 8, 10, 8)
    """

    @checked
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
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
        shape = (*self.kernel_size, self._channels, self.depth_multiplier)
        self.depthwise_kernel = self.add_weight("depthwise_kernel", shape, self.depthwise_initializer)
        shape = (1, 1, self._channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self.add_weight("pointwise_kernel", shape, self.pointwise_initializer)
        self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer) if self.use_bias else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *self._sizes(input_shape), self.filters)
