"""Nodes of ONNX that take parts of a tensor, or join several: Slice, Gather, Split, Concat, Tile and Pad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import layers, ops
from ..graph.nodes import SymbolicTensor
from .import_file import checked_count
from .import_graph import Graph, Node, handles
from .import_layout import (
    View,
    described,
    factored,
    folding,
    laid_out,
    like_examples,
    memory_order,
    of_examples,
    plain,
    repeated,
    with_last,
)
from .import_sizes import AnySize, Size, listed
from .import_values import Filled, Stack, axes_of, filled, one_of_rank, rank_of, sizes_in, sizes_of

FAR = 2**31 - 1
"""From here on an end of a slice is that of the axis."""


# -- parts ---------------------------------------------------------------------------------------------------
@handles("Slice", known=True)
def _slice(graph: Graph, node: Node, x: Any, *given: Any) -> Any:
    if given:
        parts: list[Any] = [None if one is None else sizes_in(one, "a slice") for one in given]
        starts, ends, axes, steps = [*parts, None, None][:4]
    else:
        starts, ends, axes, steps = node.get("starts"), node.get("ends"), node.get("axes"), None
    rank = rank_of(x)
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis = one_of_rank(axes[place] if axes is not None else place, rank)
        x = cut(graph, x, axis, start, end, steps[place] if steps is not None else 1)
    return x


def cut(graph: Graph, x: Any, axis: int, start: Any, end: Any, step: Any) -> Any:
    """A slice along one axis."""
    size = sizes_of(x)[axis]
    if isinstance(size, Size) and isinstance(end, Size) and end == size:
        end = FAR
    if any(isinstance(one, Size) for one in (start, end, step)):
        if isinstance(x, View):
            raise ValueError(f"the slice {start}:{end} must be known: give `input_shapes`")
        raise ValueError(f"the slice {start}:{end} of a constant must be known: give `input_shapes`")
    if not step:
        raise ValueError("the step of a slice must not be 0")
    whole = slice(None if start == 0 and step > 0 else start, None if abs(end) >= FAR else end, step)
    if step < 0 and start >= FAR:
        whole = slice(None, whole.stop, step)
    if isinstance(x, np.ndarray):
        return x[(slice(None),) * axis + (whole,)]
    if isinstance(x, Filled):
        return _cut_filled(x, axis, whole)
    if isinstance(x, Stack):
        return (
            Stack(x.parts[whole])
            if axis == 0 and x.parts[whole]
            else cut(graph, x.view(), axis, start, end, step)
        )
    if isinstance(size, int):
        count: AnySize = len(range(size)[whole])
        if count == size and step > 0:
            return x
    elif whole == slice(None, None, 1):
        return x
    elif whole.stop is None and (whole.start or 0) >= 0 and step == 1:
        count = size - (whole.start or 0)
    elif whole.start is not None and whole.start < 0 and whole.stop is None and step == 1:
        count = -whole.start
    else:
        count = (
            size if abs(step) == 1 and whole.start is None and whole.stop is None else graph.fresh("slice")
        )
    if count == 1:
        start = range(size)[whole][0] if isinstance(size, int) else whole.start
        one = taken(x, axis, int(start))
        return View(one.tensor, one.dims, (*one.axes[:axis], (), *one.axes[axis:]))
    return of_axis(
        x, axis, lambda tensor, place: ops.get_item(tensor, (slice(None),) * place + (whole,)), count
    )


def _cut_filled(x: Filled, axis: int, whole: slice) -> Filled | np.ndarray:
    size = x.shape[axis]
    if isinstance(size, Size):
        raise ValueError(f"a constant of shape {x.shape} cannot be cut along axis {axis}")
    array = x.array if x.array.shape[axis] == 1 else x.array[(slice(None),) * axis + (whole,)]
    count = len(range(size)[whole])
    return filled(array, (*x.shape[:axis], count, *x.shape[axis + 1 :]))


def of_axis(x: View, axis: int, change: Any, count: AnySize | None) -> View:
    """What `change(tensor, place)` makes along an axis, which has `count` places then; None: none."""
    if x.axes[axis] == (0,):
        raise ValueError("the batch stays as it is")
    if any(0 in group and len(group) > 1 for group in x.axes):  # the batch is in one axis with others
        tensor, again = with_last(x, axis)
        made = change(tensor, len(tensor.shape) - 1)
        if count is not None:
            return again(made, count)
        whole = again(made, 1)
        kept = [number for number in range(len(x.axes)) if number != axis]
        return View(made, whole.dims[:-1], whole.axes).moved(kept)
    if len(x.axes[axis]) != 1:
        order = memory_order(x)
        x = plain(laid_out(x, order), [x.shape[one] for one in order], order)
    (dim,) = x.axes[axis]
    folds = folding(x)
    if folds is not None and [dim] in folds:
        tensor, place = x.tensor, folds.index([dim])
    else:
        tensor, place = factored(x), dim
    made = change(tensor, place)
    if count is not None:
        return View(made, (*x.dims[:dim], count, *x.dims[dim + 1 :]), x.axes)
    axes = tuple(
        tuple(one - (one > dim) for one in group) for number, group in enumerate(x.axes) if number != axis
    )
    return View(made, (*x.dims[:dim], *x.dims[dim + 1 :]), axes)


def taken(x: View, axis: int, index: int) -> View:
    """What stands at one place of an axis, without it."""
    size = x.shape[axis]
    if isinstance(size, int) and not -size <= index < size:
        raise ValueError(f"the place {index} is outside an axis of {size}")
    if size == 1:
        return x.moved([one for one in range(len(x.axes)) if one != axis])
    return of_axis(
        x, axis, lambda tensor, place: ops.get_item(tensor, (slice(None),) * place + (index,)), None
    )


def gathered(x: Any, axis: int, indices: np.ndarray) -> Any:
    """What stands at places of an axis that are known while the graph is read."""
    if isinstance(x, np.ndarray):
        return np.take(x, indices.astype(np.int64), axis)
    if isinstance(x, Stack) and axis == 0:
        chosen = [x.parts[one_of_rank(one, len(x.parts))] for one in np.ravel(indices)]
        return chosen[0] if indices.ndim == 0 else Stack(tuple(chosen))
    if isinstance(x, Stack):
        x = x.view()
    if isinstance(x, Filled):
        if indices.ndim:
            raise ValueError("places of a constant of open size must be a single number")
        cut = _cut_filled(x, axis, slice(int(indices), int(indices) + 1 or None))
        shape = tuple(size for place, size in enumerate(cut.shape) if place != axis)
        return filled((cut.array if isinstance(cut, Filled) else cut).squeeze(axis), shape)
    if indices.ndim == 0:
        return taken(x, axis, int(indices))
    if indices.ndim != 1:
        raise ValueError(f"indices of {indices.ndim} axes are not known here")
    if len(indices) == 1:
        one = taken(x, axis, int(indices[0]))
        return View(one.tensor, one.dims, (*one.axes[:axis], (), *one.axes[axis:]))
    size = x.shape[axis]
    if not isinstance(size, int):
        raise ValueError("the size of the axis must be known: give `input_shapes`")
    places = np.array([one_of_rank(one, size) for one in indices], np.int32)
    return of_axis(x, axis, lambda tensor, place: ops.take(tensor, places, place), len(places))


@handles("Split", known=True)
def _split(graph: Graph, node: Node, x: Any, split: Any = None) -> list[Any]:
    rank = rank_of(x)
    axis = one_of_rank(node.get("axis", 0), rank)
    size = sizes_of(x)[axis]
    if not isinstance(size, int):
        raise ValueError(f"the size of axis {axis} must be known: give `input_shapes`")
    count = len(node.outputs)
    parts: Any = listed(split) if split is not None else node.get("split")
    if parts is None:
        each = -(-size // count)
        parts = [each] * (count - 1) + [size - each * (count - 1)]
    if len(parts) != count or any(not isinstance(one, int) or one < 0 for one in parts) or sum(parts) != size:
        raise ValueError(f"the parts {parts} do not make up an axis of {size}")
    ends = np.cumsum(parts)
    return [cut(graph, x, axis, int(end - part), int(end), 1) for end, part in zip(ends, parts, strict=True)]


# -- several into one ----------------------------------------------------------------------------------------
@handles("Tile", known=True)
def _tile(graph: Graph, node: Node, x: Any, repeats: Any) -> Any:
    times = sizes_in(repeats, "`repeats`")
    if any(isinstance(one, Size) for one in times):
        raise ValueError(f"the repeats {times} must be known: give `input_shapes`")
    if isinstance(x, np.ndarray):
        checked_count([size * time for size, time in zip(x.shape, times, strict=True)], node.operation)
        return np.tile(x, times)
    for axis, count in enumerate(times):
        if count != 1 and x.shape[axis] == 1:
            x = repeated(x, axis, int(count))
        elif count != 1:
            x = joined([x] * int(count), axis)
    return x


@handles("Concat", known=True)
def _concat(graph: Graph, node: Node, *parts: Any) -> Any:
    axis = one_of_rank(node.get("axis"), rank_of(parts[0]))
    if all(isinstance(one, np.ndarray) for one in parts):
        return np.concatenate(parts, axis)
    if all(isinstance(one, Stack) for one in parts) and axis == 0:
        return Stack(tuple(view for one in parts for view in one.parts))
    if any(isinstance(one, Filled) for one in parts) and all(
        not isinstance(one, (View, Stack)) for one in parts
    ):
        raise ValueError("constants of open size cannot be joined")
    whole = next((one.whole for one in graph.stacks if one.parts == parts), None)
    if whole is not None and axis == len(whole.axes) - 1:
        return whole
    return joined([one.view() if isinstance(one, Stack) else one for one in parts], axis)


def joined(parts: Sequence[Any], axis: int) -> View:
    """Views, and constants beside them, side by side along an axis."""
    first = next(one for one in parts if isinstance(one, View))
    order = memory_order(first)
    if first.axes[axis] == (0,):
        raise ValueError("examples cannot be joined: the batch stays as it is")
    if len(parts) == 1:
        return first
    tensors: list[SymbolicTensor] = []
    total: AnySize = 0
    single = True
    for one in parts:
        if not isinstance(one, View):
            one = _for_each_example(one, first, axis)
        if len(one.axes) != len(order):
            raise ValueError(f"{described(one)} has another number of axes than {described(first)}")
        tensor, single = of_examples(one, order)
        tensors.append(tensor)
        total = total + one.shape[axis]
    place = order.index(axis) + (not single)
    last = (
        place == len(tensors[0].shape) - 1
        and len(order) > 1
        and all(one.dtype == "float32" for one in tensors)
    )
    made = layers.Concatenate()(tensors) if last else ops.concatenate(tensors, place)
    sizes = [total if one == axis else first.shape[one] for one in order[1:]]
    return like_examples(made, first, order[0], order, sizes)


def _for_each_example(value: Any, like: View, axis: int) -> View:
    """A constant as a view: added to zeros that come of a tensor."""
    array = value.array if isinstance(value, Filled) else value
    order = memory_order(like)
    sizes = [like.shape[one] for one in order]
    count = sizes_of(value)[axis]
    if array.ndim != len(order) or not isinstance(count, int):
        raise ValueError(f"a constant of shape {sizes_of(value)} does not fit {described(like)}")
    place = order.index(axis)
    one = ops.get_item(laid_out(like, order), (slice(None),) * place + (slice(0, 1),))
    laid = array.transpose(order)
    if len(laid) > 1 and (laid == laid[:1]).all():
        laid = laid[:1]  # one for each example of the batch that the graph was made with
    laid = np.broadcast_to(laid, [count if where == place else size for where, size in enumerate(laid.shape)])
    zeros = ops.repeat(one * 0.0, count, axis=place)
    sizes[place] = count
    return plain(zeros + (laid[0] if laid.shape[0] == 1 else laid), sizes, order)


@handles("Pad", known=True)
def _pad(graph: Graph, node: Node, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    if node.get("mode", "constant") != "constant":
        raise ValueError(f"`mode` must be 'constant'. Received: mode={node.get('mode')!r}")
    rank = rank_of(x)
    widths: Any = listed(pads) if pads is not None else node.get("pads")
    places: Any = axes_of(node, axes, rank) if axes is not None else range(rank)
    constant = float(np.ravel(value)[0]) if value is not None else float(node.get("value", 0.0))
    pairs = dict(
        zip(places, zip(widths[: len(widths) // 2], widths[len(widths) // 2 :], strict=True), strict=True)
    )
    if any(not isinstance(one, int) for pair in pairs.values() for one in pair):
        raise ValueError(f"`pads` must be known: give `input_shapes`. Received: pads={widths}")
    if isinstance(x, Filled):
        return _padded_filled(x, pairs, constant)
    for axis, (before, behind) in pairs.items():  # less than 0: so many are cut off
        size = sizes_of(x)[axis]
        if isinstance(size, int) and size + min(before, 0) + min(behind, 0) <= 0:  # nothing is left
            if size + before + behind < 1 or not isinstance(x, View):
                raise ValueError(f"`pads` leave nothing of an axis of {size}. Received: pads={widths}")
            one = cut(graph, x, axis, 0, 1, 1)
            x = padded(
                one.with_tensor(ops.full_like(one.tensor, constant)),
                axis,
                0,
                size + before + behind - 1,
                constant,
            )
            pairs[axis] = 0, 0
        elif min(before, behind) < 0:
            x = cut(graph, x, axis, max(-before, 0), min(behind, 0) or FAR, 1)
            pairs[axis] = max(before, 0), max(behind, 0)
    if isinstance(x, np.ndarray):
        every = [pairs.get(axis, (0, 0)) for axis in range(rank)]
        checked_count([size + sum(pair) for size, pair in zip(x.shape, every, strict=True)], node.operation)
        return np.pad(x, every, constant_values=constant)
    for axis, (before, behind) in pairs.items():
        if before or behind:
            x = padded(x, axis, int(before), int(behind), constant)
    return x


def _padded_filled(x: Filled, pairs: dict[int, tuple[int, int]], constant: float) -> Filled | np.ndarray:
    """Further places around a constant of open size, along axes that are known."""
    array, shape = x.array, list(x.shape)
    for axis, (before, behind) in pairs.items():
        size = shape[axis]
        if not before and not behind:
            continue
        if isinstance(size, Size) or min(before, behind) < 0:
            raise ValueError(f"a constant of shape {x.shape} cannot be padded along axis {axis}")
        wide: list[Any] = [size if place == axis else own for place, own in enumerate(array.shape)]
        around = [(before, behind) if place == axis else (0, 0) for place in range(array.ndim)]
        array = np.pad(np.broadcast_to(array, wide), around, constant_values=constant)
        shape[axis] = size + before + behind
    return filled(array, shape)


def padded(x: View, axis: int, before: int, behind: int, value: float) -> View:
    """Further places before and behind an axis."""
    if not x.axes[axis]:
        x = repeated(x, axis, 1)

    def change(tensor: SymbolicTensor, place: int) -> SymbolicTensor:
        widths = [(0, 0)] * len(tensor.shape)
        widths[place] = (before, behind)
        made: SymbolicTensor = ops.pad(tensor, widths, constant_values=value)
        return made

    return of_axis(x, axis, change, x.shape[axis] + before + behind)
