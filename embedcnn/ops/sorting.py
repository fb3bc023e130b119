"""Values in the order of their size, and where they stand: sort, argsort, top_k. Keras's names in keras.ops.

Equal values keep their order, NaN comes last. Along the steps of masked texts the masked ones are zeros,
which count.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..base.checked import checked
from .elementwise import cast, equal
from .indexing import one_hot, take_along_axis
from .primitives import apply, axes_in, primitive, shape_of
from .rearranging import expand_dims, get_item, reshape
from .reductions import any as any_of
from .reductions import max as largest
from .reductions import sum as summed


def _order(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    if not descending:
        return np.argsort(x, axis, kind="stable").astype(np.int32)
    turned = np.flip(x, axis)  # of equal ones the first comes first
    found = x.shape[axis] - 1 - np.flip(np.argsort(turned, axis, kind="stable"), axis)
    return found.astype(np.int32)


primitive("argsort", _order, lambda shapes, axis, descending: shapes[0], "int32")


class TopK(NamedTuple):
    """What `top_k` gives."""

    values: Any
    indices: Any


def argsort(x: Any, axis: int = -1) -> Any:
    """Where the values along an axis stand, in ascending order, int32; without a gradient. As
    keras.ops.argsort.

    >>> argsort([[3.0, 1.0, 2.0]]).tolist()
    [[1, 2, 0]]
    """
    return _argsort(x, axis, False)


def sort(x: Any, axis: int = -1) -> Any:
    """The values along an axis in ascending order. As keras.ops.sort.

    >>> sort([[3.0, 1.0, 2.0]]).tolist()
    [[1.0, 2.0, 3.0]]
    """
    (place,) = axes_in(axis, len(shape_of(x)))
    return take_along_axis(x, _argsort(x, place, False), place)


@checked
def top_k(x: Any, k: int, sorted: bool = True) -> TopK:  # noqa: A002 - Keras's name
    """The k largest values of the last axis, the largest first, and where they stand: a tuple `values`,
    `indices`. As keras.ops.top_k, which with `sorted=False` may have another order.

    Raises ValueError where the axis has fewer.

    >>> found = top_k([[3.0, 1.0, 2.0]], 2)
    >>> found.values.tolist(), found.indices.tolist()
    ([[3.0, 2.0]], [[0, 2]])
    """
    size = shape_of(x)[-1]
    if size is None or not 1 <= int(k) <= size:
        raise ValueError(f"`k` must be from 1 to the size of the last axis, {size}. Received: k={k!r}")
    places = get_item(_argsort(x, -1, True), (..., slice(int(k))))
    return TopK(take_along_axis(x, places, -1), places)


def _argsort(x: Any, axis: int, descending: bool) -> Any:
    (place,) = axes_in(axis, len(shape_of(x)))
    return apply("argsort", [x], axis=place, descending=descending)


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether the class `targets` (B,) is among the k largest of `predictions` (B, C), bool; so is one that
    is as large as the last of them. As keras.ops.in_top_k.

    >>> in_top_k([0, 1], [[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]], 2).tolist()
    [True, False]
    """
    own = summed(one_hot(targets, int(shape_of(predictions)[-1] or 0)) * predictions, -1, True)
    return summed(cast(apply("greater", [predictions, own]), "int32"), -1) < int(k)


def multi_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = "float32") -> Any:
    """1 for each class that is among the values of the second axis (the only one of a vector), else 0, along
    a new last axis. As keras.ops.multi_hot.

    >>> multi_hot([[0, 2]], 4).tolist()
    [[1.0, 0.0, 1.0, 0.0]]
    """
    hot = one_hot(x, num_classes, axis)
    return cast(largest(hot, axis=1 if len(shape_of(hot)) > 2 else 0), dtype)


def isin(x: Any, test_elements: Any) -> Any:
    """Whether each value is one of an array's, bool. As keras.ops.isin.

    >>> isin([1, 2, 3], [3, 1]).tolist()
    [True, False, True]
    """
    candidates = reshape(test_elements, (-1,))
    return any_of(equal(expand_dims(x, -1), candidates), -1)
