"""Functions of single values: roots, exponentials, activations, rounding. Keras's names in keras.ops.

Of symbolic tensors, weights, arrays and numbers. What they compute stands in the table of elementwise.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .primitives import apply


def of_one(name: str, what: str, given: str, shown: str, result: str) -> Callable[[Any], Any]:
    """The function of this name; `given`, `shown` and `result` are its example."""

    def function(x: Any) -> Any:
        return apply(name, [x])

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{what} As keras.ops.{name}.\n\n>>> {name}({given}){shown}\n{result}\n"
    return function


negative = of_one("negative", "-x.", "[1.0, -2.0]", ".tolist()", "[-1.0, 2.0]")
exp = of_one("exp", "e to the power x, float32.", "[0.0]", ".tolist()", "[1.0]")
log = of_one("log", "The natural logarithm, float32.", "[1.0]", ".tolist()", "[0.0]")
log1p = of_one("log1p", "log(1 + x), exact for small x.", "[0.0]", ".tolist()", "[0.0]")
expm1 = of_one("expm1", "exp(x) - 1, exact for small x.", "[0.0]", ".tolist()", "[0.0]")


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


sqrt = of_one("sqrt", "The square root, float32.", "[4.0]", ".tolist()", "[2.0]")
rsqrt = of_one("rsqrt", "1 / sqrt(x), float32.", "[4.0]", ".tolist()", "[0.5]")
reciprocal = of_one("reciprocal", "1 / x, float32.", "[4.0]", ".tolist()", "[0.25]")
square = of_one("square", "x * x.", "[3.0]", ".tolist()", "[9.0]")
abs = of_one("abs", "The absolute value; its gradient in 0 is 0.", "[-3.0]", ".tolist()", "[3.0]")  # noqa: A001 - Keras's name


absolute = abs


sign = of_one("sign", "-1, 0 or 1; without a gradient.", "[-3.0, 0.0]", ".tolist()", "[-1.0, 0.0]")
erf = of_one("erf", "The error function, float32.", "[0.0]", ".tolist()", "[0.0]")
sin = of_one("sin", "The sine, float32.", "[0.0]", ".tolist()", "[0.0]")
cos = of_one("cos", "The cosine, float32.", "[0.0]", ".tolist()", "[1.0]")
tan = of_one("tan", "The tangent, float32.", "[0.0]", ".tolist()", "[0.0]")
arcsin = of_one("arcsin", "The angle of a sine, float32.", "[0.0]", ".tolist()", "[0.0]")
arccos = of_one("arccos", "The angle of a cosine, float32.", "[1.0]", ".tolist()", "[0.0]")
arctan = of_one("arctan", "The angle of a tangent, float32.", "[0.0]", ".tolist()", "[0.0]")
sinh = of_one("sinh", "The hyperbolic sine, float32.", "[0.0]", ".tolist()", "[0.0]")
cosh = of_one("cosh", "The hyperbolic cosine, float32.", "[0.0]", ".tolist()", "[1.0]")
tanh = of_one("tanh", "The hyperbolic tangent, float32.", "[0.0]", ".tolist()", "[0.0]")
sigmoid = of_one("sigmoid", "1 / (1 + exp(-x)), float32.", "[0.0]", ".tolist()", "[0.5]")
relu = of_one("relu", "max(x, 0); its gradient in 0 is 0.", "[-1.0, 2.0]", ".tolist()", "[0.0, 2.0]")
floor = of_one(
    "floor", "The next whole number below, float32; without a gradient.", "[1.5]", ".tolist()", "[1.0]"
)
ceil = of_one(
    "ceil", "The next whole number above, float32; without a gradient.", "[1.5]", ".tolist()", "[2.0]"
)
round = of_one(
    "round",
    "The nearest whole number, of two the even one; without a gradient.",
    "[1.5, 2.5]",
    ".tolist()",
    "[2.0, 2.0]",
)  # noqa: A001 - Keras's name
trunc = of_one(
    "trunc", "Without what stands behind the point; without a gradient.", "[-1.5]", ".tolist()", "[-1.0]"
)
stop_gradient = of_one(
    "stop_gradient",
    "x, but as a constant: nothing before it learns through it.",
    "[1.5]",
    ".tolist()",
    "[1.5]",
)
zeros_like = of_one("zeros_like", "Zeros of the shape of x.", "[1.5]", ".tolist()", "[0.0]")
ones_like = of_one("ones_like", "Ones of the shape of x.", "[1.5]", ".tolist()", "[1.0]")
isnan = of_one("isnan", "Where x is NaN, bool.", "[1.5]", ".tolist()", "[False]")
isfinite = of_one("isfinite", "Where x is neither infinite nor NaN, bool.", "[1.5]", ".tolist()", "[True]")
isinf = of_one("isinf", "Where x is infinite, bool.", "[1.5]", ".tolist()", "[False]")
logical_not = of_one(
    "logical_not", "Where x is not true (0), bool.", "[True, False]", ".tolist()", "[False, True]"
)
