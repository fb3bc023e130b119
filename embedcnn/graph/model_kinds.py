"""The kinds of models by the names that files and configurations have for them.

Models stand above graph, layers and saving, which all meet models inside models: these find the classes here.
"""

from __future__ import annotations

from typing import Any

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


def _place(cls: type) -> str:
    return f"{'.'.join(cls.__module__.split('.')[:2])}:{cls.__name__}"
