"""Values written to places of others, and sums by place: slice_update, scatter, segment_sum ... Keras's names
in keras.ops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.checked import checked
from .elementwise import where
from .padding import pad
from .primitives import as_array, as_result, is_symbolic, shape_of

REDUCTIONS = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}


def arrays_alone(name: str, *values: Any) -> None:
    """TypeError where one of them is symbolic: which place is written follows from values."""
    if is_symbolic(*values):
        raise TypeError(
            f"ops.{name} takes arrays: of symbolic tensors the places would not be known. Choose values with "
            "ops.where, ops.one_hot and ops.matmul, or rows with ops.take"
        )


def slice_update(inputs: Any, start_indices: Sequence[int], updates: Any) -> Any:
    """inputs with `updates` in the place of the values from `start_indices` on, one index an axis. As
    keras.ops.slice_update, without its moving of what reaches beyond the end.

    Of symbolic tensors the batch stays whole. Raises ValueError where the updates do not fit.

    >>> slice_update([[1.0, 2.0, 3.0]], (0, 1), [[9.0]]).tolist()
    [[1.0, 9.0, 3.0]]
    """
    shape, sizes = shape_of(inputs), shape_of(updates)
    starts = [int(one) for one in start_indices]
    fits = len(starts) == len(sizes) == len(shape) and all(
        (size == part and begin == 0) if size is None or part is None else 0 <= begin <= size - part
        for size, part, begin in zip(shape, sizes, starts, strict=True)
    )
    if not fits:
        raise ValueError(
            "`updates` must lie within the inputs, with a start index for each axis. Received: shapes "
            f"{shape} and {sizes}, start_indices={tuple(starts)}"
        )
    if not is_symbolic(inputs, updates):
        made = as_array(inputs).copy()
        made[
            tuple(slice(begin, begin + int(part or 0)) for begin, part in zip(starts, sizes, strict=True))
        ] = as_array(updates)
        return made
    around = [
        (begin, 0 if size is None or part is None else size - part - begin)
        for size, part, begin in zip(shape, sizes, starts, strict=True)
    ]
    chosen = np.pad(
        np.ones([1 if size is None else size for size in sizes], bool), around, constant_values=False
    )
    return where(chosen, pad(updates, around) if any(map(any, around)) else updates, inputs)


def scatter(indices: Any, values: Any, shape: Sequence[int]) -> np.ndarray:
    """Zeros of this shape with `values` (N, ...) added at `indices` (N, axes). As keras.ops.scatter.

    >>> scatter([[0], [2], [0]], [1.0, 2.0, 3.0], (3,)).tolist()
    [4.0, 0.0, 2.0]
    """
    arrays_alone("scatter", indices, values)
    given = as_array(values)
    return scatter_update(np.zeros(tuple(shape), given.dtype), indices, given, "add")


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> np.ndarray:
    """inputs with `updates` (N, ...) in the place of the values at `indices` (N, axes); or these joined with
    them by `reduction`: "add", "max", "min" or "mul". As keras.ops.scatter_update.

    Raises ValueError for another reduction, IndexError for places that are not there.

    >>> scatter_update([1.0, 2.0, 3.0], [[0], [2]], [8.0, 9.0]).tolist()
    [8.0, 2.0, 9.0]
    """
    arrays_alone("scatter_update", inputs, indices, updates)
    if reduction is not None and reduction not in REDUCTIONS:
        raise ValueError(
            f"`reduction` must be None or one of {', '.join(REDUCTIONS)}. Received: {reduction!r}"
        )
    made, places = as_array(inputs).copy(), np.asarray(indices)
    if places.ndim < 1 or places.dtype.kind not in "iu":
        raise ValueError(f"`indices` must be whole numbers, (N, axes). Received: indices={indices!r}")
    index = tuple(np.moveaxis(places, -1, 0))
    given = as_array(updates).astype(made.dtype)
    if reduction is None:
        made[index] = given
    else:
        REDUCTIONS[reduction].at(made, index, given)
    return made


def _by_segment(
    name: str, reduce: Any, empty: Any, data: Any, segment_ids: Any, num_segments: int | None
) -> np.ndarray:
    arrays_alone(name, data, segment_ids)
    values, ids = as_array(data), np.asarray(segment_ids)
    if ids.ndim != 1 or ids.dtype.kind not in "iu" or values.shape[:1] != ids.shape:
        raise ValueError(
            f"`segment_ids` must be whole numbers, one for each row of data. Received: shapes {values.shape} "
            f"and {ids.shape}"
        )
    count = int(ids.max(initial=-1)) + 1 if num_segments is None else int(num_segments)
    counts = (ids >= 0) & (ids < count)
    made = np.full((count, *values.shape[1:]), empty(values.dtype), values.dtype)
    reduce.at(made, ids[counts], values[counts])
    return made


@checked
def segment_sum(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    sorted: bool = False,  # noqa: A002
) -> np.ndarray:
    """The sums of the rows of data (N, ...) that have one segment id each: (num_segments, ...). As
    keras.ops.segment_sum; ids outside of the segments count nowhere, `sorted` changes nothing.

    >>> segment_sum([1.0, 2.0, 3.0], [0, 2, 0]).tolist()
    [4.0, 0.0, 2.0]
    """
    return _by_segment("segment_sum", np.add, lambda dtype: 0, data, segment_ids, num_segments)


@checked
def segment_max(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    sorted: bool = False,  # noqa: A002
) -> np.ndarray:
    """The largest of the rows of data (N, ...) that have one segment id each; -inf (of whole numbers the
    smallest) where there is none. As keras.ops.segment_max.

    >>> segment_max([1.0, 2.0, 3.0], [0, 1, 0]).tolist()
    [3.0, 2.0]
    """
    return _by_segment("segment_max", np.maximum, _least, data, segment_ids, num_segments)


@checked
def segment_min(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    sorted: bool = False,  # noqa: A002
) -> np.ndarray:
    """The smallest of the rows of data (N, ...) that have one segment id each; inf (of whole numbers the
    largest) where there is none. As keras.ops.segment_min.

    >>> segment_min([1.0, 2.0, 3.0], [0, 1, 0]).tolist()
    [1.0, 2.0]
    """
    return _by_segment("segment_min", np.minimum, _most, data, segment_ids, num_segments)


@checked
def segment_prod(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    sorted: bool = False,  # noqa: A002
) -> np.ndarray:
    """The products of the rows of data (N, ...) that have one segment id each. As keras.ops.segment_prod.

    >>> segment_prod([2.0, 2.0, 3.0], [0, 1, 0]).tolist()
    [6.0, 2.0]
    """
    return _by_segment("segment_prod", np.multiply, lambda dtype: 1, data, segment_ids, num_segments)


def _least(dtype: Any) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _most(dtype: Any) -> Any:
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> np.ndarray:
    """How often each whole number from 0 is in x (N,), int32, or the sum of its weights, float32; of x (B, N)
    for each row. As keras.ops.bincount.

    >>> bincount([0, 2, 2], minlength=4).tolist()
    [1, 0, 2, 0]
    """
    arrays_alone("bincount", x, weights)
    numbers = np.asarray(x)
    rows = numbers[None] if numbers.ndim == 1 else numbers
    length = max(int(minlength or 0), int(rows.max(initial=-1)) + 1)
    of_rows = np.broadcast_to(1 if weights is None else np.asarray(weights), rows.shape)
    made = np.stack([np.bincount(*pair, minlength=length) for pair in zip(rows, of_rows, strict=True)])
    made = made.astype(np.int32 if weights is None else np.float32)
    found: np.ndarray = as_result(made[0] if numbers.ndim == 1 else made, ())
    return found
