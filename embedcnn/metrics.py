"""Metrics by Keras's names. Those that the core counts anyway (accuracy) cost nothing; the others run in
NumPy per batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .choices import unknown_name


class Metric:
    """A mean over examples: `update_state(y_true, y_pred, sample_weight)`, `result()`, `reset_state()`.

    Subclasses define `per_example(y_true, y_pred)`, an array with one value per example (more axes are
    averaged).
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.reset_state()

    def reset_state(self) -> None:
        """Forgets everything seen."""
        self.total = self.count = 0.0

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} must define per_example(y_true, y_pred)")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch."""
        values = np.asarray(self.per_example(np.asarray(y_true), np.asarray(y_pred)), np.float64)
        if values.ndim == 0:  # a function that averages by itself counts with its number of examples
            self.add(float(values) * len(y_true), len(y_true))
            return
        values = values.reshape(len(values), -1).mean(axis=1)
        if sample_weight is None:
            self.add(float(values.sum()), len(values))
        else:
            weight = np.asarray(sample_weight, np.float64).reshape(len(values))
            self.add(float((values * weight).sum()), float(weight.sum()))

    def add(self, total: float, count: float) -> None:
        """Counts a sum of values and how many they are."""
        self.total += total
        self.count += count

    def result(self) -> float:
        """The mean over all that was counted; 0.0 before anything was."""
        return self.total / self.count if self.count else 0.0

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"name": self.name}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class BinaryAccuracy(Metric):
    """How often (y_pred > threshold) equals y_true. As keras.metrics.BinaryAccuracy.

    >>> BinaryAccuracy()([1, 0], [[0.9], [0.6]])
    0.5
    """

    kind = "binary"

    def __init__(self, name: str = "binary_accuracy", threshold: float = 0.5) -> None:
        super().__init__(name)
        if not isinstance(threshold, (int, float)) or not 0 < threshold < 1:
            raise ValueError(f"`threshold` must be in (0, 1). Received: threshold={threshold!r}")
        self.threshold = float(threshold)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return (y_pred > self.threshold) == (y_true.reshape(y_pred.shape) > 0.5)

    def get_config(self) -> dict[str, Any]:
        return {"threshold": self.threshold, **super().get_config()}


class CategoricalAccuracy(Metric):
    """How often the largest of y_pred is where the largest of y_true (one-hot) is. As
    keras.metrics.CategoricalAccuracy.

    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    kind = "categorical"

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return y_true.argmax(axis=-1) == y_pred.argmax(axis=-1)


class SparseCategoricalAccuracy(Metric):
    """How often the largest of y_pred is at the class y_true. As keras.metrics.SparseCategoricalAccuracy.

    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    kind = "sparse_categorical"

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return y_true.reshape(y_pred.shape[:-1]) == y_pred.argmax(axis=-1)


class FunctionMetric(Metric):
    """A metric from a function (y_true, y_pred) -> one value per example, or their mean."""

    def __init__(self, function: Callable[[Any, Any], Any], name: str | None = None) -> None:
        default = getattr(function, "__name__", type(function).__name__)
        super().__init__(name or ("lambda" if default == "<lambda>" else default))
        self.function = function

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return self.function(y_true, y_pred)


class MeanSquaredError(Metric):
    """The mean of (y_true - y_pred)^2. As keras.metrics.MeanSquaredError.

    >>> MeanSquaredError()([[1.0]], [[0.5]])
    0.25
    """

    def __init__(self, name: str = "mean_squared_error") -> None:
        super().__init__(name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return (y_true.reshape(y_pred.shape) - y_pred) ** 2


class MeanAbsoluteError(Metric):
    """The mean of |y_true - y_pred|. As keras.metrics.MeanAbsoluteError.

    >>> MeanAbsoluteError()([[1.0]], [[0.5]])
    0.5
    """

    def __init__(self, name: str = "mean_absolute_error") -> None:
        super().__init__(name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return np.abs(y_true.reshape(y_pred.shape) - y_pred)


CLASSES: dict[str, type[Metric]] = {
    cls.__name__: cls
    for cls in (
        BinaryAccuracy,
        CategoricalAccuracy,
        SparseCategoricalAccuracy,
        MeanSquaredError,
        MeanAbsoluteError,
    )
}
NAMES: dict[str, type[Metric]] = {
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mae": MeanAbsoluteError,
}
ACCURACY = ("accuracy", "acc")


def get(identifier: Any) -> Metric:
    """The metric of a name, class, configuration, function or instance; ValueError with a suggestion for
    unknown names.

    "accuracy" has no metric of its own: `compile` chooses the one that fits the loss and the shapes.

    >>> get("binary_accuracy")
    <BinaryAccuracy name=binary_accuracy>
    """
    if isinstance(identifier, Metric):
        return identifier
    if inspect.isclass(identifier) and issubclass(identifier, Metric):
        return identifier()  # type: ignore[call-arg]
    if isinstance(identifier, dict) and identifier.get("class_name") in CLASSES:
        return CLASSES[identifier["class_name"]](**identifier.get("config", {}))
    if isinstance(identifier, str) and identifier in (NAMES | CLASSES):
        metric = (NAMES | CLASSES)[identifier]()  # type: ignore[call-arg]
        metric.name = identifier if identifier in NAMES else metric.name
        return metric
    if callable(identifier):
        return FunctionMetric(identifier)
    raise unknown_name("metric", identifier, [*NAMES, *ACCURACY])


def accuracy_for(units: int, target: str, name: str) -> Metric:
    """What "accuracy" means for an output of `units` numbers and y of the kind `target`, as Keras resolves
    it.
    """
    if units == 1:
        return BinaryAccuracy(name)
    return SparseCategoricalAccuracy(name) if target == "classes" else CategoricalAccuracy(name)


def serialize(metric: Metric) -> dict[str, Any]:
    """The configuration of a metric, for `get`; ValueError for functions, which no file can hold."""
    if type(metric).__name__ not in CLASSES:
        raise ValueError(
            f"metric {metric.name!r} is a Python function or class and cannot be stored in a file"
        )
    return {"class_name": type(metric).__name__, "config": metric.get_config()}
