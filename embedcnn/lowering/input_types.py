"""What the inputs of a model hold, which the layers that read them decide."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.folding import Fold, steps_of, unrolled
from ..graph.nodes import Node, SymbolicTensor
from ..layers.operation import Operation


def input_dtype(tensor: SymbolicTensor, nodes: Sequence[Node]) -> str:
    """What an input holds: "int32" where an Embedding reads it as ids, else "float32"."""
    nodes = unrolled(nodes)
    steps = steps_of(tensor, nodes)
    as_ids = as_numbers = as_either = False
    for node in nodes:
        places = [place for place, read in enumerate(node.inputs) if any(one is read for one in steps)]
        if isinstance(node.layer, Fold) or not places:
            continue
        if isinstance(node.layer, Operation):
            as_either = True
        else:
            reads_ids = node.layer.reads_ids
            as_ids |= reads_ids and 0 in places
            as_numbers |= not reads_ids or places != [0]  # weights of ids are numbers
    if as_ids and as_numbers:
        raise ValueError(
            f"Input {tensor.name!r} is read by an Embedding or HashedNgrams (as ids) and by another "
            "layer (as numbers); use two Inputs"
        )
    any_number_of_ids = tensor.dtype != "float32" and tensor.shape[1:] == (None,)
    return "int32" if as_ids or (as_either and not as_numbers and any_number_of_ids) else "float32"
