"""Operations that move values between the axes, products over one axis, and masks found in the values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from embedcnn.ops.call import Call, elementary, operation


@operation
def unflatten(x: ArrayLike, length: int, *sizes: int) -> Any:
    """x [B, length * C] as a sequence: float32 [B, length, C], or [B, length, sizes ..., C] with one or two
    sizes more. ValueError where they do not fit. As keras.layers.Reshape.

    >>> from embedcnn import ops
    >>> ops.unflatten([[1.0, 2.0, 3.0, 4.0]], 2).tolist()
    [[[1.0, 2.0], [3.0, 4.0]]]
    """
    if len(sizes) > 2:
        raise ValueError(f"`sizes` may be two at most. Received: {sizes}")
    more = dict(zip(("second", "third"), map(int, sizes), strict=False))
    return elementary("unflatten", x, length=int(length), **more)


@operation
def flatten(x: ArrayLike, mask: ArrayLike | None = None) -> Any:
    """x [B, T, C] with all values of a text in one row: float32 [B, T * C]; masked steps are zeros. As
    keras.layers.Flatten.

    >>> from embedcnn import ops
    >>> ops.flatten([[[1.0, 2.0], [3.0, 4.0]]], mask=[[True, False]]).tolist()
    [[1.0, 2.0, 0.0, 0.0]]
    """
    return elementary("flatten", x, mask, length=np.shape(x)[1])


@operation
def repeat_vector(x: ArrayLike, length: int) -> Any:
    """x [B, C] at each of `length` steps: float32 [B, length, C]. As keras.layers.RepeatVector.

    >>> from embedcnn import ops
    >>> ops.repeat_vector([[1.0, 2.0]], 2).tolist()
    [[[1.0, 2.0], [1.0, 2.0]]]
    """
    return elementary("repeat", x, length=int(length))


@operation
def permute(x: ArrayLike, mask: ArrayLike | None = None) -> Any:
    """x [B, T, C] with time and channels exchanged: float32 [B, C, T]; masked steps are zeros. As
    keras.layers.Permute((2, 1)).

    >>> from embedcnn import ops
    >>> ops.permute([[[1.0, 2.0], [3.0, 4.0]]]).tolist()
    [[[1.0, 3.0], [2.0, 4.0]]]
    """
    return elementary("permute", x, mask, length=np.shape(x)[1])


@operation
def masking(x: ArrayLike, mask_value: float = 0.0) -> Any:
    """x [B, T, C] where the steps whose values all equal `mask_value` are masked: zeros without a gradient.
    As keras.layers.Masking.

    >>> from embedcnn import ops
    >>> ops.masking([[[7.0, 7.0], [7.0, 1.0]]], 7.0).tolist()
    [[[0.0, 0.0], [7.0, 1.0]]]
    """
    return elementary("masking", x, mask_value=float(mask_value))


@operation
def batch_dot(a: ArrayLike, b: ArrayLike, axes: int | tuple[int, int] = 1) -> Any:
    """a and b, each [B, C] or [B, T, C], multiplied and summed along one axis of each. As keras.layers.Dot.

    `axes` is that of both, or of each. What is left of a, then of b, are the axes of the float32 result,
    [B, 1] where nothing is left and [B, n] where one side has an axis left. ValueError where sizes differ.

    >>> from embedcnn import ops
    >>> ops.batch_dot([[1.0, 2.0]], [[3.0, 4.0]]).tolist()
    [[11.0]]
    """
    first, second = axes if isinstance(axes, tuple) else (axes, axes)
    call = Call(outputs=(2,))
    call.add_floats("a", a)
    call.add_floats("b", b)
    ranks, shapes = [np.ndim(x) for x in (a, b)], [np.shape(x) for x in (a, b)]
    axis_a, axis_b = first % ranks[0], second % ranks[1]
    lengths = [shape[1] if rank == 3 else 0 for shape, rank in zip(shapes, ranks, strict=True)]
    settings = {"axis_a": axis_a, "axis_b": axis_b, "length_a": lengths[0], "length_b": lengths[1]}
    call.operations = [("dot", (0, 1), (2,), (), settings)]
    return call
