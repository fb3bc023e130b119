"""Operations over images [B, H, W, C]: convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..base.arguments import integer_pair
from .call import Call, operation
from .steps import conv1d

Sizes = int | Sequence[int]


def _windows(strides: Sizes, dilation_rate: Sizes, padding: str) -> dict[str, Any]:
    pairs = {"stride": strides, "dilation": dilation_rate}
    named = {"stride": "strides", "dilation": "dilation_rate"}
    settings: dict[str, Any] = {"padding": padding}
    for name, value in pairs.items():
        settings[f"{name}_rows"], settings[f"{name}_cols"] = integer_pair(named[name], value)
    return settings


def _convolution(x: ArrayLike, kernel: ArrayLike, bias: ArrayLike | None) -> tuple[Call, tuple[int, ...]]:
    call = Call(outputs=(1,))
    call.add_images("x", x)
    numbers = [call.add_parameter("kernel", kernel, 4)]
    if bias is not None:
        numbers.append(call.add_parameter("bias", bias, 1))
    return call, tuple(numbers)


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
    call, numbers = _convolution(x, kernel, bias)
    settings = _windows(strides, dilation_rate, padding)
    call.operations = [("conv2d", (0,), (1,), numbers, {**settings, "groups": groups})]
    return call


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
    if data_format not in (None, "channels_last"):
        raise ValueError(f"`data_format` must be 'channels_last'. Received: data_format={data_format!r}")
    x, weights = np.asarray(inputs), np.asarray(kernel)
    if x.ndim not in (3, 4) or weights.ndim != x.ndim:
        raise ValueError(
            "`inputs` and `kernel` must both have 3 axes (sequences) or 4 (images). Received: shapes "
            f"{x.shape} and {weights.shape}"
        )
    groups = max(x.shape[-1] // max(weights.shape[-2], 1), 1)
    if x.ndim == 4:
        return conv2d(x, weights, None, strides, padding, dilation_rate, groups)
    steps = {"strides": strides, "dilation_rate": dilation_rate}
    single: dict[str, Any] = {name: int(np.ravel(value)[0]) for name, value in steps.items()}
    return conv1d(x, weights, None, padding=padding, groups=groups, **single)
