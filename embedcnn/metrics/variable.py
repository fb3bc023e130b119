"""What a metric of one's own keeps: a number or array that batches add to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class MetricVariable(NDArrayOperatorsMixin):
    """A float64 number or array with Keras's `assign`, `assign_add` and `assign_sub`; NumPy computes with it.

    >>> total = MetricVariable("total", np.array(1.0))
    >>> _ = total.assign_add(2)
    >>> float(total / 2)
    1.5
    """

    def __init__(self, name: str, value: np.ndarray) -> None:
        self.name = name
        self.start = np.array(value, np.float64)
        self.value = self.start.copy()

    def assign(self, value: Any) -> MetricVariable:
        """Takes a value of the same shape, or one number for all; ValueError for another shape."""
        try:
            self.value = np.broadcast_to(np.asarray(value, np.float64), self.start.shape).copy()
        except ValueError:
            raise ValueError(
                f"weight {self.name!r} of a metric has the shape {self.start.shape}. Received: a value of "
                f"shape {np.shape(value)}"
            ) from None
        return self

    def assign_add(self, value: Any) -> MetricVariable:
        """Adds a value."""
        return self.assign(self.value + np.asarray(value, np.float64))

    def assign_sub(self, value: Any) -> MetricVariable:
        """Takes a value away."""
        return self.assign(self.value - np.asarray(value, np.float64))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.start.shape

    def numpy(self) -> np.ndarray:
        """A copy of the value."""
        return self.value.copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.value.astype(dtype or np.float64)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        given = [part.value if isinstance(part, MetricVariable) else part for part in inputs]
        return getattr(ufunc, method)(*given, **options)

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __repr__(self) -> str:
        return f"<MetricVariable name={self.name!r}, value={self.value.tolist()}>"
