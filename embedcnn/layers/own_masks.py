"""Masks of layers and models of one's own: the arguments `mask`, `<name>_mask` of a traced `call` get which
steps of the inputs count, and an overridden `compute_mask` decides which steps of the result do.

Masks are symbolic tensors (B, T) of bool. A step that is masked is zeros; where `compute_mask` gives None it
stays zeros, and counts from there on.
"""

from __future__ import annotations

import inspect
from typing import Any

from ..graph.nodes import SymbolicTensor
from ..graph.tracing import leaves, replaced
from ..ops.elementwise import greater
from ..ops.primitives import apply
from .base import Layer
from .shaping import ApplyMask
from .wrapping import begins_mask, operation_of


def may_be_masked(tensor: SymbolicTensor) -> bool:
    """Whether a layer before a sequence (B, T, C) masks steps."""
    seen, waiting = set(), [tensor.node]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if begins_mask(node):
            return True
        if len(node.outputs[0].shape) > 2 and operation_of(node) != "all_steps":
            waiting += [one.node for one in node.inputs]
    return False


def mask_of(tensors: Any) -> Any:
    """The mask of a tensor, or of each in a list or dict: None where no step can be masked."""
    if isinstance(tensors, SymbolicTensor):
        masked = len(tensors.shape) > 2 and may_be_masked(tensors)
        return greater(apply("step_mask", [tensors]), 0.5) if masked else None
    masks = [mask_of(one) for one in leaves(tensors, SymbolicTensor)]
    return replaced(tensors, SymbolicTensor, iter(masks)) if any(one is not None for one in masks) else None


def fill_masks(layer: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """Puts the masks that `call` of a class of one's own takes and was not given into `options`, as Keras:
    `mask` where one argument holds tensors, else `<name>_mask` for each. Returns the mask of the inputs.
    """
    if is_ours(layer, "call"):
        return None
    parameters = inspect.signature(layer.call).parameters
    given = {name: value for name, value in options.items() if leaves(value, SymbolicTensor)}
    given = {name: value for name, value in given.items() if name != "mask" and not name.endswith("_mask")}
    if options.get("mask") is None and "mask" in parameters:
        options["mask"] = None if given else mask_of(inputs)
    given[next(iter(parameters), "")] = inputs
    for name, value in given.items():
        argument = f"{name}_mask"
        if argument in parameters and options.get(argument) is None and len(given) > 1:
            options[argument] = mask_of(value)
    return options.get("mask")


def under_own_mask(layer: Any, inputs: Any, mask: Any, made: Any) -> Any:
    """What `call` made, its masks those that an overridden `compute_mask` gives; `mask`: of the inputs, None
    where it is not known yet.
    """
    if is_ours(layer, "compute_mask"):
        return made
    mask = mask_of(inputs) if mask is None else mask
    found = layer.compute_mask(inputs, mask)
    tensors = leaves(made, SymbolicTensor)
    masks = list(found) if isinstance(found, (list, tuple)) else [found] * (1 if found is not None else 0)
    masks += [None] * (len(tensors) - len(masks))
    if len(masks) > len(tensors) or not all(isinstance(one, (SymbolicTensor, type(None))) for one in masks):
        raise TypeError(
            f"compute_mask of {layer.name!r} ({type(layer).__name__}) must return the mask that it gets, "
            f"None, or what ops make of symbolic tensors, for each of {len(tensors)} results. "
            f"Received: {found!r}"
        )
    results = [_with_mask(layer, *pair) for pair in zip(tensors, masks, strict=True)]
    return replaced(made, SymbolicTensor, iter(results))


def _with_mask(layer: Any, tensor: SymbolicTensor, mask: SymbolicTensor | None) -> SymbolicTensor:
    """A result under this mask alone."""
    if len(tensor.shape) < 3:
        if mask is None:
            return tensor
        raise ValueError(
            f"compute_mask of {layer.name!r} ({type(layer).__name__}) returns a mask, but the result has no "
            f"steps (batch, time, channels) that it could mask. Received: shape={tensor.shape}; return None"
        )
    if may_be_masked(tensor):
        tensor = apply("all_steps", [tensor])
    if mask is None:
        return tensor
    if mask.shape[1] is None:  # made of tensors that were masked
        mask = apply("all_steps", [mask])
    made: SymbolicTensor = ApplyMask()([tensor, mask])
    return made


def is_ours(layer: Any, method: str) -> bool:
    """Whether a class of this package defines the method, or none does."""
    owner = next((cls for cls in type(layer).__mro__ if method in vars(cls)), Layer)
    return owner.__module__.partition(".")[0] == __name__.partition(".")[0]
