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
    known: dict[int, int | None] = {}
    return len({_source(tensor, known) for tensor in _with_a_say(tensors)}) > 1


def on_all_steps(operands: Sequence[Any]) -> list[Any]:
    """The operands, those that may be masked with zeros at masked steps, which count from here on."""
    known: dict[int, int | None] = {}
    return [
        apply("all_steps", [one])
        if isinstance(one, SymbolicTensor) and _source(one, known) is not None
        else one
        for one in operands
    ]


def _source(tensor: SymbolicTensor, known: dict[int, int | None]) -> int | None:
    """Which node gave a tensor its mask; None: no step is masked."""
    waiting = [tensor.node]
    while waiting:
        node = waiting[-1]
        missing = [one.node for one in _parents(node) if id(one.node) not in known]
        if id(node) not in known and missing:
            waiting += missing
            continue
        known.setdefault(id(node), _found(node, known))
        waiting.pop()
    return known[id(tensor.node)]


def _parents(node: Node) -> list[SymbolicTensor]:
    """The tensors whose masks may go on: of sequences, and of one number for each step in operations."""
    operation = operation_of(node)
    if not node.outputs or node.outputs[0].ndim < (2 if operation else 3) or operation == "all_steps":
        return []
    if operation is not None and PRIMITIVES[operation].reduces:
        axes = axes_in(node.layer.settings["axis"], node.inputs[0].ndim)
        if 1 in axes:
            return []
    if operation in MASK_OF:
        return [node.inputs[MASK_OF[operation]]]
    return _with_a_say([one for one in node.inputs if one.ndim > 1])


def _with_a_say(tensors: Sequence[SymbolicTensor]) -> list[SymbolicTensor]:
    """The tensors but those of one step, which is repeated for the steps of others."""
    return [one for one in tensors if one.shape[1:2] != (1,)] or list(tensors)


def _found(node: Node, known: dict[int, int | None]) -> int | None:
    if begins_mask(node):
        return id(node)
    sources = {known[id(one.node)] for one in _parents(node)}
    return sources.pop() if len(sources) == 1 else id(node) if sources else None
