"""Functions of the user's own among the settings of an object, as a file holds them: their names alone.

A configuration holds `{"function": name}` in the place of each, which no other setting looks like; the
functions are given while the file is read (`custom_objects`, or registered).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .custom_objects import custom_object


def named_functions(settings: dict[str, Any], owner: str) -> dict[str, Callable[..., Any]]:
    """The functions among some settings by the names in a file: their own, or `<owner>_<setting>` where they
    have none, or another one has it.

    >>> list(named_functions({"split": str.split, "standardize": lambda text: text, "ngrams": 2}, "encoder"))
    ['split', 'encoder_standardize']
    """
    found: dict[str, Callable[..., Any]] = {}
    for setting, value in settings.items():
        if callable(value):
            name = getattr(value, "__name__", "<lambda>")
            taken = found.get(name, value) is not value
            found[f"{owner}_{setting}" if name == "<lambda>" or taken else name] = value
    return found


def with_names(settings: dict[str, Any], owner: str) -> dict[str, Any]:
    """The settings as a file holds them.

    >>> with_names({"split": str.split, "ngrams": 2}, "encoder")
    {'split': {'function': 'split'}, 'ngrams': 2}
    """
    names = {id(function): name for name, function in named_functions(settings, owner).items()}
    return {
        setting: {"function": names[id(value)]} if callable(value) else value
        for setting, value in settings.items()
    }


def with_functions(settings: dict[str, Any], owner: str) -> dict[str, Any]:
    """The settings of `with_names`, functions in their places; ValueError where one is not given."""
    return {
        setting: custom_object(value["function"], f"the `{setting}` of {owner}")
        if isinstance(value, dict) and set(value) == {"function"}
        else value
        for setting, value in settings.items()
    }
