"""SimpleRNN, LSTM, GRU and RNN: layers that read a text step by step and carry a state on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.checked import checked
from ..graph.nodes import Shape
from . import torch_weights
from .own_cells import OwnCellRNN, is_own_cell
from .recurrent_cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells, checked_cell
from .recurrent_layer import RecurrentLayer, set_torch_weights
from .wrapping import Holder, made


class RNN(RecurrentLayer, Holder):
    """Runs a cell over a text, (B, T, C) to (B, units), or (B, T, units) with `return_sequences`; a list of
    cells stands above each other. As keras.layers.RNN.

    `cell`: LSTMCell, GRUCell, SimpleRNNCell, StackedRNNCells or a list; RNN(LSTMCell(n)) is LSTM(n). With
    `return_state` a list: the output and the states, of several cells a list for each. The weights are those
    of the cells, the lowest first, and shared with other layers that are given the same cell. A cell of one's
    own, a Layer with `state_size` and `call(inputs, states)`, is traced, see OwnCellRNN; it costs a step of
    its own for each step of a text. Raises TypeError for what is no cell.

    >>> import embedcnn
    >>> from embedcnn.layers import GRUCell, LSTMCell
    >>> layer = RNN([LSTMCell(8), GRUCell(6)], return_sequences=True)
    >>> layer(embedcnn.Input((10, 4))).shape
    (None, 10, 6)
    """

    not_stored = ("unroll",)  # says how to compute, not what

    def __new__(cls, cell: Any = None, *arguments: Any, **options: Any) -> Any:
        """The layer for a cell of the core, or for one of the user's own."""
        return OwnCellRNN(cell, *arguments, **options) if is_own_cell(cell) else super().__new__(cls)

    @checked
    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **options: Any,
    ) -> None:
        is_list = isinstance(cell, (list, tuple))
        self._cell = StackedRNNCells(cell) if is_list else checked_cell("cell", made(cell))
        super().__init__(
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            zero_output_for_mask=zero_output_for_mask,
            unroll=unroll,
            **options,
        )

    @property
    def cell(self) -> Any:
        return self._cell

    @property
    def cells(self) -> list[Any]:
        """The cells that stand above each other, the lowest first."""
        return self._cell.cells

    @property
    def units(self) -> int:
        """Units of the output."""
        return self._cell.output_size

    @property
    def state_size(self) -> Any:
        """Units of the cell's state, or a list of those of each state. As in Keras."""
        return self._cell.state_size

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """States of zeros, arrays (batch_size, units), nested as the cell takes them."""
        return self._cell.get_initial_state(batch_size)

    def build(self, input_shape: Shape) -> None:
        if not self._cell.built:
            self._cell.build(input_shape)
        self._adopt(self._cell)

    def set_torch_weights(self, *arrays: Any) -> None:
        """Copies the weights of PyTorch's layers into the cells, the lowest first: weight_ih, weight_hh and,
        with a bias, bias_ih and bias_hh of each, as `parameters()` of torch.nn.LSTM, GRU and RNN has them.

        Raises ValueError for another number of arrays, or other shapes.
        """
        set_torch_weights(self, self.cells, arrays)

    def torch_weights(self) -> list[np.ndarray]:
        """The weights in PyTorch's layout and order, those of the lowest cell first.

        Raises ValueError for a layer that is not built, or has no such form.
        """
        return [array for cell in self.cells for array in torch_weights.written(cell)]


class SimpleRNN(RecurrentLayer, SimpleRNNCell):  # type: ignore[misc]  # a call reads whole texts
    """h = activation(x W + h' W_h + b), step by step: (B, T, C) to (B, units), or (B, T, units) with
    `return_sequences`. As keras.layers.SimpleRNN.

    Masked tokens keep the state. Weights: kernel (C, units), recurrent_kernel (units, units), bias (units,).
    Raises ValueError for inputs that are no sequence and for unknown activations.

    >>> import embedcnn
    >>> embedcnn.layers.SimpleRNN(8)(embedcnn.Input((None, 4))).shape
    (None, 8)
    """

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
        super().__init__(units, activation, use_bias, *initial, **options)


class LSTM(RecurrentLayer, LSTMCell):  # type: ignore[misc]  # a call reads whole texts
    """Long short-term memory (Hochreiter and Schmidhuber 1997): (B, T, C) to (B, units), or (B, T, units)
    with `return_sequences`. As keras.layers.LSTM.

    Gates in the order i f c o. With `return_state` a list: the output, h and c. `dropout` drops channels of
    the input, `recurrent_dropout` of the state, the same ones at each step of a text. `stateful` goes on
    where the batch before ended (a fixed batch size, see `reset_state`). Masked tokens keep the state; work
    follows the real tokens. Over an Embedding the input's part is computed once for each distinct id.
    Weights: kernel (C, 4 units), recurrent_kernel (units, 4 units), bias (4 units,). Raises ValueError for
    inputs that are no sequence and for unknown activations.

    >>> import embedcnn
    >>> embedcnn.layers.LSTM(8, return_sequences=True)(embedcnn.Input((10, 4))).shape
    (None, 10, 8)
    """

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
        initial = (kernel_initializer, recurrent_initializer, bias_initializer, unit_forget_bias)
        super().__init__(units, activation, recurrent_activation, use_bias, *initial, **options)


class GRU(RecurrentLayer, GRUCell):  # type: ignore[misc]  # a call reads whole texts
    """Gated recurrent unit (Cho and others 2014): (B, T, C) to (B, units), or (B, T, units) with
    `return_sequences`. As keras.layers.GRU.

    Gates in the order z r h. `reset_after`: the reset gate acts behind the candidate's product with the
    state, as in PyTorch, or with False before it, on the state itself (two products a step, one after the
    other). Other arguments as those of LSTM. Weights: kernel (C, 3 units), recurrent_kernel (units, 3 units),
    bias (2, 3 units), or (3 units,) with `reset_after=False`. Raises ValueError for inputs that are no
    sequence and for unknown activations.

    >>> import embedcnn
    >>> embedcnn.layers.GRU(8)(embedcnn.Input((10, 4))).shape
    (None, 8)
    """

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
        initial = (kernel_initializer, recurrent_initializer, bias_initializer, reset_after)
        super().__init__(units, activation, recurrent_activation, use_bias, *initial, **options)
