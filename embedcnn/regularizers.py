"""Penalties on the size of weights and activities, by Keras's names: L1, L2 and L1L2. The core adds them to
the loss and to the gradients, before clipping.

Of an Embedding that is updated lazily only the rows that a step reads count, in the reported loss too; with
`embedding_update="dense"` all rows count, as in Keras.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .base.arguments import chosen, configuration


class Regularizer:
    """A penalty l1 sum|x| + l2 sum(x^2); called on an array it gives the number. As
    keras.regularizers.Regularizer.

    Only the penalties of this module run in the core: a subclass of one's own is refused by layers.
    """

    l1 = l2 = 0.0

    def __call__(self, x: Any) -> float:
        x = np.asarray(x, np.float64)
        return float(self.l1 * np.abs(x).sum() + self.l2 * (x**2).sum())

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """The regularizer of a configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class L1(Regularizer):
    """l1 sum|x|. Raises ValueError unless `l1` is a finite number >= 0. As keras.regularizers.L1.

    >>> L1(0.5)([1.0, -2.0])
    1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """l2 sum(x^2). Raises ValueError unless `l2` is a finite number >= 0. As keras.regularizers.L2.

    >>> L2(0.5)([1.0, -2.0])
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class L1L2(Regularizer):
    """l1 sum|x| + l2 sum(x^2). Raises ValueError unless both are finite numbers >= 0. As
    keras.regularizers.L1L2.

    >>> L1L2(l1=1.0, l2=0.5)([1.0, -2.0])
    5.5
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _factor("l1", l1), _factor("l2", l2)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


def _factor(argument: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f"`{argument}` must be a finite number >= 0. Received: {argument}={value!r}")
    return float(value)


CLASSES: dict[str, type[Regularizer]] = {cls.__name__: cls for cls in (L1, L2, L1L2)}
NAMES: dict[str, type[Regularizer]] = {"l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2}


def get(identifier: Any, argument: str = "regularizer") -> Regularizer | None:
    """The regularizer of a name, class, configuration or instance; None stays None.

    ValueError with a suggestion for unknown names, TypeError for Python functions.

    >>> get("l2")
    L2(l2=0.01)
    """
    return chosen(argument, identifier, CLASSES, NAMES, "the core has no gradient of a Python function")


def serialize(regularizer: Regularizer | None) -> dict[str, Any] | None:
    """The configuration of a regularizer, for `get`."""
    return configuration(regularizer)
