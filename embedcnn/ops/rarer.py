"""Functions that programs need now and then, made of the others: hyperbolic angles, sums without NaN,
sparsemax. Keras's names in keras.ops; of symbolic tensors, weights, arrays and numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.checked import checked
from .activations import logaddexp
from .choices import isclose
from .elementwise import (
    add,
    cast,
    divide,
    equal,
    greater,
    less,
    maximum,
    minimum,
    multiply,
    power,
    subtract,
    where,
)
from .functions import abs as absolute
from .functions import erf, isnan, log, log1p, negative, sign, sin, sqrt, square, trunc, zeros_like
from .primitives import apply, axes_in, is_symbolic, shape_of
from .rearranging import concatenate, expand_dims, flip, get_item, reshape, split
from .reductions import all as all_of
from .reductions import cumsum
from .reductions import max as most
from .reductions import sum as summed
from .sorting import sort
from .statistics import prod

LN2 = 0.6931471805599453


def arcsinh(x: Any) -> Any:
    """The number whose hyperbolic sine is x, float32. As keras.ops.arcsinh.

    >>> arcsinh([0.0]).tolist()
    [0.0]
    """
    size = absolute(x)
    return multiply(sign(x), log1p(add(size, divide(square(size), add(sqrt(add(square(size), 1.0)), 1.0)))))


def arccosh(x: Any) -> Any:
    """The number at least 0 whose hyperbolic cosine is x, float32; NaN below 1. As keras.ops.arccosh.

    >>> arccosh([1.0]).tolist()
    [0.0]
    """
    return log(add(x, multiply(sqrt(subtract(x, 1.0)), sqrt(add(x, 1.0)))))


def arctanh(x: Any) -> Any:
    """The number whose hyperbolic tangent is x, float32. As keras.ops.arctanh.

    >>> arctanh([0.0]).tolist()
    [0.0]
    """
    return multiply(subtract(log1p(x), log1p(negative(x))), 0.5)


def erfc(x: Any) -> Any:
    """1 - erf(x), float32. As keras.ops.erfc.

    >>> erfc([0.0]).tolist()
    [1.0]
    """
    return subtract(1.0, erf(x))


def deg2rad(x: Any) -> Any:
    """Degrees as radians, float32. As keras.ops.deg2rad.

    >>> deg2rad([180.0]).round(4).tolist()
    [3.1415998935699463]
    """
    return multiply(cast(x, "float32"), np.pi / 180)


def rad2deg(x: Any) -> Any:
    """Radians as degrees, float32. As keras.ops.rad2deg.

    >>> rad2deg([0.0]).tolist()
    [0.0]
    """
    return multiply(cast(x, "float32"), 180 / np.pi)


def fmax(x1: Any, x2: Any) -> Any:
    """The larger of both, of a NaN and a number the number. As keras.ops.fmax.

    >>> fmax([1.0, float("nan")], [2.0, 3.0]).tolist()
    [2.0, 3.0]
    """
    return where(isnan(x1), x2, where(isnan(x2), x1, maximum(x1, x2)))


def fmin(x1: Any, x2: Any) -> Any:
    """The smaller of both, of a NaN and a number the number. As keras.ops.fmin.

    >>> fmin([1.0, float("nan")], [2.0, 3.0]).tolist()
    [1.0, 3.0]
    """
    return where(isnan(x1), x2, where(isnan(x2), x1, minimum(x1, x2)))


def fmod(x1: Any, x2: Any) -> Any:
    """What is left of x1 after whole parts of x2, with the sign of x1. As keras.ops.fmod.

    >>> fmod([-7.0, 7.0], 3.0).tolist()
    [-1.0, 1.0]
    """
    return subtract(x1, multiply(trunc(divide(x1, x2)), x2))


def heaviside(x1: Any, x2: Any) -> Any:
    """0 where x1 is negative, x2 where it is 0, 1 above. As keras.ops.heaviside.

    >>> heaviside([-1.0, 0.0, 2.0], 0.5).tolist()
    [0.0, 0.5, 1.0]
    """
    return where(less(x1, 0.0), 0.0, where(greater(x1, 0.0), 1.0, x2))


def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), 1 at 0, float32. As keras.ops.sinc.

    >>> sinc([0.0]).tolist()
    [1.0]
    """
    nothing = equal(x, 0.0)
    turned = multiply(where(nothing, 1.0, x), np.pi)
    return where(nothing, 1.0, divide(sin(turned), turned))


