"""What lowering and data need to know of the graph of a model: its inputs, and the operations it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import layers
from ..graph.nodes import walk
from ..lowering import Lowered, input_dtype, lower
from ..training.input_data import InputSpec
from ..training.settings import Compiled

if TYPE_CHECKING:
    from .layer_graph import LayerGraph


def input_specs(graph: LayerGraph) -> list[InputSpec]:
    """What each input takes; of ids also how many there may be: the rows of the smallest table of them."""
    specs = []
    for tensor in graph.inputs:
        sizes = [
            node.layer.input_dim
            for node in graph.nodes
            if isinstance(node.layer, layers.ID_READERS) and node.inputs[0] is tensor
        ]
        name = "x" if len(graph.inputs) == 1 else tensor.name
        dtype = input_dtype(tensor, graph.nodes)
        specs.append(InputSpec(name, dtype, tensor.shape, min(sizes, default=None)))
    return specs


def lowered_as(
    graph: LayerGraph, kind: str, names: list[str], compiled: Compiled | None, rewrite: bool
) -> Lowered:
    """The operations of a kind of program (see lowering/programs.py), with the losses of `compiled`."""
    settings: dict[str, Any] = {"rewrite": rewrite, "training": kind in ("train", "forward")}
    if compiled is not None:
        settings |= {"losses": compiled.losses, "loss_weights": compiled.loss_weights}
        settings["unseen"] = compiled.unseen
    return lower(graph.inputs, graph.outputs, walk(graph.inputs, graph.outputs), names, **settings)
