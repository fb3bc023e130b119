"""Layers that are applied to each step alone, in the graph: what a call of one is made of.

Such a call is one node, whose `inner` are the tensors of a single step: what the layer inside reads, and
what it makes of it. Who reads operations off a graph (lowering, data) sees it unrolled: the steps of all
examples become one batch, the layers inside follow, and the steps come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .nodes import Node, SymbolicTensor, walk


class Fold:
    """In the place of a layer in an unrolled graph: the steps of its input become a batch of their own."""

    activity_regularizer = None
    reads_texts = prepares = reads_ids = reads_images = False

    def __init__(self, holder: Any) -> None:
        self.name, self.holder = holder.name, holder


class Unfold:
    """In the place of a layer in an unrolled graph: the steps are those of the examples again."""

    reads_texts = prepares = reads_ids = reads_images = False

    def __init__(self, holder: Any, fold: Fold) -> None:
        self.name, self.fold = holder.name, fold
        self.activity_regularizer = holder.activity_regularizer


def unrolled(nodes: Sequence[Node]) -> list[Node]:
    """The nodes, those with something inside replaced by a Fold, what is inside, and an Unfold."""
    found: list[Node] = []
    for node in nodes:
        if node.inner is None:
            found.append(node)
            continue
        first, last = node.inner
        fold = Fold(node.layer)
        found.append(_node(fold, node.inputs, [first], node))
        found += unrolled([one for one in walk([first], [last]) if one.inputs])
        found.append(_node(Unfold(node.layer, fold), [last], node.outputs, node))
    return found


def _node(
    layer: Any, inputs: Sequence[SymbolicTensor], outputs: list[SymbolicTensor], instead_of: Node
) -> Node:
    node = Node(layer, inputs, [])
    node.outputs, node.calls = outputs, instead_of.calls
    return node


def steps_of(tensor: SymbolicTensor, nodes: Sequence[Node]) -> list[SymbolicTensor]:
    """A tensor, and what its steps are called where an unrolled graph folds it."""
    found = [tensor]
    for node in nodes:
        if isinstance(node.layer, Fold) and any(node.inputs[0] is one for one in found):
            found.append(node.outputs[0])
    return found
