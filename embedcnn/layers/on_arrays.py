"""Layers called on arrays: whether a call holds arrays, and the way to what computes it.

A layer is a description; what runs one is a model. models/on_arrays.py makes a small one of the layer alone,
which is found by its name here, because models stand above layers.
"""

from __future__ import annotations

from typing import Any

from ..base.named_objects import named_object
from ..graph.nodes import SymbolicTensor

PLACES = {
    "call": "embedcnn.models.on_arrays:call",
    "compute_mask": "embedcnn.models.on_arrays:compute_mask",
}
"""What computes for a layer on arrays, by the method of the layer."""


def is_symbolic(inputs: Any) -> bool:
    """Whether a layer is called on symbolic tensors: one, or a list with one in it, or an empty one."""
    if isinstance(inputs, dict):
        inputs = list(inputs.values())
    if not isinstance(inputs, (list, tuple)):
        return isinstance(inputs, SymbolicTensor)
    if not inputs or any(isinstance(part, SymbolicTensor) for part in inputs):
        return True
    return isinstance(inputs[0], (list, tuple)) and bool(inputs[0]) and is_symbolic(inputs[0])


def on_arrays(method: str, *arguments: Any, **options: Any) -> Any:
    """What a method of a layer gives for arrays."""
    return named_object(PLACES[method])(*arguments, **options)
