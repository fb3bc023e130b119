"""RMSprop, Adagrad and Adadelta: learning rates that adapt to the size of the gradients."""

from __future__ import annotations

from typing import Any

from ..base.arguments import finite_number
from ..base.checked import checked
from .base import Optimizer


class RMSprop(Optimizer):
    """Divides the gradient by the root of a running mean of its squares (Hinton 2012). As
    keras.optimizers.RMSprop.

    `momentum` and `centered` (subtracts the squared mean gradient) each need one more slot. Raises ValueError
    unless 0 <= rho, momentum < 1 and epsilon > 0, TypeError for unknown arguments.

    >>> RMSprop(rho=0.95).used_slots()
    ('velocity',)
    """

    core_name = "rmsprop"

    @checked
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
        self.rho = float(finite_number("rho", rho, least=0, below=1))
        self.momentum = float(finite_number("momentum", momentum, least=0, below=1))
        self.epsilon = float(finite_number("epsilon", epsilon, above=0))
        self.centered = centered

    def used_slots(self) -> tuple[str, ...]:
        return ("velocity", *["momentum"] * bool(self.momentum), *["average_gradient"] * self.centered)

    def core_settings(self) -> dict[str, Any]:
        return {
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
            **super().core_settings(),
        }


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
        self.initial_accumulator_value = float(
            finite_number("initial_accumulator_value", initial_accumulator_value, least=0)
        )
        self.slot_start = self.initial_accumulator_value
        self.epsilon = float(finite_number("epsilon", epsilon, above=0))

    def core_settings(self) -> dict[str, Any]:
        return {"epsilon": self.epsilon, **super().core_settings()}


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
        self.rho = float(finite_number("rho", rho, least=0, below=1))
        self.epsilon = float(finite_number("epsilon", epsilon, above=0))

    def core_settings(self) -> dict[str, Any]:
        return {"rho": self.rho, "epsilon": self.epsilon, **super().core_settings()}
