"""Nodes of ONNX that choose by numbers of the inputs, run along an axis, or say a product by letters:
GatherND, TopK, ArgMax, CumSum, Einsum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import ops
from .import_arithmetic import on_views
from .import_graph import Graph, Node, handles
from .import_layout import View, described, laid_out, memory_order, plain
from .import_parts import gathered, of_axis
from .import_values import Filled, one_of_rank, sizes_in


def by_examples(function: Callable[..., Any]) -> Callable[..., Any]:
    """Where examples are in one axis with others, first of which the batch, the function gets them apart, in
    an axis more behind the batch; its results have them together again.
    """

    def made(graph: Graph, node: Node, *inputs: Any) -> Any:
        views = [one for one in inputs if isinstance(one, View)]
        lead = [one.axes[0] for one in views if one.axes]
        if len(lead) < len(views) or any(len(group) < 2 or group[0] for group in lead):
            return function(graph, node, *inputs)
        wide = [
            View(one.tensor, one.dims, ((0,), one.axes[0][1:], *one.axes[1:]))
            if isinstance(one, View)
            else one
            for one in inputs
        ]
        settings = {
            name: value + 1 if name in ("axis", "batch_dims") and value >= 0 else value
            for name, value in node.attributes.items()
        }
        found = function(graph, replace(node, attributes=settings), *wide)
        whole = [
            View(one.tensor, one.dims, (one.axes[0] + one.axes[1], *one.axes[2:]))
            for one in (found if isinstance(found, list) else [found])
        ]
        return whole if isinstance(found, list) else whole[0]

    return made


@handles("GatherND")
@by_examples
def _gather_nd(graph: Graph, node: Node, data: Any, indices: Any) -> View:
    """out[b, n, ...] = data[b, indices[b, n, 0], ...], the one form that exporters of sequences need; b may
    be several axes.
    """
    batch = node.get("batch_dims", 0)
    if isinstance(data, View) and not isinstance(indices, View) and batch == 1:
        chosen = _same_places(indices)
        if chosen is not None:
            found: View = gathered(data, 1, chosen)
            return found
    views = isinstance(data, View) and isinstance(indices, View)
    if not views or not batch or len(indices.axes) != batch + 2 or indices.shape[-1] != 1:
        raise ValueError("known are batch_dims=1 and indices of the shape (batch, n, 1), of the inputs")
    x = laid_out(data, range(len(data.axes)))
    places = laid_out(View(indices.tensor, indices.dims, indices.axes[:-1]), range(batch + 1))
    for _ in x.shape[batch + 1 :]:
        places = ops.expand_dims(places, -1)
    made = ops.take_along_axis(x, places, batch)
    return plain(made, [*data.shape[:batch], indices.shape[batch], *data.shape[batch + 1 :]])


def _same_places(indices: Any) -> np.ndarray | None:
    """The places (n) of constants (batch, n, 1), the same for each example; None for others."""
    array = indices.array if isinstance(indices, Filled) else indices
    sizes = list(indices.shape)
    if not isinstance(array, np.ndarray) or array.dtype == object or len(sizes) != 3 or sizes[2] != 1:
        return None
    if not isinstance(sizes[1], int) or (array != array[:1]).any():
        return None
    return np.broadcast_to(array[0, :, 0], sizes[1]).astype(np.int64)


@handles("GatherElements")
@by_examples
def _gather_elements(graph: Graph, node: Node, data: Any, indices: Any) -> View:
    axis = one_of_rank(node.get("axis", 0), len(indices.axes) if isinstance(indices, View) else 1)
    if not isinstance(data, View) or not isinstance(indices, View) or data.axes[axis] == (0,):
        raise ValueError("both must depend on the inputs, and the axis not be the batch")
    order = memory_order(data)
    made = ops.take_along_axis(laid_out(data, order), laid_out(indices, order), order.index(axis))
    return plain(made, [indices.shape[one] for one in order], order)


@handles("TopK")
@by_examples
def _top_k(graph: Graph, node: Node, x: View, k: Any = None) -> list[View]:
    count = sizes_in(k, "`k`")[0] if k is not None else node.get("k")
    axis = one_of_rank(node.get("axis", -1), len(x.axes))
    order = [*memory_order(x, [axis]), axis]
    if not isinstance(x.shape[axis], int) or not isinstance(count, int):
        raise ValueError(f"the size of axis {axis} and `k` must be known: give `input_shapes`")
    largest = node.get("largest", 1)
    tensor = laid_out(x, order)
    values, places = ops.top_k(tensor if largest else ops.negative(tensor), count)
    values = values if largest else ops.negative(values)
    sizes = [count if one == axis else x.shape[one] for one in order]
    return [plain(values, sizes, order), plain(places, sizes, order)]


@handles("Einsum")
def _einsum(graph: Graph, node: Node, *operands: Any) -> View:
    equation = node.get("equation").replace(" ", "")
    given, arrow, out = equation.partition("->")
    batched = [
        letters[:1] for letters, one in zip(given.split(","), operands, strict=True) if isinstance(one, View)
    ]
    if not arrow or len(set(batched)) != 1 or out[:1] != batched[0] or "." in equation:
        raise ValueError(f"`equation` must have the batch as its first letter. Received: {equation!r}")
    read = [laid_out(one, range(len(one.axes))) if isinstance(one, View) else one for one in operands]
    sizes = {
        letter: size
        for letters, one in zip(given.split(","), operands, strict=True)
        for letter, size in zip(letters, one.shape, strict=True)
    }
    return plain(ops.einsum(equation, *read), [sizes[letter] for letter in out])


@handles("OneHot")
def _one_hot(graph: Graph, node: Node, indices: View, depth: Any, values: Any) -> View:
    (count,) = sizes_in(depth, "`depth`")
    if node.get("axis", -1) not in (-1, len(indices.axes)) or not isinstance(values, np.ndarray):
        raise ValueError(f"the new axis must be the last, and the values constants: {described(indices)}")
    classes = np.arange(count, dtype=np.int32)
    wide = View(indices.tensor, indices.dims, (*indices.axes, ()))
    return on_views([on_views([wide, classes], ops.equal), values[1], values[0]], ops.where)


@handles("CumSum")
def _cumsum(graph: Graph, node: Node, x: View, axis: Any) -> View:
    if node.get("exclusive", 0) or node.get("reverse", 0) or not isinstance(axis, np.ndarray):
        raise ValueError("`exclusive` and `reverse` must be 0, and the axis a constant")
    place = one_of_rank(np.ravel(axis)[0], len(x.axes))
    return of_axis(x, place, lambda tensor, at: ops.cumsum(tensor, axis=at), x.shape[place])


@handles("ArgMax", "ArgMin")
def _argmax(graph: Graph, node: Node, x: View) -> View:
    axis = one_of_rank(node.get("axis", 0), len(x.axes))
    if node.get("select_last_index", 0):
        raise ValueError("`select_last_index` must be 0")
    function = getattr(ops, node.operation.lower())
    view = of_axis(x, axis, lambda tensor, at: function(tensor, axis=at), None)
    return (
        View(view.tensor, view.dims, (*view.axes[:axis], (), *view.axes[axis:]))
        if node.get("keepdims", 1)
        else view
    )
