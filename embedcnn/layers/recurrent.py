"""SimpleRNN, LSTM and GRU: layers that read a text step by step, and carry a state from token to token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import activations, initializers
from ..choices import positive_integer
from ..graph import Node, Shape, SymbolicTensor, flatten
from ..initializers import Initializer
from ..variables import Variable, mark_changed
from .base import Layer, _boolean, known_channels, require_rank
from .regularization import Dropout

NOT_OF_A_CELL = ("silu", "gelu", "gelu_tanh", "softmax", "log_softmax", "mish", "swish", "hard_silu")
"""Activations whose slope does not follow from their value, which is all that a cell keeps."""


class _ForgetBias(Initializer):
    """Zeros, but ones for LSTM's forget gate (Jozefowicz and others 2015)."""

    def __init__(self, initializer: Initializer) -> None:
        self.initializer = initializer

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        units = shape[-1] // 4
        parts = [self.initializer((units,)), np.ones(units), self.initializer((2 * units,))]
        return np.concatenate(parts).astype(np.float32)


class RecurrentLayer(Layer):
    """What the recurrent layers share: arguments, states, calls with an initial state."""

    operation = ""
    gates = 1
    state_count = 1

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        **options: Any,
    ) -> None:
        self.units = positive_integer("units", units)
        self.activation = _cell_activation("activation", activation)
        self.recurrent_activation = _cell_activation("recurrent_activation", recurrent_activation)
        self.use_bias = _boolean("use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.recurrent_initializer = initializers.get(recurrent_initializer, "recurrent_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        self.dropout = _rate("dropout", dropout)
        self.recurrent_dropout = _rate("recurrent_dropout", recurrent_dropout)
        self._random = Dropout(0.0, seed=seed, name="random")  # keys the dropout of this layer
        self.seed = self._random.seed
        self.return_sequences = _boolean("return_sequences", return_sequences)
        self.return_state = _boolean("return_state", return_state)
        self.go_backwards = _boolean("go_backwards", go_backwards)
        self.stateful = _boolean("stateful", stateful)
        self.zero_output_for_mask = _boolean("zero_output_for_mask", zero_output_for_mask)
        options.pop("unroll", None)  # says how to compute, not what
        options.pop("use_cudnn", None)
        options.pop("implementation", None)
        self.states: list[Variable] = []
        super().__init__(**options)

    # -- calls -----------------------------------------------------------------------------------------------
    def __call__(self, inputs: Any, initial_state: Any = None, **options: Any) -> Any:
        """Applies the layer to a sequence; `initial_state`: tensors (B, units), LSTM's are h and c."""
        if options.pop("mask", None) is not None:
            raise ValueError(
                f"Layer {self.name!r} takes its mask from the input (Embedding(mask_zero=True), Masking or "
                "Ragged). Received: mask=..."
            )
        options.pop("training", None)
        if options:
            raise TypeError(f"{self.name!r} was called with unknown arguments {sorted(options)}")
        tensors = flatten(inputs) + ([] if initial_state is None else flatten(initial_state))
        for tensor in tensors:
            if not isinstance(tensor, SymbolicTensor):
                raise TypeError(
                    f"Layer {self.name!r} must be called on the result of Input(...) or of another layer. "
                    f"Received: {type(tensor).__name__}. For data, build a Model and call model.predict(data)"
                )
        self.check_inputs(tensors)
        if not self.built:
            self.build(tensors[0].shape)
            self.built = True
        if self.stateful and not self.states:
            self._make_states(tensors[0])
        node = Node(self, tensors, self._output_shapes(tensors[0].shape))
        self.nodes.append(node)
        return list(node.outputs) if self.return_state else node.outputs[0]

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        x, states = tensors[0], tensors[1:]
        if x.ndim != 3:
            hint = (
                "; give the layer below return_sequences=True"
                if isinstance(x.node.layer, RecurrentLayer)
                else ""
            )
            require_rank(self, x, 3, f"(batch, time, channels){hint}")
        if self.built and x.shape[-1] != self._channels:
            raise ValueError(
                f"Layer {self.name!r} was built for {self._channels} channels. Received: shape={x.shape}"
            )
        if states and len(states) != self.state_count:
            raise ValueError(
                f"Layer {self.name!r} has {self.state_count} state(s). Received: an initial_state of "
                f"{len(states)} tensors"
            )
        for state in states:
            if state.ndim != 2 or state.shape[-1] != self.units:
                raise ValueError(
                    f"Layer {self.name!r}: an initial state must have the shape (batch, {self.units}). "
                    f"Received: shape={state.shape}"
                )
        if states and self.stateful:
            raise ValueError(f"Layer {self.name!r} is stateful: its states are set by reset_state(values)")

    def _output_shapes(self, shape: Shape) -> list[Shape]:
        last = (shape[0], self.units)
        first = (shape[0], shape[1], self.units) if self.return_sequences else last
        return [first] + [last] * (self.state_count if self.return_state else 0)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        shapes = self._output_shapes(tuple(input_shape))
        return shapes if self.return_state else shapes[0]

    # -- weights ---------------------------------------------------------------------------------------------
    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        columns = self.gates * self.units
        self.kernel = self.add_weight("kernel", (self._channels, columns), self.kernel_initializer)
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", (self.units, columns), self.recurrent_initializer
        )
        self.bias = self._make_bias() if self.use_bias else None

    def _make_bias(self) -> Variable:
        return self.add_weight("bias", (self.gates * self.units,), self.bias_initializer)

    def _make_states(self, x: SymbolicTensor) -> None:
        batch = _batch_size_of(x)
        if batch is None:
            raise ValueError(
                f"Layer {self.name!r} is stateful: it keeps a state for each text of a batch, so the batch "
                "must have a fixed size. Give Input(..., batch_size=32) or Input(batch_shape=(32, ...))"
            )
        for number in range(self.state_count):
            value = np.zeros((batch, self.units), np.float32)
            self.states.append(Variable(f"state_{number}", value, self, tracked=True))

    def reset_state(self, states: Any = None) -> None:
        """Sets the states of a stateful layer to zeros, or to arrays (batch, units), h first.

        Raises ValueError where the layer is not stateful or shapes differ. As keras.layers.RNN.reset_state.
        """
        if not self.stateful:
            raise ValueError(f"Layer {self.name!r} is not stateful: it has no state to reset")
        values = [0.0] * len(self.states) if states is None else list(states)
        if len(values) != len(self.states):
            raise ValueError(
                f"Layer {self.name!r} has {len(self.states)} state(s). Received: {len(values)} arrays"
            )
        for variable, value in zip(self.states, values, strict=True):
            variable.assign(np.broadcast_to(np.asarray(value, np.float32), variable.shape))
        mark_changed()

    reset_states = reset_state

    def set_torch_weights(
        self, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None
    ) -> None:
        """Copies the weights of a layer of torch.nn.LSTM, GRU or RNN: `weight_ih_l0` (gates x units, C) and
        so on.

        Raises ValueError where shapes differ or a bias is missing.
        """
        turned = [
            np.asarray(weight, np.float32).T[:, self._torch_columns()] for weight in (weight_ih, weight_hh)
        ]
        if self.use_bias:
            if bias_ih is None or bias_hh is None:
                raise ValueError(f"Layer {self.name!r} has a bias: give `bias_ih` and `bias_hh`")
            biases = [np.asarray(bias, np.float32)[self._torch_columns()] for bias in (bias_ih, bias_hh)]
            turned.append(self._joined_biases(*biases))
        self.set_weights(turned)

    def _torch_columns(self) -> np.ndarray:
        """Where each of our columns stands in PyTorch's order of gates."""
        return np.arange(self.gates * self.units)

    def _joined_biases(self, bias_ih: np.ndarray, bias_hh: np.ndarray) -> np.ndarray:
        return bias_ih + bias_hh

    # -- configuration ---------------------------------------------------------------------------------------
    def key(self, call: int) -> int:
        """What keys the random numbers of this layer's dropout."""
        return self._random.key(call)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "units": self.units, "activation": self.activation}
        if self.gates > 1:
            config["recurrent_activation"] = self.recurrent_activation
        names = ("kernel_initializer", "recurrent_initializer", "bias_initializer")
        config |= {name: initializers.serialize(getattr(self, name)) for name in names}
        names = ("use_bias", "dropout", "recurrent_dropout", "seed", "return_sequences", "return_state")
        names += ("go_backwards", "stateful", "zero_output_for_mask")
        return config | {name: getattr(self, name) for name in names}


