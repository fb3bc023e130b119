"""Bidirectional and TimeDistributed: layers around another layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.arguments import boolean, one_of
from ..graph.nesting import holds_layers, is_model, leaf_layers
from ..graph.nodes import Node, Shape, SymbolicTensor, flatten, is_symbolic, walk
from ..graph.variables import Variable, mark_changed
from .activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from .base import Layer, require_rank
from .call_arguments import called_with
from .core import Dense, Identity
from .each_step import on_each_step
from .normalization import LayerNormalization, UnitNormalization
from .on_arrays import on_arrays
from .recurrent_layer import RecurrentLayer, checked_states, recurrent_arguments, set_torch_weights
from .regularization import Dropout, GaussianDropout, GaussianNoise
from .wrapping import Holder, made

MERGES = ("concat", "sum", "mul", "ave", None)

EACH_STEP = (
    Activation,
    Dense,
    Dropout,
    ELU,
    GaussianDropout,
    GaussianNoise,
    Identity,
    LayerNormalization,
) + ((LeakyReLU, PReLU, ReLU, Softmax, UnitNormalization))
"""The layers that look at one step of a text at a time, whatever the others are."""


class Bidirectional(Holder):
    """Reads the text in both directions with two recurrent layers: (B, T, C) to (B, 2 units), or (B, T, 2
    units) where the layer has `return_sequences`. As keras.layers.Bidirectional.

    `layer` is the pattern of both (or of the forward one, where `backward_layer` is given, which must have
    go_backwards=True). `merge_mode`: "concat", "sum", "mul", "ave", or None for a list of both outputs.
    Where the layer has `return_state`, a list: the output(s), the forward layer's states and the backward
    one's; `initial_state` takes states in that order. Masked steps of a sequence are zeros, as in Keras.
    Weights: first the forward layer's. Raises TypeError unless `layer` is recurrent, ValueError for unknown
    modes.

    >>> import embedcnn
    >>> from embedcnn.layers import LSTM
    >>> Bidirectional(LSTM(8))(embedcnn.Input((10, 4))).shape
    (None, 16)
    """

    not_stored = ("weights",)

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **options: Any,
    ) -> None:
        layer, backward_layer = made(layer), made(backward_layer)
        _check_recurrent("layer", layer)
        if merge_mode is not None:
            one_of("merge_mode", merge_mode, tuple(mode for mode in MERGES if mode))
        super().__init__(**options)
        self.merge_mode = merge_mode
        if backward_layer is None:
            config = layer.get_config() | {"name": f"backward_{layer.name}"}
            backward_layer = type(layer).from_config(config | {"go_backwards": not layer.go_backwards})
        _check_recurrent("backward_layer", backward_layer)
        if backward_layer.go_backwards == layer.go_backwards:
            raise ValueError("`backward_layer` must read in the other direction: go_backwards=True")
        for name in ("return_sequences", "return_state", "stateful"):
            if getattr(backward_layer, name) != getattr(layer, name):
                raise ValueError(f"`layer` and `backward_layer` must have the same {name}")
        if merge_mode in ("sum", "mul", "ave") and backward_layer.cell.output_size != layer.cell.output_size:
            raise ValueError(
                f"merge_mode={merge_mode!r} needs as many units in both directions; 'concat' takes any. "
                f"Received: {layer.cell.output_size} and {backward_layer.cell.output_size}"
            )
        self.forward_layer = type(layer).from_config(layer.get_config() | {"name": f"forward_{layer.name}"})
        self.backward_layer = backward_layer
        for one in (self.forward_layer, self.backward_layer):
            one.zero_output_for_mask = one.return_sequences
        self.return_sequences, self.return_state = layer.return_sequences, layer.return_state
        self.stateful = layer.stateful
        self.layer = layer
        self._initial_weights = weights

    # -- calls -----------------------------------------------------------------------------------------------
    def __call__(self, inputs: Any, initial_state: Any = None, **options: Any) -> Any:
        """Applies both layers; `initial_state`: the forward layer's states, then the backward one's; `mask`:
        a tensor (B, T), 0 where a step is masked, besides the mask that the sequence has.
        """
        if not is_symbolic(inputs):
            return on_arrays("call", self, inputs, initial_state=initial_state, **options)
        training = called_with(self, options)
        tensors = recurrent_arguments(self, inputs, initial_state, options)
        self.check_inputs(tensors)
        if not self.built:
            self.build(tensors[0].shape)
        for layer in self._both():
            layer.prepare_states(tensors[0])
        found = self.compute_output_shape(tensors[0].shape)
        single = isinstance(found, tuple)
        node = Node(self, tensors, [found] if single else list(_shapes(found)))
        node.training = training
        self.nodes.append(node)
        return node.outputs[0] if single else self._nest(node.outputs)

    @property
    def states(self) -> list[Variable]:
        """What a stateful layer carries from batch to batch, the forward layer's first."""
        return [state for layer in self._both() for state in layer.states]

    def _both(self) -> tuple[Any, Any]:
        return self.forward_layer, self.backward_layer

    def states_of(self, states: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """First states of each direction: the forward layer's come first."""
        count = len(flatten(self.forward_layer.cell.state_shapes)) if states else 0
        return list(states[:count]), list(states[count:])

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        states = list(tensors[1:])
        expected = sum(len(flatten(layer.cell.state_shapes)) for layer in self._both())
        if states and len(states) != expected:
            raise ValueError(
                f"Layer {self.name!r} has {expected} state(s), the forward layer's and the backward one's. "
                f"Received: an initial_state of {len(states)} tensors"
            )
        for layer, own in zip(self._both(), self.states_of(states), strict=True):
            layer.check_inputs([tensors[0], *own])

    def _nest(self, outputs: Sequence[Any]) -> list[Any]:
        merged = 1 if self.merge_mode else 2
        rest, result = list(outputs[merged:]), list(outputs[:merged])
        for layer in self._both() if self.return_state else ():
            count = len(flatten(layer.cell.state_shapes))
            result += layer.nest([None, *rest[:count]])[1:]
            rest = rest[count:]
        return result

    def compute_output_shape(self, input_shape: Shape) -> Any:
        both = [layer.output_shapes(tuple(input_shape)) for layer in self._both()]
        first, other = both[0][0], both[1][0]
        merged = [first, other]
        if self.merge_mode is not None:
            units = first[-1] + other[-1] if self.merge_mode == "concat" else first[-1]
            merged = [(*first[:-1], units)]
        shapes = [*merged, *both[0][1:], *both[1][1:]]
        return shapes[0] if len(shapes) == 1 else self._nest(shapes)

    def reset_state(self, states: Any = None) -> None:
        """Sets the states of both layers to zeros, or to arrays, the forward layer's first.

        Raises ValueError where the layer is not stateful or shapes differ.
        """
        if not self.stateful:
            raise ValueError(f"Layer {self.name!r} is not stateful: it has no state to reset")
        own = self.states_of(checked_states(self, states))
        for layer, one in zip(self._both(), own, strict=True):
            layer.reset_state(one)

    reset_states = reset_state

    # -- weights ---------------------------------------------------------------------------------------------
    def build(self, input_shape: Shape) -> None:
        for layer, prefix in ((self.forward_layer, "forward_"), (self.backward_layer, "backward_")):
            if not layer.built:
                layer.build(input_shape)
            self._adopt(layer, prefix)
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)

    def set_torch_weights(self, *arrays: Any) -> None:
        """Copies the weights of one layer of a bidirectional torch.nn.LSTM, GRU or RNN: weight_ih, weight_hh
        and, with a bias, bias_ih and bias_hh, then the same of the reverse direction, as `parameters()` has
        them.

        Raises ValueError for another number of arrays, or other shapes.
        """
        set_torch_weights(self, [cell for layer in self._both() for cell in layer.cells], arrays)

    def torch_weights(self) -> list[np.ndarray]:
        """The weights in PyTorch's layout and order, the forward layer's first.

        Raises ValueError for a layer that is not built, or has no such form.
        """
        return [array for layer in self._both() for array in layer.torch_weights()]


