"""Metrics, losses, optimizers and schedules as a file holds them: those of the package by class and
configuration, those of the user by name too. No file holds Python: the objects are given while it is read.
"""

from __future__ import annotations

import json
from typing import Any

from .configuration import Configurable, described, plain
from .custom_objects import custom_object, known_class

UNCOMPILED = ", or leave out what compile was given: load_model(path, compile=False)"


def function_name(function: Any) -> str:
    """What a file calls a function of the user; in angle brackets where it has no name to be found by.

    >>> function_name(len), function_name(lambda x: x)
    ('len', '<lambda>')
    """
    return getattr(function, "__name__", f"<{type(function).__name__}>")


def describe(thing: Configurable, classes: dict[str, Any], what: str) -> dict[str, Any]:
    """A thing as a file holds it, for `made_of`: "own" marks a class that is not one of `classes`.

    Raises ValueError where no file can hold it: for functions without a name, and for classes of the user
    whose configuration is no JSON.
    """
    if not isinstance(thing, Configurable):
        raise TypeError(f"`{what}` must be an instance, as `get` gives it. Received: {what}={thing!r}")
    entry = described(thing)
    function = entry["config"].get("function")
    if isinstance(function, str) and function.startswith("<"):
        raise ValueError(
            f"{what} {function} is a Python function without a name and cannot be stored in a file"
        )
    if classes.get(type(thing).__name__) is type(thing):
        return entry
    entry = plain(entry)
    try:
        json.dumps(entry)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{what} {type(thing).__name__}: get_config() must return what JSON can hold ({error}). "
            f"Received: {entry['config']!r}"
        ) from None
    return {**entry, "own": True}


def made_of(entry: Any, classes: dict[str, Any], base: type, what: str) -> Any:
    """The thing that `describe` described, None where `entry` describes none; ValueError for a class of the
    user that is not given.
    """
    if not isinstance(entry, dict) or "class_name" not in entry:
        return None
    name = entry["class_name"]
    own = bool(entry.get("own"))
    cls = custom_object(name, what, UNCOMPILED) if own else classes.get(name) or known_class(name)
    if cls is None:
        return None
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise ValueError(f"custom_objects[{name!r}] must be a subclass of {base.__name__}. Received: {cls!r}")
    return cls.from_config(entry.get("config", {}))  # type: ignore[attr-defined]


def objects_of(thing: Configurable, classes: dict[str, Any]) -> dict[str, Any]:
    """The classes and functions of the user that a thing is made of, by the names in a file."""
    found = {} if classes.get(type(thing).__name__) is type(thing) else {type(thing).__name__: type(thing)}
    function = getattr(thing, "function", None)
    return found if function is None else {**found, function_name(function): function}


class OfFunction:
    """What a metric and a loss that are a Python function share: a file holds the function's name."""

    function: Any

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, of the function its name."""
        config: dict[str, Any] = super().get_config()  # type: ignore[misc]
        return {**config, "function": function_name(self.function)} if "function" in config else config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new object; the function is looked up in the `custom_objects` of load_model."""
        if isinstance(config.get("function"), str):
            function = custom_object(config["function"], f"the function of a {cls.__name__}", UNCOMPILED)
            config = {**config, "function": function}
        return cls(**config)
