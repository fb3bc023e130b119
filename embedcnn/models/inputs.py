"""What the inputs of a model take, as its data adapter checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..layers.embedding import ID_READERS
from ..lowering.input_types import input_dtype
from ..training.input_data import InputSpec

if TYPE_CHECKING:
    from .layer_graph import LayerGraph


def input_specs(graph: LayerGraph) -> list[InputSpec]:
    """What each input takes; of ids also how many there may be: the rows of the smallest table of them."""
    specs = []
    for tensor in graph.inputs:
        sizes = [
            node.layer.input_dim
            for node in graph.nodes
            if isinstance(node.layer, ID_READERS) and node.inputs[0] is tensor
        ]
        name = "x" if len(graph.inputs) == 1 else tensor.name
        dtype = input_dtype(tensor, graph.nodes)
        specs.append(InputSpec(name, dtype, tensor.shape, min(sizes, default=None)))
    return specs
