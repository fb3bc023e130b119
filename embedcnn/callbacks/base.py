"""Callback, the base of all; the list that calls them; History and LambdaCallback."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..base.arguments import positive_integer
from ..base.named_objects import named_object
from ..base.processes import is_first
from ..base.unkept import Unkept

if TYPE_CHECKING:
    from ..models.sequential import Model

Logs = dict[str, Any]


class Callback:
    """The base of callbacks: override the moments you need; `self.model` and `self.params` are set. As
    keras.callbacks.Callback.
    """

    model: Model
    params: dict[str, Any]
    ignored: tuple[str, ...] = ()
    """Moments that an instance does not need although its class overrides them: they then cost nothing."""

    last = False
    """Whether it is called after those that are not."""

    writes = False
    """Whether it only writes files: of processes that train together the first alone calls it."""

    def set_model(self, model: Model) -> None:
        """Called before anything else: the model that is trained."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before anything else: `epochs`, `steps` (None where it is not known) and `verbose`."""
        self.params = params

    def get_state(self) -> dict[str, Any]:
        """What a restarted training must know of the callback, for BackupAndRestore: values that JSON can
        hold, NumPy numbers, lists of arrays (float32 or int64).
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from a state of `get_state`; called after on_train_begin."""

    def resume(self, run: Any) -> None:
        """Called by `fit` once all callbacks have begun: may put the model and `run` (where the training is:
        training/resuming.py) to where a training before has come to.
        """

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, also when an exception ends the training."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before each epoch (counted from 0)."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After each epoch and its validation; `logs` holds the means."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of on_train_batch_begin, called where that is not overridden."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of on_train_batch_end, called where that is not overridden."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each training step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each training step; `logs` holds the means of the epoch so far."""
        self.on_batch_end(batch, logs)

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

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each batch of a prediction; `logs` holds its `outputs`."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After a prediction."""


MOMENTS = [name for name in vars(Callback) if name.startswith("on_")]
OTHER_NAMES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


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
        ordered = sorted(self.callbacks, key=lambda callback: callback.last)
        self._of = {moment: [c for c in ordered if _needs(c, moment)] for moment in MOMENTS}

    def listens(self, moment: str) -> bool:
        """Whether any callback overrides this moment."""
        return bool(self._of[moment])

    def call(self, moment: str, *arguments: Any) -> None:
        """Calls `moment` on all that override it, in order."""
        for callback in self._of[moment]:
            if not callback.writes or is_first():
                getattr(callback, moment)(*arguments)


def checked_save_freq(save_freq: Any) -> Any:
    """ "epoch", or after how many batches; ValueError for anything else."""
    if isinstance(save_freq, str) and save_freq == "epoch":
        return save_freq
    try:
        return positive_integer("save_freq", save_freq)
    except ValueError:
        raise ValueError(
            f"`save_freq` must be 'epoch' or a positive integer. Received: save_freq={save_freq!r}"
        ) from None


def _needs(callback: Callback, moment: str) -> bool:
    if moment in callback.ignored:
        return False
    return _overrides(callback, moment) or _overrides(callback, OTHER_NAMES.get(moment, moment))


def _overrides(callback: Callback, moment: str) -> bool:
    return moment in vars(callback) or getattr(type(callback), moment) is not getattr(Callback, moment)


def _shown(value: Any) -> str:
    if getattr(value, "ndim", 0):  # a metric per class
        return f"[{', '.join(f'{one:.4g}' for one in value.ravel())}]"
    return f"{value:.4g}"


class History(Callback):
    """`history` (name to list of values), `epoch`, `params`. As keras.callbacks.History.

    The model keeps its last History, so that one does not keep the model: `model` raises ReferenceError where
    nothing else does, and is not pickled.
    """

    model = Unkept()

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "model"}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def get_state(self) -> dict[str, Any]:
        return {"history": self.history, "epoch": self.epoch}

    def set_state(self, state: dict[str, Any]) -> None:
        self.history, self.epoch = state["history"], state["epoch"]

    def __repr__(self) -> str:
        ends = ", ".join(
            f"{name} {_shown(values[0])} → {_shown(values[-1])}"
            for name, values in self.history.items()
            if values
        )
        epochs = max(map(len, self.history.values()), default=0)
        return f"<History: {epochs} epoch{'s' * (epochs != 1)}{f', {ends}' if ends else ''}>"

    def plot(self, names: Any = None, axes: Any = None) -> Any:
        """Plots losses and metrics by epoch, with matplotlib (extra `plot`); an Axes for each of `names`. See
        `inspection.plot_history`.
        """
        return named_object("embedcnn.inspection.plots:plot_history")(self, names, axes)

    def _repr_html_(self) -> str:
        """A table of the epochs, for notebooks."""
        names = list(self.history)
        rows = [["epoch", *map(html.escape, names)]]
        for number in range(max(map(len, self.history.values()), default=0)):
            values = (self.history[name] for name in names)
            rows.append([str(number + 1), *(_shown(v[number]) if number < len(v) else "" for v in values)])
        cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table>{cells}</table>"


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
