"""Sums and means of other kinds: prod, average, norm, count_nonzero, moments ... Keras's names in keras.ops.

All are made of other operations; along the steps of masked texts only the unmasked steps count.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.checked import checked
from ..base.class_numbers import check_classes
from ..graph.tracing import note_labels
from .elementwise import add, cast, divide, maximum, multiply, not_equal, power, subtract, where
from .functions import abs as absolute
from .functions import sqrt, square
from .primitives import apply, axes_in, is_symbolic, shape_of
from .rearranging import concatenate, expand_dims, get_item, reshape, squeeze
from .reductions import max as largest
from .reductions import mean, var
from .reductions import min as smallest
from .reductions import sum as summed


@checked
def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The product along axes of known size (None: all). As keras.ops.prod.

    >>> prod([[2.0, 3.0], [4.0, 5.0]], axis=1).tolist()
    [6.0, 20.0]
    """
    axes = axes_in(axis, len(shape_of(x)))
    if 1 in axes and is_symbolic(x) and len(shape_of(x)) > 1:
        counted = apply("step_mask", [x])
        counted = reshape_like(counted, len(shape_of(x)))
        x = where(counted, apply("all_steps", [x]), 1.0)
    for place in axes:
        x = _product(x, place)
    return x if keepdims else squeeze(x, axes) if axes else x


def reshape_like(mask: Any, rank: int) -> Any:
    """A mask (B, T) with axes of size 1 behind, up to `rank` axes."""
    return expand_dims(mask, list(range(2, rank))) if rank > 2 else mask


def _product(x: Any, place: int) -> Any:
    """The product along one axis, of which 1 is left: of its halves, value by value."""
    size = shape_of(x)[place]
    if size is None:
        raise ValueError(f"ops.prod needs axes of known size. Received: shape={shape_of(x)}, axis={place}")
    whole = (slice(None),) * place
    while size > 1:
        half = size // 2
        parts = [slice(half), slice(half, 2 * half), slice(2 * half, size)]
        found = [get_item(x, (*whole, part)) for part in parts[: 2 + size % 2]]
        x = multiply(found[0], found[1])
        x = concatenate([x, found[2]], place) if size % 2 else x
        size -= half
    return x


def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """The mean along axes (None: all), weighted: `weights` of the shape of x, or of the axis alone. As
    keras.ops.average.

    >>> average([[1.0, 3.0]], axis=1, weights=[3.0, 1.0]).tolist()
    [1.5]
    """
    if weights is None:
        return mean(x, axis)
    if len(shape_of(weights)) == 1 and len(shape_of(x)) > 1:
        (place,) = axes_in(axis, len(shape_of(x)))
        weights = reshape(weights, (-1, *[1] * (len(shape_of(x)) - place - 1)))
    total = summed(multiply(x, weights), axis)
    return divide(total, summed(multiply(weights, apply("ones_like", [x])), axis))


def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many values along axes (None: all) are not 0, int32. As keras.ops.count_nonzero.

    >>> count_nonzero([[1.0, 0.0, 2.0]], axis=1).tolist()
    [2]
    """
    return summed(cast(not_equal(x, 0), "int32"), axis)


@checked
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest value less the smallest. As keras.ops.ptp.

    >>> ptp([[1.0, 5.0]], axis=1).tolist()
    [4.0]
    """
    return subtract(largest(x, axis, keepdims), smallest(x, axis, keepdims))


@checked
def moments(x: Any, axes: Any, keepdims: bool = False) -> tuple[Any, Any]:
    """Mean and variance along axes. As keras.ops.moments.

    >>> [one.tolist() for one in moments([[1.0, 3.0]], axes=[1])]
    [[2.0], [1.0]]
    """
    return mean(x, axes, keepdims), var(x, axes, keepdims)


