"""What a transposed convolution makes of the height and width of images: for the operation and the layer."""

from __future__ import annotations

from typing import Any

from .arguments import check_strides_or_dilation, integer


def transposed_size(
    size: int, taps: int, stride: int, padding: str, output_padding: int | None, dilation: int
) -> tuple[int, int]:
    """How many places a transposed convolution makes of `size` along an axis, as Keras, and how many before
    them the first window begins.

    >>> transposed_size(5, 4, 2, "same", None, 1)
    (10, 1)
    """
    wide, same = (taps - 1) * dilation + 1, padding == "same"
    if output_padding is None:
        more = 0 if same else max(wide - stride, 0)
    else:
        more = wide - (2 * (wide // 2) if same else 0) + output_padding - stride
    return stride * size + more, max(wide - stride - more, 0) // 2 if same else 0


def transposed_windows(
    images: tuple[Any, Any],
    taps: tuple[int, int],
    strides: tuple[int, int],
    padding: str,
    output_padding: tuple[int, int] | None,
    dilation: tuple[int, int],
) -> dict[str, int]:
    """The settings of conv2d_transpose in the core for images of this height and width."""
    settings = {}
    for axis, end in enumerate(("rows", "cols")):
        more = None if output_padding is None else output_padding[axis]
        size = transposed_size(images[axis], taps[axis], strides[axis], padding, more, dilation[axis])
        settings[f"out_{end}"], settings[f"lead_{end}"] = size
        settings[f"stride_{end}"], settings[f"dilation_{end}"] = strides[axis], dilation[axis]
    return settings


def transposed_pair(
    strides: tuple[int, int], dilation: tuple[int, int], output_padding: Any
) -> tuple[int, int] | None:
    """`output_padding`, for height and width; ValueError for settings that exclude each other."""
    check_strides_or_dilation(strides, dilation)
    if output_padding is None:
        return None
    both = output_padding if isinstance(output_padding, (tuple, list)) else [output_padding]
    if len(both) not in (1, 2):
        raise ValueError(
            "`output_padding` must be an integer or two, for height and width, or None. Received: "
            f"output_padding={output_padding!r}"
        )
    found = [integer("output_padding", one, 0) for one in both]
    pair = found[0], found[-1]
    if pair[0] >= strides[0] or pair[1] >= strides[1]:
        raise ValueError(
            "`output_padding` must be from 0 to strides - 1. Received: "
            f"output_padding={output_padding!r}, strides={strides}"
        )
    return pair
