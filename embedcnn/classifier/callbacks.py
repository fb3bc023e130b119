"""Callbacks of the text classifier's training: the average of the epochs' weights, and its progress bar."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from embedcnn.base.arrays import aligned_zeros
from embedcnn.callbacks import Callback
from embedcnn.training.progress import Bar, described, line, watched

BATCH = 256  # texts at once where nothing is learnt
BLOCK = 1 << 16  # numbers that are averaged at a time: they stay in a core's cache
DECAY = 0.8  # of an epoch's share in the average of the weights


def add_average(total: np.ndarray, value: np.ndarray, average: np.ndarray, share: float) -> None:
    """`total` fades and takes its share of `value`; `average` becomes total / share. Block by block, so that
    tables of 100 MB are read once, and nothing of their size is made beside them.
    """
    scratch = np.empty(BLOCK, np.float32)
    parts = [part.reshape(-1) for part in (total, value, average)]
    for start in range(0, total.size, BLOCK):
        sums, values, means = (part[start : start + BLOCK] for part in parts)
        sums *= DECAY
        sums += np.multiply(values, np.float32(1 - DECAY), out=scratch[: len(values)])
        np.divide(sums, np.float32(share), out=means)


class AveragedTraining(Callback):
    """Judges an average of the epochs' weights on development texts and ends with the best average.

    Averaging (Polyak and Juditsky 1992, here with weights that fade by DECAY an epoch) removes the noise of
    single steps, worth about one point of accuracy on small data. `judge`, a model like the one that is
    trained, holds the average, also after Ctrl-C the best so far; `best_epoch` is 0 where there is none.
    Training stops after `patience` epochs without a smaller loss. Without development texts (`x` None) the
    last average counts as the best.
    """

    def __init__(
        self, judge: Any, x: Any, y: np.ndarray | None, patience: int, weights: np.ndarray | None = None
    ) -> None:
        self.judge, self.x, self.y, self.patience, self.weights = judge, x, y, patience, weights
        self.best_epoch = 0
        self.best_loss = math.inf
        self.best: list[np.ndarray] = []
        self._sums: list[np.ndarray] = []
        self._share = 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        now = [variable.value for variable in self.model.trainable_weights]
        if not self._sums:
            self._sums = [aligned_zeros(value.shape) for value in now]
        self._share = DECAY * self._share + 1 - DECAY
        averages = [variable.own() for variable in self.judge.trainable_weights]
        for total, value, average in zip(self._sums, now, averages, strict=True):
            add_average(total, value, average, self._share)
        if self.x is None:
            self._keep(epoch, 0.0)
            return
        found = self.judge.evaluate(
            self.x, self.y, batch_size=BATCH, sample_weight=self.weights, verbose=0, return_dict=True
        )
        if logs is not None:
            logs.update({f"val_{name}": value for name, value in found.items()})
        if found["loss"] < self.best_loss:
            self._keep(epoch, found["loss"])
        elif epoch + 1 - self.best_epoch >= self.patience:
            self.model.stop_training = True

    def _keep(self, epoch: int, loss: float) -> None:
        self.best_loss, self.best_epoch = loss, epoch + 1
        averages = [variable.value for variable in self.judge.trainable_weights]
        if not self.best:
            self.best = [aligned_zeros(average.shape) for average in averages]
        for best, average in zip(self.best, averages, strict=True):
            best[...] = average

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        for variable, value in zip(self.judge.trainable_weights, self.best, strict=False):
            variable.assign(value)


class TrainingBar(Callback):
    """One progress bar for the whole training, with the means of the last epoch; a line an epoch where nobody
    watches. `name`: of what is trained, before each.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._bar: Bar | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        if watched() != "nobody":
            self._bar = Bar(self.params["epochs"] * self.params["steps"], self._title(0), unit="step")

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self._bar is not None:
            self._bar.rename(self._title(epoch))

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._bar is not None:
            self._bar.update(1)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        known, names = logs or {}, ("loss", "val_accuracy")
        shown: dict[str, float] = {name: known[name] for name in names if name in known}
        if self._bar is not None:
            self._bar.show(shown, "")
        elif sys.stderr is not None:
            print(line(self._title(epoch), described(shown)), file=sys.stderr, flush=True)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._bar is not None:
            self._bar.close()

    def _title(self, epoch: int) -> str:
        return f"{self.name}, epoch {epoch + 1}/{self.params['epochs']}"
