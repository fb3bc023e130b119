"""Nodes of ONNX that change a shape, or compute with sizes: Reshape, Transpose, Expand, Shape and so on."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from .import_file import array_of, checked_count
from .import_graph import Graph, Node, handles
from .import_layout import View, described, repeated, reshaped
from .import_sizes import Size, as_array, listed, product
from .import_values import Filled, Stack, axes_of, filled, one_of_rank, rank_of, sizes_in, sizes_of


# -- constants and sizes -------------------------------------------------------------------------------------
@handles("Constant", known=True)
def _constant(graph: Graph, node: Node) -> np.ndarray:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            value = node.attributes[name]
            if name == "value":
                return array_of(value, f"the constant {node.outputs[0]!r}")
            return np.asarray(value, np.float32 if "float" in name else np.int64)
    raise ValueError(f"a constant of numbers is needed. Received: {sorted(node.attributes)}")


@handles("ConstantOfShape", known=True)
def _constant_of_shape(graph: Graph, node: Node, shape: Any) -> Any:
    value = array_of(node.attributes["value"], "value") if "value" in node.attributes else np.float32(0)
    sizes = sizes_in(shape, "its shape")
    if not any(isinstance(size, Size) for size in sizes):
        return np.full(checked_count(sizes, node.operation), np.ravel(value)[0])
    return filled(np.reshape(value, (1,) * len(sizes)), sizes)


@handles("Shape", known=True)
def _shape(graph: Graph, node: Node, x: Any) -> np.ndarray:
    return as_array(sizes_of(x)[slice(node.get("start", 0), node.get("end"))])


@handles("Size", known=True)
def _size(graph: Graph, node: Node, x: Any) -> np.ndarray:
    return as_array([product(sizes_of(x))]).reshape(())


@handles("Identity", "Dropout", known=True)
def _identity(graph: Graph, node: Node, x: Any, *settings: Any) -> Any:
    return [x]  # dropout is left out in inference; its second result, a mask, is not made


@handles("Cast")
def _cast(graph: Graph, node: Node, x: Any) -> Any:
    to = node.get("to")
    if isinstance(x, Filled) and x.array.dtype != object:
        return Filled(graph.computed(node, [x.array])[0], x.shape)
    if isinstance(x, (np.ndarray, Filled, Stack)):
        return x  # sizes, or the states of layers
    dtype = {1: "float32", 10: "float32", 11: "float32", 16: "float32", 9: "bool"}.get(to)
    dtype = "int32" if to in (2, 3, 4, 5, 6, 7, 12, 13) else dtype
    if dtype is None:
        raise ValueError(f"`to` must be a type of numbers. Received: to={to}")
    return x if x.dtype == dtype else x.with_tensor(ops.cast(x.tensor, dtype))


@handles("CastLike")
def _cast_like(graph: Graph, node: Node, x: Any, like: Any) -> Any:
    if not isinstance(x, View):
        return x
    kind = like.dtype if isinstance(like, View) else ops.dtype(like)
    return x if x.dtype == kind else x.with_tensor(ops.cast(x.tensor, kind))


@handles("Range", known=True)
def _range(graph: Graph, node: Node, *limits: Any) -> np.ndarray:
    start, stop, step = (listed(one)[0] if one.dtype.kind in "iuO" else one.item() for one in limits)
    unknown = [one for one in (start, stop, step) if isinstance(one, Size)]
    if any("batch" in names for one in unknown for names in one.terms):
        raise ValueError(
            f"a range up to {stop} goes with the batch, as PyTorch's EmbeddingBag needs it, and a batch has "
            "no fixed size here; an Embedding and its mean or sum over time can be built"
        )
    if unknown:
        raise ValueError(f"the sizes {start}, {stop} must be known: give `input_shapes`")
    count = max(0, -(-(stop - start) // step)) if step else 0
    checked_count([count], node.operation)
    made: Any = np.arange(start, stop, step)
    return np.asarray(made, limits[0].dtype if limits[0].dtype != object else np.int64)


@handles("If")
def _if(graph: Graph, node: Node, condition: Any) -> Any:
    if not isinstance(condition, np.ndarray) or condition.dtype == object:
        raise ValueError("a size that is not known decides: give `input_shapes`")
    return graph.branch(node.attributes["then_branch" if condition.all() else "else_branch"])


handles("If", known=True)(_if)


# -- other shapes --------------------------------------------------------------------------------------------
@handles("Reshape", known=True)
def _reshape(graph: Graph, node: Node, x: Any, shape: Any) -> Any:
    target = sizes_in(shape, "the shape")
    own = sizes_of(x)
    if not node.get("allowzero", 0):
        target = [own[place] if size == 0 else size for place, size in enumerate(target)]
    if target.count(-1) > 1 or any(isinstance(size, int) and size < -1 for size in target):
        raise ValueError(f"the shape {tuple(target)} may have one -1")
    if isinstance(x, np.ndarray):
        return x.reshape(target)
    if isinstance(x, Filled):
        if x.array.size != 1 or -1 in target:
            raise ValueError(f"constants of shape {x.shape} cannot be reshaped here")
        return filled(x.array.reshape((1,) * len(target)), target)
    return reshaped(x, target, graph.batch)


@handles("Flatten", known=True)
def _flatten(graph: Graph, node: Node, x: Any) -> Any:
    own = sizes_of(x)
    axis = node.get("axis", 1)
    axis = len(own) if axis == len(own) else one_of_rank(axis, len(own))
    target = [product(own[:axis]), product(own[axis:])]
    return x.reshape(target) if isinstance(x, np.ndarray) else reshaped(x, target, None)


@handles("Transpose", known=True)
def _transpose(graph: Graph, node: Node, x: Any) -> Any:
    rank = rank_of(x)
    order = [one_of_rank(axis, rank) for axis in node.get("perm", range(rank)[::-1])]
    if sorted(order) != list(range(rank)):
        raise ValueError(f"`perm` must hold each of the {rank} axes once. Received: perm={order}")
    if isinstance(x, np.ndarray):
        return x.transpose(order)
    if isinstance(x, Filled):
        return Filled(x.array.transpose(order), tuple(x.shape[axis] for axis in order))
    return x.moved(order)


@handles("Squeeze", known=True)
def _squeeze(graph: Graph, node: Node, x: Any, axes: Any = None) -> Any:
    own = sizes_of(x)
    found = axes_of(node, axes, len(own))
    if found is None:
        found = [axis for axis, size in enumerate(own) if size == 1]
    strange = [axis for axis in found if own[axis] != 1]
    if strange:
        hint = ": give `input_shapes`" if any(isinstance(own[axis], Size) for axis in strange) else ""
        raise ValueError(f"axis {strange[0]} of shape {tuple(own)} must have the size 1{hint}")
    kept = [axis for axis in range(len(own)) if axis not in found]
    if isinstance(x, np.ndarray):
        return x.reshape([x.shape[axis] for axis in kept])
    if isinstance(x, Filled):
        return Filled(x.array.squeeze(tuple(found)), tuple(own[axis] for axis in kept))
    if isinstance(x, Stack):
        return x.parts[0] if found == [0] else x.view().moved(kept)
    return x.moved(kept)


@handles("Unsqueeze", known=True)
def _unsqueeze(graph: Graph, node: Node, x: Any, axes: Any = None) -> Any:
    given = np.ravel(np.asarray(axes if axes is not None else node.get("axes", ())))
    rank = rank_of(x) + len(given)
    found = {one_of_rank(axis, rank) for axis in given}
    if isinstance(x, np.ndarray):
        return np.expand_dims(x, tuple(found))
    if isinstance(x, Filled):
        sizes = iter(x.shape)
        shape = tuple(1 if axis in found else next(sizes) for axis in range(rank))
        return Filled(np.expand_dims(x.array, tuple(found)), shape)
    rest = iter(x.axes)
    return View(x.tensor, x.dims, tuple(() if axis in found else next(rest) for axis in range(rank)))


@handles("Expand", known=True)
def _expand(graph: Graph, node: Node, x: Any, shape: Any) -> Any:
    own, target = sizes_of(x), sizes_in(shape, "the shape")
    rank = max(len(own), len(target))
    own, target = [1] * (rank - len(own)) + own, [1] * (rank - len(target)) + target
    wanted = [
        size if size not in (1, graph.batch) or own[place] == 1 else own[place]
        for place, size in enumerate(target)
    ]
    if isinstance(x, (np.ndarray, Filled)):
        array = x.array if isinstance(x, Filled) else x
        if not any(isinstance(size, Size) for size in wanted):
            checked_count(wanted, node.operation)
        return filled(array, wanted)
    x = View(x.tensor, x.dims, ((),) * (rank - len(x.axes)) + x.axes)
    for axis, (mine, size) in enumerate(zip(own, wanted, strict=True)):
        if mine == size or (axis and size == graph.batch and mine == x.dims[0]):
            continue
        if mine != 1 or not isinstance(size, int):
            raise ValueError(f"{described(x)} cannot be repeated to {tuple(wanted)}")
        x = repeated(x, axis, size)
    return x
