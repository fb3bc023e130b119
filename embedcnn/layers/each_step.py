"""A layer, or a model, called on one step of a tensor: what stands inside a node that is applied to each step
alone (graph/folding.py).
"""

from __future__ import annotations

from typing import Any

from ..graph.nodes import SymbolicTensor, flatten
from .base import Layer
from .core import InputLayer


def on_each_step(holder: Layer, layer: Any, x: SymbolicTensor) -> tuple[SymbolicTensor, SymbolicTensor]:
    """What a layer reads of one step of x, and what it makes of it: the `inner` of the holder's node.

    ValueError where the layer makes more than one tensor, or one whose size is open.
    """
    first = InputLayer(shape=x.shape[2:], dtype=x.dtype, name=f"{holder.name}_step").output
    try:
        made = flatten(layer(first))
    except ValueError as error:
        raise ValueError(
            f"Layer {holder.name!r} applies {layer.name!r} to each step of shape {x.shape}, which is of "
            f"shape {first.shape}. {error}"
        ) from None
    if len(made) != 1:
        raise ValueError(
            f"Layer {holder.name!r}: the layer inside must make one tensor of a step. Received: {len(made)}"
        )
    if None in made[0].shape[1:]:
        raise ValueError(
            f"Layer {holder.name!r}: what is made of a step must have a known size. Received: "
            f"shape={made[0].shape}; give the length of the inner texts in Input(shape=...)"
        )
    return first, made[0]