def isposinf(x: Any) -> Any:
    """Where x is infinite and positive, bool. As keras.ops.isposinf.

    >>> isposinf([float("inf"), -float("inf")]).tolist()
    [True, False]
    """
    return equal(x, np.inf)


def isneginf(x: Any) -> Any:
    """Where x is infinite and negative, bool. As keras.ops.isneginf.

    >>> isneginf([float("inf"), -float("inf")]).tolist()
    [False, True]
    """
    return equal(x, -np.inf)


def isreal(x: Any) -> Any:
    """Where x has no imaginary part, bool: everywhere. As keras.ops.isreal.

    >>> isreal([1.0]).tolist()
    [True]
    """
    return equal(zeros_like(x), 0.0)


def ldexp(x1: Any, x2: Any) -> Any:
    """x1 times 2 to the power x2, float32. As keras.ops.ldexp.

    >>> ldexp([3.0], [2]).tolist()
    [12.0]
    """
    return multiply(x1, power(2.0, cast(x2, "float32")))


def logaddexp2(x1: Any, x2: Any) -> Any:
    """log2(2^x1 + 2^x2), without overflow. As keras.ops.logaddexp2.

    >>> logaddexp2([1.0], [1.0]).round(4).tolist()
    [2.0]
    """
    return divide(logaddexp(multiply(x1, LN2), multiply(x2, LN2)), LN2)


def copy(x: Any) -> Any:
    """x itself where it is symbolic, else a new array. As keras.ops.copy.

    >>> copy([1.0]).tolist()
    [1.0]
    """
    return x if is_symbolic(x) else np.array(x, np.float32 if np.asarray(x).dtype.kind == "f" else None)


def empty_like(x: Any, dtype: Any = None) -> Any:
    """Zeros of the shape of x. As keras.ops.empty_like.

    >>> empty_like([1.0]).tolist()
    [0.0]
    """
    return zeros_like(x) if dtype is None else cast(zeros_like(x), dtype)


@checked
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether x1 and x2 differ by atol + rtol |x2| nowhere by more, one bool; `equal_nan`: NaN beside NaN is
    no difference. As keras.ops.allclose.

    >>> bool(allclose([1.0], [1.000001]))
    True
    """
    near = isclose(x1, x2, rtol, atol)
    if equal_nan:
        near = apply("logical_or", [near, apply("logical_and", [isnan(x1), isnan(x2)])])
    return all_of(near)


# -- arrangements --------------------------------------------------------------------------------------------
def fliplr(x: Any) -> Any:
    """The second axis in reverse. As keras.ops.fliplr.

    >>> fliplr([[1.0, 2.0]]).tolist()
    [[2.0, 1.0]]
    """
    return flip(x, 1)


def flipud(x: Any) -> Any:
    """The first axis in reverse. As keras.ops.flipud.

    >>> flipud([[1.0], [2.0]]).tolist()
    [[2.0], [1.0]]
    """
    return flip(x, 0)


def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Parts along the second axis (the only one of a vector). As keras.ops.hsplit.

    >>> [part.tolist() for part in hsplit([[1.0, 2.0]], 2)]
    [[[1.0]], [[2.0]]]
    """
    return split(x, indices_or_sections, 0 if len(shape_of(x)) == 1 else 1)


def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Parts along the first axis. As keras.ops.vsplit.

    >>> [part.tolist() for part in vsplit([[1.0], [2.0]], 2)]
    [[[1.0]], [[2.0]]]
    """
    return split(x, indices_or_sections, 0)


def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Parts along the third axis. As keras.ops.dsplit.

    >>> [part.tolist() for part in dsplit([[[1.0, 2.0]]], 2)]
    [[[[1.0]]], [[[2.0]]]]
    """
    return split(x, indices_or_sections, 2)


def dstack(xs: Any) -> Any:
    """Several side by side along the third axis, made where it is missing. As keras.ops.dstack.

    >>> dstack([[[1.0]], [[2.0]]]).tolist()
    [[[1.0, 2.0]]]
    """
    parts = [reshape(x, (1, shape_of(x)[0] or 0, 1)) if len(shape_of(x)) == 1 else x for x in xs]
    return concatenate([expand_dims(x, 2) if len(shape_of(x)) == 2 else x for x in parts], 2)


