"""Operations over time: convolution and pooling of sequences [B, T, C], with or without a mask."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedcnn.base.arguments import one_of, positive_integer, single_integer
from embedcnn.ops import image_pooling
from embedcnn.ops.call import Call, Padding, elementary, operation

Sizes = image_pooling.Sizes  # along time an integer, or a sequence that holds one


def _windows(padding: str, **sizes: Sizes) -> dict[str, Any]:
    """The settings of windows over texts, as the core has them."""
    return {"padding": padding, **{name: single_integer(name, value) for name, value in sizes.items()}}


def _convolved(
    name: str,
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None,
    mask: ArrayLike | None,
    attributes: dict[str, Any],
) -> Call:
    """The call of an operation on sequences x [B, T, C], a kernel of three axes and a bias or none."""
    call = Call(outputs=(1,))
    call.add_floats("x", np.asarray(x), mask)
    call.operations = [(name, (0,), (1,), call.add_weights(bias, kernel=(kernel, 3)), attributes)]
    return call


@operation
def conv1d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: Sizes = 1,
    padding: Padding = "valid",
    dilation_rate: Sizes = 1,
    mask: ArrayLike | None = None,
    groups: int = 1,
) -> Any:
    """Convolution over time of x [B, T, C] with kernel [K, C / groups, F]: float32 [B, T_out, F]. As
    keras.ops.conv and keras.layers.Conv1D.

    With a `mask` each text is convolved as though it stood alone, from its first to its last unmasked
    token; where it has no window the result is zero. Raises ValueError for T shorter than the kernel without
    a mask, and for strides and dilation both above 1.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x = np.arange(4.0).reshape(1, 4, 1)
    >>> ops.conv1d(x, np.ones((2, 1, 1)), bias=[0.5]).ravel().tolist()
    [1.5, 3.5, 5.5]
    >>> ops.conv1d(x, np.ones((2, 1, 1)), padding="causal").ravel().tolist()
    [0.0, 1.0, 3.0, 5.0]
    """
    attributes = {
        **_windows(padding, strides=strides, dilation_rate=dilation_rate),
        "groups": positive_integer("groups", groups),
    }
    return _convolved("conv1d", x, kernel, bias, mask, attributes)


@operation
def conv_pool(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: Sizes = 1,
    padding: Padding = "valid",
    activation: str = "linear",
    mask: ArrayLike | None = None,
) -> Any:
    """Convolution of x [B, T, C] with kernel [K, C, F], activation and maximum over time: float32 [B, F].
    As keras.layers.Conv1D and keras.layers.GlobalMaxPooling1D.

    The activation must be one that never falls. Masks and errors as for `conv1d`; a text without a window
    gives zeros.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x = np.array([[[1.0], [3.0], [2.0], [0.0]]])
    >>> ops.conv_pool(x, np.ones((2, 1, 1)), activation="relu").tolist()
    [[5.0]]
    """
    return _convolved(
        "conv_pool", x, kernel, bias, mask, {**_windows(padding, strides=strides), "activation": activation}
    )


@operation
def depthwise_conv1d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: Sizes = 1,
    padding: Padding = "valid",
    dilation_rate: Sizes = 1,
    mask: ArrayLike | None = None,
) -> Any:
    """Each channel of x [B, T, C] convolved with its own kernels [K, C, M]: float32 [B, T_out, C * M]. As
    keras.layers.DepthwiseConv1D.

    Masks and errors as for `conv1d`.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x = np.arange(6.0).reshape(1, 3, 2)
    >>> ops.depthwise_conv1d(x, np.ones((2, 2, 1))).tolist()
    [[[2.0, 4.0], [6.0, 8.0]]]
    """
    return _convolved(
        "depthwise_conv1d",
        x,
        kernel,
        bias,
        mask,
        _windows(padding, strides=strides, dilation_rate=dilation_rate),
    )


def conv1d_mask(
    mask: ArrayLike,
    kernel_size: Sizes,
    strides: Sizes = 1,
    padding: Padding = "valid",
    dilation_rate: Sizes = 1,
) -> NDArray[np.bool_]:
    """Which steps of a masked convolution's output hold a window: bool [B, T_out] for a mask [B, T].

    >>> from embedcnn import ops
    >>> ops.conv1d_mask([[False, True, True, True, False]], kernel_size=2).tolist()
    [[False, True, True, False]]

    A text shorter than the kernel has one window, a text without any token none.
    """
    given = np.asarray(mask, np.bool_)
    if given.ndim != 2 or given.shape[1] == 0:
        raise ValueError(f"mask has shape {given.shape}; allowed is [B, T] with T >= 1")
    taps, strides = single_integer("kernel_size", kernel_size), single_integer("strides", strides)
    one_of("padding", padding, ("valid", "same", "causal"))
    width, wide = given.shape[1], (taps - 1) * single_integer("dilation_rate", dilation_rate) + 1
    begin = given.argmax(1)
    length = np.where(given.any(1), width - given[:, ::-1].argmax(1) - begin, 0)
    if padding == "valid":
        width_out = max((width - wide) // strides + 1, 1)
        windows = np.where(length > 0, np.maximum((length - wide) // strides + 1, 1), 0)
    else:
        width_out = -(-width // strides)
        windows = -(-length // strides)
    first = np.minimum(begin // strides, width_out - np.minimum(windows, 1))[:, None]
    step = np.arange(width_out)[None, :]
    return (step >= first) & (step < first + windows[:, None])


@operation
def global_max_pool(x: ArrayLike, mask: ArrayLike | None = None) -> Any:
    """The largest of each channel over the unmasked steps of x [B, T, C]: float32 [B, C]; no step: zeros.
    As keras.layers.GlobalMaxPooling1D.

    The first step wins a tie, NaN wins over numbers.

    >>> from embedcnn import ops
    >>> ops.global_max_pool([[[1.0, 9.0], [2.0, 3.0]]], mask=[[True, False]]).tolist()
    [[1.0, 9.0]]
    """
    return elementary("global_max_pool", x, mask)


@operation
def global_average_pool(x: ArrayLike, mask: ArrayLike | None = None) -> Any:
    """The mean of each channel over the unmasked steps of x [B, T, C]: float32 [B, C]; no step: zeros. As
    keras.layers.GlobalAveragePooling1D.

    >>> from embedcnn import ops
    >>> ops.global_average_pool([[[1.0], [2.0], [6.0]]]).tolist()
    [[3.0]]
    """
    return elementary("global_average_pool", x, mask)


@operation
def global_sum_pool(x: ArrayLike, mask: ArrayLike | None = None) -> Any:
    """The sum of each channel over the unmasked steps of x [B, T, C]: float32 [B, C]; no step: zeros.

    >>> from embedcnn import ops
    >>> ops.global_sum_pool([[[1.0], [2.0], [6.0]]]).tolist()
    [[9.0]]
    """
    return elementary("global_sum_pool", x, mask)


def _pool(
    name: str,
    x: ArrayLike,
    pool_size: Sizes,
    strides: Sizes | None,
    padding: str,
    mask: ArrayLike | None,
) -> Call:
    if np.ndim(x) == 4 and mask is None:
        return image_pooling.pool(f"{name}2d", x, pool_size, strides, padding)
    size = single_integer("pool_size", pool_size)
    step = size if strides is None else single_integer("strides", strides)
    return elementary(name, x, mask, padding=padding, pool_size=size, strides=step)


@operation
def max_pool(
    x: ArrayLike,
    pool_size: Sizes = 2,
    strides: Sizes | None = None,
    padding: Literal["valid", "same"] = "valid",
    mask: ArrayLike | None = None,
) -> Any:
    """The largest of each channel over windows of the unmasked steps of x [B, T, C], or of the pixels of x
    [B, H, W, C]: float32 [B, T_out, C] or [B, H_out, W_out, C]. As keras.ops.max_pool.

    `strides` None means `pool_size`; both may be pairs for images. A window without an unmasked step gives
    zeros; the first of equal maxima gets the gradient.

    >>> from embedcnn import ops
    >>> ops.max_pool([[[1.0], [2.0], [6.0], [4.0]]]).tolist()
    [[[2.0], [6.0]]]
    >>> ops.max_pool([[[[1.0], [2.0]], [[6.0], [4.0]]]], (2, 1)).tolist()
    [[[[6.0], [4.0]]]]
    """
    return _pool("max_pool", x, pool_size, strides, padding, mask)


@operation
def average_pool(
    x: ArrayLike,
    pool_size: Sizes = 2,
    strides: Sizes | None = None,
    padding: Literal["valid", "same"] = "valid",
    mask: ArrayLike | None = None,
) -> Any:
    """The mean of each channel over windows of the unmasked steps of x [B, T, C], or of the pixels of x
    [B, H, W, C]: float32 [B, T_out, C] or [B, H_out, W_out, C]. As keras.ops.average_pool.

    `strides` None means `pool_size`; both may be pairs for images. Places that padding="same" adds do not
    count; a window without an unmasked step gives zeros.

    >>> from embedcnn import ops
    >>> ops.average_pool([[[1.0], [2.0], [6.0], [4.0]]]).tolist()
    [[[1.5], [5.0]]]
    >>> ops.average_pool([[[[1.0], [2.0]], [[6.0], [4.0]]]]).tolist()
    [[[[3.25]]]]
    """
    return _pool("average_pool", x, pool_size, strides, padding, mask)
