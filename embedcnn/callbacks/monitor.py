"""Callbacks that watch a value of the logs: EarlyStopping and ReduceLROnPlateau."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..base.arguments import finite_number, integer, one_of, optional, verbosity, warn_user
from ..base.checked import checked
from ..base.processes import tell
from ..graph.variables import assign_all
from .base import Callback, Logs


class Monitor(Callback):
    """The base of callbacks that watch one value of the logs and know which direction is better."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if not isinstance(monitor, str) or not monitor:
            raise ValueError(
                f"`monitor` must be the name of a value of the logs. Received: monitor={monitor!r}"
            )
        self.monitor = monitor
        self.mode = one_of("mode", mode, ("auto", "min", "max"))
        self.min_delta = abs(float(finite_number("min_delta", min_delta)))

    def sign(self) -> int:
        """+1 where larger is better, -1 where smaller is."""
        if self.mode != "auto":
            return 1 if self.mode == "max" else -1
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return -1
        metric = next((metric for metric in self.model.metrics if metric.name == name), None)
        if metric is not None and metric.direction is not None:
            return 1 if metric.direction == "up" else -1
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
        """Whether `value` beats `reference` by more than min_delta; any number beats NaN (not in Keras)."""
        if reference is None:
            return True
        if math.isnan(reference):
            return not math.isnan(value)
        sign = self.sign()
        return bool(np.greater(sign * value - self.min_delta, sign * reference))

    def value(self, logs: Logs | None) -> float | None:
        """The watched value; None, with a warning, where the logs do not hold it. Raises ValueError for a
        metric of several numbers.
        """
        value: Any = (logs or {}).get(self.monitor)
        if np.ndim(value):
            raise ValueError(
                f"{type(self).__name__} watches {self.monitor!r}, which must be one number. Received: "
                f"{len(value)} numbers; give the metric an average"
            )
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

    @checked
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
        self.patience, self.verbose = integer("patience", patience, 0), verbosity(verbose)
        self.baseline = optional(finite_number, "baseline", baseline)
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = integer("start_from_epoch", start_from_epoch, 0)
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

    def get_state(self) -> dict[str, Any]:
        state = {"wait": self.wait, "best": self.best, "best_epoch": self.best_epoch}
        return {**state, "stopped_epoch": self.stopped_epoch, "best_weights": self.best_weights}

    def set_state(self, state: dict[str, Any]) -> None:
        self.wait, self.best, self.best_epoch = state["wait"], state["best"], state["best_epoch"]
        self.stopped_epoch, self.best_weights = state["stopped_epoch"], state["best_weights"]

    def _remember(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:  # frozen tables are shared, not copied
            self.best_weights = [variable.snapshot() for variable in self.model.weights]

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            tell(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                tell(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            both = zip(self.model.weights, self.best_weights, strict=True)
            changed = [(variable, value) for variable, value in both if value is not variable.value]
            assign_all([variable for variable, _ in changed], [value for _, value in changed])


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by `factor` when a value has not improved for `patience` epochs.

    `min_delta` is absolute; after a reduction nothing counts for `cooldown` epochs; the rate never falls
    below `min_lr`. Adds `learning_rate` to the logs. Raises ValueError for a factor of 1 or more. As
    keras.callbacks.ReduceLROnPlateau.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.factor = finite_number("factor", factor, least=0, below=1)
        self.patience, self.verbose = integer("patience", patience, 0), verbosity(verbose)
        self.cooldown = integer("cooldown", cooldown, 0)
        self.min_lr = finite_number("min_lr", min_lr, least=0)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = self.cooldown_counter = 0
        self.best: float | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.rate()
        current = self.value(logs)
        if current is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.better(current, self.best):
            self.best = current
            self.wait = 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def get_state(self) -> dict[str, Any]:
        return {"wait": self.wait, "cooldown_counter": self.cooldown_counter, "best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        self.wait, self.cooldown_counter = state["wait"], state["cooldown_counter"]
        self.best = state["best"]

    def _reduce(self, epoch: int) -> None:
        rate = self.model.optimizer.rate()
        if rate <= self.min_lr:
            return
        self.model.optimizer.learning_rate = max(rate * self.factor, self.min_lr)
        if self.verbose:
            tell(f"\nEpoch {epoch + 1}: ReduceLROnPlateau sets the rate to {self.model.optimizer.rate()}.")
        self.cooldown_counter = self.cooldown
        self.wait = 0
