"""pad, and what else moves values along an axis: roll, diff, moveaxis, ravel ... Keras's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .elementwise import subtract
from .indexing import take
from .primitives import apply, axes_in, is_symbolic, shape_of
from .rearranging import concatenate, get_item, reshape, transpose

MODES = ("constant", "reflect", "symmetric", "edge")


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Any:
    """x with values before and behind: a pair for each axis, or one for all. As keras.ops.pad.

    `mode`: "constant"; or what stands in x, "reflect"ed without its ends, "symmetric" with them, or "edge",
    the ends themselves: along axes of known size. Raises ValueError for other modes and negative numbers.

    >>> pad([[1.0]], ((0, 0), (1, 1))).tolist()
    [[0.0, 1.0, 0.0]]
    >>> pad([[1.0, 2.0, 3.0]], ((0, 0), (0, 2)), mode="reflect").tolist()
    [[1.0, 2.0, 3.0, 2.0, 1.0]]
    """
    if mode not in MODES or (mode != "constant" and constant_values is not None):
        raise ValueError(
            f"`mode` must be one of {', '.join(MODES)}, and `constant_values` goes with 'constant'. "
            f"Received: mode={mode!r}, constant_values={constant_values!r}"
        )
    pairs = np.broadcast_to(np.asarray(pad_width, np.int64), (len(shape_of(x)), 2)).tolist()
    if min(one for pair in pairs for one in pair) < 0:
        raise ValueError(f"`pad_width` must hold numbers of values. Received: pad_width={pad_width!r}")
    if mode == "constant":
        return apply("pad", [x], pad_width=pairs, constant_values=float(constant_values or 0.0))
    for axis, (pair, size) in enumerate(zip(pairs, shape_of(x), strict=True)):
        if not any(pair):
            continue
        if size is None:
            raise ValueError(f"mode={mode!r} needs axes of known size. Received: shape={shape_of(x)}")
        x = take(x, np.pad(np.arange(size), pair, mode), axis)  # type: ignore[call-overload]
    return x


def roll(x: Any, shift: int | Sequence[int], axis: Any = None) -> Any:
    """The values along an axis moved on by `shift`, those at the end to the start; or along several. As
    keras.ops.roll.

    >>> roll([[1.0, 2.0, 3.0]], 1, axis=1).tolist()
    [[3.0, 1.0, 2.0]]
    """
    if axis is None:
        if is_symbolic(x):
            raise ValueError("`axis` must be given for a symbolic tensor: the batch stays as it is")
        return reshape(roll(reshape(x, (-1,)), shift, 0), np.shape(x))
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    shifts: list[Any] = list(shift) if isinstance(shift, (list, tuple)) else [shift] * len(axes)
    for by, one in zip(shifts, axes, strict=True):
        (place,) = axes_in(one, len(shape_of(x)))
        size = shape_of(x)[place]
        by = int(by) if size is None else int(by) % size
        if by:
            whole = (slice(None),) * place
            parts = [get_item(x, (*whole, part)) for part in (slice(-by, None), slice(None, -by))]
            x = concatenate(parts, place)
    return x


def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """What each value along an axis is more than the one before it; n times. As keras.ops.diff.

    >>> diff([[1.0, 4.0, 9.0]]).tolist()
    [[3.0, 5.0]]
    """
    (place,) = axes_in(axis, len(shape_of(a)))
    whole = (slice(None),) * place
    for _ in range(int(n)):
        later, before = (get_item(a, (*whole, part)) for part in (slice(1, None), slice(None, -1)))
        a = subtract(later, before)
    return a


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Axes at other places, the rest in their order. As keras.ops.moveaxis.

    >>> moveaxis([[[1.0, 2.0]]], 2, 1).shape
    (1, 2, 1)
    """
    rank = len(shape_of(x))
    moved = [int(one) % rank for one in np.atleast_1d(source)]
    places = [int(one) % rank for one in np.atleast_1d(destination)]
    rest = [axis for axis in range(rank) if axis not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        rest.insert(place, axis)
    return transpose(x, rest)


def ravel(x: Any) -> Any:
    """All values in a row; of an array, or of a weight. As keras.ops.ravel.

    >>> ravel([[1.0], [2.0]]).tolist()
    [1.0, 2.0]
    """
    return reshape(x, (-1,))


def hstack(xs: Sequence[Any]) -> Any:
    """Several side by side along the second axis, vectors along their only one. As keras.ops.hstack.

    >>> hstack([[[1.0]], [[2.0]]]).tolist()
    [[1.0, 2.0]]
    """
    return concatenate(xs, 1 if len(shape_of(xs[0])) > 1 else 0)


def vstack(xs: Sequence[Any]) -> Any:
    """Several arrays below each other, vectors as rows. As keras.ops.vstack.

    >>> vstack([[1.0, 2.0], [3.0, 4.0]]).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    return concatenate([reshape(x, (1, -1)) if len(shape_of(x)) == 1 else x for x in xs], 0)
