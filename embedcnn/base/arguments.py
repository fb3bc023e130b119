"""Names that users type: a wrong one is answered with the allowed names and the nearest of them."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable
from typing import Any


def unknown_name(argument: str, received: Any, allowed: Iterable[str]) -> ValueError:
    """The error for a name that is not in ``allowed``, with a suggestion where one is near.

    >>> unknown_name("activation", "rellu", ["relu", "tanh"])
    ValueError("activation='rellu' is unknown; did you mean 'relu'? Allowed: relu, tanh")
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(str(received).lower(), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}? Allowed" if near else "; allowed"
    return ValueError(f"{argument}={received!r} is unknown{hint}: {', '.join(names)}")


def chosen(
    argument: str, identifier: Any, classes: dict[str, Any], names: dict[str, Any], no_function: str
) -> Any:
    """What a user means by an instance, class, configuration or name of one of ``classes``; None stays None.

    ValueError with a suggestion for unknown names; TypeError, with ``no_function`` as the reason, for Python
    functions.
    """
    if identifier is None or type(identifier) in classes.values():
        return identifier
    if isinstance(identifier, type) and identifier in classes.values():
        return identifier()
    if isinstance(identifier, dict) and identifier.get("class_name") in classes:
        return classes[identifier["class_name"]].from_config(identifier.get("config", {}))
    if isinstance(identifier, str) and identifier in (names | classes):
        return (names | classes)[identifier]()
    if callable(identifier):
        raise TypeError(f"{argument}={identifier!r}: {no_function}. Allowed: {', '.join(classes)}")
    raise unknown_name(argument, identifier, names)


def configuration(instance: Any) -> dict[str, Any] | None:
    """What `chosen` makes the instance from again: its class and arguments; None stays None."""
    if instance is None:
        return None
    return {"class_name": type(instance).__name__, "config": instance.get_config()}


def positive_integer(argument: str, value: Any) -> int:
    """``value`` as an int; ValueError unless it is a positive integer (bool is refused, as in Keras)."""
    import numpy as np

    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value <= 0:
        raise ValueError(
            f"`{argument}` must be a positive integer. Received: {argument}={value!r} "
            f"({type(value).__name__})"
        )
    return int(value)


def one_of(argument: str, value: Any, allowed: tuple[str, ...]) -> str:
    """``value`` if it is one of ``allowed``, in lower case; ValueError otherwise."""
    if not isinstance(value, str) or value.lower() not in allowed:
        raise unknown_name(argument, value, allowed)
    return value.lower()


def single_integer(argument: str, value: Any) -> int:
    """A positive integer that may come as a tuple or list of one, as Keras allows for 1-D layers."""
    if isinstance(value, (tuple, list)):
        if len(value) != 1:
            raise ValueError(
                f"`{argument}` must be one integer for a 1-D layer. Received: {argument}={value!r}"
            )
        value = value[0]
    return positive_integer(argument, value)


def warn_user(message: str) -> None:
    """A UserWarning at the line of the first caller outside this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "embedcnn":
        frame = frame.f_back
        level += 1
    warnings.warn(message, stacklevel=level)
