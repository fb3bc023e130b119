"""A training step of several ranks, each with its part of the batch: forward and backward of the part, the
sum of the gradients over the ranks, and the same update on each.

Each loss is divided by what divides it in the whole batch (rows, weights), which the ranks tell each other
before the backward pass; so sums over the ranks are what one process has of the whole batch. Penalties of
weights come to the sum. Tables hand on distinct rows, never the table.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import numpy as np

from .. import _core
from ..training.input_data import sizes_of
from ..training.running_means import BatchResult
from ..training.steps import batch_result
from .rounds import RankError, Rounds

APART = 44
"""Step numbers stay below 2 ** 44; above stands the rank, so that each draws numbers of its own."""


class Parts:
    """What divides the losses of this part of a batch and of the whole, as the core asks for it."""

    def __init__(self, rounds: Rounds, count: int) -> None:
        self.rounds, self.count, self.whole = rounds, count, 0

    def __call__(self, own: list[float]) -> list[float]:
        every = self.rounds.numbers("computes a loss", [self.count, *own])
        self.whole = int(sum(numbers[0] for numbers in every))
        sums = [sum(column) for column in zip_longest(*(numbers[1:] for numbers in every), fillvalue=0.0)]
        return sums[: len(own)]

    def scaled(self, found: BatchResult, penalty: float) -> BatchResult:
        """Losses of which the sum over the ranks, each times its examples, is the loss of the whole batch
        times its examples.
        """
        losses = tuple(loss * (self.whole / self.count) for loss in found.losses)
        return found._replace(losses=losses, penalty=penalty)


def train(
    rounds: Rounds,
    model: Any,
    inputs: list[Any],
    targets: list[Any],
    weights: Any,
    compiled: Any,
    rate: float,
) -> BatchResult | None:
    """As Steps.train, on all ranks; None where this one has no examples."""
    optimizer, count = model.optimizer, _count(inputs)
    parts = Parts(rounds, count)
    bound = model._programs.bound("train", sizes_of(model._adapter.specs, inputs) if count else None)
    more: Any = compiled.loss_function
    with model._access.changing():
        core = bound.ready()
        result = None
        if count:
            result = core.gradient_step(
                inputs,
                targets,
                compiled.weights_of(weights),
                optimizer.steps + (rounds.rank << APART),
                compiled.want_outputs,
                None if more is None else more(targets, True, inputs, weights),
                parts,
            )
            found = batch_result(bound, result, compiled)
            activity = core.penalty if bound.penalised else 0.0
        else:
            parts([])
        gradients = summed_gradients(rounds, core, bound, count > 0)
        core.update(gradients, rate, optimizer.counter, True)
        bound.constrain()
        if result is None:
            return None
        penalty = activity * parts.whole / count + (core.weight_penalty if bound.penalised else 0.0)
    return parts.scaled(found, penalty)


def summed_gradients(rounds: Rounds, core: Any, bound: Any, computed: bool) -> list[Any]:
    """The gradients of the whole batch, as `Program.update` takes them; `computed`: whether this rank has
    any.
    """
    given: list[Any] = [None] * len(bound.variables)
    learning = core.learning
    tables = [number for number in learning if bound.is_table(number)]
    dense = [number for number in learning if number not in tables]
    sizes = [bound.variables[number].size for number in dense]
    flat = np.empty(sum(sizes), np.float32) if computed else np.zeros(sum(sizes), np.float32)
    places = np.cumsum([0, *sizes])
    for number, begin, end in zip(dense, places[:-1], places[1:], strict=True):
        if computed:
            core.gradient_into(number, flat[begin:end])
    own = [core.gradient(number) if computed else _no_rows(bound.variables[number]) for number in tables]
    every = rounds.numbers("sums gradients", [len(flat), len(tables), *(len(rows) for rows, _ in own)])
    if any(numbers[:2] != every[0][:2] for numbers in every):
        raise RankError(
            f"the ranks train different weights: {[int(numbers[0]) for numbers in every]} numbers and "
            f"{[int(numbers[1]) for numbers in every]} tables; set `trainable` alike on every rank"
        )
    if len(flat):
        flat = rounds.sum_in_order(flat)
    for number, begin, end in zip(dense, places[:-1], places[1:], strict=True):
        given[number] = flat[begin:end].reshape(bound.variables[number].shape)
    for place, (number, (rows, values)) in enumerate(zip(tables, own, strict=True)):
        counts = [int(numbers[2 + place]) for numbers in every]
        rows, values = rounds.rows_of_all(rows, counts), rounds.rows_of_all(values, counts)
        given[number] = _core.sum_rows(rows, values, bound.variables[number].shape[0], -1, False)
    return given


def _no_rows(table: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(0, np.int32), np.zeros((0, table.shape[1]), np.float32)


def test(
    rounds: Rounds, model: Any, inputs: list[Any], targets: list[Any], weights: Any, compiled: Any
) -> BatchResult | None:
    """As Steps.test, on all ranks; None where this one has no examples."""
    count = _count(inputs)
    parts = Parts(rounds, count)
    if not count:
        parts([])
        return None
    more: Any = compiled.loss_function
    bound = model._programs.bound("test", sizes_of(model._adapter.specs, inputs))
    with model._access.changing() if bound.writes else model._access.reading():
        core = bound.ready()
        result = core.test_step(
            inputs,
            targets,
            compiled.weights_of(weights),
            compiled.want_outputs,
            None if more is None else more(targets, False, inputs, weights),
            parts,
        )
        found = batch_result(bound, result, compiled)
        penalty = 0.0
        if bound.penalised:
            of_weights = core.weight_penalty
            penalty = (core.penalty - of_weights) * parts.whole / count + of_weights
    return parts.scaled(found, penalty)


def _count(inputs: list[Any]) -> int:
    """How many examples: padded, or (ids, offsets)."""
    if not inputs:
        return 0
    first = inputs[0]
    return len(first[1]) - 1 if isinstance(first, tuple) else len(first)
