"""Losses by Keras's names. In models they run in the core; called on arrays they do the same in NumPy
(float64).

Each has a class, and a function of the snake-case name that gives the loss of each example. A Python function
(y_true, y_pred) -> (losses, gradients) can be a loss too, see FunctionLoss, and so can a subclass of Loss.
"""

from __future__ import annotations

import inspect
from typing import Any

from ..base.arguments import unknown_name
from ..base.custom_objects import known_objects
from ..base.keras_names import no_such_name
from ..base.stored_objects import describe, made_of
from .base import REDUCTIONS, Loss, function_of
from .cross_entropy import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    SparseCategoricalCrossentropy,
)
from .elementwise import (
    Hinge,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SquaredHinge,
)
from .rowwise import CategoricalHinge, CosineSimilarity, FunctionLoss, KLDivergence

FULL_NAMES: dict[str, type[Loss]] = {
    "binary_crossentropy": BinaryCrossentropy,
    "binary_focal_crossentropy": BinaryFocalCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "categorical_focal_crossentropy": CategoricalFocalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "hinge": Hinge,
    "squared_hinge": SquaredHinge,
    "categorical_hinge": CategoricalHinge,
    "kl_divergence": KLDivergence,
    "poisson": Poisson,
    "cosine_similarity": CosineSimilarity,
}
SHORT_NAMES = {
    "bce": "binary_crossentropy",
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "logcosh": "log_cosh",
}
NAMES: dict[str, type[Loss]] = FULL_NAMES | {short: FULL_NAMES[name] for short, name in SHORT_NAMES.items()}
CLASSES: dict[str, type[Loss]] = {cls.__name__: cls for cls in FULL_NAMES.values()}
STORED = CLASSES | {"FunctionLoss": FunctionLoss}
"""What a file may name."""
FUNCTIONS = {name: function_of(cls, name) for name, cls in FULL_NAMES.items()}
globals().update(FUNCTIONS)

__all__ = [
    "CLASSES",
    "FUNCTIONS",
    "NAMES",
    "REDUCTIONS",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "FunctionLoss",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "deserialize",
    "get",
    "serialize",
]


def get(identifier: Any) -> Loss:
    """The loss of a name, class, function, configuration or instance; ValueError with a suggestion for
    unknown names.

    >>> get("mse")
    MeanSquaredError()
    >>> get(FUNCTIONS["huber"])
    Huber(delta=1.0)
    """
    if isinstance(identifier, Loss):
        return identifier
    if inspect.isclass(identifier) and issubclass(identifier, Loss):
        return identifier()
    made = made_of(identifier, STORED, Loss, "a loss")
    if made is not None:
        return made
    if isinstance(identifier, str):
        known = NAMES | CLASSES
        name = identifier if identifier in known else identifier.lower()  # MSE, KLD
        if name in known:
            return known[name]()
    elif callable(identifier):
        built_in = getattr(identifier, "loss_class", None)
        return built_in() if built_in is not None else FunctionLoss(identifier)
    raise unknown_name("loss", identifier, NAMES)


def serialize(loss: Loss) -> dict[str, Any]:
    """The configuration of a loss, for `get`; of functions and classes of the user the name. ValueError for
    functions without one, which no file can hold.
    """
    return describe(loss, STORED, "loss")


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Loss:
    """The loss of a configuration or name, also of a class in `custom_objects`. As
    keras.losses.deserialize.

    >>> deserialize(serialize(Huber(0.5)))
    Huber(delta=0.5)
    """
    with known_objects(custom_objects):
        return get(config)


def __getattr__(name: str) -> Any:
    """What to use in the place of a name that is not here."""
    raise no_such_name("losses", name, __all__)
