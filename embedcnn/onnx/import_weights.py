"""Nodes of ONNX that become layers with weights, which learn: Gather of a table, Gemm, MatMul and
normalisations. Convolutions: import_windows.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import layers, ops
from ..graph.nodes import SymbolicTensor
from .import_arithmetic import on_views
from .import_forms import Form, conformed, grouped
from .import_graph import Graph, Node, handles
from .import_layout import (
    View,
    described,
    factored,
    laid_out,
    like_examples,
    memory_order,
    of_examples,
    plain,
    with_last,
)
from .import_parts import gathered
from .import_sizes import AnySize, Size, product
from .import_values import Filled, constant, filled, one_of_rank, rank_of


def with_weights(layer: Any, tensor: SymbolicTensor, arrays: Sequence[np.ndarray]) -> SymbolicTensor:
    """The result of a layer, which gets these weights where it had none."""
    new = not layer.built or not layer.nodes
    made: SymbolicTensor = layer(tensor)
    if new:
        layer.set_weights(list(arrays))
    return made


def on_examples(
    graph: Graph,
    layer: Any,
    x: View,
    order: Sequence[int],
    arrays: Sequence[np.ndarray],
    sizes: Sequence[AnySize],
) -> View:
    """What a layer makes of examples, whose axes are in this order: of these sizes, but the first."""
    tensor, single = of_examples(x, order)
    made = with_weights(layer if single else graph.for_each(layer), tensor, arrays)
    return like_examples(made, x, order[0], order, sizes)


# -- tables --------------------------------------------------------------------------------------------------
@handles("Gather")
def _gather(graph: Graph, node: Node, data: Any, indices: Any) -> Any:
    axis = one_of_rank(node.get("axis", 0), rank_of(data))
    if isinstance(indices, np.ndarray):
        if indices.dtype == object:
            raise ValueError("the places must be known: give `input_shapes`")
        return gathered(data, axis, indices)
    if not isinstance(indices, View) or axis or not isinstance(data, np.ndarray) or data.dtype == object:
        raise ValueError("rows are chosen by inputs from a constant table, along axis 0")
    alone = bool(indices.axes) and indices.axes[0] == (0,)
    ids = laid_out(indices, range(len(indices.axes))) if alone else factored(indices)
    if data.ndim != 2 or data.dtype.kind != "f" or len(ids.shape) not in (2, 3):
        made = ops.take(data.astype(np.float32) if data.dtype.kind == "f" else data, ids, 0)
        return _rows_of(made, indices, alone, data.shape[1:])

    def make() -> Any:
        table = np.ascontiguousarray(data, np.float32)
        name = graph.layer_name(node, node.inputs[0])
        rows, dimensions = table.shape
        return layers.Embedding(rows, dimensions, weights=[table.copy()], name=name)

    layer = graph.layer(node, node.inputs[:1], make)
    return _rows_of(layer(ids), indices, alone, data.shape[1:])


def _rows_of(made: SymbolicTensor, indices: View, alone: bool, row: Sequence[int]) -> View:
    """The view of the rows that were looked up; `alone`: ids had an axis for each of ONNX."""
    if alone:
        return plain(made, [*indices.shape, *row])
    count = len(indices.dims)
    behind = tuple((count + place,) for place in range(len(row)))
    return View(made, (*indices.dims, *row), (*indices.axes, *behind))


# -- products ------------------------------------------------------------------------------------------------
@handles("Gemm")
def _gemm(graph: Graph, node: Node, a: Any, b: Any, c: Any = None) -> View:
    if not isinstance(a, View) or node.get("transA", 0):
        raise ValueError("its first operand must depend on the inputs, and transA be 0")
    kernel = constant(b, "the second operand") * np.float32(node.get("alpha", 1.0))
    kernel = kernel.T if node.get("transB", 0) else kernel
    if isinstance(c, View):
        return on_views([_dense(graph, node, a, kernel, None, node.inputs[1:2]), c], ops.add)
    bias = None if c is None else constant(c, "the bias") * np.float32(node.get("beta", 1.0))
    return _dense(graph, node, a, kernel, bias, node.inputs[1:3])


@handles("MatMul")
def _matmul(graph: Graph, node: Node, a: Any, b: Any) -> Any:
    if isinstance(a, View) and isinstance(b, np.ndarray) and b.ndim == 2:
        bias, out = _bias_behind(graph, node, b.shape[1])
        made = _dense(graph, node, a, constant(b, "the second operand"), bias, node.inputs[1:2])
        if out:
            graph.values[out] = made
        return made
    if isinstance(a, Filled) and isinstance(b, np.ndarray) and a.shape[-1] == b.shape[0]:
        whole = np.broadcast_to(a.array, (*a.array.shape[:-1], len(b)))  # first states of steps written out
        return filled(whole @ constant(b, "the second operand"), [*a.shape[:-1], b.shape[1]])
    if isinstance(b, View) and isinstance(a, np.ndarray) and a.ndim == 2 and len(b.axes) > 2:
        if b.shape[-2] != a.shape[1]:
            raise ValueError(f"a matrix of shape {a.shape} does not fit {described(b)}")
        tensor, again = with_last(b, len(b.axes) - 2)  # a b = (b^T a^T)^T
        return again(ops.matmul(tensor, constant(a, "the matrix").T), len(a))
    if not isinstance(a, View) or not isinstance(b, View):
        raise ValueError("one operand must depend on the inputs, the other too or be a matrix behind it")
    return _of_both(a, b)


def _bias_behind(graph: Graph, node: Node, units: int) -> tuple[np.ndarray | None, str]:
    """The vector that the only reader of a product adds, and what that is called; None: there is none."""
    readers = graph.readers(node.outputs[0])
    reader = readers[0] if len(readers) == 1 else None
    if reader is None or reader.operation != "Add":
        return None, ""
    other = next((name for name in reader.inputs if name != node.outputs[0]), "")
    bias = graph.values.get(other)
    if not isinstance(bias, np.ndarray) or bias.shape != (units,) or bias.dtype.kind != "f":
        return None, ""
    return constant(bias, "the bias"), reader.outputs[0]


def _dense(
    graph: Graph, node: Node, x: View, kernel: np.ndarray, bias: np.ndarray | None, names: Sequence[str]
) -> View:
    """A Dense along the last axis."""
    last = len(x.axes) - 1
    if x.shape[last] != kernel.shape[0]:
        raise ValueError(f"{described(x)} does not fit a matrix of shape {kernel.shape}")
    if bias is not None and bias.shape != (kernel.shape[1],):
        if bias.size not in (1, kernel.shape[1]):
            raise ValueError(f"a bias of shape {bias.shape} does not fit a matrix of shape {kernel.shape}")
        bias = np.broadcast_to(bias.reshape(-1), (kernel.shape[1],))

    def make() -> Any:
        name = graph.layer_name(node, names[0])
        return layers.Dense(kernel.shape[1], use_bias=bias is not None, name=name)

    layer = graph.layer(node, names, make)
    tensor, again = with_last(x, last)
    return again(with_weights(layer, tensor, [kernel] if bias is None else [kernel, bias]), kernel.shape[1])


def _of_both(a: View, b: View) -> View:
    """The product of two Views, example by example."""
    rank = max(len(a.axes), len(b.axes))
    a, b = (View(one.tensor, one.dims, ((),) * (rank - len(one.axes)) + one.axes) for one in (a, b))
    if rank < 3 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"{described(a)} and {described(b)} cannot be multiplied example by example")
    form = Form(rank - 2)
    for one in (a, b):
        groups, order = grouped(View(one.tensor, one.dims, one.axes[:-2]))
        form.join(groups, order)
    made, lead = [], len(form.dims)
    for one in (a, b):
        # the last two axes behind the others, each whole
        whole = Form(rank)
        whole.dims = [*form.dims, one.shape[-2], one.shape[-1]]
        whole.axes = [*form.axes, [lead], [lead + 1]]
        made.append(conformed(_merged(one), whole))
    tensor = ops.matmul(*made)
    dims = (*form.dims, a.shape[-2], b.shape[-1])
    return View(tensor, dims, (*map(tuple, form.axes), (lead,), (lead + 1,)))


def _merged(x: View) -> View:
    """The view with the last two axes whole: each one dim, or none of size 1."""
    if all(len(axis) == 1 for axis in x.axes[-2:]):
        return x
    order = memory_order(x)
    return plain(laid_out(x, order), [x.shape[one] for one in order], order)


# -- normalisations ------------------------------------------------------------------------------------------
@handles("BatchNormalization")
def _batch_normalization(graph: Graph, node: Node, x: View, *given: Any) -> list[View]:
    arrays = [constant(one, "a weight") for one in given]
    if node.get("training_mode", 0):
        raise ValueError("training_mode must be 0: export the model for inference")
    if len(x.axes) < 2 or len(arrays) != 4 or any(one.shape != (x.shape[1],) for one in arrays):
        raise ValueError(f"weights of shapes {[one.shape for one in arrays]} do not fit {described(x)}")

    def make() -> Any:
        return layers.BatchNormalization(
            epsilon=node.get("epsilon", 1e-5),
            momentum=node.get("momentum", 0.9),
            name=graph.layer_name(node, node.inputs[1]),
        )

    order = [0, *range(2, len(x.axes)), 1]
    layer = graph.layer(node, node.inputs[1:], make)
    return [on_examples(graph, layer, x, order, arrays, [x.shape[one] for one in order[1:]])]


@handles("LayerNormalization", "RMSNormalization")
def _layer_normalization(graph: Graph, node: Node, x: View, scale: Any, shift: Any = None) -> list[View]:
    rank = len(x.axes)
    axis = one_of_rank(node.get("axis", -1), rank)
    gamma = constant(scale, "the scale").reshape(-1)
    centred = node.operation == "LayerNormalization"
    size = product(x.shape[axis:])
    if axis != rank - 1 or isinstance(size, Size) or gamma.size != size:
        raise ValueError(
            f"a scale of {gamma.size} values for the axes from {axis} on does not fit {described(x)}"
        )
    beta = constant(shift, "the bias").reshape(-1) if shift is not None else None
    epsilon = node.get("epsilon", 1e-5)

    def make() -> Any:
        name = graph.layer_name(node, node.inputs[1])
        if not centred:
            return layers.RMSNormalization(epsilon=epsilon, name=name)
        return layers.LayerNormalization(epsilon=epsilon, center=beta is not None, name=name)

    arrays = [gamma] if beta is None else [gamma, beta]
    tensor, again = with_last(x, axis)
    return [again(with_weights(graph.layer(node, node.inputs[1:], make), tensor, arrays), x.shape[axis])]


handles("Gather", known=True)(_gather)
