"""Activation functions by Keras's names in keras.ops, of symbolic tensors, weights, arrays and numbers.

Without settings each is one operation of the core, as in a layer; with settings it is made of others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..activations import FUNCTIONS
from .elementwise import add, divide, minimum, multiply, subtract, where
from .functions import abs as absolute
from .functions import expm1, relu, sigmoid, sqrt, square
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


def relu6(x: Any) -> Any:
    """min(max(x, 0), 6). As keras.ops.relu6.

    >>> relu6([-1.0, 7.0]).tolist()
    [0.0, 6.0]
    """
    return apply("relu6", [x])


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


def selu(x: Any) -> Any:
    """The self-normalising exponential linear unit. As keras.ops.selu.

    >>> selu([0.0]).tolist()
    [0.0]
    """
    return apply("selu", [x])


def silu(x: Any) -> Any:
    """x sigmoid(x), also called swish. As keras.ops.silu.

    >>> silu([0.0]).tolist()
    [0.0]
    """
    return apply("silu", [x])


swish = silu


def gelu(x: Any, approximate: bool = True) -> Any:
    """x times the normal distribution function of x; `approximate`: by tanh, the default as in Keras's
    function (its layers take the exact form). As keras.ops.gelu.

    >>> gelu([0.0]).tolist()
    [0.0]
    """
    return apply("gelu_tanh" if approximate else "gelu", [x])


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow. As keras.ops.softplus.

    >>> softplus([0.0]).round(4)
    array([0.6931], dtype=float32)
    """
    return apply("softplus", [x])


def softsign(x: Any) -> Any:
    """x / (1 + |x|). As keras.ops.softsign.

    >>> softsign([1.0]).tolist()
    [0.5]
    """
    return apply("softsign", [x])


def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6. As keras.ops.hard_sigmoid.

    >>> hard_sigmoid([0.0]).tolist()
    [0.5]
    """
    return apply("hard_sigmoid", [x])


def hard_silu(x: Any) -> Any:
    """x hard_sigmoid(x), also called hard_swish. As keras.ops.hard_silu.

    >>> hard_silu([3.0]).tolist()
    [3.0]
    """
    return apply("hard_silu", [x])


hard_swish = hard_silu


def hard_tanh(x: Any) -> Any:
    """x between -1 and 1, these beyond. As keras.ops.hard_tanh.

    >>> hard_tanh([-3.0, 0.5]).tolist()
    [-1.0, 0.5]
    """
    return apply("hard_tanh", [x])


def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)), without overflow. As keras.ops.log_sigmoid.

    >>> log_sigmoid([0.0]).round(4)
    array([-0.6931], dtype=float32)
    """
    return apply("log_sigmoid", [x])


def mish(x: Any) -> Any:
    """x tanh(softplus(x)). As keras.activations.mish.

    >>> mish([0.0]).tolist()
    [0.0]
    """
    return apply("mish", [x])


def tanh_shrink(x: Any) -> Any:
    """x - tanh(x). As keras.ops.tanh_shrink.

    >>> tanh_shrink([0.0]).tolist()
    [0.0]
    """
    return apply("tanh_shrink", [x])


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


def sparse_plus(x: Any) -> Any:
    """0 up to -1, (x + 1)^2 / 4 between -1 and 1, x from 1. As keras.ops.sparse_plus.

    >>> sparse_plus([-2.0, 1.0]).tolist()
    [0.0, 1.0]
    """
    return apply("sparse_plus", [x])


def sparse_sigmoid(x: Any) -> Any:
    """(x + 1) / 2 between 0 and 1. As keras.ops.sparse_sigmoid.

    >>> sparse_sigmoid([-2.0, 0.0]).tolist()
    [0.0, 0.5]
    """
    return apply("sparse_sigmoid", [x])


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
