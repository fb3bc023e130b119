"""Nested elements: tuples and dicts of leaves, stacked, padded and sliced leaf by leaf.

An element of a `Dataset` is a leaf (array, number, text, list) or a tuple or dict of elements. Everything
that makes batches of elements comes through here; positions in messages count elements from the start of the
data set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from embedcnn.ragged import Ragged

Element = Any


def call(function: Callable[..., Any], element: Element) -> Any:
    """`function(*element)` for a tuple, else `function(element)`, as tf.data does."""
    return function(*element) if isinstance(element, tuple) else function(element)


def map_leaves(function: Callable[[Any], Any], element: Element) -> Element:
    """The same structure with `function` applied to every leaf."""
    if isinstance(element, tuple):
        return tuple(map_leaves(function, part) for part in element)
    if isinstance(element, dict):
        return {key: map_leaves(function, part) for key, part in element.items()}
    return function(element)


def leaves(element: Element) -> list[Any]:
    """All leaves from left to right."""
    found: list[Any] = []
    map_leaves(found.append, element)
    return found


def outline(element: Element) -> str:
    """The structure without the values, for messages."""
    if isinstance(element, tuple):
        return f"({', '.join(map(outline, element))}{',' if len(element) == 1 else ''})"
    if isinstance(element, dict):
        return f"{{{', '.join(f'{key!r}: {outline(part)}' for key, part in element.items())}}}"
    return "."


def combine(
    elements: Sequence[Element], position: int, operation: str, leaf: Callable[[Sequence[Any], int], Any]
) -> Element:
    """One element whose leaves are `leaf(values, position)` of the elements' leaves."""
    first = elements[0]
    if isinstance(first, tuple | dict):
        shape = outline(first)
        for index, element in enumerate(elements):
            if type(element) is not type(first) or outline(element) != shape:
                raise ValueError(
                    f"{operation}: element {position + index} has the structure {outline(element)}, "
                    f"element {position} has {shape}"
                )
    if isinstance(first, tuple):
        return tuple(
            combine([element[i] for element in elements], position, operation, leaf)
            for i in range(len(first))
        )
    if isinstance(first, dict):
        return {
            key: combine([element[key] for element in elements], position, operation, leaf) for key in first
        }
    return leaf(elements, position)


def is_text(value: Any) -> bool:
    """Whether a leaf is one str or bytes."""
    return isinstance(value, str | bytes)


def objects(values: Sequence[Any]) -> np.ndarray:
    """An object array of one dimension, whatever the values are."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def as_array(value: Any, position: int, operation: str) -> np.ndarray:
    """A leaf as an array of numbers or text; ValueError for anything else."""
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype == object and not all(isinstance(item, str | bytes) for item in array.flat or [None]):
        raise ValueError(
            f"{operation}: element {position} holds a {type(value).__name__} that is no array of numbers or "
            f"text: {str(value)[:60]}"
        )
    return array.astype(object) if array.dtype.kind in "US" else array


def same_dtype(arrays: Sequence[np.ndarray], position: int, operation: str) -> None:
    """ValueError unless all arrays have the dtype of the first."""
    for index, array in enumerate(arrays):
        if array.dtype != arrays[0].dtype:
            raise ValueError(
                f"{operation}: element {position + index} has dtype {array.dtype}, "
                f"element {position} has {arrays[0].dtype}"
            )


def stack_leaf(values: Sequence[Any], position: int, operation: str = "batch") -> np.ndarray:
    """Equal-shaped leaves along a new first axis; texts become an object array."""
    if all(map(is_text, values)):
        return objects(values)
    arrays = [as_array(value, position + index, operation) for index, value in enumerate(values)]
    same_dtype(arrays, position, operation)
    for index, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            raise ValueError(
                f"{operation}: element {position + index} has shape {array.shape}, element {position} has "
                f"{arrays[0].shape}; use padded_batch or ragged_batch for unequal lengths"
            )
    return np.stack(arrays)


def stack(elements: Sequence[Element], position: int = 0, operation: str = "batch") -> Element:
    """A batch: the elements' leaves stacked."""
    return combine(elements, position, operation, lambda values, at: stack_leaf(values, at, operation))


def ragged_leaf(values: Sequence[Any], position: int) -> Any:
    """Integer sequences as a Ragged, everything else stacked."""
    arrays = [None if is_text(value) else as_array(value, position, "ragged_batch") for value in values]
    if all(
        array is not None and array.ndim == 1 and (array.dtype.kind in "iu" or not array.size)
        for array in arrays
    ):
        return Ragged.from_sequences(arrays)
    return stack_leaf(values, position, "ragged_batch")


