"""Optimizers by Keras's names: the settings, and the state of each variable (slots, update count). The core
does the updates.

All take `learning_rate` (alias `lr`): a number, or a function of the step that returns one; it can be set at
any time and holds from the next step. At most one of `clipnorm` (per variable), `global_clipnorm` and
`clipvalue`; norms
are over the coalesced rows of an embedding. `embedding_update="lazy"` (the default) updates only the rows of
a table that
a step touched; "dense" gives Keras's results exactly, at its cost.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .choices import one_of, unknown_name
from .variables import Variable


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
            allowed = [part for part in inspect.signature(type(self)).parameters if part != "options"]
            raise TypeError(
                f"Unknown arguments of {type(self).__name__}: {options}. Allowed: {', '.join(allowed)}, lr"
            )
        self.learning_rate = self._default_rate() if learning_rate is None else learning_rate
        self.weight_decay = _number("weight_decay", 0.0 if weight_decay is None else weight_decay)
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(value is not None for value in clips.values()) > 1:
            raise ValueError(
                f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: {clips}"
            )
        for argument, value in clips.items():
            if value is not None and _number(argument, value) == 0:
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
            value = _number("learning_rate", value)
            self._schedule = None
        self._learning_rate = value

    lr = learning_rate

    def rate(self) -> float:
        """The learning rate of the next step."""
        if self._schedule is None:
            return self._learning_rate
        return _number("learning_rate", self._schedule(self.iterations))

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


class SGD(Optimizer):
    """w -= learning_rate * g; with momentum m: v = m v - learning_rate * g, w += v (nesterov: w += m v -
    learning_rate * g).

    Raises ValueError unless 0 <= momentum <= 1, TypeError for unknown arguments. As keras.optimizers.SGD.

    >>> SGD(lr=0.1, momentum=0.9)
    <SGD learning_rate=0.1, iterations=0>
    """

    core_name = "sgd"
    slot_names = ("momentum",)

    def __init__(
        self,
        learning_rate: Any = None,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        embedding_update: str = "lazy",
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            embedding_update,
            name,
            **options,
        )
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be a number in [0, 1]. Received: momentum={momentum!r}")
        self.momentum, self.nesterov = float(momentum), bool(nesterov)

    def _default_rate(self) -> float:
        return 0.01

    def used_slots(self) -> tuple[str, ...]:
        return self.slot_names if self.momentum else ()

    def core_settings(self) -> dict[str, Any]:
        return {"momentum": self.momentum, "nesterov": self.nesterov, **super().core_settings()}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) with Keras's epsilon, 1e-7, outside the bias correction; `weight_decay` makes
    it AdamW.

    Each variable counts its own updates. Raises ValueError unless 0 <= beta_1, beta_2 < 1 and epsilon > 0,
    TypeError for unknown arguments. As keras.optimizers.Adam.

    >>> Adam(learning_rate=0.002, clipnorm=1.0).rate()
    0.002
    """

    core_name = "adam"
    slot_names = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        embedding_update: str = "lazy",
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            embedding_update,
            name,
            **options,
        )
        for argument, value in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not isinstance(value, (int, float)) or not 0 <= value < 1:
                raise ValueError(f"`{argument}` must be a number in [0, 1). Received: {argument}={value!r}")
        if _number("epsilon", epsilon) == 0:
            raise ValueError(f"`epsilon` must be above 0. Received: epsilon={epsilon!r}")
        self.beta_1, self.beta_2, self.epsilon = float(beta_1), float(beta_2), float(epsilon)

    def core_settings(self) -> dict[str, Any]:
        return {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            **super().core_settings(),
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class AdamW(Adam):
    """Adam with decoupled weight decay, 0.004 unless told otherwise (Loshchilov and Hutter 2019). As
    keras.optimizers.AdamW.

    >>> AdamW().weight_decay
    0.004
    """

    def __init__(self, learning_rate: Any = None, weight_decay: float = 0.004, **options: Any) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)


def _number(argument: str, value: Any) -> float:
    """A finite number >= 0."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.number))
        or not 0 <= value < float("inf")
    ):
        raise ValueError(f"`{argument}` must be a finite number >= 0. Received: {argument}={value!r}")
    return float(value)


CLASSES: dict[str, type[Optimizer]] = {"SGD": SGD, "Adam": Adam, "AdamW": AdamW}
NAMES: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def get(identifier: Any) -> Optimizer:
    """The optimizer of a name, class, configuration or instance; ValueError with a suggestion for unknown
    names.

    >>> get("adam")
    <Adam learning_rate=0.001, iterations=0>
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if inspect.isclass(identifier) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]
    if isinstance(identifier, dict) and identifier.get("class_name") in CLASSES:
        return CLASSES[identifier["class_name"]].from_config(identifier.get("config", {}))
    if isinstance(identifier, str) and identifier.lower() in NAMES:
        return NAMES[identifier.lower()]()  # type: ignore[call-arg]
    raise unknown_name("optimizer", identifier, NAMES)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The configuration of an optimizer, for `get`."""
    return {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}
