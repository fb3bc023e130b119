"""Operations on images, by the names of keras.ops.image: one [H, W, C] or a batch [B, H, W, C] of arrays.

The layers of `embedcnn.layers` (Resizing, RandomRotation ...) do the same within a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedcnn import _core
from embedcnn.base.arguments import boolean, finite_number, one_of, positive_integer, require_channels_last
from embedcnn.ops.call import Call

__all__ = ["affine_transform", "resize"]

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area")


class Ends(NamedTuple):
    """How many rows or columns stand before and behind."""

    before: int
    behind: int


class Frame(NamedTuple):
    """What is cut off an image, or put around it."""

    rows: Ends
    cols: Ends


def image_size(size: Any, name: str = "size") -> tuple[int, int]:
    """A height and a width; ValueError for anything else."""
    given = list(size) if isinstance(size, (list, tuple, np.ndarray)) else []
    if len(given) != 2:
        raise ValueError(f"`{name}` must be (height, width). Received: {name}={size!r}")
    return positive_integer(name, given[0]), positive_integer(name, given[1])


def check_ratios(crops: Any, pads: Any) -> None:
    """ValueError unless both are bool, and not both True."""
    if boolean("crop_to_aspect_ratio", crops) & boolean("pad_to_aspect_ratio", pads):
        raise ValueError(
            "`crop_to_aspect_ratio` and `pad_to_aspect_ratio` exclude each other. Received: both True"
        )


def cropped_to(size: tuple[int, int], target: tuple[int, int]) -> Frame:
    """What is cut off for the largest window in the middle with the target's ratio of sides. As Keras 3."""
    (height, width), (to_height, to_width) = size, target
    tall = max(min(height, int(float(width * to_height) / to_width)), 1)
    wide = max(min(width, int(float(height * to_width) / to_height)), 1)
    top, left = (height - tall) // 2, (width - wide) // 2
    return Frame(Ends(top, height - tall - top), Ends(left, width - wide - left))


def padded_to(size: tuple[int, int], target: tuple[int, int]) -> Frame:
    """What is put around an image so that it has the target's ratio of sides. As Keras 3."""
    (height, width), (to_height, to_width) = size, target
    above = max(int(float(width * to_height) / to_width) - height, 0) // 2
    beside = max(int(float(height * to_width) / to_height) - width, 0) // 2
    return Frame(Ends(above, above), Ends(beside, beside))


