"""Metric, the base of all: a weighted mean over examples unless a subclass counts something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Metric:
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

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"`name` must be a non-empty string. Received: name={name!r}")
        self.name = name
        self.reset_state()

    def reset_state(self) -> None:
        """Forgets everything seen."""
        self.total = self.count = 0.0

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} must define per_example(y_true, y_pred)")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch; weights are (B,), or (B, T) for values per step. Models give 0 for masked steps.

        Where values have more axes than weights, or weights than values, these are averaged.
        """
        values = np.asarray(self.per_example(np.asarray(y_true), np.asarray(y_pred)), np.float64)
        if values.ndim == 0:  # a function that averages by itself counts with its number of examples
            self.add(float(values) * len(y_true), len(y_true))
            return
        if sample_weight is None:
            values = values.reshape(len(values), -1).mean(axis=1) if values.ndim > 1 else values
            self.add(float(values.sum()), len(values))
            return
        weight = np.asarray(sample_weight, np.float64)
        if weight.size == len(values):
            weight = weight.reshape(len(values))
        axes = min(weight.ndim, values.ndim)
        if not axes or weight.shape[:axes] != values.shape[:axes]:
            raise ValueError(
                f"metric {self.name!r}: sample_weight has the shape {weight.shape}; expected "
                f"({len(values)},) or "
                f"{values.shape}"
            )
        values, weight = (
            part.mean(axis=tuple(range(axes, part.ndim))) if part.ndim > axes else part
            for part in (values, weight)
        )
        # what weighs nothing may be no number: predictions of masked steps are zeros
        self.add(float((np.where(weight != 0, values, 0) * weight).sum()), float(weight.sum()))

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
        return {name: np.array(getattr(self, name)) for name in self.state_names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from a state of `get_state`."""
        for name in self.state_names:
            value = np.array(state[name])
            setattr(self, name, value if value.ndim else value.item())

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """The metric of a configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class FunctionMetric(Metric):
    """A metric from a function (y_true, y_pred) -> one value per example, or their mean.

    Of sequences it may give one value per step; then masked steps are left out. A function that averages over
    steps by itself averages over masked ones, too.
    """

    def __init__(self, function: Callable[[Any, Any], Any], name: str | None = None) -> None:
        default = getattr(function, "__name__", type(function).__name__)
        super().__init__(name or ("lambda" if default == "<lambda>" else default))
        self.function = function

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return self.function(y_true, y_pred)


def aligned(y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray]:
    """y_true and y_pred of one shape: a missing last axis is added, class numbers become one-hot rows.

    ValueError where they do not fit.
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
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


def spread_weights(sample_weight: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Weights (B,) or (B, T) in the shape of the predictions; None stays None."""
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, np.float64)
    if weight.shape != shape[: weight.ndim] and weight.shape != (shape[0], 1):
        raise ValueError(f"sample_weight has the shape {weight.shape}, which does not fit {shape} of y_pred")
    return np.broadcast_to(weight.reshape(*weight.shape, *[1] * (len(shape) - weight.ndim)), shape)


def divided(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator, 0 where the denominator is 0."""
    top, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return np.divide(top, below, out=np.zeros(np.broadcast(top, below).shape), where=below != 0)


def number_or_array(values: np.ndarray) -> Any:
    """A float for one value, else the array."""
    return float(values.reshape(())) if values.size == 1 else values
