"""Programs of the core with the variables of a model bound to them.

A program borrows the arrays of the variables and of the optimizer. It is bound again when `structure.version`
has moved (trainable changed, an array was replaced) and made again when a table has got more rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .lowering import Lowered
from .optimizers import Optimizer
from .variables import Variable, structure


class BoundProgram:
    """A program and its variables; `ready()` gives the core's program with everything bound as it is now."""

    def __init__(self, lowered: Lowered, seed: int, optimizer: Optimizer | None = None) -> None:
        self.variables: list[Variable] = lowered.variables
        self.optimizer = optimizer
        self._lowered, self._seed = lowered, seed
        self._make()

    def _make(self) -> None:
        from .runtime import _core

        self.core: Any = _core.Program(*self._lowered.program_arguments(), seed=self._seed)
        if self.optimizer is not None:
            self.core.set_optimizer(self.optimizer.core_name, **self.optimizer.core_settings())
        self._shapes = [variable.shape for variable in self.variables]
        self._bound: list[Any] = [None] * len(self.variables)
        self._version = -1

    def ready(self) -> Any:
        """The program of the core, bound to the present arrays."""
        if self._version != structure.version:
            self._bind()
        return self.core

    def _bind(self) -> None:
        if self._shapes != [variable.shape for variable in self.variables]:
            self._make()
        trains = [self.optimizer is not None and variable.trainable for variable in self.variables]
        for variable, trained in zip(self.variables, trains, strict=True):
            if trained:
                variable.own()
        for number, (variable, trained) in enumerate(zip(self.variables, trains, strict=True)):
            state = self.optimizer.state(variable) if trained and self.optimizer else None
            before = self._bound[number]
            if before and before[0] is variable.value and before[1] is state:
                continue
            slots, steps = (state.slots, state.steps) if state else ([], np.zeros(1, np.int64))
            self.core.bind(number, variable.value, trained, slots, steps)
            self._bound[number] = (variable.value, state)
        self._version = structure.version
