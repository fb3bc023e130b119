"""F scores per class and averaged, and the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.arguments import finite_number, optional, positive_integer
from ..losses.pairs import check_rows, classes_of, numbers_of, spread_weights
from .base import Metric, aligned, largest

_EPSILON = 1e-7


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall) per class. As keras.metrics.FBetaScore.

    `average`: None (an array with a score per class), "micro" (over all decisions), "macro" (the mean of the
    classes) or "weighted" (by how many are true). `threshold`: predicted is what lies above it; None: the
    largest of each row. Raises ValueError for other averages, `beta` not above 0 and thresholds outside (0,
    1].

    >>> truth, predicted = [[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]
    >>> round(FBetaScore("macro", beta=2.0)(truth, predicted), 3)
    0.694
    """

    direction, additive = "up", True
    state_names = ("true_positives", "false_positives", "false_negatives", "true_weights")

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
    ) -> None:
        averages = (None, "micro", "macro", "weighted")
        if isinstance(average, np.ndarray) or average not in averages:
            raise ValueError(
                f"`average` must be None, 'micro', 'macro' or 'weighted'. Received: average={average!r}"
            )
        self.average, self.beta = average, float(finite_number("beta", beta, above=0))
        self.threshold = optional(finite_number, "threshold", threshold, above=0, most=1)
        super().__init__(name)

    def reset_state(self) -> None:
        for name in self.state_names:
            setattr(self, name, 0.0)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        truth, predicted = aligned(y_true, y_pred)
        truth = truth.astype(np.float64)
        if self.threshold is None:
            numbers = np.where(np.isnan(predicted), -np.inf, predicted)
            chosen = (predicted >= numbers.max(axis=-1, keepdims=True)) & (np.abs(predicted) > 1e-9)
        else:
            chosen = predicted > np.float32(self.threshold)
        weight = spread_weights(sample_weight, predicted.shape)
        axis = None if self.average == "micro" else tuple(range(predicted.ndim - 1))
        parts = (chosen * truth, chosen * (1 - truth), ~chosen * truth, truth)
        for name, part in zip(self.state_names, parts, strict=True):
            part = part if weight is None else part * weight
            setattr(self, name, getattr(self, name) + part.sum(axis=axis))

    def result(self) -> Any:
        right, wrong, missed, weights = (np.asarray(getattr(self, name)) for name in self.state_names)
        precision, recall = right / (right + wrong + _EPSILON), right / (right + missed + _EPSILON)
        square = self.beta**2
        scores = (1 + square) * precision * recall / (square * precision + recall + _EPSILON)
        if self.average == "weighted":
            return float((scores * weights / (weights.sum() + _EPSILON)).sum())
        return scores if self.average is None and scores.ndim else float(scores.mean())


class F1Score(FBetaScore):
    """2 precision recall / (precision + recall) per class; arguments as FBetaScore. As keras.metrics.F1Score.

    >>> truth, predicted = [[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]
    >>> F1Score()(truth, predicted).round(3).tolist()
    [0.667, 0.667]
    """

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str = "f1_score"
    ) -> None:
        super().__init__(average, 1.0, threshold, name)


class ConfusionMatrix(Metric):
    """counts[true class, predicted class], float64 (num_classes, num_classes); the largest prediction
    counts. As sklearn.metrics.confusion_matrix. A row of NaN predicts no class and is not counted.

    An output of one unit decides between two classes at 0.5. `num_classes` None: as many as y_pred has.

    >>> ConfusionMatrix()([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """

    additive = True
    state_names = ("counts",)

    def __init__(self, num_classes: int | None = None, name: str = "confusion_matrix") -> None:
        self.num_classes = optional(positive_integer, "num_classes", num_classes)
        super().__init__(name)

    def reset_state(self) -> None:
        size = self.num_classes or 0
        self.counts = np.zeros((size, size))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        truth, predicted = numbers_of(y_true, y_pred)
        check_rows(predicted)
        units = predicted.shape[-1]
        rows = predicted.shape[:-1]
        chosen, any_number = largest(predicted)
        if units == 1:
            chosen, any_number = (predicted[..., 0] > 0.5).astype(np.int64), np.ones(rows, bool)
        one_hot = truth.shape == predicted.shape and units > 1
        truth = truth.argmax(axis=-1) if one_hot else classes_of(truth, predicted)
        size = self.num_classes or max(2, units)
        if len(self.counts) != size:
            self.counts = np.zeros((size, size))
        for what, classes in (("y_true", truth), ("y_pred", chosen)):
            if classes.size and not (classes.min() >= 0 and classes.max() < size):
                wrong = classes[(classes < 0) | (classes >= size)].flat[0]
                raise ValueError(f"metric {self.name!r}: class {wrong} of {what} is outside [0, {size})")
        weight = spread_weights(sample_weight, rows)
        known, places = any_number.ravel(), truth.ravel() * size + chosen.ravel()
        self.counts = self.counts + np.bincount(
            places[known], None if weight is None else weight.ravel()[known], size * size
        ).reshape(size, size)

    def result(self) -> np.ndarray:
        return self.counts.copy()
