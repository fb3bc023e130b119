"""Steps that a subclass of Model overrides: `train_step`, `test_step` and `predict_step`, called with each
batch as (x, y) or (x, y, sample_weight), (x,) in prediction. What is never called is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.unkept import Unkept
from ..graph import tracing
from ..graph.nodes import SymbolicTensor
from ..graph.tracing import leaves
from .computed_loss import OutputLoss, computes_loss
from .running_means import plain_value

if TYPE_CHECKING:
    from .settings import Compiled

STEPS = ("train_step", "test_step", "predict_step")
NEVER_CALLED = {
    "make_train_function": "override `train_step`",
    "make_test_function": "override `test_step`",
    "make_predict_function": "override `predict_step`",
}
CALLED_BY_STEPS = {
    "compute_metrics": "give `compile` metrics",
    "get_metrics_result": "give `compile` metrics",
}
"""What Keras's own train_step calls, and that of this package does not."""


def check_overrides(cls: type, base: type) -> None:
    """TypeError for methods of a subclass of Model that would never be called."""
    refused = dict(NEVER_CALLED)
    if getattr(cls, "train_step", None) is getattr(base, "train_step", None):
        refused |= CALLED_BY_STEPS
    for name, remedy in refused.items():
        if name in vars(cls):
            raise TypeError(f"class {cls.__name__} overrides `{name}`, which would never be called: {remedy}")


def own_step(model: Any, name: str) -> Callable[[Any], Any] | None:
    """The step of this name where the model has another one than Model's, or metrics that its compute_loss
    counts; else None.
    """
    if name in type(model).own_steps or name in vars(model):
        return getattr(model, name)
    if name != "predict_step" and computes_loss(model) and _has_own_metrics(model):
        return functools.partial(_counted_step, model, name == "train_step")
    return None


def _has_own_metrics(model: Any) -> bool:
    owner = next(cls for cls in type(model).__mro__ if "metrics" in vars(cls))
    return owner.__module__.partition(".")[0] != __name__.partition(".")[0]


def _counted_step(model: Any, train: bool, data: Any) -> dict[str, Any]:
    """A step of a model whose compute_loss counts metrics of its own: their results are among the logs."""
    logs = model._loop.default_step(train, data)
    return {**logs, **{metric.name: metric.result() for metric in model.metrics}}


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """x, y and sample_weight of the batch that `train_step` is called with; None for what is not there.

    Raises ValueError for tuples of more than three. As keras.utils.unpack_x_y_sample_weight.

    >>> unpack_x_y_sample_weight(([1, 2], [0, 1]))
    ([1, 2], [0, 1], None)
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "`data` must be x, (x,), (x, y) or (x, y, sample_weight). Received: a "
            f"{type(data).__name__} of {len(data)}"
        )
    return (*data, None, None)[:3]


class OwnTally:
    """The logs of steps that the model overrides, in the place of running_means.Tally: those of the last
    batch, as in Keras, where metrics are running means. They begin anew with each of these.
    """

    _model = Unkept()

    def __init__(self, model: Any, compiled: Compiled, name: str) -> None:
        self._model, self._name = model, name
        self.inner = compiled.tally()  # what Model's own step counts, where the overriding one calls it
        for metric in model.metrics:
            metric.reset_state()
        self._logs: dict[str, Any] = {}

    def take(self, logs: Any, count: int) -> int:
        """Keeps what the step returned for a batch of `count` examples; TypeError unless that is a dict."""
        if not isinstance(logs, Mapping):
            raise TypeError(
                f"{self._name} of {type(self._model).__name__} must return a dict of name to number. "
                f"Received: {type(logs).__name__}"
            )
        self._logs = {str(name): plain_value(_number(value)) for name, value in logs.items()}
        return count

    def logs(self, prefix: str = "") -> dict[str, Any]:
        """The logs by name."""
        return {prefix + name: value for name, value in self._logs.items()}

    glance = logs

    def values(self) -> list[Any]:
        """The logs: those that `metrics_names` lists first, then the others by name."""
        first = [name for name in self._model.metrics_names if name in self._logs]
        return [self._logs[name] for name in [*first, *sorted(set(self._logs).difference(first))]]

    def get_state(self) -> dict[str, np.ndarray]:
        """For a backup: what Model's own step has counted, and the metrics."""
        state = self.inner.get_state()
        state |= {f"logs/{name}": np.asarray(value) for name, value in self._logs.items()}
        for number, metric in enumerate(self._model.metrics):
            for name, value in metric.get_state().items():
                state[f"own/{number}/{name}"] = np.asarray(value)
        return state

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Goes on from a state of `get_state`."""
        self.inner.set_state(state)
        logs = {name.removeprefix("logs/"): v for name, v in state.items() if name.startswith("logs/")}
        self._logs = {name: plain_value(value) for name, value in logs.items()}
        for number, metric in enumerate(self._model.metrics):
            begin = f"own/{number}/"
            metric.set_state({n.removeprefix(begin): v for n, v in state.items() if n.startswith(begin)})


def _number(value: Any) -> Any:
    """A metric's result; else the value."""
    return value.result() if hasattr(value, "result") else value


