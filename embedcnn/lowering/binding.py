"""Programs of the core with the variables of a model bound to them.

A program borrows the arrays of the variables and of the optimizer. It is bound again when `structure.version`
has moved (trainable changed, an array was replaced) and made again when a table has got more rows.
"""

from __future__ import annotations

import math
import mmap
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import constraints, regularizers
from ..base.mapped_pages import check_pages, pages_of
from ..base.programs import make_program
from ..graph.variables import Variable, structure
from .operations import Lowered

if TYPE_CHECKING:
    from ..optimizers import Optimizer


class BoundProgram:
    """A program and its variables; `ready()` gives the core's program with everything bound as it is now.

    `optimizer` decides what the penalties of tables count; with `trains` it also updates; with `tracks` steps
    write the moving statistics.
    """

    def __init__(
        self,
        lowered: Lowered,
        seed: int,
        optimizer: Optimizer | None = None,
        trains: bool = False,
        tracks: bool = False,
        states: Sequence[Variable] = (),
    ) -> None:
        self.states = states
        """What recurrent layers carry from run to run, where this program has them do so."""
        self.variables: list[Variable] = lowered.variables
        self.optimizer, self.trains, self.tracks = optimizer, trains, tracks
        self._lowered, self._seed = lowered, seed
        self.rows_are_alone = lowered.rows_are_alone
        self.draws = lowered.draws
        last = lowered.operations[-1] if lowered.operations else None
        self.last_activation: str | None = None if last is None else last.attributes.get("activation")
        self.ends_in_softmax = last is not None and last.name == "softmax" and not last.attributes
        self.calls_python = any(operation.function is not None for operation in lowered.operations)
        self.written = [  # by the forward pass
            variable
            for operation in lowered.operations
            for variable in operation.variables
            if variable.tracked and (tracks or operation.attributes.get("stateful"))
        ]
        self.penalised = False
        """Whether the last step may have had a penalty; see `core.penalty`."""
        self._activities = any(operation.facts["has_penalty"] for operation in lowered.operations)
        self._make()

    def _make(self) -> None:
        read: dict[bool, set[int]] = {True: set(), False: set()}  # by lookups, and by other operations
        for operation in self._lowered.operations:
            read[operation.facts["reads_table"]].update(map(id, operation.variables))
        self._tables = read[True] - read[False]
        """Whose gradients are those of some rows; a table that is tied to another layer has them of all."""
        self._bound: list[Any] = [None] * len(self.variables)
        self._constrained: list[Variable] = []
        self._version = -1
        self._mapped: list[tuple[str, mmap.mmap]] = []
        """What lies in mapped files."""
        updates = self.optimizer if self.trains else None
        self.core: Any = make_program(
            *self._lowered.program_arguments(),
            seed=self._seed,
            functions={
                number: operation.function
                for number, operation in enumerate(self._lowered.operations)
                if operation.function is not None
            },
            optimizer=None if updates is None else (updates.core_name, updates.core_settings()),
        )
        self._shapes = [variable.shape for variable in self.variables]  # last: a signal may come before

    def ready(self) -> Any:
        """The program of the core, bound to the present arrays."""
        if self._version != structure.version:
            self._bind()
        for name, pages in self._mapped:
            check_pages(name, pages)
        return self.core

    def is_table(self, number: int) -> bool:
        """Whether the gradient of a variable is that of some rows."""
        return id(self.variables[number]) in self._tables

    @property
    def writes(self) -> bool:
        """Whether a forward pass writes states or moving statistics."""
        return bool(self.written)

    def _rules(self, variable: Variable) -> dict[str, Any] | None:
        """What a step does to a variable beside the optimizer's rule; None: nothing."""
        optimizer = self.optimizer
        if optimizer is None or not variable.trainable:
            return None
        rules: dict[str, Any] = {}
        if variable.regularizer is not None and not regularizers.is_own(variable.regularizer):
            rules |= {"l1": variable.regularizer.l1, "l2": variable.regularizer.l2}
        if self.trains and variable.constraint is not None and not constraints.is_own(variable.constraint):
            rules |= variable.constraint.rules(variable.shape)
            lazy = optimizer.embedding_update == "lazy" or variable.row_learns is not None
            if id(variable) in self._tables and lazy:
                _check_row_constraint(variable, rules)
        if self.trains and not optimizer.decays(variable):
            rules["keeps_weight"] = 1
        scale = math.prod(
            getattr(one, "learning_rate_scale", 1.0) for one in (variable.layer, *variable.inner)
        )
        if self.trains and scale != 1:
            rules["rate_scale"] = scale
        if rules and optimizer.embedding_update == "dense":
            rules["all_rows"] = 1
        return rules or None

    def _follow(self) -> None:
        """Takes tables that have been converted to another dtype in the place of what they were."""
        for operation in self._lowered.operations:
            operation.variables = [variable.latest() for variable in operation.variables]
        self._lowered.variables = self.variables = [variable.latest() for variable in self.variables]
        self._make()

    def _bind(self) -> None:
        if any(variable.successor for variable in self.variables):
            self._follow()
        if self._shapes != [variable.shape for variable in self.variables]:
            self._make()
        learn = [self.trains and variable.trainable for variable in self.variables]
        for variable, learns in zip(self.variables, learn, strict=True):
            if learns or self._moves(variable):
                variable.own()
        version = structure.version  # before the arrays are read: a change meanwhile counts for the next step
        found = [(variable.path, pages_of(variable.value)) for variable in self.variables]
        self._mapped = [(name, pages) for name, pages in found if pages is not None]
        self.penalised = self._activities
        for number, (variable, learns) in enumerate(zip(self.variables, learn, strict=True)):
            table = id(variable) in self._tables
            state = self.optimizer.state(variable, table) if learns and self.optimizer else None
            rules = self._rules(variable)
            self.penalised = self.penalised or rules is not None and "l1" in rules
            before, moves = self._bound[number], self._moves(variable)
            rows = variable.row_learns if self.optimizer else None
            stored = variable.in_core(learns)
            value = variable.value if stored is None else variable.masters
            now = (variable.value, state, rows, value)
            if before and all(map(operator.is_, before, now)) and before[4:] == (rules, moves):
                continue
            if state is None:
                steps = np.zeros(1, np.int64)
                self.core.bind(number, value, False, [], steps, moves, rules, row_learns=rows, stored=stored)
            else:
                more = (False, rules, state.average, state.accumulator, state.touched, state.moves, rows)
                self.core.bind(number, value, True, state.slots, state.steps, *more, stored)
            self._bound[number] = (*now, rules, moves)
        self._constrained = [
            variable
            for variable, learns in zip(self.variables, learn, strict=True)
            if learns and constraints.is_own(variable.constraint)
        ]
        self._version = version

    def constrain(self) -> None:
        """After an update: the constraints that are Python of the user's own, each of a whole array."""
        for variable in self._constrained:
            constrained(variable)

    def _moves(self, variable: Variable) -> bool:
        """Whether a step writes a moving statistic: not while its layer is frozen."""
        return self.tracks and variable.tracked and variable.layer.trainable


def constrained(variable: Variable) -> None:
    """Writes what a constraint of the user's own makes of a weight; ValueError for another shape."""
    constraint: Any = variable.constraint
    if not isinstance(variable.value, np.ndarray) or variable.value.dtype != np.float32:
        raise ValueError(f"{variable.path}: {constraint!r} needs the weight in float32")
    values = np.asarray(constraint(variable.value.copy()))
    if values.shape != variable.value.shape:
        raise ValueError(
            f"{variable.path}: {constraint!r} must give an array of the shape {variable.value.shape}. "
            f"Received: shape {values.shape}"
        )
    variable.value[...] = values


def _check_row_constraint(variable: Variable, rules: dict[str, Any]) -> None:
    """ValueError unless a lazily updated table is constrained row by row."""
    if rules["constraint"] == "norm" and rules["norm_axes"] != 2:
        raise ValueError(
            f"{variable.path}: {variable.constraint!r} takes norms over all rows of the table, but only "
            "those of a step are updated, or those of trainable_rows. Use axis=1, or an optimizer with "
            "embedding_update='dense' where all rows learn"
        )
