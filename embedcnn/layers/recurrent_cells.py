"""SimpleRNNCell, LSTMCell, GRUCell and StackedRNNCells: one step of the recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.checked import checked
from ..graph.nodes import Shape, SymbolicTensor
from ..graph.variables import Variable
from ..initializers import Initializer, made_by
from .recurrent_step import RecurrentCell, Step
from .wrapping import Holder, made


class _ForgetBias(Initializer):
    """Zeros, but ones for LSTM's forget gate (Jozefowicz and others 2015)."""

    def __init__(self, initializer: Initializer) -> None:
        self.initializer = initializer

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        units = shape[-1] // 4
        first, last = (made_by(self.initializer, (size,)) for size in (units, 2 * units))
        parts = [first, np.ones(units), last]
        return np.concatenate(parts).astype(np.float32)


class SimpleRNNCell(RecurrentCell):
    """One step of SimpleRNN, h = activation(x W + h' W_h + b): for RNN(cell), or called on x (B, C) and [h]
    (B, units). As keras.layers.SimpleRNNCell.

    >>> import embedcnn
    >>> h, states = SimpleRNNCell(8)(embedcnn.Input((4,)), [embedcnn.Input((8,))])
    >>> h.shape, len(states)
    ((None, 8), 1)
    """

    operation = "simple_rnn"
    not_stored = ("recurrent_activation",)  # no gate has one

    @checked
    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        initial = (kernel_initializer, recurrent_initializer, bias_initializer)
        super().__init__(units, activation, None, use_bias, *initial, **options)


class LSTMCell(RecurrentCell):
    """One step of LSTM: for RNN(cell), or called on x (B, C) and [h, c], each (B, units). As
    keras.layers.LSTMCell.

    Arguments and weights are those of LSTM.

    >>> import embedcnn
    >>> from embedcnn.layers import RNN
    >>> RNN([LSTMCell(8), LSTMCell(6)])(embedcnn.Input((10, 4))).shape
    (None, 6)
    """

    operation = "lstm"
    gates = 4
    state_count = 2

    @checked
    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        **options: Any,
    ) -> None:
        self.unit_forget_bias = unit_forget_bias
        initial = (kernel_initializer, recurrent_initializer, bias_initializer)
        super().__init__(units, activation, recurrent_activation, use_bias, *initial, **options)

    def _make_bias(self) -> Variable:
        initializer = _ForgetBias(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer
        return self.add_weight("bias", self.bias_shape, initializer)


class GRUCell(RecurrentCell):
    """One step of GRU: for RNN(cell), or called on x (B, C) and [h] (B, units). As keras.layers.GRUCell.

    Arguments and weights are those of GRU.

    >>> import embedcnn
    >>> h, states = GRUCell(8)(embedcnn.Input((4,)), [embedcnn.Input((8,))])
    >>> h.shape, len(states)
    ((None, 8), 1)
    """

    operation = "gru"
    gates = 3

    @checked
    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        reset_after: bool = True,
        **options: Any,
    ) -> None:
        self.reset_after = reset_after
        initial = (kernel_initializer, recurrent_initializer, bias_initializer)
        super().__init__(units, activation, recurrent_activation, use_bias, *initial, **options)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        columns = 3 * self.units
        return (2, columns) if self.reset_after else (columns,)

    @property
    def has_torch_form(self) -> bool:
        return self.reset_after


class StackedRNNCells(Holder, Step):
    """Cells above each other as one: each reads the output of the one below. As keras.layers.StackedRNNCells.

    States are a list for each cell. RNN([cell, cell]) makes one itself. Weights: those of the lowest cell
    first. Raises TypeError for what is no cell.

    >>> import embedcnn
    >>> from embedcnn.layers import RNN
    >>> RNN(StackedRNNCells([GRUCell(8), GRUCell(6)]))(embedcnn.Input((10, 4))).shape
    (None, 6)
    """

    def __init__(self, cells: Any, **options: Any) -> None:
        if not isinstance(cells, (list, tuple)) or not cells:
            raise ValueError(f"`cells` must be a list of cells. Received: cells={cells!r}")
        self._cells = [checked_cell("cells", made(cell)) for cell in cells]
        for cell in self._cells:
            if not isinstance(cell, RecurrentCell):
                raise TypeError(f"`cells` must be plain cells, not stacks of them. Received: {cell!r}")
        super().__init__(**options)

    @property
    def cells(self) -> list[Any]:
        """The cells, the lowest first."""
        return list(self._cells)

    @property
    def state_shapes(self) -> list[Any]:
        return [cell.state_shapes for cell in self._cells]

    @property
    def state_size(self) -> list[Any]:
        return [cell.state_size for cell in self._cells]

    def check_channels(self, name: str, x: SymbolicTensor) -> None:
        """ValueError where the lowest cell is built for other channels than those of x."""
        self._cells[0].check_channels(name, x)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        super().check_inputs(tensors)
        self.check_channels(self.name, tensors[0])

    def build(self, input_shape: Shape) -> None:
        for number, cell in enumerate(self._cells):
            if not cell.built:
                cell.build(input_shape)
            self._adopt(cell, f"cell_{number}_")
            input_shape = (*input_shape[:-1], cell.units)


def checked_cell(argument: str, cell: Any) -> Any:
    """The cell, which must be one of ours and no recurrent layer; TypeError that says what to use instead."""
    runs = hasattr(cell, "return_sequences")  # a recurrent layer, which is its own cell
    is_cell = isinstance(cell, (RecurrentCell, StackedRNNCells)) and not runs
    if is_cell and cell.activity_regularizer is not None:
        raise ValueError(f"{cell.name!r} has an activity_regularizer: give it to the layer, RNN(cell, ...)")
    if is_cell:
        return cell
    hint = "LSTMCell, GRUCell, SimpleRNNCell or StackedRNNCells"
    if callable(getattr(cell, "call", None)) or callable(getattr(cell, "forward", None)):
        hint += (
            ", or a cell of your own: a Layer with `state_size` and a `call(inputs, states)` made of layers "
            "and ops. (One that computes on NumPy arrays cannot be a part of the core: write the whole "
            "recurrence as a Layer with `forward`, whose result is (y, backward))"
        )
    raise TypeError(f"`{argument}` must be {hint}. Received: {cell!r}")
