"""Constraints on weights after each update, by Keras's names: MaxNorm, UnitNorm, MinMaxNorm and NonNeg. The
core applies them.

Norms are over `axis`: 0 for the inputs of each unit of a Dense layer, [0, 1] for a Conv1D kernel, 1 for the
rows of an Embedding. A lazily updated Embedding constrains the rows that a step touched, so it takes axis=1
only.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .base.arguments import chosen, finite_number, integer
from .base.arrays import numbers
from .base.configuration import Configurable, described
from .base.custom_objects import OfFunction, known_objects, own_part
from .base.keras_names import no_such_name

_EPSILON = 1e-7


class Constraint(Configurable):
    """What weights are turned into after an update; called on an array it gives the result. As
    keras.constraints.Constraint.

    The constraints of this module run in the core. A subclass of one's own, or a function, is called with the
    whole array after each update, of a table too.

    >>> import embedcnn, numpy as np
    >>> class Clipped(Constraint):
    ...     def __call__(self, w):
    ...         return np.clip(w, -0.1, 0.1)
    >>> embedcnn.layers.Dense(2, kernel_constraint=Clipped()).kernel_constraint
    Clipped()
    """

    def __call__(self, w: Any) -> np.ndarray:
        raise NotImplementedError

    def rules(self, shape: Sequence[int]) -> dict[str, Any]:
        """The constraint of a weight of this shape in the form of the core."""
        raise NotImplementedError


class _OwnConstraint(OfFunction, Constraint):
    """A function of the user's, of the array of a weight."""


def is_own(constraint: Constraint | None) -> bool:
    """Whether it is Python of the user's own."""
    return constraint is not None and type(constraint) not in CLASSES.values()


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
        given: list[Any] = list(axis) if isinstance(axis, (list, tuple, np.ndarray)) else [axis]
        if not given:
            raise ValueError(f"`axis` must be an integer or a list of them. Received: axis={axis!r}")
        axes = [integer("axis", one) for one in given]
        self.axis = axes if isinstance(axis, (list, tuple, np.ndarray)) else axes[0]

    def axes(self, rank: int) -> tuple[int, ...]:
        """The axes of a weight of this rank, from 0; ValueError for others."""
        given = self.axis if isinstance(self.axis, list) else [self.axis]
        for axis in given:
            if not -rank <= axis < rank:
                raise ValueError(
                    f"{self!r}: `axis`={axis} is outside [{-rank}, {rank}) of a weight w of {rank} axes"
                )
        return tuple(sorted({axis % rank for axis in given}))

    def __call__(self, w: Any) -> np.ndarray:
        w = numbers("w", w).astype(np.float64)
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
        self.max_value = self.most = float(finite_number("max_value", max_value, least=0))


class UnitNorm(_Norm):
    """Norms over `axis` of 1. As keras.constraints.UnitNorm.

    >>> UnitNorm(axis=1)([[3.0, 4.0]]).round(3).tolist()
    [[0.6, 0.8]]
    """

    least = most = 1.0

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        super().__init__(axis)


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
        self.min_value = self.least = float(finite_number("min_value", min_value, least=0))
        self.max_value = self.most = float(finite_number("max_value", max_value, least=0))
        self.rate = float(finite_number("rate", rate, least=0, most=1))
        if self.min_value > self.max_value:
            raise ValueError(
                f"`min_value` must be at most `max_value`. Received: min_value={min_value}, "
                f"max_value={max_value}"
            )


CLASSES: dict[str, type[Constraint]] = {cls.__name__: cls for cls in (MaxNorm, UnitNorm, MinMaxNorm, NonNeg)}
NAMES: dict[str, type[Constraint]] = {
    "max_norm": MaxNorm,
    "unit_norm": UnitNorm,
    "min_max_norm": MinMaxNorm,
    "non_neg": NonNeg,
}


# Keras's other names
max_norm, unit_norm, min_max_norm, non_neg = MaxNorm, UnitNorm, MinMaxNorm, NonNeg


def get(identifier: Any, argument: str = "constraint") -> Constraint | None:
    """The constraint of a name, class, configuration, instance or function; None stays None. ValueError with
    a suggestion for unknown names.

    >>> get("max_norm")
    MaxNorm(max_value=2.0, axis=0)
    """
    own = functools.partial(own_part, argument, identifier, Constraint, _OwnConstraint)
    return chosen(argument, identifier, CLASSES, NAMES, own)


def serialize(constraint: Constraint | None) -> dict[str, Any] | None:
    """The configuration of a constraint, for `get`."""
    return described(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Constraint | None:
    """The constraint of a configuration or name, also of a class in `custom_objects`. As
    keras.constraints.deserialize.

    >>> deserialize(serialize(NonNeg()))
    NonNeg()
    """
    with known_objects(custom_objects):
        return get(config)


def __getattr__(name: str) -> Any:
    """What to use in the place of a name that is not here."""
    raise no_such_name("constraints", name, [*CLASSES, *NAMES])
