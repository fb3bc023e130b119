"""How right a classifier is, in numbers: what plots and reports show. With scikit-learn's names where it has
them; nothing here needs it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..base.arguments import positive_integer
from ..base.arrays import numbers
from ..base.columns import several


class Reliability(NamedTuple):
    """How often texts are right, by how sure the classifier was: `confidence` and `accuracy`, the means of
    each bin that has texts, and how many `texts` it has; `error`: the mean distance of the two, by texts (the
    expected calibration error).
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    texts: np.ndarray
    error: float


class PrecisionRecall(NamedTuple):
    """Precision and recall at each threshold, the highest first, and the area below by steps."""

    precision: np.ndarray
    recall: np.ndarray
    thresholds: np.ndarray
    average_precision: float


def label_numbers(argument: str, y: Any, labels: list[Any]) -> np.ndarray:
    """The places of labels, int64 (N,); ValueError that names one that is none of `labels`."""
    places = {label: place for place, label in enumerate(labels)}
    given = labels_in(argument, y)
    found = [places.get(label, -1) for label in given]
    if -1 in found:
        wrong = given[found.index(-1)]
        raise ValueError(f"`{argument}` must hold labels of {labels[:20]}. Received: {wrong!r}")
    return np.array(found, np.int64)


def labels_in(argument: str, y: Any) -> list[Any]:
    """The labels of a list, column or array as Python has them; TypeError for what holds none, as a model."""
    if hasattr(y, "predict"):
        raise TypeError(
            f"`{argument}` must be a list of labels, as predict_labels(texts) gives them. Received: {y!r}"
        )
    labels = [part.item() if isinstance(part, np.generic) else part for part in several(argument, y)]
    for label in labels:
        if isinstance(label, (list, dict, set, np.ndarray, complex)):
            raise TypeError(f"`{argument}` must hold one label for each text. Received: {label!r} among them")
    return labels


def known_labels(**parts: Any) -> list[Any]:
    """The distinct labels of lists or arrays, by argument, sorted."""
    found = {label for argument, one in parts.items() for label in labels_in(argument, one)}
    return sorted(found, key=lambda label: (str(type(label)), label))


def confusion_matrix(y_true: Any, y_pred: Any, labels: Any = None) -> np.ndarray:
    """How many texts of each label are predicted as each, int64 (labels, labels): rows are true labels. As
    sklearn.metrics.confusion_matrix.

    `labels`: their order; None: sorted. Raises ValueError for other labels, and unequal lengths.

    >>> confusion_matrix(["cat", "dog", "cat"], ["cat", "cat", "cat"]).tolist()
    [[2, 0], [1, 0]]
    """
    names = known_labels(y_true=y_true, y_pred=y_pred) if labels is None else labels_in("labels", labels)
    rows, columns = label_numbers("y_true", y_true, names), label_numbers("y_pred", y_pred, names)
    if len(rows) != len(columns):
        raise ValueError(
            f"`y_true` and `y_pred` must have as many labels. Received: {len(rows)} and {len(columns)}"
        )
    size = len(names)
    return np.bincount(rows * size + columns, minlength=size * size).reshape(size, size)


def reliability_curve(y_true: Any, probabilities: Any, labels: Any = None, bins: int = 10) -> Reliability:
    """Accuracy by the probability of the predicted label, in `bins` bins of equal width (Guo et al. 2017).

    `probabilities`: (N, K), K labels in the order of `labels` (None: 0 to K - 1); of two labels also (N,) or
    (N, 1), that of the second. Raises ValueError for shapes that do not fit.

    >>> found = reliability_curve([0, 1, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.7, 0.3]], bins=2)
    >>> found.texts.tolist(), found.accuracy.tolist(), round(found.error, 3)
    ([4], [0.75], 0.025)
    """
    p, truth, _ = _checked(y_true, probabilities, labels)
    sure, right = p.max(axis=1), p.argmax(axis=1) == truth
    edges = np.linspace(0, 1, positive_integer("bins", bins) + 1)
    places = np.clip(np.searchsorted(edges, sure, "left") - 1, 0, bins - 1)
    texts = np.bincount(places, minlength=bins)
    used = texts > 0
    confidence = np.bincount(places, sure, bins)[used] / texts[used]
    accuracy = np.bincount(places, right, bins)[used] / texts[used]
    error = float((np.abs(confidence - accuracy) * texts[used]).sum() / max(1, texts.sum()))
    return Reliability(confidence, accuracy, texts[used], error)


def precision_recall_curve(y_true: Any, scores: Any) -> PrecisionRecall:
    """Precision and recall of saying yes from each score on. As sklearn.metrics.precision_recall_curve, whose
    order is the reverse, with one point more.

    `y_true`: (N,) of 0 and 1; `scores`: (N,) numbers. Raises ValueError without a 1 and for other shapes.

    >>> found = precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> found.precision.round(2).tolist(), found.recall.tolist(), round(found.average_precision, 3)
    ([1.0, 0.5, 0.67, 0.5], [0.5, 0.5, 1.0, 1.0], 0.833)
    """
    truth, values = numbers("y_true", y_true).ravel() > 0, numbers("scores", scores).ravel()
    if truth.shape != values.shape:
        raise ValueError(
            f"`scores` must have a number for each of the {len(truth)} of `y_true`. Received: {len(values)}"
        )
    if not truth.any():
        raise ValueError("`y_true` must hold a 1 at least. Received: none")
    order = np.argsort(-values, kind="stable")
    truth, values = truth[order], values[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))  # of each distinct score
    right = np.cumsum(truth)[last]
    precision, recall = right / (last + 1), right / right[-1]
    area = float((np.diff(recall, prepend=0) * precision).sum())
    return PrecisionRecall(precision, recall, values[last], area)


def _checked(y_true: Any, probabilities: Any, labels: Any) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    """(probabilities (N, K), numbers of the true labels, labels)."""
    p = np.asarray(numbers("probabilities", probabilities), np.float64)
    if not p.ndim:
        raise ValueError("`probabilities` must have shape (texts, labels). Received: shape ()")
    if p.ndim == 1 or (p.ndim == 2 and p.shape[1] == 1):
        p = np.stack([1 - p.ravel(), p.ravel()], axis=1)
    names = list(range(p.shape[-1])) if labels is None else labels_in("labels", labels)
    if p.ndim != 2 or p.shape[1] != len(names):
        raise ValueError(
            f"`probabilities` must have shape (texts, {len(names)}), one for each of `labels`. "
            f"Received: shape {p.shape}"
        )
    truth = label_numbers("y_true", y_true, names)
    if len(truth) != len(p):
        raise ValueError(
            f"`y_true` must have a label for each of the {len(p)} texts of `probabilities`. "
            f"Received: {len(truth)}"
        )
    return p, truth, names


def scores_by_label(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(precision, recall, F1) of each label from counts[true, predicted], float64; 0 where nothing was
    predicted or nothing is true.

    >>> [part.round(2).tolist() for part in scores_by_label(np.array([[3, 1], [0, 4]]))]
    [[1.0, 0.8], [0.75, 1.0], [0.86, 0.89]]
    """
    right = np.diag(counts).astype(np.float64)
    precision = right / np.maximum(1, counts.sum(axis=0))
    recall = right / np.maximum(1, counts.sum(axis=1))
    both = precision + recall
    return precision, recall, np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
