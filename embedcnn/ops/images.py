"""Operations over images [B, H, W, C]: convolution and its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..base.arguments import (
    integer_pair,
    one_of,
    optional,
    positive_integer,
    require_channels_last,
    single_integer,
)
from ..base.transposed_windows import transposed_pair, transposed_windows
from .call import Call, operation
from .steps import conv1d

Sizes = int | Sequence[int]


def windows_of(strides: Sizes, dilation_rate: Sizes, padding: str) -> dict[str, Any]:
    pairs = {"stride": strides, "dilation": dilation_rate}
    named = {"stride": "strides", "dilation": "dilation_rate"}
    settings: dict[str, Any] = {"padding": padding}
    for name, value in pairs.items():
        settings[f"{name}_rows"], settings[f"{name}_cols"] = integer_pair(named[name], value)
    return settings


def convolution_call(
    x: ArrayLike, bias: ArrayLike | None, **kernels: ArrayLike
) -> tuple[Call, tuple[int, ...]]:
    call = Call(outputs=(1,))
    call.add_images("x", x)
    return call, call.add_weights(bias, **{name: (kernel, 4) for name, kernel in kernels.items()})


@operation
def conv2d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: Sizes = 1,
    padding: Literal["valid", "same"] = "valid",
    dilation_rate: Sizes = 1,
    groups: int = 1,
) -> Any:
    """Convolution of images x [B, H, W, C] with kernel [K, L, C / groups, F]: float32 [B, H_out, W_out, F].
    As keras.layers.Conv2D.

    `strides` and `dilation_rate` are a number or two, for rows and columns. Raises ValueError for images
    smaller than the kernel with padding="valid", and for strides and dilation both above 1.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x = np.arange(6.0).reshape(1, 2, 3, 1)
    >>> ops.conv2d(x, np.ones((2, 2, 1, 1)), bias=[0.5]).ravel().tolist()
    [8.5, 12.5]
    """
    call, numbers = convolution_call(x, bias, kernel=kernel)
    settings = windows_of(strides, dilation_rate, padding)
    call.operations = [
        ("conv2d", (0,), (1,), numbers, {**settings, "groups": positive_integer("groups", groups)})
    ]
    return call


@operation
def conv2d_pool(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: Sizes = 1,
    padding: Literal["valid", "same"] = "valid",
    dilation_rate: Sizes = 1,
    activation: str = "linear",
) -> Any:
    """Convolution of images, activation and the largest of each 2 x 2 pixels, x [B, H, W, C] with kernel
    [K, L, C, F]: float32 [B, H_out // 2, W_out // 2, F]. As keras.layers.Conv2D and MaxPooling2D(2).

    The activation must be one that never falls. The first of equal pixels wins, NaN wins over numbers. Errors
    as for `conv2d`, and ValueError for fewer than 2 x 2 windows.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> ops.conv2d_pool(x, np.ones((2, 2, 1, 1)), activation="relu").tolist()
    [[[[24.0]]]]
    """
    call, numbers = convolution_call(x, bias, kernel=kernel)
    settings = windows_of(strides, dilation_rate, padding)
    call.operations = [("conv2d_pool", (0,), (1,), numbers, {**settings, "activation": activation})]
    return call


@operation
def conv2d_transpose(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: Sizes = 1,
    padding: Literal["valid", "same"] = "valid",
    output_padding: int | Sequence[int] | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """The gradient of a convolution of images as an operation, from few pixels to many: x [B, H, W, C] with
    kernel [K, L, F, C] gives float32 [B, H_out, W_out, F]. As keras.layers.Conv2DTranspose.

    H_out is strides H with padding "same", else strides H + max(K - strides, 0); `output_padding` sets the
    last rows and columns instead. Raises ValueError for strides and dilation both above 1.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> ops.conv2d_transpose([[[[1.0], [2.0]]]], np.ones((1, 2, 1, 1)), strides=(1, 2)).ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    call, numbers = convolution_call(x, bias, kernel=kernel)
    one_of("padding", padding, ("valid", "same"))
    both, dilation = integer_pair("strides", strides), integer_pair("dilation_rate", dilation_rate)
    more = transposed_pair(both, dilation, output_padding)
    sizes = np.shape(x)[1:3], np.shape(kernel)[:2]
    settings = transposed_windows(sizes[0], sizes[1], both, padding, more, dilation)
    call.operations = [("conv2d_transpose", (0,), (1,), numbers, settings)]
    return call


def sequences_or_images(inputs: ArrayLike, kernel: ArrayLike, data_format: str | None) -> tuple[Any, Any]:
    require_channels_last(data_format)
    x, weights = np.asarray(inputs), np.asarray(kernel)
    if x.ndim not in (3, 4) or weights.ndim != x.ndim:
        raise ValueError(
            "`inputs` and `kernel` must both have 3 axes (sequences) or 4 (images). Received: shapes "
            f"{x.shape} and {weights.shape}"
        )
    return x, weights


def conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Sizes = 1,
    padding: Literal["valid", "same"] = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """Convolution of sequences [B, T, C] with kernel [K, C / groups, F], or of images [B, H, W, C] with
    kernel [K, L, C / groups, F], channels last. As keras.ops.conv.

    There are as many groups as the kernel has too few channels. Raises ValueError for other shapes.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> ops.conv(np.ones((1, 4, 4, 2)), np.ones((3, 3, 2, 5)), strides=2, padding="same").shape
    (1, 2, 2, 5)
    """
    x, weights = sequences_or_images(inputs, kernel, data_format)
    groups = max(x.shape[-1] // max(weights.shape[-2], 1), 1)
    if x.ndim == 4:
        return conv2d(x, weights, None, strides, padding, dilation_rate, groups)
    return conv1d(x, weights, None, strides, padding, dilation_rate, groups=groups)


def conv_transpose(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Sizes = 1,
    padding: Literal["valid", "same"] = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """Transposed convolution of sequences [B, T, C] with kernel [K, F, C], or of images [B, H, W, C] with
    kernel [K, L, F, C], channels last. As keras.ops.conv_transpose; sizes as for `conv2d_transpose`.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> ops.conv_transpose(np.ones((1, 4, 4, 2)), np.ones((3, 3, 5, 2)), 2, padding="same").shape
    (1, 8, 8, 5)
    """
    x, weights = sequences_or_images(inputs, kernel, data_format)
    if x.ndim == 4:
        return conv2d_transpose(x, weights, None, strides, padding, output_padding, dilation_rate)
    step, rate = single_integer("strides", strides), single_integer("dilation_rate", dilation_rate)
    more = optional(single_integer, "output_padding", output_padding, 0)
    along, behind = (1, step), None if more is None else (0, more)
    return conv2d_transpose(x[:, None], weights[None], None, along, padding, behind, (1, rate))[:, 0]
