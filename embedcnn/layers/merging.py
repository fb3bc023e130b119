"""Concatenate: several tensors into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph import Shape, SymbolicTensor
from .base import Layer, known_channels


class Concatenate(Layer):
    """Joins tensors along the last axis: (B, C1), (B, C2) to (B, C1 + C2). As keras.layers.Concatenate.

    Raises ValueError for fewer than two tensors, for shapes that differ elsewhere and for another axis than
    the last.

    >>> import embedcnn
    >>> embedcnn.layers.Concatenate()([embedcnn.Input((2,)), embedcnn.Input((3,))]).shape
    (None, 5)
    """

    inputs_many = True

    def __init__(self, axis: int = -1, **options: Any) -> None:
        if isinstance(axis, bool) or axis not in (-1, 1, 2):
            raise ValueError(f"`axis` must be the last one (-1). Received: axis={axis!r}")
        self.axis = axis
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        shapes = [tensor.shape for tensor in tensors]
        if len(shapes) < 2:
            raise ValueError(
                f"Layer {self.name!r} (Concatenate) joins at least 2 tensors. Received: {len(shapes)}"
            )
        if self.axis not in (-1, len(shapes[0]) - 1):
            raise ValueError(
                f"`axis` must be the last one ({len(shapes[0]) - 1}). Received: axis={self.axis} for {shapes}"
            )
        known = {shape[:-1] for shape in shapes if None not in shape[1:-1]}
        if len({len(shape) for shape in shapes}) > 1 or len(known) > 1:
            raise ValueError(
                f"Layer {self.name!r} (Concatenate) needs shapes that agree in all but the last axis. "
                f"Received: {shapes}"
            )
        for shape in shapes:
            known_channels(self, shape)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        return (*input_shape[0][:-1], sum(shape[-1] or 0 for shape in input_shape))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def concatenate(inputs: Sequence[SymbolicTensor], axis: int = -1, **options: Any) -> SymbolicTensor:
    """`Concatenate(axis)(inputs)`. As keras.layers.concatenate.

    >>> import embedcnn
    >>> concatenate([embedcnn.Input((2,)), embedcnn.Input((3,))]).shape
    (None, 5)
    """
    return Concatenate(axis=axis, **options)(inputs)
