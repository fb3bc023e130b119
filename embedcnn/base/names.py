"""The names that layers and models get where users give none."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

_names: dict[str, Iterator[int]] = {}


def snake_case(name: str) -> str:
    """GlobalMaxPooling1D -> global_max_pooling1d."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(base: str) -> str:
    """`base`, then base_1, base_2 ... for the names that users do not choose."""
    number = next(_names.setdefault(base, itertools.count()))  # one step: threads never get the same name
    return base if number == 0 else f"{base}_{number}"


def reset_names() -> None:
    """Starts the automatic names anew (utils.clear_session)."""
    _names.clear()
