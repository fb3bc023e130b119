"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

from ..base.arguments import finite_number
from ..base.checked import checked
from .base import Optimizer


class SGD(Optimizer):
    """w -= learning_rate * g; with momentum m: v = m v - learning_rate * g, w += v (nesterov: w += m v -
    learning_rate * g).

    Raises ValueError unless 0 <= momentum <= 1, TypeError for unknown arguments. As keras.optimizers.SGD.

    >>> SGD(lr=0.1, momentum=0.9)
    <SGD learning_rate=0.1, iterations=0>
    """

    core_name = "sgd"
    slot_names = ("momentum",)

    @checked
    def __init__(
        self,
        learning_rate: Any = None,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = float(finite_number("momentum", momentum, least=0, most=1))
        self.nesterov = nesterov

    def _default_rate(self) -> float:
        return 0.01

    def used_slots(self) -> tuple[str, ...]:
        return self.slot_names if self.momentum else ()

    def core_settings(self) -> dict[str, Any]:
        return {"momentum": self.momentum, "nesterov": self.nesterov, **super().core_settings()}
