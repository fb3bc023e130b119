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
    """The weights of one output of this shape as float32 (B,), or (B, T) where it has a time axis; (B, 1) and
    (B, T, 1) mean the same.

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
    steps = len(shape) == 3 and weights.ndim == 2 and shape[1] in (None, weights.shape[1])
    if weights.shape != (count, *weights.shape[1:] * steps):
        also = f", or ({count}, steps), one per step" if len(shape) == 3 else ""
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
    spec: TargetSpec, target: np.ndarray, weight_of: dict[int, float], given: np.ndarray | None
) -> np.ndarray:
    """Weight per example by class (1 for classes without one), times the sample weights."""
    if not isinstance(weight_of, dict):
        raise TypeError(
            f"class_weight must be a dict of class number to weight. Received: {type(weight_of).__name__}"
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
    table = np.ones(count, np.float32)
    for number, weight in weight_of.items():
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 0 <= number < count:
            raise ValueError(f"class_weight: class {number!r} is outside [0, {count})")
        if not isinstance(weight, (int, float, np.number)) or not 0 <= weight < float("inf"):
            raise ValueError(f"class_weight[{number}] must be a finite number >= 0. Received: {weight!r}")
        table[number] = weight
    numbers = classes[:, 0]
    if spec.ignored is not None:
        numbers = np.where(numbers == spec.ignored, 0, numbers)
    weights = table[numbers]
    return weights if given is None else weights * given


def take_weights(weights: Weights, index: Any) -> Weights:
    """The weights of some examples."""
    if isinstance(weights, tuple):
        return tuple(None if part is None else part[index] for part in weights)
    return None if weights is None else weights[index]
