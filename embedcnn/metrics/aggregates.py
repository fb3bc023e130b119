"""Mean and Sum of values that a program of one's own gives, and the mean of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..base.arrays import numbers
from ..graph import tracing
from ..graph.nodes import SymbolicTensor
from ..losses.pairs import spread_weights
from .base import FunctionMetric, Metric


class _Aggregate(Metric):
    """Values counted as they come, without targets: `metric.update_state(values, sample_weight=None)`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Counts numbers of any shape; weights are one number, or fit the first axes. A symbolic tensor, in a
        `compute_loss` that is traced, is counted once a step.
        """
        waiting = tracing.counted()
        if waiting is not None and isinstance(values, SymbolicTensor):
            waiting.append((self, values))
            return
        array = numbers("values", values).astype(np.float64)
        weights = spread_weights(sample_weight, array.shape)
        count = array.size if weights is None else float(weights.sum())
        self.add(float(array.sum() if weights is None else (array * weights).sum()), count)

    def __call__(self, values: Any, sample_weight: Any = None) -> Any:  # type: ignore[override]
        self.update_state(values, sample_weight)
        return self.result()


class Mean(_Aggregate):
    """The (weighted) mean of values. As keras.metrics.Mean.

    >>> mean = Mean()
    >>> mean.update_state([1, 3, 5, 7])
    >>> mean.result()
    4.0
    """

    def __init__(self, name: str = "mean") -> None:
        super().__init__(name)


class Sum(_Aggregate):
    """The (weighted) sum of values. As keras.metrics.Sum.

    >>> total = Sum()
    >>> total.update_state([1, 3, 5, 7])
    >>> total.result()
    16.0
    """

    def __init__(self, name: str = "sum") -> None:
        super().__init__(name)

    def result(self) -> float:
        return self.total


class MeanMetricWrapper(FunctionMetric):
    """The mean of a function (y_true, y_pred, **arguments) over examples. As keras.metrics.MeanMetricWrapper.

    >>> MeanMetricWrapper(lambda y, p, scale: scale * abs(y - p), name="far", scale=2)([1.0], [0.5])
    1.0
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, **arguments: Any) -> None:
        if not callable(fn):
            raise TypeError(f"`fn` must be a function (y_true, y_pred). Received: fn={fn!r}")
        super().__init__(fn, name)
        self.arguments = arguments

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return self.function(y_true, y_pred, **self.arguments)
