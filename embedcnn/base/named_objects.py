"""Objects by 'module:name': how a lower part reaches what a higher one offers, without an import upwards.

Only names written in this package's own tables are ever looked up, never what a file holds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def named_object(place: str) -> Any:
    """The object of 'module:name'; its module is imported when it is first asked for.

    >>> named_object("embedcnn.ragged:Ragged").__name__
    'Ragged'
    """
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def lazy_names(module: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a module: its names, by 'module:name', are imported when they are first asked for.

    >>> lazy_names("embedcnn.example", {"Ragged": "embedcnn.ragged:Ragged"})("Ragged").__name__
    'Ragged'
    """

    def of_module(name: str) -> Any:
        if name in places:
            return named_object(places[name])
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return of_module
