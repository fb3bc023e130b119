"""Depthwise convolution of images [B, H, W, C], and of sequences by keras.ops's name."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from .call import operation
from .images import Sizes, conv2d, convolution_call, sequences_or_images, windows_of
from .steps import conv1d, depthwise_conv1d


def depthwise_conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Sizes = 1,
    padding: Literal["valid", "same"] = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """Each channel of sequences [B, T, C] convolved with its own kernels [K, C, M], or of images [B, H, W, C]
    with [K, L, C, M], channels last. As keras.ops.depthwise_conv.

    Raises ValueError for other shapes.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> ops.depthwise_conv(np.ones((1, 4, 4, 2)), np.ones((3, 3, 2, 5)), padding="same").shape
    (1, 4, 4, 10)
    """
    x, weights = sequences_or_images(inputs, kernel, data_format)
    if x.ndim == 4:
        return depthwise_conv2d(x, weights, None, strides, padding, dilation_rate)
    return depthwise_conv1d(x, weights, None, strides, padding, dilation_rate)


@operation
def depthwise_conv2d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: Sizes = 1,
    padding: Literal["valid", "same"] = "valid",
    dilation_rate: Sizes = 1,
) -> Any:
    """Each channel of images x [B, H, W, C] convolved with its own kernels [K, L, C, M]: float32
    [B, H_out, W_out, C * M]. As keras.layers.DepthwiseConv2D.

    Settings and errors as for `conv2d`.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x = np.arange(8.0).reshape(1, 2, 2, 2)
    >>> ops.depthwise_conv2d(x, np.ones((2, 2, 2, 1))).ravel().tolist()
    [12.0, 16.0]
    """
    call, numbers = convolution_call(x, bias, kernel=kernel)
    settings = windows_of(strides, dilation_rate, padding)
    call.operations = [("depthwise_conv2d", (0,), (1,), numbers, settings)]
    return call


def separable_conv(
    inputs: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    strides: Sizes = 1,
    padding: Literal["valid", "same"] = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """`depthwise_conv`, then a mix of the channels by a kernel [1, C * M, F] or [1, 1, C * M, F]. As
    keras.ops.separable_conv, channels last.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> ops.separable_conv(np.ones((1, 4, 4, 2)), np.ones((3, 3, 2, 1)), np.ones((1, 1, 2, 5))).shape
    (1, 2, 2, 5)
    """
    h = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    mix = conv2d if np.ndim(h) == 4 else conv1d
    return mix(h, pointwise_kernel)


@operation
def separable_conv2d(
    x: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: Sizes = 1,
    padding: Literal["valid", "same"] = "valid",
    dilation_rate: Sizes = 1,
) -> Any:
    """Each channel of images x [B, H, W, C] convolved with its own kernel [K, L, C, 1], then a mix of the
    channels by [1, 1, C, F], a band of rows at a time: float32 [B, H_out, W_out, F]. As
    keras.layers.SeparableConv2D with depth_multiplier=1.

    Settings and errors as for `conv2d`.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x = np.arange(8.0).reshape(1, 2, 2, 2)
    >>> ops.separable_conv2d(x, np.ones((2, 2, 2, 1)), np.ones((1, 1, 2, 1))).ravel().tolist()
    [28.0]
    """
    kernels = {"depthwise_kernel": depthwise_kernel, "pointwise_kernel": pointwise_kernel}
    call, numbers = convolution_call(x, bias, **kernels)
    settings = {**windows_of(strides, dilation_rate, padding), "bias": bias is not None}
    call.operations = [("separable_conv2d", (0,), (1,), numbers, settings)]
    return call
