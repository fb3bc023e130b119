"""Lowered operations as text for people: what `print(model.lowered())` shows.

One tensor a line, in the order of the program: number, operation, what it reads, shape and dtype of what it
makes (B: the batch, ?: a size that each batch decides), attributes, and behind # the layers it comes from;
its weights with their shapes stand on lines of their own.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .operations import Lowered

WIDTH = 100
"""Columns of a line of weights, attributes or layers before it goes on in the next one."""


def listing(lowered: Lowered) -> str:
    """The lines of a program, joined."""
    lines = []
    for number, (name, *_) in enumerate(lowered.inputs):
        lines.append(f"{_made(lowered, [number])} = input {name}")
    for op in lowered.operations:
        read = ", ".join(f"%{number}" for number in op.inputs)
        made = f"{_made(lowered, op.outputs)} = " if op.outputs else ""  # else it writes weights
        head = f"{made}{op.name}({read})"
        settings = [f"{name}={_short(value)}" for name, value in op.attributes.items()]
        weights = ", ".join(f"{one.path} {_shape(one.shape)}" for one in op.variables)
        layers = ", ".join(map(str, op.origins))
        lines += _wrapped(" ".join([head, *settings]))
        lines += _wrapped(weights, "    ") if weights else []
        lines += _wrapped(f"# {layers}", "    ") if layers else []
    lines.append(f"return {', '.join(f'%{number}' for number in lowered.outputs)}")
    return "\n".join(lines)


def _made(lowered: Lowered, numbers: Sequence[int]) -> str:
    """Tensors with what they hold: %1: float32 (B, ?, 8)."""
    described = []
    for number in numbers:
        tensor = lowered.tensors[number]
        described.append(f"%{number}: {tensor.dtype} {_shape(tensor.shape)}")
    return ", ".join(described)


def _shape(shape: Sequence[Any]) -> str:
    """A tensor's batch is None, the first size; one row in all has none."""
    unknown = ["B", *"?" * len(shape)]
    named = [unknown[place] if size is None else str(size) for place, size in enumerate(shape)]
    return f"({', '.join(named)})"


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
