"""Accuracies: how often predictions are right."""

from __future__ import annotations

import numpy as np

from ..base.arguments import finite_number, positive_integer
from ..losses.pairs import check_rows, classes_of, like_predictions
from .base import Metric, largest


class Accuracy(Metric):
    """How often y_pred equals y_true. As keras.metrics.Accuracy (the name "accuracy" in `compile` chooses
    the one that fits the loss instead).

    >>> Accuracy()([1, 2], [1, 3])
    0.5
    """

    direction, additive = "up", True

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return like_predictions(y_true, y_pred) == y_pred


class BinaryAccuracy(Metric):
    """How often (y_pred > threshold), 0 or 1, equals y_true. As keras.metrics.BinaryAccuracy: a target
    between 0 and 1 is never met.

    >>> BinaryAccuracy()([1, 0], [[0.9], [0.6]])
    0.5
    """

    direction, additive, kind = "up", True, "binary"

    def __init__(self, name: str = "binary_accuracy", threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = float(finite_number("threshold", threshold, above=0, below=1))

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return (y_pred > self.threshold) == like_predictions(y_true, y_pred)


class CategoricalAccuracy(Metric):
    """How often the largest of y_pred is where the largest of y_true (one-hot) is. As
    keras.metrics.CategoricalAccuracy.

    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    direction, additive, kind = "up", True, "categorical"

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        check_rows(y_pred)
        if y_true.shape != y_pred.shape:
            raise ValueError(
                f"{self.name} takes one-hot y_true of the shape of y_pred, {y_pred.shape}. Received: shape "
                f"{y_true.shape}; class numbers are compared by sparse_categorical_accuracy"
            )
        chosen, any_number = largest(y_pred)
        return (y_true.argmax(axis=-1) == chosen) & any_number


class SparseCategoricalAccuracy(Metric):
    """How often the largest of y_pred is at the class y_true. As keras.metrics.SparseCategoricalAccuracy.

    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    direction, additive, kind = "up", True, "sparse_categorical"

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        classes = classes_of(y_true, y_pred)
        chosen, any_number = largest(y_pred)
        return (classes == chosen) & any_number


class AccuracyByShape(Metric):
    """Accuracy where the loss does not say what y is: one-hot if it has the shape of y_pred, else numbers."""

    direction, additive = "up", True

    def __init__(self, name: str) -> None:
        super().__init__(name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        one_hot = y_true.shape == y_pred.shape
        fitting: Metric = CategoricalAccuracy() if one_hot else SparseCategoricalAccuracy()
        return fitting.per_example(y_true, y_pred)


def in_top_k(classes: np.ndarray, y_pred: np.ndarray, k: int) -> np.ndarray:
    """Whether fewer than k predictions are above that of the class; equal ones count as below, as in
    TensorFlow.
    """
    count = y_pred.shape[-1]
    if classes.size and not (classes.min() >= 0 and classes.max() < count):
        wrong = classes[(classes < 0) | (classes >= count)].flat[0]
        raise ValueError(f"y_true: class {wrong} is outside [0, {count})")
    own = np.take_along_axis(y_pred, classes[..., None].astype(np.int64), axis=-1)
    return ((y_pred > own).sum(axis=-1) < k) & np.isfinite(own[..., 0])


class TopKCategoricalAccuracy(Metric):
    """How often the largest of y_true (one-hot) is among the k largest of y_pred. As
    keras.metrics.TopKCategoricalAccuracy.

    Raises ValueError unless `k` is a positive integer.

    >>> TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]])
    0.5
    """

    direction, additive = "up", True

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy") -> None:
        super().__init__(name)
        self.k = positive_integer("k", k)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        check_rows(y_pred)
        return in_top_k(like_predictions(y_true, y_pred).argmax(axis=-1), y_pred, self.k)


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """How often the class y_true is among the k largest of y_pred. As
    keras.metrics.SparseTopKCategoricalAccuracy.

    >>> SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]])
    0.5
    """

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy") -> None:
        super().__init__(k, name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return in_top_k(classes_of(y_true, y_pred), y_pred, self.k)
