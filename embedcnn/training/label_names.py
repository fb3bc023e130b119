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


def learnt(spec: TargetSpec, value: Any) -> list[str] | None:
    """The names that y holds, sorted, one for each class; None where y holds no names.

    ValueError where they are not as many as the output has classes.
    """
    names = raw_texts(value) if takes_names(spec) else None
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
    names = raw_texts(value) if takes_names(spec) else None
    if names is None:
        return value
    names = checked_texts(spec.name, names, remedy=WITHOUT_LABEL).tolist()
    if labels is None:
        raise ValueError(
            f"{spec.name} holds labels, as {names[0]!r}, but the model does not know their numbers: set "
            "model.labels to all names in the order of the outputs, or call fit with lists or arrays, which "
            "learns them"
        )
    place = {name: number for number, name in enumerate(labels)}
    for index, name in enumerate(names):
        if name not in place:
            raise ValueError(f"{spec.name}[{index}] = {name!r} is none of model.labels: {list(labels)[:20]}")
    numbers = np.array([place[name] for name in names], np.int64)
    return np.eye(spec.units, dtype=np.float32)[numbers] if spec.target == "one_hot" else numbers
