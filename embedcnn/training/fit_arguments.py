"""Arguments of `fit` that are checked, or turned into what the loop uses, before it begins."""

from __future__ import annotations

from typing import Any

from ..base.arguments import integer, positive_integer


def listed(callbacks: Any) -> list[Any]:
    return (
        [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    )


def check_epochs(epochs: Any, initial_epoch: Any) -> None:
    for argument, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        integer(argument, value, 0)


def validated(frequency: Any) -> Any:
    """Whether an epoch is validated: every n-th, or those listed (both count from 1)."""
    if isinstance(frequency, (list, tuple, set)):
        listed = {positive_integer("validation_freq", epoch) for epoch in frequency}
        return lambda epoch: epoch + 1 in listed
    every = positive_integer("validation_freq", frequency)
    return lambda epoch: (epoch + 1) % every == 0
