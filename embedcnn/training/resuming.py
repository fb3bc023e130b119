"""A training that was killed goes on: what a backup holds beside the model, written and read.

A backup is a saved model with two more members: training.json (where the training is, the means so far, the
state of the callbacks) and training.safetensors (weights that callbacks keep, states of stateful layers). The
same script then gives the same bits as though it had not been killed: the order of the data, dropout and
schedules depend on counters that are saved.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.configuration import described
from ..base.processes import is_first, present
from ..base.replacement import replacing
from ..graph.nesting import carried_states, leaf_layers
from ..saving import archive, model_file
from .running_means import Tally

if TYPE_CHECKING:
    from ..callbacks import Callback
    from ..models.sequential import Model


@dataclass
class Run:
    """Where `fit` is: the next epoch and batch, the means so far, and what else belongs to it."""

    model: Model
    feed: Any
    callbacks: list[Callback]
    epoch: int
    batch: int = 0
    taken: int = 0
    """Batches of the epochs before."""
    tally: Tally | None = None
    complete: bool = False
    """Whether it came to its end, not to an exception."""
    means: dict[str, np.ndarray] | None = None
    """The means with which the first epoch after a restart goes on."""

    def take_means(self) -> dict[str, np.ndarray] | None:
        """The means to go on with, once."""
        means, self.means = self.means, None
        return means

    def write(self, path: str) -> None:
        """Writes a backup of the training, which appears whole or not at all."""
        write_backup(self.model, self, path)

    def read(self, path: str) -> dict[str, bytes]:
        """The members of a backup, for `restore`; ValueError where it is damaged."""
        return read_backup(path)

    def of_first(self, read: Callable[[], dict[str, bytes] | None]) -> dict[str, bytes] | None:
        """What `read` gives; of processes that train together the first alone reads, for all."""
        others = present()
        return read() if others is None else others.of_first_members(read)

    def restore(self, members: dict[str, bytes], label: str) -> None:
        """Puts the training into the state of a backup; ValueError where it is of another one."""
        restore_run(self.model, self, members, label)


def write_backup(model: Model, run: Run, path: str) -> None:
    """Writes model and run to a file, which appears whole or not at all; of several processes the first."""
    means = _means(run)
    if not is_first():
        return
    tensors: dict[str, np.ndarray] = {}
    states = [
        {"class_name": type(callback).__name__, "state": _packed(callback.get_state(), f"{number}", tensors)}
        for number, callback in enumerate(run.callbacks)
    ]
    training = {
        "epoch": run.epoch,
        "batch": run.batch,
        "means": {name: np.asarray(value).tolist() for name, value in means.items()},
        "callbacks": states,
        "trainable": [layer.trainable for layer in leaf_layers(model.layers)],
        "optimizer": described(model.optimizer),
        "first_pass": run.feed.first_pass,
        "taken": run.taken,
    }
    for number, state in enumerate(carried_states(model)):
        tensors[f"states/{number}"] = state.value
    members = model_file.members_of(model)
    members["training.json"] = json.dumps(training).encode()
    members["training.safetensors"] = tensors
    with replacing(path, True) as file:
        archive.write_archive(file, members)


def _means(run: Run) -> dict[str, np.ndarray]:
    """The means so far, and with other processes the moving statistics, of all of them."""
    others = present()
    if others is not None:
        others.settle_statistics(run.model)
        return others.summed(run.tally) if run.batch else {}
    return run.tally.get_state() if run.batch and run.tally is not None else {}


def read_backup(path: str) -> dict[str, bytes]:
    """The members of a backup; ValueError where it is damaged."""
    label = f"{path!r}"
    with open(path, "rb") as file:
        members = archive.read_archive(file, label)
    if "training.json" not in members or "training.safetensors" not in members:
        raise ValueError(f"{label} is a saved model, not a backup of a training")
    return members


def restore_run(model: Model, run: Run, members: dict[str, bytes], label: str) -> None:
    """Puts model and run into the state of a backup; ValueError where it is of another training."""
    training = archive.parse_json(members["training.json"], f"{label}: training.json")
    what = f"{label}: training.safetensors"
    tensors = archive.read_tensors(members["training.safetensors"], what, archive.OF_WEIGHTS)
    layers = list(leaf_layers(model.layers))
    if len(training["trainable"]) != len(layers):
        raise ValueError(f"{label} does not fit the model: it has {len(training['trainable'])} layers")
    model_file.restore_training(model, members, training["optimizer"], label)
    for layer, trainable in zip(layers, training["trainable"], strict=True):
        if layer.trainable != trainable:
            layer.trainable = trainable
    _restore_carried_states(model, tensors, label)
    _restore_callbacks(run.callbacks, training["callbacks"], tensors)
    run.epoch, run.batch, run.taken = training["epoch"], training["batch"], training["taken"]
    means = {name: np.array(value) for name, value in training["means"].items()}
    if not is_first():  # they are those of all
        means = {name: np.zeros_like(value) for name, value in means.items()}
    run.means = means if run.batch else None
    run.feed.go_on(model.seed, training["first_pass"], run.taken)


def _restore_callbacks(
    callbacks: list[Callback], saved: list[dict[str, Any]], tensors: dict[str, np.ndarray]
) -> None:
    """Each callback goes on from the state of the next one of its class; others begin, as in Keras: what
    stopped the training is seldom there again.
    """
    left = list(enumerate(saved))
    for callback in callbacks:
        for place, (number, entry) in enumerate(left):
            if entry["class_name"] == type(callback).__name__:
                callback.set_state(_unpacked(entry["state"], f"{number}", tensors))
                del left[place]
                break


def _restore_carried_states(model: Model, tensors: dict[str, np.ndarray], label: str) -> None:
    """Puts back what stateful layers carried; ValueError where the model has other ones."""
    states = {f"states/{number}": state for number, state in enumerate(carried_states(model))}
    stored = {name: array.shape for name, array in tensors.items() if name.startswith("states/")}
    own = {name: state.shape for name, state in states.items()}
    if stored != own:
        raise ValueError(
            f"{label} does not fit the model: the states of its stateful layers have the shapes "
            f"{list(stored.values())}, those of the model {list(own.values())}"
        )
    for name, state in states.items():
        state.assign(tensors[name])


def _packed(state: dict[str, Any], prefix: str, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """A state as JSON; lists of arrays go to `tensors` and leave their number."""
    packed: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, list) and value and all(isinstance(part, np.ndarray) for part in value):
            for number, part in enumerate(value):
                tensors[f"{prefix}/{name}/{number}"] = part
            packed[name] = {"arrays": len(value)}
        else:
            packed[name] = {"value": _plain(value)}
    return packed


def _plain(value: Any) -> Any:
    """A value as JSON takes it: NumPy numbers and arrays as numbers and lists."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _unpacked(state: dict[str, Any], prefix: str, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    return {
        name: entry["value"]
        if "value" in entry
        else [np.array(tensors[f"{prefix}/{name}/{number}"]) for number in range(entry["arrays"])]
        for name, entry in state.items()
    }
