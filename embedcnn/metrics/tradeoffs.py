"""The best of one share of right decisions where another is at least so large: four metrics of Keras."""

from __future__ import annotations

import numpy as np

from ..base.arguments import finite_number, integer
from .base import divided
from .confusion import MOST_THRESHOLDS, ConfusionCounts


class _BestWhere(ConfusionCounts):
    """The largest value of one share over thresholds at which another one reaches a bound."""

    direction = "up"
    bound_name = ""

    def _begin(self, bound: float, num_thresholds: int, class_id: int | None, name: str) -> None:
        setattr(self, self.bound_name, float(finite_number(self.bound_name, bound, least=0)))
        if bound > 1:
            raise ValueError(f"`{self.bound_name}` must be in [0, 1]. Received: {self.bound_name}={bound!r}")
        self.num_thresholds = integer("num_thresholds", num_thresholds, 1, MOST_THRESHOLDS)
        if self.num_thresholds == 1:
            thresholds = [0.5]
        else:
            inner = [(i + 1) / (self.num_thresholds - 1) for i in range(self.num_thresholds - 2)]
            thresholds = [0.0, *inner, 1.0]
        super().__init__(thresholds, None, class_id, name)

    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        """At each threshold the share that is bounded, and the one that is wanted."""
        raise NotImplementedError

    def result(self) -> float:
        bounded, wanted = self.shares()
        reached = bounded >= getattr(self, self.bound_name)
        return float(wanted[reached].max()) if reached.any() else 0.0

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("thresholds", None)
        return config

    def _precision(self) -> np.ndarray:
        return divided(self.true_positives, self.true_positives + self.false_positives)

    def _recall(self) -> np.ndarray:
        return divided(self.true_positives, self.true_positives + self.false_negatives)

    def _specificity(self) -> np.ndarray:
        return divided(self.true_negatives, self.true_negatives + self.false_positives)

    true_positives: np.ndarray
    false_positives: np.ndarray
    true_negatives: np.ndarray
    false_negatives: np.ndarray


class PrecisionAtRecall(_BestWhere):
    """The largest precision where recall is at least `recall`. As keras.metrics.PrecisionAtRecall.

    >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    bound_name = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str = "precision_at_recall",
    ) -> None:
        self._begin(recall, num_thresholds, class_id, name)

    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        return self._recall(), self._precision()


class RecallAtPrecision(_BestWhere):
    """The largest recall where precision is at least `precision`. As keras.metrics.RecallAtPrecision.

    >>> RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    0.5
    """

    bound_name = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str = "recall_at_precision",
    ) -> None:
        self._begin(precision, num_thresholds, class_id, name)

    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        return self._precision(), self._recall()


class SensitivityAtSpecificity(_BestWhere):
    """The largest sensitivity (recall) where specificity is at least `specificity`. As
    keras.metrics.SensitivityAtSpecificity.

    >>> SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    bound_name = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str = "sensitivity_at_specificity",
    ) -> None:
        self._begin(specificity, num_thresholds, class_id, name)

    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        return self._specificity(), self._recall()


class SpecificityAtSensitivity(_BestWhere):
    """The largest specificity where sensitivity (recall) is at least `sensitivity`. As
    keras.metrics.SpecificityAtSensitivity.

    >>> round(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]), 4)
    0.6667
    """

    bound_name = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str = "specificity_at_sensitivity",
    ) -> None:
        self._begin(sensitivity, num_thresholds, class_id, name)

    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        return self._recall(), self._specificity()
