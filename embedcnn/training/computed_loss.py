"""`compute_loss` of a model of one's own as the loss that it trains on: made of `embedcnn.ops`, run once on
symbolic tensors for each shape, a program of the loss and its gradient in the predictions.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.named_objects import named_object
from ..base.unkept import Unkept
from ..graph import tracing
from ..losses import Loss
from ..losses.base import checked_losses
from ..losses.own_function import TRACED


def computes_loss(model: Any) -> bool:
    """Whether `compute_loss` of a model is to be its loss: overridden, and no step of one's own calls it."""
    owner = next(cls for cls in type(model).__mro__ if "compute_loss" in vars(cls))
    ours = owner.__module__.partition(".")[0] == __name__.partition(".")[0]
    return not ours and "train_step" not in type(model).own_steps


class ComputedLoss(Loss):
    """The `compute_loss` of a model with one output, which decides about weights of examples itself."""

    operation, target = "given_loss", "free"
    model = Unkept()

    def __init__(self, model: Any) -> None:
        super().__init__("compute_loss")
        self.model = model
        self._traced: Any = None
        self._trackers: list[Any] = []

    def of_step(
        self, y: np.ndarray, y_pred: np.ndarray, inputs: Sequence[Any], weight: Any
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The loss of each example, and the gradient in the predictions.

        Raises TypeError where `compute_loss` is not made of operations or returns no tensor.
        """
        plain = all(isinstance(one, np.ndarray) for one in inputs)
        arrays = [np.asarray(y), np.asarray(y_pred), *(inputs if plain else ())]
        count = len(inputs) if plain else 0
        if isinstance(weight, np.ndarray):
            arrays.append(weight)
        self._form = count, len(arrays) > 2 + count
        if self._traced is None:
            self._traced = named_object(TRACED)(self._computed)
        (loss, *values), gradients = self._traced.result_and_gradients(arrays, _of_first)
        learning = {id(one) for one in self.model.trainable_weights}
        for variable in self._traced.variables():
            if id(variable) in learning:
                raise TypeError(
                    f"compute_loss of {type(self.model).__name__} reads {variable.path}, which would not "
                    "learn from it: compute that in `call`, or freeze the layer"
                )
        for tracker, value in zip(self._trackers, values, strict=True):
            tracker.update_state(value)
        what = f"compute_loss of {type(self.model).__name__}"
        return checked_losses(what, (loss, gradients[1]), y_pred.shape, self.reduction)

    def _computed(self, y: Any, y_pred: Any, *more: Any) -> Any:
        """The loss, then what metrics are to count."""
        count, weighted = self._form
        given = {
            "x": more[0] if count == 1 else list(more[:count]) if count else None,
            "y": y,
            "y_pred": y_pred,
            "sample_weight": more[count] if weighted else None,
            "training": True,
        }
        accepted = inspect.signature(self.model.compute_loss).parameters
        anything = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in accepted.values())
        with tracing.counting() as counted, tracing.collecting([]):
            chosen = {name: one for name, one in given.items() if anything or name in accepted}
            loss = self.model.compute_loss(**chosen)
        self._trackers = [metric for metric, _ in counted]
        return [loss, *(values for _, values in counted)]


def _of_first(number: int, out: np.ndarray) -> np.ndarray:
    """What the results' gradients are: the loss alone has one."""
    return np.full_like(out, 1.0 if number == 0 else 0.0)
