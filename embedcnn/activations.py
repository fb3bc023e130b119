"""Activation functions by Keras's names: NumPy versions to call, and the names that layers hand to the core.

In a model they run in the core (csrc/kernels); the functions here serve users and tests.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .base.arguments import axis_of, boolean, finite_number, integer, optional, unknown_name
from .base.arrays import numbers
from .base.custom_objects import custom_object, is_reading, known_function, known_objects
from .base.keras_names import no_such_name
from .base.named_objects import named_object

MONOTONE = frozenset(
    [
        "linear",
        "relu",
        "tanh",
        "sigmoid",
        "softplus",
        "softsign",
        "elu",
        "selu",
        "exponential",
        "leaky_relu",
        "relu6",
        "hard_sigmoid",
    ]
)
"""Names of the functions that never fall: max(f(x)) = f(max(x))."""

_erf = np.vectorize(math.erf, otypes=[float])
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


_LAYERS = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "elu": "ELU", "softmax": "Softmax"}
"""The layers that take the settings of a function besides x."""


_SETTINGS: dict[str, Callable[[str, Any], Any]] = {
    "float": finite_number,
    "float | None": functools.partial(optional, finite_number),
    "int": integer,
    "bool": boolean,
}
"""How the settings of functions are checked, by their annotations."""


def _also_symbolic(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function so that a symbolic tensor goes through the layer that computes it, and arrays are ones of
    numbers; TypeError or ValueError by name for what is none, and for settings out of range.
    """
    settings_of = list(inspect.signature(function).parameters.values())[1:]

    @functools.wraps(function)
    def activation(x: Any, *arguments: Any, **options: Any) -> Any:
        if not hasattr(x, "node"):  # as symbolic tensors have it
            x = numbers("x", x)
            if arguments or options:
                given = inspect.signature(function).bind(x, *arguments, **options).arguments
                for one in settings_of:
                    if one.name in given:
                        given[one.name] = _SETTINGS[one.annotation](one.name, given[one.name])
                return function(**given)
            return function(x)
        given = inspect.signature(function).bind(x, *arguments, **options).arguments
        name, settings = function.__name__, {key: value for key, value in given.items() if key != "x"}
        if name == "gelu" and "approximate" in settings:
            name = "gelu_tanh" if settings.pop("approximate") else "gelu"
        if settings and name not in _LAYERS:
            raise TypeError(
                f"activations.{name} of a symbolic tensor takes no settings. Received: {settings}"
            )
        if settings:
            return named_object(f"embedcnn.layers:{_LAYERS[name]}")(**settings)(x)
        return named_object("embedcnn.layers:Activation")(name)(x)

    return activation


@_also_symbolic
def linear(x: Any) -> np.ndarray:
    """x itself."""
    return x


