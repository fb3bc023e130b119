"""Optimizers by Keras's names: the settings, and the state of each variable (slots, update count). The core
does the updates.

All take `learning_rate` (alias `lr`): a number, a schedule of `optimizers.schedules`, or a function of the
step; it can be set at any time and holds from the next step. At most one of `clipnorm` (per variable),
`global_clipnorm` and `clipvalue`; norms are over the coalesced rows of an embedding.
`embedding_update="lazy"` (the default) updates only the rows of a table that a step touched; "dense" gives
Keras's results exactly, at its cost.
"""

from __future__ import annotations

import inspect
from typing import Any

from ..base.arguments import unknown_name
from ..base.custom_objects import known_objects
from ..base.keras_names import no_such_name
from ..base.stored_objects import describe, made_of
from . import schedules
from .adam import Adam, Adamax, AdamW, Nadam
from .adaptive import Adadelta, Adagrad, RMSprop
from .base import Optimizer
from .multi import MultiOptimizer
from .sgd import SGD
from .state import VariableState

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "MultiOptimizer",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "VariableState",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

CLASSES: dict[str, type[Optimizer]] = {
    cls.__name__: cls for cls in (SGD, Adam, AdamW, Adamax, Nadam, RMSprop, Adagrad, Adadelta, MultiOptimizer)
}
NAMES: dict[str, type[Optimizer]] = {
    name.lower(): cls for name, cls in CLASSES.items() if cls is not MultiOptimizer
}


def get(identifier: Any) -> Optimizer:
    """The optimizer of a name, class, configuration or instance; ValueError with a suggestion for unknown
    names.

    >>> get("adam")
    <Adam learning_rate=0.001, iterations=0>
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if inspect.isclass(identifier) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]
    made = made_of(identifier, CLASSES, Optimizer, "an optimizer")
    if made is not None:
        return made
    if isinstance(identifier, str) and identifier.lower() in NAMES:
        return NAMES[identifier.lower()]()  # type: ignore[call-arg]
    raise unknown_name("optimizer", identifier, NAMES)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The configuration of an optimizer, for `get`; ValueError where no file can hold one of the user's."""
    return describe(optimizer, CLASSES, "optimizer")


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Optimizer:
    """The optimizer of a configuration or name, also of a class in `custom_objects`. As
    keras.optimizers.deserialize.

    >>> deserialize("sgd")
    <SGD learning_rate=0.01, iterations=0>
    """
    with known_objects(custom_objects):
        return get(config)


def __getattr__(name: str) -> Any:
    """What to use in the place of a name that is not here."""
    raise no_such_name("optimizers", name, __all__)
