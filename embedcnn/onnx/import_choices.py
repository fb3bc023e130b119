"""Nodes of ONNX that choose by numbers of the inputs, or say a product by letters: GatherND, TopK, Einsum."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from .import_arithmetic import on_views
from .import_graph import Graph, Node, handles
from .import_layout import View, described, laid_out, memory_order, plain
from .import_values import one_of_rank, sizes_in


@handles("GatherND")
def _gather_nd(graph: Graph, node: Node, data: Any, indices: Any) -> View:
    """out[b, n, ...] = data[b, indices[b, n, 0], ...], the one form that exporters of sequences need."""
    views = isinstance(data, View) and isinstance(indices, View)
    if not views or node.get("batch_dims", 0) != 1 or len(indices.axes) != 3 or indices.shape[2] != 1:
        raise ValueError("known are batch_dims=1 and indices of the shape (batch, n, 1), of the inputs")
    x = laid_out(data, range(len(data.axes)))
    places = laid_out(View(indices.tensor, indices.dims, indices.axes[:2]), range(2))
    for _ in x.shape[2:]:
        places = ops.expand_dims(places, -1)
    made = ops.take_along_axis(x, places, 1)
    return plain(made, [data.shape[0], indices.shape[1], *data.shape[2:]])


@handles("GatherElements")
def _gather_elements(graph: Graph, node: Node, data: Any, indices: Any) -> View:
    axis = one_of_rank(node.get("axis", 0), len(indices.axes) if isinstance(indices, View) else 1)
    if not isinstance(data, View) or not isinstance(indices, View) or data.axes[axis] == (0,):
        raise ValueError("both must depend on the inputs, and the axis not be the batch")
    order = memory_order(data)
    made = ops.take_along_axis(laid_out(data, order), laid_out(indices, order), order.index(axis))
    return plain(made, [indices.shape[one] for one in order], order)


@handles("TopK")
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