class SimpleRNN(RecurrentLayer):
    """h = activation(x W + h' W_h + b), step by step: (B, T, C) to (B, units), or (B, T, units) with
    `return_sequences`. As keras.layers.SimpleRNN.

    Masked tokens keep the state. Weights: kernel (C, units), recurrent_kernel (units, units), bias (units,).
    Raises ValueError for inputs that are no sequence and for unknown activations.

    >>> import embedcnn
    >>> embedcnn.layers.SimpleRNN(8)(embedcnn.Input((None, 4))).shape
    (None, 8)
    """

    operation = "simple_rnn"

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
        super().__init__(
            units,
            activation,
            None,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            **options,
        )


class LSTM(RecurrentLayer):
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

    operation = "lstm"
    gates = 4
    state_count = 2

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
        self.unit_forget_bias = _boolean("unit_forget_bias", unit_forget_bias)
        super().__init__(
            units,
            activation,
            recurrent_activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            **options,
        )

    def _make_bias(self) -> Variable:
        initializer = _ForgetBias(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer
        return self.add_weight("bias", (4 * self.units,), initializer)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}


class GRU(RecurrentLayer):
    """Gated recurrent unit (Cho and others 2014): (B, T, C) to (B, units), or (B, T, units) with
    `return_sequences`. As keras.layers.GRU with `reset_after=True`, Keras's and PyTorch's form.

    Gates in the order z r h. Arguments as those of LSTM. Weights: kernel (C, 3 units), recurrent_kernel
    (units, 3 units), bias (2, 3 units). Raises ValueError for `reset_after=False`, for inputs that are no
    sequence and for unknown activations.

    >>> import embedcnn
    >>> embedcnn.layers.GRU(8)(embedcnn.Input((10, 4))).shape
    (None, 8)
    """

    operation = "gru"
    gates = 3

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
        if reset_after is not True:
            raise ValueError(
                "`reset_after` must be True (the reset gate behind the product, as in Keras and PyTorch). "
                f"Received: reset_after={reset_after!r}"
            )
        super().__init__(
            units,
            activation,
            recurrent_activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            **options,
        )

    def _make_bias(self) -> Variable:
        return self.add_weight("bias", (2, 3 * self.units), self.bias_initializer)

    def _torch_columns(self) -> np.ndarray:  # r z n there
        units = np.arange(self.units)
        return np.concatenate([self.units + units, units, 2 * self.units + units])

    def _joined_biases(self, bias_ih: np.ndarray, bias_hh: np.ndarray) -> np.ndarray:
        return np.stack([bias_ih, bias_hh])


def _cell_activation(argument: str, value: Any) -> str:
    name = activations.name_of(value)
    if name in NOT_OF_A_CELL:
        raise ValueError(
            f"`{argument}` of a recurrent layer must be one whose slope follows from its value, as 'tanh', "
            f"'sigmoid', 'relu', 'hard_sigmoid' or 'linear'. Received: {argument}={name!r}"
        )
    return name


def _rate(argument: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value < 1:
        raise ValueError(f"`{argument}` must be a number in [0, 1). Received: {argument}={value!r}")
    return float(value)


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
