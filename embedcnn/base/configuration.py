"""Configurable, the base of what a file can name: layers, losses, metrics, optimizers, schedules,
initializers, regularizers, constraints, text encoders.

A configuration is the arguments of the constructor, read from the attributes of their names. So a class says
them once, in its signature, and keeps each (checked) under its name.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import Self


class Configurable:
    """`get_config()` gives the arguments of the constructor, `from_config(config)` the object again.

    An argument that no attribute keeps stands in `not_stored`: it has one allowed value, says how to compute
    but not what, or is kept elsewhere (as weights are).

    >>> class Window(Configurable):
    ...     def __init__(self, size, shape=(1, 2)):
    ...         self.size, self.shape = size, shape
    >>> Window(np.int64(3)).get_config()
    {'size': 3, 'shape': [1, 2]}
    >>> Window.from_config({"size": 4})
    Window(size=4, shape=[1, 2])
    """

    not_stored: tuple[str, ...] = ()

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, ready for JSON.

        Raises
        ------
        ValueError
            Where an argument is kept under no attribute of its name, and the class does not say how else to
            get it.
        """
        config = {}
        ours = type(self).get_config.__module__.partition(".")[0] == __name__.partition(".")[0]
        kind: Any = type(self)
        for argument in argument_names(kind):
            if hasattr(self, argument):
                config[argument] = plain(getattr(self, argument))
            elif ours:  # a get_config of the user's own adds what is missing here
                name = type(self).__name__
                raise ValueError(
                    f"{name} keeps no attribute {argument!r} for its argument of this name, so a file cannot "
                    f"hold it: set self.{argument} in __init__, or define {name}.get_config()"
                )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A new object from the arguments that `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


@functools.cache
def argument_names(cls: type[Configurable]) -> tuple[str, ...]:
    """What a configuration of the class holds: the names in its constructor's signature. Where that passes
    `**options` on, those of the next constructor come first.
    """
    names: list[str] = []
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        named = [one.name for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
        names = named + [name for name in names if name not in named]
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            break
    return tuple(name for name in names if name not in cls.not_stored)


def plain(value: Any) -> Any:
    """A value as JSON holds it: NumPy's numbers as Python's, tuples and arrays as lists, objects as
    descriptions; what is neither stays.

    >>> plain({"a": (np.float32(0.5), 1)})
    {'a': [0.5, 1]}
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return described(value) if isinstance(value, Configurable) else value


@overload
def described(instance: None) -> None: ...
@overload
def described(instance: Configurable) -> dict[str, Any]: ...
def described(instance: Configurable | None) -> dict[str, Any] | None:
    """An object as a file holds it: the name of its class, and its configuration; None stays None."""
    if instance is None:
        return None
    name = getattr(instance, "stored_name", type(instance).__name__)
    return {"class_name": name, "config": instance.get_config()}
