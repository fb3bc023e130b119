"""Weights of recurrent layers in PyTorch's layout: (gates x units, C), two biases, gates in its own order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.arrays import numbers

if TYPE_CHECKING:
    from .recurrent_step import RecurrentCell


def read(cell: RecurrentCell, arrays: Sequence[Any]) -> list[np.ndarray]:
    """Our kernel, recurrent kernel and bias from weight_ih, weight_hh, bias_ih and bias_hh of PyTorch.

    Raises ValueError for another number of arrays, or other shapes.
    """
    _check(cell, len(arrays))
    columns = cell.gates * cell.units
    shapes = {"weight_ih": (columns, cell.kernel.shape[0]), "weight_hh": (columns, cell.units)}
    rows = []
    for (name, shape), value in zip(
        {**shapes, "bias_ih": (columns,), "bias_hh": (columns,)}.items(), arrays, strict=False
    ):
        array = _array(name, value)
        if array.shape != shape:
            raise ValueError(
                f"{cell.name!r} has {cell.units} units: `{name}` must have the shape {shape}. "
                f"Received: shape {array.shape}"
            )
        rows.append(array)
    order = _order(cell)
    ours = [array.T[:, order] for array in rows[:2]]
    if cell.use_bias:
        b_ih, b_hh = (bias[order] for bias in rows[2:])
        ours.append(b_ih + b_hh if cell.bias_shape == (columns,) else np.stack([b_ih, b_hh]))
    return ours


def written(cell: RecurrentCell) -> list[np.ndarray]:
    """weight_ih, weight_hh and, with a bias, bias_ih and bias_hh for PyTorch; where ours has one bias,
    bias_hh is zero.
    """
    _check(cell)
    back = np.argsort(_order(cell))
    arrays = [
        np.ascontiguousarray(weight.value[:, back].T) for weight in (cell.kernel, cell.recurrent_kernel)
    ]
    if cell.bias is None:
        return arrays
    bias = cell.bias.value[..., back]
    return arrays + (list(bias.copy()) if bias.ndim == 2 else [bias.copy(), np.zeros_like(bias)])


def count(cell: RecurrentCell) -> int:
    """How many arrays PyTorch has for a cell."""
    return 4 if cell.use_bias else 2


def _check(cell: RecurrentCell, arrays: int | None = None) -> None:
    if not cell.has_torch_form:
        raise ValueError(
            f"{cell.name!r} is a GRU with reset_after=False, a form that torch.nn.GRU does not have"
        )
    if not cell.built:
        raise ValueError(f"{cell.name!r} is not built yet, so it has no weights: call it on an input first")
    if arrays not in (None, count(cell)):
        names = "`weight_ih`, `weight_hh`" + (", `bias_ih` and `bias_hh`" if cell.use_bias else "")
        hint = "has a bias: give" if cell.use_bias else "has no bias: give only"
        several = "; PyTorch has as many for each layer and direction" if (arrays or 0) > count(cell) else ""
        raise ValueError(f"{cell.name!r} {hint} {names}. Received: {arrays} arrays{several}")


def _order(cell: RecurrentCell) -> np.ndarray:
    """Where each of our columns stands in PyTorch's order of gates: its GRU has r z n, ours z r h."""
    columns = np.arange(cell.gates * cell.units).reshape(cell.gates, cell.units)
    return (columns[[1, 0, 2]] if cell.operation == "gru" else columns).ravel()


def _array(name: str, weight: Any) -> np.ndarray:
    return np.asarray(numbers(name, weight), np.float32)
