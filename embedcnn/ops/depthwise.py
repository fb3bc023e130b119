"""Depthwise convolution of images [B, H, W, C], and of sequences by keras.ops's name."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..base.arguments import integer_pair
from .call import Call, operation
from .image_pooling import Sizes
from .images import conv2d
from .steps import conv1d, depthwise_conv1d


def _windows(strides: Sizes, dilation_rate: Sizes) -> dict[str, Any]:
    (down, right), (rows, cols) = (
        integer_pair("strides", strides),
        integer_pair("dilation_rate", dilation_rate),
    )
    return {"stride_rows": down, "stride_cols": right, "dilation_rows": rows, "dilation_cols": cols}


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
    if data_format not in (None, "channels_last"):
        raise ValueError(f"`data_format` must be 'channels_last'. Received: data_format={data_format!r}")
    shapes = np.shape(inputs), np.shape(kernel)
    if len(shapes[0]) not in (3, 4) or len(shapes[0]) != len(shapes[1]):
        raise ValueError(
            "`inputs` and `kernel` must both have 3 axes (sequences) or 4 (images). Received: shapes "
            f"{shapes[0]} and {shapes[1]}"
        )
    if len(shapes[0]) == 4:
        return depthwise_conv2d(inputs, kernel, None, strides, padding, dilation_rate)
    single = [int(np.ravel(value)[0]) for value in (strides, dilation_rate)]
    return depthwise_conv1d(inputs, kernel, None, single[0], padding, single[1])


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
    call = Call(outputs=(1,))
    call.add_images("x", x)
    numbers = [call.add_parameter("kernel", kernel, 4)]
    if bias is not None:
        numbers.append(call.add_parameter("bias", bias, 1))
    (down, right), (rows, cols) = (
        integer_pair("strides", strides),
        integer_pair("dilation_rate", dilation_rate),
    )
    windows = {"stride_rows": down, "stride_cols": right, "dilation_rows": rows, "dilation_cols": cols}
    call.operations = [("depthwise_conv2d", (0,), (1,), tuple(numbers), {**windows, "padding": padding})]
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
    call = Call(outputs=(1,))
    call.add_images("x", x)
    numbers = [call.add_parameter("depthwise_kernel", depthwise_kernel, 4)]
    numbers.append(call.add_parameter("pointwise_kernel", pointwise_kernel, 4))
    if bias is not None:
        numbers.append(call.add_parameter("bias", bias, 1))
    settings = {**_windows(strides, dilation_rate), "padding": padding, "bias": bias is not None}
    call.operations = [("separable_conv2d", (0,), (1,), tuple(numbers), settings)]
    return call
