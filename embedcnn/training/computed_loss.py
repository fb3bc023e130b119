"""`compute_loss` of a model of one's own as the loss that it trains on: made of `embedcnn.ops`, run once on
symbolic tensors for each shape, in training and in evaluation, a program of the loss and its gradient in the
predictions.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..base.named_objects import named_object
from ..base.unkept import Unkept
from ..graph import tracing
from ..graph.nodes import SymbolicTensor
from ..losses import Loss
from ..losses.own_function import TRACED
from .parts import NOTHING, SINGLE, Parts


def computes_loss(model: Any) -> bool:
    """Whether `compute_loss` of a model is to be its loss: overridden, and no step of one's own calls it."""
    owner = next(cls for cls in type(model).__mro__ if "compute_loss" in vars(cls))
    ours = owner.__module__.partition(".")[0] == __name__.partition(".")[0]
    return not ours and "train_step" not in type(model).own_steps


class OutputLoss:
    """Where a traced `compute_loss` puts what the loss of compile says of an output, as into a metric."""

    def __init__(self, number: int) -> None:
        self.number, self.value = number, 0.0

    def update_state(self, value: np.ndarray) -> None:
        self.value = float(value)


class _Form(NamedTuple):
    """Which arrays `compute_loss` is given, and as what."""

    x: Parts | None
    y: Parts
    weights: tuple[bool, ...] | bool  # of each target, or the same of all
    masked: list[bool]
    training: bool

    @property
    def key(self) -> Any:
        x = None if self.x is None else (repr(self.x.form), len(self.x))
        missing = tuple(part is None for part in self.y)
        return x, repr(self.y.form), missing, self.weights, tuple(self.masked), self.training


class _Run:
    """`compute_loss`, traced in one form."""

    model = Unkept()

    def __init__(self, model: Any, form: _Form) -> None:
        self.model, self.form = model, form
        self.traced = named_object(TRACED)(self._computed)
        self.trackers: list[Any] = []

    def _computed(self, *tensors: Any) -> Any:
        """The loss, then what metrics are to count, of targets, predictions, inputs and weights."""
        form, left = self.form, iter(tensors)
        y = form.y.like(None if part is None else next(left) for part in form.y)
        predicted = [next(left) for _ in self.model.outputs]
        apply_mask = named_object("embedcnn.layers:ApplyMask")
        for number, masked in enumerate(form.masked):
            if masked:
                predicted[number] = apply_mask()([predicted[number], next(left)])
        x = None if form.x is None else form.x.like(next(left) for _ in form.x).given()
        given = {
            "x": x,
            "y_pred": self.model._as_outputs(predicted),
            "sample_weight": self._weights(left),
            "training": form.training,
        }
        accepted = inspect.signature(self.model.compute_loss).parameters
        anything = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in accepted.values())
        penalties = [named_object("embedcnn.ops:mean")(next(left))]
        with tracing.counting() as counted, tracing.collecting([]), tracing.penalising(penalties):
            chosen = {name: one for name, one in given.items() if anything or name in accepted}
            with_y = anything or "y" in accepted
            loss = self._loss_of_targets(y, counted, chosen) if with_y else self.model.compute_loss(**chosen)
        if not isinstance(loss, SymbolicTensor):
            simple = loss is None or isinstance(loss, (bool, int, float))
            raise TypeError(
                f"{type(self.model).__name__}.compute_loss must return one tensor made of embedcnn.ops. "
                f"Received: {loss if simple else type(loss).__name__}"
            )
        self.trackers = [metric for metric, _ in counted]
        return [loss, *(values for _, values in counted)]

    def _loss_of_targets(self, y: Parts, counted: list[Any], given: dict[str, Any]) -> Any:
        """What compute_loss gives for targets in the form in which they were given, as in Keras; where it
        reads them in that of the outputs, in that. ValueError where it reads one that is missing.
        """
        names = self.model.output_keys or [tensor.name for tensor in self.model.outputs]
        forms, errors = [y.form], []
        if isinstance(y.form, list) == (self.model.output_keys is None) and len(y) == len(names) > 1:
            forms += [] if y.form in (SINGLE, NOTHING) else [self.model.output_keys or list]
        for form in forms:
            counted.clear()
            try:
                return self.model.compute_loss(y=Parts(y, form).given(), **given)
            except (LookupError, TypeError) as error:
                errors.append(error)
        missing = [number for number, part in enumerate(y) if part is None and y.form is not NOTHING]
        for number, found in itertools.product(missing, errors):
            if found.args[:1] in ((names[number],), (number,)) or "NoneType" in str(found):
                raise ValueError(f"y[{number}] is missing. Received: y[{number}]=None") from found
        raise errors[0]

    def _weights(self, left: Iterator[Any]) -> Any:
        """Weights in the form of the targets, one tensor for all of them where one array was given."""
        form = self.form
        if form.weights is True:
            one = next(left)
            parts = [one] * len(form.y)
        elif form.weights is False or not any(form.weights):
            return None
        else:
            parts = [next(left) if given else None for given in form.weights]
        return form.y.like(parts).given()


