"""EmbeddingBag of PyTorch, which ONNX lacks: PyTorch's exporters write a loop over the bags, each in its own
way, that cuts ids, looks up rows and reduces them. Ids are a tensor (batch, T), or end to end in one vector
with a second input that says where each bag begins.

What such a part reads is found by its structure; what it computes, by running it on drawn ids and a drawn
table and comparing with what an EmbeddingBag is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import layers
from ..ops.rearranging import expand_dims
from .import_file import onnx_module
from .import_graph import Graph, Node, handles
from .import_layout import View, laid_out, plain
from .import_regions import constant_of, finds, inside, makers, reads

MODES = {"ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "max"}
MOVING = ("Reshape", "Slice", "Identity", "Unsqueeze", "Cast")
"""Operations that leave the values of ids and weights as they are."""
KNOWN = "a loop is known here as PyTorch exports EmbeddingBag"
DRAWN = 4
"""Texts, and tokens of each, that a part is tried on where the graph leaves it open."""


@dataclass
class Bag:
    """What is known of a loop over bags: names of values, and its own nodes in their order."""

    ids: str
    table: str
    weights: str
    offsets: str
    nodes: list[Any]
    output: str
    modes: list[str]
    paddings: list[int | None]


@finds
def _bags(graph: Graph, nodes: Sequence[Node]) -> list[Node]:
    found = makers(nodes)
    bags = [bag for loop in nodes if loop.operation == "Loop" and (bag := _bag_of(graph, nodes, found, loop))]
    graph.bags.update({bag.ids: bag.offsets for bag in bags if bag.offsets})
    return [_node(bag) for bag in bags]


def _node(bag: Bag) -> Node:
    """The node that stands for a loop."""
    read = [bag.ids, bag.table] + ([bag.weights] if bag.weights else [])
    name = next((one.name for one in bag.nodes if one.op_type == "Loop"), "")
    return Node(None, "EmbeddingBag", name, read, [bag.output], {"bag": bag}, _made)


@handles("Loop")
def _other_loop(graph: Graph, node: Node, *inputs: Any) -> None:
    raise ValueError(KNOWN)


# -- its structure -------------------------------------------------------------------------------------------
def _bag_of(graph: Graph, nodes: Sequence[Node], found: dict[str, Node], loop: Node) -> Bag | None:
    body = list(inside(loop.proto))
    by_name = {name: one for one in body for name in one.output}
    by_name |= {name: node.proto for name, node in found.items()}
    output = loop.outputs[-1] if len(loop.outputs) == 1 else ""
    for reader in (one for name in loop.outputs for one in graph.readers(name) if one is not None):
        if reader.operation == "ConcatFromSequence":
            output = reader.outputs[0]
    before = _behind(found, [loop.inputs[0], *reads(loop)], set())
    gather = next((one for one in (*body, *before) if _is_lookup(graph, one)), None)
    if gather is None or not output:
        return None
    ids = _source(graph, found, by_name, gather.input[1])
    weights = _weights(graph, found, by_name, gather, [*body, *before])
    cut = {ids, weights, gather.input[0]}
    region = _behind(found, [output], cut)
    leaves = {
        name
        for one in region
        for name in reads(found[one.output[0]])
        if name and name not in cut and name not in found and name not in by_name
    }
    inputs = {one.name for one in graph.proto.graph.input} - graph.weights
    open_ones = sorted((leaves & inputs) - {name for one in body for name in one.output})
    if len(open_ones) > 1 or open_ones and ids not in inputs:
        return None
    kinds = {one.op_type for one in body}
    modes = [mode for name, mode in MODES.items() if name in kinds]
    order = [node.proto for node in nodes if any(node.proto is one for one in region)]
    return Bag(
        *(ids, gather.input[0], weights, open_ones[0] if open_ones else "", order, output, modes),
        _paddings(graph, found, body),
    )


def _is_lookup(graph: Graph, one: Any) -> bool:
    table = graph.values.get(one.input[0]) if one.op_type == "Gather" else None
    return isinstance(table, np.ndarray) and table.ndim == 2 and table.dtype.kind == "f"


def _behind(found: dict[str, Node], names: Sequence[str], cut: set[str]) -> list[Any]:
    """The nodes that some values come of, as far as those of `cut`."""
    waiting, seen, made = list(names), set(cut), []
    while waiting:
        name = waiting.pop()
        if name in seen or name not in found:
            continue
        node = found[name]
        seen.update(node.outputs)
        made.append(node.proto)
        waiting += reads(node)
    return made


def _source(graph: Graph, found: dict[str, Node], by_name: dict[str, Any], name: str) -> str:
    """What is cut into texts: the tensor that was made one vector, or that vector."""
    flattened = ""
    while name in by_name and by_name[name].op_type in MOVING:
        one = by_name[name]
        if one.op_type == "Reshape":
            target = constant_of(graph, found, one.input[1])
            if target is None or target.tolist() != [-1]:
                break
            flattened = one.input[0]
        elif flattened:
            break
        name = one.input[0]
    return flattened or name


def _weights(
    graph: Graph, found: dict[str, Node], by_name: dict[str, Any], gather: Any, nodes: Sequence[Any]
) -> str:
    """The tensor of a weight for each id, if rows are multiplied by one."""
    for one in nodes:
        if one.op_type == "Mul" and gather.output[0] in one.input:
            name = _source(graph, found, by_name, next(it for it in one.input if it != gather.output[0]))
            maker = by_name.get(name)
            constant = constant_of(graph, found, name) is not None
            return "" if constant or maker is not None and maker.op_type == "Expand" else name
    return ""


def _paddings(graph: Graph, found: dict[str, Node], body: Sequence[Any]) -> list[int | None]:
    """Ids that may be left out: what something in the loop is compared with."""
    numbers: set[int] = set()
    for one in body:
        for name in one.input if one.op_type == "Equal" else ():
            value = constant_of(graph, found, name)
            if value is not None and value.size == 1 and value.dtype.kind in "iu":
                numbers.add(int(value.ravel()[0]))
    return [None, *sorted(numbers)]


# -- what it computes ----------------------------------------------------------------------------------------
def _made(graph: Graph, node: Node, ids: View, table: np.ndarray, weights: Any = None) -> View:
    bag: Bag = node.attributes["bag"]
    if bag.offsets:  # the last offset begins a bag, or ends one: include_last_offset
        given = [_drawn_texts(graph, bag, table, last) for last in (False, True)]
    else:
        given = [_drawn(graph, bag, ids, table)]
    settings = next(filter(None, (_recognised(graph, bag, table, one) for one in given)), None)
    if settings is None:
        raise ValueError(f"{KNOWN}; this one computes something else")
    key = Node(None, "EmbeddingBag", node.name, [], [], settings)

    def make() -> Any:
        rows, dimensions = table.shape
        name = graph.layer_name(node, bag.table)
        return layers.EmbeddingBag(
            rows, dimensions, _weight=np.array(table, np.float32), name=name, **settings
        )

    layer = graph.layer(key, [bag.table], make)
    beside: dict[str, Any] = {}
    if bag.weights:
        beside["per_sample_weights"] = expand_dims(laid_out(weights, range(len(weights.axes))), -1)
    return plain(layer(laid_out(ids, range(2)), **beside), [ids.shape[0], table.shape[1]])


def _drawn(graph: Graph, bag: Bag, ids: View, table: np.ndarray) -> dict[str, Any]:
    """Ids, and weights, to try a loop over texts of one length on."""
    if len(ids.axes) != 2 or ids.axes[0] != (0,):
        raise ValueError(f"{KNOWN}, over ids (batch, T)")
    batch = graph.batch or DRAWN
    width = ids.shape[1] if isinstance(ids.shape[1], int) else DRAWN
    random = np.random.default_rng(0)
    chosen = _rows(bag, table)[random.integers(0, len(_rows(bag, table)), (batch, width))]
    given = {bag.ids: chosen}
    if bag.weights:
        given[bag.weights] = random.normal(size=(batch, width)).astype(np.float32)
    return given


def _drawn_texts(graph: Graph, bag: Bag, table: np.ndarray, last: bool) -> dict[str, Any]:
    """Ids of texts end to end, and where each begins; `last`: the last number is where the last one ends."""
    fixed = {one.name: one.type.tensor_type.shape.dim[0].dim_value for one in graph.proto.graph.input}
    texts = fixed[bag.offsets] or DRAWN
    total = fixed[bag.ids] or DRAWN * texts
    if total < texts:
        raise ValueError(f"{texts} texts end to end need as many ids. Received: a vector of {total}")
    random = np.random.default_rng(0)
    cuts = 1 + np.sort(random.permutation(total - 1)[: texts - 1])
    rows = _rows(bag, table)
    given = {bag.ids: rows[random.integers(0, len(rows), total)]}
    if bag.weights:
        given[bag.weights] = random.normal(size=total).astype(np.float32)
    begins = [0, *cuts[: texts - 1 - last], *([total] if last else [])]
    return given | {bag.offsets: np.array(begins[-texts:], np.int64)}


def _rows(bag: Bag, table: np.ndarray) -> np.ndarray:
    """Ids to draw from; those that may be padding among them."""
    few = {
        *range(min(len(table), 8)),
        *(one for one in bag.paddings if one is not None and 0 <= one < len(table)),
    }
    return np.array(sorted(few), np.int64)


def _recognised(graph: Graph, bag: Bag, table: np.ndarray, given: dict[str, Any]) -> dict[str, Any] | None:
    """The settings with which an EmbeddingBag gives what the loop does; None: there are none."""
    random = np.random.default_rng(1)
    drawn = np.zeros(table.shape, np.float32)
    rows = _rows(bag, table)
    drawn[rows] = random.normal(size=(len(rows), table.shape[1]))
    found = _run(graph, bag, given | {bag.table: drawn})
    for mode in bag.modes:
        for padding in bag.paddings:
            wanted = _reduced(bag, drawn, given, mode, padding)
            last = len(wanted) - bool(bag.offsets)  # with include_last_offset there is one bag less
            if len(found) in (len(wanted), last) and np.allclose(found, wanted[: len(found)], atol=1e-5):
                if bag.offsets and all(one.HasField("dim_value") for one in _sizes(graph, bag.offsets)):
                    graph.batch = len(found)
                return {"mode": mode, "padding_idx": padding}
    return None


def _sizes(graph: Graph, name: str) -> list[Any]:
    """The sizes of an input of the graph."""
    return [one.type.tensor_type.shape.dim[0] for one in graph.proto.graph.input if one.name == name]


def _reduced(
    bag: Bag, table: np.ndarray, given: dict[str, Any], mode: str, padding: int | None
) -> np.ndarray:
    """What an EmbeddingBag makes of drawn ids."""
    ids, weights = given[bag.ids], given.get(bag.weights)
    weights = np.ones(ids.shape, np.float32) if weights is None else weights
    parts: Any = list(zip(ids, weights, strict=True))
    if bag.offsets:
        cuts = given[bag.offsets][1:]
        parts = list(zip(np.split(ids, cuts), np.split(weights, cuts), strict=True))
    made = np.zeros((len(parts), table.shape[1]), np.float32)
    for place, (own, weight) in enumerate(parts):
        kept = own != padding if padding is not None else np.ones(len(own), bool)
        if kept.any():
            made[place] = getattr(np, mode)(table[own[kept]] * weight[kept, None], axis=0)
    return made


def _run(graph: Graph, bag: Bag, given: dict[str, Any]) -> np.ndarray:
    """The value of the loop's part of the graph for these."""
    onnx = onnx_module()
    needed = {
        name for one in bag.nodes for name in (*one.input, *(it for in_ in inside(one) for it in in_.input))
    }
    feeds = {
        name: value
        for name, value in graph.values.items()
        if name in needed and isinstance(value, np.ndarray)
    }
    feeds |= {name: value for name, value in given.items() if name}
    kinds = onnx.helper.np_dtype_to_tensor_dtype
    inputs = [
        onnx.helper.make_tensor_value_info(name, kinds(value.dtype), None) for name, value in feeds.items()
    ]
    output = onnx.helper.make_tensor_value_info(bag.output, onnx.TensorProto.FLOAT, None)
    part = onnx.helper.make_graph(bag.nodes, "part", inputs, [output])
    model = onnx.helper.make_model(part, opset_imports=[onnx.helper.make_opsetid("", graph.opset)])
    try:
        (found,) = onnx.reference.ReferenceEvaluator(model).run(None, feeds)
    except Exception as error:  # what onnx raises differs from operation to operation
        raise ValueError(f"a loop that cannot be tried: {error}") from error
    return np.asarray(found)
