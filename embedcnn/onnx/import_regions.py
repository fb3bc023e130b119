"""load_onnx: parts of a graph that are known as a whole, where their nodes are not: the loop over bags that
PyTorch exports, and the hashes of n-grams that `export` writes. And which nodes the outputs need at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .import_graph import Graph, Node

FINDERS: list[Callable[[Graph, Sequence[Node]], list[Node]]] = []
"""Each gives nodes that stand for a part of a graph: what they read, and the one value that they make."""


def finds(function: Callable[[Graph, Sequence[Node]], list[Node]]) -> Callable[..., list[Node]]:
    """Enters a function among FINDERS."""
    FINDERS.append(function)
    return function


def simplified(graph: Graph, nodes: Sequence[Node]) -> list[Node]:
    """The nodes that the outputs need, in their order, with one node for each part that is known whole."""
    by_output = {node.outputs[0]: node for find in FINDERS for node in find(graph, nodes)}
    chosen = [by_output.get(node.outputs[0], node) if node.outputs else node for node in nodes]
    wanted = {one.name for one in graph.proto.graph.output}
    kept: list[Node] = []
    for node in reversed(chosen):
        if wanted.intersection(node.outputs):
            wanted.update(reads(node))
            kept.append(node)
    for ids, offsets in graph.bags.items():
        others = [node.name for node in kept if node.handler is None and reads(node) & {ids, offsets}]
        if others:
            raise ValueError(
                f"{graph.path}: the ids {ids!r} in one vector and the offsets {offsets!r} may be read by "
                f"EmbeddingBag alone. Received: nodes {others}, which read them too"
            )
    return kept[::-1]


def reads(node: Node) -> set[str]:
    """The names that a node reads, those of the graphs within it too."""
    found = set(node.inputs)
    if node.handler is None:
        for inner in inside(node.proto):
            found.update(inner.input)
        for one in _graphs(node.proto):
            found.update(out.name for out in one.output)
    return found


def inside(proto: Any) -> Iterator[Any]:
    """The nodes of the graphs within a NodeProto, and within those."""
    for graph in _graphs(proto):
        yield from graph.node


def _graphs(proto: Any) -> Iterator[Any]:
    for attribute in proto.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield graph
            for node in graph.node:
                yield from _graphs(node)


def makers(nodes: Iterable[Node]) -> dict[str, Node]:
    """The node that makes each value."""
    return {name: node for node in nodes for name in node.outputs if name}


def constant_of(graph: Graph, found: dict[str, Node], name: str) -> np.ndarray | None:
    """The numbers of an initializer, or of a node Constant; None for what is neither."""
    value = graph.values.get(name)
    if isinstance(value, np.ndarray):
        return value
    node = found.get(name)
    if node is None or node.operation != "Constant":
        return None
    return graph.constant(node)
