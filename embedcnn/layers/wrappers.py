"""Bidirectional and TimeDistributed: layers around another layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..choices import one_of
from ..graph import Node, Shape, SymbolicTensor
from ..variables import mark_changed
from .base import Layer
from .core import Dense
from .recurrent import RecurrentLayer

MERGES = ("concat", "sum", "mul", "ave", None)


class _Wrapper(Layer):
    """A layer that holds others: their weights are its own."""

    def _adopt(self, layer: Layer, prefix: str) -> None:
        for variable in layer.weights:
            variable.layer = self
            variable.name = f"{prefix}{variable.name}"
            self._variables.append(variable)
        mark_changed()


def _described(layer: Layer) -> dict[str, Any]:
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def _made(layer: Any) -> Any:
    """A layer from its description in a file, or the layer itself."""
    if not isinstance(layer, dict):
        return layer
    from . import CLASSES

    if layer.get("class_name") not in CLASSES:
        raise ValueError(f"unknown layer class {layer.get('class_name')!r}; allowed: {', '.join(CLASSES)}")
    return CLASSES[layer["class_name"]].from_config(layer["config"])


class Bidirectional(_Wrapper):
    """Reads the text in both directions with two recurrent layers: (B, T, C) to (B, 2 units), or (B, T, 2
    units) where the layer has `return_sequences`. As keras.layers.Bidirectional.

    `layer` is the pattern of both (or of the forward one, where `backward_layer` is given, which must have
    go_backwards=True). `merge_mode`: "concat", "sum", "mul", "ave", or None for a list of both outputs.
    Weights: first the forward layer's. Raises TypeError unless `layer` is recurrent, ValueError for unknown
    modes.

    >>> import embedcnn
    >>> from embedcnn.layers import LSTM
    >>> Bidirectional(LSTM(8))(embedcnn.Input((10, 4))).shape
    (None, 16)
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **options: Any,
    ) -> None:
        layer, backward_layer = _made(layer), _made(backward_layer)
        if not isinstance(layer, RecurrentLayer):
            raise TypeError(f"`layer` must be an LSTM, GRU or SimpleRNN. Received: {layer!r}")
        if merge_mode is not None:
            one_of("merge_mode", merge_mode, tuple(mode for mode in MERGES if mode))
        if layer.return_state or layer.stateful:
            raise ValueError("`layer` of Bidirectional must have return_state=False and stateful=False")
        super().__init__(**options)
        self.merge_mode = merge_mode
        if backward_layer is None:
            config = layer.get_config() | {"name": f"backward_{layer.name}"}
            backward_layer = type(layer).from_config(config | {"go_backwards": not layer.go_backwards})
        elif not isinstance(backward_layer, RecurrentLayer):
            raise TypeError(
                f"`backward_layer` must be an LSTM, GRU or SimpleRNN. Received: {backward_layer!r}"
            )
        if backward_layer.go_backwards == layer.go_backwards:
            raise ValueError("`backward_layer` must read in the other direction: go_backwards=True")
        if backward_layer.return_sequences != layer.return_sequences:
            raise ValueError("`layer` and `backward_layer` must have the same return_sequences")
        self.forward_layer = type(layer).from_config(layer.get_config() | {"name": f"forward_{layer.name}"})
        self.backward_layer = backward_layer
        self._pattern = layer
        self._initial_weights = weights

    def __call__(self, inputs: Any, **options: Any) -> Any:
        out = super().__call__(inputs, **options)
        if self.merge_mode is not None:
            return out
        self.nodes[-1] = Node(self, out.node.inputs, [out.shape, out.shape])
        return list(self.nodes[-1].outputs)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        self.forward_layer.check_inputs(tensors)

    def build(self, input_shape: Shape) -> None:
        for layer, prefix in ((self.forward_layer, "forward_"), (self.backward_layer, "backward_")):
            layer.build(input_shape)
            layer.built = True
            self._adopt(layer, prefix)
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        shape = self.forward_layer.compute_output_shape(input_shape)
        units = self.forward_layer.units + self.backward_layer.units
        return (*shape[:-1], units) if self.merge_mode == "concat" else shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layer": _described(self._pattern),
            "merge_mode": self.merge_mode,
            "backward_layer": _described(self.backward_layer),
        }


class TimeDistributed(_Wrapper):
    """Applies a layer to each step alone: (B, T, C) to (B, T, C'). As keras.layers.TimeDistributed.

    For layers that look at one step at a time already (Dense, Activation, Dropout, normalisations ...) it
    changes nothing. Raises ValueError for layers that read several steps.

    >>> import embedcnn
    >>> TimeDistributed(embedcnn.layers.Dense(3))(embedcnn.Input((10, 4))).shape
    (None, 10, 3)
    """

    def __init__(self, layer: Any, **options: Any) -> None:
        layer = _made(layer)
        if not isinstance(layer, Layer) or layer.inputs_many:
            raise TypeError(f"`layer` must be a layer of one input. Received: {layer!r}")
        self.layer = layer
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        if tensors[0].ndim != 3:
            raise ValueError(
                f"Layer {self.name!r} expects an input of 3 axes (batch, time, channels). "
                f"Received: shape={tensors[0].shape}"
            )
        from . import EACH_STEP

        if not isinstance(self.layer, EACH_STEP):
            raise ValueError(
                f"TimeDistributed takes layers of single steps, as {Dense.__name__}. Received: "
                f"{type(self.layer).__name__}, which reads several steps of a text"
            )
        self.layer.check_inputs(tensors)

    def build(self, input_shape: Shape) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        self._adopt(self.layer, f"{self.layer.name}_")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(self.layer.compute_output_shape(input_shape))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": _described(self.layer)}
