"""Pooling over windows of time, and over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import one_of, require_channels_last, single_integer
from ..base.checked import checked
from ..graph.nodes import Shape, SymbolicTensor
from .base import Layer, require_rank


class _GlobalPooling1D(Layer):
    """(B, T, C) to (B, C), or with `keepdims` (B, 1, C)."""

    not_stored = ("data_format",)  # always channels_last

    @checked
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **options: Any) -> None:
        require_channels_last(data_format)
        self.keepdims = keepdims
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *([1] if self.keepdims else []), input_shape[2])


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


class GlobalSumPooling1D(_GlobalPooling1D):
    """The sum over the (unmasked) time steps: (B, T, C) to (B, C). As keras.layers.Lambda(keras.ops.sum over
    time); a text without unmasked steps gives zeros.

    >>> import embedcnn
    >>> embedcnn.layers.GlobalSumPooling1D()(embedcnn.Input((None, 4))).shape
    (None, 4)
    """


class _Pooling1D(Layer):
    """(B, T, C) to (B, T', C)."""

    not_stored = ("data_format",)  # always channels_last

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        self.pool_size = single_integer("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else single_integer("strides", strides)
        self.padding = one_of("padding", padding, ("valid", "same"))
        require_channels_last(data_format)
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        time = input_shape[1]
        if time is not None:
            # A masked text that is shorter than the window still has one; the core decides per batch.
            span = self.pool_size if self.padding == "valid" else 1
            time = max(1, -(-(time - span + 1) // self.strides))
        return (input_shape[0], time, input_shape[2])


class MaxPooling1D(_Pooling1D):
    """The maximum over windows of (unmasked) time steps: (B, T, C) to (B, T', C).

    As keras.layers.MaxPooling1D. The first of equal maxima gets the gradient; a window without unmasked steps
    is masked. Raises ValueError for sizes below 1, and, without a mask, for texts shorter than the window.

    >>> import embedcnn
    >>> embedcnn.layers.MaxPooling1D(2)(embedcnn.Input((10, 4))).shape
    (None, 5, 4)
    """


class AveragePooling1D(_Pooling1D):
    """The mean over windows of (unmasked) time steps: (B, T, C) to (B, T', C).

    As keras.layers.AveragePooling1D. Places that padding="same" adds do not count. Raises ValueError as
    MaxPooling1D.

    >>> import embedcnn
    >>> embedcnn.layers.AveragePooling1D(3, strides=1, padding="same")(embedcnn.Input((10, 4))).shape
    (None, 10, 4)
    """


MaxPool1D = MaxPooling1D
AvgPool1D = AveragePooling1D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalAvgPool1D = GlobalAveragePooling1D
