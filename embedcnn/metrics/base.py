"""Metric, the base of all: a weighted mean over examples unless a subclass counts something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import initializers
from ..base.arguments import nonempty_text
from ..base.arrays import numbers
from ..base.configuration import Configurable
from ..base.names import snake_case
from ..base.stored_objects import OfFunction
from ..losses.pairs import check_rows, spread_weights
from .variable import MetricVariable


def _is_ours(thing: Any) -> bool:
    """Whether a class or function is of this package, not of the user."""
    return thing.__module__.partition(".")[0] == __name__.partition(".")[0]


class Metric(Configurable):
    """A mean over examples: `update_state(y_true, y_pred, sample_weight)`, `result()`, `reset_state()`.

    Subclasses define `per_example(y_true, y_pred)`, an array with one value per example (more axes are
    averaged); or `update_state`, `result` and `reset_state`, and then name what they keep in `state_names`.
    Sums are float64. As keras.metrics.Metric.
    """

    state_names: tuple[str, ...] = ("total", "count")
    """The attributes (numbers or arrays) that hold what was seen."""

    direction: str | None = None
    """"up" where larger is better, "down" where smaller is; None: not known."""

    additive = False
    """Whether batches may be joined before they are counted."""

    not_stored = ("dtype",)  # sums are float64

    total: Any
    count: Any

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        if dtype is not None and not (isinstance(dtype, str) and dtype in ("float32", "float64")):
            raise ValueError(f"`dtype` must be None, 'float32' or 'float64'. Received: dtype={dtype!r}")
        if name is None and not _is_ours(type(self)):
            name = snake_case(type(self).__name__)
        self.name = nonempty_text("name", name)
        self.variables: list[MetricVariable] = []
        if _is_ours(type(self).reset_state):
            self.reset_state()
        else:  # one of the user's may reset what its __init__ makes after this
            Metric.reset_state(self)

    def add_weight(
        self,
        name: Any = None,
        shape: Any = (),
        initializer: Any = "zeros",
        dtype: Any = None,
    ) -> MetricVariable:
        """What a metric of one's own keeps, float64, set back by `reset_state`. As
        keras.metrics.Metric.add_weight (`add_variable`): a first argument that is a shape, and a second one,
        are Keras's `shape` and `initializer`.

        `initializer`: as of layers; Raises ValueError for a name that is used already.
        """
        if isinstance(name, (tuple, list)):  # Keras's order
            name, shape, initializer = None, name, initializer if shape == () else shape
        name = f"variable_{len(self.variables)}" if name is None else name
        if not isinstance(name, str) or not name or name in [variable.name for variable in self.variables]:
            raise ValueError(f"`name` must be a string that no other weight has. Received: name={name!r}")
        value = initializers.get(initializer, "initializer")(tuple(shape))
        variable = MetricVariable(name, np.asarray(value))
        self.variables.append(variable)
        return variable

    add_variable = add_weight

    def reset_state(self) -> None:
        """Forgets everything seen."""
        for name in ("total", "count"):
            if not isinstance(getattr(self, name, None), MetricVariable):  # a weight of the user's
                setattr(self, name, 0.0)
        for variable in self.variables:
            variable.assign(variable.start)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """One value per example (and step) of a batch; more axes are averaged."""
        raise NotImplementedError(f"{type(self).__name__} must define per_example(y_true, y_pred)")

    def values(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: Any) -> np.ndarray:
        """What is averaged: the values per example, or finer ones where weights of this rank ask for them."""
        return self.per_example(y_true, y_pred)

    def counted(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray | None:
        """Which examples (and steps) count at all; None: all of them."""
        return None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch; weights are one number, (B,), (B, 1), (B, T), or of the shape of the values. Models
        give 0 for masked steps.

        Where values have more axes than weights, or weights of steps than values, these are averaged.
        """
        y_true, y_pred = self._arrays(y_true, y_pred)
        sample_weight = None if sample_weight is None else numbers("sample_weight", sample_weight)
        values = np.asarray(self.values(y_true, y_pred, sample_weight), np.float64)
        counted = self.counted(y_true, y_pred)
        if values.ndim == 0:  # one number of a batch counts once, or as often as its weights say
            count = 1.0 if sample_weight is None else float(np.sum(sample_weight, dtype=np.float64))
            self.add(float(values) * count if count else 0.0, count)
            return
        if sample_weight is None and counted is None:
            values = values.reshape(len(values), -1).mean(axis=1) if values.ndim > 1 else values
            self.add(float(values.sum()), len(values))
            return
        weight = self._weights(sample_weight, values, counted, y_pred.shape[:-1])
        if values.ndim > weight.ndim:
            values = values.mean(axis=tuple(range(weight.ndim, values.ndim)))
        # what weighs nothing may be no number: predictions of masked steps are zeros
        self.add(float((np.where(weight != 0, values, 0) * weight).sum()), float(weight.sum()))

    def _arrays(self, y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray]:
        """Both as arrays, of numbers where a metric of this package reads them."""
        if isinstance(self, OfFunction) or not _is_ours(type(self)):
            return np.asarray(y_true), np.asarray(y_pred)
        return numbers("y_true", y_true), numbers("y_pred", y_pred)

    def _weights(
        self, sample_weight: Any, values: np.ndarray, counted: np.ndarray | None, rows: tuple[int, ...]
    ) -> np.ndarray:
        """Weights for the leading axes of the values; 0 for what does not count. Weights of steps, `rows`,
        are averaged where there is one value for all of them.
        """
        counted_rank = 0 if counted is None else counted.ndim
        weight: np.ndarray = np.ones(values.shape[:counted_rank] if sample_weight is None else ())
        if sample_weight is not None:
            weight = np.asarray(sample_weight, np.float64)
            while weight.ndim > 1 and weight.shape[-1] == 1:
                weight = weight[..., 0]
        axes = min(max(weight.ndim, counted_rank, 1), values.ndim)
        try:
            if weight.ndim > axes and weight.shape == rows:
                weight = weight.mean(axis=tuple(range(axes, weight.ndim)))
            weight = np.asarray(spread_weights(weight, values.shape[:axes]))
        except ValueError as error:
            if "finite" in str(error):
                raise
            raise ValueError(
                f"metric {self.name!r}: sample_weight has the shape {np.shape(sample_weight)}; expected "
                f"({len(values)},) or {values.shape}"
            ) from None
        return weight if counted is None else np.where(counted, weight, 0.0)

    def add(self, total: float, count: float) -> None:
        """Counts a sum of values and how many they are."""
        self.total += total
        self.count += count

    def result(self) -> Any:
        """The mean over all that was counted; 0.0 before anything was."""
        return self.total / self.count if self.count else 0.0

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()

    def get_state(self) -> dict[str, Any]:
        """What was seen, for `set_state`: numbers and copies of arrays."""
        own = {f"weights/{variable.name}": variable.numpy() for variable in self.variables}
        return {name: np.array(getattr(self, name)) for name in self._kept()} | own

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from a state of `get_state`."""
        for name in self._kept():
            value = np.array(state[name])
            setattr(self, name, value if value.ndim else value.item())
        for variable in self.variables:
            variable.assign(state[f"weights/{variable.name}"])

    def _kept(self) -> list[str]:
        return [name for name in self.state_names if not isinstance(getattr(self, name), MetricVariable)]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class FunctionMetric(OfFunction, Metric):
    """A metric from a function (y_true, y_pred) -> one value per example, or one number, which counts once
    for each batch, as in Keras.

    Of sequences it may give one value per step; then masked steps are left out. A function that averages over
    steps by itself averages over masked ones, too. Raises TypeError for what is no function.
    """

    def __init__(self, function: Callable[[Any, Any], Any], name: str | None = None) -> None:
        if not callable(function):
            raise TypeError(f"`function` must be a function. Received: function={function!r}")
        default = getattr(function, "__name__", type(function).__name__)
        default = "lambda" if default == "<lambda>" else default
        super().__init__(default if name is None else name)
        self.function = function

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return self.function(y_true, y_pred)


def aligned(y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray]:
    """y_true and y_pred of one shape: a missing last axis is added, class numbers become one-hot rows.

    ValueError where they do not fit.
    """
    y_true, y_pred = numbers("y_true", y_true), numbers("y_pred", y_pred)
    check_rows(y_pred, flat=True)
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    if y_true.shape == y_pred.shape[:-1] or y_true.shape == (*y_pred.shape[:-1], 1):
        y_true = y_true.reshape(y_pred.shape[:-1])
        if y_pred.shape[-1] == 1:
            return y_true[..., None], y_pred
        if y_true.dtype.kind in "iu" or (y_true == np.floor(y_true)).all():
            return y_true[..., None] == np.arange(y_pred.shape[-1]), y_pred
    if y_true.shape == (*y_pred.shape, 1):
        return y_true, y_pred[..., None]
    raise ValueError(f"y_true has the shape {y_true.shape}, which does not fit {y_pred.shape} of y_pred")


def largest(y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the largest number of each row is, and whether there is one: NaN is never the largest."""
    chosen = np.where(np.isnan(y_pred), -np.inf, y_pred).argmax(axis=-1)
    return chosen, ~np.isnan(y_pred).all(axis=-1)


def divided(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator, 0 where the denominator is 0."""
    top, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return np.divide(top, below, out=np.zeros(np.broadcast(top, below).shape), where=below != 0)


def number_or_array(values: np.ndarray) -> Any:
    """A float for one value, else the array."""
    return float(values.reshape(())) if values.size == 1 else values