def _symbolic_loss(model: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
    compiled = model._compilation.settle()
    used = [number for number, loss in enumerate(compiled.given_losses) if loss is not None]
    if not used:
        raise ValueError("compute_loss() needs a loss: give `loss` to compile(). Received: loss=None")
    names, predicted = compiled.output_names, listed_outputs(model, y_pred)
    given = [_per_output(names, used, one) for one in (y, sample_weight)]
    counted, total = tracing.counted(), None
    for number in used:
        target, weight = (parts.get(number) for parts in given)
        if target is None:
            raise ValueError(f"compute_loss() needs the target of output {names[number]!r} in `y`")
        value = compiled.given_losses[number](target, predicted[number], weight)
        if len(used) > 1 and counted is not None:
            counted.append((OutputLoss(number), value))
        value = value * compiled.given_weights[number]
        total = value if total is None else total + value
    for penalty in tracing.penalties():
        total = total + penalty
    return total


def _per_output(names: list[str], used: list[int], value: Any) -> dict[int, Any]:
    """Targets or weights by the number of the output, of a dict, a list, or one for the losses there are."""
    if isinstance(value, dict):
        return {number: value.get(names[number]) for number in used}
    if isinstance(value, (list, tuple)):
        if len(value) not in (len(names), len(used)):
            raise ValueError(f"compute_loss() takes a part for each of {names}. Received: {len(value)}")
        return dict(zip(range(len(names)) if len(value) == len(names) else used, value, strict=True))
    return dict.fromkeys(used, value)


def listed_outputs(model: Any, y_pred: Any) -> list[Any]:
    """Predictions as a list; ValueError unless there is one of each output."""
    keys = model.output_keys or [tensor.name for tensor in model.outputs]
    if isinstance(y_pred, dict):
        if set(y_pred) != set(keys):
            raise ValueError(f"`y_pred` must have the keys {keys}. Received: {sorted(map(str, y_pred))}")
        return [y_pred[key] for key in keys]
    predictions = list(y_pred) if isinstance(y_pred, (list, tuple)) else [y_pred]
    if len(predictions) != len(model.outputs):
        raise ValueError(
            f"`y_pred` must hold the {len(model.outputs)} outputs of the model. Received: {len(predictions)}"
        )
    return predictions


def loss_of(model: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
    """The loss of predictions as `compile` defines it, with the penalties of regularizers."""
    if leaves([y, y_pred], SymbolicTensor):
        return _symbolic_loss(model, y, y_pred, sample_weight)
    compiled, adapter = model._compilation.settle(), model._adapter
    predictions = listed_outputs(model, y_pred)
    targets = adapter.prepare_targets(y)
    weights = adapter.prepare_weights(sample_weight, len(next(one for one in targets if one is not None)))
    total = 0.0
    for position, (number, target) in enumerate(zip(compiled.active, targets, strict=True)):
        weight = weights[position] if isinstance(weights, tuple) else weights
        if (loss := compiled.given_losses[number]) is not None:
            total += compiled.given_weights[number] * float(loss(target, predictions[number], weight))
    penalised = (one for one in model.trainable_weights if one.regularizer is not None)
    return total + sum(float(one.regularizer(one.read())) for one in penalised)
