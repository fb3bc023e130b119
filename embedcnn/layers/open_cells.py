"""RNN of a cell of one's own over texts whose length only a batch decides: the step is a program, called once
for each step of the longest text, and once more on the way back.

Where the length is known the steps stand in the graph of the model instead (own_cells.py), which is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..base.named_objects import named_object
from ..graph import tracing
from ..graph.nodes import Shape, SymbolicTensor, flatten
from ..graph.variables import Variable
from .base import Layer
from .core import InputLayer

STEP_PROGRAM = "embedcnn.lowering.functions:StepProgram"
"""What runs a step and its gradient: it stands above, with the lowering of models."""
OneStep = Callable[[SymbolicTensor, list[list[Any]]], tuple[Any, list[list[Any]]]]


class StepByStep(Layer):
    """The loop over the steps: a layer written in Python, whose weights are those of the cells.

    `one_step(x, states)` makes the output and the new states of one step; `sizes` are those of the states.
    """

    def __init__(
        self,
        name: str,
        one_step: OneStep,
        cells: Sequence[Layer],
        sizes: Sequence[Sequence[int]],
        *,
        sequences: bool,
        backwards: bool,
        zeros: bool,
    ) -> None:
        super().__init__(name=name)
        self._one_step, self._sizes = one_step, sizes
        self._cells = _Cells(cells)
        self.return_sequences, self.go_backwards, self.zero_output_for_mask = sequences, backwards, zeros

    @property
    def weights(self) -> list[Variable]:
        """Those of the cells."""
        return [weight for cell in self._cells.all for weight in cell.weights]

    def build(self, input_shape: Shape) -> None:
        """The graph of one step."""
        x = InputLayer((input_shape[-1],)).output
        states = [[InputLayer((size,)).output for size in own] for own in self._sizes]
        before = [(cell.nodes, len(cell.nodes)) for cell in self._cells.all]
        with tracing.inside():
            output, new = self._one_step(x, states)
        for nodes, count in before:
            del nodes[count:]
        self._ends = [x, *flatten(states)], [output, *flatten(new)]
        self._units, self._runs = output.shape[-1], 0
        self._program: Any = None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        steps = (input_shape[1],) if self.return_sequences else ()
        return (input_shape[0], *steps, self._units)

    def forward(self, x: np.ndarray, training: bool = False, mask: np.ndarray | None = None) -> Any:
        """The outputs (B, T, units), or the last ones, and the function that takes their gradient back."""
        if self._program is None:
            self._program = named_object(STEP_PROGRAM)(*self._ends)
        program, first = self._program, self._runs << 20
        self._runs += 1
        batch, length = x.shape[:2]
        counts = np.ones((batch, length), np.float32) if mask is None else np.asarray(mask != 0, np.float32)
        order = range(length)[::-1] if self.go_backwards else range(length)
        states = [np.zeros((batch, size), np.float32) for own in self._sizes for size in own]
        outputs = np.zeros((batch, length, self._units), np.float32)  # in the order in which they are made
        last, kept = np.zeros((batch, self._units), np.float32), []
        for number, step in enumerate(order):
            count = counts[:, step : step + 1]
            kept.append((step, count, states))
            made, *new = program.run([x[:, step], *states], training, first + number)
            states = [_chosen(count, one, old) for one, old in zip(new, states, strict=True)]
            last = outputs[:, number] = _chosen(count, made, 0 * last if self.zero_output_for_mask else last)
        result = outputs if self.return_sequences else last

        def backward(d_y: np.ndarray) -> tuple[np.ndarray, list[Any]]:
            return self._back(x, d_y, kept, training, first)

        return result, backward

    def _back(
        self, x: np.ndarray, d_y: np.ndarray, kept: list[Any], training: bool, first: int
    ) -> tuple[np.ndarray, list[Any]]:
        d_x, d_weights = np.zeros_like(x), [np.zeros(weight.shape, np.float32) for weight in self.weights]
        d_last = np.zeros((len(x), self._units), np.float32) if self.return_sequences else d_y
        d_states = [np.zeros((len(x), size), np.float32) for own in self._sizes for size in own]
        for number in reversed(range(len(kept))):
            step, count, states = kept[number]
            d_last = d_last + d_y[:, number] if self.return_sequences else d_last
            arrays = [x[:, step], *states]
            back = [count * one for one in (d_last, *d_states)]
            found, weights = self._program.run_back(arrays, back, training, first + number, self.weights)
            d_x[:, step] = found[0]
            d_states = [(1 - count) * old + new for old, new in zip(d_states, found[1:], strict=True)]
            d_last = 0 * d_last if self.zero_output_for_mask else (1 - count) * d_last
            for total, gradient in zip(d_weights, weights, strict=True):
                total += gradient
        return d_x, d_weights


class Loop:
    """Keeps the loop apart from the parts of the RNN, which are its cells."""

    def __init__(self, layer: StepByStep) -> None:
        self.layer = layer


class _Cells:
    """Keeps the cells apart from the parts of the loop: they are those of the RNN."""

    def __init__(self, cells: Sequence[Layer]) -> None:
        self.all = list(cells)


def _chosen(count: np.ndarray, new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """New where a step counts (B, 1), else old."""
    return np.where(count > 0, new, old)
