"""Pooling over windows of images, and over whole images: (B, H, W, C), channels last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import integer_pair, one_of, require_channels_last
from ..base.checked import checked
from ..graph.nodes import Shape, SymbolicTensor
from .base import Layer
from .image_windows import require_image, windows_over


class _Pooling2D(Layer):
    """(B, H, W, C) to (B, H', W', C)."""

    not_stored = ("data_format",)  # always channels_last
    reads_images = True

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        self.pool_size = integer_pair("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else integer_pair("strides", strides)
        self.padding = one_of("padding", padding, ("valid", "same"))
        require_channels_last(data_format)
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_image(self, tensors[0])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        pixels = windows_over(self, input_shape, self.pool_size, self.strides, self.padding)
        return (input_shape[0], *pixels, input_shape[3])


class MaxPooling2D(_Pooling2D):
    """The maximum over windows of images: (B, H, W, C) to (B, H', W', C). As keras.layers.MaxPooling2D.

    `strides` None means `pool_size`. The first of equal maxima gets the gradient, NaN wins over numbers.
    Raises ValueError for sizes below 1, other paddings than "valid" and "same", and images that are smaller
    than a window.

    >>> import embedcnn
    >>> embedcnn.layers.MaxPooling2D((2, 2))(embedcnn.Input((28, 28, 3))).shape
    (None, 14, 14, 3)
    """


class AveragePooling2D(_Pooling2D):
    """The mean over windows of images: (B, H, W, C) to (B, H', W', C). As keras.layers.AveragePooling2D.

    Places that padding="same" adds do not count, as in TensorFlow. Raises ValueError as MaxPooling2D.

    >>> import embedcnn
    >>> embedcnn.layers.AveragePooling2D(3, strides=2, padding="same")(embedcnn.Input((28, 28, 3))).shape
    (None, 14, 14, 3)
    """


class _GlobalPooling2D(Layer):
    """(B, H, W, C) to (B, C), or with `keepdims` (B, 1, 1, C)."""

    not_stored = ("data_format",)  # always channels_last
    reads_images = True

    @checked
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **options: Any) -> None:
        require_channels_last(data_format)
        self.keepdims = keepdims
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_image(self, tensors[0])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *([1, 1] if self.keepdims else []), input_shape[3])


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The maximum over all pixels: (B, H, W, C) to (B, C). As keras.layers.GlobalMaxPooling2D.

    The first of equal maxima gets the gradient.

    >>> import embedcnn
    >>> embedcnn.layers.GlobalMaxPooling2D()(embedcnn.Input((7, 7, 4))).shape
    (None, 4)
    """


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean over all pixels: (B, H, W, C) to (B, C). As keras.layers.GlobalAveragePooling2D.

    >>> import embedcnn
    >>> embedcnn.layers.GlobalAveragePooling2D(keepdims=True)(embedcnn.Input((7, 7, 4))).shape
    (None, 1, 1, 4)
    """


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
