"""Where the time of a training step goes: `Model.profile` runs some steps and times their operations."""

from __future__ import annotations

import io
import json
import os
import statistics
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from .. import runtime
from ..base.arguments import positive_integer
from ..base.configuration import described
from ..base.escaping import escaped
from ..graph.nesting import carried_states
from ..saving import archive, model_file
from . import machine
from .input_data import sizes_of
from .limits import Limits

if TYPE_CHECKING:
    from ..graph.variables import Variable
    from ..models.sequential import Model

WARM = 2
"""Steps before those that count: the first ones ask the system for memory."""


@dataclass(frozen=True)
class Cost:
    """What one part of a step took, medians over the steps, in milliseconds; bytes of the core's memory, and
    floating-point operations, roughly, of both passes.
    """

    name: str
    operation: str
    forward_ms: float
    backward_ms: float
    bytes: int = 0
    flops: float = 0.0

    @property
    def ms(self) -> float:
        """Both passes."""
        return self.forward_ms + self.backward_ms


class Profile:
    """Costs of a training step, in its order: making the batch, Python and checks, the plan of memory, each
    operation, the update of the weights. `str()` is a table; `save` writes a trace for a browser.

    An operation may serve several layers (an Embedding and the convolutions over it), and then bears their
    names. `step_ms` is the median step, batch included; `idle_share` what is lost waiting for data.
    `limits` says what bounds the step beside what the machine can do, `advice` what to try.
    """

    def __init__(
        self,
        costs: list[Cost],
        step_ms: float,
        steps: int,
        threads: int,
        limits: Limits,
        advice: list[str],
    ) -> None:
        self.costs, self.step_ms, self.steps, self.threads = costs, step_ms, steps, threads
        self.limits, self.advice = limits, advice

    @property
    def idle_share(self) -> float:
        """The share of the time of all steps in which the next batch was waited for. Data that are read or
        made while the step before computes are ready, and cost nothing here.
        """
        return self.limits.data

    def __str__(self) -> str:
        width = max(len(cost.name) for cost in self.costs)
        head = f"{'forward ms':>11} {'backward ms':>11} {'share':>6} {'MB':>8} {'GFLOP/s':>8}"
        lines = [f"{'':<{width}}  {head}  operation"]
        for cost in self.costs:
            backward = f"{cost.backward_ms:11.3f}" if cost.backward_ms else f"{'':11}"
            memory = f"{cost.bytes / 1e6:8.2f}" if cost.bytes else f"{'':8}"
            speed = f"{cost.flops / cost.ms / 1e6:8.1f}" if cost.flops and cost.ms else f"{'':8}"
            lines.append(
                f"{cost.name:<{width}}  {cost.forward_ms:11.3f} {backward} {cost.ms / self.step_ms:6.1%} "
                f"{memory} {speed}  {cost.operation}".rstrip()
            )
        lines.append(f"a step takes {self.step_ms:.3f} ms (median of {self.steps}, {self.threads} threads)")
        return "\n".join([*lines, *self.limits.lines(), *(f"try {one}" for one in self.advice)])

    def _repr_html_(self) -> str:
        """The table, for notebooks."""
        return f"<pre>{escaped(self)}</pre>"

    __repr__ = __str__

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Writes one step as a trace in JSON, which chrome://tracing, Perfetto and Speedscope show."""
        events, now = [], 0.0
        passes = [(cost, cost.forward_ms, "") for cost in self.costs[:-1]]
        passes += [(cost, cost.backward_ms, " backward") for cost in reversed(self.costs[:-1])]
        for cost, ms, what in [*passes, (self.costs[-1], self.costs[-1].forward_ms, "")]:
            if ms:
                event = {"name": cost.name + what, "cat": cost.operation, "ph": "X", "pid": 0, "tid": 0}
                events.append({**event, "ts": now * 1e3, "dur": ms * 1e3, "args": {"bytes": cost.bytes}})
                now += ms
        with open(filepath, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events, "displayTimeUnit": "ms"}, file, indent=1)


def profile(model: Model, x: Any, y: Any, batch_size: int | None, sample_weight: Any, steps: int) -> Profile:
    """Profile of `steps` training steps; the model is afterwards as it was."""
    steps = positive_integer("steps", steps)
    model._compilation.require("profile")
    with model._access.training():
        feed = model._adapter.feed(x, y, batch_size, sample_weight, None, None, None)
        before = _state_of(model)
        try:
            times, costs = _run(model, feed, steps)
        finally:
            feed.close()
            _put_back(model, before)
        parts = _summed_up(model, times, costs)
        step_ms = statistics.median(sum(one) for one in times) * 1e3
        tables = _learning_tables(model)
        waiting = sum(made for made, _ in times) / sum(made + step for made, step in times)
        found = _limits(model, tables, parts, step_ms, waiting)
        is_dense = getattr(model.optimizer, "embedding_update", "lazy") == "dense"
        in_float32 = [one for one in tables if one.dtype == "float32"]
        advice = found.advice(float(sum(one.nbytes for one in in_float32)), is_dense and bool(tables))
        return Profile(parts, step_ms, len(times), runtime.get_num_threads(), found, advice)


