"""Accuracies as functions: whether each prediction is right, 1.0 or 0.0. Keras's names in keras.metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..losses.pairs import numbers_of
from .accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .base import Metric


def _found(metric: Metric, y_true: Any, y_pred: Any) -> np.ndarray:
    right = metric.per_example(*numbers_of(y_true, y_pred))
    return np.asarray(right, np.float32)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> np.ndarray:
    """The share of the last axis where (y_pred > threshold) equals y_true, float32 of one axis less. As
    keras.metrics.binary_accuracy.

    >>> binary_accuracy([[1.0], [0.0]], [[0.9], [0.6]]).tolist()
    [1.0, 0.0]
    """
    right: np.ndarray = _found(BinaryAccuracy(threshold=threshold), y_true, y_pred)
    return right.mean(axis=-1, dtype=np.float32)


def categorical_accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """Whether the largest of y_pred is where the largest of y_true (one-hot) is, float32 of one axis less. As
    keras.metrics.categorical_accuracy.

    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]).tolist()
    [1.0, 0.0]
    """
    return _found(CategoricalAccuracy(), y_true, y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """Whether the largest of y_pred is at the class y_true, float32 of one axis less. As
    keras.metrics.sparse_categorical_accuracy.

    >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.2, 0.8]]).tolist()
    [1.0, 0.0]
    """
    return _found(SparseCategoricalAccuracy(), y_true, y_pred)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> np.ndarray:
    """Whether the largest of y_true (one-hot) is among the k largest of y_pred, float32 of one axis less. As
    keras.metrics.top_k_categorical_accuracy.

    >>> top_k_categorical_accuracy([[0, 0, 1], [1, 0, 0]], [[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]], k=2).tolist()
    [1.0, 0.0]
    """
    return _found(TopKCategoricalAccuracy(k), y_true, y_pred)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> np.ndarray:
    """Whether the class y_true is among the k largest of y_pred, float32 of one axis less. As
    keras.metrics.sparse_top_k_categorical_accuracy.

    >>> sparse_top_k_categorical_accuracy([2, 0], [[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]], k=2).tolist()
    [1.0, 0.0]
    """
    return _found(SparseTopKCategoricalAccuracy(k), y_true, y_pred)


ACCURACIES: dict[Any, type[Metric]] = {
    binary_accuracy: BinaryAccuracy,
    categorical_accuracy: CategoricalAccuracy,
    sparse_categorical_accuracy: SparseCategoricalAccuracy,
    top_k_categorical_accuracy: TopKCategoricalAccuracy,
    sparse_top_k_categorical_accuracy: SparseTopKCategoricalAccuracy,
}
"""What `compile` takes a function for."""
