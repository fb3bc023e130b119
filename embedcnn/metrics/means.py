"""Metrics that are the mean of a loss, and the root of one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import losses
from ..losses.pairs import of_one_rank
from .base import Metric


class LossMetric(Metric):
    """The mean of a loss over examples, unclipped by batches. Subclasses name it in `loss`; the arguments
    are those of the loss, but for `reduction`.
    """

    direction, additive = "down", True
    loss_class: type[losses.Loss]
    default_name = ""

    def __init__(self, name: str | None = None, **arguments: Any) -> None:
        if "reduction" in arguments:
            raise TypeError(f"{type(self).__name__} has no argument 'reduction': a metric is a mean")
        self.loss = self.loss_class(**arguments)
        super().__init__(self.default_name if name is None else name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return self.loss.per_example(y_true, np.asarray(y_pred, np.float64))

    def values(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: Any) -> np.ndarray:
        y_true, y_pred = of_one_rank(y_true, np.asarray(y_pred, np.float64))
        elements = self.loss.elements_for(y_true, y_pred, sample_weight)
        return self.per_example(y_true, y_pred) if elements is None else elements

    def counted(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray | None:
        return self.loss.counted(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        own = {k: v for k, v in self.loss.get_config().items() if k not in ("name", "reduction")}
        return {**own, "name": self.name}


class MeanSquaredError(LossMetric):
    """The mean of (y_true - y_pred)^2. As keras.metrics.MeanSquaredError.

    >>> MeanSquaredError()([[1.0]], [[0.5]])
    0.25
    """

    loss_class, default_name = losses.MeanSquaredError, "mean_squared_error"


class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean of (y_true - y_pred)^2. As keras.metrics.RootMeanSquaredError.

    >>> RootMeanSquaredError()([[1.0]], [[0.5]])
    0.5
    """

    default_name = "root_mean_squared_error"

    def result(self) -> float:
        return math.sqrt(super().result())


class MeanAbsoluteError(LossMetric):
    """The mean of |y_true - y_pred|. As keras.metrics.MeanAbsoluteError.

    >>> MeanAbsoluteError()([[1.0]], [[0.5]])
    0.5
    """

    loss_class, default_name = losses.MeanAbsoluteError, "mean_absolute_error"


class MeanAbsolutePercentageError(LossMetric):
    """The mean of 100 |y_true - y_pred| / |y_true|. As keras.metrics.MeanAbsolutePercentageError."""

    loss_class, default_name = losses.MeanAbsolutePercentageError, "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(LossMetric):
    """The mean of (log(1 + y_true) - log(1 + y_pred))^2. As keras.metrics.MeanSquaredLogarithmicError."""

    loss_class, default_name = losses.MeanSquaredLogarithmicError, "mean_squared_logarithmic_error"


class LogCoshError(LossMetric):
    """The mean of log(cosh(y_pred - y_true)). As keras.metrics.LogCoshError."""

    loss_class, default_name = losses.LogCosh, "logcosh"


class CosineSimilarity(LossMetric):
    """The mean of cos(y_true, y_pred): the loss of this name with the other sign. As
    keras.metrics.CosineSimilarity.

    >>> CosineSimilarity()([[0.0, 2.0]], [[0.0, 0.5]])
    1.0
    """

    direction = "up"
    loss_class, default_name = losses.CosineSimilarity, "cosine_similarity"

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return -super().per_example(y_true, y_pred)


class Hinge(LossMetric):
    """The mean of max(0, 1 - y_true y_pred). As keras.metrics.Hinge."""

    additive = False  # 0 and 1 mean -1 and 1 where a batch holds nothing else
    loss_class, default_name = losses.Hinge, "hinge"


class SquaredHinge(LossMetric):
    """The mean of max(0, 1 - y_true y_pred)^2. As keras.metrics.SquaredHinge."""

    additive = False  # 0 and 1 mean -1 and 1 where a batch holds nothing else
    loss_class, default_name = losses.SquaredHinge, "squared_hinge"


class CategoricalHinge(LossMetric):
    """The mean categorical hinge. As keras.metrics.CategoricalHinge."""

    loss_class, default_name = losses.CategoricalHinge, "categorical_hinge"


class KLDivergence(LossMetric):
    """The mean of sum(y_true log(y_true / y_pred)). As keras.metrics.KLDivergence."""

    loss_class, default_name = losses.KLDivergence, "kl_divergence"


class Poisson(LossMetric):
    """The mean of y_pred - y_true log(y_pred). As keras.metrics.Poisson."""

    loss_class, default_name = losses.Poisson, "poisson"


class BinaryCrossentropy(LossMetric):
    """The mean binary cross entropy. As keras.metrics.BinaryCrossentropy."""

    loss_class, default_name = losses.BinaryCrossentropy, "binary_crossentropy"


class CategoricalCrossentropy(LossMetric):
    """The mean cross entropy with one-hot targets. As keras.metrics.CategoricalCrossentropy."""

    loss_class, default_name = losses.CategoricalCrossentropy, "categorical_crossentropy"


class SparseCategoricalCrossentropy(LossMetric):
    """The mean cross entropy with class numbers, over those that are not `ignore_class`. As
    keras.metrics.SparseCategoricalCrossentropy, which leaves these out only where there are weights.
    """

    loss_class, default_name = losses.SparseCategoricalCrossentropy, "sparse_categorical_crossentropy"
