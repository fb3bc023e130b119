"""Layers that move values to other axes (Flatten, Reshape, Permute, RepeatVector) and that mask steps."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..base.arguments import finite_number, integer, items, positive_integer, require_channels_last
from ..graph.nodes import Shape, SymbolicTensor
from .base import Layer, known_channels, require_rank


def _require_sizes(layer: Layer, shape: Shape) -> None:
    if None in shape[1:]:
        what, given = "length of the texts", "it in Input((length,))"
        if len(shape) > 3:
            what, given = "sizes of its input", "them in Input((height, width, channels))"
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) must know the {what}. "
            f"Received: shape={shape}; give {given}"
        )


class Flatten(Layer):
    """(B, T, C) to (B, T · C); masked steps become zeros. As keras.layers.Flatten.

    Raises ValueError where T is not known: give it in `Input((T,))` or `input_length`.

    >>> import embedcnn
    >>> embedcnn.layers.Flatten()(embedcnn.Input((10, 4))).shape
    (None, 40)
    """

    any_form = True

    not_stored = ("data_format",)  # always channels_last

    def __init__(self, data_format: str | None = None, **options: Any) -> None:
        require_channels_last(data_format)
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        known_channels(self, tensors[0].shape)
        _require_sizes(self, tensors[0].shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], prod(size or 1 for size in input_shape[1:]))


class Reshape(Layer):
    """The values of each example in another shape: (C,), (T, C) for a sequence, or up to 4 sizes; one may be
    -1.

    Masked steps become zeros and the mask ends. Raises ValueError where the sizes do not fit, or are not
    known. As keras.layers.Reshape.

    >>> import embedcnn
    >>> embedcnn.layers.Reshape((5, -1))(embedcnn.Input((20,))).shape
    (None, 5, 4)
    """

    def __init__(self, target_shape: Sequence[int], **options: Any) -> None:
        single = isinstance(target_shape, (int, np.integer))
        shape = [target_shape] if single else items("target_shape", target_shape)
        if not 1 <= len(shape) <= 4 or shape.count(-1) > 1:
            raise ValueError(
                "`target_shape` must hold 1 to 4 sizes, one of them -1 at most. "
                f"Received: target_shape={target_shape!r}"
            )
        self.target_shape = tuple(
            -1 if size == -1 else positive_integer("target_shape", size) for size in shape
        )
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        _require_sizes(self, tensors[0].shape)
        self.compute_output_shape(tensors[0].shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        total = prod(size or 1 for size in input_shape[1:])
        known = prod(size for size in self.target_shape if size != -1)
        if total % known or (-1 not in self.target_shape and total != known):
            raise ValueError(
                f"The total size of {input_shape[1:]} is {total}, which does not fit `target_shape`. "
                f"Received: target_shape={self.target_shape}"
            )
        return (input_shape[0], *(total // known if size == -1 else size for size in self.target_shape))


class Permute(Layer):
    """The axes behind the batch in another order: (2, 1) makes (B, T, C) to (B, C, T), (2, 3, 1) images
    (B, C, H, W) to (B, H, W, C). As keras.layers.Permute.

    Masked steps become zeros. Raises ValueError unless `dims` holds each axis once, and where a size is not
    known.

    >>> import embedcnn
    >>> embedcnn.layers.Permute((2, 1))(embedcnn.Input((10, 4))).shape
    (None, 4, 10)
    """

    def __init__(self, dims: Sequence[int], **options: Any) -> None:
        self.dims = tuple(integer("dims", axis) for axis in items("dims", dims))
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"`dims` must hold 1 to its length, each once. Received: dims={dims!r}")
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        shape = tensors[0].shape
        if len(shape) != len(self.dims) + 1:
            raise ValueError(f"`dims`={self.dims} needs {len(self.dims) + 1} axes. Received: shape={shape}")
        if list(self.dims) != sorted(self.dims):
            _require_sizes(self, shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))


class RepeatVector(Layer):
    """The same vector at each of n steps: (B, C) to (B, n, C). As keras.layers.RepeatVector.

    >>> import embedcnn
    >>> embedcnn.layers.RepeatVector(3)(embedcnn.Input((4,))).shape
    (None, 3, 4)
    """

    def __init__(self, n: int, **options: Any) -> None:
        self.n = positive_integer("n", n)
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 2, "(batch, channels)")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.n, input_shape[1])


class Masking(Layer):
    """Masks the steps of a sequence (T, C) whose values all equal `mask_value`. As keras.layers.Masking.

    All layers after it skip these steps. Steps that were masked before stay so, whatever their values.

    >>> import embedcnn
    >>> embedcnn.layers.Masking()(embedcnn.Input((None, 4))).shape
    (None, None, 4)
    """

    def __init__(self, mask_value: float = 0.0, **options: Any) -> None:
        self.mask_value = float(finite_number("mask_value", mask_value))
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where values of a step differ from `mask_value`, and `mask` masks nothing."""
        own = (np.asarray(inputs, np.float32) != np.float32(self.mask_value)).any(axis=-1)
        return own if mask is None else own & (np.asarray(mask) != 0)


class ApplyMask(Layer):
    """Masks the steps of a sequence where a second input is 0: [(B, T, C), (B, T)] to (B, T, C). What the
    argument `mask` of Keras's layers does; `layer(x, mask=mask)` of a recurrent layer makes one.

    All layers after it skip these steps. Steps that were masked before stay so. Raises ValueError for inputs
    of other shapes, or different numbers of steps.

    >>> import embedcnn
    >>> embedcnn.layers.ApplyMask()([embedcnn.Input((10, 4)), embedcnn.Input((10,))]).shape
    (None, 10, 4)
    """

    inputs_many = True

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        if len(tensors) != 2:
            raise ValueError(
                f"Layer {self.name!r} takes a sequence and its mask. Received: {len(tensors)} inputs"
            )
        x, mask = tensors
        require_rank(self, x, 3, "(batch, time, channels)")
        require_rank(self, mask, 2, "(batch, time) for the mask")
        if None not in (x.shape[1], mask.shape[1]) and x.shape[1] != mask.shape[1]:
            raise ValueError(
                f"Layer {self.name!r}: the mask must have as many steps as the sequence. Received: "
                f"shapes {x.shape} and {mask.shape}"
            )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where the second input is not 0, and the mask of the first masks nothing."""
        own, before = np.asarray(inputs[1]) != 0, None if mask is None else mask[0]
        return own if before is None else own & (np.asarray(before) != 0)
