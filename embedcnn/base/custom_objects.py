"""Classes and functions of the user that a saved model names: a file holds none, so they are given while
it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_known: ContextVar[dict[str, Any]] = ContextVar("custom_objects")


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


def custom_object(name: str, what: str) -> Any:
    """The object of this name; ValueError that says how to give it where there is none."""
    known = _known.get({})
    if name not in known:
        raise ValueError(
            f"{what} is {name!r}, which is Python of your own: no file holds it. Give it, as "
            f"load_model(path, custom_objects={{{name!r}: ...}})"
        )
    return known[name]


def known_class(name: str) -> Any:
    """The class given under this name, or None."""
    found = _known.get({}).get(name)
    return found if isinstance(found, type) else None
