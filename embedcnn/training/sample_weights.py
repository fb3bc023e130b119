"""Sample weights and class weights, as users give them, turned into what programs take.

Prepared weights are None, one array (B,) or (B, T) for all losses, or a tuple with an array or None for each
loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .input_data import TargetSpec, as_output_shape

Weights = np.ndarray | tuple[np.ndarray | None, ...] | None


def prepare_weights(value: Any, count: int, shape: Sequence[int | None] = (None,)) -> np.ndarray | None:
    """The weights of one output of this shape as float32 (B,), or (B, T) where it has a time axis, or one for
    each loss where it has more axes; (B, 1) and (B, T, 1) mean the same.

    ValueError for other shapes, negative or infinite numbers.
    """
    if value is None:
        return None
    weights = np.asarray(value)
    if weights.dtype.kind not in "fiub":
        raise TypeError(f"sample_weight: numbers were expected. Received: dtype {weights.dtype}")
    weights = np.ascontiguousarray(weights, np.float32)
    while weights.ndim > 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    most = len(shape) - 1  # axes of the losses, of which weights may have as many, 2 or 1
    fits = weights.ndim in {1, min(2, most), most} and len(weights) == count
    fits = fits and all(size in (None, got) for size, got in zip(shape[1:], weights.shape[1:], strict=False))
    if not fits:
        also = f", or ({count}, steps), one per step" if len(shape) > 2 else ""
        raise ValueError(
            f"sample_weight: expected shape ({count},), one per example{also}. Received: shape "
            f"{weights.shape}"
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        where = tuple(int(part) for part in np.argwhere(~np.isfinite(weights) | (weights < 0))[0])
        raise ValueError(
            f"sample_weight[{', '.join(map(str, where))}] = {weights[where]}: finite numbers >= 0 are allowed"
        )
    return weights


def weights_per_output(value: Any, names: Sequence[str]) -> list[Any] | None:
    """The parts of weights that are given output by output (a dict by name, a list); None for one array."""
    if isinstance(value, dict):
        for name in value:
            if name not in names:
                raise ValueError(f"sample_weight: no output is called {name!r}; outputs: {list(names)}")
        return [value.get(name) for name in names]
    listed = len(names) > 1 and isinstance(value, (list, tuple)) and len(value) == len(names)
    if listed and all(part is None or np.ndim(part) >= 1 for part in value):
        return list(value)
    return None


def class_weights(
    spec: TargetSpec,
    target: np.ndarray,
    weight_of: Any,
    given: np.ndarray | None,
    labels: Sequence[Any] | None = None,
) -> np.ndarray:
    """Weight per example by class (1 for classes without one), times the sample weights.

    `weight_of`: a dict by class number, or by the names `labels`; or "balanced": examples / (classes *
    examples of the class), as scikit-learn's.
    """
    balanced = isinstance(weight_of, str) and weight_of == "balanced"
    if not isinstance(weight_of, dict) and not balanced:
        raise TypeError(
            "class_weight must be 'balanced', or a dict of class number (or label) to weight. "
            f"Received: {weight_of!r}"
        )
    if spec.target == "classes":
        classes, count = target.reshape(len(target), -1), spec.units
    elif spec.target == "one_hot":
        classes, count = target.argmax(axis=-1).reshape(len(target), -1), spec.units
    elif spec.units == 1:
        classes, count = (target.reshape(len(target), 1) > 0.5).astype(np.int64), 2
    else:
        classes, count = np.zeros((0, 2), np.int64), 0
    if classes.shape[1] != 1:
        raise ValueError(
            "class_weight needs one class per example. Received: an output of shape "
            f"{as_output_shape(spec.shape)}"
        )
    numbers = classes[:, 0]
    if spec.ignored is not None:
        numbers = np.where(numbers == spec.ignored, 0, numbers)
    if balanced:
        counted = classes[:, 0] if spec.ignored is None else classes[classes[:, 0] != spec.ignored, 0]
        weights = balanced_weights(counted, count)[numbers]
    else:
        weights = _weight_table(weight_of, count, labels)[numbers]
    return weights if given is None else weights * given


def balanced_weights(numbers: np.ndarray, count: int) -> np.ndarray:
    """The weight of each class that makes all that occur weigh the same in all."""
    counts = np.bincount(numbers, minlength=count)
    return (len(numbers) / (max(1, np.count_nonzero(counts)) * np.maximum(1, counts))).astype(np.float32)


def _weight_table(weight_of: dict[Any, float], count: int, labels: Sequence[Any] | None) -> np.ndarray:
    """The weight of each class from a dict by number or label."""
    places = {name: number for number, name in enumerate(labels or []) if isinstance(name, str)}
    table = np.ones(count, np.float32)
    for key, weight in weight_of.items():
        number = places.get(key, key) if isinstance(key, str) else key
        if isinstance(number, str):
            known = f"model.labels: {list(labels)[:20]}" if labels else "model.labels, which are not set"
            raise ValueError(f"class_weight: {key!r} is none of {known}")
        table[_class_number(number, count)] = _class_weight(key, weight)
    return table


def _class_number(number: Any, count: int) -> int:
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 0 <= number < count:
        raise ValueError(f"class_weight: class {number!r} is outside [0, {count})")
    return int(number)


def _class_weight(name: Any, weight: Any) -> float:
    if not isinstance(weight, (int, float, np.number)) or not 0 <= weight < float("inf"):
        raise ValueError(f"class_weight[{name!r}] must be a finite number >= 0. Received: {weight!r}")
    return float(weight)


def refuse_counting(class_weight: Any) -> None:
    """ValueError for "balanced", anywhere in `class_weight`, where y comes batch by batch."""
    parts = class_weight.values() if isinstance(class_weight, dict) else [class_weight]
    if any(isinstance(part, str) and part == "balanced" for part in parts):
        raise ValueError(
            "class_weight='balanced' counts the classes of all of y, which an iterable of batches does not "
            "give at once: give a dict of class number to weight"
        )


def take_weights(weights: Weights, index: Any) -> Weights:
    """The weights of some examples."""
    if isinstance(weights, tuple):
        return tuple(None if part is None else part[index] for part in weights)
    return None if weights is None else weights[index]
