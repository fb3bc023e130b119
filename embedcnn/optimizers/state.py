"""What an optimizer keeps of one variable: slots, updates so far, moving average, gradients that wait."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.variables import Variable, set_items


class VariableState:
    """What an optimizer keeps for one variable: its slots, how many updates it has had, the moving average
    of its value, and the gradients that wait for an update (`touched`: of which rows of a table).

    `moves`, of a table whose rows are updated when touched: how often the average has moved, and to which of
    these moves each row has come (int64, 1 + rows). What a row has missed is made up for when it is touched,
    or by `settle_average`. In a table of fewer bits a row that has come to none has no average yet: that is
    its value. `held`: the rows of such a table while its averages stand in the model.
    """

    __slots__ = ("accumulator", "average", "held", "moves", "slots", "steps", "touched")

    def __init__(
        self,
        slots: list[np.ndarray],
        steps: int = 0,
        average: np.ndarray | None = None,
        accumulator: np.ndarray | None = None,
        touched: np.ndarray | None = None,
        moves: np.ndarray | None = None,
    ) -> None:
        self.slots = slots
        self.steps = np.array([steps], np.int64)
        self.average, self.accumulator, self.touched, self.moves = average, accumulator, touched, moves
        self.held: list[np.ndarray] = []

    def averaged_rows(self, variable: Variable) -> np.ndarray | None:
        """The rows that have an average; None: all of them."""
        if self.moves is None or variable.dtype == "float32":
            return None
        return np.flatnonzero(self.moves[1:])

    def settle_average(self, variable: Variable, momentum: float) -> tuple[Any, np.ndarray]:
        """Where the average stands beside the value (Ellipsis: everywhere; or the rows that learn), and what
        it is there, after all rows have come to its last move: what had missed moves stood still.
        """
        assert self.average is not None
        known, learns = self.averaged_rows(variable), variable.row_learns
        if self.moves is not None:
            missed = self.moves[0] - self.moves[1:]
            rows = np.flatnonzero(missed > 0) if known is None else known[missed[known] > 0]
            value = variable.learnt(rows)
            keep = np.power(momentum, missed[rows].astype(np.float64)).astype(np.float32)[:, None]
            settled = value + keep * (self.average[rows] - value)
            set_items([self.average, self.moves], [rows, rows + 1], [settled, self.moves[0]])
        if learns is not None:
            known = np.flatnonzero(learns) if known is None else known[learns[known] != 0]
        return (Ellipsis, self.average) if known is None else (known, self.average[known])

    def average_in_float32(self, variable: Variable) -> None:
        """Makes the state of a table of fewer bits, as it is, that of one in float32: `variable` before it is
        converted.
        """
        if self.average is None:
            return
        if self.held:  # the averages stand in the model, so what they stand for is held beside them
            self.average = variable.of_rows(self.held.pop())
        known = self.averaged_rows(variable)
        if known is not None:
            others = np.ones(len(variable.value), bool)
            others[known] = False
            self.average[others] = variable.read()[others]

    def changes_of_swap(
        self, variable: Variable, momentum: float, wanted: bool
    ) -> list[tuple[Any, Any, Any]]:
        """How the averages come into the model (`wanted`), or the numbers that they stand for back:
        (container, key, value) of each, for `set_items`. The rows of a table of fewer bits are held
        meanwhile: neither they nor the averages could be had back from what is rounded.
        """
        assert self.average is not None
        settled = self.settle_average(variable, momentum) if wanted else None
        value = variable.own()
        if variable.dtype == "float32" or not (wanted or self.held):  # the two change places
            numbers = variable.numpy()
            return [(value, ..., variable.as_rows(self.average).copy()), (self.average, ..., numbers)]
        if settled is None:
            return [(value, ..., self.held[0]), (self.held, slice(None), [])]
        rows, averages = settled
        return [(self.held, slice(None), [value.copy()]), (value, rows, variable.as_rows(averages))]
