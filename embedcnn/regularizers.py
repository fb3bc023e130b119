"""Penalties on the size of weights and activities, by Keras's names: L1, L2 and L1L2. The core adds them to
the loss and to the gradients, before clipping.

Of an Embedding that is updated lazily only the rows that a step reads count, in the reported loss too; with
`embedding_update="dense"` all rows count, as in Keras.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .base.arguments import chosen, finite_number
from .base.arrays import numbers
from .base.configuration import Configurable, described
from .base.custom_objects import OfFunction, known_objects, own_part
from .base.keras_names import no_such_name


class Regularizer(Configurable):
    """A penalty l1 sum|x| + l2 sum(x^2); called on an array it gives the number. As
    keras.regularizers.Regularizer.

    A subclass of one's own, or a function, is made of `embedcnn.ops`: it is called once, with the weight, and
    becomes a part of the program, with its gradient. Not of the table of an Embedding, nor of activities.

    >>> import embedcnn
    >>> class Cubed(Regularizer):
    ...     def __call__(self, x):
    ...         return 0.1 * embedcnn.ops.sum(embedcnn.ops.abs(x) ** 3)
    >>> embedcnn.layers.Dense(2, kernel_regularizer=Cubed()).kernel_regularizer
    Cubed()
    """

    l1 = l2 = 0.0

    def __call__(self, x: Any) -> float:
        x = numbers("x", x).astype(np.float64)
        return float(self.l1 * np.abs(x).sum() + self.l2 * (x**2).sum())


class _OwnRegularizer(OfFunction, Regularizer):
    """A function of the user's, of a weight."""


def is_own(regularizer: Regularizer | None) -> bool:
    """Whether it is Python of the user's own."""
    return regularizer is not None and type(regularizer) not in CLASSES.values()


def own_of(weights: Any) -> list[Any]:
    """Those of the weights whose regularizer is."""
    return [one for one in weights if is_own(one.regularizer)]


class L1(Regularizer):
    """l1 sum|x|. Raises ValueError unless `l1` is a finite number >= 0. As keras.regularizers.L1.

    >>> L1(0.5)([1.0, -2.0])
    1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = float(finite_number("l1", l1, least=0))


class L2(Regularizer):
    """l2 sum(x^2). Raises ValueError unless `l2` is a finite number >= 0. As keras.regularizers.L2.

    >>> L2(0.5)([1.0, -2.0])
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = float(finite_number("l2", l2, least=0))


class L1L2(Regularizer):
    """l1 sum|x| + l2 sum(x^2). Raises ValueError unless both are finite numbers >= 0. As
    keras.regularizers.L1L2.

    >>> L1L2(l1=1.0, l2=0.5)([1.0, -2.0])
    5.5
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = float(finite_number("l1", l1, least=0)), float(finite_number("l2", l2, least=0))


CLASSES: dict[str, type[Regularizer]] = {cls.__name__: cls for cls in (L1, L2, L1L2)}
NAMES: dict[str, type[Regularizer]] = {"l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2}


l1, l2, l1_l2 = L1, L2, L1L2  # Keras's other names


def get(identifier: Any, argument: str = "regularizer") -> Regularizer | None:
    """The regularizer of a name, class, configuration, instance or function; None stays None. ValueError with
    a suggestion for unknown names.

    >>> get("l2")
    L2(l2=0.01)
    """
    own = functools.partial(own_part, argument, identifier, Regularizer, _OwnRegularizer)
    return chosen(argument, identifier, CLASSES, NAMES, own)


def serialize(regularizer: Regularizer | None) -> dict[str, Any] | None:
    """The configuration of a regularizer, for `get`."""
    return described(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Regularizer | None:
    """The regularizer of a configuration or name, also of a class in `custom_objects`. As
    keras.regularizers.deserialize.

    >>> deserialize(serialize(L2(0.5)))
    L2(l2=0.5)
    """
    with known_objects(custom_objects):
        return get(config)


def __getattr__(name: str) -> Any:
    """What to use in the place of a name that is not here."""
    raise no_such_name("regularizers", name, [*CLASSES, *NAMES])
