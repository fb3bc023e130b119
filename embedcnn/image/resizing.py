"""Images in another size, with tf.image's names; the core does the work, one image or a batch at a time, and
leaves the interpreter to other threads meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from embedcnn.base.arrays import rectangular

from ..base.arguments import one_of, positive_integer
from ..base.checked import checked
from ..runtime import _core

METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5")


@checked
def resize(
    images: Any,
    size: Sequence[int],
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
) -> np.ndarray:
    """Images (height, width, channels), or a batch of such, in another size (height, width): float32, or
    their own dtype with method "nearest". As tf.image.resize.

    `method`: "bilinear", "nearest", "bicubic", "area", "lanczos3" or "lanczos5", pixels standing for their
    centres; with `antialias` what becomes smaller is smoothed first. `preserve_aspect_ratio` gives the
    largest size within `size` that has the proportions of the images. ValueError for other shapes.

    >>> resize(np.array([[[0], [4]]], np.uint8), [1, 4]).ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    one_of("method", method, METHODS)
    array = as_images("images", images)
    height, width = _checked_size(size)
    if preserve_aspect_ratio:
        own = array.shape[-3], array.shape[-2]
        scale = np.minimum(np.float32(height) / np.float32(own[0]), np.float32(width) / np.float32(own[1]))
        height, width = (max(1, int(np.round(scale * np.float32(side)))) for side in own)
    result = _core.resize_images(array, height, width, method, antialias)
    return result.astype(array.dtype) if method == "nearest" else result


@checked
def resize_with_pad(
    image: Any, target_height: int, target_width: int, method: str = "bilinear", antialias: bool = False
) -> np.ndarray:
    """Images in another size with their own proportions, zeros around them. As tf.image.resize_with_pad.

    >>> resize_with_pad(np.ones((2, 4, 1)), 4, 4)[:, 0, 0].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    array = as_images("image", image)
    height, width = (
        positive_integer("target_height", target_height),
        positive_integer("target_width", target_width),
    )
    own = np.array(array.shape[-3:-1], np.float32)
    to = np.array([height, width], np.float32)
    inner = own / np.max(own / to)
    rows, cols = (max(1, math.floor(side)) for side in inner)
    top, left = (max(0, math.floor(side)) for side in (to - inner) / 2)
    small = resize(array, (rows, cols), method, antialias=antialias)
    padded = np.zeros((*array.shape[:-3], height, width, array.shape[-1]), small.dtype)
    padded[..., top : top + rows, left : left + cols, :] = small
    return padded


def as_images(name: str, images: Any) -> np.ndarray:
    """An array of one image or a batch."""
    array = rectangular(name, images)
    if array.ndim not in (3, 4) or array.dtype.kind not in "biuf" or not array.size:
        raise ValueError(
            f"`{name}` must be numbers of shape (height, width, channels), or a batch of such. Received: "
            f"shape {array.shape}, dtype {array.dtype}"
        )
    return array


def _checked_size(size: Any) -> tuple[int, int]:
    given = list(size) if isinstance(size, (list, tuple, np.ndarray)) else []
    if len(given) != 2:
        raise ValueError(f"`size` must be (height, width). Received: size={size!r}")
    return positive_integer("size[0]", given[0]), positive_integer("size[1]", given[1])