def _batches(model: Model, feed: Any) -> Generator[Any, None, None]:
    """Batches, those of a generator once, others again and again; ValueError where there is none."""
    taken, before = 0, -1
    while taken > before:
        before = taken
        with closing(feed.epoch(model.epochs_trained)) as batches:
            for batch in batches:
                taken += 1
                yield batch
    if not taken:
        raise ValueError("x gave no batches: it is empty, or a generator that has already ended")


def _run(model: Model, feed: Any, steps: int) -> tuple[list[tuple[float, float]], list[Any]]:
    """Seconds for each batch and each step, and what the core says of the steps."""
    times, costs = [], []
    with closing(_batches(model, feed)) as batches:
        begin = time.perf_counter()
        for inputs, targets, weights, _ in islice(batches, WARM + steps):
            made = time.perf_counter()
            compiled = model._compilation.settle()
            core = model._programs.ready("train", sizes_of(model._adapter.specs, inputs))
            core.set_timed(True)
            model._steps.train(inputs, targets, weights, compiled)
            end = time.perf_counter()
            times.append((made - begin, end - made))
            costs.append(core.costs)
            begin = time.perf_counter()
    warm = min(WARM, len(times) - 1)
    return times[warm:], costs[warm:]


def _summed_up(model: Model, times: list[tuple[float, float]], costs: list[Any]) -> list[Cost]:
    operations = model.lowered_as("train").operations
    middle = statistics.median
    inside = [sum(forward + backward for forward, backward, *_ in each) + a + b for each, a, b in costs]
    outside = [step * 1e3 - ns / 1e6 for (_, step), ns in zip(times, inside, strict=True)]
    rows = [
        Cost("batch", "made from the data", middle(made for made, _ in times) * 1e3, 0.0),
        Cost("step in Python", "checks, copies, results", max(0.0, middle(outside)), 0.0),
        Cost("plan", "shapes and memory", middle(plan for _, plan, _ in costs) / 1e6, 0.0),
    ]
    for number, operation in enumerate(operations):
        layers = dict.fromkeys(variable.path.rpartition("/")[0] for variable in operation.variables)
        rows.append(
            Cost(
                ", ".join(layers) or operation.name,
                operation.name,
                middle(each[number][0] for each, _, _ in costs) / 1e6,
                middle(each[number][1] for each, _, _ in costs) / 1e6,
                int(middle(each[number][2] for each, _, _ in costs)),
                middle(each[number][3] for each, _, _ in costs),
            )
        )
    update = middle(update for _, _, update in costs) / 1e6
    return [*rows, Cost("update", f"clipping, {model.optimizer.core_name}", update, 0.0)]


def _learning_tables(model: Model) -> list[Variable]:
    """The tables of which a step updates the rows that it names."""
    operations = model.lowered_as("train").operations
    read = {id(one): one for op in operations if op.facts["reads_table"] for one in op.variables}
    return [one for one in model.trainable_weights if id(one) in read]


def _limits(
    model: Model, tables: list[Variable], costs: list[Cost], step_ms: float, waiting: float
) -> Limits:
    """What bounds the step, `waiting` for data that share of all time. Of the memory of an operation each
    byte is written and read once in each pass; weights that all learn are read and written with their
    gradients and slots, of tables unknown parts.
    """
    operations, update = costs[3:-1], costs[-1]
    core_ms = max(1e-6, sum(cost.ms for cost in operations) + update.ms)
    memory = sum(cost.bytes for cost in operations)
    moved = float(sum(cost.bytes * (4 if cost.backward_ms else 2) for cost in operations))
    named = set(map(id, tables))
    learning = sum(one.nbytes for one in model.trainable_weights if id(one) not in named)
    slots = len(model.optimizer.used_slots())
    moved += learning * (3 + 2 * slots)
    memory += learning * (2 + slots)
    return Limits(
        data=waiting,
        python=(costs[1].ms + costs[2].ms) / step_ms,
        core=core_ms / step_ms,
        flops=sum(cost.flops for cost in operations) / core_ms * 1e3,
        peak_flops=machine.product_speed(),
        bytes=moved / core_ms * 1e3,
        peak_bytes=machine.copy_speed(memory),
        memory=float(memory),
    )


def _state_of(model: Model) -> tuple[dict[str, bytes], dict[str, Any], list[Any]]:
    """Everything that a training step changes."""
    model._compilation.settle()
    file = io.BytesIO()
    archive.write_archive(file, model_file.members_of(model))
    file.seek(0)
    states = [state.value.copy() for state in carried_states(model)]
    return archive.read_archive(file, "the profile"), described(model.optimizer), states


def _put_back(model: Model, before: tuple[dict[str, bytes], dict[str, Any], list[Any]]) -> None:
    members, optimizer, states = before
    model_file.restore_training(model, members, optimizer, "the profile")
    for state, value in zip(carried_states(model), states, strict=True):
        state.assign(value)
