"""RNN of a cell of one's own: a subclass of Layer whose `call(inputs, states)` makes one step.

The step is traced and stands in the graph once for each step of the text, so that a text costs as many of
these steps, one after the other. LSTM, GRU and SimpleRNN are one operation of the core instead.
"""

from __future__ import annotations

from typing import Any

from ..base.arguments import boolean
from ..base.custom_objects import known_class
from ..base.names import unique_name
from ..graph.nodes import SymbolicTensor, flatten
from ..graph.operators import operate
from ..ops.primitives import apply
from .base import Layer, require_rank
from .open_cells import Loop, StepByStep
from .own_masks import may_be_masked
from .shaping import ApplyMask


def is_own_cell(cell: Any) -> bool:
    """Whether this is a cell of one's own, or a list of them."""
    cells = cell if isinstance(cell, (list, tuple)) else [cell]
    return bool(cells) and all(getattr(one, "traces", False) and hasattr(one, "state_size") for one in cells)


class OwnCellRNN(Layer):
    """What RNN(cell) is for a cell of one's own, or a list of them above each other: (B, T, C) to (B, units),
    or (B, T, units) with `return_sequences`. As keras.layers.RNN.

    The cell has `state_size`, the units of its state or a list of them, and `call(inputs, states)` with
    inputs (B, C) and a list of states (B, units), which returns its output and the new states. A masked step
    keeps states and output (`zero_output_for_mask`: zeros); a result for each step has the mask of the
    input, and zeros where it is masked. Over texts of open length a loop in Python runs the steps, without
    states that are given or returned. Raises ValueError for `stateful`.
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name=unique_name("rnn") if name is None else name, **options)
        if stateful:
            raise ValueError("`stateful` must be False for a cell of one's own. Received: stateful=True")
        cells = cell if isinstance(cell, (list, tuple)) else [cell]
        self.cells = [_from_file(one) if isinstance(one, dict) else one for one in cells]
        self.return_sequences = boolean("return_sequences", return_sequences)
        self.return_state = boolean("return_state", return_state)
        self.go_backwards = boolean("go_backwards", go_backwards)
        self.zero_output_for_mask = boolean("zero_output_for_mask", zero_output_for_mask)
        self._loop: Any = None  # of texts of open length

    @property
    def cell(self) -> Any:
        """The cell, or the list of cells."""
        return self.cells[0] if len(self.cells) == 1 else list(self.cells)

    def call(self, inputs: SymbolicTensor, initial_state: Any = None, training: Any = None) -> Any:
        """One step after the other."""
        require_rank(self, inputs, 3, "(batch, time, channels)")
        if inputs.shape[1] is None:
            return self._step_by_step(inputs, initial_state)
        masked = may_be_masked(inputs)
        counted = operate("greater", apply("step_mask", [inputs]), 0.5) if masked else None
        whole = apply("all_steps", [inputs]) if masked else inputs
        first = operate("zeros_like", whole[:, 0, :1])
        states = [[operate("repeat", first, size, 1) for size in _sizes(cell)] for cell in self.cells]
        if initial_state is not None:
            given = iter(flatten(initial_state))
            states = [[next(given) for _ in own] for own in states]
        outputs: list[Any] = []
        steps = range(inputs.shape[1])
        for step in reversed(steps) if self.go_backwards else steps:
            output = whole[:, step]
            counts = None if counted is None else counted[:, step : step + 1]
            output, new = self._one_step(output, states)
            states = [
                [_kept(counts, *pair) for pair in zip(*both, strict=True)]
                for both in zip(new, states, strict=True)
            ]
            known = outputs and not self.zero_output_for_mask
            before = outputs[-1] if known else operate("zeros_like", output)
            outputs.append(_kept(counts, output, before))
        result = operate("stack", outputs, 1) if self.return_sequences else outputs[-1]
        if self.return_sequences and masked:
            mask = operate("flip", counted, 1) if self.go_backwards else counted
            result = ApplyMask()([result, mask])
        return [result, *flatten(states)] if self.return_state else result

    def _step_by_step(self, inputs: SymbolicTensor, initial_state: Any) -> Any:
        """The result for texts of open length, by a loop in Python."""
        turned = self.go_backwards and self.return_sequences
        if self.return_state or initial_state is not None or turned:
            raise ValueError(
                f"Layer {self.name!r} runs a cell of one's own over texts of open length: without states "
                "that are given or returned, and sequences in their order. Give the length in "
                f"Input((length, ...)). Received: shape={inputs.shape}"
            )
        if self._loop is None:
            loop = StepByStep(
                f"{self.name}_steps",
                self._one_step,
                self.cells,
                [_sizes(cell) for cell in self.cells],
                sequences=self.return_sequences,
                backwards=self.go_backwards,
                zeros=self.zero_output_for_mask,
            )
            self._loop = Loop(loop)
        return self._loop.layer(inputs)

    def _one_step(self, output: Any, states: list[list[Any]]) -> tuple[Any, list[list[Any]]]:
        """The output of the last cell, and the new states of each."""
        made = []
        for cell, own in zip(self.cells, states, strict=True):
            output, new = _one_step(cell, output, own)
            made.append(flatten(new))
        return output, made

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; the cells by their classes, which load_model is given."""
        cells = [{"class_name": type(one).__name__, "config": one.get_config()} for one in self.cells]
        own = (
            "name",
            "trainable",
            "return_sequences",
            "return_state",
            "go_backwards",
            "zero_output_for_mask",
        )
        return {"cell": cells, **{name: getattr(self, name) for name in own}}


def _kept(counts: Any, new: Any, old: Any) -> Any:
    """What a step gives where it counts, else what was before; `counts` (B, 1), None: everywhere."""
    return new if counts is None else operate("where", counts, new, old)


def _one_step(cell: Any, inputs: SymbolicTensor, states: list[Any]) -> Any:
    """Output and new states; TypeError for a cell that computes on NumPy arrays."""
    if cell.traces:
        try:
            return cell(inputs, states)
        except TypeError:
            if cell.traces:
                raise
    raise TypeError(
        f"The cell {cell.name!r} ({type(cell).__name__}) computes on NumPy arrays and cannot be a step of "
        "an RNN: make `call` of layers and ops, or write the whole recurrence as a Layer with `forward`"
    )


def _sizes(cell: Any) -> list[int]:
    return [int(size) for size in flatten(cell.state_size)]


def _from_file(entry: dict[str, Any]) -> Any:
    cls = known_class(entry["class_name"])
    if cls is None:
        name = entry["class_name"]
        raise ValueError(
            f"the cell of an RNN is {name!r}, which is Python of your own: no file holds it. Give it, as "
            f"load_model(path, custom_objects={{{name!r}: ...}})"
        )
    return cls.from_config(entry["config"])
