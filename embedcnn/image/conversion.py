"""Numbers of pixels from one range to another, with tf.image's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from embedcnn.base.arrays import rectangular

from ..base.checked import checked


@checked
def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False) -> np.ndarray:
    """Pixels in another dtype, scaled: whole numbers stand for shares of the largest one, so that uint8
    0..255 becomes 0..1 in float32 and back. As tf.image.convert_image_dtype.

    Floats are only cast to other floats: what `image.resize` made of bytes stays 0..255. From floats to
    whole numbers, `saturate` keeps those outside 0..1 at the ends. TypeError unless both dtypes are of real
    numbers.

    >>> convert_image_dtype(np.array([0, 51, 255], np.uint8), "float32").tolist()
    [0.0, 0.20000001788139343, 1.0]
    """
    array = rectangular("image", image)
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        wanted = np.dtype(object)
    for name, value, kind in (("image", f"an array of {array.dtype}", array.dtype), ("dtype", dtype, wanted)):
        if kind.kind not in "iuf":
            raise TypeError(f"`{name}` must be of whole numbers or floats. Received: {name}={value!r}")
    if array.dtype == wanted:
        return array
    if array.dtype.kind == "f":
        return _shares_as(array, wanted, saturate)
    most = np.iinfo(array.dtype).max
    if wanted.kind == "f":
        return array.astype(wanted) * wanted.type(1.0 / most)
    target = np.iinfo(wanted)
    if most > target.max:  # bits that are left over go
        array = array // ((most + 1) // (int(target.max) + 1))
        return (np.clip(array, target.min, target.max) if saturate else array).astype(wanted)
    if saturate:
        array = np.clip(array, target.min, target.max)
    return array.astype(wanted) * wanted.type((int(target.max) + 1) // (most + 1))


def _shares_as(array: np.ndarray, wanted: np.dtype, saturate: bool) -> np.ndarray:
    """Floats as other floats, or 0..1 as whole numbers up to the largest."""
    if wanted.kind == "f":
        return array.astype(wanted)
    target = np.iinfo(wanted)
    scaled = array * array.dtype.type(target.max + 0.5)  # so that each whole number has an equal share
    if saturate:
        top = array.dtype.type(target.max)
        top = np.nextafter(top, array.dtype.type(0)) if int(top) > target.max else top
        scaled = np.clip(scaled, array.dtype.type(target.min), top)
    with np.errstate(invalid="ignore"):  # what does not fit, and was not to be kept at the ends
        return scaled.astype(wanted)
