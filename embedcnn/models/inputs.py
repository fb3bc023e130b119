"""What a program reads of a model's inputs, as its data adapter checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..graph.folding import steps_of, unrolled
from ..lowering.input_types import input_dtype
from ..training.input_data import InputSpec

if TYPE_CHECKING:
    from ..graph.nodes import SymbolicTensor
    from .layer_graph import LayerGraph


def program_inputs(graph: LayerGraph) -> list[tuple[int, SymbolicTensor]]:
    """What a program reads, with the number of the model's input that it is, or that it is made of: of an
    Input of texts, what each layer that reads them makes.
    """
    found = []
    for number, tensor in enumerate(graph.inputs):
        if tensor.dtype != "string":
            found.append((number, tensor))
            continue
        for node in graph.nodes:
            if any(tensor is read for read in node.inputs):
                if not node.layer.reads_texts:
                    raise ValueError(
                        f"Input {tensor.name!r} of texts must be read by TextVectorization, StringLookup or "
                        "BagOfNgrams; or give token ids, and set model.text_encoder. "
                        f"Received: layer {node.layer.name!r} ({type(node.layer).__name__})"
                    )
                found.append((number, node.outputs[0]))
    return found


def input_specs(graph: LayerGraph) -> list[InputSpec]:
    """What each input of a program takes; of ids also how many there may be: the rows of the smallest
    table.
    """
    specs, nodes = [], unrolled(graph.nodes)
    for number, tensor in program_inputs(graph):
        steps = steps_of(tensor, nodes)
        sizes = [
            node.layer.input_dim
            for node in nodes
            if node.layer.reads_ids and any(node.inputs[0] is one for one in steps)
        ]
        name = "x" if len(graph.inputs) == 1 else graph.inputs[number].name
        dtype = input_dtype(tensor, graph.nodes)
        reader = tensor.node.layer
        encode = reader.encode if reader.reads_texts else None
        specs.append(InputSpec(name, dtype, tensor.shape, min(sizes, default=None), number, encode))
    return specs
