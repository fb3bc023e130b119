"""A graph of layers with one name: structure, shapes, weights, configuration. What trains it: model.py."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import layers
from ..base.arguments import optional, positive_integer
from ..base.checked import checked
from ..graph import nesting
from ..graph.nodes import Node, SymbolicTensor, by_depth, unique_layers, walk
from ..graph.variables import Variable, assign_numbers
from ..layers.base import Layer
from .summary import lines, terminal_columns


class LayerGraph:
    """The layers between `inputs` and `outputs`, as one unit; without these it is not built yet."""

    reads_texts = False
    traces = False
    """Whether a subclass has a `call`, which makes the graph (see Subclassed)."""
    inputs_many = False  # as a layer of another model it takes a list where it has several inputs

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[Node] = []
        self.call_units: list[nesting.Unit] = []
        self.inputs: list[SymbolicTensor] = []
        self.outputs: list[SymbolicTensor] = []
        self.output_keys: list[str] | None = None
        """The keys of the outputs, where these were given as a dict."""
        self._layers: list[Layer] = []
        self._rate_scale = 1.0
        self.own_losses: list[SymbolicTensor] = []
        """What add_loss of the model itself, not of its layers, was given."""
        self.added: list[SymbolicTensor] = []
        """What is added to the loss: all of that, and of the layers inside."""

    def _connect(self, inputs: list[SymbolicTensor], outputs: list[SymbolicTensor]) -> None:
        for tensor in inputs:
            if not isinstance(tensor.node.layer, layers.InputLayer):
                raise ValueError(
                    f"`inputs` must be made by Input(...). Received: the output of {tensor.name!r}"
                )
        walked, before = walk(inputs, outputs, all_inputs=False), -1  # a loss may need one alone
        while len(walked) != before:  # a loss may be made by calls that add another one
            before = len(walked)
            calls = [call for node in walked for call in node.calls]
            self.added = nesting.added_losses([self.own_losses, *(call.losses for call in calls)])
            walked = walk(inputs, [*outputs, *self.added], all_inputs=False) if self.added else walked
        walk(inputs, [*outputs, *self.added])
        self.nodes, self.call_units = by_depth(walked), nesting.units_by_depth(walked)
        self.inputs, self.outputs = inputs, outputs
        self._layers = unique_layers(self.call_units)
        names = [layer.name for layer in self._layers]
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise ValueError(f"Layer names must be unique within a model. Received twice: {twice}")

    # -- structure -------------------------------------------------------------------------------------------
    def _require_built(self, what: str) -> None:
        if not self.built:
            raise ValueError(
                f"Model {self.name!r} is not built yet, so {what} is not known. Begin it with "
                "Input(shape=...), or call fit, build or predict first"
            )

    def _require_known(self, attribute: str) -> None:
        """So that hasattr(model, attribute) says whether it is known."""
        try:
            self._require_built(attribute)
        except ValueError as error:
            raise AttributeError(str(error)) from None

    @property
    def built(self) -> bool:
        """Whether the graph and the weights are there."""
        return bool(self.outputs)

    @property
    def layers(self) -> list[Layer]:
        """The layers, inputs first; `layers[0]` is the InputLayer. Of a subclass with a `call` those that are
        its attributes.
        """
        return list(nesting.parts_of(self).values()) if self.traces else list(self._layers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name or index; ValueError where there is none."""
        if (name is None) == (index is None):
            raise ValueError(f"Give either `name` or `index`. Received: name={name!r}, index={index!r}")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"`index`={index} is outside [0, {len(self.layers)})")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name!r}. Existing layers: {[layer.name for layer in self.layers]}")

    @property
    def trainable(self) -> bool:
        """Whether any layer learns; what is set holds for all layers, from the next step."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = value

    @property
    def learning_rate_scale(self) -> float:
        """What multiplies the optimizer's learning rate for all layers, as last set for the whole model."""
        return self._rate_scale

    @learning_rate_scale.setter
    def learning_rate_scale(self, value: float) -> None:
        for layer in self.layers:
            layer.learning_rate_scale = value
        self._rate_scale = value

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or a list of shapes; AttributeError before it is known."""
        self._require_known("input_shape")
        shapes = [tensor.shape for tensor in self.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or a list or dict of shapes."""
        self._require_known("output_shape")
        return self._as_outputs([tensor.shape for tensor in self.outputs])

    @property
    def input(self) -> Any:
        """The symbolic input, or a list of them."""
        self._require_known("input")
        return self.inputs[0] if len(self.inputs) == 1 else list(self.inputs)

    @property
    def output(self) -> Any:
        """The symbolic output, or a list or dict of them."""
        self._require_known("output")
        return self._as_outputs(list(self.outputs))

    def _as_outputs(self, values: list[Any]) -> Any:
        """One value for each output in the form in which `outputs` was given: alone, a list, or a dict."""
        if self.output_keys is not None:
            return dict(zip(self.output_keys, values, strict=True))
        return values[0] if len(values) == 1 else values

    def _replayed(self, tensors: list[SymbolicTensor], training: bool | None = None) -> Any:
        """The graph again, with the same layers, on other tensors."""
        self._require_built("its graph")
        if len(tensors) != len(self.inputs):
            raise ValueError(
                f"Model {self.name!r} has {len(self.inputs)} input{'s' * (len(self.inputs) > 1)}. "
                f"Received: {len(tensors)}"
            )
        return self._as_outputs(nesting.replay(self, tensors, training))

    # -- weights ---------------------------------------------------------------------------------------------
    @property
    def weights(self) -> list[Variable]:
        """The weights of all layers, each once."""
        return nesting.all_weights(self)

    variables = weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that learn."""
        return [variable for variable in self.weights if variable.trainable]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that do not learn."""
        return [variable for variable in self.weights if not variable.trainable]

    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, in the order of the layers."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Copies arrays into the weights; ValueError that names weight and shapes where they differ."""
        self._require_built("the number of weights")
        own, weights = self.weights, list(weights)
        if len(own) != len(weights):
            raise ValueError(f"Model {self.name!r} has {len(own)} weights. Received: {len(weights)} arrays")
        assign_numbers(own, weights)

    def count_params(self) -> int:
        """How many numbers all weights hold."""
        self._require_built("the number of weights")
        return sum(variable.size for variable in self.weights)

    # -- look ------------------------------------------------------------------------------------------------
    @checked
    def summary(
        self,
        line_length: int | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
    ) -> None:
        """Prints the layers with shapes, sizes and whether they train; with `expand_nested` also those of
        models inside. Before it is built, shapes and sizes are "?". On a terminal it is as wide as this where
        no `line_length` is given. As keras.Model.summary.
        """
        line_length = optional(positive_integer, "line_length", line_length)
        if print_fn is not None and not callable(print_fn):
            raise TypeError(f"`print_fn` must be a function or None. Received: print_fn={print_fn!r}")
        if line_length is None and print_fn is None:
            line_length = terminal_columns()
        (print_fn or print)("\n".join(lines(self, line_length, expand_nested)))

    def _repr_html_(self) -> str:
        """The summary, for notebooks."""
        return f"<pre>{html.escape(chr(10).join(lines(self, None, False)))}</pre>"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    # -- configuration ---------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """The architecture: layers with their arguments, and how they are joined."""
        self._require_built("its configuration")
        place: dict[int, list[Any]] = {}
        calls_of: dict[int, list[Any]] = {}
        for unit in self.call_units:
            calls_of.setdefault(id(unit.layer), []).append(unit)
        stored: list[dict[str, Any]] = []
        for layer in self._layers:
            calls = calls_of[id(layer)]
            for number, unit in enumerate(calls):
                for index, tensor in enumerate(unit.outputs):
                    place[id(tensor)] = [layer.name, number, index] if index else [layer.name, number]
            entry: dict[str, Any] = {
                "class_name": type(layer).__name__,
                "config": layer.get_config(),
                "calls": calls,
            }
            if "name" not in entry["config"]:
                entry["name"] = layer.name
            given = [getattr(unit, "arguments", None) for unit in calls if unit.inputs]
            if any(arguments is not None for arguments in given):
                entry["arguments"] = given
            stored.append(entry)
        for entry in stored:
            trainings = [node.training for node in entry["calls"] if node.inputs]
            if any(training is not None for training in trainings):
                entry["training"] = trainings
            entry["calls"] = [
                [place[id(tensor)] for tensor in node.inputs] for node in entry["calls"] if node.inputs
            ]
        return {
            "name": self.name,
            "layers": stored,
            "inputs": [place[id(tensor)] for tensor in self.inputs],
            "outputs": [place[id(tensor)] for tensor in self.outputs],
            **({} if self.output_keys is None else {"output_keys": self.output_keys}),
            **({"losses": [place[id(one)] for one in self.own_losses]} if self.own_losses else {}),
        }
