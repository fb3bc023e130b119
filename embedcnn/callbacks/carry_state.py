"""CarryState: training on texts that are longer than a window (truncated backpropagation through time)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.arguments import finite_number, positive_integer
from ..base.processes import refuse
from ..base.random_seeds import generator
from ..graph.variables import Variable
from .base import Callback, Logs


class CarryState(Callback):
    """The recurrent layers go on, in each batch, where the batch before ended: row b of a batch continues row
    b of the batch before. The states are zeros when an epoch, or an evaluation, begins; gradients stay within
    a batch (truncated backpropagation through time).

    For `fit(..., shuffle=False, batch_size=batch_size)`, on a number of examples that it divides; see
    language_model.text_streams. What LSTM(stateful=True) with reset_state() per epoch does, for any model of
    layers that read forwards; the model itself stays as it is. Backups keep the states.

    `reset_rate`: the share of rows that begin with zeros all the same, other ones in each training step,
    decided by the model's seed: a model that has hardly seen a beginning is bad at them (Melis and others
    2018 take 0.01). Raises ValueError for a `batch_size` that is no positive integer and a `reset_rate`
    outside [0, 1), and in `fit` for layers that read backwards.

    >>> CarryState(64).batch_size
    64
    """

    def __init__(self, batch_size: int, reset_rate: float = 0.0) -> None:
        self.batch_size = positive_integer("batch_size", batch_size)
        self.reset_rate = float(finite_number("reset_rate", reset_rate, least=0, below=1))
        if not reset_rate:
            self.ignored = ("on_train_batch_begin",)
        self._states: dict[str, list[Variable]] = {}
        self._restored: list[np.ndarray] = []
        self._training = False

    def take(self, kind: str, states: list[Variable]) -> None:
        """Called by the model when it has made a program of this kind, with the states that it carries."""
        before = [state.value for state in self._states.get(kind, [])]
        self._states[kind] = states
        if kind == "train" and self._restored:
            before, self._restored = self._restored, []
        if before:
            for state, value in zip(states, before, strict=True):
                state.assign(value)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        refuse("CarryState", "the states of a row lie on the rank that had it; train on windows in any order")
        self._training = True
        self._hold(self)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._restored = []
        self._reset("train")

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        drawn = generator(self.model.seed, self.model.optimizer.steps).random(self.batch_size)
        rows = drawn < self.reset_rate
        if "train" not in self._states:  # the first batch behind a restart
            self.model._programs.ready("train")
        for state in self._states["train"]:
            state.value[rows] = 0.0

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._training = False
        self._hold(None)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        refuse("CarryState", "the states of a row lie on the rank that had it; evaluate without it")
        if not self._training:
            self._hold(self)
        self._reset("test")

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._hold(None)

    def get_state(self) -> dict[str, Any]:
        return {"states": [state.numpy() for state in self._states.get("train", [])]}

    def set_state(self, state: dict[str, Any]) -> None:
        self._restored = list(state["states"])

    def _hold(self, carrier: CarryState | None) -> None:
        """Lets the programs of the model be made anew, with states or without."""
        self._states = {}
        self.model._programs.carry(carrier)

    def _reset(self, kind: str) -> None:
        for state in self._states.get(kind, []):
            state.value[...] = 0.0