@_also_symbolic
def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> np.ndarray:
    """min(x, max_value) where x is above the threshold, else negative_slope (x - threshold).

    >>> relu([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    above = x if max_value is None else np.minimum(x, max_value)
    return np.where(x > threshold, above, negative_slope * (x - threshold)) + 0.0


@_also_symbolic
def relu6(x: Any) -> np.ndarray:
    """min(max(x, 0), 6)."""
    return np.clip(x, 0, 6)


@_also_symbolic
def leaky_relu(x: Any, negative_slope: float = 0.2) -> np.ndarray:
    """x where it is positive, else negative_slope x."""
    return np.where(x > 0, x, negative_slope * x)


@_also_symbolic
def elu(x: Any, alpha: float = 1.0) -> np.ndarray:
    """x where it is positive, else alpha (exp(x) - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@_also_symbolic
def celu(x: Any, alpha: float = 1.0) -> np.ndarray:
    """x where it is positive, else alpha (exp(x / alpha) - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


@_also_symbolic
def selu(x: Any) -> np.ndarray:
    """The self-normalising exponential linear unit (Klambauer et al. 2017)."""
    return _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0)))


@_also_symbolic
def tanh(x: Any) -> np.ndarray:
    """The hyperbolic tangent."""
    return np.tanh(x)


@_also_symbolic
def sigmoid(x: Any) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow.

    >>> sigmoid([-1000.0, 0.0]).tolist()
    [0.0, 0.5]
    """
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


@_also_symbolic
def hard_sigmoid(x: Any) -> np.ndarray:
    """relu6(x + 3) / 6."""
    return relu6(x + 3) / 6


@_also_symbolic
def softplus(x: Any) -> np.ndarray:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(x, 0)


@_also_symbolic
def softsign(x: Any) -> np.ndarray:
    """x / (1 + |x|)."""
    return x / (1 + np.abs(x))


@_also_symbolic
def exponential(x: Any) -> np.ndarray:
    """exp(x)."""
    return np.exp(x)


@_also_symbolic
def silu(x: Any) -> np.ndarray:
    """x sigmoid(x), also called swish."""
    return x * sigmoid(x)


@_also_symbolic
def gelu(x: Any, approximate: bool = False) -> np.ndarray:
    """x times the normal distribution function of x (the exact form, Keras's default); `approximate`:
    gelu_tanh.

    >>> bool(gelu(1.0) == gelu_tanh(1.0)), bool(gelu(1.0, approximate=True) == gelu_tanh(1.0))
    (False, True)
    """
    if approximate:
        return gelu_tanh(x)
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


@_also_symbolic
def gelu_tanh(x: Any) -> np.ndarray:
    """The tanh approximation of gelu."""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@_also_symbolic
def log_sigmoid(x: Any) -> np.ndarray:
    """log(sigmoid(x)), without overflow."""
    return -softplus(-x)


@_also_symbolic
def mish(x: Any) -> np.ndarray:
    """x tanh(softplus(x)) (Misra 2019)."""
    return x * np.tanh(softplus(x))


@_also_symbolic
def hard_silu(x: Any) -> np.ndarray:
    """x hard_sigmoid(x), also called hard_swish."""
    return x * hard_sigmoid(x)


@_also_symbolic
def hard_tanh(x: Any) -> np.ndarray:
    """x between -1 and 1, these beyond."""
    return np.clip(x, -1, 1)


@_also_symbolic
def tanh_shrink(x: Any) -> np.ndarray:
    """x - tanh(x)."""
    return x - np.tanh(x)


@_also_symbolic
def soft_shrink(x: Any, threshold: float = 0.5) -> np.ndarray:
    """x moved towards 0 by the threshold, 0 where it is nearer."""
    return x - np.clip(x, -threshold, threshold)


@_also_symbolic
def hard_shrink(x: Any, threshold: float = 0.5) -> np.ndarray:
    """x where |x| is above the threshold, else 0."""
    return np.where(np.abs(x) <= threshold, 0, x)


@_also_symbolic
def squareplus(x: Any, b: float = 4.0) -> np.ndarray:
    """(x + sqrt(x^2 + b)) / 2."""
    return (x + np.sqrt(x * x + b)) / 2


@_also_symbolic
def sparse_plus(x: Any) -> np.ndarray:
    """0 up to -1, (x + 1)^2 / 4 between -1 and 1, x from 1."""
    return np.where(x > 1, x, sparse_sigmoid(x) ** 2)


@_also_symbolic
def sparse_sigmoid(x: Any) -> np.ndarray:
    """(x + 1) / 2 between 0 and 1."""
    return np.clip((x + 1) / 2, 0, 1)


def _largest(x: np.ndarray, axis: int) -> np.ndarray:
    """The largest number over an axis, which stays; of no numbers 0."""
    return x.max(axis=axis, keepdims=True) if x.shape[axis] else np.zeros_like(x.sum(axis, keepdims=True))


@_also_symbolic
def log_softmax(x: Any, axis: int = -1) -> np.ndarray:
    """x - log(sum(exp(x))) over `axis`, without overflow.

    >>> log_softmax([0.0]).tolist()
    [0.0]
    """
    axis = axis_of("axis", axis, np.ndim(x))
    shifted = x - _largest(x, axis)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


@_also_symbolic
def softmax(x: Any, axis: int = -1) -> np.ndarray:
    """exp(x) / sum(exp(x)) over `axis`, without overflow.

    >>> softmax([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    axis = axis_of("axis", axis, np.ndim(x))
    e = np.exp(x - _largest(x, axis))
    return e / e.sum(axis=axis, keepdims=True)


swish, hard_swish = silu, hard_silu
_OF_OPS = frozenset(("glu", "sparsemax", "threshold"))  # no layer has them as its activation by name

FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    function.__name__: function
    for function in (
        *(linear, relu, relu6, leaky_relu, elu, celu, selu, tanh, sigmoid, hard_sigmoid, softplus, softsign),
        *(exponential, silu, gelu, gelu_tanh, log_sigmoid, mish, hard_silu, hard_tanh, tanh_shrink),
        *(soft_shrink, hard_shrink, squareplus, sparse_plus, sparse_sigmoid, softmax, log_softmax),
    )
}
_ALIASES = {
    "swish": "silu",
    "hard_swish": "hard_silu",
    "exp": "exponential",
    "hard-sigmoid": "hard_sigmoid",
}


def get(identifier: Any) -> Callable[..., Any]:
    """The function of a name (None: linear), a function itself; ValueError with a suggestion where there is
    none.

    >>> get("relu") is relu, get(None) is linear
    (True, True)
    """
    found = chosen(identifier)
    return FUNCTIONS[found] if isinstance(found, str) else found


def serialize(activation: Any) -> str:
    """The name of an activation function, for `deserialize`; of one's own its `__name__`. As
    keras.activations.serialize.

    Raises ValueError for functions without a name.

    >>> serialize(relu), serialize(get("gelu"))
    ('relu', 'gelu')
    """
    found = chosen(activation)
    name = found if isinstance(found, str) else getattr(found, "__name__", "<lambda>")
    if name == "<lambda>":
        raise ValueError(f"a function without a name cannot be stored. Received: activation={activation!r}")
    return name


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """The function of a name, also of one in `custom_objects`. As keras.activations.deserialize.

    >>> deserialize("tanh") is tanh
    True
    """
    if custom_objects is None:
        return get(config)
    with known_objects(custom_objects):
        return get(config)


def chosen(identifier: Any) -> str | Callable[..., Any]:
    """What a layer keeps of its `activation`: the name that the core knows, or a function of the user's own.

    Such a function takes an array and returns one of its shape, or (y, backward) where `backward(d_y)` gives
    the gradient of its input. Its name is looked up in the `custom_objects` of a file that is read.
    """
    ours = any(identifier is function for function in FUNCTIONS.values())
    a_layer = isinstance(identifier, type) or hasattr(identifier, "compute_output_shape")
    if callable(identifier) and not ours and not a_layer:
        return identifier
    if isinstance(identifier, str):
        own = known_function(identifier)
        if own is not None:
            return own
        if is_reading() and _ALIASES.get(identifier, identifier) not in FUNCTIONS:
            return custom_object(identifier, "an activation")
    return name_of(identifier)


def stored_name(function: Callable[..., Any], layer: str) -> str:
    """The name under which a file keeps a function of the user's own, the activation of a layer."""
    name = getattr(function, "__name__", "<lambda>")
    taken = name in FUNCTIONS or name in _ALIASES  # another function goes by it
    return f"{layer}_activation" if taken or name == "<lambda>" else name


def name_of(identifier: Any, argument: str = "activation") -> str:
    """The name that the core knows for an activation given by name or function (None: "linear")."""
    if identifier is None:
        return "linear"
    if callable(identifier):
        for name, function in FUNCTIONS.items():
            if function is identifier:
                return name
        raise ValueError(
            f"{argument}={identifier!r} is not a function of embedcnn.activations; allowed: "
            f"{', '.join(sorted(FUNCTIONS))}; what else is computed stands in a layer behind"
        )
    name = _ALIASES.get(identifier, identifier) if isinstance(identifier, str) else identifier
    if not isinstance(name, str) or name not in FUNCTIONS:
        raise unknown_name(argument, identifier, FUNCTIONS)
    return name


def __getattr__(name: str) -> Any:
    """What ops alone has, of Keras's names; what to use in the place of a name that is not here."""
    if name in _OF_OPS:
        return named_object(f"embedcnn.ops:{name}")
    raise no_such_name("activations", name, FUNCTIONS)
