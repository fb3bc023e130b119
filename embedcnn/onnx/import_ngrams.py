"""HashedNgrams as `export` writes it: sums, products and shifts of 64 bits, which tensors of a model do not
have. Found where the nodes are, one by one, those that the exporter makes for the same settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import layers
from ..lowering.operations import Operation
from .export_graph import Graph as Written
from .export_graph import Value
from .export_tokens import ngrams
from .import_file import onnx_module
from .import_graph import Graph, Node
from .import_layout import View, laid_out, plain
from .import_regions import constant_of, finds, makers

IDS = "ids"


@finds
def _ngrams(graph: Graph, nodes: Sequence[Node]) -> list[Node]:
    if not any(node.operation == "BitShift" for node in nodes):
        return []
    found, made = makers(nodes), []
    for node in nodes:
        settings = _settings(graph, found, node) if node.operation == "Concat" else None
        if settings is not None and _is_written(graph, found, node, settings):
            name = node.outputs[0]
            made.append(Node(None, "HashedNgrams", node.name, [node.inputs[0]], [name], settings, _made))
    return made


def _settings(graph: Graph, found: dict[str, Node], node: Node) -> dict[str, int] | None:
    """What a node that joins ids and n-grams says of the layer: of its last part, where(some, bucket, 0)."""

    def step(name: str, operation: str, place: int) -> str:
        at = found.get(name)
        return at.inputs[place] if at is not None and at.operation == operation else ""

    bucket = step(node.inputs[-1], "Where", 1)
    share = step(step(step(step(bucket, "Add", 0), "Cast", 0), "BitShift", 0), "Cast", 0)
    sizes = [constant_of(graph, found, step(*one, 1)) for one in ((bucket, "Add"), (share, "Mul"))]
    known = [
        int(one.ravel()[0]) for one in sizes if one is not None and one.size == 1 and one.dtype.kind == "i"
    ]
    if len(known) < 2:
        return None
    rows, buckets = known
    return {"input_dim": rows, "buckets": buckets, "n": len(node.inputs)}


def _is_written(graph: Graph, found: dict[str, Node], node: Node, settings: dict[str, int]) -> bool:
    """Whether a value is made as the exporter makes it of ids."""
    written = Written(graph.opset)
    value = ngrams(written, Operation("ngrams", [0], [1], [], dict(settings)), [Value(IDS, 2, True)])
    made = {name: one for one in written.nodes for name in one.output}
    helper = onnx_module().helper
    pairs: dict[str, str] = {IDS: node.inputs[0]}
    waiting = [(value.name, node.outputs[0])]
    while waiting:
        ours, theirs = waiting.pop()
        if ours in pairs:
            if pairs[ours] != theirs:
                return False
            continue
        pairs[ours] = theirs
        if ours in written.arrays:
            other = constant_of(graph, found, theirs)
            if other is None or not np.array_equal(written.arrays[ours], other):
                return False
            continue
        one, other_node = made[ours], found.get(theirs)
        if other_node is None or other_node.operation != one.op_type:
            return False
        attributes = {each.name: helper.get_attribute_value(each) for each in one.attribute}
        if attributes != other_node.attributes or len(one.input) != len(other_node.inputs):
            return False
        waiting += zip(one.input, other_node.inputs, strict=True)
    return True


def _made(graph: Graph, node: Node, ids: Any) -> View:
    layer = graph.layer(
        node, node.inputs, lambda: layers.HashedNgrams(**node.attributes, name=graph.layer_name(node, ""))
    )
    tensor = layer(laid_out(ids, range(2)))
    length = tensor.shape[1]
    return plain(tensor, [ids.shape[0], graph.fresh("ngrams") if length is None else length])
