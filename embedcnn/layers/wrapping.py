"""Layers that hold other layers: their weights, and how they are written down."""

from __future__ import annotations

from typing import Any

from ..base.custom_objects import known_class
from ..graph.model_kinds import KINDS, model_kind
from ..graph.nodes import Node
from ..graph.variables import mark_changed
from .base import Layer

CLASSES: dict[str, type[Layer]] = {}
"""The layers that a saved model may hold, by name: nothing else is ever built from a file. layers/__init__.py
fills it.
"""


class Holder(Layer):
    """A layer that holds others: their weights are its own."""

    def _adopt(self, layer: Layer, prefix: str = "") -> None:
        """Takes the weights of a built layer; one that another holder has taken keeps its name there."""
        for variable in layer.weights:
            if variable.layer is layer:
                variable.inner = (*variable.inner, layer)
                variable.layer = self
                variable.name = f"{prefix}{variable.name}"
            self._variables.append(variable)
        mark_changed()


def made(layer: Any) -> Any:
    """A layer from its description in a file, or the layer itself."""
    if not isinstance(layer, dict):
        return layer
    if layer.get("class_name") in KINDS:
        return model_kind(layer["class_name"]).from_config(layer["config"])
    own = known_class(layer.get("class_name", ""))
    if own is not None:
        return own.from_config(layer["config"])
    if layer.get("class_name") not in CLASSES:
        raise ValueError(f"unknown layer class {layer.get('class_name')!r}; allowed: {', '.join(CLASSES)}")
    return CLASSES[layer["class_name"]].from_config(layer["config"])


def operation_of(node: Node) -> str | None:
    """The name of the operation that a node is; None of another layer, whatever attributes it has."""
    return node.layer.operation if isinstance(node.layer, CLASSES["Operation"]) else None


def begins_mask(node: Node) -> bool:
    """Whether a layer gives its result a mask of its own."""
    masks = isinstance(node.layer, (CLASSES["ApplyMask"], CLASSES["Masking"]))
    return masks or (isinstance(node.layer, CLASSES["Embedding"]) and node.layer.mask_zero)
