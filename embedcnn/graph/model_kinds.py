"""The kinds of models by the names that files and configurations have for them.

Models stand above graph, layers and saving, which all meet models inside models: these find the classes here.
"""

from __future__ import annotations

from typing import Any

from ..base.custom_objects import custom_object, known_class
from ..base.named_objects import named_object

KINDS = {"Model": "embedcnn.models:Model", "Sequential": "embedcnn.models:Sequential"}
"""Where each kind stands, as 'module:name'."""
NOT_DONE = ("get_config", "from_config", "own_steps", "traces", "not_stored")
"""What tells of a model, and changes nothing of what it does."""


def model_kind(name: str) -> Any:
    """The class of this kind; KeyError for a name that is none.

    >>> model_kind("Sequential").__name__
    'Sequential'
    """
    return named_object(KINDS[name])


def kind_of(cls: type) -> str:
    """The kind that models of a class are stored as; of a subclass, what it is a subclass of."""
    return next(one.__name__ for one in cls.__mro__ if KINDS.get(one.__name__) == _place(one))


def is_own(cls: type) -> bool:
    """Whether a class of models is the user's."""
    return _place(cls) not in KINDS.values()


def changes(cls: type) -> bool:
    """Whether a class of the user's overrides what a model does, so that another class in its place would do
    something else: `compute_loss`, `train_step`, `metrics`, `fit` and the like.
    """
    kind = model_kind(kind_of(cls))
    for one in cls.__mro__[: cls.__mro__.index(kind)]:
        for name, value in vars(one).items():
            known = name == "__call__" or not name.startswith("_") and name not in NOT_DONE
            if known and hasattr(kind, name) and (callable(value) or hasattr(value, "__get__")):
                return True
    return False


def described(model: Any) -> tuple[str, dict[str, Any]]:
    """What a file holds of the architecture of a model: its class, and what `model_from` takes."""
    if model.traces:
        return type(model).__name__, model.described()
    cls = type(model)
    if not is_own(cls):
        return kind_of(cls), model.get_config()
    needed = changes(cls)
    try:
        config = model.get_config()
    except ValueError:  # an argument that no attribute keeps
        if needed:
            raise
        return kind_of(cls), model.architecture()
    stored = {"own_class": cls.__name__, "needed": needed, "name": model.name, "config": config}
    return kind_of(cls), stored | model.first_input()


def model_from(class_name: str, config: dict[str, Any]) -> Any:
    """The model that `described` told of, with new weights; ValueError for a class that is not known."""
    if class_name not in KINDS:
        return custom_object(class_name, "the class of the model").from_description(config)
    kind = model_kind(class_name)
    if "own_class" not in config:
        return kind.from_config(config)
    name = config["own_class"]
    found = custom_object(name, "the class of the model") if config["needed"] else known_class(name) or kind
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ValueError(f"custom_objects[{name!r}] must be a subclass of {class_name}. Received: {found!r}")
    cls: Any = found
    made = cls.from_config(config["config"])
    made.name = config["name"]
    if not made.built and "input" in config:
        made.begin_with(config["input"])
    return made


def _place(cls: type) -> str:
    return f"{'.'.join(cls.__module__.split('.')[:2])}:{cls.__name__}"
