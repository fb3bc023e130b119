"""BackupAndRestore: a killed training goes on where it was."""

from __future__ import annotations

import os
import shutil
from typing import Any

from ..base.arguments import warn_user
from ..base.checked import checked
from ..base.processes import is_first
from ..base.replacement import remove_stale, replacing
from .base import Callback, Logs, checked_save_freq


class BackupAndRestore(Callback):
    """Writes a backup of the whole training after each epoch, or after `save_freq` batches; `fit` of the
    same script goes on from it, to the same bits. As keras.callbacks.BackupAndRestore.

    The backup holds model, optimizer, the place in the data, the means so far and the state of the other
    callbacks (the waiting of EarlyStopping). Files appear whole or not at all; `double_checkpoint` keeps the
    one before as well. It is removed when the training has come to its end, unless `delete_checkpoint` is
    False; then the next `fit` goes on from there. A generator must give the same batches again; numbered
    passes of a Dataset do. Raises ValueError for an empty `backup_dir` and a `save_freq` other than "epoch"
    or a positive integer.

    >>> BackupAndRestore("backup", save_freq=100).save_freq
    100
    """

    last = True  # it saves what the others have done

    @checked
    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if not backup_dir:
            raise ValueError(f"`backup_dir` must not be empty. Received: backup_dir={backup_dir!r}")
        save_freq = checked_save_freq(save_freq)
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._batches = 0
        if save_freq == "epoch":
            self.ignored = ("on_train_batch_end",)

    @property
    def path(self) -> str:
        """The file."""
        return os.path.join(self.backup_dir, "latest.backup")

    def resume(self, run: Any) -> None:
        """Goes on from the backup, if there is one."""
        members = run.of_first(lambda: self._read(run))
        if members is not None:
            run.restore(members, f"{self.path!r}")

    def _read(self, run: Any) -> dict[str, bytes] | None:
        paths = [path for path in (self.path, f"{self.path}.bkp") if os.path.exists(path)]
        if not paths:
            return None
        found: dict[str, bytes]
        try:
            found = run.read(paths[0])
        except ValueError as error:
            if len(paths) == 1:
                raise
            warn_user(f"{error}; the backup before it is used")
            found = run.read(paths.pop())
        return found

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self._batches >= int(self.save_freq):
            self._save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save()

    def _save(self) -> None:
        self._batches = 0
        if is_first():
            os.makedirs(self.backup_dir, exist_ok=True)
        if is_first() and self.double_checkpoint and os.path.exists(self.path):
            with open(self.path, "rb") as old, replacing(f"{self.path}.bkp") as file:
                shutil.copyfileobj(old, file)
        self.model.run.write(self.path)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint and self.model.run.complete and is_first():
            self.remove()

    def remove(self) -> None:
        """Removes the backup and what killed trainings left of one, and its folder if nothing else is in
        it.
        """
        for name in (self.path, f"{self.path}.bkp"):
            remove_stale(name)
            if os.path.exists(name):
                os.unlink(name)
        folder = os.path.dirname(self.path)
        if folder and os.path.isdir(folder) and not os.listdir(folder):
            os.rmdir(folder)
