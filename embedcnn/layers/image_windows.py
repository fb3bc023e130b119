"""What layers of images share: images [B, H, W, C], how many windows there are, calls on one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.arguments import positive_integer, require_channels_last
from ..graph.nodes import Shape, SymbolicTensor, is_symbolic
from .base import Layer, require_rank


def require_image(layer: Layer, tensor: SymbolicTensor) -> None:
    """ValueError unless the tensor is (batch, height, width, channels) with a known number of channels; each
    batch may decide the others.
    """
    require_rank(layer, tensor, 4, "(batch, height, width, channels)")
    if tensor.shape[3] is None:
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) must know the channels of its input. "
            f"Received: shape={tensor.shape}; give them in Input(shape=...)"
        )


class ImageLayer(Layer):
    """A layer of images (B, H, W, C); on arrays also of one, (H, W, C)."""

    not_stored: tuple[str, ...] = ("data_format",)  # always channels_last
    reads_images = True

    def __call__(self, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """Applies the layer to symbolic tensors, or to arrays: images, or one of them."""
        if is_symbolic(inputs) or np.ndim(inputs) != 3:
            return super().__call__(inputs, *arguments, **options)
        return super().__call__(np.asarray(inputs)[None], *arguments, **options)[0]

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_image(self, tensors[0])


class SizedImages(ImageLayer):
    """A layer that makes images of a given size."""

    def __init__(self, height: int, width: int, data_format: str | None = None, **options: Any) -> None:
        self.height, self.width = positive_integer("height", height), positive_integer("width", width)
        require_channels_last(data_format)
        super().__init__(**options)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.height, self.width, input_shape[3])


def windows_over(
    layer: Layer,
    input_shape: Shape,
    size: tuple[int, int],
    strides: tuple[int, int],
    padding: str,
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int | None, int | None]:
    """How many windows fit over the height and the width of images; ValueError where none does.

    padding="same" gives ceil(size / strides), as TensorFlow.
    """
    found: list[int | None] = []
    for pixels, one, stride, rate in zip(input_shape[1:3], size, strides, dilation, strict=True):
        reach = (one - 1) * rate + 1 if padding == "valid" else 1
        if pixels is not None and pixels < reach:
            raise ValueError(
                f"Layer {layer.name!r} ({type(layer).__name__}): windows that reach over {reach} pixels with "
                f"padding='valid' need images at least as large. Received: shape={input_shape}"
            )
        found.append(None if pixels is None else -(-(pixels - reach + 1) // stride))
    return found[0], found[1]
