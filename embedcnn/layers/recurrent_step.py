"""What the cells of recurrent layers share: one step, its arguments, states and weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import activations, initializers
from ..base.arguments import finite_number, integer, optional, positive_integer
from ..base.checked import checked
from ..base.random_seeds import layer_key
from ..graph.nodes import Node, Shape, SymbolicTensor, flatten, is_symbolic
from ..graph.variables import Variable
from . import torch_weights
from .base import Layer, known_channels, require_rank
from .call_arguments import called_with
from .on_arrays import on_arrays

NOT_OF_A_CELL = ("silu", "gelu", "gelu_tanh", "softmax", "log_softmax", "mish", "swish", "hard_silu")
"""Activations whose slope does not follow from their value, which is all that a cell keeps."""


class Step(Layer):
    """What one step is called with: x (B, C) and the states before it."""

    @property
    def state_shapes(self) -> list[Any]:
        """Units of each state, nested as Keras nests the states."""
        raise NotImplementedError

    @property
    def cells(self) -> list[Any]:
        """The cells that stand above each other, the lowest first."""
        raise NotImplementedError

    def __call__(self, inputs: Any, states: Any = None, **options: Any) -> Any:
        """One step: x (B, C) and the states before it to the output and the new states; arrays to arrays."""
        if not is_symbolic(inputs):
            return on_arrays("call", self, inputs, states=states, **options)
        training = called_with(self, options)
        if options:
            raise TypeError(f"{self.name!r} was called with unknown arguments {sorted(options)}")
        tensors = flatten(inputs) + ([] if states is None else flatten(states))
        for tensor in tensors:
            if not isinstance(tensor, SymbolicTensor):
                raise TypeError(
                    f"{self.name!r} must be called on results of Input(...) or of other layers, and its "
                    f"states too. Received: {type(tensor).__name__}. For a whole sequence: RNN(cell)(x)"
                )
        self.check_inputs(tensors)
        if not self.built:
            self.build(tensors[0].shape)
        sizes = flatten(self.state_shapes)
        node = Node(self, tensors, [(None, size) for size in (self.output_size, *sizes)])
        node.training = training
        self.nodes.append(node)
        return node.outputs[0], nested(node.outputs[1:], self.state_shapes)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        x, states = tensors[0], tensors[1:]
        require_rank(self, x, 2, "(batch, channels), one step of a text; RNN(cell) reads whole texts")
        check_states(self, states, flatten(self.state_shapes), required=True)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return (input_shape[0], self.output_size)

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """States of zeros, arrays (batch_size, units), nested as the cell takes them."""
        batch = positive_integer("batch_size", batch_size)
        states = [np.zeros((batch, units), np.float32) for units in flatten(self.state_shapes)]
        return nested(states, self.state_shapes)

    @property
    def state_size(self) -> Any:
        """Units of the state, or a list of those of each state. As in Keras."""
        return self.state_shapes[0] if len(self.state_shapes) == 1 else list(self.state_shapes)

    @property
    def output_size(self) -> int:
        """Units of the output."""
        return self.cells[-1].units


def nested(outputs: Sequence[Any], shapes: Sequence[Any]) -> list[Any]:
    """A flat list of states in the nesting of `shapes`."""
    rest = iter(outputs)

    def take(shape: Any) -> Any:
        return [take(part) for part in shape] if isinstance(shape, list) else next(rest)

    return take(list(shapes))


def check_states(
    layer: Layer, states: Sequence[SymbolicTensor], sizes: Sequence[int], required: bool = False
) -> None:
    """ValueError unless there is a state (batch, units) of each size; none are right unless `required`."""
    if (states or required) and len(states) != len(sizes):
        raise ValueError(
            f"Layer {layer.name!r} has {len(sizes)} state(s). "
            f"Received: an initial_state of {len(states)} tensors"
        )
    for state, size in zip(states, sizes, strict=False):
        if state.ndim != 2 or state.shape[-1] != size:
            raise ValueError(
                f"Layer {layer.name!r}: an initial state must have the shape (batch, {size}). "
                f"Received: shape={state.shape}"
            )


class RecurrentCell(Step):
    """What the cells share: arguments, weights, and a call on one step."""

    operation = ""
    gates = 1
    state_count = 1

    @checked
    def __init__(
        self,
        units: int,
        activation: Any,
        recurrent_activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        self.units = positive_integer("units", units)
        self.activation = _cell_activation("activation", activation)
        self.recurrent_activation = _cell_activation("recurrent_activation", recurrent_activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.recurrent_initializer = initializers.get(recurrent_initializer, "recurrent_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        self.dropout = float(finite_number("dropout", dropout, least=0, below=1))
        self.recurrent_dropout = float(
            finite_number("recurrent_dropout", recurrent_dropout, least=0, below=1)
        )
        self.seed = optional(integer, "seed", seed)
        integer("implementation", options.pop("implementation", 2), 0, 2)  # says how to compute, not what
        super().__init__(**options)

    # -- weights ---------------------------------------------------------------------------------------------
    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        columns = self.gates * self.units
        self.kernel = self.add_weight("kernel", (self._channels, columns), self.kernel_initializer)
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", (self.units, columns), self.recurrent_initializer
        )
        self.bias = self._make_bias() if self.use_bias else None

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        super().check_inputs(tensors)
        self.check_channels(self.name, tensors[0])

    def check_channels(self, name: str, x: SymbolicTensor) -> None:
        """ValueError where the cell is built for other channels than those of x, the input of `name`."""
        if self.built and x.shape[-1] != self._channels:
            raise ValueError(
                f"Layer {name!r} was built for {self._channels} channels. Received: shape={x.shape}"
            )

    @property
    def has_torch_form(self) -> bool:
        """Whether PyTorch has a cell with these weights."""
        return True

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """The shape of the bias."""
        return (self.gates * self.units,)

    def _make_bias(self) -> Variable:
        return self.add_weight("bias", self.bias_shape, self.bias_initializer)

    @property
    def state_shapes(self) -> list[Any]:
        return [self.units] * self.state_count

    @property
    def cells(self) -> list[RecurrentCell]:
        """The cell itself: what it shares with several above each other."""
        return [self]

    def set_torch_weights(
        self, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None, *more: Any
    ) -> None:
        """Copies the weights of one layer of torch.nn.LSTM, GRU or RNN, or of a cell: `weight_ih_l0`
        (gates x units, C), `weight_hh_l0`, `bias_ih_l0` and `bias_hh_l0`, arrays or tensors.

        Raises ValueError where shapes differ, a bias is missing, or `more` arrays are given.
        """
        given = [weight_ih, weight_hh, bias_ih, bias_hh, *more]
        self.set_weights(torch_weights.read(self, [array for array in given if array is not None]))

    def torch_weights(self) -> list[np.ndarray]:
        """The weights in PyTorch's layout and order: weight_ih, weight_hh and, with a bias, bias_ih, bias_hh.

        Raises ValueError for a layer that is not built, or has no such form.
        """
        return torch_weights.written(self)

    # -- configuration ---------------------------------------------------------------------------------------
    def key(self, call: int) -> int:
        """What keys the random numbers of this cell's dropout."""
        return layer_key(self.seed, call)


def _cell_activation(argument: str, value: Any) -> str:
    name = activations.name_of(value, argument)
    if name in NOT_OF_A_CELL:
        raise ValueError(
            f"`{argument}` of a recurrent layer must be one whose slope follows from its value, as 'tanh', "
            f"'sigmoid', 'relu', 'hard_sigmoid' or 'linear'. Received: {argument}={name!r}"
        )
    return name
