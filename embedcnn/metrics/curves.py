"""The area under the ROC and the precision-recall curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..activations import sigmoid
from ..base.arguments import finite_number, integer, items, one_of, optional, positive_integer
from ..base.arrays import numbers
from ..base.checked import checked
from ..losses.pairs import spread_weights
from .base import aligned, divided
from .confusion import MOST_THRESHOLDS, ConfusionCounts, thresholds_below


class AUC(ConfusionCounts):
    """The area under a curve of `num_thresholds` points, "ROC" or "PR", by Keras's sums. As
    keras.metrics.AUC.

    `summation_method`: "interpolation" (of "PR" Davis and Goadrich 2006), "minoring" or "majoring". With
    `multi_label` one area per unit, averaged (with `label_weights`). `from_logits`: predictions go through
    the sigmoid first. Raises ValueError for other names, fewer than two thresholds, or thresholds outside
    [0, 1].

    >>> round(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]), 4)
    0.75
    """

    direction = "up"

    @checked
    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str = "auc",
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        self.curve = one_of("curve", curve, ("roc", "pr")).upper()
        methods = ("interpolation", "minoring", "majoring")
        self.summation_method = one_of("summation_method", summation_method, methods)
        if thresholds is None:
            num_thresholds = integer("num_thresholds", num_thresholds, 2, MOST_THRESHOLDS)
            inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        else:
            given = [finite_number("thresholds", one) for one in items("thresholds", thresholds)]
            inner = sorted(given)
        self.multi_label = multi_label
        self.num_labels = optional(positive_integer, "num_labels", num_labels)
        if label_weights is not None and not self.multi_label:
            raise ValueError("`label_weights` needs multi_label=True")
        weights = [
            float(finite_number("label_weights", weight, least=0))
            for weight in (() if label_weights is None else items("label_weights", label_weights))
        ]
        self.label_weights = None if label_weights is None else weights
        self.from_logits = from_logits
        super().__init__(inner or None, None, None, name)
        self.thresholds = np.array([-1e-7, *inner, 1 + 1e-7])  # all and none are positive at the ends
        self.num_thresholds = len(self.thresholds)
        self.given_thresholds = None if thresholds is None else self.thresholds[1:-1].tolist()
        self._labels: int | None = None
        self.reset_state()

    def shape(self) -> tuple[int, ...]:
        labels = getattr(self, "_labels", None)
        return (len(self.thresholds),) if labels is None else (len(self.thresholds), labels)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if self.from_logits:
            y_pred = sigmoid(numbers("y_pred", y_pred))
        if not self.multi_label:
            super().update_state(y_true, y_pred, sample_weight)
            return
        truth, predicted = aligned(y_true, y_pred)
        labels, size = predicted.shape[-1], len(self.thresholds) + 1
        if self._labels is None:
            self._labels = labels
            self.reset_state()
        if labels != self._labels or self.num_labels not in (None, labels):
            raise ValueError(
                f"metric {self.name!r}: expected {self.num_labels or self._labels} labels, got {labels}"
            )
        if self.label_weights is not None and len(self.label_weights) != labels:
            raise ValueError(
                f"metric {self.name!r}: {len(self.label_weights)} label_weights for {labels} labels"
            )
        weight = spread_weights(sample_weight, predicted.shape)
        truth, above = (truth != 0).reshape(-1, labels), thresholds_below(self.thresholds, predicted)
        weight = np.ones(truth.shape) if weight is None else weight.reshape(-1, labels)
        place = (above.reshape(-1, labels) + size * np.arange(labels)).ravel()
        parts = [
            np.bincount(place, (kind * weight).ravel(), size * labels).reshape(labels, size).T
            for kind in (truth, ~truth)
        ]
        self.add_counts(*parts)

    def result(self) -> float:
        tp, fp, tn, fn = (getattr(self, name) for name in self.state_names)
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated_precision_recall(tp, fp, fn)
        else:
            recall = divided(tp, tp + fn)
            x, y = (divided(fp, fp + tn), recall) if self.curve == "ROC" else (recall, divided(tp, tp + fp))
            heights = {
                "interpolation": (y[:-1] + y[1:]) / 2,
                "minoring": np.minimum(y[:-1], y[1:]),
                "majoring": np.maximum(y[:-1], y[1:]),
            }[self.summation_method]
            areas = ((x[:-1] - x[1:]) * heights).sum(axis=0)
        if self.multi_label and self.label_weights is not None and np.ndim(areas):
            weights = np.array(self.label_weights)
            return float(divided((areas * weights).sum(), weights.sum()))
        return float(np.mean(areas))

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        shape = np.shape(state["true_positives"])
        self._labels = shape[1] if len(shape) == 2 else None


def _interpolated_precision_recall(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """The area between points by interpolating true positives as a function of all positives (Davis and
    Goadrich 2006, section 2).
    """
    d_tp, positives = tp[:-1] - tp[1:], tp + fp
    slope = divided(d_tp, np.maximum(positives[:-1] - positives[1:], 0))
    intercept = tp[1:] - slope * positives[1:]
    both = (positives[:-1] > 0) & (positives[1:] > 0)
    ratio = np.where(both, divided(positives[:-1], positives[1:]), 1.0)
    return divided(slope * (d_tp + intercept * np.log(ratio)), np.maximum(tp[1:] + fn[1:], 0)).sum(axis=0)
