"""Models from their configurations: what `get_config` writes, built again with new weights.

Only classes of this package, and those that `custom_objects` gives, are ever built.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any

from .. import layers
from ..base.custom_objects import known_class
from ..graph.model_kinds import KINDS, model_kind
from ..graph.nodes import SymbolicTensor, flatten
from .own_classes import made_of

Place = tuple[str, int, int]
"""A tensor: the name of a layer, which of its calls, and which of the results."""
Call = tuple[str, int, list[Place], "bool | None"]
"""A call: the name of the layer, the number of the call, what it reads, and `training`."""


def layer_from_config(entry: dict[str, Any]) -> Any:
    """A layer, or a model inside the model."""
    name = entry["class_name"]
    if name in KINDS:
        return model_kind(name).from_config(entry["config"])
    cls = layers.CLASSES.get(name) or known_class(name)
    if cls is None:
        raise ValueError(
            f"unknown layer class {name!r}; allowed: {', '.join(layers.CLASSES)}, and those that "
            "load_model(path, custom_objects={name: class}) gives"
        )
    if not hasattr(cls, "reads_texts"):  # as layers and models have it
        raise ValueError(f"custom_objects[{name!r}] must be a subclass of Layer. Received: {cls!r}")
    made = cls.from_config(entry["config"])
    if "name" in entry:  # of one whose constructor takes none
        made.name = entry["name"]
    return made


def name_of(entry: dict[str, Any]) -> str:
    """The name of the layer that an entry describes."""
    name: str = entry["name"] if "name" in entry else entry["config"]["name"]
    return name


def _filled(arguments: Any, tensors: Sequence[SymbolicTensor]) -> Any:
    """Arguments as a ModelCall keeps them, with these tensors in their places."""
    if isinstance(arguments, dict):
        if set(arguments) == {"tensor"}:
            return tensors[arguments["tensor"]]
        return {name: _filled(part, tensors) for name, part in arguments.items()}
    return [_filled(part, tensors) for part in arguments] if isinstance(arguments, list) else arguments


def functional_from_config(cls: Any, config: dict[str, Any]) -> Any:
    """A model of Model or a subclass with new weights, from `get_config()`."""
    made = {name_of(entry): layer_from_config(entry) for entry in config["layers"]}
    _join_tables(made)
    tensors: dict[Place, SymbolicTensor] = {
        (name, 0, 0): layer.output for name, layer in made.items() if isinstance(layer, layers.InputLayer)
    }

    def place(part: list[Any]) -> Place:
        return part[0], part[1], part[2] if len(part) > 2 else 0

    arguments = {name_of(entry): entry["arguments"] for entry in config["layers"] if "arguments" in entry}
    for name, number, parts, training in _in_order(config["layers"], place, tensors):
        read: Any = [tensors[part] for part in parts]
        options: dict[str, Any] = {} if training is None else {"training": training}
        given = arguments[name][number] if name in arguments else None
        if given is not None:
            options |= _filled(given, read)
            read = options.pop("inputs")
        elif not made[name].inputs_many and len(read) == 1:
            read = read[0]
        out = made[name](read, **options)
        for index, tensor in enumerate(flatten(out)):
            tensors[name, number, index] = tensor
    inputs = [tensors[place(part)] for part in config["inputs"]]
    outputs: Any = [tensors[place(part)] for part in config["outputs"]]
    if "output_keys" in config:
        outputs = dict(zip(config["output_keys"], outputs, strict=True))
    made_model = made_of(cls, config, inputs=inputs, outputs=outputs)
    if "losses" in config:
        made_model.add_loss([tensors[place(part)] for part in config["losses"]])
    return made_model


def _in_order(
    entries: list[dict[str, Any]], place: Callable[[list[Any]], Place], known: Collection[Place]
) -> list[Call]:
    """The calls of the layers, each after those whose results it reads and the one before of its layer, in
    time that grows with their number. ValueError where they cannot be joined.
    """
    calls: list[Call] = []
    waiting: dict[tuple[str, int], list[list[Any]]] = {}
    ready: deque[Call] = deque()
    for entry in entries:
        for number, call in enumerate(entry["calls"]):
            name, parts = name_of(entry), [place(part) for part in call]
            training = entry["training"][number] if "training" in entry else None
            before = {(part[0], part[1]) for part in parts if part not in known}
            if number:
                before.add((name, number - 1))
            calls.append((name, number, parts, training))
            missing: list[Any] = [len(before), calls[-1]]
            for one in before:
                waiting.setdefault(one, []).append(missing)
            if not before:
                ready.append(calls[-1])
    found = []
    while ready:
        call = ready.popleft()
        found.append(call)
        for missing in waiting.pop((call[0], call[1]), []):
            missing[0] -= 1
            if not missing[0]:
                ready.append(missing[1])
    if len(found) < len(calls):
        joined = {id(call) for call in found}
        name = next(call[0] for call in calls if id(call) not in joined)
        raise ValueError(f"the calls of layer {name!r} cannot be joined")
    return found


def sequential_from_config(cls: Any, config: dict[str, Any]) -> Any:
    """A Sequential, or a subclass, with new weights from `get_config()`."""
    first = [] if config["input"] is None else [layers.InputLayer(**config["input"])]
    made = [layer_from_config(entry) for entry in config["layers"]]
    _join_tables({layer.name: layer for layer in made})
    return made_of(cls, config, layers=first + made)


def _join_tables(made: dict[str, Any]) -> None:
    """Lets layers that share the table of another one find it by its name."""
    for layer in made.values():
        if isinstance(layer, layers.TiedDense):
            layer.join(made)
