"""Layouts: how a tensor of our graph stands for one of ONNX, whose axes may be in another order.

ONNX has channels before steps, and PyTorch's exporters put steps before the batch for recurrent layers; here
the batch is first and channels last. A View keeps the tensor as it is and says where each axis of ONNX lies
in it, so that Transpose, Reshape, Squeeze and Unsqueeze cost nothing: only an operation that needs another
order moves values. Sizes in memory may be finer than the tensor's: (B, T, 2, H) of a tensor (B, T, 2 H).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..graph.nodes import SymbolicTensor
from ..ops.rearranging import expand_dims, repeat, reshape, transpose
from .import_sizes import AnySize, Size, divided, product


@dataclass(frozen=True)
class View:
    """`tensor`, whose memory has the sizes `dims` (the first is the batch), and for each axis of ONNX the
    numbers of the dims that it runs over, slowest first: none for an axis of size 1.
    """

    tensor: SymbolicTensor
    dims: tuple[AnySize, ...]
    axes: tuple[tuple[int, ...], ...]

    @property
    def shape(self) -> list[AnySize]:
        """The sizes as ONNX has them."""
        return [product([self.dims[dim] for dim in axis]) for axis in self.axes]

    @property
    def dtype(self) -> str:
        """float32, int32 or bool."""
        return str(self.tensor.dtype)

    def with_tensor(self, tensor: SymbolicTensor) -> View:
        """Another tensor in the same layout: what came of it value by value."""
        return View(tensor, self.dims, self.axes)

    def moved(self, order: Sequence[int]) -> View:
        """The axes in another order."""
        return View(self.tensor, self.dims, tuple(self.axes[axis] for axis in order))


def plain(tensor: SymbolicTensor, sizes: Sequence[AnySize], order: Sequence[int] | None = None) -> View:
    """The view of a tensor with these sizes in memory; `order`: which axis of ONNX each is."""
    if order is None:
        return View(tensor, tuple(sizes), tuple((dim,) for dim in range(len(sizes))))
    return View(tensor, tuple(sizes), tuple((list(order).index(axis),) for axis in range(len(sizes))))


def folding(view: View) -> list[list[int]] | None:
    """For each axis of the tensor the dims that lie in it; None where that cannot be told."""
    if tuple(view.tensor.shape) == tuple(None if isinstance(dim, Size) else dim for dim in view.dims):
        return [[dim] for dim in range(len(view.dims))]
    found: list[list[int]] = []
    dims = list(range(len(view.dims)))
    for size in view.tensor.shape:
        part = []
        if size is None:
            if not dims or not isinstance(view.dims[dims[0]], Size):
                return None
            part.append(dims.pop(0))
        else:
            while product([view.dims[dim] for dim in part]) != size:
                if not dims or not isinstance(view.dims[dims[0]], int):
                    return None
                part.append(dims.pop(0))
        found.append(part)
    if any(view.dims[dim] != 1 for dim in dims):
        return None
    if found:
        found[-1] += dims
    return found


def reshaped_to(tensor: SymbolicTensor, sizes: Sequence[AnySize]) -> SymbolicTensor:
    """The tensor with an axis for each size; itself where it has them."""
    wanted = tuple(None if isinstance(size, Size) else size for size in sizes)
    if tuple(tensor.shape) == wanted:
        return tensor
    source = tensor.node
    operation = getattr(source.layer, "operation", None)
    if operation == "reshape" and tuple(source.inputs[0].shape) == wanted:
        return source.inputs[0]  # back to what it was before
    made: SymbolicTensor = reshape(tensor, [-1 if size is None else size for size in wanted])
    return made


def factored(view: View) -> SymbolicTensor:
    """The tensor with an axis for each dim."""
    return reshaped_to(view.tensor, view.dims)


def laid_out(view: View, order: Sequence[int]) -> SymbolicTensor:
    """A tensor with an axis for each axis of ONNX, these in memory in this order, the batch first.

    ValueError where the first is not the batch alone.
    """
    if not order or view.axes[order[0]] != (0,):
        raise ValueError(f"the batch must be its axis {order[0] if order else 0}: {described(view)}")
    wanted = [dim for axis in order for dim in view.axes[axis]]
    sizes = [product([view.dims[dim] for dim in view.axes[axis]]) for axis in order]
    if wanted == sorted(wanted):
        return reshaped_to(view.tensor, sizes)
    wanted += [dim for dim in range(len(view.dims)) if dim not in wanted]  # of size 1
    return reshaped_to(transpose(factored(view), wanted), sizes)


def of_examples(view: View, order: Sequence[int]) -> tuple[SymbolicTensor, bool]:
    """A tensor with an axis for each of these of ONNX, the examples first, for a layer that reads examples;
    and whether an example is one of the batch. Where it is not (the sentences of documents, in one axis with
    these), the tensor has an axis more, the second: a layer looks at each step of that.
    """
    group = view.axes[order[0]] if order else ()
    if 0 not in group or len(group) == 1:
        return laid_out(view, order), True
    within = tuple(dim for dim in group if dim)
    apart = View(view.tensor, view.dims, ((0,), within, *(view.axes[axis] for axis in order[1:])))
    return laid_out(apart, range(len(apart.axes))), False


def like_examples(
    made: SymbolicTensor, view: View, axis: int, order: Sequence[int], sizes: Sequence[AnySize]
) -> View:
    """The view of what a layer made of the examples of another, which are its axis `axis`: `order` says which
    axis of ONNX each is, the examples first, `sizes` how large the others are.
    """
    group = view.axes[axis]
    within = [dim for dim in group if dim]
    dims = [view.dims[0], *(view.dims[dim] for dim in within), *sizes]
    axes: list[tuple[int, ...]] = [()] * len(order)
    axes[order[0]] = tuple(within.index(dim) + 1 if dim else 0 for dim in group)
    for place, other in enumerate(order[1:], len(within) + 1):
        axes[other] = (place,)
    return View(made, tuple(dims), tuple(axes))


def with_last(view: View, axis: int) -> tuple[SymbolicTensor, Callable[[SymbolicTensor, AnySize], View]]:
    """A tensor with this axis of ONNX as its last, and what makes a view of a result that has it in another
    size.
    """
    own = view.axes[axis]
    others = [dim for dim, size in enumerate(view.dims) if dim not in own and (size != 1 or not dim)]
    fine = View(view.tensor, view.dims, (*((dim,) for dim in others), own))
    tensor = laid_out(fine, range(len(others) + 1))

    def again(made: SymbolicTensor, size: AnySize) -> View:
        groups = [tuple(others.index(dim) for dim in group if dim in others) for group in view.axes]
        groups[axis] = (len(others),)
        return View(made, (*(view.dims[dim] for dim in others), size), tuple(groups))

    return tensor, again


def memory_order(view: View, but: Sequence[int] = ()) -> list[int]:
    """The axes of ONNX as they lie in memory, those without a dim last; `but` left out."""
    kept = [axis for axis in range(len(view.axes)) if axis not in but]
    return sorted(kept, key=lambda axis: view.axes[axis][0] if view.axes[axis] else len(view.dims))


def described(view: View) -> str:
    """The shape for messages."""
    return f"shape ({', '.join(map(str, view.shape))})"


# -- other shapes --------------------------------------------------------------------------------------------
def reshaped(view: View, target: Sequence[AnySize], batch: int | None) -> View:
    """The view in another shape; -1: what is left. `batch`: the size of the batch that the graph was made
    with, which stands for any. ValueError where the sizes do not fit.
    """
    try:
        return regrouped(view, target, batch)
    except _MisalignedError:
        order = range(len(view.axes))
        whole = laid_out(view, order)
        rest = product(view.shape[1:])
        if len(view.axes) < 2 or not isinstance(rest, int):
            raise ValueError(f"{described(view)} cannot become {tuple(target)}") from None
        flat = reshaped_to(whole, [view.dims[0], rest])
        try:
            return regrouped(plain(flat, [view.dims[0], rest]), target, batch)
        except _MisalignedError:
            raise ValueError(f"{described(view)} cannot become {tuple(target)}") from None


class _MisalignedError(Exception):
    """Sizes whose bounds are not those of the dims."""


class _Pieces:
    """The dims of a view while they are cut into finer ones."""

    def __init__(self, view: View) -> None:
        self.sizes: dict[int, AnySize] = dict(enumerate(view.dims))
        self.memory = list(range(len(view.dims)))

    def cut(self, piece: int, before: AnySize, behind: AnySize) -> tuple[int, int]:
        """A dim as two."""
        place, fresh = self.memory.index(piece), max(self.sizes) + 1
        self.memory[place : place + 1] = [fresh, fresh + 1]
        self.sizes |= {fresh: before, fresh + 1: behind}
        return fresh, fresh + 1

    def made(self, tensor: SymbolicTensor, groups: Sequence[Sequence[int]]) -> View:
        """The view with these pieces in each axis."""
        dims = tuple(self.sizes[piece] for piece in self.memory)
        return View(tensor, dims, tuple(tuple(self.memory.index(piece) for piece in one) for one in groups))


def regrouped(view: View, target: Sequence[AnySize], batch: int | None) -> View:
    """The view in another shape, without moving values; _MisalignedError where that cannot be."""
    pieces = _Pieces(view)
    waiting = [dim for axis in view.axes for dim in axis if view.dims[dim] != 1]
    target = list(target)
    open_at = target.index(-1) if -1 in target else None
    front = target if open_at is None else target[:open_at]
    groups = [_taken(pieces, waiting, size, batch, False) for size in front]
    if open_at is not None:
        back = [_taken(pieces, waiting, size, batch, True) for size in reversed(target[open_at + 1 :])]
        groups += [waiting, *reversed(back)]
    elif waiting:
        raise _MisalignedError
    return pieces.made(view.tensor, groups)


def _taken(pieces: _Pieces, waiting: list[int], size: AnySize, batch: int | None, last: bool) -> list[int]:
    """Takes the pieces that make up a size from the front, or from the end, of those that are waiting."""
    found: list[int] = []
    end = -1 if last else 0
    while size != 1 or (batch == 1 and waiting and waiting[end] == 0 and not found):
        if not waiting:
            raise _MisalignedError
        piece = waiting[end]
        own = pieces.sizes[piece]
        if piece == 0 and batch is not None and isinstance(size, int) and not size % batch:
            rest: Any = size // batch
        else:
            rest = divided(size, own)
        if rest is not None:
            size = rest
            found.insert(0 if last else len(found), waiting.pop(end))
            continue
        more = divided(own, size)
        if more is None or piece == 0:
            raise _MisalignedError
        cut = pieces.cut(piece, *((more, size) if last else (size, more)))
        waiting[end] = cut[0] if last else cut[1]
        found.insert(0 if last else len(found), cut[1] if last else cut[0])
        size = 1
    return found


def repeated(x: View, axis: int, times: int) -> View:
    """An axis of size 1 as one of another size: a new dim, the last in memory."""
    tensor = repeat(expand_dims(factored(x), -1), times, axis=-1)
    axes = list(x.axes)
    axes[axis] = (len(x.dims),)
    return View(tensor, (*x.dims, times), tuple(axes))
