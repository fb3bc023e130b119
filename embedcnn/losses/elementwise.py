"""Losses that are the mean over the last axis of a function of one prediction and one target."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.arguments import finite_number
from .base import EPSILON, Loss, mean_over_last
from .pairs import like_predictions


class _Elementwise(Loss):
    operation = "element_loss"

    def element(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        """The loss of each prediction."""
        raise NotImplementedError

    def per_element(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return self.element(like_predictions(y_true, y_pred).astype(np.float64), y_pred)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return mean_over_last(self.per_element(y_true, y_pred))


class MeanSquaredError(_Elementwise):
    """mean((y - p)^2) over the last axis, for y of the output's shape. As keras.losses.MeanSquaredError.

    >>> MeanSquaredError()([[1.0, 0.0]], [[0.0, 0.0]])
    0.5
    """

    operation = "squared_error"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error"
    ) -> None:
        super().__init__(name, reduction)

    def element(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return (y - p) ** 2


class MeanAbsoluteError(_Elementwise):
    """mean(|y - p|) over the last axis. As keras.losses.MeanAbsoluteError.

    >>> MeanAbsoluteError()([[1.0, 0.0]], [[0.5, 0.0]])
    0.25
    """

    kind = "absolute"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_error"
    ) -> None:
        super().__init__(name, reduction)

    def element(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return np.abs(y - p)


class MeanAbsolutePercentageError(_Elementwise):
    """100 mean(|y - p| / max(|y|, 1e-7)) over the last axis. As keras.losses.MeanAbsolutePercentageError.

    >>> MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]])
    25.0
    """

    kind = "absolute_percentage"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_percentage_error"
    ) -> None:
        super().__init__(name, reduction)

    def element(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return 100 * np.abs(y - p) / np.maximum(np.abs(y), EPSILON)


class MeanSquaredLogarithmicError(_Elementwise):
    """mean((log(1 + y) - log(1 + p))^2), y and p at least 1e-7. As keras.losses.MeanSquaredLogarithmicError.

    >>> round(MeanSquaredLogarithmicError()([[1.0]], [[0.0]]), 4)
    0.4805
    """

    kind = "squared_logarithmic"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_logarithmic_error"
    ) -> None:
        super().__init__(name, reduction)

    def element(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return (np.log1p(np.maximum(y, EPSILON)) - np.log1p(np.maximum(p, EPSILON))) ** 2


class Huber(_Elementwise):
    """e^2 / 2 for |e| <= delta, else delta (|e| - delta / 2), e = p - y; mean over the last axis. As
    keras.losses.Huber.

    Raises ValueError unless `delta` is a finite number above 0.

    >>> Huber()([[0.0, 0.0]], [[0.5, 3.0]])
    1.3125
    """

    kind = "huber"

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
    ) -> None:
        super().__init__(name, reduction)
        self.delta = float(finite_number("delta", delta, above=0))

    def own_attributes(self) -> dict[str, Any]:
        return {**super().own_attributes(), "delta": self.delta}

    def element(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        size = np.abs(p - y)
        return np.where(size <= self.delta, 0.5 * size**2, self.delta * (size - 0.5 * self.delta))


class LogCosh(_Elementwise):
    """mean(log(cosh(p - y))) over the last axis. As keras.losses.LogCosh.

    >>> round(LogCosh()([[0.0]], [[1.0]]), 4)
    0.4338
    """

    kind = "log_cosh"

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "log_cosh") -> None:
        super().__init__(name, reduction)

    def element(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        size = np.abs(p - y)
        return size + np.log1p(np.exp(-2 * size)) - np.log(2.0)


class Poisson(_Elementwise):
    """mean(p - y log(p + 1e-7)) over the last axis. As keras.losses.Poisson.

    >>> round(Poisson()([[1.0]], [[2.0]]), 4)
    1.3069
    """

    kind = "poisson"

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "poisson") -> None:
        super().__init__(name, reduction)

    def element(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return p - y * np.log(p + EPSILON)


def signs(y: np.ndarray) -> np.ndarray:
    """Targets of a hinge: where all are 0 or 1, they mean -1 and 1."""
    return 2 * y - 1 if ((y == 0) | (y == 1)).all() else y


class Hinge(_Elementwise):
    """mean(max(0, 1 - y p)) for y of -1 and 1; where a batch holds only 0 and 1, 0 means -1. As
    keras.losses.Hinge.

    >>> Hinge()([[0.0, 1.0]], [[0.5, 0.5]])
    1.0
    """

    kind = "hinge"

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "hinge") -> None:
        super().__init__(name, reduction)

    def element(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return np.maximum(1 - signs(y) * p, 0)


class SquaredHinge(_Elementwise):
    """mean(max(0, 1 - y p)^2) for y of -1 and 1, or 0 and 1. As keras.losses.SquaredHinge.

    >>> SquaredHinge()([[0.0, 1.0]], [[0.5, 0.5]])
    1.25
    """

    kind = "squared_hinge"

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "squared_hinge") -> None:
        super().__init__(name, reduction)

    def element(self, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return np.maximum(1 - signs(y) * p, 0) ** 2
