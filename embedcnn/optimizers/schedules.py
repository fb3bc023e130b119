"""Learning rates that follow the step, by Keras's names: give one as `learning_rate` of an optimizer.

The step counts training steps from 0 (those that only accumulate gradients too, as in Keras). Schedules are
stored in files and go on after loading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


class LearningRateSchedule:
    """The base of schedules: `schedule(step)` gives the learning rate. As
    keras.optimizers.schedules.LearningRateSchedule.

    A subclass of one's own works in an optimizer; a file keeps its present value only.
    """

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """The schedule of a configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class _Decay(LearningRateSchedule):
    """What decays over `decay_steps` share."""

    def __init__(self, initial_learning_rate: float, decay_steps: float, name: str) -> None:
        self.initial_learning_rate = _at_least_zero("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _above_zero("decay_steps", decay_steps)
        self.name = name


class _RateDecay(_Decay):
    """Decays at a rate, in steps with `staircase`."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, name or type(self).__name__)
        self.decay_rate, self.staircase = _at_least_zero("decay_rate", decay_rate), bool(staircase)

    def _part(self, step: int) -> float:
        part = step / self.decay_steps
        return math.floor(part) if self.staircase else part

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class ExponentialDecay(_RateDecay):
    """initial decay_rate^(step / decay_steps); with `staircase` the exponent is cut to whole numbers. As
    keras.optimizers.schedules.ExponentialDecay.

    Raises ValueError unless `decay_steps` is above 0 and the rates are finite numbers >= 0.

    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate * self.decay_rate ** self._part(step)


class InverseTimeDecay(_RateDecay):
    """initial / (1 + decay_rate step / decay_steps); with `staircase` the quotient is cut to whole numbers.
    As keras.optimizers.schedules.InverseTimeDecay.

    >>> InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10)
    0.05
    """

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate / (1 + self.decay_rate * self._part(step))


class PolynomialDecay(_Decay):
    """From initial to end by (1 - step / decay_steps)^power; with `cycle` again and again over longer spans.
    As keras.optimizers.schedules.PolynomialDecay.

    >>> PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)(5)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, name)
        self.end_learning_rate = _at_least_zero("end_learning_rate", end_learning_rate)
        self.power, self.cycle = _at_least_zero("power", power), bool(cycle)

    def __call__(self, step: int) -> float:
        span = self.decay_steps
        if self.cycle:
            span *= math.ceil(step / span) or 1
        part = min(step, span) / span
        return (self.initial_learning_rate - self.end_learning_rate) * (
            1 - part
        ) ** self.power + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] for the steps up to boundaries[i], the last value after them. As
    keras.optimizers.schedules.PiecewiseConstantDecay.

    Raises ValueError unless there is one value more than boundaries, and the boundaries rise.

    >>> schedule = PiecewiseConstantDecay([10, 20], [0.1, 0.01, 0.001])
    >>> schedule(10), schedule(11), schedule(21)
    (0.1, 0.01, 0.001)
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        boundaries, values = list(boundaries), list(values)
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "`values` must hold one number more than `boundaries`. "
                f"Received: {len(boundaries)} boundaries, {len(values)} values"
            )
        if any(low >= high for low, high in zip(boundaries, boundaries[1:], strict=False)):
            raise ValueError(f"`boundaries` must rise. Received: boundaries={boundaries}")
        self.boundaries = boundaries
        self.values = [_at_least_zero(f"values[{i}]", value) for i, value in enumerate(values)]
        self.name = name

    def __call__(self, step: int) -> float:
        return self.values[sum(step > boundary for boundary in self.boundaries)]

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class CosineDecay(_Decay):
    """From initial to alpha initial along half a cosine (Loshchilov and Hutter 2017). As
    keras.optimizers.schedules.CosineDecay.

    With `warmup_target` the rate first rises in a line from initial to it, in `warmup_steps`, then decays
    from it in `decay_steps`.

    >>> CosineDecay(0.1, decay_steps=10)(5)
    0.05
    >>> CosineDecay(0.0, decay_steps=10, warmup_target=0.1, warmup_steps=4)(2)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, name)
        self.alpha = _at_least_zero("alpha", alpha)
        self.warmup_target = None if warmup_target is None else _at_least_zero("warmup_target", warmup_target)
        self.warmup_steps = _at_least_zero("warmup_steps", warmup_steps)

    def __call__(self, step: int) -> float:
        start = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return (self.warmup_target - start) * (step / self.warmup_steps) + start
            step, start = step - self.warmup_steps, self.warmup_target
        cosine = 0.5 * (1 + math.cos(math.pi * min(step, self.decay_steps) / self.decay_steps))
        return start * ((1 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines that start again, each `t_mul` times as long and `m_mul` times as high as the one before.
    As keras.optimizers.schedules.CosineDecayRestarts.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10, m_mul=0.5)
    >>> schedule(5), schedule(10)
    (0.05, 0.05)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = _at_least_zero("initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = _above_zero("first_decay_steps", first_decay_steps)
        self.t_mul, self.m_mul = _above_zero("t_mul", t_mul), _at_least_zero("m_mul", m_mul)
        self.alpha, self.name = _at_least_zero("alpha", alpha), name

    def __call__(self, step: int) -> float:
        part = step / self.first_decay_steps
        if self.t_mul == 1.0:
            restarts = math.floor(part)
            part -= restarts
        else:
            restarts = math.floor(math.log(1 - part * (1 - self.t_mul)) / math.log(self.t_mul))
            before = (1 - self.t_mul**restarts) / (1 - self.t_mul)
            part = (part - before) / self.t_mul**restarts
        cosine = 0.5 * self.m_mul**restarts * (1 + math.cos(math.pi * part))
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }


CLASSES: dict[str, type[LearningRateSchedule]] = {
    cls.__name__: cls
    for cls in (
        ExponentialDecay,
        InverseTimeDecay,
        PolynomialDecay,
        PiecewiseConstantDecay,
        CosineDecay,
        CosineDecayRestarts,
    )
}


def serialize(schedule: LearningRateSchedule) -> dict[str, Any]:
    """The configuration of a schedule, for `deserialize`."""
    return {"class_name": type(schedule).__name__, "config": schedule.get_config()}


def deserialize(config: dict[str, Any]) -> LearningRateSchedule:
    """The schedule of `serialize`; ValueError for other classes.

    >>> deserialize(serialize(CosineDecay(0.1, 10)))(0)
    0.1
    """
    cls = CLASSES.get(config.get("class_name", ""))
    if cls is None:
        raise ValueError(f"unknown schedule {config.get('class_name')!r}; allowed: {', '.join(CLASSES)}")
    return cls.from_config(config.get("config", {}))


def _at_least_zero(argument: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f"`{argument}` must be a finite number >= 0. Received: {argument}={value!r}")
    return value


def _above_zero(argument: str, value: Any) -> float:
    if _at_least_zero(argument, value) == 0:
        raise ValueError(f"`{argument}` must be above 0. Received: {argument}={value!r}")
    return value
