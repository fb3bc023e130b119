"""Objects by 'module:name': how a lower part reaches what a higher one offers, without an import upwards.

Only names written in this package's own tables are ever looked up, never what a file holds.
"""

from __future__ import annotations

import importlib
from typing import Any


def named_object(place: str) -> Any:
    """The object of 'module:name'; its module is imported when it is first asked for.

    >>> named_object("embedcnn.ragged:Ragged").__name__
    'Ragged'
    """
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
