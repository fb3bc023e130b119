"""Sequential, a chain of layers; load_model, clone_model and model_from_json."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import layers
from ..base.checked import checked
from ..base.custom_objects import known_objects
from ..graph import tracing
from ..graph.model_kinds import described, is_own, model_from
from ..graph.nesting import holds_layers
from ..graph.nodes import SymbolicTensor
from ..layers.base import Layer
from ..saving import model_file
from ..training import input_data
from .configuration import sequential_from_config
from .model import Model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json"]


class Sequential(Model):
    """A chain of layers, given as a list or by `add`. Without an Input it takes its shape from the first
    data. As keras.Sequential.

    >>> import embedcnn
    >>> model = Sequential([embedcnn.Input((5,)), embedcnn.layers.Dense(3), embedcnn.layers.Dense(1)])
    >>> [layer.name.split("_")[0] for layer in model.layers], model.count_params()
    (['dense', 'dense'], 22)
    """

    _base_name = "sequential"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.traces:
            raise TypeError(
                f"class {cls.__name__} overrides `call`, which would never be called: a Sequential is the "
                "chain of its layers. Make it a subclass of Model"
            )

    def __init__(
        self, layers: Sequence[Any] | None = None, name: str | None = None, seed: int | None = None
    ) -> None:
        self._begin(name, seed)
        self._chain: list[Layer] = []
        self._names: set[str] = set()
        self._first: SymbolicTensor | None = None
        self._made: SymbolicTensor | None = None  # for data, or from input_length
        if layers is not None and not isinstance(layers, (list, tuple)):
            raise TypeError(f"`layers` must be a list of layers. Received: {type(layers).__name__}")
        for layer in layers or []:
            self._append(layer)
        self._try_build()

    def add(self, layer: Any) -> None:
        """Appends a layer; TypeError for anything else."""
        self._append(layer)
        self._try_build()

    def pop(self) -> Layer:
        """Removes the last layer and returns it; ValueError where there is none."""
        if not self._chain:
            raise ValueError(f"Model {self.name!r} has no layers")
        layer = self._chain.pop()
        self._names.discard(layer.name)
        self._layers = list(self._chain)
        self.inputs, self.outputs, self.nodes, self.call_units = [], [], [], []
        self._try_build()
        return layer

    def _append(self, layer: Any) -> None:
        if isinstance(layer, (SymbolicTensor, layers.InputLayer)):
            tensor = layer if isinstance(layer, SymbolicTensor) else layer.output
            if self._chain or self._first is not None:
                raise ValueError("An Input must be the first of a Sequential, and the only one")
            self._first = tensor
            return
        if not isinstance(layer, (Layer, Model)):
            hint = "; did you forget to call the class?" if isinstance(layer, type) else ""
            raise TypeError(f"A Sequential is made of layers. Received: {layer!r}{hint}")
        if layer.inputs_many or (isinstance(layer, Model) and len(layer.inputs) > 1):
            raise ValueError(
                f"Layer {layer.name!r} takes several inputs, which a Sequential does not have; use Model"
            )
        if layer.name in self._names:
            raise ValueError(f"Layer names must be unique within a model. Received twice: {[layer.name]}")
        shape = getattr(layer, "_input_shape", None)
        if not self._chain and self._first is None and shape is not None:
            self._first = layers.Input(shape)
        if not self._chain and self._first is None and isinstance(layer, Model) and layer.built:
            tensor = layer.inputs[0]
            self._first = layers.Input(tensor.shape[1:], dtype=tensor.dtype)
        self._chain.append(layer)
        self._names.add(layer.name)
        self._layers = list(self._chain)

    def _try_build(self) -> None:
        if not self._chain:
            return
        length = getattr(self._chain[0], "input_length", None)
        if length is not None and (self._first is None or self._first is self._made):
            self._build_any_length((None, length), "int32")
        elif self._first is not None and not self._extend():
            self._build_chain(self._first)

    def _extend(self) -> bool:
        """Joins the last layer to a chain that is built up to it, so that a long chain takes linear time;
        whether that was all.
        """
        layer = self._chain[-1]
        # a unit of the graph for the Input, and one for each layer before the last
        if not self.built or len(self.call_units) != len(self._chain) or holds_layers(layer):
            return False
        with tracing.inside():
            made = layer(self.outputs[0])
        if not isinstance(made, SymbolicTensor):
            return False
        self.nodes.append(made.node)
        self.call_units.append(made.node)
        self.outputs = [made]
        self._rewire(False)
        return True

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights for inputs of this shape (batch first). ValueError where the model has been built
        for another one.
        """
        if self.built:
            if input_shape is not None and self._first is not None:
                _check_same_shape(self, self._first.shape[1:], tuple(input_shape)[1:])
            return
        if not self._chain:
            raise ValueError(f"Model {self.name!r} has no layers")
        if input_shape is None:
            raise ValueError(
                "`input_shape` must be given, batch first, as (None, 100). Received: input_shape=None"
            )
        self._build_chain(layers.Input(tuple(input_shape)[1:], dtype=self._first_dtype()))

    def _first_dtype(self) -> str | None:
        """Of an Input that is made for the first layer."""
        return "string" if self._chain[0].reads_texts else None

    def _build_chain(self, first: SymbolicTensor) -> None:
        tensor = first
        calls = [(layer.nodes, len(layer.nodes)) for layer in self._chain if isinstance(layer, Layer)]
        try:
            with tracing.inside():  # a graph of its own, where another one is being traced too
                for layer in self._chain:
                    tensor = layer(tensor)
        except ValueError:
            for nodes, count in calls:
                del nodes[count:]
            raise
        self._first = first
        self._connect([first], [tensor])
        self._layers = list(self._chain)

    def _build_any_length(self, shape: tuple[Any, ...], dtype: str | None) -> None:
        """For texts of any length or, where a layer must know it, of that in `shape` (batch, time, ...)."""
        self._made = layers.Input((None, *shape[2:]), dtype=dtype)
        try:
            self._build_chain(self._made)
        except ValueError:
            if shape[1] is None:
                raise
            self._made = layers.Input(shape[1:], dtype=dtype)
            self._build_chain(self._made)

    def __call__(self, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """As Model's; symbolic tensors make the weights where there are none yet. Layers of images take one
        image (height, width, channels), too, as each of them does.
        """
        if self._is_one_image(inputs):
            return self(inputs[None], *arguments, **options)[0]
        if isinstance(inputs, SymbolicTensor) and not self.built and self._chain:
            self._build_chain(layers.Input(inputs.shape[1:], dtype=inputs.dtype))
        return super().__call__(inputs, *arguments, **options)

    def _is_one_image(self, inputs: Any) -> bool:
        array = isinstance(inputs, np.ndarray) and inputs.ndim == 3
        return array and any(getattr(layer, "reads_images", False) for layer in self._chain)

    def _build_for(self, x: Any) -> None:
        if self.built:
            return
        if not self._chain:
            raise ValueError(f"Model {self.name!r} has no layers")
        if isinstance(x, tuple) and len(x) in (2, 3) or input_data.is_iterable_of_batches(x):
            return  # a batch decides, when it comes
        if self._chain[0].reads_texts:
            self._build_chain(layers.Input((1,), dtype="string"))
            return
        if self._chain[0].reads_ids:
            length = _length_of(x) or getattr(self.text_encoder, "output_sequence_length", None)
            self._build_any_length((None, length), "int32")
            return
        if isinstance(x, list) and len(x) == 1 and isinstance(x[0], np.ndarray):
            x = x[0]
        shape = np.shape(input_data._as_array("x", x))
        if len(shape) < 2:
            raise ValueError(f"x: expected at least 2 axes (batch, ...). Received: shape {shape}")
        if len(shape) == 3:
            self._build_any_length(shape, None)
        else:
            self._build_chain(layers.Input(shape[1:]))

    def architecture(self) -> dict[str, Any]:
        """The layers with their arguments, and the shape of the input: what `get_config` gives."""
        return {
            "name": self.name,
            "input": self._first.node.layer.get_config() if self._first is not None else None,
            "layers": [
                {"class_name": type(layer).__name__, "config": layer.get_config()} for layer in self._chain
            ],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Sequential:
        """A new model of this architecture, with new weights; `custom_objects` as for load_model."""
        with known_objects(custom_objects):
            whole = not is_own(cls) or isinstance(config.get("layers"), list)
            return sequential_from_config(cls, config) if whole else cls(**config)

    def first_input(self) -> dict[str, Any]:
        """The Input that data gave."""
        return {} if self._first is None else {"input": self._first.node.layer.get_config()}

    def begin_with(self, config: dict[str, Any]) -> None:
        """Makes the weights for an Input of `first_input`."""
        self._build_chain(layers.InputLayer(**config).output)


@checked
def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """The model of a file written by `Model.save`; nothing in the file is ever executed. As
    keras.models.load_model.

    `custom_objects`: what is Python of your own, by the names that the file holds: classes of models that
    override what a model does, of layers, metrics, losses, optimizers and schedules, and functions (of Lambda
    layers, metrics, losses). Those of saving.register_keras_serializable are known. `compile=False` leaves
    out what compile was given.
    `safe_mode` is accepted for Keras's sake: no file holds Python. Raises ValueError for files that are
    damaged, incomplete or of another kind, and for names that are not given.

    Weights of 256 MB and more stay in the file, of which all processes share one copy: it may be replaced (as
    `save` does) or removed, but not be written into while the model is used. Each use first looks whether
    it was cut short (ValueError); where that happens while the weights are read, the system ends the process.
    `load_model(io.BytesIO(data))` keeps them in memory of its own.
    """
    return model_file.load_model(filepath, custom_objects, compile)


def _length_of(ids: Any) -> int | None:
    """The length of texts that all have the same; None of others."""
    if isinstance(ids, (list, tuple)) and len(ids) == 1 and isinstance(ids[0], np.ndarray):
        ids = ids[0]
    if isinstance(ids, (list, tuple)):
        lengths = {len(row) if isinstance(row, (list, tuple, np.ndarray)) else None for row in ids}
        return lengths.pop() if len(lengths) == 1 else None
    shape: tuple[int, ...] = getattr(ids, "shape", ())
    return shape[1] if len(shape) == 2 else None


def _check_same_shape(model: Model, built: tuple[Any, ...], given: tuple[Any, ...]) -> None:
    fits = len(built) == len(given) and all(
        one == other or None in (one, other) for one, other in zip(built, given, strict=True)
    )
    if not fits:
        raise ValueError(
            f"Model {model.name!r} has been built for inputs of shape {(None, *built)}. "
            f"Received: input_shape={(None, *given)}"
        )


def clone_model(model: Model) -> Model:
    """A model of the same layers with new weights; compiled as the model is, with an optimizer and metrics of
    its own that have seen nothing. As keras.models.clone_model.
    """
    if not isinstance(model, Model):
        raise TypeError(f"`model` must be a Model. Received: model={model!r}")
    with known_objects({type(model).__name__: type(model), **model_file.own_objects(model)}):
        made = type(model).from_description(model.described()) if model.traces else None
        made = made or model_from(*described(model))
    given = model._compilation.given
    if given is None:
        return made
    with known_objects(model_file.own_objects(model)):
        optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
    if optimizer.divided({})[0][0] is optimizer:
        optimizer.learning_rate = model.optimizer.learning_rate  # a function stays one
    variables, names = model.optimizer.excluded_from_weight_decay
    twins = dict(zip(model.weights, made.weights, strict=True)) if variables else {}
    optimizer.exclude_from_weight_decay([twins[variable] for variable in variables], names)
    loss, metrics, weighted = (
        copy.deepcopy(given[name]) for name in ("loss", "metric_names", "weighted_metrics")
    )
    made.compile(optimizer, loss, given["loss_weights"], metrics, weighted)
    for metric in made.metrics:
        metric.reset_state()
    return made


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Model:
    """The model of `Model.to_json()`, with new weights; `custom_objects` as for load_model. As
    keras.models.model_from_json.

    Raises ValueError for text that is not the architecture of a model.

    >>> import embedcnn
    >>> model = embedcnn.Sequential([embedcnn.Input((3,)), embedcnn.layers.Dense(2)])
    >>> model_from_json(model.to_json()).count_params()
    8
    """
    try:
        held = json.loads(json_string)
        with known_objects(custom_objects):
            return model_from(held["class_name"], held["config"])
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"`json_string` is not what Model.to_json() writes: {error!r}") from error
