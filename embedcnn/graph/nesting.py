"""Models inside models: a model that is called on symbolic tensors is one unit of the new graph.

The core sees the layers themselves: a call of a model replays the calls of its layers, and every new node
remembers the model calls that it belongs to, outermost first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from . import tracing
from .nodes import Node, SymbolicTensor, flatten, walk
from .variables import Variable


class ModelCall:
    """One call of a model, or of a layer made of layers: which tensors went in, which came out. Read as a
    Node. `arguments`: those of a call of several, by name, with {"tensor": n} in the place of inputs[n].
    """

    __slots__ = ("arguments", "inputs", "layer", "losses", "outputs", "training")

    def __init__(self, model: Any, inputs: Sequence[SymbolicTensor], training: bool | None = None) -> None:
        self.layer = model
        self.inputs = list(inputs)
        self.outputs: list[SymbolicTensor] = []
        self.training = training
        self.arguments: dict[str, Any] | None = None
        self.losses: list[SymbolicTensor] = []  # that `call` adds to the loss of the model


Unit = Node | ModelCall


MOST_CALLS = 10_000


def replay(
    model: Any, tensors: Sequence[SymbolicTensor], training: bool | None = None
) -> list[SymbolicTensor]:
    """Calls the layers of a model on other tensors, and returns what takes the place of its outputs.

    `training` holds for the layers that were called without one. ValueError for models of more than
    MOST_CALLS calls: where each model calls the one inside twice, their number doubles with every model.
    """
    known = _replayed(model, tensors, training)
    return [known[id(tensor)] for tensor in model.outputs]


def _replayed(
    model: Any, tensors: Sequence[SymbolicTensor], training: bool | None = None
) -> dict[int, SymbolicTensor]:
    """What takes the place of each tensor of the model, by its id."""
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
                inner[id(old)].arguments = old.arguments
        results[0].node.calls = (*tracing.active(), call, *(inner[id(old)] for old in node.calls))
    for old in {id(old): old for node in model.nodes for old in node.calls}.values():
        inner[id(old)].inputs = [known[id(tensor)] for tensor in old.inputs]
        inner[id(old)].outputs = [known[id(tensor)] for tensor in old.outputs]
        inner[id(old)].losses = [known[id(tensor)] for tensor in old.losses]
    call.outputs = [known[id(tensor)] for tensor in model.outputs]
    call.losses = [known[id(tensor)] for tensor in model.own_losses]
    return known


def inline(model: Any, tensors: Sequence[SymbolicTensor]) -> list[SymbolicTensor]:
    """The layers of a model on other tensors, as though they stood in the new graph by themselves."""
    known = inlined(model, tensors, model.outputs)
    return [known[id(tensor)] for tensor in model.outputs]


def inlined(
    model: Any, tensors: Sequence[SymbolicTensor], ends: Sequence[SymbolicTensor]
) -> dict[int, SymbolicTensor]:
    """The same for all that leads to `ends`: what takes the place of each tensor of the model, by its id."""
    known, outer = _replayed(model, tensors), len(tracing.active())
    for node in walk(tensors, [known[id(tensor)] for tensor in ends]):
        if len(node.calls) > outer and node.calls[outer].layer is model:
            node.calls = (*node.calls[:outer], *node.calls[outer + 1 :])
    return known


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


def holds_layers(layer: Any) -> bool:
    """Whether this is a model, or a layer whose `call` is traced."""
    return is_model(layer) or getattr(layer, "traces", False)


def held_in(layer: Any) -> Any:
    """The model, or the layer made of layers, that a layer (TimeDistributed) applies to each step; any other
    layer itself.
    """
    inside = getattr(layer, "layer", None)
    return inside if holds_layers(inside) and not holds_layers(layer) else layer


def attribute_parts(holder: Any, without: Collection[str] = ()) -> dict[str, Any]:
    """The layers and models that are attributes of a layer or model of one's own, each once: by the name of
    the attribute, with the place in lists and dicts behind it, as blocks_0. As Keras finds them.
    """
    found: dict[str, Any] = {}
    seen = {id(holder)}

    def look(name: str, value: Any) -> None:
        if hasattr(type(value), "reads_texts"):  # as layers and models have it
            if id(value) not in seen:
                seen.add(id(value))
                found[name] = value
        elif isinstance(value, (list, tuple)):
            for number, part in enumerate(value):
                look(f"{name}_{number}", part)
        elif isinstance(value, dict):
            for key, part in value.items():
                look(f"{name}_{key}", part)

    for name, value in vars(holder).items():
        if name not in without:
            look(name, value)
    return found


def parts_of(holder: Any) -> dict[str, Any]:
    """The layers of a model, or of a layer made of layers, by the names that a file has for them."""
    if holder.traces:
        return attribute_parts(holder, getattr(holder, "library_attributes", ()))
    return {layer.name: layer for layer in holder.layers}


def leaf_layers(layers: Iterable[Any]) -> Iterator[Any]:
    """The layers, those of models among them instead of these, and those of layers made of layers besides
    these.
    """
    for layer in layers:
        inside = held_in(layer)
        if not is_model(inside):
            yield inside if holds_layers(inside) else layer
        if holds_layers(inside):
            yield from leaf_layers(parts_of(inside).values())


def models_below(holder: Any) -> Iterator[Any]:
    """The model, and those inside of it."""
    if is_model(holder):
        yield holder
    for part in parts_of(holder).values():
        if holds_layers(held_in(part)):
            yield from models_below(held_in(part))


def weight_paths(model: Any, prefix: str = "") -> dict[str, Variable]:
    """The weights by the path that a file knows them by: the names of models, layer and weight."""
    found: dict[str, Variable] = {}
    if model.traces:
        found |= {prefix + variable.name: variable for variable in model._variables}
    for name, layer in parts_of(model).items():
        if holds_layers(held_in(layer)):
            found |= weight_paths(held_in(layer), f"{prefix}{name}/")
        elif model.traces:
            found |= {f"{prefix}{name}/{variable.name}": variable for variable in layer.weights}
        else:
            found |= {prefix + variable.path: variable for variable in layer.weights}
    return found


def all_weights(model: Any) -> list[Variable]:
    """The weights of a model or of a layer made of layers, each once: its own, then those of its parts."""
    own = model._variables if model.traces else []
    found = [*own, *(variable for layer in parts_of(model).values() for variable in layer.weights)]
    return list({id(variable): variable for variable in found}.values())


def carried_states(model: Any) -> list[Variable]:
    """What stateful layers carry from batch to batch."""
    found = [layer for layer in leaf_layers(model.layers) if not holds_layers(layer)]
    recurrent = [layer for layer in found if hasattr(layer, "reset_state")]
    return [state for layer in recurrent for state in layer.states]


def added_losses(lists: Iterable[Sequence[SymbolicTensor]]) -> list[SymbolicTensor]:
    """What several lists of losses hold, each once."""
    return list({id(tensor): tensor for losses in lists for tensor in losses}.values())


def check_owners(model: Any) -> None:
    """ValueError where two layers hold the same weights (a cell that two RNN layers run): a file has none."""
    owners: dict[int, Any] = {}
    for layer in leaf_layers(model.layers):
        for variable in layer._variables:
            owner = owners.setdefault(id(variable), layer)
            if owner is not layer:
                raise ValueError(
                    f"layers {owner.name!r} and {layer.name!r} share weights (a cell or layer inside both), "
                    "which the file of a model cannot hold: call one layer twice, or use save_weights"
                )
