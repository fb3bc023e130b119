"""What `compile` settles. `Compilation` holds what it was given; `Compiled` is what that comes to for the
outputs of a model: the loss of each, the metrics, and how their means over batches are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import losses, metrics
from ..base.arguments import finite_number
from ..base.unkept import Unkept
from ..graph.nodes import SymbolicTensor
from ..losses import Loss
from ..metrics.language import TokenMetric
from ..optimizers import Optimizer
from . import compile_settings
from .computed_loss import ComputedLoss, computes_loss
from .input_data import TargetSpec
from .running_means import BatchResult, Meter, Tally, plain_value


def check_losses(loss: Any) -> None:
    """ValueError for unknown losses, where the outputs are not known yet."""
    for part in loss.values() if isinstance(loss, dict) else [loss]:
        if part is not None and not isinstance(part, (list, tuple)):
            losses.get(part)


class Compiled:
    """Optimizer, losses and metrics of a model, resolved against its outputs."""

    def __init__(
        self,
        optimizer: Optimizer,
        outputs: Sequence[SymbolicTensor],
        loss: Any,
        loss_weights: Any,
        metric_names: Any,
        weighted_metrics: Any,
        output_keys: list[str] | None = None,
        computed: ComputedLoss | None = None,
    ) -> None:
        self.optimizer = optimizer
        names = [tensor.name for tensor in outputs] if output_keys is None else output_keys
        self.output_names = [
            name if names.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(names)
        ]
        self.losses: list[Loss | None] = [
            None if part is None else losses.get(part) for part in self._per_output("loss", loss)
        ]
        for part in self.losses:
            if part is not None and part.reduction == "none":
                raise ValueError(
                    f"loss={part.name!r} has reduction='none': a model needs one number. Allowed: 'sum', "
                    "'sum_over_batch_size', 'mean_with_sample_weight'"
                )
        weights = self._per_output("loss_weights", loss_weights)
        self.loss_weights = [1.0 if weight is None else _checked_weight(weight) for weight in weights]
        self.given_losses, self.given_weights = self.losses, self.loss_weights
        self.computed = computed
        if computed is not None:
            self.losses, self.loss_weights = [computed] * len(outputs), [1.0] * len(outputs)
        self.active = [number for number, part in enumerate(self.losses) if part is not None]
        self.targets = [
            TargetSpec(
                f"y[{number}]" if len(outputs) > 1 else "y",
                part.target if part else "any",
                tensor.shape if len(tensor.shape) > 1 else (*tensor.shape, 1),  # losses take (B,) as (B, 1)
                getattr(part, "ignore_class", None),
            )
            for number, (part, tensor) in enumerate(zip(self.losses, outputs, strict=True))
        ]
        self.as_columns = dict.fromkeys(self.active, False)
        """Which losses' class numbers were given with a last axis of 1: the user's metrics see it."""
        self._check_units()
        self.settings = {"metrics": metric_names, "weighted_metrics": weighted_metrics}
        self.meters = self._resolve(metric_names, False) + self._resolve(weighted_metrics, True)
        self._tell_labels_apart()
        seen = {meter.output for meter in self.meters if meter.from_outputs}
        self.want_outputs = bool(seen)
        self.unseen = [number for number in range(len(outputs)) if number not in seen]
        self.want_masks = any(meter.steps and meter.summed < 0 for meter in self.meters)
        self.counts_tokens = (
            len(outputs) == 1 and len(outputs[0].shape) == 3 and self.targets[0].target == "classes"
        )
        """Whether the work of a step is told in tokens, not in examples."""
        self.want_sums = self.counts_tokens or any(meter.summed >= 0 for meter in self.meters)
        self.loss_function = self._function_of if any(map(self._is_given, self.active)) else None
        self.simple = len(self.active) == 1 and len(outputs) == 1
        self.simple = self.simple and all(meter.counted >= 0 for meter in self.meters)
        self.shown = self.active if len(outputs) > 1 and computed is None else []
        """The outputs whose losses are among the logs: those of compute_loss once it has asked for them."""
        self.names = self._names()

    def _per_output(self, argument: str, value: Any) -> list[Any]:
        """One value per output from a single one, a list or a dict by output name."""
        count = len(self.output_names)
        if isinstance(value, dict) and "class_name" not in value:
            for name in value:
                if name not in self.output_names:
                    raise ValueError(
                        f"{argument}: no output is called {name!r}; outputs: {self.output_names}"
                    )
            return [value.get(name) for name in self.output_names]
        if isinstance(value, (list, tuple)):
            if len(value) != count:
                raise ValueError(
                    f"{argument}: the model has {count} outputs. Received: {len(value)} values {value!r}"
                )
            return list(value)
        return [value] * count

    def _check_units(self) -> None:
        for spec, loss in zip(self.targets, self.losses, strict=True):
            if loss is not None and loss.target in ("classes", "one_hot") and spec.units == 1:
                raise ValueError(
                    f"loss={loss.name!r}: an output of 1 unit has only one class. Use Dense(1, "
                    "activation='sigmoid') with binary_crossentropy, or as many units as there are classes"
                )

    def _resolve(self, value: Any, weighted: bool) -> list[Meter]:
        if value is None:
            return []
        count = len(self.output_names)
        if count == 1 and not isinstance(value, dict):
            value = [value if isinstance(value, (list, tuple)) else [value]]
        meters = []
        for number, group in enumerate(self._per_output("metrics", value)):
            for part in group if isinstance(group, (list, tuple)) else [] if group is None else [group]:
                meters.append(self._meter(part, number, weighted))
        return meters

    def _meter(self, identifier: Any, number: int, weighted: bool) -> Meter:
        spec, loss = self.targets[number], self.losses[number]
        if loss is None:
            raise ValueError(
                f"metrics: output {self.output_names[number]!r} has no loss, so it takes no y to compare with"
            )
        if isinstance(identifier, str) and identifier in metrics.ACCURACY:
            metric = metrics.accuracy_for(spec.units, spec.target, identifier)
        else:
            metric = metrics.get(identifier)
        counted = summed = -1
        if isinstance(metric, TokenMetric) and metric.follow(loss):
            summed = self.active.index(number)
        kind = getattr(metric, "kind", None)
        flat_or_labels = len(spec.shape) == 2 or spec.target == "classes"
        if not weighted and flat_or_labels and kind is not None and kind == getattr(loss, "kind", None):
            exact = getattr(metric, "threshold", 0.5) == 0.5 and (kind != "binary" or spec.units == 1)
            exact = exact and loss.operation == "cross_entropy"
            counted = self.active.index(number) if exact else -1
        label = metric.name if len(self.output_names) == 1 else f"{self.output_names[number]}_{metric.name}"
        return Meter(metric, number, weighted, counted, summed, label, len(spec.shape) > 2)

    def _tell_labels_apart(self) -> None:
        """Taken labels get "weighted_" before a weighted metric's name, then a number behind."""
        taken: Counter[str] = Counter()
        for meter in self.meters:
            if meter.label in taken and meter.weighted:
                meter.label = meter.label.removesuffix(meter.metric.name) + f"weighted_{meter.metric.name}"
            label = meter.label
            if label in taken:
                meter.label = f"{label}_{taken[label]}"
            taken[label] += 1

    def _names(self) -> list[str]:
        names = ["loss"]
        names += [f"{self.output_names[number]}_loss" for number in self.shown]
        return names + [meter.label for meter in self.meters]

    def _function_of(self, targets: list[Any], learns: bool, inputs: list[Any], weights: Any) -> Any:
        """What a step calls for losses that are Python functions: the predictions and masks of each, and what
        penalties add -> a list of (losses, gradients), and the slope of the loss in the penalties; one that
        `learns` needs the gradients.
        """
        own = [number for number, one in enumerate(self.active) if self._is_given(one)]

        def function(
            predictions: Sequence[np.ndarray], masks: Any, penalty: float
        ) -> tuple[list[Any], float]:
            if self.computed is not None:
                batch = targets, predictions, masks, inputs, weights, learns, penalty
                return self._computed(self.computed, *batch)
            pairs = zip(own, predictions, strict=True)
            return [self._of_function(number, targets[number], one, learns) for number, one in pairs], 1.0

        return function

    def _is_given(self, number: int) -> bool:
        loss = self.losses[number]
        return loss is not None and loss.operation == "given_loss"

    def _computed(self, computed: ComputedLoss, *batch: Any) -> tuple[list[Any], float]:
        """The results of compute_loss; from the first step on its parts have names."""
        results, slope = computed.of_step(*batch)
        shown = sorted(computed.of_outputs)
        if shown != self.shown:
            self.shown = shown
            self.names = self._names()
        return results, slope

    def _of_function(self, position: int, target: Any, predictions: np.ndarray, learns: bool) -> Any:
        """Losses and gradients of a loss that is a Python function."""
        loss = self.losses[self.active[position]]
        assert loss is not None
        values, gradients = loss.losses_and_gradients(target, predictions)
        if gradients is None and learns:
            raise TypeError(
                f"loss {loss.name!r} gives no gradients, so no model can be trained with it: write its "
                "function (`call` of a subclass of Loss) with operators and embedcnn.ops alone, or let "
                "it return (losses, gradients), where gradients are the derivatives of the losses with "
                "respect to y_pred, of its shape"
            )
        return values, np.zeros_like(predictions) if gradients is None else gradients

    def weights_of(self, weights: Any) -> Any:
        """The weights that the core multiplies losses by: those of compute_loss are multiplied there."""
        return weights if self.computed is None else None

    def batch_values(
        self, result: BatchResult, targets: list[np.ndarray], weights: Any, count: int
    ) -> list[Any]:
        """Loss and metrics of a single batch of `count` examples, in the order of `names`."""
        if self.simple:
            losses, _, correct, _, penalty, masks = result
            values = [losses[0] + penalty]
            for meter in self.meters:
                values.append(correct[0] / max(1, meter.answers(targets, masks, count)))
            return values
        tally = self.tally()
        tally.add(result, targets, weights, count)
        return tally.values()

    def named(self, values: list[Any]) -> dict[str, Any]:
        """These by name, sorted as Keras does."""
        return dict(sorted(zip(self.names, map(plain_value, values), strict=True), key=lambda pair: pair[0]))

    def tally(self) -> Tally:
        """A new count of losses and metrics."""
        return Tally(self)

    def to_store(self) -> tuple[dict[str, Any] | None, list[str]]:
        """What a file keeps (None where it cannot hold a loss), and why it leaves something out."""
        return compile_settings.settings_to_store(self)

    def own_objects(self) -> dict[str, Any]:
        """The classes and functions of the user that `to_store` names."""
        return compile_settings.own_objects(self)


