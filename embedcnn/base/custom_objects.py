"""Classes and functions of the user that a saved model names: a file holds none, so they are given while
it is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .configuration import Configurable, described

_known: ContextVar[dict[str, Any]] = ContextVar("custom_objects")
_registered: dict[str, Any] = {}


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """A decorator: `load_model` finds this class or function by its name, without `custom_objects`. As
    keras.saving.register_keras_serializable.

    A file keeps the name alone, so `package` does not matter. Raises ValueError for a `name` other than the
    object's own.

    >>> @register_keras_serializable()
    ... def halved(x):
    ...     return x / 2
    >>> custom_object("halved", "the function") is halved
    True
    """

    def register(thing: Any) -> Any:
        if name not in (None, thing.__name__):
            raise ValueError(f"`name` must be None or {thing.__name__!r}. Received: name={name!r}")
        _registered[thing.__name__] = thing
        return thing

    return register


@contextmanager
def known_objects(objects: dict[str, Any] | None) -> Iterator[None]:
    """Inside, `custom_object` finds these too; TypeError unless they are a dict from names."""
    if objects is not None and not (
        isinstance(objects, dict) and all(isinstance(name, str) for name in objects)
    ):
        raise TypeError(
            "`custom_objects` must be a dict from names to classes or functions. "
            f"Received: custom_objects={objects!r}"
        )
    token = _known.set({**_known.get({}), **(objects or {})})
    try:
        yield
    finally:
        _known.reset(token)


def custom_object(name: str, what: str, otherwise: str = "") -> Any:
    """The object of this name; ValueError that says how to give it, or what to do `otherwise`, where there is
    none.
    """
    known = _registered | _known.get({})
    if name not in known:
        raise ValueError(
            f"{what} is {name!r}, which is Python of your own: no file holds it. Give it, as "
            f"load_model(path, custom_objects={{{name!r}: ...}}){otherwise}"
        )
    return known[name]


def known_function(name: str) -> Callable[..., Any] | None:
    """The function given under this name, or None."""
    found = (_registered | _known.get({})).get(name)
    return found if callable(found) and not isinstance(found, type) else None


def is_reading() -> bool:
    """Whether objects are being made from a file or a configuration."""
    return _known.get(None) is not None


def known_class(name: str) -> Any:
    """The class given under this name, or None."""
    found = (_registered | _known.get({})).get(name)
    return found if isinstance(found, type) else None


# -- metrics, losses, optimizers and schedules ---------------------------------------------------------------
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
    entry = described(thing)
    function = entry["config"].get("function")
    if isinstance(function, str) and function.startswith("<"):
        raise ValueError(
            f"{what} {function} is a Python function without a name and cannot be stored in a file"
        )
    if classes.get(type(thing).__name__) is type(thing):
        return entry
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