def _check_recurrent(argument: str, layer: Any) -> None:
    if not isinstance(layer, RecurrentLayer):
        raise TypeError(f"`{argument}` must be an LSTM, GRU, SimpleRNN or RNN. Received: {layer!r}")


def _shapes(found: Any) -> list[Shape]:
    """The shapes in a nested list of them."""
    return [found] if isinstance(found, tuple) else [shape for part in found for shape in _shapes(part)]


class TimeDistributed(Holder):
    """Applies a layer, or a model, to each step alone: (B, T, ...) to (B, T, ...). As
    keras.layers.TimeDistributed.

    `layer` may read whole sequences: a sentence encoder over the sentences of documents, ids (B, S, W), runs
    over all of them as one batch. The mask of the input goes on, as in Keras: ids give none, an
    `Embedding(mask_zero=True)` inside masks words within each sentence, and sentences that a mask leaves out
    are not computed. Batch normalisation inside has the statistics of all steps together.

    Raises TypeError for what is no layer or model of one input, ValueError where it makes several tensors,
    or one whose size is open, is stateful, or has an activity_regularizer (give it to TimeDistributed).

    >>> import embedcnn
    >>> from embedcnn.layers import Conv1D, Dense, Embedding, GlobalMaxPooling1D
    >>> TimeDistributed(Dense(3))(embedcnn.Input((10, 4))).shape
    (None, 10, 3)
    >>> sentence = embedcnn.Sequential([Embedding(1000, 8), Conv1D(6, 3), GlobalMaxPooling1D()])
    >>> TimeDistributed(sentence)(embedcnn.Input((None, 25))).shape
    (None, None, 6)
    """

    def __init__(self, layer: Any, **options: Any) -> None:
        layer = made(layer)
        if not (isinstance(layer, Layer) or is_model(layer)) or layer.inputs_many:
            raise TypeError(f"`layer` must be a layer or model of one input. Received: {layer!r}")
        if getattr(layer, "activity_regularizer", None) is not None:  # Keras silently leaves it out
            raise ValueError(f"give TimeDistributed the activity_regularizer, not its layer {layer.name!r}")
        self.layer = layer
        self._inner: tuple[SymbolicTensor, SymbolicTensor] | None = None  # of the call at work
        super().__init__(**options)

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Applies the layer to each step of a symbolic tensor, or of an array."""
        if not is_symbolic(inputs):
            return on_arrays("call", self, inputs, **options)
        out = super().__call__(inputs, **options)
        out.node.inner, self._inner = self._inner, None
        if out.node.inner is not None and out.node.training is not None:
            for node in walk([out.node.inner[0]], [out.node.inner[1]]):
                node.training = out.node.training if node.training is None else node.training
        return out

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        x = tensors[0]
        if x.ndim < 3:
            require_rank(self, x, 3, "(batch, time, ...)")
        if self._looks_at_each_step(x.ndim):
            self.layer.check_inputs(tensors)
            return
        for one in leaf_layers([self.layer]):
            if getattr(one, "stateful", False):
                raise ValueError(
                    f"Layer {self.name!r}: {one.name!r} is stateful, but the steps of a text have no state "
                    "between them"
                )
            if one.reads_texts:
                raise ValueError(
                    f"Layer {self.name!r}: {one.name!r} reads texts; give TimeDistributed the ids of words"
                )
            if one.activity_regularizer is not None:
                raise ValueError(f"give TimeDistributed the activity_regularizer, not {one.name!r}")
        self._inner = on_each_step(self, self.layer, x)

    def _looks_at_each_step(self, axes: int) -> bool:
        """Whether the layer inside does so already, with the whole input as its own."""
        axis, noise = getattr(self.layer, "axis", -1), getattr(self.layer, "noise_shape", None)
        return axes == 3 and isinstance(self.layer, EACH_STEP) and axis == -1 and noise is None

    def build(self, input_shape: Shape) -> None:
        if not self.layer.built:
            whole = self._looks_at_each_step(len(input_shape))
            self.layer.build(input_shape if whole else (input_shape[0], *input_shape[2:]))
        if holds_layers(self.layer):
            self._variables += self.layer.weights  # each keeps the name that it has in the model
        else:
            self._adopt(self.layer, f"{self.layer.name}_")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the input, which goes on."""
        return None if mask is None else np.asarray(mask) != 0

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self._inner is not None:
            return (*input_shape[:2], *self._inner[1].shape[1:])
        return tuple(self.layer.compute_output_shape(input_shape))

    @property
    def trainable(self) -> bool:
        return self.layer.trainable if holds_layers(self.layer) else self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if holds_layers(self.layer):
            self.layer.trainable = value
        self._trainable = boolean("trainable", value)
        mark_changed()

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; the layer or model as a file describes it."""
        described = {"class_name": type(self.layer).__name__, "config": self.layer.get_config()}
        return {**super().get_config(), "layer": described}
