"""Learning rates that follow the step, by Keras's names: give one as `learning_rate` of an optimizer.

The step counts training steps from 0 (those that only accumulate gradients too, as in Keras). Schedules are
stored in files and go on after loading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..base.arguments import finite_number, items, nonempty_text, unknown_name
from ..base.checked import checked
from ..base.configuration import Configurable
from ..base.stored_objects import describe, made_of


class LearningRateSchedule(Configurable):
    """The base of schedules: `schedule(step)` gives the learning rate. As
    keras.optimizers.schedules.LearningRateSchedule.

    A subclass of one's own works in an optimizer; a file keeps its name and `get_config`, so load_model
    needs `custom_objects={name: class}`.
    """

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")


class _Decay(LearningRateSchedule):
    """What decays over `decay_steps` share."""

    def __init__(self, initial_learning_rate: float, decay_steps: float, name: str) -> None:
        self.initial_learning_rate = finite_number("initial_learning_rate", initial_learning_rate, least=0)
        self.decay_steps = finite_number("decay_steps", decay_steps, above=0)
        self.name = nonempty_text("name", name)


class _RateDecay(_Decay):
    """Decays at a rate, in steps with `staircase`."""

    @checked
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, type(self).__name__ if name is None else name)
        self.decay_rate, self.staircase = (
            finite_number("decay_rate", decay_rate, least=0),
            staircase,
        )

    def _part(self, step: int) -> float:
        part = step / self.decay_steps
        return math.floor(part) if self.staircase else part


class ExponentialDecay(_RateDecay):
    """initial decay_rate^(step / decay_steps); with `staircase` the exponent is cut to whole numbers. As
    keras.optimizers.schedules.ExponentialDecay.

    Raises ValueError unless `decay_steps` is above 0 and the rates are finite numbers >= 0.

    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    def __call__(self, step: int) -> float:
        step = finite_number("step", step, least=0)
        return self.initial_learning_rate * self.decay_rate ** self._part(step)


class InverseTimeDecay(_RateDecay):
    """initial / (1 + decay_rate step / decay_steps); with `staircase` the quotient is cut to whole numbers.
    As keras.optimizers.schedules.InverseTimeDecay.

    >>> InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10)
    0.05
    """

    def __call__(self, step: int) -> float:
        step = finite_number("step", step, least=0)
        return self.initial_learning_rate / (1 + self.decay_rate * self._part(step))


class PolynomialDecay(_Decay):
    """From initial to end by (1 - step / decay_steps)^power; with `cycle` again and again over longer spans.
    As keras.optimizers.schedules.PolynomialDecay.

    >>> PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)(5)
    0.05
    """

    @checked
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
        self.end_learning_rate = finite_number("end_learning_rate", end_learning_rate, least=0)
        self.power, self.cycle = finite_number("power", power, least=0), cycle

    def __call__(self, step: int) -> float:
        step = finite_number("step", step, least=0)
        span = self.decay_steps
        if self.cycle:
            span *= math.ceil(step / span) or 1
        part = min(step, span) / span
        return (self.initial_learning_rate - self.end_learning_rate) * (
            1 - part
        ) ** self.power + self.end_learning_rate


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
        boundaries = [
            finite_number(f"boundaries[{i}]", step) for i, step in enumerate(items("boundaries", boundaries))
        ]
        values = items("values", values)
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "`values` must hold one number more than `boundaries`. "
                f"Received: {len(boundaries)} boundaries, {len(values)} values"
            )
        if any(low >= high for low, high in zip(boundaries, boundaries[1:], strict=False)):
            raise ValueError(f"`boundaries` must rise. Received: boundaries={boundaries}")
        self.boundaries = boundaries
        self.values = [finite_number(f"values[{i}]", value, least=0) for i, value in enumerate(values)]
        self.name = nonempty_text("name", name)

    def __call__(self, step: int) -> float:
        step = finite_number("step", step, least=0)
        return self.values[sum(step > boundary for boundary in self.boundaries)]


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
        self.alpha = finite_number("alpha", alpha, least=0)
        self.warmup_target = (
            None if warmup_target is None else finite_number("warmup_target", warmup_target, least=0)
        )
        self.warmup_steps = finite_number("warmup_steps", warmup_steps, least=0)

    def __call__(self, step: int) -> float:
        step = finite_number("step", step, least=0)
        start = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return (self.warmup_target - start) * (step / self.warmup_steps) + start
            step, start = step - self.warmup_steps, self.warmup_target
        cosine = 0.5 * (1 + math.cos(math.pi * min(step, self.decay_steps) / self.decay_steps))
        return start * ((1 - self.alpha) * cosine + self.alpha)


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
        self.initial_learning_rate = finite_number("initial_learning_rate", initial_learning_rate, least=0)
        self.first_decay_steps = finite_number("first_decay_steps", first_decay_steps, above=0)
        self.t_mul, self.m_mul = (
            finite_number("t_mul", t_mul, above=0),
            finite_number("m_mul", m_mul, least=0),
        )
        self.alpha = finite_number("alpha", alpha, least=0)
        self.name = nonempty_text("name", name)

    def __call__(self, step: int) -> float:
        step = finite_number("step", step, least=0)
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
    """The configuration of a schedule, for `deserialize`; ValueError where no file can hold one of the
    user's.
    """
    return describe(schedule, CLASSES, "schedule")


def deserialize(config: dict[str, Any]) -> LearningRateSchedule:
    """The schedule of `serialize`; ValueError for other classes.

    >>> deserialize(serialize(CosineDecay(0.1, 10)))(0)
    0.1
    """
    made = made_of(config, CLASSES, LearningRateSchedule, "a schedule")
    if made is None:
        if not isinstance(config, dict):
            raise TypeError(f"`config` must be a dict as serialize() gives it. Received: config={config!r}")
        raise unknown_name("schedule", config.get("class_name"), CLASSES)
    return made
