"""SwapEMAWeights: the moving averages of the optimizer in the place of the weights."""

from __future__ import annotations

from typing import Any

from ..base.checked import checked
from ..graph.variables import set_items
from .base import Callback, Logs


class SwapEMAWeights(Callback):
    """Validates and predicts with the optimizer's moving averages, and trains on with the weights. As
    keras.callbacks.SwapEMAWeights.

    `swap_on_epoch`: the averages stand in the model from the end of an epoch to the beginning of the next,
    so that ModelCheckpoint, if it comes after, saves them. Raises ValueError unless the optimizer has
    `use_ema`.

    >>> SwapEMAWeights().swap_on_epoch
    False
    """

    @checked
    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch

    def _swap(self, wanted: bool) -> None:
        """Puts the averages into the model (or back)."""
        optimizer = self.model.optimizer
        if optimizer is None or not optimizer.use_ema:
            raise ValueError("SwapEMAWeights needs an optimizer with use_ema=True")
        if optimizer.averages_in_model == wanted:
            return
        changes: list[tuple[Any, Any, Any]] = []  # container, key, value: made all at once
        for variable in self.model.trainable_weights:
            state = optimizer.states.get(variable)
            if state is not None and state.average is not None:
                changes += state.changes_of_swap(variable, optimizer.ema_momentum, wanted)
        containers, keys, values = zip(*changes, (vars(optimizer), "averages_in_model", wanted), strict=True)
        set_items(containers, keys, values)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(True)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._swap(False)

    def get_state(self) -> dict[str, Any]:
        return {"swapped": self.model.optimizer.averages_in_model}

    def set_state(self, state: dict[str, Any]) -> None:
        self.model.optimizer.averages_in_model = state["swapped"]
