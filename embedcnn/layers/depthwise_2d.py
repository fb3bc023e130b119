"""DepthwiseConv2D and SeparableConv2D: convolutions over images, each channel on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import positive_integer
from ..base.checked import checked
from .convolution_2d import OverImages
from .convolving import EachChannel, EachThenMixing


class DepthwiseConv2D(OverImages, EachChannel):
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
        self._set_windows(kernel_size, strides, padding, dilation_rate, data_format)
        self.depth_multiplier = positive_integer("depth_multiplier", depth_multiplier)
        self._set_weights(activation, use_bias, bias_initializer, depthwise_initializer=depthwise_initializer)
        super().__init__(**options)


class SeparableConv2D(OverImages, EachThenMixing):
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
        self._set_windows(kernel_size, strides, padding, dilation_rate, data_format)
        self.depth_multiplier = positive_integer("depth_multiplier", depth_multiplier)
        self._set_weights(
            activation,
            use_bias,
            bias_initializer,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
        )
        super().__init__(**options)
