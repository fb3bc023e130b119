"""RecurrentLayer: the run of a cell over a text, which SimpleRNN, LSTM, GRU and RNN share. Bidirectional
takes calls, states and PyTorch's weights in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.arguments import boolean
from ..base.arrays import numbers
from ..base.checked import checked
from ..graph.nodes import Node, Shape, SymbolicTensor, flatten, is_symbolic
from ..graph.variables import Variable, mark_changed
from . import torch_weights
from .base import Layer, require_rank
from .call_arguments import called_with
from .on_arrays import on_arrays
from .recurrent_step import check_states, nested
from .shaping import ApplyMask


class RecurrentLayer(Layer):
    """What the recurrent layers share: they run a cell over a text, or several above each other. Arguments of
    the run, states, calls with an initial state.
    """

    @checked
    def __init__(
        self,
        *arguments: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        **options: Any,
    ) -> None:
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.zero_output_for_mask = zero_output_for_mask
        boolean("unroll", options.pop("unroll", False))  # says how to compute, not what
        if options.pop("use_cudnn", "auto") not in ("auto", True, False):
            raise ValueError("`use_cudnn` must be 'auto', True or False: there is no cuDNN on a CPU")
        self.states: list[Variable] = []
        super().__init__(*arguments, **options)

    @property
    def cell(self) -> Any:
        """What is run: the cell, or StackedRNNCells. As in Keras; LSTM and its like are their own cells."""
        return self

    # -- calls -----------------------------------------------------------------------------------------------
    def __call__(self, inputs: Any, initial_state: Any = None, **options: Any) -> Any:
        """Applies the layer to a sequence; `initial_state`: tensors (B, units), LSTM's are h and c; `mask`: a
        tensor (B, T), 0 where a step is masked, besides the mask that the sequence has. Arrays give arrays.
        """
        if not is_symbolic(inputs):
            return on_arrays("call", self, inputs, initial_state=initial_state, **options)
        training = called_with(self, options)
        tensors = recurrent_arguments(self, inputs, initial_state, options)
        self.check_inputs(tensors)
        if not self.built:
            self.build(tensors[0].shape)
        self.prepare_states(tensors[0])
        node = Node(self, tensors, self.output_shapes(tensors[0].shape))
        node.training = training
        self.nodes.append(node)
        return self.nest(node.outputs) if self.return_state else node.outputs[0]

    def nest(self, outputs: Sequence[Any]) -> list[Any]:
        """The output and the states, of stacked cells a list for each, as in Keras."""
        return [outputs[0], *nested(outputs[1:], self.cell.state_shapes)]

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        x, states = tensors[0], tensors[1:]
        if x.ndim != 3:
            require_rank(self, x, 3, "(batch, time, channels)")
        self.cell.check_channels(self.name, x)
        check_states(self, states, flatten(self.cell.state_shapes))
        if states and self.stateful:
            raise ValueError(f"Layer {self.name!r} is stateful: its states are set by reset_state(values)")

    def output_shapes(self, shape: Shape) -> list[Shape]:
        """Shapes of the output and, with `return_state`, of the states."""
        units = self.cell.output_size
        first = (shape[0], shape[1], units) if self.return_sequences else (shape[0], units)
        sizes = flatten(self.cell.state_shapes) if self.return_state else []
        return [first, *((shape[0], size) for size in sizes)]

    def compute_output_shape(self, input_shape: Shape) -> Any:
        shapes = self.output_shapes(tuple(input_shape))
        return self.nest(shapes) if self.return_state else shapes[0]

    # -- states ----------------------------------------------------------------------------------------------
    def prepare_states(self, x: SymbolicTensor) -> None:
        """Makes the states of a stateful layer; ValueError where the batch has no fixed size."""
        if not self.stateful or self.states:
            return
        batch = _batch_size_of(x)
        if batch is None:
            raise ValueError(
                f"Layer {self.name!r} is stateful: it keeps a state for each text of a batch, so the batch "
                "must have a fixed size. Give Input(..., batch_size=32) or Input(batch_shape=(32, ...))"
            )
        for number, units in enumerate(flatten(self.cell.state_shapes)):
            value = np.zeros((batch, units), np.float32)
            self.states.append(Variable(f"state_{number}", value, self, tracked=True))

    def reset_state(self, states: Any = None) -> None:
        """Sets the states of a stateful layer to zeros, or to arrays (batch, units), h first.

        Raises ValueError where the layer is not stateful or shapes differ. As keras.layers.RNN.reset_state.
        """
        if not self.stateful:
            raise ValueError(f"Layer {self.name!r} is not stateful: it has no state to reset")
        for variable, value in zip(self.states, checked_states(self, states), strict=True):
            variable.assign(value)
        mark_changed()

    reset_states = reset_state


def recurrent_arguments(
    layer: Layer, inputs: Any, initial_state: Any, options: dict[str, Any]
) -> list[SymbolicTensor]:
    """The tensors of a call: the sequence, under the `mask` where one is given, then the first states."""
    mask = options.pop("mask", None)
    if options:
        raise TypeError(f"{layer.name!r} was called with unknown arguments {sorted(options)}")
    states = [] if initial_state is None else flatten(initial_state)
    strange = [type(state).__name__ for state in states if not isinstance(state, SymbolicTensor)]
    if strange:
        raise TypeError(
            f"Layer {layer.name!r}: `initial_state` must hold results of Input(...) or of other layers, of "
            f"the shape (batch, units). Received: {strange[0]}"
        )
    tensors = flatten(inputs) + states
    for tensor in tensors:
        if not isinstance(tensor, SymbolicTensor):
            raise TypeError(
                f"Layer {layer.name!r} must be called on the result of Input(...) or of another layer, or on "
                f"arrays alone. Received: {type(tensor).__name__} beside symbolic tensors"
            )
    return tensors if mask is None else [_under_mask(layer, tensors[0], mask), *tensors[1:]]


def _under_mask(layer: Layer, x: SymbolicTensor, mask: Any) -> SymbolicTensor:
    if not isinstance(mask, SymbolicTensor):
        raise TypeError(
            f"Layer {layer.name!r}: `mask` must be the result of Input((time,)) or of another layer, 0 where "
            "a step is masked. (Embedding(mask_zero=True), Masking and Ragged mask without it.) Received: "
            f"mask of type {type(mask).__name__}"
        )
    return ApplyMask()([x, mask])


def checked_states(layer: Any, given: Any) -> list[np.ndarray]:
    """One array (batch, units) for each state, zeros for None; ValueError where number or shapes differ."""
    if given is None:
        return [np.zeros(state.shape) for state in layer.states]
    if isinstance(given, np.ndarray):
        given = [given] if given.ndim == 2 else list(given)
    arrays = flatten(list(given)) if isinstance(given, (list, tuple)) else []
    if len(arrays) != len(layer.states):
        raise ValueError(
            f"Layer {layer.name!r} has {len(layer.states)} state(s), set by a list of as many arrays. "
            f"Received: {f'{len(arrays)} arrays' if arrays else repr(given)}"
        )
    arrays = [numbers("states", value) for value in arrays]
    for array, state in zip(arrays, layer.states, strict=True):
        if array.shape != state.shape:
            raise ValueError(
                f"Layer {layer.name!r}: a state has the shape (batch, units) = {state.shape}. "
                f"Received: shape {array.shape}"
            )
    return arrays


def set_torch_weights(layer: Layer, cells: Sequence[Any], arrays: Sequence[Any]) -> None:
    """Copies PyTorch's arrays into the cells of a layer, in their order."""
    expected = sum(torch_weights.count(cell) for cell in cells)
    if len(arrays) != expected:
        raise ValueError(
            f"Layer {layer.name!r} takes {expected} arrays of PyTorch: weight_ih, weight_hh and, with a "
            f"bias, bias_ih and bias_hh of each of its {len(cells)} cells. Received: {len(arrays)} arrays"
        )
    rest, ours = list(arrays), []
    for cell in cells:
        ours += torch_weights.read(cell, rest[: torch_weights.count(cell)])
        rest = rest[torch_weights.count(cell) :]
    layer.set_weights(ours)


def _batch_size_of(tensor: SymbolicTensor) -> int | None:
    """The fixed batch size of the Input that a tensor comes from; None where it has none."""
    seen, stack = set(), [tensor.node]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not node.inputs and getattr(node.layer, "batch_size", None) is not None:
            return int(node.layer.batch_size)
        stack += [one.node for one in node.inputs]
    return None
