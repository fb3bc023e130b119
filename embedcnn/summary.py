"""The table that Model.summary prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models import Model


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


def lines(model: Model, line_length: int | None = None) -> list[str]:
    """The lines of the summary."""
    makers = {id(node.outputs[0]): node.layer.name for node in model.nodes}
    rows = [("Layer (type)", "Output shape", "Param #", "Trainable", "Connected to")]
    for layer in model.layers:
        calls = [node for node in model.nodes if node.layer is layer]
        before = dict.fromkeys(makers[id(tensor)] for node in calls for tensor in node.inputs)
        trainable = "" if not layer.weights else "yes" if layer.trainable else "no"
        rows.append(
            (
                f"{layer.name} ({type(layer).__name__})",
                str(calls[0].outputs[0].shape) if calls else "?",
                f"{sum(variable.size for variable in layer.weights):,}",
                trainable,
                ", ".join(before),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    if line_length is not None:
        widths[4] = max(12, min(widths[4], line_length - sum(widths[:4]) - 8))
    rule = "-" * (sum(widths) + 8)
    table = [
        "  ".join(cell[:width].ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    total = model.count_params()
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
