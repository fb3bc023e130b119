"""Choices between results, loops of known length, and attention written out. Keras's names in keras.ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt as root
from typing import Any

import numpy as np

from ..base.checked import checked
from ..graph.tracing import replaced
from .elementwise import add, less_equal, logical_and, multiply, power, where
from .functions import abs as absolute
from .functions import sign, sqrt, square
from .padding import pad
from .primitives import apply, as_array, axes_in, is_symbolic, shape_of
from .products import einsum
from .rearranging import concatenate, get_item, reshape
from .reductions import mean
from .sorting import sort


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """What `true_fn()` gives where `pred` is true, else what `false_fn()` gives. As keras.ops.cond.

    Of a symbolic `pred` both are computed, and the choice is made value by value, with its broadcasting.

    >>> cond(True, lambda: 1.0, lambda: 2.0)
    1.0
    """
    if not is_symbolic(pred):
        return true_fn() if pred else false_fn()
    yes, no = true_fn(), false_fn()
    if not isinstance(yes, (list, tuple, dict)):
        return where(pred, yes, no)
    pairs = zip(parts_of(yes), parts_of(no), strict=True)
    return replaced(places_of(yes), Place, iter([where(pred, *pair) for pair in pairs]))


class Place:
    """Stands for a result."""


def parts_of(value: Any) -> list[Any]:
    """What stands in nested lists, tuples and dicts, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    return [one for part in value for one in parts_of(part)] if isinstance(value, (list, tuple)) else [value]


def places_of(value: Any) -> Any:
    """The same lists, tuples and dicts of places."""
    if isinstance(value, dict):
        return {name: places_of(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [places_of(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return Place()


def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """`body_fun(number, value)` for the numbers from lower up to upper, each on what the one before gave. As
    keras.ops.fori_loop; both ends are numbers.

    >>> fori_loop(0, 3, lambda i, x: x + i, 10)
    13
    """
    for number in range(int(lower), int(upper)):
        init_val = body_fun(number, init_val)
    return init_val


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """`body` on its own results as long as `cond` of them is true. As keras.ops.while_loop, of arrays: how
    often a loop runs must be known where symbolic tensors are traced.

    >>> while_loop(lambda i: i < 3, lambda i: (i + 1,), (0,))
    (3,)
    """
    many = isinstance(loop_vars, (list, tuple))
    values, count = tuple(loop_vars) if many else (loop_vars,), 0
    while cond(*values) and (maximum_iterations is None or count < maximum_iterations):
        made = body(*values)
        values = tuple(made) if many else (made,)
        count += 1
    return type(loop_vars)(values) if many else values[0]


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """The choice of the first condition that is true, value by value, else the default. As keras.ops.select.

    >>> select([[True, False], [True, True]], [[1.0, 1.0], [2.0, 2.0]]).tolist()
    [1.0, 2.0]
    """
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        default = where(condition, choice, default)
    return default


def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8) -> Any:
    """Where x1 and x2 differ by atol + rtol |x2| at most, bool. As keras.ops.isclose.

    >>> isclose([1.0, 2.0], [1.0, 2.1]).tolist()
    [True, False]
    """
    apart = absolute(apply("subtract", [x1, x2]))
    return less_equal(apart, add(multiply(absolute(x2), rtol), atol))


def hypot(x1: Any, x2: Any) -> Any:
    """sqrt(x1^2 + x2^2), float32. As keras.ops.hypot.

    >>> hypot([3.0], [4.0]).tolist()
    [5.0]
    """
    return sqrt(add(square(x1), square(x2)))


def cbrt(x: Any) -> Any:
    """The cube root, float32. As keras.ops.cbrt.

    >>> cbrt([-8.0]).round(4).tolist()
    [-2.0]
    """
    return multiply(sign(x), power(absolute(x), 1.0 / 3.0))


def cumprod(x: Any, axis: int | None = None) -> Any:
    """The running product along an axis of known size (None: of all values of an array in a row). As
    keras.ops.cumprod.

    >>> cumprod([[1.0, 2.0, 3.0]], axis=1).tolist()
    [[1.0, 2.0, 6.0]]
    """
    if axis is None:
        if is_symbolic(x):
            raise ValueError("`axis` must be given for a symbolic tensor: the batch stays as it is")
        x, axis = np.ravel(x), 0
    rank = len(shape_of(x))
    (place,) = axes_in(axis, rank)
    size, by = shape_of(x)[place], 1
    if size is None:
        raise ValueError(f"ops.cumprod needs an axis of known size. Received: shape={shape_of(x)}")
    while by < size:
        earlier = get_item(x, ((slice(None),) * place + (slice(size - by),)))
        before = [(by, 0) if one == place else (0, 0) for one in range(rank)]
        x = multiply(x, pad(earlier, before, constant_values=1.0))
        by *= 2
    return x


@checked
def median(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The value in the middle of an axis of known size (None: of all values of an array), of two their mean.
    As keras.ops.median.

    >>> median([[3.0, 1.0, 2.0]], axis=1).tolist()
    [2.0]
    """
    if axis is None:
        if is_symbolic(x):
            raise ValueError("`axis` must be given for a symbolic tensor: the batch stays as it is")
        return np.median(as_array(x), keepdims=keepdims).astype(np.float32)
    (place,) = axes_in(axis, len(shape_of(x)))
    size = shape_of(x)[place]
    if size is None:
        raise ValueError(f"ops.median needs an axis of known size. Received: shape={shape_of(x)}")
    middle = slice((size - 1) // 2, size // 2 + 1)
    return mean(get_item(sort(x, place), ((slice(None),) * place + (middle,))), place, keepdims)


def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """x2 behind x1 along an axis (None: all their values in a row). As keras.ops.append.

    >>> append([[1.0]], [[2.0]], axis=1).tolist()
    [[1.0, 2.0]]
    """
    if axis is None:
        return concatenate([reshape(x1, (-1,)), reshape(x2, (-1,))], 0)
    return concatenate([x1, x2], axis)


@checked
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
) -> Any:
    """Attention of heads: (B, T, N, H), (B, S, N, H) and (B, S, N, H) to (B, T, N, H), sizes known. As
    keras.ops.dot_product_attention; `mask` (B, N, T, S), 0 where nothing is looked at. Vaswani and others
    (2017).

    >>> import numpy as np
    >>> x = np.ones((1, 2, 1, 4), np.float32)
    >>> dot_product_attention(x, x, x).shape
    (1, 2, 1, 4)
    """
    steps, others, size = shape_of(query)[1], shape_of(key)[1], shape_of(query)[-1]
    if None in (steps, others, size):
        raise ValueError(
            f"ops.dot_product_attention needs known lengths. Received: shapes {shape_of(query)}, "
            f"{shape_of(key)}; see layers.MultiHeadAttention"
        )
    factor = 1.0 / root(size or 1) if scale is None else scale
    scores = multiply(einsum("btnh,bsnh->bnts", query, key), factor)
    scores = scores if bias is None else add(scores, bias)
    allowed: Any = np.tril(np.ones((steps or 0, others or 0), bool)) if is_causal else None
    if mask is not None:
        allowed = mask if allowed is None else logical_and(mask, allowed)
    scores = scores if allowed is None else where(allowed, scores, -1e9)
    return einsum("bnts,bsnh->btnh", apply("softmax", [scores], axis=[-1]), value)
