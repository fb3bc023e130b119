"""Operations along axes: sums, means, extremes and their places, running sums. Keras's names in keras.ops.

Along the steps of masked texts only the unmasked steps count, so padding changes nothing; a text without any
gives 0. Along the batch (axis 0) the result is one for all examples.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.checked import checked
from ..graph.nodes import Shape
from .primitives import apply, axes_in, is_symbolic, listed, primitive, shape_of


def _reduced(shapes: list[Shape], axis: list[int] | None, keepdims: bool) -> Shape:
    axes = axes_in(axis, len(shapes[0]))
    if keepdims:
        return tuple(1 if place in axes else size for place, size in enumerate(shapes[0]))
    return tuple(size for place, size in enumerate(shapes[0]) if place not in axes)


def _of(function: Any) -> Any:
    def compute(x: np.ndarray, axis: list[int] | None, keepdims: bool) -> Any:
        return function(x, axis=None if axis is None else tuple(axis), keepdims=keepdims)

    return compute


def _place_of(function: Any) -> Any:
    def compute(x: np.ndarray, axis: list[int] | None, keepdims: bool) -> Any:
        found = function(x, axis=None if axis is None else axis[0], keepdims=keepdims)
        return np.asarray(found).astype(np.int32)

    return compute


for _name, _function, _dtype in (
    ("sum", np.sum, ""),
    ("mean", lambda x, **options: np.mean(np.asarray(x, np.float32), **options), "float32"),
    ("max", np.max, ""),
    ("min", np.min, ""),
    ("any", np.any, "bool"),
    ("all", np.all, "bool"),
):
    primitive(_name, _of(_function), _reduced, _dtype, reduces=True)
for _name, _where in (("argmax", np.argmax), ("argmin", np.argmin)):
    primitive(_name, _place_of(_where), _reduced, "int32", reduces=True)
primitive("cumsum", lambda x, axis: np.cumsum(x, axis), lambda shapes, axis: shapes[0])
primitive(
    "softmax",
    lambda x, axis: _softmax(np.asarray(x, np.float32), tuple(axis)),
    lambda shapes, axis: shapes[0],
    "float32",
)
primitive(
    "log_softmax",
    lambda x, axis: np.log(_softmax(np.asarray(x, np.float32), tuple(axis))),
    lambda shapes, axis: shapes[0],
    "float32",
)
primitive("step_mask", lambda x: np.ones(x.shape[:2], np.float32), lambda shapes: shapes[0][:2], "float32")
primitive("all_steps", lambda x: x, lambda shapes: shapes[0])
primitive("masked_like", lambda x, like: x, lambda shapes: shapes[0])


def _attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, heads: int, causal: bool, scale: float) -> Any:
    """Of arrays (B, T, C), (B, S, C) and (B, S, D)."""
    q, k, v = (np.stack(np.split(one, heads, -1), 1) for one in (q, k, v))
    scores = scale * q @ np.swapaxes(k, -1, -2)
    allowed = np.tril(np.ones(scores.shape[-2:], bool)) if causal else True
    shares = _softmax(np.where(allowed, scores, -np.inf), (-1,))
    return np.concatenate(list(np.moveaxis(shares @ v, 1, 0)), -1)


primitive("attention", _attention, lambda shapes, **settings: (*shapes[0][:-1], shapes[2][-1]), "float32")


def _softmax(x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
    shares = np.exp(x - x.max(axis=axis, keepdims=True))
    return shares / shares.sum(axis=axis, keepdims=True)


@checked
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001 - Keras's name
    """The sum along axes (None: all). As keras.ops.sum.

    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=1).tolist()
    [3.0, 7.0]
    """
    return apply("sum", [x], axis=listed(axis), keepdims=keepdims)


@checked
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean along axes (None: all), float32. As keras.ops.mean.

    >>> mean([[1.0, 2.0], [3.0, 4.0]], axis=1).tolist()
    [1.5, 3.5]
    """
    return apply("mean", [x], axis=listed(axis), keepdims=keepdims)


@checked
def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001 - Keras's name
    """The largest value along axes (None: all); the first of equal ones gets the gradient. As keras.ops.max.

    >>> max([[1.0, 2.0], [4.0, 3.0]], axis=1).tolist()
    [2.0, 4.0]
    """
    return apply("max", [x], axis=listed(axis), keepdims=keepdims)


