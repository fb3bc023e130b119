"""Model: a graph of layers. Training and prediction stand in training/loop.py and training/prediction.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import layers
from ..base.custom_objects import known_objects
from ..base.random_seeds import checked_seed, next_seed
from ..graph import nesting
from ..graph.nodes import Node, SymbolicTensor, by_depth, flatten, unique_layers, walk
from ..graph.variables import Variable
from ..layers.base import Layer, unique_name
from ..lowering import Lowered, input_dtype, lower
from ..training.input_data import InputSpec
from ..training.loop import Trainer
from .configuration import functional_from_config
from .files import ModelFiles
from .text_side import TextSide

if TYPE_CHECKING:
    from ..training.profiling import Profile


class Model(Trainer, TextSide, ModelFiles):
    """A model from `inputs` to `outputs`, tensors or lists of them: branches, shared layers, several inputs
    and outputs.

    `seed` decides shuffling and dropout (None: the next seed, see utils.set_random_seed). `text_encoder` and
    `labels` may be set so that `predict` takes texts and `predict_labels` gives names. One thread at a time:
    a second one
    gets a RuntimeError. Raises TypeError and ValueError where the graph is not connected. As keras.Model.

    >>> import embedcnn
    >>> tokens = embedcnn.Input((None,), dtype="int32")
    >>> x = embedcnn.layers.Embedding(100, 8)(tokens)
    >>> x = embedcnn.layers.GlobalMaxPooling1D()(embedcnn.layers.Conv1D(4, 3, activation="relu")(x))
    >>> model = Model(tokens, embedcnn.layers.Dense(2, activation="softmax")(x))
    >>> model.count_params()
    910
    """

    _base_name = "functional"
    inputs_many = False  # as a layer of another model it takes a list where it has several inputs
    _rewrites = True  # whether its programs are rewritten, see _run_plain

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
        seed: int | None = None,
    ) -> None:
        self._begin(name, seed)
        self._connect(_tensors("inputs", inputs), _tensors("outputs", outputs))
        if not trainable:
            self.trainable = False

    def _begin(self, name: str | None, seed: int | None) -> None:
        """A model without a graph yet."""
        super().__init__()
        self.name = unique_name(self._base_name) if name is None else name
        self.seed = next_seed() if seed is None else checked_seed("seed", seed)
        self.text_encoder: Any = None
        self._labels: list[Any] | None = None
        self.nodes: list[Node] = []
        self.call_units: list[nesting.Unit] = []
        self.inputs: list[SymbolicTensor] = []
        self.outputs: list[SymbolicTensor] = []
        self._layers: list[Layer] = []

    def _connect(self, inputs: list[SymbolicTensor], outputs: list[SymbolicTensor]) -> None:
        for tensor in inputs:
            if not isinstance(tensor.node.layer, layers.InputLayer):
                raise ValueError(
                    f"`inputs` must be made by Input(...). Received: the output of {tensor.name!r}"
                )
        walked = walk(inputs, outputs)
        self.nodes, self.call_units = by_depth(walked), nesting.units_by_depth(walked)
        self.inputs, self.outputs = inputs, outputs
        self._layers = unique_layers(self.call_units)
        names = [layer.name for layer in self._layers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"Layer names must be unique within a model. Received twice: {twice}")
        single = len(inputs) == 1
        self._specs = [
            InputSpec("x" if single else tensor.name, input_dtype(tensor, self.nodes), tensor.shape, None)
            for tensor in inputs
        ]
        self._refresh_limits()

    def _refresh_limits(self) -> None:
        """How many ids each input may hold: the rows of the smallest table that reads it."""
        specs = []
        for spec, tensor in zip(self._specs, self.inputs, strict=True):
            sizes = [
                node.layer.input_dim
                for node in self.nodes
                if isinstance(node.layer, layers.ID_READERS) and node.inputs[0] is tensor
            ]
            specs.append(InputSpec(spec.name, spec.dtype, spec.shape, min(sizes, default=None)))
        self._specs = specs

    # -- structure -------------------------------------------------------------------------------------------
    def _is_built(self) -> bool:
        return bool(self.outputs)

    def _build_for(self, x: Any) -> None:
        """Makes the graph for data like x where it is not known yet (Sequential)."""

    def _require_built(self, what: str) -> None:
        if not self._is_built():
            raise ValueError(
                f"Model {self.name!r} is not built yet, so {what} is not known. Begin it with "
                "Input(shape=...), or call fit, "
                "build or predict first"
            )

    @property
    def built(self) -> bool:
        """Whether the graph and the weights are there."""
        return self._is_built()

    @property
    def layers(self) -> list[Layer]:
        """The layers, inputs first; `layers[0]` is the InputLayer."""
        return list(self._layers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name or index; ValueError where there is none."""
        if (name is None) == (index is None):
            raise ValueError(f"Give either `name` or `index`. Received: name={name!r}, index={index!r}")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"`index`={index} is outside [0, {len(self.layers)})")
            return self.layers[index]
        for layer in self._layers:
            if layer.name == name:
                return layer
        raise ValueError(
            f"No such layer: {name!r}. Existing layers: {[layer.name for layer in self._layers]}"
        )

    @property
    def trainable(self) -> bool:
        """Whether any layer learns; what is set holds for all layers, from the next step."""
        return any(layer.trainable for layer in self._layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._layers:
            layer.trainable = value

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or a list of shapes."""
        self._require_built("input_shape")
        shapes = [tensor.shape for tensor in self.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or a list of shapes."""
        self._require_built("output_shape")
        shapes = [tensor.shape for tensor in self.outputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def input(self) -> Any:
        """The symbolic input, or a list of them."""
        return self.inputs[0] if len(self.inputs) == 1 else list(self.inputs)

    @property
    def output(self) -> Any:
        """The symbolic output, or a list of them."""
        return self.outputs[0] if len(self.outputs) == 1 else list(self.outputs)

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """Applies the model to symbolic tensors (its layers are shared with the new graph) or to a batch of
        data.
        """
        tensors = flatten(inputs) if isinstance(inputs, (list, tuple, dict)) else [inputs]
        if not all(isinstance(tensor, SymbolicTensor) for tensor in tensors):
            with self._exclusive():
                self._build_for(inputs)
                outputs = self._forward(inputs, training)
            return outputs[0] if len(outputs) == 1 else outputs
        self._require_built("its graph")
        if len(tensors) != len(self.inputs):
            raise ValueError(f"Model {self.name!r} has {len(self.inputs)} inputs. Received: {len(tensors)}")
        made = nesting.replay(self, tensors)
        return made[0] if len(made) == 1 else made

    # -- weights ---------------------------------------------------------------------------------------------
    @property
    def weights(self) -> list[Variable]:
        """The weights of all layers, each once."""
        found = [variable for layer in self._layers for variable in layer.weights]
        return list({id(variable): variable for variable in found}.values())

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
        for variable, value in zip(own, weights, strict=True):
            if np.shape(value) != variable.shape:
                raise ValueError(
                    f"The shape of {variable.path} is {variable.shape}. Received a value of shape "
                    f"{np.shape(value)}"
                )
        for variable, value in zip(own, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """How many numbers all weights hold."""
        self._require_built("the number of weights")
        return sum(variable.size for variable in self.weights)

    # -- look ------------------------------------------------------------------------------------------------
    def profile(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        steps: int = 20,
    ) -> Profile:
        """Where the time of a training step goes: the batch, Python, each operation forward and backward, the
        update.

        Data as in `fit`. Runs `steps` steps; the model is afterwards as it was. Raises ValueError before
        `compile`. In the place of TensorFlow's and PyTorch's profilers.

        >>> import embedcnn, numpy as np
        >>> model = embedcnn.Sequential([embedcnn.Input((5,)), embedcnn.layers.Dense(1, name="scores")])
        >>> model.compile("sgd", "mse")
        >>> found = model.profile(np.zeros((8, 5)), np.zeros(8), batch_size=4, steps=3)
        >>> [cost.name for cost in found.costs]
        ['batch', 'step in Python', 'plan', 'scores', 'squared_error', 'update']
        """
        from ..training.profiling import profile

        return profile(self, x, y, batch_size, sample_weight, steps)

    def summary(
        self,
        line_length: int | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
    ) -> None:
        """Prints the layers with shapes, sizes and whether they train; with `expand_nested` also those
        of models inside. As keras.Model.summary.
        """
        from .summary import lines

        self._require_built("its summary")
        (print_fn or print)("\n".join(lines(self, line_length, expand_nested)))

    def lowered(self, training: bool = False, rewrite: bool = True) -> Lowered:
        """The operations that the core runs for this model (with losses once it is compiled); print it to
        read them. `rewrite=False`: the plain ones, as the layers say, from which they are made.

        >>> import embedcnn
        >>> numbers = embedcnn.Input((4,))
        >>> dense = embedcnn.layers.Dense(3, activation="relu", name="scores")
        >>> print(Model(numbers, dense(numbers)).lowered())
        %0: float32 (B, 4) = input x
        %1: float32 (B, 3) = dense(%0)
            scores/kernel (4, 3), scores/bias (3)
            # scores
        %2: float32 (B, 3) = activation(%1) activation=relu
            # scores
        return %2
        """
        self._require_built("its graph")
        compiled = self._compile_arguments is not None
        kind = ("train" if training else "test") if compiled else ("forward" if training else "predict")
        return self._lower(kind, rewrite)

    def _lower(self, kind: str, rewrite: bool | None = None) -> Lowered:
        names = [spec.name for spec in self._specs]
        nodes = walk(self.inputs, self.outputs)
        settings: dict[str, Any] = {"rewrite": self._rewrites if rewrite is None else rewrite}
        settings["training"] = kind in ("train", "forward")
        if kind in ("train", "test"):
            compiled = self._settle()
            settings |= {"losses": compiled.losses, "loss_weights": compiled.loss_weights}
            settings["unseen"] = compiled.unseen
        return lower(self.inputs, self.outputs, nodes, names, **settings)

    def _run_plain(self, plain: bool = True) -> None:
        """From now on every run is one of the plain program, `lowered(rewrite=False)`: the same results to
        rounding, more slowly. To find out whether a rewrite is at fault, and for tests.
        """
        self._rewrites = not plain
        self._programs.clear()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self._is_built()}>"

    # -- configuration ---------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """The architecture: layers with their arguments, and how they are joined."""
        self._require_built("its configuration")
        place: dict[int, list[Any]] = {}
        stored = []
        for layer in self._layers:
            calls = [unit for unit in self.call_units if unit.layer is layer]
            for number, unit in enumerate(calls):
                for index, tensor in enumerate(unit.outputs):
                    place[id(tensor)] = [layer.name, number, index] if index else [layer.name, number]
            stored.append({"class_name": type(layer).__name__, "config": layer.get_config(), "calls": calls})
        for entry in stored:
            entry["calls"] = [
                [place[id(tensor)] for tensor in node.inputs] for node in entry["calls"] if node.inputs
            ]
        return {
            "name": self.name,
            "layers": stored,
            "inputs": [place[id(tensor)] for tensor in self.inputs],
            "outputs": [place[id(tensor)] for tensor in self.outputs],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Model:
        """A new model of this architecture, with new weights; `custom_objects` as for load_model."""
        with known_objects(custom_objects):
            return functional_from_config(config)


def _tensors(argument: str, value: Any) -> list[SymbolicTensor]:
    tensors = flatten(value) if value is not None else []
    if value is None or isinstance(value, Model):  # super().__init__() and super().__init__(self)
        kind = None if value is None else type(value).__name__
        raise ValueError(
            f"`{argument}` is missing: a Model is made of tensors, as Model(inputs, outputs); a subclass "
            f"hands both to super().__init__(), and its own call() is not traced. Received: {argument}={kind}"
        )
    if not tensors:
        raise ValueError(
            f"`{argument}` must be a tensor or a list of tensors. Received: {argument}={value!r}"
        )
    for tensor in tensors:
        if not isinstance(tensor, SymbolicTensor):
            raise TypeError(
                f"`{argument}` must be made by Input(...) and layers. Received: {type(tensor).__name__}"
            )
    if argument == "inputs" and len({id(tensor) for tensor in tensors}) != len(tensors):
        raise ValueError("`inputs` holds the same Input twice")
    return tensors
