"""What `compile` was given, to config.json and back.

Metrics, losses, optimizers and schedules of the user are kept by name: the file holds that of the class or
function, load_model is given the object itself. What has no name to be found by is left out, with a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import losses, metrics, optimizers
from ..base.stored_objects import objects_of
from ..optimizers import schedules

if TYPE_CHECKING:
    from .settings import Compiled


class _Lost(list[str]):
    """Why parts of the settings are not in the file."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}

    def keeps(self, thing: Any, classes: dict[str, Any]) -> None:
        """Notes the names of a thing; ValueError where one is that of another thing."""
        found = objects_of(thing, classes)
        for name, own in found.items():
            if self.named.get(name, own) is not own:
                raise ValueError(f"two different things are called {name!r}, and a file keeps the name alone")
        self.named |= found


def settings_to_store(compiled: Compiled) -> tuple[dict[str, Any] | None, list[str]]:
    """What a file keeps (None where it cannot hold a loss), and why it leaves something out."""
    lost = _Lost()
    try:
        for part in compiled.given_losses:
            if part is not None:
                lost.keeps(part, losses.STORED)
        loss = [None if part is None else losses.serialize(part) for part in compiled.given_losses]
    except ValueError as error:
        return None, [f"{error}: compile again after loading"]
    optimizer = optimizers.serialize(compiled.optimizer)
    rate = compiled.optimizer.learning_rate
    if callable(rate) and not isinstance(optimizer["config"].get("learning_rate"), dict):
        lost.append(
            f"the learning rate is a function; kept is its present value, {compiled.optimizer.rate()}"
        )
    return {
        "optimizer": optimizer,
        "loss": loss,
        "loss_weights": compiled.given_weights,
        "metrics": _metrics_to_store(compiled.settings["metrics"], lost),
        "weighted_metrics": _metrics_to_store(compiled.settings["weighted_metrics"], lost),
    }, lost


def _metrics_to_store(group: Any, lost: _Lost) -> Any:
    """Metrics as they were given, in the same lists and dicts, without those that no file can hold."""
    if isinstance(group, (list, tuple)):
        kept = [(part, _metrics_to_store(part, lost)) for part in group]
        return [entry for part, entry in kept if part is None or entry is not None]
    if isinstance(group, dict) and "class_name" not in group:
        return {name: _metrics_to_store(part, lost) for name, part in group.items()}
    if group is None or isinstance(group, str):
        return group
    metric = metrics.get(group)
    try:
        entry = metrics.serialize(metric)
        lost.keeps(metric, metrics.STORED)
    except ValueError as error:
        lost.append(f"{error}: the model is saved without metric {metric.name!r}")
        return None
    return entry


def settings_from_file(stored: dict[str, Any], outputs: int) -> dict[str, Any]:
    """The arguments of `compile`: what the file describes, made of the classes and functions that are known
    now.
    """

    def made(group: Any) -> Any:
        if isinstance(group, list):
            return [made(part) for part in group]
        if isinstance(group, dict) and "class_name" not in group:
            return {name: made(part) for name, part in group.items()}
        return metrics.get(group) if isinstance(group, dict) else group

    loss: Any = [None if part is None else losses.get(part) for part in stored["loss"]]
    weights = stored["loss_weights"]
    return {
        **stored,
        "optimizer": optimizers.get(stored["optimizer"]),
        "loss": loss if outputs != 1 else loss[0],
        "loss_weights": weights if outputs != 1 else weights[0],
        "metrics": made(stored["metrics"]),
        "weighted_metrics": made(stored["weighted_metrics"]),
    }


def own_objects(compiled: Compiled) -> dict[str, Any]:
    """The classes and functions of the user that the stored settings name."""
    rate = compiled.optimizer.learning_rate
    things: list[tuple[Any, dict[str, Any]]] = [(compiled.optimizer, optimizers.CLASSES)]
    if isinstance(rate, schedules.LearningRateSchedule):
        things.append((rate, schedules.CLASSES))
    things += [(part, losses.STORED) for part in compiled.given_losses if part is not None]
    things += [(meter.metric, metrics.STORED) for meter in compiled.meters]
    found: dict[str, Any] = {}
    for thing, classes in things:
        found = {**objects_of(thing, classes), **found}  # of two with one name a file keeps the first
    return {name: own for name, own in found.items() if not name.startswith("<")}
