"""Counts of right and wrong decisions at thresholds, and what follows from them: precision, recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.arguments import integer, optional, positive_integer
from ..base.arrays import numbers
from ..base.configuration import plain
from ..losses.pairs import spread_weights
from .base import Metric, aligned, divided, number_or_array

MOST_THRESHOLDS = 1 << 20

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
_NEVER = -1e10  # below every prediction among the top k


class ConfusionCounts(Metric):
    """True and false positives and negatives at thresholds: positive is what lies above the threshold.

    Targets are yes/no per unit (multi-label, or one-hot), all units together; class numbers count as one-hot.
    """

    additive = True
    state_names = COUNTS

    def __init__(
        self, thresholds: Any, top_k: int | None, class_id: int | None, name: str, default: float = 0.5
    ) -> None:
        self.given_thresholds = thresholds
        self.top_k = optional(positive_integer, "top_k", top_k)
        self.class_id = optional(integer, "class_id", class_id)
        self.thresholds = _checked_thresholds(thresholds, _NEVER if top_k is not None else default)
        super().__init__(name)

    def shape(self) -> tuple[int, ...]:
        """The shape of each count."""
        return (len(self.thresholds),)

    def reset_state(self) -> None:
        for name in COUNTS:
            setattr(self, name, np.zeros(self.shape()))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        truth, predicted = aligned(y_true, y_pred)
        weight = spread_weights(sample_weight, predicted.shape)
        if self.top_k is not None:
            kept = np.argsort(-predicted, axis=-1, kind="stable")[..., : self.top_k]
            chosen = np.full(predicted.shape, _NEVER)
            np.put_along_axis(chosen, kept, np.take_along_axis(predicted, kept, axis=-1), axis=-1)
            predicted = chosen
        if self.class_id is not None:
            if not -predicted.shape[-1] <= self.class_id < predicted.shape[-1]:
                raise ValueError(
                    f"metric {self.name!r}: `class_id`={self.class_id} is outside [0, {predicted.shape[-1]})"
                )
            truth, predicted = truth[..., self.class_id], predicted[..., self.class_id]
            weight = None if weight is None else weight[..., self.class_id]
        self.count_flat(truth.ravel() != 0, predicted.ravel(), None if weight is None else weight.ravel())

    def count_flat(self, truth: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None) -> None:
        """Counts decisions about single numbers."""
        above = thresholds_below(self.thresholds, predicted)
        size = len(self.thresholds) + 1
        weights = (truth, ~truth) if weight is None else (truth * weight, ~truth * weight)
        self.add_counts(*(np.bincount(above, part, size) for part in weights))

    def add_counts(self, positive: np.ndarray, negative: np.ndarray) -> None:
        """Adds the weights of truly positive and negative numbers by how many thresholds lie below them
        (axis 0).
        """
        for part, beyond, rest in (
            (positive, "true_positives", "false_negatives"),
            (negative, "false_positives", "true_negatives"),
        ):
            over = np.cumsum(part[::-1], axis=0)[::-1][1:]  # of threshold j: those with more than j below
            setattr(self, beyond, getattr(self, beyond) + over)
            setattr(self, rest, getattr(self, rest) + (part.sum(axis=0) - over))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": plain(self.given_thresholds)}


def thresholds_below(thresholds: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """How many of the rising thresholds lie below each prediction, compared in float32 as Keras does; none
    below NaN, which is never positive.
    """
    predicted = predicted.astype(np.float32)
    missing = np.isnan(predicted)
    if missing.any():
        return np.where(missing, 0, thresholds_below(thresholds, np.where(missing, 0, predicted)))
    count = len(thresholds)
    even = count >= 3 and np.allclose(thresholds, np.arange(count) / (count - 1), atol=1e-7, rtol=1e-5)
    if not even:
        return np.searchsorted(thresholds.astype(np.float32), predicted, side="left")
    buckets = np.ceil(np.clip(predicted, 0, 1) * np.float32(count - 1)).astype(np.int64)
    return np.maximum(buckets, 1) if thresholds[0] < 0 else buckets


def _checked_thresholds(thresholds: Any, default: float) -> np.ndarray:
    """Rising thresholds in [0, 1]."""
    if thresholds is None:
        return np.array([default])
    try:
        given = np.atleast_1d(numbers("thresholds", thresholds).astype(np.float64))
    except (TypeError, ValueError):
        given = np.zeros(0)
    if given.ndim != 1 or not len(given) or not ((given >= 0) & (given <= 1)).all():
        raise ValueError(f"`thresholds` must be numbers in [0, 1]. Received: thresholds={thresholds!r}")
    if (np.diff(given) < 0).any():
        raise ValueError(f"`thresholds` must rise. Received: thresholds={thresholds!r}")
    return given


class _SingleCount(ConfusionCounts):
    """One of the four counts."""

    shown = ""

    def __init__(self, thresholds: float | Sequence[float] | None = None, name: str | None = None) -> None:
        super().__init__(thresholds, None, None, self.shown if name is None else name)

    def result(self) -> Any:
        return number_or_array(getattr(self, self.shown))


class TruePositives(_SingleCount):
    """The (weighted) number of predictions above the threshold that are true. As keras.metrics.TruePositives.

    >>> TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
    2.0
    """

    direction, shown = "up", "true_positives"


class FalsePositives(_SingleCount):
    """The (weighted) number of predictions above the threshold that are false. As
    keras.metrics.FalsePositives.
    """

    direction, shown = "down", "false_positives"


class TrueNegatives(_SingleCount):
    """The (weighted) number of predictions not above the threshold that are false. As
    keras.metrics.TrueNegatives.
    """

    direction, shown = "up", "true_negatives"


class FalseNegatives(_SingleCount):
    """The (weighted) number of predictions not above the threshold that are true. As
    keras.metrics.FalseNegatives.
    """

    direction, shown = "down", "false_negatives"


class _Share(ConfusionCounts):
    """The true positives as a share of something."""

    direction = "up"
    others, default_name = "", ""

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(thresholds, top_k, class_id, self.default_name if name is None else name)

    def result(self) -> Any:
        right: np.ndarray = getattr(self, "true_positives")  # noqa: B009
        return number_or_array(divided(right, right + getattr(self, self.others)))


class Precision(_Share):
    """The share of what is predicted (above `thresholds`, default 0.5; or among the `top_k`) that is true. As
    keras.metrics.Precision.

    `class_id`: of one class only. Several thresholds give an array. Raises ValueError for thresholds outside
    [0, 1].

    >>> Precision()([0, 1, 1, 1], [1, 0, 1, 1])
    0.6666666666666666
    """

    others, default_name = "false_positives", "precision"


class Recall(_Share):
    """The share of what is true that is predicted (above `thresholds`, default 0.5; or among the `top_k`). As
    keras.metrics.Recall.

    >>> Recall()([0, 1, 1, 1], [1, 0, 1, 1])
    0.6666666666666666
    """

    others, default_name = "false_negatives", "recall"
