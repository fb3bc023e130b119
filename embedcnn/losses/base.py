"""Loss, the base of all: what models and callers ask of one, and the reduction of many losses to one
number.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..base.arguments import nonempty_text, one_of, require_float32
from ..base.arrays import numbers
from ..base.configuration import Configurable
from ..base.named_objects import named_object
from ..base.names import snake_case
from ..graph.nodes import SymbolicTensor
from ..graph.tracing import leaves
from .own_function import OwnFunction
from .pairs import check_rows, numbers_of, of_one_rank, spread_weights

EPSILON = 1e-7
"""Keras's epsilon: the smallest probability, norm or divisor."""

FORMULAS = {
    "per_example": "embedcnn.ops.loss_formulas:per_example",
    "reduced": "embedcnn.ops.loss_formulas:reduced",
}
"""Losses made of operations."""
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none")


class Loss(Configurable):
    """A loss: `loss(y_true, y_pred, sample_weight=None)` reduces the losses of all examples; a model runs it
    in the core.

    `reduction`: "sum_over_batch_size" (alias "mean"): the sum of the weighted losses over their number;
    "mean_with_sample_weight": over the sum of the weights; "sum"; "none" (or None): the array itself, which
    no model can train on. As keras.losses.Loss.

    A loss of your own defines `call(y_true, y_pred)`, made of operators and `embedcnn.ops`, or of NumPy
    arrays: losses of one value per example (and step), of the shape of y_pred, or one number, the mean. Made
    of operations it has gradients; of arrays models train with it where `call` returns (losses, gradients),
    gradients the derivatives of the losses with respect to y_pred, of its shape. A file cannot hold it.

    >>> class Cubed(Loss):
    ...     def call(self, y_true, y_pred):
    ...         error = y_pred - y_true
    ...         return abs(error) ** 3, 3 * error * abs(error)
    >>> Cubed()(np.zeros((1, 2)), np.array([[1.0, 2.0]]))
    4.5
    """

    # `target` says what y must be: "classes" (integers), "one_hot", "binary", "values" or "free".

    operation = ""
    target = "values"
    kind: str | None = None

    not_stored = ("dtype",)  # always float32

    def __init_subclass__(cls, **options: Any) -> None:
        """What a user's class computes is computed outside of the core, whatever it derives from."""
        super().__init_subclass__(**options)
        ours = cls.__module__.partition(".")[0] == __name__.partition(".")[0]
        if not ours and (not cls.operation or not {"call", "per_example"}.isdisjoint(vars(cls))):
            cls.operation, cls.kind, cls.target = "given_loss", None, "free"
            if "call" in vars(cls):  # instead of what a class of this package computes
                cls.per_example, cls.per_element = Loss.per_example, Loss.per_element  # type: ignore[method-assign]

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        require_float32(type(self).__name__, dtype)
        self.name = snake_case(type(self).__name__) if name is None else nonempty_text("name", name)
        reduction = "none" if reduction is None else one_of("reduction", reduction, REDUCTIONS)
        self.reduction = "sum_over_batch_size" if reduction == "mean" else reduction

    def own_attributes(self) -> dict[str, Any]:
        """The attributes of the operation of the core that are this loss's own."""
        return {} if self.kind is None else {"kind": self.kind}

    def attributes(self) -> dict[str, Any]:
        """All attributes of the operation of the core."""
        plain = self.reduction in ("sum_over_batch_size", "none")
        own = {} if self.operation == "given_loss" else self.own_attributes()
        return {**own, **({} if plain else {"reduction": self.reduction})}

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """The loss of each example (and step), float64."""
        return self.losses_and_gradients(y_true, y_pred)[0]

    def losses_and_gradients(
        self, y_true: np.ndarray, y_pred: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """What `call` gives, checked: losses (B,) or (B, T), and gradients like y_pred, or None."""
        call = getattr(self, "call", None)
        if call is None and type(self).per_example is Loss.per_example:
            raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")
        if call is None:
            result: Any = self.per_example(y_true, y_pred)
        else:
            own = self.__dict__.setdefault("_own", OwnFunction(call))
            result = own(y_true, y_pred)
        return checked_losses(f"loss {self.name!r}", result, y_pred.shape, self.reduction)

    def per_element(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray | None:
        """The losses of which `per_example` is the mean over the last axis; None where it is no mean."""
        return None

    def counted(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray | None:
        """Which examples (and steps) count at all; None: all of them."""
        return None

    def elements_for(self, y_true: np.ndarray, y_pred: np.ndarray, weight: Any) -> np.ndarray | None:
        """The losses of single predictions where weights of this shape are for these; None where they are
        not.
        """
        shape: tuple[int, ...] = () if weight is None else np.shape(weight)
        while len(shape) > y_pred.ndim and shape[-1] == 1:
            shape = shape[:-1]
        finer = len(shape) == y_pred.ndim and shape[-1:] > (1,)
        return self.per_element(y_true, y_pred) if finer else None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss; weights of any rank up to that of y_pred that fit or broadcast, as (N,) and
        (N, 1).
        """
        if leaves([y_true, y_pred], SymbolicTensor):
            rows = self.of_tensors(y_true, y_pred)
            return named_object(FORMULAS["reduced"])(rows, sample_weight, self.reduction)
        y_true, y_pred = of_one_rank(*self._numbers(y_true, y_pred))
        sample_weight = None if sample_weight is None else numbers("sample_weight", sample_weight)
        elements = self.elements_for(y_true, y_pred, sample_weight)
        losses = self.per_example(y_true, y_pred) if elements is None else elements
        losses = np.asarray(losses, np.float64)
        weights = spread_weights(sample_weight, losses.shape)
        weights = np.ones(losses.shape) if weights is None else weights
        counted = self.counted(y_true, y_pred)
        if counted is not None:
            weights = np.where(counted, weights, 0.0)
        losses = losses * weights
        if self.reduction == "none":
            return losses
        number = {
            "sum": 1.0,
            "mean_with_sample_weight": weights.sum(),
            "sum_over_batch_size": losses.size if counted is None else counted.sum(),
        }[self.reduction]
        return float(losses.sum() / number) if number else 0.0

    def _numbers(self, y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray]:
        """Targets and predictions as arrays; a function of the user's may read targets of any kind."""
        if self.target == "free":
            return np.asarray(y_true), numbers("y_pred", y_pred).astype(np.float64)
        y_true, y_pred = numbers_of(y_true, y_pred)
        if self.operation != "element_loss" and self.operation != "squared_error":
            check_rows(y_pred)
        return y_true, y_pred

    def of_tensors(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each example (and step) of symbolic tensors, made of operations."""
        call = getattr(self, "call", None)
        if call is not None:
            return call(y_true, y_pred)
        if self.operation == "given_loss" or getattr(self, "ignore_class", None) is not None:
            raise TypeError(f"loss {self.name!r} cannot be called on symbolic tensors. Received: {y_pred!r}")
        settings = self.own_attributes()
        return named_object(FORMULAS["per_example"])(self.kind, settings, y_true, y_pred)

    def __repr__(self) -> str:
        own_name = (
            "" if self.operation == "given_loss" else self.name
        )  # a built-in one's is that of its class
        plain = {"name": own_name, "reduction": "sum_over_batch_size"}
        arguments = ", ".join(
            f"{name}={value!r}" for name, value in self.get_config().items() if plain.get(name) != value
        )
        return f"{type(self).__name__}({arguments})"


def checked_losses(
    what: str, result: Any, shape: tuple[int, ...], reduction: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """What a Python function gave for predictions of a shape: losses, or (losses, gradients). Returns losses
    of one value per example (and step), float64, and gradients of the shape, float32, or None.
    """
    given = isinstance(result, tuple)
    if given and len(result) != 2:
        raise TypeError(
            f"{what} must return losses, or (losses, gradients). Received: a tuple of {len(result)}"
        )
    losses = np.asarray(result[0] if given else result, np.float64)
    gradients = np.asarray(result[1], np.float32) if given else None
    rows = shape[:-1]
    if gradients is not None and gradients.shape != shape:
        raise ValueError(
            f"{what}: the gradients must have the shape of y_pred, {shape}. Received: {gradients.shape}"
        )
    if losses.ndim == 0:  # the mean: every row's share of it
        losses, scale = np.full(rows, float(losses)), float(np.prod(rows))
    elif losses.shape == shape and shape[-1:] != ():  # of single predictions
        scale = 1.0 if reduction == "sum" else 1 / max(shape[-1], 1)
        losses = losses.sum(axis=-1) * scale
    elif losses.shape == rows:
        return losses, gradients
    else:
        raise ValueError(
            f"{what}: the losses must have the shape {rows} or {shape}, or be one number. Received: "
            f"{losses.shape}"
        )
    return losses, None if gradients is None else gradients * np.float32(scale)


def mean_over_last(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis; single numbers stay."""
    return values.mean(axis=-1) if values.ndim else values


def check_axis(axis: Any) -> None:
    """ValueError unless `axis` is the last one."""
    if isinstance(axis, np.ndarray) or axis != -1:
        raise ValueError(f"`axis` must be -1 (the last axis). Received: axis={axis!r}")


def function_of(cls: type[Loss], name: str) -> Callable[..., Any]:
    """The function form of a loss, as Keras has it: `name(y_true, y_pred, **arguments)` -> losses per
    example.
    """

    of_class = inspect.signature(cls).parameters
    settings = [one for key, one in of_class.items() if key not in ("name", "reduction", "dtype")]

    def function(y_true: Any, y_pred: Any, *given: Any, **arguments: Any) -> Any:
        if len(given) > len(settings):
            raise TypeError(f"{name}() takes y_true, y_pred and {len(settings)} settings at most")
        arguments |= dict(zip((one.name for one in settings), given, strict=False))
        if leaves([y_true, y_pred], SymbolicTensor):
            return cls(**arguments).of_tensors(y_true, y_pred)
        loss = cls(**arguments)
        return loss.per_example(*loss._numbers(y_true, y_pred))

    function.__name__ = function.__qualname__ = name
    of_arrays = inspect.signature(function).parameters
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [of_arrays["y_true"], of_arrays["y_pred"], *settings]
    )
    function.__doc__ = (
        f"The loss of each example, float64: {cls.__name__} as a function of y_true and y_pred, which may be "
        "symbolic."
    )
    function.loss_class = cls  # type: ignore[attr-defined]
    return function
