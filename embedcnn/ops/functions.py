"""Functions of single values: roots, exponentials, activations, rounding. Keras's names in keras.ops.

Of symbolic tensors, weights, arrays and numbers. What they compute stands in the table of elementwise.py.
"""

from __future__ import annotations

from typing import Any

from .primitives import apply


def negative(x: Any) -> Any:
    """-x. As keras.ops.negative.

    >>> negative([1.0, -2.0]).tolist()
    [-1.0, 2.0]
    """
    return apply("negative", [x])


def exp(x: Any) -> Any:
    """e to the power x, float32. As keras.ops.exp.

    >>> exp([0.0]).tolist()
    [1.0]
    """
    return apply("exp", [x])


def log(x: Any) -> Any:
    """The natural logarithm, float32. As keras.ops.log.

    >>> log([1.0]).tolist()
    [0.0]
    """
    return apply("log", [x])


def log1p(x: Any) -> Any:
    """log(1 + x), exact for small x. As keras.ops.log1p.

    >>> log1p([0.0]).tolist()
    [0.0]
    """
    return apply("log1p", [x])


def expm1(x: Any) -> Any:
    """exp(x) - 1, exact for small x. As keras.ops.expm1.

    >>> expm1([0.0]).tolist()
    [0.0]
    """
    return apply("expm1", [x])


def log2(x: Any) -> Any:
    """The logarithm to the base 2, float32. As keras.ops.log2.

    >>> log2([8.0]).round(4).tolist()
    [3.0]
    """
    return apply("multiply", [log(x), 1.4426950408889634])


def log10(x: Any) -> Any:
    """The logarithm to the base 10, float32. As keras.ops.log10.

    >>> log10([100.0]).round(4).tolist()
    [2.0]
    """
    return apply("multiply", [log(x), 0.4342944819032518])


def exp2(x: Any) -> Any:
    """2 to the power x, float32. As keras.ops.exp2.

    >>> exp2([3.0]).round(4).tolist()
    [8.0]
    """
    return apply("power", [2.0, x])


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """x with numbers in the place of NaN and of infinities (None: the largest there are). As
    keras.ops.nan_to_num.

    >>> nan_to_num([1.5, float("nan")]).tolist()
    [1.5, 0.0]
    """
    largest = 3.4028234663852886e38
    x = apply("where", [apply("isnan", [x]), nan, x])
    x = apply("where", [apply("greater", [x, largest]), largest if posinf is None else posinf, x])
    return apply("where", [apply("less", [x, -largest]), -largest if neginf is None else neginf, x])


