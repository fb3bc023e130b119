"""Classes and functions of the user that a saved model names: a file holds none, so they are given while
it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

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
