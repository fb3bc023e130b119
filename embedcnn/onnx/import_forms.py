"""Views that meet value by value, with broadcasting: the layout that they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.nodes import SymbolicTensor
from ..ops.rearranging import transpose
from .import_layout import View, factored, folding, regrouped, reshaped_to
from .import_sizes import AnySize, divided, product


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
    fine = regrouped(view, targets, None)
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
