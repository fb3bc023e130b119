"""Values of a graph of ONNX that are neither arrays nor Views: constants whose size is not known yet, and the
states of recurrent layers, one for each direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ops.rearranging import stack as stacked
from .import_layout import View, laid_out, plain
from .import_sizes import AnySize, Size, listed


@dataclass(frozen=True)
class Filled:
    """A constant repeated to a shape of which a size is not known: zeros (2, batch, H)."""

    array: np.ndarray
    """Can be broadcast to the shape, and has as many axes."""
    shape: tuple[AnySize, ...]

    @property
    def is_zero(self) -> bool:
        """Whether all its values are 0."""
        return not self.array.any()


def filled(array: np.ndarray, shape: Sequence[AnySize]) -> Filled | np.ndarray:
    """An array repeated to a shape; at once where all sizes are known."""
    if array.size and (array == array.flat[0]).all():
        array = array.reshape(-1)[:1].reshape((1,) * len(shape))
    array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    own: list[AnySize] = list(array.shape)
    if any(one not in (1, size) for one, size in zip(own, shape, strict=True)):
        raise ValueError(f"a constant of shape {array.shape} cannot be repeated to {tuple(shape)}")
    if any(isinstance(size, Size) for size in shape):
        return Filled(array, tuple(shape))
    return np.broadcast_to(array, tuple(shape))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Stack:
    """Tensors (B, H) above each other along a first axis, as the states of several layers and directions.

    `whole`: their concatenation (B, n H), where a layer made that.
    """

    parts: tuple[View, ...]
    whole: View | None = None

    @property
    def shape(self) -> list[AnySize]:
        """The sizes as ONNX has them."""
        return [len(self.parts), *self.parts[0].shape]

    def view(self) -> View:
        """As one tensor."""
        if self.whole is not None:
            batch, units = self.parts[0].shape
            return View(self.whole.tensor, (batch, len(self.parts), units), ((1,), (0,), (2,)))
        tensors = [laid_out(one, range(len(one.axes))) for one in self.parts]
        if len(tensors) == 1:
            one = self.parts[0]
            return View(one.tensor, one.dims, ((), *one.axes))
        batch, *rest = self.parts[0].shape
        order = [1, 0, *range(2, len(rest) + 2)]
        return plain(stacked(tensors, axis=1), [batch, len(tensors), *rest], order)


# -- what nodes ask of values -------------------------------------------------------------------------------
def one_of_rank(axis: Any, rank: int) -> int:
    """An axis counted from the first; ValueError for one that is not there."""
    if not -rank <= int(axis) < rank:
        raise ValueError(f"axis {int(axis)} is not among the {rank} axes")
    return int(axis) % rank


def axes_of(node: Any, given: Any, rank: int) -> list[int] | None:
    """The axes of a node, an input of newer graphs and an attribute of older ones; None: not given."""
    found = given if given is not None else node.get("axes")
    if found is None:
        return None
    return sorted(one_of_rank(axis, rank) for axis in np.ravel(np.asarray(found)))


def rank_of(value: Any) -> int:
    """How many axes a value has."""
    return value.ndim if isinstance(value, np.ndarray) else len(value.shape)


def sizes_of(value: Any) -> list[Any]:
    """The shape of a value, whatever it is."""
    return listed(np.array(value.shape)) if isinstance(value, np.ndarray) else list(value.shape)


def sizes_in(value: Any, what: str) -> list[Any]:
    """Sizes that must be known while the graph is read."""
    if not isinstance(value, np.ndarray):
        raise ValueError(f"{what} must follow from constants and shapes, not from values of the inputs")
    return listed(value)


def constant(value: Any, what: str) -> np.ndarray:
    """A weight as float32; ValueError for what depends on the inputs."""
    if not isinstance(value, np.ndarray) or value.dtype == object:
        raise ValueError(f"{what} must be a constant of the graph")
    return np.ascontiguousarray(value, np.float32)
