"""Class numbers that a loss of one's own meets: each must be a whole number out of [0, classes)."""

from __future__ import annotations

import numpy as np


class ClassError(ValueError):
    """A number that is no class, in a step."""


def check_classes(name: str, values: np.ndarray, classes: int, what: str = "") -> None:
    """ClassError that names the place of the first number that is no class, and ends with `what`.

    >>> import numpy as np
    >>> check_classes("y", np.array([1, 5]), 2)
    Traceback (most recent call last):
    ...
    embedcnn.base.class_numbers.ClassError: y[1] = 5 is outside [0, 2)
    """
    if not values.size or values.dtype.kind not in "iuf":
        return
    right = (values >= 0) & (values < classes)  # NaN is neither
    if values.dtype.kind == "f":
        right &= values == np.floor(values)
    if right.all():
        return
    place = np.unravel_index(int(np.argmin(right)), right.shape)
    value = values[place].item()
    whole = value == value // 1  # NaN and infinite numbers are none
    said = f" is outside [0, {classes})" if whole else ": class numbers must be integers"
    index = ", ".join(map(str, place))
    raise ClassError(f"{name}{f'[{index}]' if place else ''} = {int(value) if whole else value}{said}{what}")