def _checked_weight(weight: Any) -> float:
    return float(finite_number("loss_weights", weight, least=0))


class Compilation:
    """What `compile` of a model was given; resolved against the outputs when these are known."""

    _model = Unkept()

    def __init__(self, model: Any) -> None:
        self._model = model
        self.optimizer: Optimizer | None = None
        self.compiled: Compiled | None = None
        """None before `compile`, and until somebody asks with `settle` after outputs or settings changed."""
        self.given: dict[str, Any] | None = None
        """The arguments of `Compiled`; None before `compile`."""

    def set(self, optimizer: Optimizer, loss: Any, **settings: Any) -> None:
        """Other settings; ValueError for unknown names, and then those before stay."""
        given = {"optimizer": optimizer, "loss": loss, **settings}
        compiled = None
        if self._model.built:
            compiled = self._resolved(given)
        else:  # outputs are not known yet: check what can be checked without them
            check_losses(loss)
        self.given, self.optimizer, self.compiled = given, optimizer, compiled

    def _resolved(self, given: dict[str, Any]) -> Compiled:
        computed = ComputedLoss(self._model) if computes_loss(self._model) else None
        keys = self._model.output_keys
        return Compiled(outputs=self._model.outputs, output_keys=keys, computed=computed, **given)

    def settle(self) -> Compiled:
        """The settings resolved against the outputs."""
        if self.compiled is None:
            if self.given is None:
                raise RuntimeError("unreachable: compile() was checked before")
            self.compiled = self._resolved(self.given)
        return self.compiled

    def from_file(self, stored: dict[str, Any]) -> dict[str, Any]:
        """The arguments of `compile` from what `to_store` gave."""
        return compile_settings.settings_from_file(stored, len(self._model.outputs))

    def forget(self) -> None:
        """Resolves the settings anew when they are next needed: for other outputs."""
        self.compiled = None

    def require(self, method: str) -> None:
        """ValueError that names `method` before `compile`."""
        if self.given is None:
            raise ValueError(
                f"You must call compile() before {method}(), as model.compile(optimizer='adam', "
                "loss='binary_crossentropy')"
            )
        if method != "compute_loss" and computes_loss(self._model):
            return
        loss = self.given["loss"]
        parts = (
            loss.values() if isinstance(loss, dict) else loss if isinstance(loss, (list, tuple)) else [loss]
        )
        model = self._model
        adds = method != "compute_loss" and (model.added if model.built else model.traces)
        if all(part is None for part in parts) and not adds:
            raise ValueError(f"{method}() needs a loss: give `loss` to compile(). Received: loss={loss!r}")
