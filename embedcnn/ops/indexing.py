"""Values chosen by indices, and what indices are made of: take, one_hot, arange, shape. Keras's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.checked import checked
from ..graph.nodes import Shape
from .elementwise import cast, equal
from .primitives import apply, as_array, axes_in, broadcast, is_symbolic, primitive, shape_of
from .rearranging import expand_dims, get_item, reshape


def _taken(shapes: list[Shape], axis: int) -> Shape:
    return (*shapes[0][:axis], *shapes[1], *shapes[0][axis + 1 :])


def _taken_along(shapes: list[Shape], axis: int) -> Shape:
    x, indices = shapes
    if len(x) != len(indices):
        raise ValueError("`indices` must have as many axes as x")
    before, behind = broadcast([x[:axis], indices[:axis]]), broadcast([x[axis + 1 :], indices[axis + 1 :]])
    return (*before, indices[axis], *behind)


primitive("take", lambda x, indices, axis: np.take(x, indices.astype(np.int64), axis), _taken)
primitive(
    "take_along_axis",
    lambda x, indices, axis: np.take_along_axis(x, indices.astype(np.int64), axis),
    _taken_along,
)


def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The values at `indices` along an axis (None: of all values in a row). As keras.ops.take.

    Of a symbolic x, `indices` are an array; of a weight they may be symbolic, with axis=0: its rows. Whole
    numbers; negative ones count from the end.

    >>> take([[1.0, 2.0, 3.0]], [2, 0], axis=1).tolist()
    [[3.0, 1.0]]
    """
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    (place,) = axes_in(axis, len(shape_of(x)))
    if not is_symbolic(indices):
        size = shape_of(x)[place]
        given = np.asarray(indices)
        if (
            given.dtype.kind not in "iu"
            or size is None
            or (given.size and not -size <= given.min() <= given.max() < size)
        ):
            raise ValueError(
                f"`indices` must be whole numbers within an axis of known size, {size}. Received: "
                f"indices={indices!r}"
            )
        indices = np.where(given < 0, given + size, given)
    return apply("take", [x, indices], axis=place)


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The value at the index that stands at the same place of the other axes; axis None: of all values in a
    row, for all indices. As keras.ops.take_along_axis.

    >>> take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1).tolist()
    [[2.0], [3.0]]
    """
    if axis is None:
        x, indices, axis = reshape(x, (-1,)), reshape(indices, (-1,)), 0
    (place,) = axes_in(axis, len(shape_of(x)))
    return apply("take_along_axis", [x, indices], axis=place)


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = "float32") -> Any:
    """1 at the place of the class, else 0, along a new last axis. As keras.ops.one_hot.

    >>> one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if axis != -1:
        raise ValueError(f"`axis` must be -1. Received: axis={axis!r}")
    return cast(equal(expand_dims(x, -1), np.arange(int(num_classes), dtype=np.int32)), dtype)


def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None) -> np.ndarray:
    """Numbers from start (0 where only one is given) up to stop, an array: int32, or float32 where one of
    them has a point. As keras.ops.arange.

    >>> arange(3).tolist()
    [0, 1, 2]
    """
    made = np.arange(start, stop, step) if stop is not None else np.arange(0, start, step)
    return made.astype(dtype or ("int32" if made.dtype.kind == "i" else "float32"))


def shape(x: Any) -> tuple[int | None, ...]:
    """The sizes of the axes; None of a symbolic tensor's where each batch decides. As keras.ops.shape.

    >>> shape([[1.0, 2.0]])
    (1, 2)
    """
    return tuple(shape_of(x))


def slice(inputs: Any, start_indices: Sequence[int], shape: Sequence[int]) -> Any:  # noqa: A001 - Keras's name
    """`shape` values of each axis from `start_indices` on; -1: all that are left. As keras.ops.slice.

    >>> slice([[1.0, 2.0, 3.0]], (0, 1), (1, 2)).tolist()
    [[2.0, 3.0]]
    """
    part = type(np.s_[:])  # Python's slice
    pairs = [
        (int(begin), None if size in (-1, None) else int(begin) + int(size))
        for begin, size in zip(start_indices, shape, strict=True)
    ]
    return get_item(inputs, tuple(part(None) if pair == (0, None) else part(*pair) for pair in pairs))


def zeros(shape: Any, dtype: Any = "float32") -> np.ndarray:
    """An array of zeros. As keras.ops.zeros.

    >>> zeros((1, 2)).tolist()
    [[0.0, 0.0]]
    """
    return np.zeros(shape, dtype or "float32")


def ones(shape: Any, dtype: Any = "float32") -> np.ndarray:
    """An array of ones. As keras.ops.ones.

    >>> ones((1, 2)).tolist()
    [[1.0, 1.0]]
    """
    return np.ones(shape, dtype or "float32")


def full(shape: Any, fill_value: Any, dtype: Any = "float32") -> np.ndarray:
    """An array of one value. As keras.ops.full.

    >>> full((1, 2), 3.0).tolist()
    [[3.0, 3.0]]
    """
    return np.full(shape, fill_value, dtype or "float32")


@checked
def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None) -> Any:
    """x itself where it is symbolic or a weight, else an array, of texts too. As keras.ops.convert_to_tensor.

    Raises ValueError for sparse=True: there are dense arrays.

    >>> convert_to_tensor([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    if is_symbolic(x):
        return x if dtype is None else cast(x, dtype)
    if sparse:
        raise ValueError(
            f"`sparse` must be False or None: there are dense arrays. Received: sparse={sparse!r}"
        )
    if dtype in (None, "string") and np.asarray(x).dtype.kind in "USO" and is_text(x):
        return np.asarray(x, object)
    array = as_array(x)
    return array if dtype is None else array.astype(dtype)


def is_text(x: Any) -> bool:
    """Whether x holds texts alone."""
    return all(isinstance(one, (str, bytes)) for one in np.ravel(np.asarray(x, object)))


def convert_to_numpy(x: Any) -> np.ndarray:
    """x as an array; TypeError for a symbolic tensor, which has no values yet. As keras.ops.convert_to_numpy.

    >>> convert_to_numpy([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return np.asarray(x)
