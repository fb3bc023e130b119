"""RMSprop, Adagrad and Adadelta: learning rates that adapt to the size of the gradients."""

from __future__ import annotations

from typing import Any

from .base import Optimizer, above_zero, fraction, number


class RMSprop(Optimizer):
    """Divides the gradient by the root of a running mean of its squares (Hinton 2012). As
    keras.optimizers.RMSprop.

    `momentum` and `centered` (subtracts the squared mean gradient) each need one more slot. Raises ValueError
    unless 0 <= rho, momentum < 1 and epsilon > 0, TypeError for unknown arguments.

    >>> RMSprop(rho=0.95).used_slots()
    ('velocity',)
    """

    core_name = "rmsprop"

    def __init__(
        self,
        learning_rate: Any = None,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho, self.momentum = fraction("rho", rho), fraction("momentum", momentum)
        self.epsilon, self.centered = above_zero("epsilon", epsilon), bool(centered)

    def used_slots(self) -> tuple[str, ...]:
        return ("velocity", *["momentum"] * bool(self.momentum), *["average_gradient"] * self.centered)

    def _own(self) -> dict[str, Any]:
        return {
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }

    def core_settings(self) -> dict[str, Any]:
        return {**self._own(), **super().core_settings()}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._own()}


class Adagrad(Optimizer):
    """Divides the gradient by the root of the sum of all its squares (Duchi et al. 2011). As
    keras.optimizers.Adagrad.

    Raises ValueError unless initial_accumulator_value >= 0 and epsilon > 0, TypeError for unknown arguments.

    >>> Adagrad().initial_accumulator_value
    0.1
    """

    core_name = "adagrad"
    slot_names = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any = None,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = number("initial_accumulator_value", initial_accumulator_value)
        self.slot_start = self.initial_accumulator_value
        self.epsilon = above_zero("epsilon", epsilon)

    def core_settings(self) -> dict[str, Any]:
        return {"epsilon": self.epsilon, **super().core_settings()}

    def get_config(self) -> dict[str, Any]:
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


class Adadelta(Optimizer):
    """Scales by the ratio of running means of updates and gradients (Zeiler 2012). As
    keras.optimizers.Adadelta.

    Raises ValueError unless 0 <= rho < 1 and epsilon > 0, TypeError for unknown arguments.

    >>> Adadelta(1.0).rho
    0.95
    """

    core_name = "adadelta"
    slot_names = ("accumulated_gradient", "accumulated_update")

    def __init__(
        self, learning_rate: Any = None, rho: float = 0.95, epsilon: float = 1e-7, **options: Any
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho, self.epsilon = fraction("rho", rho), above_zero("epsilon", epsilon)

    def core_settings(self) -> dict[str, Any]:
        return {"rho": self.rho, "epsilon": self.epsilon, **super().core_settings()}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
