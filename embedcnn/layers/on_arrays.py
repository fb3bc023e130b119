"""Layers called on arrays: the way to what computes it.

A layer is a description; what runs one is a model. models/on_arrays.py makes a small one of the layer alone,
which is found by its name here, because models stand above layers.
"""

from __future__ import annotations

from typing import Any

from ..base.named_objects import named_object

PLACES = {
    "call": "embedcnn.models.on_arrays:call",
    "compute_mask": "embedcnn.models.on_arrays:compute_mask",
}
"""What computes for a layer on arrays, by the method of the layer."""


def on_arrays(method: str, *arguments: Any, **options: Any) -> Any:
    """What a method of a layer gives for arrays."""
    return named_object(PLACES[method])(*arguments, **options)
