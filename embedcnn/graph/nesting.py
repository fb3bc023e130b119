"""Models inside models: a model that is called on symbolic tensors is one unit of the new graph.

The core sees the layers themselves: a call of a model replays the calls of its layers, and every new node
remembers the model calls that it belongs to, outermost first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .nodes import Node, SymbolicTensor, flatten, walk
from .variables import Variable


class ModelCall:
    """One call of a model: which tensors went in, which came out. Read as a Node."""

    __slots__ = ("inputs", "layer", "outputs", "training")

    def __init__(self, model: Any, inputs: Sequence[SymbolicTensor], training: bool | None = None) -> None:
        self.layer = model
        self.inputs = list(inputs)
        self.outputs: list[SymbolicTensor] = []
        self.training = training


Unit = Node | ModelCall


MOST_CALLS = 10_000


def replay(
    model: Any, tensors: Sequence[SymbolicTensor], training: bool | None = None
) -> list[SymbolicTensor]:
    """Calls the layers of a model on other tensors, and returns what takes the place of its outputs.

    `training` holds for the layers that were called without one. ValueError for models of more than
    MOST_CALLS calls: where each model calls the one inside twice, their number doubles with every model.
    """
    if len(model.nodes) > MOST_CALLS:
        raise ValueError(
            f"Model {model.name!r} stands inside another model and is made of {len(model.nodes)} calls of "
            f"layers, those of models in models counted; allowed: {MOST_CALLS}"
        )
    call = ModelCall(model, tensors, training)
    inner: dict[int, ModelCall] = {}
    known = {id(own): given for own, given in zip(model.inputs, tensors, strict=True)}
    for node in model.nodes:
        if not node.inputs:
            continue
        read = [known[id(tensor)] for tensor in node.inputs]
        own = training if node.training is None else node.training
        options = {} if own is None else {"training": own}
        made = node.layer(read if node.layer.inputs_many or len(read) > 1 else read[0], **options)
        results = flatten(made)
        known.update(zip(map(id, node.outputs), results, strict=True))
        for old in node.calls:
            if id(old) not in inner:
                inner[id(old)] = ModelCall(old.layer, [], old.training)
        results[0].node.calls = (call, *(inner[id(old)] for old in node.calls))
    for old in {id(old): old for node in model.nodes for old in node.calls}.values():
        inner[id(old)].inputs = [known[id(tensor)] for tensor in old.inputs]
        inner[id(old)].outputs = [known[id(tensor)] for tensor in old.outputs]
    call.outputs = [known[id(tensor)] for tensor in model.outputs]
    return call.outputs


def inline(model: Any, tensors: Sequence[SymbolicTensor]) -> list[SymbolicTensor]:
    """The layers of a model on other tensors, as though they stood in the new graph by themselves."""
    outputs = replay(model, tensors)
    for node in walk(tensors, outputs):
        if node.calls and node.calls[0].layer is model:
            node.calls = node.calls[1:]
    return outputs


def units_by_depth(nodes: Sequence[Node]) -> list[Unit]:
    """The nodes, those of one model call as one unit, in the order of Keras's `Model.layers`: farthest
    from the outputs first, then as walked.
    """
    units: list[Unit] = list(
        {id(unit): unit for unit in (node.calls[0] if node.calls else node for node in nodes)}.values()
    )
    maker = {id(tensor): unit for unit in units for tensor in unit.outputs}
    depth = dict.fromkeys(map(id, units), 0)
    changed = True
    while changed:
        changed = False
        for unit in reversed(units):
            for tensor in unit.inputs:
                before = maker.get(id(tensor))
                if before is not None and depth[id(before)] <= depth[id(unit)]:
                    depth[id(before)] = depth[id(unit)] + 1
                    changed = True
    return sorted(units, key=lambda unit: -depth[id(unit)])


def is_model(layer: Any) -> bool:
    """Whether this member of `Model.layers` is itself a model."""
    return hasattr(layer, "call_units")


def held_in(layer: Any) -> Any:
    """The model that a layer (TimeDistributed) applies to each step; any other layer itself."""
    inside = getattr(layer, "layer", None)
    return inside if is_model(inside) else layer


def leaf_layers(layers: Sequence[Any]) -> Iterator[Any]:
    """The layers, those of models among them instead of these."""
    for layer in layers:
        if is_model(held_in(layer)):
            yield from leaf_layers(held_in(layer).layers)
        else:
            yield layer


def weight_paths(model: Any, prefix: str = "") -> dict[str, Variable]:
    """The weights by the path that a file knows them by: the names of models, layer and weight."""
    found: dict[str, Variable] = {}
    for layer in model.layers:
        if is_model(held_in(layer)):
            found |= weight_paths(held_in(layer), f"{prefix}{layer.name}/")
        else:
            found |= {prefix + variable.path: variable for variable in layer.weights}
    return found


def carried_states(model: Any) -> list[Variable]:
    """What stateful layers carry from batch to batch."""
    recurrent = [layer for layer in leaf_layers(model.layers) if hasattr(layer, "reset_state")]
    return [state for layer in recurrent for state in layer.states]


def check_owners(model: Any) -> None:
    """ValueError where two layers hold the same weights (a cell that two RNN layers run): a file has none."""
    owners: dict[int, Any] = {}
    for layer in leaf_layers(model.layers):
        for variable in layer.weights:
            owner = owners.setdefault(id(variable), layer)
            if owner is not layer:
                raise ValueError(
                    f"layers {owner.name!r} and {layer.name!r} share weights (a cell or layer inside both), "
                    "which the file of a model cannot hold: call one layer twice, or use save_weights"
                )
