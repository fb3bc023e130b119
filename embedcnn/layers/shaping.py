"""Flatten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph import Shape, SymbolicTensor
from .base import Layer, known_channels


class Flatten(Layer):
    """(B, T, C) to (B, T · C); masked steps become zeros. As keras.layers.Flatten.

    Raises ValueError where T is not known: give it in ``Input((T,))`` or ``input_length``.

    >>> import embedcnn
    >>> embedcnn.layers.Flatten()(embedcnn.Input((10, 4))).shape
    (None, 40)
    """

    def __init__(self, data_format: str | None = None, **options: Any) -> None:
        if data_format not in (None, "channels_last"):
            raise ValueError(f"`data_format` must be 'channels_last'. Received: data_format={data_format!r}")
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        shape = tensors[0].shape
        known_channels(self, shape)
        if None in shape[1:]:
            raise ValueError(
                f"Layer {self.name!r} (Flatten) must know the length of the texts. Received: shape={shape}; "
                "give it in Input((length,))"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        size = 1
        for part in input_shape[1:]:
            size *= part or 1
        return (input_shape[0], size)