def cross(x1: Any, x2: Any) -> Any:
    """The vector product along last axes of size 3. As keras.ops.cross, along the last axes.

    >>> cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).tolist()
    [0.0, 0.0, 1.0]
    """
    if shape_of(x1)[-1] != 3 or shape_of(x2)[-1] != 3:
        raise ValueError(f"the last axes must have 3 values. Received: shapes {shape_of(x1)}, {shape_of(x2)}")
    (a, b, c), (d, e, f) = (
        [get_item(x, (..., slice(place, place + 1))) for place in range(3)] for x in (x1, x2)
    )
    parts = [(b, f, c, e), (c, d, a, f), (a, e, b, d)]
    return concatenate([subtract(multiply(p, q), multiply(r, s)) for p, q, r, s in parts], -1)


def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """The area below y along an axis of known size, by trapezia: at distances `dx`, or places x (an array).
    As keras.ops.trapezoid.

    >>> float(trapezoid([1.0, 2.0, 3.0]))
    4.0
    """
    (place,) = axes_in(axis, len(shape_of(y)))
    whole = (slice(None),) * place
    heights = add(get_item(y, (*whole, slice(1, None))), get_item(y, (*whole, slice(None, -1))))
    widths: Any = dx
    if x is not None:
        apart = np.diff(np.asarray(x, np.float32), axis=-1 if np.ndim(x) == 1 else axis)
        widths = apart if np.ndim(x) > 1 else apart.reshape(-1, *[1] * (len(shape_of(y)) - place - 1))
    return summed(multiply(multiply(heights, widths), 0.5), place)


# -- without NaN ---------------------------------------------------------------------------------------------
@checked
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum along axes (None: all) of what is not NaN. As keras.ops.nansum.

    >>> float(nansum([1.0, float("nan")]))
    1.0
    """
    return summed(where(isnan(x), 0.0, x), axis, keepdims)


@checked
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean along axes (None: all) of what is not NaN. As keras.ops.nanmean.

    >>> float(nanmean([1.0, 3.0, float("nan")]))
    2.0
    """
    counted = summed(cast(apply("logical_not", [isnan(x)]), "float32"), axis, keepdims)
    return divide(nansum(x, axis, keepdims), counted)


@checked
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance along axes (None: all) of what is not NaN. As keras.ops.nanvar.

    >>> float(nanvar([1.0, 3.0, float("nan")]))
    1.0
    """
    return nanmean(square(subtract(x, nanmean(x, axis, True))), axis, keepdims)


def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The square root of `nanvar`. As keras.ops.nanstd.

    >>> float(nanstd([1.0, 5.0, float("nan")]))
    2.0
    """
    return sqrt(nanvar(x, axis, keepdims))


@checked
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest along axes (None: all) of what is not NaN; NaN where all is. As keras.ops.nanmax.

    >>> float(nanmax([1.0, float("nan")]))
    1.0
    """
    return where(all_of(isnan(x), axis, keepdims), np.nan, most(where(isnan(x), -np.inf, x), axis, keepdims))


@checked
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest along axes (None: all) of what is not NaN; NaN where all is. As keras.ops.nanmin.

    >>> float(nanmin([1.0, float("nan")]))
    1.0
    """
    return negative(nanmax(negative(x), axis, keepdims))


@checked
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The product along axes (None: all) of what is not NaN. As keras.ops.nanprod.

    >>> float(nanprod([2.0, 3.0, float("nan")]))
    6.0
    """
    return prod(where(isnan(x), 1.0, x), axis, keepdims)


# -- activations ---------------------------------------------------------------------------------------------
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest point to x whose values along an axis of known size are shares: at least 0, together 1,
    many of them 0. As keras.ops.sparsemax; Martins and Astudillo (2016). Keras 3.15 gives shares that are too
    small where several are left.

    >>> sparsemax([3.0, 1.0, 2.5]).tolist()
    [0.75, 0.0, 0.25]
    """
    rank = len(shape_of(x))
    (place,) = axes_in(axis, rank)
    size = shape_of(x)[place]
    if size is None:
        raise ValueError(f"ops.sparsemax needs an axis of known size. Received: shape={shape_of(x)}")
    ordered = negative(sort(negative(x), place))
    ranks = np.arange(1, size + 1, dtype=np.float32).reshape(-1, *[1] * (rank - place - 1))
    above = cumsum(ordered, place)
    kept = cast(greater(add(multiply(ordered, ranks), 1.0), above), "float32")
    count = summed(kept, place, True)
    threshold = divide(subtract(summed(multiply(ordered, kept), place, True), 1.0), count)
    return maximum(subtract(x, threshold), 0.0)