def sqrt(x: Any) -> Any:
    """The square root, float32. As keras.ops.sqrt.

    >>> sqrt([4.0]).tolist()
    [2.0]
    """
    return apply("sqrt", [x])


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x), float32. As keras.ops.rsqrt.

    >>> rsqrt([4.0]).tolist()
    [0.5]
    """
    return apply("rsqrt", [x])


def reciprocal(x: Any) -> Any:
    """1 / x, float32. As keras.ops.reciprocal.

    >>> reciprocal([4.0]).tolist()
    [0.25]
    """
    return apply("reciprocal", [x])


def square(x: Any) -> Any:
    """x * x. As keras.ops.square.

    >>> square([3.0]).tolist()
    [9.0]
    """
    return apply("square", [x])


def abs(x: Any) -> Any:  # noqa: A001 - Keras's name
    """The absolute value; its gradient in 0 is 0. As keras.ops.abs.

    >>> abs([-3.0]).tolist()
    [3.0]
    """
    return apply("abs", [x])


absolute = abs


def sign(x: Any) -> Any:
    """-1, 0 or 1; without a gradient. As keras.ops.sign.

    >>> sign([-3.0, 0.0]).tolist()
    [-1.0, 0.0]
    """
    return apply("sign", [x])


def erf(x: Any) -> Any:
    """The error function, float32. As keras.ops.erf.

    >>> erf([0.0]).tolist()
    [0.0]
    """
    return apply("erf", [x])


def sin(x: Any) -> Any:
    """The sine, float32. As keras.ops.sin.

    >>> sin([0.0]).tolist()
    [0.0]
    """
    return apply("sin", [x])


def cos(x: Any) -> Any:
    """The cosine, float32. As keras.ops.cos.

    >>> cos([0.0]).tolist()
    [1.0]
    """
    return apply("cos", [x])


def tan(x: Any) -> Any:
    """The tangent, float32. As keras.ops.tan.

    >>> tan([0.0]).tolist()
    [0.0]
    """
    return apply("tan", [x])


def arcsin(x: Any) -> Any:
    """The angle of a sine, float32. As keras.ops.arcsin.

    >>> arcsin([0.0]).tolist()
    [0.0]
    """
    return apply("arcsin", [x])


def arccos(x: Any) -> Any:
    """The angle of a cosine, float32. As keras.ops.arccos.

    >>> arccos([1.0]).tolist()
    [0.0]
    """
    return apply("arccos", [x])


def arctan(x: Any) -> Any:
    """The angle of a tangent, float32. As keras.ops.arctan.

    >>> arctan([0.0]).tolist()
    [0.0]
    """
    return apply("arctan", [x])


def sinh(x: Any) -> Any:
    """The hyperbolic sine, float32. As keras.ops.sinh.

    >>> sinh([0.0]).tolist()
    [0.0]
    """
    return apply("sinh", [x])


def cosh(x: Any) -> Any:
    """The hyperbolic cosine, float32. As keras.ops.cosh.

    >>> cosh([0.0]).tolist()
    [1.0]
    """
    return apply("cosh", [x])


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, float32. As keras.ops.tanh.

    >>> tanh([0.0]).tolist()
    [0.0]
    """
    return apply("tanh", [x])


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), float32. As keras.ops.sigmoid.

    >>> sigmoid([0.0]).tolist()
    [0.5]
    """
    return apply("sigmoid", [x])


def relu(x: Any) -> Any:
    """max(x, 0); its gradient in 0 is 0. As keras.ops.relu.

    >>> relu([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    return apply("relu", [x])


def floor(x: Any) -> Any:
    """The next whole number below, float32; without a gradient. As keras.ops.floor.

    >>> floor([1.5]).tolist()
    [1.0]
    """
    return apply("floor", [x])


def ceil(x: Any) -> Any:
    """The next whole number above, float32; without a gradient. As keras.ops.ceil.

    >>> ceil([1.5]).tolist()
    [2.0]
    """
    return apply("ceil", [x])


def round(x: Any) -> Any:  # noqa: A001 - Keras's name
    """The nearest whole number, of two the even one; without a gradient. As keras.ops.round.

    >>> round([1.5, 2.5]).tolist()
    [2.0, 2.0]
    """
    return apply("round", [x])


def trunc(x: Any) -> Any:
    """Without what stands behind the point; without a gradient. As keras.ops.trunc.

    >>> trunc([-1.5]).tolist()
    [-1.0]
    """
    return apply("trunc", [x])


def stop_gradient(x: Any) -> Any:
    """x, but as a constant: nothing before it learns through it. As keras.ops.stop_gradient.

    >>> stop_gradient([1.5]).tolist()
    [1.5]
    """
    return apply("stop_gradient", [x])


def zeros_like(x: Any) -> Any:
    """Zeros of the shape of x. As keras.ops.zeros_like.

    >>> zeros_like([1.5]).tolist()
    [0.0]
    """
    return apply("zeros_like", [x])


def ones_like(x: Any) -> Any:
    """Ones of the shape of x. As keras.ops.ones_like.

    >>> ones_like([1.5]).tolist()
    [1.0]
    """
    return apply("ones_like", [x])


def isnan(x: Any) -> Any:
    """Where x is NaN, bool. As keras.ops.isnan.

    >>> isnan([1.5]).tolist()
    [False]
    """
    return apply("isnan", [x])


def isfinite(x: Any) -> Any:
    """Where x is neither infinite nor NaN, bool. As keras.ops.isfinite.

    >>> isfinite([1.5]).tolist()
    [True]
    """
    return apply("isfinite", [x])


def isinf(x: Any) -> Any:
    """Where x is infinite, bool. As keras.ops.isinf.

    >>> isinf([1.5]).tolist()
    [False]
    """
    return apply("isinf", [x])


def logical_not(x: Any) -> Any:
    """Where x is not true (0), bool. As keras.ops.logical_not.

    >>> logical_not([True, False]).tolist()
    [False, True]
    """
    return apply("logical_not", [x])
