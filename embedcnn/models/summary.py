"""The table that Model.summary prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..graph.nesting import held_in, is_model

if TYPE_CHECKING:
    from ..graph.nodes import SymbolicTensor
    from .layer_graph import LayerGraph


def size_text(numbers: int) -> str:
    """The memory of so many float32 numbers.

    >>> size_text(97), size_text(300000)
    ('388.00 B', '1.14 MB')
    """
    size = 4.0 * numbers
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GB"


Row = tuple[str, str, str, str, str]


def _shapes(tensors: list[SymbolicTensor]) -> str:
    return ", ".join(str(tensor.shape) for tensor in tensors)


def _rows(model: Any, expand: bool, indent: str = "") -> list[Row]:
    """A row for each layer; with `expand`, those of a model inside stand behind its own, indented."""
    makers = {id(tensor): unit.layer.name for unit in model.call_units for tensor in unit.outputs}
    rows: list[Row] = []
    for layer in model.layers:
        calls = [unit for unit in model.call_units if unit.layer is layer]
        before = dict.fromkeys(makers[id(tensor)] for unit in calls for tensor in unit.inputs)
        trainable = "" if not layer.weights else "yes" if layer.trainable else "no"
        rows.append(
            (
                f"{indent}{layer.name} ({type(layer).__name__})",
                _shapes(calls[0].outputs) if calls else "?",
                f"{sum(variable.size for variable in layer.weights):,}" if calls or layer.built else "?",
                trainable,
                ", ".join(before),
            )
        )
        if expand and is_model(held_in(layer)):
            rows += _rows(held_in(layer), expand, indent + "  ")
    return rows


def lines(model: LayerGraph, line_length: int | None = None, expand_nested: bool = False) -> list[str]:
    """The lines of the summary."""
    rows = [("Layer (type)", "Output shape", "Param #", "Trainable", "Connected to")]
    rows += _rows(model, expand_nested)
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    if line_length is not None:
        widths[4] = max(12, min(widths[4], line_length - sum(widths[:4]) - 8))
    rule = "-" * (sum(widths) + 8)
    table = [
        "  ".join(cell[:width].ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if not model.built:
        table.append("(not built yet: call fit, build or predict, or begin with Input(shape=...))")
    total = sum(variable.size for variable in model.weights)
    trained = sum(variable.size for variable in model.trainable_weights)
    return [
        f'Model: "{model.name}"',
        rule,
        table[0],
        rule,
        *table[1:],
        rule,
        f"Total params: {total:,} ({size_text(total)})",
        f"Trainable params: {trained:,} ({size_text(trained)})",
        f"Non-trainable params: {total - trained:,} ({size_text(total - trained)})",
    ]
