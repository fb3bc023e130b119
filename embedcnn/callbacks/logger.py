"""CSVLogger: the logs of each epoch as a line of a file."""

from __future__ import annotations

import csv
import os
from typing import Any

import numpy as np

from ..base.checked import checked
from .base import Callback, Logs


class CSVLogger(Callback):
    """Writes epoch and logs to a CSV file, one line after each epoch, written through at once. As
    keras.callbacks.CSVLogger.

    The columns are those of the first epoch (without validation in it, also val_ of each); what is missing
    later is NA. `append` adds to a file that is there. Raises ValueError unless `separator` is one character.

    >>> CSVLogger("log.csv", separator=";").separator
    ';'
    """

    writes = True

    @checked
    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValueError(f"`separator` must be one character. Received: separator={separator!r}")
        self.filename, self.separator, self.append = os.fspath(filename), separator, append

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._columns: list[str] | None = None
        self._length: int | None = None  # of a file that a restart goes on with

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        new = self._columns is None
        if self._columns is None:
            self._columns = sorted(logs)
            if not any(name.startswith("val_") for name in logs):
                self._columns += [f"val_{name}" for name in self._columns]
        if self._length is not None and os.path.exists(self.filename):
            os.truncate(self.filename, self._length)  # what a killed run wrote after its backup
        begins = new and not (
            self.append and os.path.exists(self.filename) and os.path.getsize(self.filename)
        )
        with open(self.filename, "w" if new and not self.append else "a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if begins:
                writer.writerow(["epoch", *self._columns])
            writer.writerow([epoch, *(_cell(logs.get(name, "NA")) for name in self._columns)])
        self._length = os.path.getsize(self.filename)

    def get_state(self) -> dict[str, Any]:
        return {"columns": self._columns, "length": self._length}

    def set_state(self, state: dict[str, Any]) -> None:
        self._columns, self._length = state["columns"], state["length"]


def _cell(value: Any) -> Any:
    """An array in brackets, as Keras writes it."""
    if isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value):
        return f'"[{", ".join(map(str, np.asarray(value).tolist()))}]"'
    return value
