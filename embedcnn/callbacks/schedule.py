"""What changes or ends in the course of training: UnfreezeAt, LearningRateScheduler, TerminateOnNaN."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..base.arguments import finite_number, integer, optional, verbosity
from ..base.checked import checked
from ..base.processes import tell
from ..graph.nesting import weight_paths
from .base import Callback, Logs


class UnfreezeAt(Callback):
    """Makes layers trainable from an epoch on (counted from 0), without compiling again; optionally with
    another learning rate.

    `layers`: names or layers; None: all that are frozen when the training begins. Raises ValueError for a
    negative epoch and, when the training begins, for names that the model does not have.

    >>> UnfreezeAt(3, layers=["embedding"], learning_rate=1e-4).epoch
    3
    """

    def __init__(
        self,
        epoch: int,
        layers: Sequence[Any] | Any = None,
        learning_rate: float | None = None,
        lr: float | None = None,
    ) -> None:
        if learning_rate is not None and lr is not None:
            raise TypeError("`lr` is an alias of `learning_rate`: give one of them")
        self.epoch = integer("epoch", epoch, 0)
        for part in layers if isinstance(layers, (list, tuple)) else [layers]:
            if (
                not (part is None and layers is None)
                and not isinstance(part, str)
                and not hasattr(part, "trainable")
            ):
                raise TypeError(f"`layers` must be names or layers, or None. Received: layers={layers!r}")
        self.layers = layers
        argument, rate = ("lr", lr) if learning_rate is None else ("learning_rate", learning_rate)
        self.learning_rate = optional(finite_number, argument, rate, least=0)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.layers is None:
            self._chosen = [layer for layer in self.model.layers if not layer.trainable]
        else:
            given: Sequence[Any] = self.layers if isinstance(self.layers, (list, tuple)) else [self.layers]
            self._chosen = [self.model.get_layer(part) if isinstance(part, str) else part for part in given]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if epoch < self.epoch or not any(not layer.trainable for layer in self._chosen):
            return
        for layer in self._chosen:
            layer.trainable = True
        if self.learning_rate is not None:
            self.model.optimizer.learning_rate = self.learning_rate


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch to `schedule(epoch)` or `schedule(epoch, rate)`.

    Adds `learning_rate` to the logs. Raises TypeError unless `schedule` is a function; ValueError, before the
    epoch, unless it returns a finite number >= 0. As keras.callbacks.LearningRateScheduler.

    >>> LearningRateScheduler(lambda epoch, rate: rate * 0.9).verbose
    0
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"`schedule` must be a function of the epoch. Received: schedule={schedule!r}")
        self.schedule, self.verbose = schedule, verbosity(verbose)
        parameters = inspect.signature(schedule).parameters.values()
        plain = [
            part for part in parameters if part.kind in (part.POSITIONAL_ONLY, part.POSITIONAL_OR_KEYWORD)
        ]
        self._takes_rate = len(plain) > 1 or any(part.kind is part.VAR_POSITIONAL for part in parameters)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        optimizer.learning_rate = (
            self.schedule(epoch, optimizer.rate()) if self._takes_rate else self.schedule(epoch)
        )
        if self.verbose:
            tell(f"\nEpoch {epoch + 1}: LearningRateScheduler sets the rate to {optimizer.rate()}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.rate()


class TerminateOnNaN(Callback):
    """Ends the training after a batch whose loss is NaN or infinite; with `raise_error` by a RuntimeError. As
    keras.callbacks.TerminateOnNaN.

    Says which weight is not finite, of a table which row.

    >>> TerminateOnNaN().raise_error
    False
    """

    @checked
    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            where = _not_finite(self.model)
            if self.raise_error:
                raise RuntimeError(f"Batch {batch}: the loss is {loss}, training is terminated{where}")
            tell(f"Batch {batch}: the loss is {loss}, terminating training{where}")
            self.model.stop_training = True


def _not_finite(model: Any) -> str:
    """The first number that is not finite in the weights that are so, for a message."""
    found = []
    for path, variable in weight_paths(model).items():
        places = np.argwhere(~np.isfinite(variable.numpy()))
        if len(places):
            value = variable.numpy()[tuple(places[0])]
            more = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
            found.append(f"{path}[{', '.join(map(str, places[0]))}] = {value}{more}")
    return f"; not finite: {', '.join(found)}" if found else ""
