"""Optimizer, the base of all: learning rate, clipping, weight decay, and the state of each variable."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..choices import one_of
from ..variables import Variable


class VariableState:
    """What an optimizer keeps for one variable: its slots and how many updates it has had."""

    __slots__ = ("slots", "steps")

    def __init__(self, slots: list[np.ndarray], steps: int = 0) -> None:
        self.slots = slots
        self.steps = np.array([steps], np.int64)


class Optimizer:
    """The base of the optimizers: learning rate, clipping, weight decay, and the state of the variables."""

    core_name = ""
    slot_names: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        embedding_update: str = "lazy",
        name: str | None = None,
        **options: Any,
    ) -> None:
        if "lr" in options:
            if learning_rate is not None:
                raise TypeError(
                    f"`lr` is an alias of `learning_rate`: give one of them. "
                    f"Received: lr={options['lr']!r}, learning_rate={learning_rate!r}"
                )
            learning_rate = options.pop("lr")
        if options:
            own = [*inspect.signature(type(self)).parameters, *inspect.signature(Optimizer).parameters, "lr"]
            allowed = [name for name in dict.fromkeys(own) if name != "options"]
            raise TypeError(
                f"Unknown arguments of {type(self).__name__}: {options}. Allowed: {', '.join(allowed)}"
            )
        self.learning_rate = self._default_rate() if learning_rate is None else learning_rate
        self.weight_decay = number("weight_decay", 0.0 if weight_decay is None else weight_decay)
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(value is not None for value in clips.values()) > 1:
            raise ValueError(
                f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: {clips}"
            )
        for argument, value in clips.items():
            if value is not None and number(argument, value) == 0:
                raise ValueError(f"`{argument}` must be above 0 or None. Received: {argument}={value!r}")
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.embedding_update = one_of("embedding_update", embedding_update, ("lazy", "dense"))
        self.name = name or type(self).__name__.lower()
        self.iterations = 0
        self.states: dict[Variable, VariableState] = {}

    def _default_rate(self) -> float:
        return 0.001

    @property
    def learning_rate(self) -> Any:
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value):
            self._schedule: Callable[[int], float] | None = value
        else:
            value = number("learning_rate", value)
            self._schedule = None
        self._learning_rate = value

    lr = learning_rate

    def rate(self) -> float:
        """The learning rate of the next step."""
        if self._schedule is None:
            return self._learning_rate
        return number("learning_rate", self._schedule(self.iterations))

    def state(self, variable: Variable) -> VariableState:
        """The state of a variable, made (zeros) when first asked for."""
        state = self.states.get(variable)
        if state is None:
            slots = [np.zeros(variable.shape, np.float32) for _ in self.used_slots()]
            state = self.states[variable] = VariableState(slots)
        return state

    def used_slots(self) -> tuple[str, ...]:
        """The names of the slots that the settings need."""
        return self.slot_names

    def core_settings(self) -> dict[str, Any]:
        """The settings in the form of `Program.set_optimizer`."""
        return {
            "weight_decay": float(self.weight_decay),
            "clipnorm": float(self.clipnorm or 0.0),
            "global_clipnorm": float(self.global_clipnorm or 0.0),
            "clipvalue": float(self.clipvalue or 0.0),
            "embedding_update": self.embedding_update,
        }

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; a learning-rate function is given by its present value."""
        rate = self.rate()
        return {
            "learning_rate": rate,
            "weight_decay": self.weight_decay or None,
            "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue,
            "global_clipnorm": self.global_clipnorm,
            "embedding_update": self.embedding_update,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        """A new optimizer of this configuration, without state."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} learning_rate={self.learning_rate}, iterations={self.iterations}>"


def number(argument: str, value: Any) -> float:
    """A finite number >= 0."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.number))
        or not 0 <= value < float("inf")
    ):
        raise ValueError(f"`{argument}` must be a finite number >= 0. Received: {argument}={value!r}")
    return float(value)


def fraction(argument: str, value: Any) -> float:
    """A number in [0, 1)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"`{argument}` must be a number in [0, 1). Received: {argument}={value!r}")
    return float(value)


def above_zero(argument: str, value: Any) -> float:
    """A finite number > 0."""
    if number(argument, value) == 0:
        raise ValueError(f"`{argument}` must be above 0. Received: {argument}={value!r}")
    return float(value)
