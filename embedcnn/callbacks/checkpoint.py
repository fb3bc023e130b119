"""ModelCheckpoint: files while training."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..base.arguments import finite_number, verbosity, warn_user
from ..base.checked import checked
from .base import Logs, checked_save_freq
from .monitor import Monitor


class ModelCheckpoint(Monitor):
    """Saves the model after each epoch, or after `save_freq` batches. As keras.callbacks.ModelCheckpoint, any
    file name.

    `filepath` may hold {epoch} and names of the logs, as "{epoch:02d}-{val_loss:.2f}.keras". Files appear
    whole or not at all; with `save_freq` in batches the names may hold {batch} too. With `save_best_only` a
    file is written only when the watched value beats the best so far, at first `initial_value_threshold` (or,
    with a warning, when it is missing). Raises ValueError for a `save_freq` other than "epoch" or a positive
    integer, KeyError for a name that the logs do not hold.
    """

    writes = True

    @checked
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
        save_freq = checked_save_freq(save_freq)
        if not os.fspath(filepath):
            raise ValueError(f"`filepath` must be a path. Received: filepath={filepath!r}")
        self.filepath = os.fsdecode(filepath)
        self.verbose = verbosity(verbose)
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq = save_freq
        self.best = (
            None
            if initial_value_threshold is None
            else finite_number("initial_value_threshold", initial_value_threshold)
        )
        self._batches = self._epoch = 0
        if save_freq == "epoch":
            self.ignored = ("on_train_batch_end",)

    def get_state(self) -> dict[str, Any]:
        return {"batches": self._batches, "epoch": self._epoch, "best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        self._batches, self._epoch, self.best = state["batches"], state["epoch"], state["best"]

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
            current = self._scalar(logs)
            if current is not None:
                if not self.better(current, self.best):
                    if self.verbose:
                        print(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
                    return
                self.best = current
        path = self._path(epoch, logs)
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: saved the model to {path}")

    def _scalar(self, logs: Logs) -> float | None:
        """The watched value; None, with a warning, where there is none or it is not one number."""
        watched: Any = logs.get(self.monitor)
        if np.ndim(watched):
            warn_user(
                f"ModelCheckpoint watches {self.monitor!r}, which is not one number: every file is kept"
            )
            return None
        return self.value(logs)

    def _path(self, epoch: int, logs: Logs) -> str:
        try:
            return self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            raise KeyError(
                f"filepath={self.filepath!r} names {error}, which the logs do not hold. Available: epoch, "
                f"{', '.join(logs)}"
            ) from None
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(
                f"`filepath` must name values of the logs, as '{{epoch:02d}}-{{val_loss:.2f}}'. Received: "
                f"filepath={self.filepath!r} ({error})"
            ) from None
