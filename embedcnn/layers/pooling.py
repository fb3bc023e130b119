"""Pooling over all of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph import Shape, SymbolicTensor
from .base import Layer, require_rank


class _GlobalPooling1D(Layer):
    """(B, T, C) to (B, C)."""

    def __init__(self, data_format: str | None = None, **options: Any) -> None:
        if data_format not in (None, "channels_last"):
            raise ValueError(f"`data_format` must be 'channels_last'. Received: data_format={data_format!r}")
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], input_shape[2])


class GlobalMaxPooling1D(_GlobalPooling1D):
    """The maximum over the (unmasked) time steps: (B, T, C) to (B, C). As keras.layers.GlobalMaxPooling1D.

    The first of equal maxima gets the gradient; a text without unmasked steps gives zeros.

    >>> import embedcnn
    >>> embedcnn.layers.GlobalMaxPooling1D()(embedcnn.Input((10, 4))).shape
    (None, 4)
    """


class GlobalAveragePooling1D(_GlobalPooling1D):
    """The mean over the (unmasked) time steps: (B, T, C) to (B, C). As keras.layers.GlobalAveragePooling1D.

    A text without unmasked steps gives zeros (Keras: NaN).

    >>> import embedcnn
    >>> embedcnn.layers.GlobalAveragePooling1D()(embedcnn.Input((None, 4))).shape
    (None, 4)
    """


GlobalMaxPool1D = GlobalMaxPooling1D
GlobalAvgPool1D = GlobalAveragePooling1D
