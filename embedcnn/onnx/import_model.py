"""load_onnx: a file of ONNX as a Model of our layers and operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from ..graph.nodes import walk
from ..layers.operation import Operation
from ..models import Model

# these fill the table of operations
from . import import_bags as import_bags
from . import import_choices as import_choices
from . import import_ngrams as import_ngrams
from . import import_recurrent as import_recurrent
from . import import_shapes as import_shapes
from . import import_windows as import_windows
from .import_file import read
from .import_graph import Graph


def load_onnx(
    path: Any,
    input_shapes: Mapping[str, Sequence[int | None]] | None = None,
    name: str | None = None,
) -> Model:
    """The model of a file of ONNX, as PyTorch and Keras export it, made of our layers and operations, so that
    it predicts, trains and is saved as any other. Needs the extra `onnx`.

    Inputs and outputs are those of the graph, examples first; a batch of any size is right even where the
    graph was exported with one of a fixed size. Weights of embeddings, convolutions, recurrent and dense
    layers and normalisations learn; other constants of the graph stay. Layers have the names of PyTorch's
    modules where the file holds them. EmbeddingBag, which PyTorch exports as a loop, comes back as the layer;
    where it reads ids in one vector and offsets, the model has one input, which takes a Ragged(ids, offsets).
    What `export` writes comes back, but a result that is one for the whole batch. `input_shapes`:
    {name: (None, 12)} fixes sizes that the graph leaves open, where it asks for them. Nothing in the file is
    executed, and external data are read from its folder alone. Raises ImportError without onnx,
    FileNotFoundError, and ValueError for damaged files and for nodes that cannot be built, which it names.

    >>> import embedcnn
    >>> embedcnn.models.load_onnx("missing.onnx")
    Traceback (most recent call last):
        ...
    FileNotFoundError: `path` must be a file of ONNX. Received: path='missing.onnx', which is no file
    """
    if input_shapes is not None and not isinstance(input_shapes, Mapping):
        raise TypeError(
            "`input_shapes` must be a dict of the inputs' names to shapes, batch first. Received: "
            f"{type(input_shapes).__name__}"
        )
    proto = read(path)
    inputs, outputs = Graph(path, proto, input_shapes or {}, Model).built()
    x: Any = inputs[0] if len(inputs) == 1 else inputs
    y: Any = outputs[0] if len(outputs) == 1 else outputs
    _name_operations(inputs, outputs)
    return Model(x, y, name=name)


def _name_operations(inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Names for operations that no layer has, as the file names these; the same in each process."""
    made = {id(node.layer): node.layer for node in walk(list(inputs), list(outputs), all_inputs=False)}
    taken = {layer.name for layer in made.values() if not isinstance(layer, Operation)}
    for layer in made.values():
        if isinstance(layer, Operation):
            names = (f"{layer.operation}_{number}" if number else layer.operation for number in count())
            layer.name = next(name for name in names if name not in taken)
            taken.add(layer.name)