def ragged_stack(elements: Sequence[Element], position: int = 0) -> Element:
    """A batch whose integer sequences keep their lengths."""
    return combine(elements, position, "ragged_batch", ragged_leaf)


def padded_leaf(values: Sequence[Any], position: int, shape: Any, value: Any) -> np.ndarray:
    """Leaves of one rank, each dimension filled up to `shape` or to the longest of the batch."""
    if all(map(is_text, values)) and not shape:
        return objects(values)
    arrays = [as_array(item, position + index, "padded_batch") for index, item in enumerate(values)]
    same_dtype(arrays, position, "padded_batch")
    rank = arrays[0].ndim
    sizes = [None] * rank if shape is None else [None if size in (None, -1) else int(size) for size in shape]
    for index, array in enumerate(arrays):
        if array.ndim != len(sizes):
            raise ValueError(
                f"padded_batch: element {position + index} has {array.ndim} dimensions, expected {len(sizes)}"
            )
        for axis, size in enumerate(sizes):
            if size is not None and array.shape[axis] > size:
                raise ValueError(
                    f"padded_batch: element {position + index} has shape {array.shape}, which does not fit "
                    f"padded_shapes {tuple(sizes)}"
                )
    if rank == 0:
        return np.stack(arrays)
    full = [
        max(array.shape[axis] for array in arrays) if size is None else size
        for axis, size in enumerate(sizes)
    ]
    dtype = arrays[0].dtype
    batch = np.full([len(arrays), *full], padding(value, dtype), dtype=dtype)
    for row, array in zip(batch, arrays, strict=True):
        row[tuple(map(slice, array.shape))] = array
    return batch


def padding(value: Any, dtype: np.dtype) -> Any:
    """The padding value in `dtype`: given, else "" for text and 0 for numbers; ValueError where it does
    not fit.
    """
    if dtype.kind == "O":
        if value is not None and not is_text(value):
            raise ValueError(f"padding_values: {value!r} does not fit text; give a str")
        return "" if value is None else value
    number = np.asarray(0 if value is None else value)
    if number.ndim or number.dtype.kind not in "biuf":
        raise ValueError(
            f"`padding_values` must be a number for dtype {dtype}. Received: padding_values={value!r}"
        )
    if dtype.kind in "biu" and not (np.isfinite(number) and number.astype(dtype) == number):
        raise ValueError(f"padding_values: {value!r} does not fit dtype {dtype}")
    return number.astype(dtype)


def padded_stack(
    elements: Sequence[Element], position: int, shapes: Any = None, values: Any = None
) -> Element:
    """A padded batch; `shapes` and `values` follow the elements' structure, None or one value serve all
    leaves.
    """
    first = elements[0]
    if not isinstance(first, tuple | dict):
        return padded_leaf(elements, position, checked_shape(shapes), values)
    combine(elements, position, "padded_batch", lambda *_: None)  # one structure for all
    keys = list(first) if isinstance(first, dict) else range(len(first))

    def part(given: Any, key: Any, argument: str) -> Any:
        if given is None or (argument == "padding_values" and not isinstance(given, tuple | list | dict)):
            return given
        fits = isinstance(given, tuple | list | dict) and isinstance(given, dict) is isinstance(first, dict)
        if not fits or len(given) != len(first):
            raise ValueError(f"{argument}: {given!r} does not have the elements' structure {outline(first)}")
        if isinstance(given, dict) and key not in given:
            raise ValueError(f"{argument}: no value for {key!r}. Received: {given!r}")
        return given[key]

    parts = {
        key: padded_stack(
            [element[key] for element in elements],
            position,
            part(shapes, key, "padded_shapes"),
            part(values, key, "padding_values"),
        )
        for key in keys
    }
    return parts if isinstance(first, dict) else tuple(parts.values())


def checked_shape(shape: Any) -> Any:
    """None, or a sequence of sizes and None (or -1)."""
    if shape is None:
        return None
    if not isinstance(shape, tuple | list) or not all(
        size is None or (isinstance(size, int | np.integer) and not isinstance(size, bool) and size >= -1)
        for size in shape
    ):
        raise ValueError(
            f"`padded_shapes` must be sizes or None for every dimension. Received: padded_shapes={shape!r}"
        )
    return shape
