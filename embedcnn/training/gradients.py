"""A training step in two calls, for loops of one's own: gradients as arrays, and the update from such arrays.

The gradients hold those of regularizers; clipping, accumulation, weight decay, constraints and averages
belong to the update, as in Keras, where the optimizer clips what it is handed. A mean over processes, or a
change by hand, stands between the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..graph import nesting
from ..optimizers import MultiOptimizer

Gradients = dict[str, Any]
"""By path: an array of the weight's shape; of a table (rows, values), int32 (U,) and float32 (U, D)."""


def _learning(model: Any) -> dict[str, int]:
    """The weights that a step gives a gradient, in the model's order: path to number in its program."""
    bound = model._programs.bound("train")
    numbers = {id(variable): number for number, variable in enumerate(bound.variables)}
    learning = set(bound.ready().learning)
    found: dict[str, int] = {}
    for path, variable in nesting.weight_paths(model).items():
        number = numbers.get(id(variable))
        if number is not None and number in learning:
            found[path] = number
            learning.discard(number)  # a weight that two layers hold goes by its first path
    return found


def compute(model: Any, x: Any, y: Any, sample_weight: Any) -> tuple[float, Gradients]:
    inputs, targets, weights, count = model._adapter.batch((x, y, sample_weight))
    compiled = model._compilation.settle()
    result = model._steps.gradients(inputs, targets, weights, compiled)
    core = model._programs.bound("train").core
    found = {path: core.gradient(number) for path, number in _learning(model).items()}
    values = compiled.batch_values(result, targets, weights, count)
    return float(values[0]), found


def apply(model: Any, gradients: Mapping[str, Any]) -> None:
    model._require_built("which weights have gradients")
    model._compilation.settle()
    learning = _learning(model)
    _check_paths(model, gradients, learning)
    if isinstance(model.optimizer, MultiOptimizer):
        model._steps.update_by_several(model.optimizer, gradients)
        return
    bound = model._programs.bound("train")
    given: list[Any] = [None] * len(bound.variables)
    for path, number in learning.items():
        gradient = gradients[path]
        given[number] = coalesced(*gradient) if _is_pair(gradient) else gradient
    optimizer = model.optimizer
    with model._access.changing():
        bound.ready().update(given, optimizer.rate(), optimizer.counter)
        bound.constrain()


def _check_paths(model: Any, gradients: Any, learning: dict[str, int]) -> None:
    """ValueError unless there is a gradient for each weight that learns, and for no other."""
    if not isinstance(gradients, Mapping):
        raise TypeError(
            "`gradients` must be a dict of path to array, as compute_gradients returns it. Received: "
            f"{type(gradients).__name__}"
        )
    known = nesting.weight_paths(model)
    for path in gradients:
        if path not in known:
            raise ValueError(
                f"`gradients`: model {model.name!r} has no weight with the path {path!r}. Allowed: "
                f"{list(learning)}"
            )
        if path not in learning:
            raise ValueError(
                f"`gradients`: {path} learns nothing: it is frozen, or no loss depends on it. Where "
                "`trainable` has changed since compute_gradients, compute them again"
            )
    missing = [path for path in learning if path not in gradients]
    if missing:
        raise ValueError(
            f"`gradients`: those of {missing} are missing. Where `trainable` has changed since "
            "compute_gradients, compute them again"
        )


def _is_pair(gradient: Any) -> bool:
    return isinstance(gradient, (tuple, list)) and len(gradient) == 2


def coalesced(rows: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a table, each once. Distinct ones stay as they are; where some occur several times, their
    gradients are summed in the order in which they come, and the rows are sorted.

    >>> rows, values = coalesced([5, 2, 5], [[1.0], [2.0], [4.0]])
    >>> rows.tolist(), values.tolist()
    ([2, 5], [[2.0], [5.0]])
    """
    rows, values = np.asarray(rows), np.asarray(values)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or values.ndim != 2 or len(rows) != len(values):
        return rows, values  # the core refuses them
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    if len(starts) >= len(rows):
        return rows, values
    return ordered[starts], np.add.reduceat(values[order], starts, axis=0)
