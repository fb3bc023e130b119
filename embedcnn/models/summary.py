"""The table that Model.summary prints."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph.nesting import held_in, is_model

if TYPE_CHECKING:
    from ..graph.nodes import SymbolicTensor
    from .layer_graph import LayerGraph


def size_text(numbers: float, bytes_each: int = 4) -> str:
    """The memory of so many numbers of float32, or of so many bytes each.

    >>> size_text(97), size_text(300000), size_text(97, 1)
    ('388.00 B', '1.14 MB', '97.00 B')
    """
    size = float(bytes_each) * numbers
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GB"


Row = tuple[str, str, str, str, str]


def _shapes(tensors: list[SymbolicTensor]) -> str:
    return ", ".join(str(tensor.shape) for tensor in tensors)


def _class_of(layer: Any) -> str:
    """The class of a layer, and in what it keeps its table where that is not float32."""
    stored = dict.fromkeys(one.dtype for one in layer.weights if one.dtype != "float32")
    return ", ".join([getattr(layer, "class_shown", type(layer).__name__), *stored])


def _rows(model: Any, expand: bool, indent: str = "") -> list[Row]:
    """A row for each layer; with `expand`, those of a model inside stand behind its own, indented."""
    makers = {id(tensor): unit.layer.name for unit in model.call_units for tensor in unit.outputs}
    rows: list[Row] = []
    for layer in model.layers:
        calls = [unit for unit in model.call_units if unit.layer is layer]
        before = dict.fromkeys(makers[id(tensor)] for unit in calls for tensor in unit.inputs)
        trainable = "" if not layer.weights else "yes" if layer.trainable else "no"
        if layer.trainable and layer.weights and all(one.dtype == "int8" for one in layer.weights):
            trainable = "no"  # tables of int8 do not learn
        masks = [one.row_learns for one in layer.weights if one.trainable and one.row_learns is not None]
        if masks:
            trainable = f"{sum(map(np.count_nonzero, masks)):,} of {sum(map(len, masks)):,} rows"
        rows.append(
            (
                f"{indent}{layer.name} ({_class_of(layer)})",
                _shapes(calls[0].outputs) if calls else "?",
                f"{sum(variable.size for variable in layer.weights):,}" if calls or layer.built else "?",
                trainable,
                ", ".join(before),
            )
        )
        if expand and is_model(held_in(layer)):
            rows += _rows(held_in(layer), expand, indent + "  ")
    return rows


GAP = 2  # columns between two cells
NARROWEST = (16, 12, 7, 9, 12)


def fitted_widths(widths: list[int], columns: int | None) -> list[int]:
    """Widths of the cells so that a line has at most so many columns: "Connected to" is narrowed first, then
    layer and shape; where this does not do, "Connected to" (0) goes.

    >>> fitted_widths([30, 20, 7, 9, 40], 80)
    [30, 14, 7, 9, 12]
    >>> fitted_widths([30, 20, 7, 9, 40], 60)
    [26, 12, 7, 9, 0]
    """
    if columns is None:
        return widths
    for last in (NARROWEST[4], 0):
        fitted = [*widths[:4], 0 if not last else widths[4]]
        over = sum(fitted) + GAP * (4 if last else 3) - columns
        for column in (4, 1, 0) if last else (1, 0):
            taken = min(max(0, over), max(0, fitted[column] - NARROWEST[column]))
            fitted[column] -= taken
            over -= taken
        if over <= 0:
            break
    return fitted


def cut(cell: str, width: int) -> str:
    """A cell, its end left out where it is longer than `width`."""
    return cell if len(cell) <= width else f"{cell[: width - 1]}…"


def terminal_columns() -> int | None:
    """The columns of the terminal behind standard output; None where it is none."""
    try:
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    except (AttributeError, ValueError):  # no standard output, or a closed one
        return None


def lines(model: LayerGraph, line_length: int | None = None, expand_nested: bool = False) -> list[str]:
    """The lines of the summary."""
    rows = [("Layer (type)", "Output shape", "Param #", "Trainable", "Connected to")]
    rows += _rows(model, expand_nested)
    widths = fitted_widths([max(len(row[column]) for row in rows) for column in range(5)], line_length)
    rows = [tuple(cell for cell, width in zip(row, widths, strict=True) if width) for row in rows]  # type: ignore[misc]
    widths = [width for width in widths if width]
    rule = "-" * (sum(widths) + GAP * (len(widths) - 1))
    table = [
        (" " * GAP)
        .join(cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True))
        .rstrip()
        for row in rows
    ]
    if not model.built:
        table.append("(not built yet: call fit, build or predict, or begin with Input(shape=...))")
    total = sum(variable.size for variable in model.weights)
    trained = sum(variable.learning_size for variable in model.trainable_weights)
    size = sum(variable.nbytes for variable in model.weights)
    learning = sum(one.nbytes * one.learning_size // one.size for one in model.trainable_weights)
    return [
        f'Model: "{model.name}"',
        rule,
        table[0],
        rule,
        *table[1:],
        rule,
        f"Total params: {total:,} ({size_text(size, 1)})",
        f"Trainable params: {trained:,} ({size_text(learning, 1)})",
        f"Non-trainable params: {total - trained:,} ({size_text(size - learning, 1)})",
    ]
