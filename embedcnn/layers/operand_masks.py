"""Operands of an operation whose masks differ: value by value means what stands there, and masked steps are
zeros.

The core computes such an operation at the steps that are unmasked in all operands, and gives zeros elsewhere.
That is right where one zero makes the result zero; before all others the masks end here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph.nodes import Node, SymbolicTensor
from ..ops.primitives import PRIMITIVES, apply, axes_in
from .wrapping import begins_mask, operation_of

ZERO_STAYS = frozenset({"multiply", "divide", "logical_and"})
"""Where 0 in an operand makes 0; 0 / 0 is left at that."""


MASK_OF = {"attention": 0, "masked_like": 1}
"""Operations whose result has the mask of one operand, by its number."""


def masks_differ(tensors: Sequence[SymbolicTensor]) -> bool:
    """Whether tensors may have other masked steps than each other; one step for all others has no say."""
    return len({id(_source(tensor)) for tensor in _with_a_say(tensors)}) > 1


def on_all_steps(operands: Sequence[Any]) -> list[Any]:
    """The operands, those that may be masked with zeros at masked steps, which count from here on."""
    return [
        apply("all_steps", [one]) if isinstance(one, SymbolicTensor) and _source(one) is not None else one
        for one in operands
    ]


def _source(tensor: SymbolicTensor) -> Node | None:
    """Which node gave a tensor its mask; None: no step is masked. Each node is looked at once."""
    waiting = [tensor.node]
    while waiting:
        node = waiting[-1]
        missing = [one.node for one in _parents(node) if one.node.mask_source is ...]
        if node.mask_source is ... and missing:
            waiting += missing
            continue
        if node.mask_source is ...:
            node.mask_source = _found(node)
        waiting.pop()
    found: Node | None = tensor.node.mask_source
    return found


def _parents(node: Node) -> list[SymbolicTensor]:
    """The tensors whose masks may go on: of sequences, and of one number for each step in operations."""
    operation = operation_of(node)
    if not node.outputs or node.outputs[0].ndim < (2 if operation else 3) or operation == "all_steps":
        return []
    if operation is not None and PRIMITIVES[operation].reduces:
        axes = axes_in(node.layer.settings["axis"], node.inputs[0].ndim)
        if 1 in axes:
            return []
    place = getattr(node.layer, "mask_of", None) if operation is None else MASK_OF.get(operation)
    if place is not None:
        return [node.inputs[place]]
    return _with_a_say([one for one in node.inputs if one.ndim > 1])


def _with_a_say(tensors: Sequence[SymbolicTensor]) -> list[SymbolicTensor]:
    """The tensors but those of one step, which is repeated for the steps of others."""
    return [one for one in tensors if one.shape[1:2] != (1,)] or list(tensors)


def _found(node: Node) -> Node | None:
    if begins_mask(node):
        return node
    sources = {id(one.node.mask_source): one.node.mask_source for one in _parents(node)}
    return next(iter(sources.values())) if len(sources) == 1 else node if sources else None
