"""Callbacks: what happens between the steps of `fit`. Names, arguments and rules are Keras's."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .choices import one_of, warn_user

if TYPE_CHECKING:
    from .models import Model

Logs = dict[str, Any]


class Callback:
    """The base of callbacks: override the moments you need; `self.model` and `self.params` are set. As
    keras.callbacks.Callback.
    """

    model: Model
    params: dict[str, Any]

    def set_model(self, model: Model) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, also when an exception ends the training."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before each epoch (counted from 0)."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After each epoch and its validation; `logs` holds the means."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each training step."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each training step; `logs` holds the means of the epoch so far."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before an evaluation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After an evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each batch of an evaluation."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After a prediction."""


MOMENTS = [name for name in vars(Callback) if name.startswith("on_")]


class CallbackList:
    """Calls the callbacks that override a moment; those that do not cost nothing."""

    def __init__(self, callbacks: Any, model: Model, params: dict[str, Any]) -> None:
        self.callbacks = (
            []
            if callbacks is None
            else list(callbacks)
            if isinstance(callbacks, (list, tuple))
            else [callbacks]
        )
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks must hold instances of Callback. Received: {callback!r}")
            callback.set_params(params)
            callback.set_model(model)
        self._of = {moment: [c for c in self.callbacks if _overrides(c, moment)] for moment in MOMENTS}

    def listens(self, moment: str) -> bool:
        """Whether any callback overrides this moment."""
        return bool(self._of[moment])

    def call(self, moment: str, *arguments: Any) -> None:
        """Calls `moment` on all that override it, in order."""
        for callback in self._of[moment]:
            getattr(callback, moment)(*arguments)


def _overrides(callback: Callback, moment: str) -> bool:
    return moment in vars(callback) or getattr(type(callback), moment) is not getattr(Callback, moment)


class History(Callback):
    """`history` (name to list of values), `epoch`, `params`. As keras.callbacks.History."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        return f"<History epochs={len(self.epoch)}, {', '.join(self.history)}>"


class LambdaCallback(Callback):
    """Functions as a callback: LambdaCallback(on_epoch_end=lambda epoch, logs: ...). As
    keras.callbacks.LambdaCallback.

    Raises TypeError for moments that do not exist.
    """

    def __init__(self, **functions: Callable[..., None] | None) -> None:
        for moment, function in functions.items():
            if moment not in MOMENTS:
                raise TypeError(f"LambdaCallback has no argument {moment!r}; allowed: {', '.join(MOMENTS)}")
            if function is not None:
                setattr(self, moment, function)


class Monitor(Callback):
    """The base of callbacks that watch one value of the logs and know which direction is better."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        self.monitor = monitor
        self.mode = one_of("mode", mode, ("auto", "min", "max"))
        self.min_delta = abs(min_delta)

    def sign(self) -> int:
        """+1 where larger is better, -1 where smaller is."""
        if self.mode != "auto":
            return 1 if self.mode == "max" else -1
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return -1
        metric = next((metric for metric in self.model.metrics if metric.name == name), None)
        lower = name.startswith(("mean_", "mse", "mae")) or "error" in name
        if (
            metric is None
            and not any(part in name for part in ("acc", "auc", "precision", "recall", "f1"))
            and not lower
        ):
            raise ValueError(
                f"monitor={self.monitor!r}: give mode='min' or mode='max', its name does not say which is "
                "better"
            )
        return -1 if lower else 1

    def better(self, value: float, reference: float | None) -> bool:
        """Whether `value` beats `reference` by more than min_delta."""
        if reference is None:
            return True
        sign = self.sign()
        return bool(np.greater(sign * value - self.min_delta, sign * reference))

    def value(self, logs: Logs | None) -> float | None:
        """The watched value; None, with a warning, where the logs do not hold it."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            known = ", ".join(logs or {})
            warn_user(
                f"{type(self).__name__} watches {self.monitor!r}, which is not available. Available: {known}"
            )
        return value


class EarlyStopping(Monitor):
    """Stops the training when a value has not improved for `patience` epochs. As
    keras.callbacks.EarlyStopping.

    An improvement is one by more than `min_delta`; waiting starts anew only if `baseline` is beaten too. With
    `restore_best_weights` the best epoch's weights are put back at the end, stopped or not. Raises ValueError
    for an unknown `mode` and, in mode "auto", for values whose name does not say which direction is better.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if isinstance(patience, bool) or not isinstance(patience, (int, np.integer)) or patience < 0:
            raise ValueError(f"`patience` must be an integer >= 0. Received: patience={patience!r}")
        self.patience, self.verbose, self.baseline = int(patience), verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.stopped_epoch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self.value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._remember(epoch)
        self.wait += 1
        if self.better(current, self.best):
            self.best = current
            self._remember(epoch)
            if self.baseline is None or self.better(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _remember(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:  # frozen tables are shared, not copied
            self.best_weights = [variable.snapshot() for variable in self.model.weights]

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            for variable, value in zip(self.model.weights, self.best_weights, strict=True):
                if value is not variable.value:
                    variable.assign(value)


class ModelCheckpoint(Monitor):
    """Saves the model after each epoch, or after `save_freq` batches. As keras.callbacks.ModelCheckpoint, any
    file name.

    `filepath` may hold {epoch} and names of the logs, as "{epoch:02d}-{val_loss:.2f}.keras". Files appear
    whole or not at all. With `save_best_only` a file is written only when the watched value improves (or,
    with a warning,
    when it is missing). Raises ValueError for a `save_freq` other than "epoch" or a positive integer.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        if save_freq != "epoch" and (
            isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1
        ):
            raise ValueError(
                f"`save_freq` must be 'epoch' or a positive integer. Received: save_freq={save_freq!r}"
            )
        self.filepath = os.fspath(filepath)
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.save_freq, self.best = save_freq, initial_value_threshold
        self._batches = self._epoch = 0
        if save_freq == "epoch":
            self.on_train_batch_end = super().on_train_batch_end  # type: ignore[method-assign]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self.save_freq != "epoch" and self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._epoch, {"batch": batch + 1, **(logs or {})})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: Logs) -> None:
        if self.save_best_only:
            current = self.value(logs)
            if current is not None:
                if not self.better(current, self.best):
                    if self.verbose:
                        print(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
                    return
                self.best = current
        try:
            path = self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            raise KeyError(
                f"filepath={self.filepath!r} names {error}, which the logs do not hold. Available: epoch, "
                f"{', '.join(logs)}"
            ) from None
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: saved the model to {path}")


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
        if isinstance(epoch, bool) or not isinstance(epoch, (int, np.integer)) or epoch < 0:
            raise ValueError(f"`epoch` must be an integer >= 0. Received: epoch={epoch!r}")
        if learning_rate is not None and lr is not None:
            raise TypeError("`lr` is an alias of `learning_rate`: give one of them")
        self.epoch = int(epoch)
        self.layers = layers
        self.learning_rate = lr if learning_rate is None else learning_rate

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.layers is None:
            self._chosen = [layer for layer in self.model.layers if not layer.trainable]
        else:
            given = self.layers if isinstance(self.layers, (list, tuple)) else [self.layers]
            self._chosen = [self.model.get_layer(part) if isinstance(part, str) else part for part in given]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if epoch < self.epoch or not any(not layer.trainable for layer in self._chosen):
            return
        for layer in self._chosen:
            layer.trainable = True
        if self.learning_rate is not None:
            self.model.optimizer.learning_rate = self.learning_rate