def resize(
    images: ArrayLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> NDArray[np.float32]:
    """Images [H, W, C] or [B, H, W, C], of uint8 or numbers, in another size: float32. As
    keras.ops.image.resize, tf.image.resize.

    `interpolation`: "nearest", "bilinear", "bicubic", "lanczos3", "lanczos5" or "area", with half-pixel
    centres; `antialias`: smoothed before it is made smaller, as Pillow, PyTorch and TensorFlow do.
    "bicubic" is Keys's kernel with a = -1/2; without `antialias` it gives what Keras gives with JAX
    (TensorFlow reads a table of it, off by up to 5e-4 of the range; PyTorch has a = -3/4 there).
    `crop_to_aspect_ratio`: of the largest window in
    the middle with the ratio of `size`; `pad_to_aspect_ratio`: with `fill_value` around. Raises ValueError
    for other settings and shapes.

    >>> from embedcnn import ops
    >>> ops.image.resize([[[0.0], [4.0]]], (1, 4)).ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    array = _as_images(images)
    to, frame, crops = _settings(array, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio)
    _check_filling(fill_mode, data_format)
    if frame is not None:
        array = cut(array, frame) if crops else put_around(array, frame, fill_value)
    return _core.resize_images(array, *to, interpolation, boolean("antialias", antialias))


def _resize_call(
    images: ArrayLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Call:
    """The same as a program of the core, for gradients."""
    call = Call()
    call.add_images("images", images)
    array = call.values[0]
    to, frame, crops = _settings(array, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio)
    _check_filling(fill_mode, data_format)
    made = 0
    for axis, ends in enumerate(frame or (), 1):
        if crops:
            part: dict[str, Any] = {"start": ends.before, "stop": array.shape[axis] - ends.behind}
        else:
            part = {"before": ends.before, "behind": ends.behind, "value": float(fill_value)}
        call.operations.append(
            ("slice" if crops else "pad", (made,), (made + 1,), (), {"axis": axis, **part})
        )
        made += 1
    settings = {"height": to[0], "width": to[1], "interpolation": interpolation, "antialias": bool(antialias)}
    call.operations.append(("resize_images", (made,), (made + 1,), (), settings))
    call.outputs = (made + 1,)
    return call


resize.call = _resize_call  # type: ignore[attr-defined]


def _settings(
    array: NDArray[Any], size: Any, interpolation: str, crops: bool, pads: bool
) -> tuple[tuple[int, int], Frame | None, bool]:
    """The size, what is cut off or put around, and which; ValueError for settings that do not fit."""
    to = image_size(size)
    one_of("interpolation", interpolation, INTERPOLATIONS)
    check_ratios(crops, pads)
    own = array.shape[-3], array.shape[-2]
    return to, cropped_to(own, to) if crops else padded_to(own, to) if pads else None, crops


def _check_filling(fill_mode: str, data_format: str | None) -> None:
    one_of("fill_mode", fill_mode, ("constant",))
    require_channels_last(data_format)


def _as_images(images: Any, name: str = "images") -> NDArray[Any]:
    array = np.asarray(images)
    if array.ndim not in (3, 4):
        raise ValueError(
            f"`{name}` must be (height, width, channels), or a batch of such. Received: shape={array.shape}"
        )
    return array


def cut(images: NDArray[Any], frame: Frame) -> NDArray[Any]:
    """Images without what the frame cuts off."""
    (top, bottom), (left, right) = frame
    return images[..., top : images.shape[-3] - bottom, left : images.shape[-2] - right, :]


def put_around(images: NDArray[Any], frame: Frame, value: float) -> NDArray[Any]:
    """Images with the frame around, filled with this value."""
    before = [(0, 0)] * (images.ndim - 3)
    fits = images.dtype == np.uint8 and value in range(256)
    array = images if fits else np.asarray(images, np.float32)
    return np.pad(
        array, [*before, frame.rows, frame.cols, (0, 0)], constant_values=finite_number("fill_value", value)
    )


def affine_transform(
    images: ArrayLike,
    transform: ArrayLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> NDArray[np.float32]:
    """Images [H, W, C] or [B, H, W, C] seen through maps [8] or [B, 8]: float32. As
    keras.ops.image.affine_transform.

    The pixel at column x, row y shows what stands at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k) with
    k = c0 x + c1 y + 1; a map is a0, a1, a2, b0, b1, b2, c0, c1. `interpolation`: "bilinear" or "nearest";
    `fill_mode` beyond the edges: "constant" (`fill_value`), "reflect", "wrap" or "nearest". Maps have no
    gradient. Raises ValueError for other settings and shapes.

    >>> from embedcnn import ops
    >>> ops.image.affine_transform([[[1.0], [2.0]]], [1, 0, 1, 0, 1, 0, 0, 0]).ravel().tolist()
    [2.0, 0.0]
    """
    array, maps = _as_images(images), np.asarray(transform, np.float32)
    batch = array if array.ndim == 4 else array[None]
    maps = np.broadcast_to(maps, (len(batch), 8)) if maps.shape == (8,) else maps
    made = _affine_call(batch, maps, interpolation, fill_mode, fill_value, data_format).run()
    return made if array.ndim == 4 else made[0]


def _affine_call(
    images: ArrayLike,
    transform: ArrayLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Call:
    """The same as a program of the core, for gradients."""
    require_channels_last(data_format)
    maps = np.asarray(transform, np.float32)
    if maps.shape != (len(np.asarray(images)), 8):
        raise ValueError(
            "`transform` must hold 8 numbers, or 8 for each of the images. Received: "
            f"shape={maps.shape} for images of shape {np.shape(images)}"
        )
    call = Call(outputs=(2,))
    call.add_images("images", images)
    call.add_floats("transform", maps)
    settings = {
        "interpolation": one_of("interpolation", interpolation, ("nearest", "bilinear")),
        "fill_mode": one_of("fill_mode", fill_mode, ("constant", "reflect", "wrap", "nearest")),
        "fill_value": float(finite_number("fill_value", fill_value)),
    }
    call.operations = [("affine_images", (0, 1), (2,), (), settings)]
    return call


affine_transform.call = _affine_call  # type: ignore[attr-defined]
