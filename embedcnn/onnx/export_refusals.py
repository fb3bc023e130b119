"""What no graph can hold, said by the name of the layer that it comes from."""

from __future__ import annotations

from typing import NoReturn

from ..lowering.operations import Operation

REFUSED = {
    "external": "is written in Python",
    "affine_images": "sees images through maps",
    "random_window": "draws random numbers in inference too (it was called with training=True)",
    "normalized_weights": "writes weights (plain programs have the normalisation itself)",
    "dense_cross_entropy": "is a loss that gives each row's own, which needs labels",
}
"""Operations that have no form in ONNX, and why."""


def refuse(op: Operation, why: str) -> NoReturn:
    """Raises ValueError: the layers of an operation, and why it cannot be exported."""
    layers = ", ".join(map(str, op.origins)) or "the program"
    raise ValueError(f"{layers}: the operation {op.name!r} {why}, so it has no form in ONNX")
