"""Several tensors into one: side by side, value by value, or as a product along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.arguments import integer
from ..base.checked import checked
from ..graph.nodes import Shape, SymbolicTensor
from .axes import axes_of, given_axes
from .base import Layer, known_channels
from .operation import AS_LAYERS


class Concatenate(Layer):
    """Joins tensors along the last axis: (B, C1), (B, C2) to (B, C1 + C2). As keras.layers.Concatenate.

    A step is unmasked where it is in one of the tensors, as in Keras; where another is masked there, its
    channels are zeros. `axis=1` joins texts, one behind the other: (B, T1, C), (B, T2, C) to
    (B, T1 + T2, C), with their masks; padding between them stays masked. Raises ValueError for fewer than
    two tensors, for shapes that differ elsewhere and for an axis that they have not.

    >>> import embedcnn
    >>> embedcnn.layers.Concatenate()([embedcnn.Input((2,)), embedcnn.Input((3,))]).shape
    (None, 5)
    >>> embedcnn.layers.Concatenate(axis=1)([embedcnn.Input((7, 4)), embedcnn.Input((2, 4))]).shape
    (None, 9, 4)
    """

    any_form = True

    inputs_many = True

    def __init__(self, axis: int = -1, **options: Any) -> None:
        self.axis: Any = given_axes(axis, several=False)
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        shapes = [tensor.shape for tensor in tensors]
        if len(shapes) < 2:
            raise ValueError(
                f"Layer {self.name!r} (Concatenate) joins at least 2 tensors. Received: {len(shapes)}"
            )
        (axis,) = axes_of(self, self.axis, shapes[0])
        others = [(*shape[:axis], *shape[axis + 1 :]) for shape in shapes]
        known = {shape for shape in others if None not in shape[1:]}
        if len({len(shape) for shape in shapes}) > 1 or len(known) > 1:
            which = "the last axis" if axis == len(shapes[0]) - 1 else f"axis {axis}"
            raise ValueError(
                f"Layer {self.name!r} (Concatenate) needs shapes that agree in all but {which}. "
                f"Received: {shapes}"
            )
        for shape in shapes:
            known_channels(self, shape)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        (axis,) = axes_of(self, self.axis, input_shape[0])
        sizes = [shape[axis] for shape in input_shape]
        joined = None if None in sizes else sum(size or 0 for size in sizes)
        return (*input_shape[0][:axis], joined, *input_shape[0][axis + 1 :])


def concatenate(inputs: Sequence[SymbolicTensor], axis: int = -1, **options: Any) -> SymbolicTensor:
    """`Concatenate(axis)(inputs)`. As keras.layers.concatenate.

    >>> import embedcnn
    >>> concatenate([embedcnn.Input((2,)), embedcnn.Input((3,))]).shape
    (None, 5)
    """
    return Concatenate(axis=axis, **options)(inputs)


def _broadcasts(shapes: Sequence[Shape]) -> bool:
    """Whether they are images, of known sizes that are equal or 1 along each axis."""
    if {len(shape) for shape in shapes} != {4} or any(None in shape[1:] for shape in shapes):
        return False
    inner = zip(*(shape[1:] for shape in shapes), strict=True)
    return all(len({size for size in sizes if size != 1}) < 2 for sizes in inner)


class _Merge(Layer):
    """Tensors of one shape, value by value. A step is unmasked where it is in one of them, as in Keras.

    Of images an axis may have size 1 in some: it is repeated, as a gate (B, 1, 1, C) for each pixel.
    """

    any_form = True

    inputs_many = True
    fewest, most = 2, 1 << 16

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        shapes = [tensor.shape for tensor in tensors]
        if not self.fewest <= len(shapes) <= self.most:
            count = f"exactly {self.most}" if self.most == self.fewest else f"at least {self.fewest}"
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) takes {count} tensors. Received: {len(shapes)}"
            )
        known = {shape for shape in shapes if None not in shape[1:-1]}
        apart = len({(len(shape), shape[-1]) for shape in shapes}) > 1 or len(known) > 1
        if apart and not _broadcasts(shapes):
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) needs tensors of one shape; of images an axis "
                f"may be 1, and x * y, x + y and embedcnn.ops take others. Received: {shapes}"
            )

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        if _broadcasts(input_shape):
            inner = zip(*(shape[1:] for shape in input_shape), strict=True)
            return (input_shape[0][0], *(max(size or 1 for size in sizes) for sizes in inner))
        return next((shape for shape in input_shape if None not in shape[1:]), input_shape[0])


class Add(_Merge):
    """The sum of tensors of one shape. As keras.layers.Add.

    Where one of them is masked it counts as zeros.

    >>> import embedcnn
    >>> Add()([embedcnn.Input((2,)), embedcnn.Input((2,))]).shape
    (None, 2)
    """


class Subtract(_Merge):
    """The first of two tensors less the second. As keras.layers.Subtract.

    Where one of them is masked it counts as zeros.

    >>> import embedcnn
    >>> Subtract()([embedcnn.Input((2,)), embedcnn.Input((2,))]).shape
    (None, 2)
    """

    most = 2


class Multiply(_Merge):
    """The product of tensors of one shape, value by value. As keras.layers.Multiply.

    Where one of them is masked the others are left as they are. Of images an axis may be 1 in some, as in the
    gates of channels (Add and its like take them too).

    >>> import embedcnn
    >>> Multiply()([embedcnn.Input((2,)), embedcnn.Input((2,))]).shape
    (None, 2)
    >>> Multiply()([embedcnn.Input((8, 6, 3)), embedcnn.Input((1, 1, 3))]).shape
    (None, 8, 6, 3)
    """


class Average(_Merge):
    """The mean of tensors of one shape. As keras.layers.Average.

    Where one of them is masked it counts as zeros.

    >>> import embedcnn
    >>> Average()([embedcnn.Input((2,)), embedcnn.Input((2,))]).shape
    (None, 2)
    """


class Maximum(_Merge):
    """The largest of tensors of one shape, value by value; the first of equal ones gets the gradient. As
    keras.layers.Maximum.

    Where one of them is masked the others decide.

    >>> import embedcnn
    >>> Maximum()([embedcnn.Input((2,)), embedcnn.Input((2,))]).shape
    (None, 2)
    """


class Minimum(_Merge):
    """The smallest of tensors of one shape, value by value; the first of equal ones gets the gradient. As
    keras.layers.Minimum.

    Where one of them is masked the others decide.

    >>> import embedcnn
    >>> Minimum()([embedcnn.Input((2,)), embedcnn.Input((2,))]).shape
    (None, 2)
    """


class Dot(Layer):
    """Two tensors multiplied and summed along one axis of each, for every example. As keras.layers.Dot.

    `axes`: one axis for both, or a pair; 1 is time (or the channels of a flat tensor), 2 and -1 the channels.
    (B, C) and (B, C) give (B, 1); (B, T, C) and (B, S, C) along 2 give (B, T, S). With `normalize` both are
    divided by their Euclidean norm along the axis first: the cosine. Masked steps are zeros, and the mask
    ends. Raises ValueError where the axes differ in size, or a length of texts is not known.

    >>> import embedcnn
    >>> Dot(axes=2)([embedcnn.Input((5, 4)), embedcnn.Input((7, 4))]).shape
    (None, 5, 7)
    """

    inputs_many = True

    @checked
    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **options: Any) -> None:
        given = list(axes) if isinstance(axes, (list, tuple, np.ndarray)) else None
        pair = [integer("axes", axis) for axis in ([axes, axes] if given is None else given)]
        if len(pair) != 2 or 0 in pair:
            raise ValueError(f"`axes` must be an axis or two, not the batch (0). Received: axes={axes!r}")
        self.axes = pair[0] if given is None else pair
        self._pair = pair
        self.normalize = normalize
        super().__init__(**options)

    def axes_of(self, shapes: Sequence[Shape]) -> list[int]:
        """The axis of each input, counted from the batch."""
        found = [axis % len(shape) for axis, shape in zip(self._pair, shapes, strict=True)]
        if any(not -len(shape) < axis < len(shape) for axis, shape in zip(self._pair, shapes, strict=True)):
            raise ValueError(f"`axes` must be axes of the inputs {list(shapes)}. Received: axes={self.axes}")
        return found

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        if len(tensors) != 2:
            raise ValueError(f"Layer {self.name!r} (Dot) takes exactly 2 tensors. Received: {len(tensors)}")
        shapes = [tensor.shape for tensor in tensors]
        if any(None in shape[1:] for shape in shapes):
            raise ValueError(
                f"Layer {self.name!r} (Dot) must know the length of the texts. "
                f"Received: {shapes}; give it in Input((length,))"
            )
        first, second = self.axes_of(shapes)
        if shapes[0][first] != shapes[1][second]:
            raise ValueError(
                f"Layer {self.name!r} (Dot) needs axes of one size. Received: axes={self.axes} of {shapes}"
            )

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        rest = [
            size
            for shape, axis in zip(input_shape, self.axes_of(input_shape), strict=True)
            for number, size in enumerate(shape)
            if number not in (0, axis)
        ]
        return (None, *(rest or [1]))


def add(inputs: Sequence[SymbolicTensor], **options: Any) -> SymbolicTensor:
    """`Add()(inputs)`. As keras.layers.add."""
    return Add(**options)(inputs)


def subtract(inputs: Sequence[SymbolicTensor], **options: Any) -> SymbolicTensor:
    """`Subtract()(inputs)`. As keras.layers.subtract."""
    return Subtract(**options)(inputs)


def multiply(inputs: Sequence[SymbolicTensor], **options: Any) -> SymbolicTensor:
    """`Multiply()(inputs)`. As keras.layers.multiply."""
    return Multiply(**options)(inputs)


def average(inputs: Sequence[SymbolicTensor], **options: Any) -> SymbolicTensor:
    """`Average()(inputs)`. As keras.layers.average."""
    return Average(**options)(inputs)


def maximum(inputs: Sequence[SymbolicTensor], **options: Any) -> SymbolicTensor:
    """`Maximum()(inputs)`. As keras.layers.maximum."""
    return Maximum(**options)(inputs)


def minimum(inputs: Sequence[SymbolicTensor], **options: Any) -> SymbolicTensor:
    """`Minimum()(inputs)`. As keras.layers.minimum."""
    return Minimum(**options)(inputs)


@checked
def dot(
    inputs: Sequence[SymbolicTensor], axes: int | Sequence[int], normalize: bool = False, **options: Any
) -> SymbolicTensor:
    """`Dot(axes, normalize)(inputs)`. As keras.layers.dot."""
    return Dot(axes, normalize, **options)(inputs)


AS_LAYERS.update({"add": Add, "subtract": Subtract, "multiply": Multiply})
