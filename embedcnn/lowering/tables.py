"""Which ids the tables of a model read, and when: one lookup a table, of all its calls.

Ids are inputs of the model, n-grams of them, or what other layers compute. Where they are computed, the
lookup stands behind all of them, so the graph is walked through in an order in which they come first.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.nodes import Node
from ..layers.embedding import Embedding
from .builder import Builder
from .operations import Origin


def ids_first(nodes: Sequence[Node]) -> list[Node]:
    """The nodes in an order in which the ids of all calls of a table are computed before the first of them.

    Raises ValueError where ids of a table depend on its rows.
    """
    makers = {id(tensor): node for node in nodes for tensor in node.outputs}
    computed: dict[int, list[Node]] = {}  # by table: who computes its ids
    for node in nodes:
        maker = makers.get(id(node.inputs[0])) if isinstance(node.layer, Embedding) else None
        if maker is not None and maker.inputs and not maker.layer.reads_ids and not maker.layer.prepares:
            computed.setdefault(id(node.layer), []).append(maker)
    if not computed:
        return list(nodes)
    found: list[Node] = []
    begun: set[int] = set()
    done: set[int] = set()
    stack = list(reversed(nodes))
    while stack:
        node = stack[-1]
        if id(node) in done:
            stack.pop()
            continue
        needs = [makers[id(tensor)] for tensor in node.inputs if id(tensor) in makers]
        needs += computed.get(id(node.layer), [])
        waiting = [one for one in needs if id(one) not in done]
        if not waiting:
            found.append(node)
            done.add(id(node))
            stack.pop()
        elif id(node) in begun:
            raise ValueError(
                f"Layer {node.layer.name!r}: ids of one of its calls depend on its own rows; use two layers"
            )
        else:
            begun.add(id(node))
            stack += reversed(waiting)
    return found


def lookups(
    build: Builder, nodes: Sequence[Node], symbols: dict[int, int], origins: Sequence[Origin]
) -> dict[int, int]:
    """The lookups of all tables whose ids are known by now; returns the tokens of each call."""
    tokens: dict[int, int] = {}
    for layer in {id(node.layer): node.layer for node in nodes if isinstance(node.layer, Embedding)}.values():
        read = [node.inputs[0] for node in nodes if node.layer is layer]
        if all(id(tensor) in symbols for tensor in read):
            tokens |= lookup(build, layer, nodes, symbols, origins)
    return tokens


def lookup(
    build: Builder,
    layer: Embedding,
    nodes: Sequence[Node],
    symbols: dict[int, int],
    origins: Sequence[Origin],
) -> dict[int, int]:
    """The lookup of a table over all its inputs; returns the tokens of each call of its layer."""
    calls = [(node, origin) for node, origin in zip(nodes, origins, strict=True) if node.layer is layer]
    read = list(dict.fromkeys(symbols[id(call.inputs[0])] for call, _ in calls))
    build.begin([origin for _, origin in calls], ())
    ids = [_as_ids(build, one) for one in read]
    made = [build.symbol((*build.shape(one), layer.output_dim)) for one in ids]
    build.append("lookup", ids, made, [layer.embeddings], **layer.lookup_settings())
    return {id(call): made[read.index(symbols[id(call.inputs[0])])] for call, _ in calls}


def _as_ids(build: Builder, symbol: int) -> int:
    """Ids as they are, or what a layer computed, as ids."""
    if build.tensors[symbol].dtype == "int32":
        return symbol
    made = build.symbol(build.shape(symbol)[:2], "int32")
    build.append("to_ids", [symbol], [made])
    return made
