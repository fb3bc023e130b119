"""How the means of losses and metrics over the batches of an epoch are kept."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ..metrics.base import FunctionMetric
from .sample_weights import Weights

if TYPE_CHECKING:
    from ..metrics import Metric
    from .settings import Compiled

TOGETHER = 1 << 12
"""Predicted numbers that wait before the metrics of this package see them, in one call: a call costs more
than its numbers.
"""


class Meter:
    """A metric on one output. `counted`: which loss of the core counts what it needs (right predictions),
    `summed`: which one sums it up; -1 for both: NumPy does, from predictions. `steps`: the output has a time
    axis.
    """

    def __init__(
        self,
        metric: Metric,
        output: int,
        weighted: bool,
        counted: int,
        summed: int,
        label: str,
        steps: bool,
    ) -> None:
        self.metric, self.output, self.weighted, self.label = metric, output, weighted, label
        self.counted, self.summed, self.steps = counted, summed, steps

    @property
    def is_own(self) -> bool:
        """Whether the metric is Python of the user's own: it is given y in the shape that `fit` was."""
        ours = type(self.metric).__module__.partition(".")[0] == __name__.partition(".")[0]
        return not ours or isinstance(self.metric, FunctionMetric)

    @property
    def from_outputs(self) -> bool:
        """Whether it needs the predictions."""
        return self.counted < 0 and self.summed < 0

    def answers(self, targets: list[np.ndarray], masks: list[Any] | None, count: int) -> int:
        """How many of a batch of `count` examples can be right: all of every unmasked step where there are
        steps.
        """
        if not self.steps or masks is None:
            return count
        mask, truth = masks[self.output], targets[self.counted]
        return truth.size if mask is None else int(mask.sum()) * prod(truth.shape[2:])

    @property
    def waits(self) -> bool:
        """Whether batches may be joined: the sums of the metrics of this package do not depend on how."""
        return self.metric.additive and type(self.metric).__module__.startswith("embedcnn.metrics")


def plain_value(value: Any) -> Any:
    """A float; metrics that give an array stay one."""
    return float(value) if np.ndim(value) == 0 else value


class BatchResult(NamedTuple):
    """What a step found out about its batch."""

    losses: tuple[float, ...]  # each times its loss weight
    sums: Any  # of each loss, for metrics that need them: weighted, weights, plain, rows
    correct: tuple[int, ...]  # right predictions for each loss
    outputs: Any  # where a metric looks at them
    penalty: float  # what regularizers add to the losses
    masks: Any  # of each output, where a metric counts steps


class Seen(NamedTuple):
    """A batch as metrics see it: of each loss the targets, of each output the predictions and the mask."""

    targets: list[Any]
    outputs: list[Any]
    masks: list[Any] | None
    weights: Weights


