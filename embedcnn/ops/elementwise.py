"""Operations value by value, with NumPy's broadcasting: arithmetic, comparisons, logic.

Of symbolic tensors, weights, arrays and numbers, mixed; Keras's names in keras.ops. Masked steps are zeros.
Where all symbolic operands have the same mask (or one step for all) the result has it too: e + 1 is 0 there.
Where masks differ, a product (multiply, divide, logical_and) is masked, and zero, where one operand is; any
other result is what comes of the zeros, and all its steps count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .primitives import apply, broadcast, dtype_of, is_symbolic, primitive


def _erf(x: np.ndarray) -> np.ndarray:
    """The error function, by Abramowitz and Stegun's 7.1.28 where NumPy has none: exact to float32."""
    from math import erf as exact  # NumPy has no error function

    return np.vectorize(exact, otypes=[np.float32])(x) if x.size else x.astype(np.float32)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float32)
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without NumPy's warnings: as the core, which gives infinities and NaN silently."""

    def compute(*arrays: np.ndarray) -> Any:
        with np.errstate(all="ignore"):
            return function(*arrays)

    return compute


def _floats(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of float32 numbers, whatever is given."""
    return lambda *arrays: function(*(np.asarray(array, np.float32) for array in arrays))


_TWO: dict[str, tuple[Callable[..., Any], str]] = {
    "add": (np.add, ""),
    "subtract": (np.subtract, ""),
    "multiply": (np.multiply, ""),
    "divide": (_floats(np.divide), "float32"),
    "mod": (np.mod, ""),
    "power": (_floats(np.power), ""),
    "arctan2": (_floats(np.arctan2), "float32"),
    "maximum": (np.maximum, ""),
    "minimum": (np.minimum, ""),
    "equal": (np.equal, "bool"),
    "not_equal": (np.not_equal, "bool"),
    "less": (np.less, "bool"),
    "less_equal": (np.less_equal, "bool"),
    "greater": (np.greater, "bool"),
    "greater_equal": (np.greater_equal, "bool"),
    "logical_and": (np.logical_and, "bool"),
    "logical_or": (np.logical_or, "bool"),
}
_ONE: dict[str, tuple[Callable[..., Any], str]] = {
    "negative": (lambda x: -x, ""),
    "log": (_floats(np.log), "float32"),
    "log1p": (_floats(np.log1p), "float32"),
    "expm1": (_floats(np.expm1), "float32"),
    "sqrt": (_floats(np.sqrt), "float32"),
    "rsqrt": (_floats(lambda x: 1 / np.sqrt(x)), "float32"),
    "reciprocal": (_floats(np.reciprocal), "float32"),
    "square": (np.square, ""),
    "abs": (np.abs, ""),
    "sign": (np.sign, ""),
    "erf": (_erf, "float32"),
    "sin": (_floats(np.sin), "float32"),
    "cos": (_floats(np.cos), "float32"),
    "tan": (_floats(np.tan), "float32"),
    "arcsin": (_floats(np.arcsin), "float32"),
    "arccos": (_floats(np.arccos), "float32"),
    "arctan": (_floats(np.arctan), "float32"),
    "sinh": (_floats(np.sinh), "float32"),
    "cosh": (_floats(np.cosh), "float32"),
    "floor": (_floats(np.floor), "float32"),
    "ceil": (_floats(np.ceil), "float32"),
    "round": (np.round, ""),
    "trunc": (np.trunc, ""),
    "stop_gradient": (np.array, ""),
    "zeros_like": (np.zeros_like, ""),
    "ones_like": (np.ones_like, ""),
    "isnan": (np.isnan, "bool"),
    "isfinite": (np.isfinite, "bool"),
    "isinf": (np.isinf, "bool"),
    "logical_not": (np.logical_not, "bool"),
}
_ACTIVATIONS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "exp": (_floats(np.exp), "float32", "exponential"),
    "tanh": (_floats(np.tanh), "float32", "tanh"),
    "sigmoid": (_sigmoid, "float32", "sigmoid"),
    "relu": (lambda x: np.maximum(x, np.zeros((), x.dtype)), "", "relu"),
}
for _name, (_compute, _dtype) in (_TWO | _ONE).items():
    primitive(_name, _quiet(_compute), broadcast, _dtype, broadcasts=True)
for _name, (_compute, _dtype, _of_core) in _ACTIVATIONS.items():
    primitive(_name, _quiet(_compute), broadcast, _dtype, broadcasts=True, activation=_of_core)
primitive("where", np.where, broadcast, broadcasts=True)
primitive("cast", lambda x, dtype: x.astype(dtype), lambda shapes, dtype: shapes[0])


_CASTS = {
    **dict.fromkeys(("float16", "bfloat16", "float32", "float64"), "float32"),
    **dict.fromkeys(("int32", "int64"), "int32"),
    "bool": "bool",
}
"""What each dtype counts as in `cast`; small and unsigned whole numbers would not wrap as elsewhere."""


def add(x1: Any, x2: Any) -> Any:
    """x1 + x2. As keras.ops.add.

    >>> add([1.0, 2.0], 10.0).tolist()
    [11.0, 12.0]
    """
    return apply("add", [x1, x2])


def subtract(x1: Any, x2: Any) -> Any:
    """x1 - x2. As keras.ops.subtract.

    >>> subtract([1.0, 2.0], 10.0).tolist()
    [-9.0, -8.0]
    """
    return apply("subtract", [x1, x2])


def multiply(x1: Any, x2: Any) -> Any:
    """x1 * x2. As keras.ops.multiply.

    >>> multiply([1.0, 2.0], 10.0).tolist()
    [10.0, 20.0]
    """
    return apply("multiply", [x1, x2])


def divide(x1: Any, x2: Any) -> Any:
    """x1 / x2, float32. As keras.ops.divide.

    >>> divide([1.0, 2.0], 4.0).tolist()
    [0.25, 0.5]
    """
    return apply("divide", [x1, x2])


true_divide = divide


def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2, float32, 0 where x2 is 0. As keras.ops.divide_no_nan.

    >>> divide_no_nan([1.0, 2.0], [2.0, 0.0]).tolist()
    [0.5, 0.0]
    """
    some = not_equal(x2, 0)
    return multiply(divide(x1, where(some, x2, 1.0)), cast(some, "float32"))


def mod(x1: Any, x2: Any) -> Any:
    """The remainder of x1 / x2, of the sign of x2. As keras.ops.mod.

    >>> mod([5.0, -5.0], 3.0).tolist()
    [2.0, 1.0]
    """
    return apply("mod", [x1, x2])


def power(x1: Any, x2: Any) -> Any:
    """x1 to the power x2, float32; the gradient of x2 is 0 where x1 is not above 0. As keras.ops.power.

    >>> power([2.0, 3.0], 2.0).tolist()
    [4.0, 9.0]
    """
    return apply("power", [x1, x2])


def maximum(x1: Any, x2: Any) -> Any:
    """The larger of x1 and x2; x1 gets the gradient where they are equal. As keras.ops.maximum.

    >>> maximum([1.0, 5.0], 3.0).tolist()
    [3.0, 5.0]
    """
    return apply("maximum", [x1, x2])


def minimum(x1: Any, x2: Any) -> Any:
    """The smaller of x1 and x2; x1 gets the gradient where they are equal. As keras.ops.minimum.

    >>> minimum([1.0, 5.0], 3.0).tolist()
    [1.0, 3.0]
    """
    return apply("minimum", [x1, x2])


def arctan2(x1: Any, x2: Any) -> Any:
    """The angle of the point (x2, x1), float32, from -pi to pi. As keras.ops.arctan2.

    >>> arctan2([0.0], [1.0]).tolist()
    [0.0]
    """
    return apply("arctan2", [x1, x2])


def equal(x1: Any, x2: Any) -> Any:
    """Where x1 equals x2, bool. As keras.ops.equal.

    >>> equal([1, 2], 2).tolist()
    [False, True]
    """
    return apply("equal", [x1, x2])


def not_equal(x1: Any, x2: Any) -> Any:
    """Where x1 differs from x2, bool. As keras.ops.not_equal.

    >>> not_equal([1, 2], 2).tolist()
    [True, False]
    """
    return apply("not_equal", [x1, x2])


def less(x1: Any, x2: Any) -> Any:
    """Where x1 is below x2, bool. As keras.ops.less.

    >>> less([1, 2], 2).tolist()
    [True, False]
    """
    return apply("less", [x1, x2])


def less_equal(x1: Any, x2: Any) -> Any:
    """Where x1 is at most x2, bool. As keras.ops.less_equal.

    >>> less_equal([1, 3], 2).tolist()
    [True, False]
    """
    return apply("less_equal", [x1, x2])


def greater(x1: Any, x2: Any) -> Any:
    """Where x1 is above x2, bool. As keras.ops.greater.

    >>> greater([1, 3], 2).tolist()
    [False, True]
    """
    return apply("greater", [x1, x2])


def greater_equal(x1: Any, x2: Any) -> Any:
    """Where x1 is at least x2, bool. As keras.ops.greater_equal.

    >>> greater_equal([1, 2], 2).tolist()
    [False, True]
    """
    return apply("greater_equal", [x1, x2])


def logical_and(x1: Any, x2: Any) -> Any:
    """Where both are true (not 0), bool. As keras.ops.logical_and.

    >>> logical_and([True, True], [True, False]).tolist()
    [True, False]
    """
    return apply("logical_and", [x1, x2])


def logical_or(x1: Any, x2: Any) -> Any:
    """Where one of them is true (not 0), bool. As keras.ops.logical_or.

    >>> logical_or([True, False], [False, False]).tolist()
    [True, False]
    """
    return apply("logical_or", [x1, x2])


def logical_xor(x1: Any, x2: Any) -> Any:
    """Where one of them alone is true (not 0), bool. As keras.ops.logical_xor.

    >>> logical_xor([True, True], [True, False]).tolist()
    [False, True]
    """
    return not_equal(not_equal(x1, 0), not_equal(x2, 0))


def floor_divide(x1: Any, x2: Any) -> Any:
    """The next whole number below x1 / x2, float32; without a gradient. As keras.ops.floor_divide.

    >>> floor_divide([7.0, -7.0], 2.0).tolist()
    [3.0, -4.0]
    """
    return apply("floor", [divide(x1, x2)])


def where(condition: Any, x1: Any, x2: Any) -> Any:
    """x1 where the condition is true (not 0), else x2; each gets the gradient where it is taken. As
    keras.ops.where.

    >>> where([True, False], [1.0, 2.0], 0.0).tolist()
    [1.0, 0.0]
    """
    return apply("where", [condition, x1, x2])


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """x, but at least x_min and at most x_max; the gradient is 0 outside. As keras.ops.clip.

    >>> clip([-1.0, 0.5, 9.0], 0.0, 1.0).tolist()
    [0.0, 0.5, 1.0]
    """
    return minimum(maximum(x, x_min), x_max)


def cast(x: Any, dtype: Any) -> Any:
    """x as "float32", "int32" (without what stands behind the point) or "bool" (where it is not 0). As
    keras.ops.cast; int64, float16, bfloat16 and float64 count as these. Raises ValueError for other dtypes.

    >>> cast([1.5, 0.0], "bool").tolist()
    [True, False]
    """
    try:
        name = "bfloat16" if isinstance(dtype, str) and dtype == "bfloat16" else np.dtype(dtype).name
    except TypeError:
        name = ""
    kind = _CASTS.get(name)
    if kind is None:
        raise ValueError(
            "`dtype` must be 'float32', 'int32' or 'bool' (or int64, float16, bfloat16, float64, which count "
            f"as these). Received: dtype={dtype!r}"
        )
    before = dtype_of(x)
    if before == kind and is_symbolic(x):
        return x
    return apply("cast", [x], dtype=kind)
