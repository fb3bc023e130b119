"""Models from their configurations: what `get_config` writes, built again with new weights.

Only classes of this package, and those that `custom_objects` gives, are ever built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import layers
from ..base.custom_objects import known_class
from ..graph.model_kinds import KINDS, model_kind
from ..graph.nodes import SymbolicTensor, flatten
from ..layers.base import Layer

if TYPE_CHECKING:
    from .sequential import Model, Sequential


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
    if not issubclass(cls, Layer):
        raise ValueError(f"custom_objects[{name!r}] must be a subclass of Layer. Received: {cls!r}")
    return cls.from_config(entry["config"])


def functional_from_config(config: dict[str, Any]) -> Model:
    """A Model with new weights from `Model.get_config()`."""
    made = {entry["config"]["name"]: layer_from_config(entry) for entry in config["layers"]}
    tensors: dict[tuple[str, int, int], SymbolicTensor] = {
        (name, 0, 0): layer.output for name, layer in made.items() if isinstance(layer, layers.InputLayer)
    }

    def place(part: list[Any]) -> tuple[str, int, int]:
        return part[0], part[1], part[2] if len(part) > 2 else 0

    waiting = [
        (entry["config"]["name"], number, [place(part) for part in call])
        for entry in config["layers"]
        for number, call in enumerate(entry["calls"])
    ]
    while waiting:
        ready = [call for call in waiting if all(part in tensors for part in call[2])]
        ready = [call for call in ready if call[1] == 0 or (call[0], call[1] - 1, 0) in tensors]
        if not ready:
            raise ValueError(f"the calls of layer {waiting[0][0]!r} cannot be joined")
        for name, number, parts in ready:
            read = [tensors[part] for part in parts]
            out = made[name](read if made[name].inputs_many or len(read) > 1 else read[0])
            for index, tensor in enumerate(flatten(out)):
                tensors[name, number, index] = tensor
        waiting = [call for call in waiting if (call[0], call[1], 0) not in tensors]
    inputs = [tensors[place(part)] for part in config["inputs"]]
    return model_kind("Model")(
        inputs, [tensors[place(part)] for part in config["outputs"]], name=config["name"]
    )


def sequential_from_config(config: dict[str, Any]) -> Sequential:
    """A Sequential with new weights from `Sequential.get_config()`."""
    first = [] if config["input"] is None else [layers.InputLayer(**config["input"])]
    return model_kind("Sequential")(
        first + [layer_from_config(entry) for entry in config["layers"]], name=config["name"]
    )
