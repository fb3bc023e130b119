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

import numpy as np

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
        return _regrouped(view, target, batch)
    except _MisalignedError:
        order = range(len(view.axes))
        whole = laid_out(view, order)
        rest = product(view.shape[1:])
        if len(view.axes) < 2 or not isinstance(rest, int):
            raise ValueError(f"{described(view)} cannot become {tuple(target)}") from None
        flat = reshaped_to(whole, [view.dims[0], rest])
        try:
            return _regrouped(plain(flat, [view.dims[0], rest]), target, batch)
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


def _regrouped(view: View, target: Sequence[AnySize], batch: int | None) -> View:
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


# -- several side by side ------------------------------------------------------------------------------------
class Form:
    """The common layout of operands that meet value by value, with broadcasting: `dims` in memory, and those
    of each axis.
    """

    def __init__(self, rank: int) -> None:
        self.dims: list[AnySize] = []
        self.axes: list[list[int]] = [[] for _ in range(rank)]

    def join(self, groups: Sequence[Sequence[AnySize]], order: Sequence[tuple[int, int]]) -> None:
        """Adds an operand: the sizes of each axis, and (axis, number) of each size in memory order."""
        for axis, place in order:
            if not self.axes[axis] and groups[axis]:
                self.axes[axis] = [-1] * len(groups[axis])
            if groups[axis] and self.axes[axis][place : place + 1] == [-1]:
                self.axes[axis][place] = len(self.dims)
                self.dims.append(groups[axis][place])
        for axis, sizes in enumerate(groups):
            if sizes:
                self._refine(axis, list(sizes))

    def _refine(self, axis: int, sizes: list[AnySize]) -> None:
        mine, found = list(self.axes[axis]), []
        while mine and sizes:
            dim, size = mine[0], sizes[0]
            own = self.dims[dim]
            if own == size:
                found.append(dim)
                mine.pop(0), sizes.pop(0)
            elif (more := divided(size, own)) is not None:
                found.append(dim)
                mine.pop(0)
                sizes[0] = more
            elif (more := divided(own, size)) is not None:
                self._cut(dim, size, more)
                mine = [dim, dim + 1, *(one + (one > dim) for one in mine[1:])]
                found = [one + (one > dim) for one in found]
            else:
                break
        if mine or sizes:
            own = product([self.dims[dim] for dim in self.axes[axis]])
            raise ValueError(
                f"axis {axis}: the sizes {own} and {product(sizes)} cannot be broadcast together"
            )
        self.axes[axis] = found

    def _cut(self, dim: int, before: AnySize, behind: AnySize) -> None:
        self.dims[dim : dim + 1] = [before, behind]
        self.axes = [[one + (one > dim) for one in axis] for axis in self.axes]

    def with_tensor(self, tensor: SymbolicTensor) -> View:
        """The view of a result in this form."""
        return View(tensor, tuple(self.dims), tuple(map(tuple, self.axes)))


def together(operands: Sequence[Any]) -> tuple[list[Any], Form]:
    """Views and arrays as tensors and arrays that can be broadcast with each other, and their form."""
    rank = max(len(one.axes) if isinstance(one, View) else one.ndim for one in operands)
    form = Form(rank)
    views = [_of_rank(one, rank) for one in operands if isinstance(one, View)]
    for view in views:
        groups, order = grouped(view)
        form.join(groups, order)
    for one in operands:
        if not isinstance(one, View):
            sizes = [[size] if size != 1 else [] for size in (1,) * (rank - one.ndim) + one.shape]
            form.join(sizes, [(axis, 0) for axis, part in enumerate(sizes) if part])
    first = views[0]
    as_is = form.dims == list(first.dims) and list(map(tuple, form.axes)) == list(first.axes)
    for view in views[1:]:
        as_is &= (view.dims, view.axes, view.tensor.shape) == (first.dims, first.axes, first.tensor.shape)
    folds = folding(first) if as_is else None
    made: list[Any] = []
    for one in operands:
        if isinstance(one, View):
            view = _of_rank(one, rank)
            made.append(view.tensor if folds is not None else conformed(view, form))
        else:
            made.append(_array_in(one, form, folds))
    return made, form


def _of_rank(view: View, rank: int) -> View:
    return View(view.tensor, view.dims, ((),) * (rank - len(view.axes)) + view.axes)


def grouped(view: View) -> tuple[list[list[AnySize]], list[tuple[int, int]]]:
    """The sizes of each axis without ones, and where each stands, in memory order."""
    kept = [[dim for dim in axis if view.dims[dim] != 1] for axis in view.axes]
    places = sorted(
        ((dim, (axis, place)) for axis, part in enumerate(kept) for place, dim in enumerate(part)),
    )
    return [[view.dims[dim] for dim in part] for part in kept], [place for _, place in places]


def conformed(view: View, form: Form) -> SymbolicTensor:
    """The tensor with an axis for each dim of a form, of size 1 where it has none."""
    targets = [
        form.dims[dim]
        for axis, own in zip(form.axes, view.shape, strict=True)
        for dim in (axis if own != 1 else ())
    ]
    fine = _regrouped(view, targets, None)
    dims_of_form = [dim for axis, own in zip(form.axes, view.shape, strict=True) if own != 1 for dim in axis]
    by_dim = {axis[0]: place for axis, place in zip(fine.axes, dims_of_form, strict=True) if axis}
    order = sorted(by_dim, key=lambda dim: by_dim[dim])
    sizes = [form.dims[dim] if dim in by_dim.values() else 1 for dim in range(len(form.dims))]
    if order == sorted(order):
        return reshaped_to(fine.tensor, sizes)
    order += [dim for dim in range(len(fine.dims)) if dim not in order]
    return reshaped_to(transpose(factored(fine), order), sizes)


def _array_in(array: np.ndarray, form: Form, folds: list[list[int]] | None) -> Any:
    """An array in the memory order of a form, folded as a tensor is."""
    if array.size == 1:
        return array.reshape(())[()]
    rank = len(form.axes)
    shape = (1,) * (rank - array.ndim) + array.shape
    sizes: dict[int, int] = dict.fromkeys(range(len(form.dims)), 1)
    fine: list[int] = []
    dims: list[int] = []
    for axis, size in enumerate(shape):
        for dim in form.axes[axis]:
            own = form.dims[dim]
            sizes[dim] = own if size != 1 and isinstance(own, int) else 1
            fine.append(sizes[dim])
            dims.append(dim)
    laid = array.reshape(fine).transpose(np.argsort(dims))
    if folds is not None:
        full = [
            dim
            for part in folds
            for dim in part
            if len(part) > 1 and sizes[dim] == 1 and any(sizes[one] != 1 for one in part)
        ]
        wanted: list[Any] = [form.dims[dim] if dim in full else size for dim, size in enumerate(laid.shape)]
        laid = np.broadcast_to(laid, wanted)
        laid = laid.reshape([int(np.prod([laid.shape[dim] for dim in part])) for part in folds])
    while laid.ndim > 1 and laid.shape[0] == 1:
        laid = laid[0]
    return laid
