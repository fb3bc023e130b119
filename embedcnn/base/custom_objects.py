"""Classes and functions of the user that a saved model names: a file holds none, so they are given while
it is read."""

from __future__ import annotations

import inspect
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


def get_custom_objects() -> dict[str, Any]:
    """The classes and functions that are known everywhere, by name: a dict that may be changed. As
    keras.saving.get_custom_objects.

    >>> get_custom_objects()["halved"] = lambda x: x / 2
    >>> del get_custom_objects()["halved"]
    """
    return _registered


def get_registered_name(obj: Any) -> str:
    """The name under which a file keeps a class or function of one's own: its own. As
    keras.saving.get_registered_name, which puts the package before it.

    >>> get_registered_name(dict)
    'dict'
    """
    return str(obj.__name__)


def get_registered_object(
    name: str, custom_objects: dict[str, Any] | None = None, module_objects: dict[str, Any] | None = None
) -> Any:
    """What is known under a name, of those given and of those registered; None where nothing is. As
    keras.saving.get_registered_object.

    >>> get_registered_object("dict", {"dict": dict})
    <class 'dict'>
    """
    known = {**(module_objects or {}), **_registered, **_known.get({}), **(custom_objects or {})}
    return known.get(name)


class CustomObjectScope:
    """Inside, classes and functions of one's own are found by these names, by whatever makes objects from
    files, configurations and names. As keras.saving.CustomObjectScope.

    Raises TypeError unless `custom_objects` is a dict from names.

    >>> import embedcnn
    >>> def halved(x):
    ...     return x / 2
    >>> with CustomObjectScope({"halved": halved}):
    ...     embedcnn.activations.get("halved") is halved
    True
    """

    def __init__(self, custom_objects: dict[str, Any]) -> None:
        if custom_objects is None:
            raise TypeError("`custom_objects` must be a dict. Received: custom_objects=None")
        self.custom_objects = custom_objects
        self._inside: list[Any] = []

    def __enter__(self) -> CustomObjectScope:
        self._inside.append(known_objects(self.custom_objects))
        self._inside[-1].__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._inside.pop().__exit__(*error)


custom_object_scope = CustomObjectScope


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


# -- initializers, regularizers and constraints: instances and classes of a subclass, or functions -----------
class OfFunction:
    """Mixed into a class of parts whose `__call__` is a function of the user's."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.stored_name = str(getattr(function, "__name__", type(function).__name__))
        """What `described` calls it."""

    def get_config(self) -> dict[str, Any]:
        """Nothing: the name is all that a file holds."""
        if self.stored_name.startswith("<"):
            raise ValueError(
                f"{self.function!r} has no name by which a file could keep it: define it with def"
            )
        return {}

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.function(*arguments, **options)

    def __repr__(self) -> str:
        return f"{self.function!r}"


def own_part(argument: str, identifier: Any, base: type, of_function: Callable[[Any], Any]) -> Any:
    """What an identifier of something of the user's own means; None where it is none."""
    if isinstance(identifier, base):
        return identifier
    if inspect.isclass(identifier):
        return identifier() if issubclass(identifier, base) else None
    if isinstance(identifier, dict) and isinstance(identifier.get("class_name"), str):
        found = custom_object(identifier["class_name"], f"{argument}")
        own = inspect.isclass(found) and issubclass(found, base)
        return found.from_config(identifier.get("config") or {}) if own else of_function(found)
    if isinstance(identifier, str):
        found = get_registered_object(identifier)
        return None if found is None else own_part(argument, found, base, of_function)
    return of_function(identifier) if callable(identifier) else None


def own_name(part: Any) -> tuple[str, Any]:
    """Under which name a file keeps a part of the user's own, and what `custom_objects` must hold."""
    if isinstance(part, OfFunction):
        return part.stored_name, part.function
    return type(part).__name__, type(part)
