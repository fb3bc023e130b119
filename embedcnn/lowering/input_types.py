"""What the inputs of a model hold, which the layers that read them decide."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.folding import Fold, steps_of, unrolled
from ..graph.nodes import Node, SymbolicTensor
from ..layers.embedding import ID_READERS


def input_dtype(tensor: SymbolicTensor, nodes: Sequence[Node]) -> str:
    """What an input holds: "int32" where an Embedding reads it as ids, else "float32"."""
    nodes = unrolled(nodes)
    steps = steps_of(tensor, nodes)
    readers = {
        type(node.layer)
        for node in nodes
        if not isinstance(node.layer, Fold) and any(one is read for one in steps for read in node.inputs)
    }
    if readers.intersection(ID_READERS):
        if readers.difference(ID_READERS):
            raise ValueError(
                f"Input {tensor.name!r} is read by an Embedding or HashedNgrams (as ids) and by another "
                "layer (as numbers); use two Inputs"
            )
        return "int32"
    return "float32"
