"""Batches of an epoch, from arrays in memory or from an iterable."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .ragged import Ragged
from .random_seeds import generator

Batch = tuple[list[Any], list[np.ndarray], np.ndarray | None, int]
"""Inputs, targets, weights and the number of examples."""


class ArrayBatches:
    """Batches of arrays that are in memory, shuffled by (seed, epoch) or in order."""

    def __init__(
        self,
        inputs: list[Any],
        targets: list[np.ndarray],
        weights: np.ndarray | None,
        batch_size: int,
        seed: int | None,
    ) -> None:
        self.inputs, self.targets, self.weights, self.seed = inputs, targets, weights, seed
        self.count = len(inputs[0])
        self.batch_size = batch_size
        self.steps: int | None = math.ceil(self.count / batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch; its number (of the model's life) decides the order."""
        order = None
        if self.seed is not None:
            order = generator(self.seed, number).permutation(self.count)
        for start in range(0, self.count, self.batch_size):
            stop = min(start + self.batch_size, self.count)
            index: Any = slice(start, stop) if order is None else order[start:stop]
            inputs = [take(part, index) for part in self.inputs]
            weights = None if self.weights is None else self.weights[index]
            yield inputs, [part[index] for part in self.targets], weights, stop - start


class IterableBatches:
    """Batches (x, y[, sample_weight]) from an iterable, prepared one by one."""

    def __init__(self, source: Any, prepare: Any, steps: int | None) -> None:
        self.source, self.prepare, self.steps = source, prepare, steps
        self.seed = None
        self._limited = steps is not None
        self._running: Iterator[Any] | None = None
        if steps is None and hasattr(source, "__len__"):
            self.steps = len(source)

    def epoch(self, number: int) -> Iterator[Batch]:
        """One pass, or `steps` batches, starting again where the source ends."""
        if hasattr(self.source, "set_epoch"):
            self.source.set_epoch(number)
        if not self._limited:
            yield from (self.prepare(item) for item in self.source)
            return
        assert self.steps is not None
        for _ in range(self.steps):
            item = self._next()
            if item is None:
                return
            yield self.prepare(item)

    def _next(self) -> Any:
        for _ in range(2):
            if self._running is None:
                self._running = iter(self.source)
            item = next(self._running, None)
            if item is not None:
                return item
            self._running = None
        return None


def take(prepared: Any, index: Any) -> Any:
    """The examples of `index` (an array or a slice) of a prepared input, in the form that programs take."""
    if isinstance(prepared, Ragged):
        return raw(prepared[index])
    return prepared[index]


def raw(prepared: Any) -> Any:
    """A prepared input in the form that programs take: (ids, offsets) for Ragged."""
    if isinstance(prepared, Ragged):
        return (prepared.ids, prepared.offsets)
    return prepared
