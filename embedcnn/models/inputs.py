"""What a program reads of a model's inputs, as its data adapter checks it; and, where these leave the size of
images open, the graph for one size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..graph.folding import steps_of, unrolled
from ..graph.nesting import inlined
from ..graph.nodes import Node, walk
from ..layers import InputLayer
from ..lowering.input_types import input_dtype
from ..lowering.programs import Sizes
from ..text.rows import no_settings
from ..training.input_data import InputSpec

if TYPE_CHECKING:
    from ..graph.nodes import SymbolicTensor
    from .layer_graph import LayerGraph


@dataclass(frozen=True)
class Sized:
    """The graph of a model, its layers called once more on images of a known size."""

    inputs: list[SymbolicTensor]
    outputs: list[SymbolicTensor]
    added: list[SymbolicTensor]
    nodes: list[Node]


def sized(graph: LayerGraph, specs: Sequence[InputSpec], sizes: Sizes) -> Sized:
    """The graph for these sizes of the images that are open; the layers forget these calls."""
    chosen = dict(zip((spec.source for spec in specs if spec.open_image), sizes, strict=True))
    inputs = [
        InputLayer(chosen[number], name=tensor.name).nodes[0].outputs[0] if number in chosen else tensor
        for number, tensor in enumerate(graph.inputs)
    ]
    remembered = [(node.layer.nodes, len(node.layer.nodes)) for node in graph.nodes]
    try:
        ends = [*graph.outputs, *graph.added]
        known = inlined(graph, inputs, ends)
    finally:
        for calls, count in remembered:
            del calls[count:]
    outputs, added = ([known[id(one)] for one in some] for some in (graph.outputs, graph.added))
    return Sized(inputs, outputs, added, walk(inputs, [*outputs, *added]))


def program_inputs(graph: LayerGraph | Sized) -> list[tuple[int, SymbolicTensor]]:
    """What a program reads, with the number of the model's input that it is, or that it is made of: what the
    layers make that read what the model is given (texts, categories).
    """
    found: list[tuple[int, SymbolicTensor]] = []
    for number, tensor in enumerate(graph.inputs):
        waiting = [tensor]
        while waiting:
            read = waiting.pop(0)
            readers = [node for node in graph.nodes if any(read is one for one in node.inputs)]
            preparing = [node for node in readers if node.layer.prepares]
            others = [node for node in readers if not node.layer.prepares]
            waiting += [node.outputs[0] for node in preparing]
            if others and read.dtype == "string":
                raise ValueError(
                    f"Input {tensor.name!r} of texts must be read by TextVectorization, StringLookup, "
                    "BagOfNgrams or Hashing; or give token ids, and set model.text_encoder. "
                    f"Received: layer {others[0].layer.name!r} ({type(others[0].layer).__name__})"
                )
            if others or not preparing:
                found.append((number, read))
    return found


def _encoding(tensor: SymbolicTensor) -> Callable[[Any], Any] | None:
    """What makes this of what the model is given, where layers do."""
    layer = tensor.node.layer
    if not layer.prepares:
        return None
    before = _encoding(tensor.node.inputs[0])
    encode: Callable[[Any], Any] = layer.encode
    return encode if before is None else lambda given: encode(before(given))


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
        limit, of_texts = min(sizes, default=None), graph.inputs[number].dtype == "string"
        layer = tensor.node.layer  # of texts, where it is what prepares them
        images = tensor.ndim == 4 and any(node.layer.reads_images for node in nodes)
        alone = layer.prepares and not tensor.node.inputs[0].node.layer.prepares
        settings = getattr(layer, "settings_of_ids", no_settings) if alone else no_settings
        specs.append(
            InputSpec(
                name,
                dtype,
                tensor.shape,
                limit,
                number,
                _encoding(tensor),
                of_texts,
                settings,
                images and dtype == "float32" and None in tensor.shape[1:],
            )
        )
    return specs
