"""Operations that move values between the axes, or choose some of them. Keras's names in keras.ops.

The batch stays the first axis of symbolic tensors. What moves, cuts or joins steps works on the padded form:
masked steps are zeros there, and the mask ends; what leaves the steps where they are keeps it. The number of
steps must be known where it becomes the size of another axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..graph.nodes import Shape
from .primitives import apply, axes_in, is_symbolic, listed, primitive, shape_of


# -- shapes --------------------------------------------------------------------------------------------------
def _reshaped(shapes: list[Shape], newshape: list[int]) -> Shape:
    (shape,) = shapes
    if None not in shape:
        total, known = prod(size for size in shape if size is not None), prod(s for s in newshape if s != -1)
        if -1 not in newshape and total != known or (-1 in newshape and (not known or total % known)):
            raise ValueError(f"{total} values do not fit `newshape`={tuple(newshape)}")
        return tuple(total // known if size == -1 else size for size in newshape)
    given = list(newshape)
    unknown = [place for place, size in enumerate(shape) if size is None]
    places = [place for place, size in enumerate(given) if size == -1]
    total = prod(size for size in shape if size is not None)
    if places == unknown and total == prod(size for size in given if size != -1):
        return tuple(None if size == -1 else size for size in given)
    raise ValueError(
        f"`newshape`={tuple(newshape)} must begin with -1, the batch, and hold as many values for each "
        "example; an unknown number of steps stays where it is, as another -1"
    )


def _expanded(shapes: list[Shape], axis: list[int]) -> Shape:
    rank = len(shapes[0]) + len(axis)
    places = axes_in(axis, rank)
    rest = iter(shapes[0])
    return tuple(1 if place in places else next(rest) for place in range(rank))


def _squeezed(shapes: list[Shape], axis: list[int]) -> Shape:
    places = axes_in(axis, len(shapes[0]))
    if any(shapes[0][place] != 1 for place in places):
        raise ValueError(f"`axis`={axis} must be axes of size 1")
    return tuple(size for place, size in enumerate(shapes[0]) if place not in places)


def _transposed(shapes: list[Shape], axes: list[int]) -> Shape:
    if sorted(axes) != list(range(len(shapes[0]))):
        raise ValueError(f"`axes`={axes} must hold each axis once")
    return tuple(shapes[0][place] for place in axes)


def _cut(shapes: list[Shape], index: list[Any]) -> Shape:
    found: list[int | None] = []
    for size, part in zip(shapes[0], index, strict=True):
        if isinstance(part, int):
            if size is not None and not -size <= part < size:
                raise ValueError(f"the index {part} is outside an axis of {size}")
            continue
        start, stop, step = part
        if size is None:
            whole = (start in (0, None)) and stop is None and step in (1, None)
            found.append(None if whole else _unknown_count(start, stop, step))
        else:
            found.append(len(range(size)[slice(start, stop, step)]))
            if not found[-1]:
                raise ValueError(f"the slice {start}:{stop}:{step} of an axis of {size} is empty")
    return tuple(found)


def _unknown_count(start: Any, stop: Any, step: Any) -> int | None:
    """How many steps a slice has of texts of any length; None where their length decides."""
    return None


def _padded(shapes: list[Shape], pad_width: list[list[int]], constant_values: float) -> Shape:
    return tuple(
        size if size is None and not any(pair) else None if size is None else size + pair[0] + pair[1]
        for size, pair in zip(shapes[0], pad_width, strict=True)
    )


def _repeated(shapes: list[Shape], repeats: int, axis: int) -> Shape:
    size = shapes[0][axis]
    return (*shapes[0][:axis], None if size is None else size * repeats, *shapes[0][axis + 1 :])


def _concatenated(shapes: list[Shape], axis: int) -> Shape:
    rest = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    joined = [shape[axis] for shape in shapes]
    if len({len(shape) for shape in shapes}) > 1 or len(rest) > 1:
        raise ValueError(f"all axes but axis={axis} must have one size")
    size = None if None in joined else sum(size or 0 for size in joined)
    return (*shapes[0][:axis], size, *shapes[0][axis + 1 :])


def _get(x: np.ndarray, index: list[Any]) -> np.ndarray:
    return x[tuple(part if isinstance(part, int) else slice(*part) for part in index)]


primitive("reshape", lambda x, newshape: np.reshape(x, newshape), _reshaped)
primitive("expand_dims", lambda x, axis: np.expand_dims(x, tuple(axis)), _expanded)
primitive("squeeze", lambda x, axis: np.squeeze(x, tuple(axis)), _squeezed)
primitive("transpose", lambda x, axes: np.transpose(x, axes), _transposed)
primitive("get_item", _get, _cut)
primitive(
    "pad",
    lambda x, pad_width, constant_values: np.pad(x, pad_width, constant_values=constant_values),
    _padded,
)
primitive("repeat", lambda x, repeats, axis: np.repeat(x, repeats, axis), _repeated)
primitive("concatenate", lambda *xs, axis: np.concatenate(xs, axis), _concatenated)


# -- functions -----------------------------------------------------------------------------------------------
def reshape(x: Any, newshape: Sequence[int]) -> Any:
    """The values in another shape, in their order; one size may be -1, what is left. As keras.ops.reshape.

    Of a symbolic tensor the first size is the batch, -1 (or None); where the number of steps is not known it
    stays, as another -1.

    >>> reshape([[1.0, 2.0, 3.0, 4.0]], (2, 2)).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    given = [newshape] if isinstance(newshape, (int, np.integer)) else list(newshape)
    sizes = [-1 if size is None else int(size) for size in given]
    shape = shape_of(x)
    if shape and shape[0] is None and None not in shape[1:] and sizes.count(-1) == 2 and sizes[0] == -1:
        known = prod(size for size in sizes if size != -1)
        total = prod(size or 1 for size in shape[1:])
        sizes = [-1, *(total // max(known, 1) if size == -1 else size for size in sizes[1:])]
    return apply("reshape", [x], newshape=sizes)


def _of_sizes(x: Any) -> bool:
    """Whether x is None, the size of the batch that `ops.shape` gives, or an array with it."""
    return x is None or (isinstance(x, np.ndarray) and x.dtype == object and None in x)


def expand_dims(x: Any, axis: Any) -> Any:
    """A new axis of size 1 at each of these places. As keras.ops.expand_dims.

    >>> expand_dims([1.0, 2.0], -1).tolist()
    [[1.0], [2.0]]
    """
    if _of_sizes(x):
        return np.expand_dims(np.array(x, object), axis)
    return apply("expand_dims", [x], axis=listed(axis))


def squeeze(x: Any, axis: Any = None) -> Any:
    """Without these axes of size 1 (None: all). As keras.ops.squeeze.

    >>> squeeze([[1.0], [2.0]], -1).tolist()
    [1.0, 2.0]
    """
    found = [place for place, size in enumerate(shape_of(x)) if size == 1] if axis is None else listed(axis)
    return apply("squeeze", [x], axis=found) if found else x


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order (None: reversed). As keras.ops.transpose.

    >>> transpose([[1.0, 2.0], [3.0, 4.0]]).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    rank = len(shape_of(x))
    order = list(range(rank))[::-1] if axes is None else [int(one) % rank for one in axes]
    return apply("transpose", [x], axes=order)


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged. As keras.ops.swapaxes.

    >>> swapaxes([[1.0, 2.0]], 0, 1).tolist()
    [[1.0], [2.0]]
    """
    order = list(range(len(shape_of(x))))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, order)


def get_item(x: Any, index: Any) -> Any:
    """x[index]: whole numbers, slices, `...` and None (a new axis). As keras.ops.get_item.

    >>> get_item([[1.0, 2.0], [3.0, 4.0]], (..., -1)).tolist()
    [2.0, 4.0]
    """
    rank = len(shape_of(x))
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(isinstance(part, (list, np.ndarray)) for part in parts):
        raise TypeError(f"an index must hold whole numbers and slices; see ops.take. Received: {index!r}")
    used = [part for part in parts if part is not None and part is not Ellipsis]
    if Ellipsis not in parts:
        parts.append(Ellipsis)
    place = parts.index(Ellipsis)
    parts[place : place + 1] = [slice(None)] * (rank - len(used))
    if len(used) > rank:
        raise IndexError(f"{len(used)} indices for {rank} axes. Received: {index!r}")
    plain = [_index(part, index) for part in parts if part is not None]
    made = apply("get_item", [x], index=plain) if any(part != [None, None, None] for part in plain) else x
    kept = [part for part in parts if part is None or isinstance(part, slice)]
    new = [place for place, part in enumerate(kept) if part is None]
    return expand_dims(made, new) if new else made


def _index(part: Any, index: Any) -> Any:
    """A part of an index as a file holds it: a whole number, or [start, stop, step]."""
    if isinstance(part, slice):
        return [None if one is None else int(one) for one in (part.start, part.stop, part.step)]
    if isinstance(part, (bool, np.bool_)) or not isinstance(part, (int, np.integer)):
        raise TypeError(f"an index must hold whole numbers and slices. Received: {index!r}")
    return int(part)


def repeat(x: Any, repeats: int, axis: int | None = None) -> Any:
    """Each value `repeats` times, one behind the other, along an axis (None: of all values in a row). As
    keras.ops.repeat.

    >>> repeat([[1.0, 2.0]], 2, axis=1).tolist()
    [[1.0, 1.0, 2.0, 2.0]]
    """
    if axis is None:
        if is_symbolic(x):
            raise ValueError("`axis` must be given for a symbolic tensor: the batch stays as it is")
        x, axis = np.ravel(x), 0
    if int(repeats) < 1:
        raise ValueError(f"`repeats` must be at least 1. Received: repeats={repeats!r}")
    (place,) = axes_in(axis, len(shape_of(x)))
    return x if int(repeats) == 1 else apply("repeat", [x], repeats=int(repeats), axis=place)


def tile(x: Any, repeats: Any) -> Any:
    """The whole array several times along each axis. As keras.ops.tile.

    Along a first axis of size 1 it may be None, the size of the batch as `ops.shape` gives it: that axis
    stays as it is, and meets any batch.

    >>> tile([[1.0, 2.0]], (1, 2)).tolist()
    [[1.0, 2.0, 1.0, 2.0]]
    """
    given = list(repeats) if isinstance(repeats, (list, tuple, np.ndarray)) else [repeats]
    times: list[int | None] = [None if one is None else int(one) for one in given]
    times[:0] = [1] * (len(shape_of(x)) - len(times))
    for _ in range(len(times) - len(shape_of(x))):
        x = expand_dims(x, 0)
    for axis, number in enumerate(times):
        if number is None:
            if axis or shape_of(x)[0] != 1:
                raise ValueError(
                    "`repeats` may be None, the size of the batch, along a first axis of size 1 alone, which "
                    f"then stays: it meets any batch. Received: a shape {shape_of(x)}, repeats={repeats!r}"
                )
        elif number != 1:
            x = concatenate([x] * number, axis)
    return x


def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    """x repeated along its axes of size 1, and new ones before them. As keras.ops.broadcast_to.

    >>> broadcast_to([1.0, 2.0], (2, 2)).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    target = [-1 if size is None else int(size) for size in shape]
    for _ in range(len(target) - len(shape_of(x))):
        x = expand_dims(x, 0)
    for axis, (size, own) in enumerate(zip(target, shape_of(x), strict=True)):
        if own == 1 and size not in (1, -1):
            x = repeat(x, size, axis)
        elif own is not None and size not in (own, -1):
            raise ValueError(f"broadcast_to: the shape {shape_of(x)} does not fit {tuple(shape)}")
    return x


def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Several side by side along an axis; symbolic ones along another than the batch. As
    keras.ops.concatenate.

    >>> concatenate([[[1.0]], [[2.0, 3.0]]], axis=1).tolist()
    [[1.0, 2.0, 3.0]]
    """
    parts = list(xs)
    if any(_of_sizes(part) for part in parts):
        return np.concatenate(parts, axis)
    (place,) = axes_in(axis, len(shape_of(parts[0])))
    return apply("concatenate", parts, axis=place)


def stack(xs: Sequence[Any], axis: int = 0) -> Any:
    """Several along a new axis. As keras.ops.stack.

    >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=1).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    (place,) = axes_in(axis, len(shape_of(xs[0])) + 1)
    return concatenate([expand_dims(x, place) for x in xs], place)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Parts along an axis, a list: so many of one size, or cut before these places. As keras.ops.split.

    >>> [part.tolist() for part in split([[1.0, 2.0, 3.0, 4.0]], 2, axis=1)]
    [[[1.0, 2.0]], [[3.0, 4.0]]]
    """
    rank = len(shape_of(x))
    (place,) = axes_in(axis, rank)
    size = shape_of(x)[place]
    if size is None:
        raise ValueError(f"the size of axis={axis} must be known. Received: a shape {shape_of(x)}")
    if isinstance(indices_or_sections, (int, np.integer)):
        count = int(indices_or_sections)
        if count < 1 or size % count:
            raise ValueError(f"{size} values cannot be cut into {count} parts of one size")
        cuts = [size // count * number for number in range(1, count)]
    else:
        cuts = [int(one) for one in indices_or_sections]
    whole = (slice(None),) * place
    ends = zip([0, *cuts], [*cuts, size], strict=True)
    return [get_item(x, (*whole, slice(start, stop))) for start, stop in ends]


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """What stands at each place of an axis, a list, without that axis. As keras.ops.unstack.

    >>> [part.tolist() for part in unstack([[1.0, 2.0]], axis=1)]
    [[1.0], [2.0]]
    """
    (place,) = axes_in(axis, len(shape_of(x)))
    size = shape_of(x)[place] if num is None else int(num)
    if size is None:
        raise ValueError(f"the size of axis={axis} must be known, or `num` given")
    return [get_item(x, ((slice(None),) * place + (number,))) for number in range(size)]


def flip(x: Any, axis: Any = None) -> Any:
    """The values along axes (None: all) in reverse. As keras.ops.flip.

    >>> flip([[1.0, 2.0]], 1).tolist()
    [[2.0, 1.0]]
    """
    places = axes_in(axis, len(shape_of(x)))
    parts = [slice(None, None, -1) if place in places else slice(None) for place in range(len(shape_of(x)))]
    return get_item(x, tuple(parts))
