"""Targets given as names ("pos", "neg"): numbers by the model's labels, which `fit` learns where none are
set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..text.rows import checked_texts, raw_texts
from .input_data import TargetSpec

WITHOUT_LABEL = "Every example needs a label: leave out those that have none"


def takes_names(spec: TargetSpec) -> bool:
    """Whether a target holds one class per example: class numbers, one-hot rows, or 0 and 1."""
    if len(spec.shape) != 2:
        return False
    return spec.target in ("classes", "one_hot") or (spec.target == "binary" and spec.units == 1)


def step_names(spec: TargetSpec, value: Any) -> list[Any] | None:
    """The rows of names, one for each step of each text, where a target holds a class for each step (as tags
    of words); None where y holds no names.
    """
    if spec.target != "classes" or len(spec.shape) != 3:
        return None
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.ndim == 2 and value.dtype.kind in "UOT" else ()
    if not isinstance(value, (list, tuple)):
        return None
    begun = next((row for row in value if isinstance(row, (list, tuple, np.ndarray)) and len(row)), (None,))
    if not isinstance(begun[0], str):
        return None
    return [row.tolist() if isinstance(row, np.ndarray) else list(row) for row in value]


def learnt(spec: TargetSpec, value: Any) -> list[str] | None:
    """The names that y holds, sorted, one for each class; None where y holds no names.

    ValueError where they are not as many as the output has classes.
    """
    names = raw_texts(value) if takes_names(spec) else None
    rows = step_names(spec, value)
    if rows is not None:
        names = [name for row in rows for name in row]
    if names is None:
        return None
    found = sorted(set(checked_texts(spec.name, names, remedy=WITHOUT_LABEL).tolist()))
    classes = max(2, spec.units)
    if len(found) != classes:
        listed = ", ".join(map(repr, found[:8])) + (", ..." if len(found) > 8 else "")
        raise ValueError(
            f"{spec.name} holds {len(found)} different labels ({listed}), but the output has {classes} "
            "classes. Give the output as many units, or set model.labels to all names"
        )
    return found


def numbered(spec: TargetSpec, value: Any, labels: Sequence[Any] | None) -> Any:
    """y with names as the numbers that the loss takes; any other y as it is.

    ValueError that names the place of a label that the model does not have, TypeError for a missing one.
    """
    if type(value) is np.ndarray and value.dtype.kind in "iufb":
        return value
    rows = step_names(spec, value)
    if rows is not None:
        numbers = [_numbers(f"{spec.name}[{place}]", row, labels) for place, row in enumerate(rows)]
        return np.array(numbers) if len({len(row) for row in rows}) == 1 else numbers
    names = raw_texts(value) if takes_names(spec) else None
    if names is None:
        return value
    one_each = _numbers(spec.name, names, labels)
    return np.eye(spec.units, dtype=np.float32)[one_each] if spec.target == "one_hot" else one_each


def _numbers(what: str, given: Any, labels: Sequence[Any] | None) -> np.ndarray:
    """The numbers of some names."""
    names = checked_texts(what, given, remedy=WITHOUT_LABEL).tolist()
    if labels is None and names:
        raise ValueError(
            f"{what} holds labels, as {names[0]!r}, but the model does not know their numbers: set "
            "model.labels to all names in the order of the outputs, or call fit with lists or arrays, which "
            "learns them"
        )
    place = {name: number for number, name in enumerate(labels or ())}
    for index, name in enumerate(names):
        if name not in place:
            raise ValueError(f"{what}[{index}] = {name!r} is none of model.labels: {list(labels or ())[:20]}")
    return np.array([place[name] for name in names], np.int64)
