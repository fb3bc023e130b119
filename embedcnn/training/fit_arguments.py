"""Arguments of `fit` that are checked, or turned into what the loop uses, before it begins."""

from __future__ import annotations

from typing import Any

import numpy as np


def positive(argument: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"`{argument}` must be a positive integer. Received: {argument}={value!r}")
    return int(value)


def listed(callbacks: Any) -> list[Any]:
    return (
        [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    )


def check_epochs(epochs: Any, initial_epoch: Any) -> None:
    for argument, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
            raise ValueError(f"`{argument}` must be an integer >= 0. Received: {argument}={value!r}")


def validated(frequency: Any) -> Any:
    """Whether an epoch is validated: every n-th, or those listed (both count from 1)."""
    if isinstance(frequency, (list, tuple, set)):
        return lambda epoch: epoch + 1 in frequency
    every = positive("validation_freq", frequency)
    return lambda epoch: (epoch + 1) % every == 0
