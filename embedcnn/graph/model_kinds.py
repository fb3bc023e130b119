"""The kinds of models by the names that files and configurations have for them.

Models stand above graph, layers and saving, which all meet models inside models: these find the classes here.
"""

from __future__ import annotations

from typing import Any

from ..base.custom_objects import custom_object
from ..base.named_objects import named_object

KINDS = {"Model": "embedcnn.models:Model", "Sequential": "embedcnn.models:Sequential"}
"""Where each kind stands, as 'module:name'."""


def model_kind(name: str) -> Any:
    """The class of this kind; KeyError for a name that is none.

    >>> model_kind("Sequential").__name__
    'Sequential'
    """
    return named_object(KINDS[name])


def kind_of(model: Any) -> str:
    """The kind that a model is stored as; of a subclass, what it is a subclass of."""
    return next(cls.__name__ for cls in type(model).__mro__ if KINDS.get(cls.__name__) == _place(cls))


def described(model: Any) -> tuple[str, dict[str, Any]]:
    """What a file holds of the architecture of a model: its class, and what `model_from` takes."""
    if model.traces:
        return type(model).__name__, model.described()
    return kind_of(model), model.get_config()


def model_from(class_name: str, config: dict[str, Any]) -> Any:
    """The model that `described` told of, with new weights; ValueError for a class that is not known."""
    if class_name in KINDS:
        return model_kind(class_name).from_config(config)
    return custom_object(class_name, "the class of the model").from_description(config)


def _place(cls: type) -> str:
    return f"{'.'.join(cls.__module__.split('.')[:2])}:{cls.__name__}"
