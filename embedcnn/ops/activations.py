"""Activation functions by Keras's names in keras.ops, of symbolic tensors, weights, arrays and numbers.

Without settings each is one operation of the core, as in a layer; with settings it is made of others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..activations import FUNCTIONS
from ..base.checked import checked
from .elementwise import add, divide, minimum, multiply, subtract, where
from .functions import abs as absolute
from .functions import expm1, of_one, relu, sigmoid, sqrt, square
from .primitives import apply, axes_in, broadcast, primitive, shape_of
from .rearranging import split


def _of_floats(function: Callable[..., np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The function in double precision, to float32."""
    return lambda x: function(np.asarray(x, np.float64)).astype(np.float32)


for _name in (
    *("relu6", "leaky_relu", "elu", "selu", "silu", "gelu", "gelu_tanh", "softplus", "softsign"),
    *("hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "mish", "tanh_shrink", "soft_shrink"),
    *("hard_shrink", "squareplus", "sparse_plus", "sparse_sigmoid"),
):
    primitive(_name, _of_floats(FUNCTIONS[_name]), broadcast, "float32", True, activation=_name)


relu6 = of_one("relu6", "min(max(x, 0), 6).", "[-1.0, 7.0]", ".tolist()", "[0.0, 6.0]")


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where it is positive, else negative_slope x. As keras.ops.leaky_relu.

    >>> leaky_relu([-2.0, 3.0], 0.5).tolist()
    [-1.0, 3.0]
    """
    if negative_slope == 0.2:
        return apply("leaky_relu", [x])
    return where(apply("greater", [x, 0.0]), x, multiply(x, negative_slope))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, else alpha (exp(x) - 1). As keras.ops.elu.

    >>> elu([0.0, 3.0]).tolist()
    [0.0, 3.0]
    """
    if alpha == 1:
        return apply("elu", [x])
    return where(apply("greater", [x, 0.0]), x, multiply(expm1(minimum(x, 0.0)), alpha))


def celu(x: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, else alpha (exp(x / alpha) - 1). As keras.ops.celu.

    >>> celu([0.0, 3.0]).tolist()
    [0.0, 3.0]
    """
    return elu(x) if alpha == 1 else multiply(elu(divide(x, alpha)), alpha) if alpha > 0 else _no_alpha(alpha)


def _no_alpha(alpha: float) -> Any:
    raise ValueError(f"`alpha` must be above 0. Received: alpha={alpha!r}")


selu = of_one("selu", "The self-normalising exponential linear unit.", "[0.0]", ".tolist()", "[0.0]")
silu = of_one("silu", "x sigmoid(x), also called swish.", "[0.0]", ".tolist()", "[0.0]")
swish = silu


@checked
def gelu(x: Any, approximate: bool = True) -> Any:
    """x times the normal distribution function of x; `approximate`: by tanh, the default as in Keras's
    function (its layers take the exact form). As keras.ops.gelu.

    >>> gelu([0.0]).tolist()
    [0.0]
    """
    return apply("gelu_tanh" if approximate else "gelu", [x])


softplus = of_one(
    "softplus", "log(1 + exp(x)), without overflow.", "[0.0]", ".round(4)", "array([0.6931], dtype=float32)"
)
softsign = of_one("softsign", "x / (1 + |x|).", "[1.0]", ".tolist()", "[0.5]")
hard_sigmoid = of_one("hard_sigmoid", "relu6(x + 3) / 6.", "[0.0]", ".tolist()", "[0.5]")
hard_silu = of_one("hard_silu", "x hard_sigmoid(x), also called hard_swish.", "[3.0]", ".tolist()", "[3.0]")
hard_swish = hard_silu


hard_tanh = of_one(
    "hard_tanh", "x between -1 and 1, these beyond.", "[-3.0, 0.5]", ".tolist()", "[-1.0, 0.5]"
)
log_sigmoid = of_one(
    "log_sigmoid",
    "log(sigmoid(x)), without overflow.",
    "[0.0]",
    ".round(4)",
    "array([-0.6931], dtype=float32)",
)
mish = of_one("mish", "x tanh(softplus(x)).", "[0.0]", ".tolist()", "[0.0]")
tanh_shrink = of_one("tanh_shrink", "x - tanh(x).", "[0.0]", ".tolist()", "[0.0]")


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved towards 0 by the threshold, 0 where it is nearer. As keras.ops.soft_shrink.

    >>> soft_shrink([-2.0, 0.25]).tolist()
    [-1.5, 0.0]
    """
    if threshold == 0.5:
        return apply("soft_shrink", [x])
    return subtract(relu(subtract(x, threshold)), relu(subtract(apply("negative", [x]), threshold)))


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| is above the threshold, else 0. As keras.ops.hard_shrink.

    >>> hard_shrink([-2.0, 0.25]).tolist()
    [-2.0, 0.0]
    """
    if threshold == 0.5:
        return apply("hard_shrink", [x])
    return where(apply("greater", [absolute(x), threshold]), x, 0.0)


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where it is above the threshold, else the default value. As keras.ops.threshold.

    >>> threshold([-2.0, 3.0], 1.0, 0.5).tolist()
    [0.5, 3.0]
    """
    return where(apply("greater", [x, threshold]), x, default_value)


def squareplus(x: Any, b: float = 4.0) -> Any:
    """(x + sqrt(x^2 + b)) / 2. As keras.ops.squareplus.

    >>> squareplus([0.0]).tolist()
    [1.0]
    """
    if b == 4:
        return apply("squareplus", [x])
    return divide(add(x, sqrt(add(square(x), b))), 2.0)


sparse_plus = of_one(
    "sparse_plus",
    "0 up to -1, (x + 1)^2 / 4 between -1 and 1, x from 1.",
    "[-2.0, 1.0]",
    ".tolist()",
    "[0.0, 1.0]",
)
sparse_sigmoid = of_one(
    "sparse_sigmoid", "(x + 1) / 2 between 0 and 1.", "[-2.0, 0.0]", ".tolist()", "[0.0, 0.5]"
)


def glu(x: Any, axis: int = -1) -> Any:
    """The first half of an axis times the sigmoid of the second. As keras.ops.glu.

    >>> glu([[2.0, 0.0]]).tolist()
    [[1.0]]
    """
    (place,) = axes_in(axis, len(shape_of(x)))
    first, second = split(x, 2, place)
    return multiply(first, sigmoid(second))


def logaddexp(x1: Any, x2: Any) -> Any:
    """log(exp(x1) + exp(x2)), without overflow. As keras.ops.logaddexp.

    >>> logaddexp([0.0], [0.0]).round(4)
    array([0.6931], dtype=float32)
    """
    return add(x1, softplus(subtract(x2, x1)))