@checked
def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001 - Keras's name
    """The smallest value along axes (None: all); the first of equal ones gets the gradient. As keras.ops.min.

    >>> min([[1.0, 2.0], [4.0, 3.0]], axis=1).tolist()
    [1.0, 3.0]
    """
    return apply("min", [x], axis=listed(axis), keepdims=keepdims)


amax, amin = max, min


@checked
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001 - Keras's name
    """Whether a value along axes (None: all) is true (not 0), bool. As keras.ops.any.

    >>> any([[True, False], [False, False]], axis=1).tolist()
    [True, False]
    """
    return apply("any", [x], axis=listed(axis), keepdims=keepdims)


@checked
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001 - Keras's name
    """Whether all values along axes (None: all) are true (not 0), bool. As keras.ops.all.

    >>> all([[True, False], [True, True]], axis=1).tolist()
    [False, True]
    """
    return apply("all", [x], axis=listed(axis), keepdims=keepdims)


@checked
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where along an axis (None: in all values, in their order) the first largest value stands, int32. As
    keras.ops.argmax.

    >>> argmax([[1.0, 2.0], [4.0, 3.0]], axis=1).tolist()
    [1, 0]
    """
    return apply("argmax", [x], axis=listed(axis), keepdims=keepdims)


@checked
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where along an axis (None: in all values, in their order) the first smallest value stands, int32. As
    keras.ops.argmin.

    >>> argmin([[1.0, 2.0], [4.0, 3.0]], axis=1).tolist()
    [0, 1]
    """
    return apply("argmin", [x], axis=listed(axis), keepdims=keepdims)


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """The running sum along an axis (None: of all values of an array in a row); masked steps add nothing. As
    keras.ops.cumsum.

    >>> cumsum([[1.0, 2.0, 3.0]], axis=1).tolist()
    [[1.0, 3.0, 6.0]]
    """
    if axis is None:
        if is_symbolic(x):
            raise ValueError("`axis` must be given for a symbolic tensor: the batch stays as it is")
        x, axis = np.ravel(x), 0
    (place,) = axes_in(axis, len(shape_of(x)))
    made = apply("cumsum", [x], axis=place)
    return made if dtype is None else apply("cast", [made], dtype=str(np.dtype(dtype)))


@checked
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean of the squared distances from the mean, along axes (None: all). As keras.ops.var.

    >>> var([[1.0, 3.0]], axis=1).tolist()
    [1.0]
    """
    apart = apply("subtract", [x, mean(x, axis, True)])
    return mean(apply("square", [apart]), axis, keepdims)


@checked
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The square root of `var`. As keras.ops.std.

    >>> std([[1.0, 5.0]], axis=1).tolist()
    [2.0]
    """
    spread = var(x, axis, keepdims)
    if not is_symbolic(spread):
        return apply("sqrt", [spread])
    some = apply("not_equal", [spread, 0.0])  # the slope of sqrt at 0 is no number: no gradient there
    return apply(
        "multiply",
        [apply("sqrt", [apply("where", [some, spread, 1.0])]), apply("cast", [some], dtype="float32")],
    )


@checked
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) along axes (None: all), without overflow. As keras.ops.logsumexp.

    >>> logsumexp([[0.0, 0.0]], axis=1).round(4)
    array([0.6931], dtype=float32)
    """
    top = apply("stop_gradient", [max(x, axis, True)])
    total = sum(apply("exp", [apply("subtract", [x, top])]), axis, True)
    if is_symbolic(total):  # of no steps the sum is 0, else at least 1 (or NaN): such a text gives log(1) + 0
        total = apply("where", [apply("equal", [total, 0.0]), 1.0, total])
    found = apply("add", [apply("log", [total]), top])
    return found if keepdims else sum(found, axis)  # of single values: their axes go


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float = 1e-12) -> Any:
    """x divided by its norm along an axis: the sum of absolute values (order 1), the Euclidean (2). As
    keras.ops.normalize.

    >>> normalize([[3.0, 4.0]]).round(2).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """

    if order not in (1, 2):
        raise ValueError(f"`order` must be 1 or 2. Received: order={order!r}")
    size = sum(apply("abs" if order == 1 else "square", [x]), axis, True)
    if order == 1:
        return apply("divide", [x, apply("maximum", [size, epsilon])])
    return apply("divide", [x, apply("sqrt", [apply("maximum", [size, epsilon**2])])])