class ComputedLoss(Loss):
    """The `compute_loss` of a model, which decides about the weights of examples itself."""

    operation, target = "given_loss", "free"
    model = Unkept()

    def __init__(self, model: Any) -> None:
        super().__init__("compute_loss", "sum")
        self.model = model
        self._runs: dict[Any, _Run] = {}
        self.of_outputs: dict[int, float] = {}
        """What the loss of compile said of each output in the last step, if `compute_loss` asked for it."""

    def of_step(
        self,
        targets: list[Any],
        predictions: Sequence[np.ndarray],
        masks: Sequence[np.ndarray | None],
        inputs: list[Any],
        weight: Any,
        training: bool,
        penalty: float,
    ) -> tuple[list[tuple[np.ndarray, np.ndarray]], float]:
        """For each output losses of its rows, which make the loss in all, and the gradient; and the slope of
        the loss in what penalties add, which the loss holds. `training` is what compute_loss is told.

        Raises TypeError where `compute_loss` is not made of operations or returns no tensor.
        """
        plain = all(isinstance(one, np.ndarray) for one in inputs)
        y = targets if isinstance(targets, Parts) else Parts(targets)
        x = None if not plain else inputs if isinstance(inputs, Parts) else Parts(inputs)
        several = isinstance(weight, tuple)
        weighted = tuple(part is not None for part in weight) if several else weight is not None
        form = _Form(_places(x), _places(y), weighted, [mask is not None for mask in masks], training)
        arrays = [np.asarray(part) for part in y if part is not None]
        first = len(arrays)
        several_outputs = len(predictions) > 1
        names = [f"y[{n}]" if several_outputs else "y" for n, part in enumerate(y) if part is not None]
        arrays += [np.asarray(one) for one in predictions]
        arrays += [np.asarray(mask, np.float32) for mask in masks if mask is not None]
        arrays += inputs if plain else ()
        arrays += [one for one in (weight if several else [weight]) if one is not None]
        arrays.append(np.full((len(predictions[0]), 1), penalty, np.float32))
        run = self._runs.setdefault(form.key, _Run(self.model, form))
        (loss, *values), gradients = run.traced.result_and_gradients(arrays, _mean_of_first, training, names)
        self._refuse_weights(run)
        for tracker, value in zip(run.trackers, values, strict=True):
            tracker.update_state(value)
        self.of_outputs = {one.number: one.value for one in run.trackers if isinstance(one, OutputLoss)}
        shapes = [one.shape[:-1] for one in predictions]
        counts = [
            int(np.prod(shape) if mask is None else mask.sum() * np.prod(shape[2:]))
            for shape, mask in zip(shapes, masks, strict=True)
        ]
        bearer = next((number for number, count in enumerate(counts) if count), 0)
        results = []
        for number, shape in enumerate(shapes):  # the core adds up what stands in the rows that count
            share = float(np.mean(loss)) / max(counts[number], 1) if number == bearer else 0.0
            results.append((np.full(shape, share), gradients[first + number]))
        return results, float(gradients[-1].sum(dtype=np.float64))

    def _refuse_weights(self, run: _Run) -> None:
        learning = {id(one) for one in self.model.trainable_weights}
        for variable in run.traced.variables():
            if id(variable) in learning:
                raise TypeError(
                    f"compute_loss of {type(self.model).__name__} reads {variable.path}, which would not "
                    "learn from it: compute that in `call`, or freeze the layer"
                )


def _places(parts: Any) -> Any:
    """Parts without their arrays: True where there is one."""
    return None if parts is None else parts.like(None if one is None else True for one in parts)


def _mean_of_first(number: int, out: np.ndarray) -> np.ndarray:
    """What the results' gradients are: the loss alone has one, and one of several numbers is their mean."""
    return np.full_like(out, 1.0 / max(out.size, 1) if number == 0 else 0.0)
