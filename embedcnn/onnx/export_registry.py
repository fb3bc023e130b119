"""How each operation of the core is written in ONNX: OPERATIONS, one function a name, from what it reads to
what it
makes. What has no form there stands in export_refusals.REFUSED.
"""

from __future__ import annotations

from collections.abc import Callable

from ..lowering.operations import Operation
from . import (
    export_elementwise,
    export_images,
    export_joining,
    export_lanes,
    export_pointwise,
    export_recurrent,
    export_reductions,
    export_shaping,
    export_tokens,
    export_windows,
)
from .export_graph import Graph, Value
from .export_refusals import REFUSED, refuse

Function = Callable[[Graph, Operation, list[Value]], "Value | list[Value]"]
"""Adds an operation to a graph, from the tensors that it reads; returns those that it makes."""

_PARTS = (
    export_elementwise,
    export_images,
    export_joining,
    export_lanes,
    export_pointwise,
    export_recurrent,
    export_reductions,
    export_shaping,
    export_tokens,
    export_windows,
)
OPERATIONS: dict[str, Function] = {name: one for part in _PARTS for name, one in part.OPERATIONS.items()}
"""By the core's names."""


def write(g: Graph, op: Operation, inputs: list[Value]) -> list[Value]:
    """Adds an operation; ValueError that names its layers where ONNX has no form for it."""
    if op.name in REFUSED:
        refuse(op, REFUSED[op.name])
    g.scope = str(op.origins[0]) if op.origins else op.name
    made = OPERATIONS[op.name](g, op, inputs)
    return made if isinstance(made, list) else [made]