class Tally:
    """Means over the batches of an epoch, each example counting the same; where there is a mask, in metrics
    each unmasked step.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.examples = 0
        self.penalty = 0.0
        self.losses = [0.0] * len(compiled.active)
        self.computed: dict[int, float] = {}
        """Of each output what `compute_loss` found the loss of compile to be."""
        self._waiting: list[Seen] = []
        self._waiting_numbers = 0
        for meter in compiled.meters:
            meter.metric.reset_state()

    def add(self, result: BatchResult, targets: list[np.ndarray], weights: Weights, count: int) -> int:
        """Counts what the core returned for a batch of `count` examples; how many tokens these are where
        the model counts them, else `count`.
        """
        losses, sums, correct, outputs, penalty, masks = result
        seen = Seen(targets, outputs, masks, weights)
        self.examples += count
        self.penalty += penalty * count
        for number, loss in enumerate(losses):
            self.losses[number] += loss * count
        if self.compiled.computed is not None:
            for number, loss in self.compiled.computed.of_outputs.items():
                self.computed[number] = self.computed.get(number, 0.0) + loss * count
        waits = False
        for meter in self.compiled.meters:
            if meter.counted >= 0:
                meter.metric.add(correct[meter.counted], meter.answers(targets, masks, count))
            elif meter.summed >= 0:
                weighted, weight, plain, rows = sums[meter.summed]
                meter.metric.add(*((weighted, weight) if meter.weighted else (plain, rows)))
            elif meter.waits:
                waits = True
            else:
                self._update(meter, [seen])
        if waits:
            if self._waiting and [part.shape[1:] for part in self._waiting[0].outputs] != [
                part.shape[1:] for part in outputs
            ]:
                self._settle()
            self._waiting.append(seen)
            self._waiting_numbers += sum(part.size for part in outputs)
            if (
                self._waiting_numbers >= TOGETHER or self.examples == count
            ):  # the first: there is something to show
                self._settle()
        return int(sums[0][3]) if self.compiled.counts_tokens else count

    def _settle(self) -> None:
        """Shows the metrics the batches that wait."""
        for meter in self.compiled.meters:
            if self._waiting and meter.from_outputs and meter.waits:
                self._update(meter, self._waiting)
        self._waiting, self._waiting_numbers = [], 0

    def _update(self, meter: Meter, batches: list[Seen]) -> None:
        parts = zip(*(self._shown(meter, batch) for batch in batches), strict=True)
        masked = batches[0].masks is not None and batches[0].masks[meter.output] is not None
        quiet: Literal["ignore"] | None = "ignore" if masked else None
        with np.errstate(divide=quiet, invalid=quiet):
            meter.metric.update_state(*(None if part[0] is None else _joined(part) for part in parts))

    def _shown(self, meter: Meter, batch: Seen) -> tuple[Any, Any, Any]:
        """Targets, predictions and weights for a metric: masked steps weigh nothing."""
        number = self.compiled.active.index(meter.output)
        truth, predicted = batch.targets[number], batch.outputs[meter.output]
        if predicted.ndim == 1:  # of one number for each example, as losses see it
            predicted = predicted[:, None]
        if self.compiled.as_columns[meter.output] and meter.is_own:
            truth = truth[..., None]
        if predicted.shape == (*truth.shape, 1):  # targets of a loss of one's own come as they were given
            truth = truth[..., None]
        weight = None
        if meter.weighted:
            weight = batch.weights[number] if isinstance(batch.weights, tuple) else batch.weights
        mask = None if batch.masks is None else batch.masks[meter.output]
        if mask is None:
            return truth, predicted, weight
        steps = mask.shape[1]  # targets may have more, all of them masked
        if self.compiled.targets[meter.output].target != "free":
            truth = truth[:, :steps]
        weight = np.ones(1, np.float32) if weight is None else weight
        weight = weight[:, :steps] if weight.ndim >= 2 else weight[:, None]
        axes = (1,) * (weight.ndim - 2)
        return truth, predicted, weight * mask.reshape(mask.shape + axes)

    def values(self) -> list[Any]:
        """The means, in the order of `Compiled.names`. The core's losses hold their loss weight; "loss" is
        their sum and that of the penalties.
        """
        self._settle()
        return self._values()

    def _values(self) -> list[Any]:
        compiled = self.compiled
        means = [loss / max(1, self.examples) for loss in self.losses]
        values = [sum(means) + self.penalty / max(1, self.examples)]
        if compiled.computed is not None:
            values += [self.computed.get(number, 0.0) / max(1, self.examples) for number in compiled.shown]
        elif len(compiled.output_names) > 1:
            weights = [compiled.loss_weights[number] for number in compiled.active]
            values += [mean / weight if weight else 0.0 for mean, weight in zip(means, weights, strict=True)]
        return values + [meter.metric.result() for meter in compiled.meters]

    def logs(self, prefix: str = "") -> dict[str, Any]:
        """The means by name, sorted as Keras does."""
        return self._named(self.values(), prefix)

    def glance(self) -> dict[str, Any]:
        """The same for the eye, without a trace: the metrics may not have seen the last batches yet, so that
        the time at which somebody looks does not change how sums are rounded.
        """
        return self._named(self._values(), "")

    def _named(self, values: list[Any], prefix: str) -> dict[str, Any]:
        named = sorted(zip(self.compiled.names, values, strict=True), key=lambda pair: pair[0])
        return {prefix + name: plain_value(value) for name, value in named}

    def get_state(self) -> dict[str, np.ndarray]:
        """What was counted, as arrays by name, for `set_state`."""
        self._settle()
        state = {
            "examples": np.array(self.examples, np.int64),
            "penalty": np.array(self.penalty),
            "losses": np.array(self.losses),
        }
        state |= {f"computed/{number}": np.array(value) for number, value in self.computed.items()}
        for number, meter in enumerate(self.compiled.meters):
            for name, value in meter.metric.get_state().items():
                state[f"metrics/{number}/{name}"] = np.asarray(value)
        return state

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Goes on from a state of `get_state`."""
        self.examples, self.penalty = int(state["examples"]), float(state["penalty"])
        self.losses = [float(value) for value in state["losses"]]
        begin = "computed/"
        self.computed = {
            int(name.removeprefix(begin)): float(v) for name, v in state.items() if name.startswith(begin)
        }
        for number, meter in enumerate(self.compiled.meters):
            begin = f"metrics/{number}/"
            own = {name.removeprefix(begin): v for name, v in state.items() if name.startswith(begin)}
            meter.metric.set_state(own)


def _joined(parts: Sequence[Any]) -> Any:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
