"""Conv1D, DepthwiseConv1D and SeparableConv1D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import positive_integer
from ..base.checked import checked
from .convolving import EachChannel, EachThenMixing, Mixing, OverTime


class Conv1D(OverTime, Mixing):
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
        self._set_windows(kernel_size, strides, padding, dilation_rate, data_format)
        self._set_filters(filters, groups)
        self._set_weights(activation, use_bias, bias_initializer, kernel_initializer=kernel_initializer)
        super().__init__(**options)


class DepthwiseConv1D(OverTime, EachChannel):
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
        self._set_windows(kernel_size, strides, padding, dilation_rate, data_format)
        self.depth_multiplier = positive_integer("depth_multiplier", depth_multiplier)
        self._set_weights(activation, use_bias, bias_initializer, depthwise_initializer=depthwise_initializer)
        super().__init__(**options)


class SeparableConv1D(OverTime, EachThenMixing):
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
