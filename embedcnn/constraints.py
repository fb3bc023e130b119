"""Constraints on weights after each update, by Keras's names: MaxNorm, UnitNorm, MinMaxNorm and NonNeg. The
core applies them.

Norms are over `axis`: 0 for the inputs of each unit of a Dense layer, [0, 1] for a Conv1D kernel, 1 for the
rows of an Embedding. A lazily updated Embedding constrains the rows that a step touched, so it takes axis=1
only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .base.arguments import chosen, configuration

_EPSILON = 1e-7


class Constraint:
    """What weights are turned into after an update; called on an array it gives the result. As
    keras.constraints.Constraint.

    Only the constraints of this module run in the core: a subclass of one's own is refused by layers.
    """

    def __call__(self, w: Any) -> np.ndarray:
        raise NotImplementedError

    def rules(self, shape: Sequence[int]) -> dict[str, Any]:
        """The constraint of a weight of this shape in the form of the core."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        """The constraint of a configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class NonNeg(Constraint):
    """max(w, 0). As keras.constraints.NonNeg.

    >>> NonNeg()([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Any) -> np.ndarray:
        return np.maximum(np.asarray(w, np.float64), 0)

    def rules(self, shape: Sequence[int]) -> dict[str, Any]:
        return {"constraint": "non_negative"}


class _Norm(Constraint):
    least, most, rate = 0.0, float("inf"), 1.0

    def __init__(self, axis: int | Sequence[int]) -> None:
        axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
        if not axes or any(isinstance(a, bool) or not isinstance(a, (int, np.integer)) for a in axes):
            raise ValueError(f"`axis` must be an integer or a list of integers. Received: axis={axis!r}")
        self.axis = axis if isinstance(axis, (int, np.integer)) else [int(a) for a in axes]

    def axes(self, rank: int) -> tuple[int, ...]:
        """The axes of a weight of this rank, from 0; ValueError for others."""
        given = self.axis if isinstance(self.axis, list) else [self.axis]
        for axis in given:
            if not -rank <= axis < rank:
                raise ValueError(
                    f"{self!r}: `axis`={axis} is outside [{-rank}, {rank}) of a weight of {rank} axes"
                )
        return tuple(sorted({axis % rank for axis in given}))

    def __call__(self, w: Any) -> np.ndarray:
        w = np.asarray(w, np.float64)
        norms = np.sqrt((w**2).sum(axis=self.axes(w.ndim), keepdims=True))
        wanted = self.rate * np.clip(norms, self.least, self.most) + (1 - self.rate) * norms
        return w * (wanted / (_EPSILON + norms))

    def rules(self, shape: Sequence[int]) -> dict[str, Any]:
        return {
            "constraint": "norm",
            "norm_axes": sum(1 << axis for axis in self.axes(len(shape))),
            "least_norm": self.least,
            "most_norm": self.most,
            "norm_rate": self.rate,
        }


class MaxNorm(_Norm):
    """Norms over `axis` of at most `max_value`. Raises ValueError unless it is a finite number >= 0. As
    keras.constraints.MaxNorm.

    >>> MaxNorm(1.0, axis=1)([[3.0, 4.0], [0.1, 0.0]]).round(3).tolist()
    [[0.6, 0.8], [0.1, 0.0]]
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        super().__init__(axis)
        self.max_value = self.most = _number("max_value", max_value)

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(_Norm):
    """Norms over `axis` of 1. As keras.constraints.UnitNorm.

    >>> UnitNorm(axis=1)([[3.0, 4.0]]).round(3).tolist()
    [[0.6, 0.8]]
    """

    least = most = 1.0

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        super().__init__(axis)

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(_Norm):
    """Norms over `axis` drawn to [min_value, max_value] by the share `rate` of the way. As
    keras.constraints.MinMaxNorm.

    Raises ValueError unless 0 <= min_value <= max_value and 0 <= rate <= 1.

    >>> MinMaxNorm(2.0, 3.0, axis=1)([[0.6, 0.8]]).round(3).tolist()
    [[1.2, 1.6]]
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        super().__init__(axis)
        self.min_value = self.least = _number("min_value", min_value)
        self.max_value = self.most = _number("max_value", max_value)
        self.rate = _number("rate", rate)
        if self.min_value > self.max_value:
            raise ValueError(
                f"`min_value` must be at most `max_value`. Received: min_value={min_value}, "
                f"max_value={max_value}"
            )
        if self.rate > 1:
            raise ValueError(f"`rate` must be in [0, 1]. Received: rate={rate}")

    def get_config(self) -> dict[str, Any]:
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


def _number(argument: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f"`{argument}` must be a finite number >= 0. Received: {argument}={value!r}")
    return float(value)


CLASSES: dict[str, type[Constraint]] = {cls.__name__: cls for cls in (MaxNorm, UnitNorm, MinMaxNorm, NonNeg)}
NAMES: dict[str, type[Constraint]] = {
    "max_norm": MaxNorm,
    "unit_norm": UnitNorm,
    "min_max_norm": MinMaxNorm,
    "non_neg": NonNeg,
}


def get(identifier: Any, argument: str = "constraint") -> Constraint | None:
    """The constraint of a name, class, configuration or instance; None stays None.

    ValueError with a suggestion for unknown names, TypeError for Python functions.

    >>> get("max_norm")
    MaxNorm(max_value=2.0, axis=0)
    """
    return chosen(argument, identifier, CLASSES, NAMES, "the core runs no Python functions after an update")


def serialize(constraint: Constraint | None) -> dict[str, Any] | None:
    """The configuration of a constraint, for `get`."""
    return configuration(constraint)
