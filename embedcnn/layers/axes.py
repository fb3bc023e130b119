"""Axes that a layer works along, as Keras's `axis`: one or several, negative ones counted from the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.arguments import integer
from ..graph.nodes import Shape
from .base import Layer


def given_axes(axis: Any, several: bool = True) -> int | list[int]:
    """The argument `axis`, checked: an integer, or a list of them; ValueError for the batch's (0)."""
    many = isinstance(axis, (list, tuple, np.ndarray))
    if many and not (several and len(axis)):
        allowed = "an axis or a list of them" if several else "an axis"
        raise ValueError(f"`axis` must be {allowed}. Received: axis={axis!r}")
    found = [integer("axis", one) for one in (axis if many else [axis])]
    if 0 in found:
        raise ValueError(f"`axis` must not be that of the batch (0). Received: axis={axis!r}")
    return found if many else found[0]


def axes_of(layer: Layer, axis: int | Sequence[int], shape: Shape) -> list[int]:
    """The axes of a tensor of this shape, counted from the batch, in ascending order; ValueError for one that
    it has not, and for one that is given twice.
    """
    given = [axis] if isinstance(axis, int) else list(axis)
    found = sorted(one % len(shape) for one in given if -len(shape) < one < len(shape))
    if len(set(found)) != len(given):
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}): `axis` must be among 1 to {len(shape) - 1}, or "
            f"-1 to {1 - len(shape)}, for an input of shape {shape}. Received: axis={axis!r}"
        )
    return found


def sizes_of(layer: Layer, axis: int | Sequence[int], shape: Shape) -> tuple[int, ...]:
    """The sizes of the axes, the shape of a weight for each place; ValueError where one is not known."""
    sizes = [shape[one] for one in axes_of(layer, axis, shape)]
    known = tuple(size for size in sizes if size is not None)
    if len(known) < len(sizes):
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) must know the size of axis={axis!r}. "
            f"Received: shape={shape}; give it in Input(shape=...)"
        )
    return known


def core_axes(layer: Layer, axis: int | Sequence[int], shape: Shape) -> dict[str, Any]:
    """The attribute `axes` of an operation of the core; nothing for the last axis alone."""
    found = axes_of(layer, axis, shape)
    return {} if found == [len(shape) - 1] else {"axes": sum(1 << one for one in found)}
