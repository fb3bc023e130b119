"""PruningCallback: tells a trial of Optuna of each epoch, and ends those that fall behind the others.

For `fit` of any model. Optuna is asked for when a trial is to end, never at import.
"""

from __future__ import annotations

from typing import Any

from ..base.arguments import positive_integer, warn_user
from ..callbacks import Callback


class PruningCallback(Callback):
    """Reports a value of the logs to an Optuna trial after each epoch; ends the training by
    `optuna.TrialPruned` where the study's pruner says so. As optuna_integration.KerasPruningCallback.

    `monitor`: the name of the value, in the direction of the study; where the logs lack it, a warning.
    `interval`: reports every so many epochs. Raises TypeError for what is no trial.

    >>> class Trial:  # as optuna gives one to an objective
    ...     def report(self, value, step):
    ...         print(step, round(value, 2))
    ...     def should_prune(self):
    ...         return False
    >>> import embedcnn, numpy as np
    >>> dense = embedcnn.layers.Dense(1, kernel_initializer="zeros")
    >>> model = embedcnn.Sequential([embedcnn.Input((1,)), dense])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=2, verbose=0,
    ...                     callbacks=[PruningCallback(Trial(), "loss")])
    0 1.0
    1 0.92
    """

    def __init__(self, trial: Any, monitor: str = "val_loss", interval: int = 1) -> None:
        if not hasattr(trial, "report") or not hasattr(trial, "should_prune"):
            raise TypeError(f"`trial` must be a trial of Optuna. Received: {type(trial).__name__}")
        if not isinstance(monitor, str) or not monitor:
            raise ValueError(f"`monitor` must be the name of a value of the logs. Received: {monitor!r}")
        self.trial, self.monitor = trial, monitor
        self.interval = positive_integer("interval", interval)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if (epoch + 1) % self.interval:
            return
        value = (logs or {}).get(self.monitor)
        if value is None:
            known = ", ".join(logs or {}) or "nothing"
            warn_user(f"PruningCallback: the logs have no {self.monitor!r}; they have {known}")
            return
        self.trial.report(float(value), step=epoch)
        if self.trial.should_prune():
            from optuna import TrialPruned  # the extra `tune`

            raise TrialPruned(f"ended after epoch {epoch + 1}: {self.monitor} {float(value):.4g}")