@checked
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002 - Keras's name
    """The length of vectors along an axis: Euclidean (None, 2 or "fro"), the sum (1), the largest (inf) or
    smallest (-inf) of the absolute values, or another power; its gradient at zeros is 0. As keras.ops.norm,
    without matrix norms but "fro", over two axes or all.

    >>> norm([[3.0, 4.0]], axis=1).tolist()
    [5.0]
    """
    axes = axes_in(axis, len(shape_of(x)))
    if len(axes) > 1 and ord not in (None, "fro"):
        raise ValueError(f"`ord` over several axes must be None or 'fro'. Received: ord={ord!r}, axis={axis}")
    if ord in (None, 2, "fro"):
        total = summed(square(x), axes, keepdims)
        if not is_symbolic(total):
            return sqrt(total)
        some = not_equal(total, 0.0)
        return multiply(sqrt(where(some, total, 1.0)), cast(some, "float32"))
    sizes = absolute(x)
    if ord == 1:
        return summed(sizes, axes, keepdims)
    if ord in (np.inf, "inf"):
        return largest(sizes, axes, keepdims)
    if ord == -np.inf:
        return smallest(sizes, axes, keepdims)
    if isinstance(ord, (int, float)) and ord > 0:
        return power(summed(power(sizes, float(ord)), axes, keepdims), 1.0 / float(ord))
    raise ValueError(f"`ord` must be None, 'fro', inf, -inf or a number above 0. Received: ord={ord!r}")


def rms_normalization(x: Any, scale: Any = 1.0, axis: Any = -1, epsilon: float | None = None) -> Any:
    """x divided by the root of the mean of its squares along axes, times `scale`. As
    keras.ops.rms_normalization; Zhang and Sennrich (2019).

    >>> rms_normalization([[3.0, 3.0]]).round(3).tolist()
    [[1.0, 1.0]]
    """
    small = 1e-7 if epsilon is None else float(epsilon)
    return multiply(multiply(x, apply("rsqrt", [add(mean(square(x), axis, True), small)])), scale)


# -- losses --------------------------------------------------------------------------------------------------
@checked
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """The cross-entropy of each value: -target log(output) - (1 - target) log(1 - output). As
    keras.ops.binary_crossentropy.

    >>> binary_crossentropy([1.0], [0.5]).round(4)
    array([0.6931], dtype=float32)
    """
    if from_logits:
        return subtract(apply("softplus", [output]), multiply(target, output))
    output = apply("minimum", [maximum(output, 1e-7), 1.0 - 1e-7])
    right = multiply(target, apply("log", [output]))
    wrong = multiply(subtract(1.0, target), apply("log", [subtract(1.0, output)]))
    return apply("negative", [add(right, wrong)])


@checked
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """The cross-entropy of probabilities of classes, or of scores, with those of the target, summed over
    classes. As keras.ops.categorical_crossentropy.

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.6931], dtype=float32)
    """
    if from_logits:
        logs = apply("log_softmax", [output], axis=[axis])
    else:
        shares = divide(output, summed(output, axis, True))
        logs = apply("log", [apply("minimum", [maximum(shares, 1e-7), 1.0 - 1e-7])])
    return apply("negative", [summed(multiply(target, logs), axis)])


@checked
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The same for a target of class numbers. As keras.ops.sparse_categorical_crossentropy.

    Raises ValueError for numbers that are no class; in a loss of one's own at the step that meets them.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4)
    array([0.6931], dtype=float32)
    """
    classes = shape_of(output)[-1]
    if axis not in (-1, len(shape_of(output)) - 1) or classes is None:
        raise ValueError(f"`axis` must be the last one, of known size. Received: axis={axis}")
    return categorical_crossentropy(rows_of_classes(target, output, int(classes)), output, from_logits)


def rows_of_classes(target: Any, output: Any, classes: int) -> Any:
    """1 at the place of each class number, else 0; numbers that are no class are refused."""
    if len(shape_of(target)) == len(shape_of(output)):
        target = squeeze(target, -1)
    if is_symbolic(target):
        note_labels(target, classes)
    else:
        check_classes("target", np.asarray(target), classes)
    return cast(apply("equal", [expand_dims(target, -1), np.arange(classes, dtype=np.int32)]), "float32")
