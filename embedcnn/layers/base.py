"""Layer, the base of all layers: names, weights, `trainable`, and calls on symbolic tensors.

A layer is a description: it computes shapes and holds weights. What it computes on numbers is decided when a
model is lowered to operations of the core (lowering/).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from .. import activations, constraints, initializers, regularizers
from ..base.arguments import boolean, finite_number, open_shape, optional, positive_integer, require_float32
from ..base.checked import checked
from ..base.configuration import Configurable, described
from ..base.custom_objects import own_name
from ..base.names import snake_case, unique_name
from ..base.unused_memory import make_room
from ..graph.nodes import Node, Shape, SymbolicTensor, flatten, is_symbolic
from ..graph.tracing import leaves
from ..graph.variables import Variable, assign_numbers, mark_changed
from ..initializers import Initializer, initial_value
from . import call_arguments
from .call_arguments import NumbersNeededError, arguments_of, called_with, of_traced
from .on_arrays import on_arrays


class Layer(Configurable):
    """What all layers share: `name`, `trainable` (takes effect at the next step), `weights`, `get_weights`,
    `set_weights`.

    Raises ValueError for arguments that the layer does not have. As keras.layers.Layer.

    A layer of one's own is a subclass with `call(self, x, training=None)`, made of the layers that
    `__init__` or `build` keep as attributes, and of ops: it is run once, on symbolic tensors. Or it computes
    in Python, with `forward`: `compute_output_shape` says the shape of the result where it differs from that
    of x. `forward` gets NumPy arrays, float32, padded (and `training` and `mask` if it names them), and
    returns y with a function that turns the gradient of y into those of x and of the weights.

    >>> import embedcnn, numpy as np
    >>> class Residual(embedcnn.layers.Layer):
    ...     def __init__(self, units, **options):
    ...         super().__init__(**options)
    ...         self.dense = embedcnn.layers.Dense(units)
    ...     def call(self, x):
    ...         return x + self.dense(x)
    >>> Residual(2)(embedcnn.Input((2,))).shape
    (None, 2)
    >>> class Scale(embedcnn.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.scale = self.add_weight("scale", (input_shape[-1],), "ones")
    ...     def forward(self, x):
    ...         scale = self.scale.numpy()
    ...         def backward(d_y):
    ...             return d_y * scale, [(d_y * x).sum(axis=0)]
    ...         return x * scale, backward
    >>> model = embedcnn.Sequential([embedcnn.Input((2,)), Scale(), embedcnn.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 2)), np.arange(4.0), verbose=0)
    >>> model.layers[0].count_params()
    2
    """

    inputs_many = False
    reads_texts = prepares = False  # what a model is given, and not in its program: see TextReader
    reads_ids = takes_weights = False  # its first input is token ids, a second one weights of them
    reads_images = any_form = False  # takes (B, H, W, C) as a row for each image; as that or as steps
    traces = False  # whether `call` is run on symbolic tensors and becomes a part of the graph (tracing.py)
    dtype: Any = "float32"  # as compute_dtype and variable_dtype, which a `call` written for Keras asks for
    compute_dtype = variable_dtype = "float32"
    _models_on_arrays: Any = None  # see models/on_arrays.py

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "build" in vars(cls):
            cls.build = call_arguments.built_once(cls.build)  # type: ignore[method-assign]
        by_hand = [getattr(cls, name, None) for name in ("forward", "backward")]  # on NumPy arrays
        cls.traces = getattr(cls, "call", None) is not None and by_hand == [None, None]

    @checked
    def __init__(self, *, name: str | None = None, trainable: bool = True, **options: Any) -> None:
        self._input_shape = optional(open_shape, "input_shape", options.pop("input_shape", None))
        if "input_dim" in options:
            self._input_shape = (positive_integer("input_dim", options.pop("input_dim")),)
        self._govern(options)
        self._rate_scale = finite_number("learning_rate_scale", options.pop("learning_rate_scale", 1.0), 0)
        require_float32(type(self).__name__, options.pop("dtype", None))
        if options:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {options}; "
                f"see help(embedcnn.layers.{type(self).__name__})"
            )
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(f"`name` must be a non-empty string without '/'. Received: name={name!r}")
        self.name = unique_name(snake_case(type(self).__name__)) if name is None else name
        self._trainable = trainable
        self._variables: list[Variable] = []
        self.built = False
        self.nodes: list[Node] = []

    def _govern(self, options: dict[str, Any]) -> None:
        """Takes what governs weights and output out of the options: `<name>_regularizer` and
        `<name>_constraint` for each weight that the layer initializes, and `activity_regularizer`.
        """
        self.activity_regularizer = regularizers.get(
            options.pop("activity_regularizer", None), "activity_regularizer"
        )
        if regularizers.is_own(self.activity_regularizer):
            raise TypeError(
                f"activity_regularizer={self.activity_regularizer!r} must be L1, L2 or L1L2: another penalty "
                "of activities is add_loss in the `call` of a layer of your own"
            )
        self._rules: dict[str, Any] = {}
        for parameter in inspect.signature(type(self)).parameters:
            stem, _, kind = parameter.rpartition("_")
            if kind != "initializer" or stem.startswith("moving_"):
                continue
            for module, rule in ((regularizers, "regularizer"), (constraints, "constraint")):
                argument = f"{stem}_{rule}"
                self._rules[argument] = module.get(options.pop(argument, None), argument)

    def _rule(self, weight: str, rule: str) -> Any:
        """The regularizer or constraint of a weight: kernel_regularizer that of kernel,
        depthwise_regularizer that of depthwise_kernel.
        """
        stem = weight if f"{weight}_{rule}" in self._rules else weight.removesuffix("_kernel")
        return self._rules.get(f"{stem}_{rule}")

    def __getattr__(self, name: str) -> Any:
        rules = self.__dict__.get("_rules", {})
        if name in rules:
            return rules[name]
        raise AttributeError(call_arguments.no_attribute(self, name))

    # -- calls -----------------------------------------------------------------------------------------------
    def __call__(self, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """Applies the layer: symbolic tensors give the symbolic result; arrays, or lists, give an array,
        as within a model; the first call makes the weights. What else there is goes to one's own `call`.
        """
        inputs, options = arguments_of(self, inputs, arguments, options)
        if self.traces and leaves([inputs, options], SymbolicTensor):
            with suppress(NumbersNeededError):
                return of_traced("traced", self, inputs, options)
        if not is_symbolic(inputs):
            return on_arrays("call", self, inputs, **options)
        training = called_with(self, options)
        if options:
            raise TypeError(f"{self.name!r} was called with unknown arguments {sorted(options)}")
        tensors = flatten(inputs)
        for tensor in tensors:
            if not isinstance(tensor, SymbolicTensor):
                raise TypeError(
                    f"Layer {self.name!r} must be called on the result of Input(...) or of another layer, or "
                    f"on arrays alone. Received: {type(tensor).__name__} beside symbolic tensors"
                )
        written_in_python = hasattr(self, "forward") or hasattr(self, "call")
        if not (self.inputs_many or written_in_python or self.takes_weights) and len(tensors) != 1:
            raise ValueError(f"Layer {self.name!r} takes 1 input. Received: {len(tensors)} inputs")
        shapes = [tensor.shape for tensor in tensors]
        self.check_inputs(tensors)
        if not self.built:
            self.build(shapes if self.inputs_many or len(shapes) > 1 else shapes[0])
        node = Node(self, tensors, [self.output_shape_for(shapes)])
        node.training = training
        self.nodes.append(node)
        return node.outputs[0]

    def output_shape_for(self, shapes: list[Shape]) -> Shape:
        """The shape of the result of a call on tensors of these shapes."""
        out = self.compute_output_shape(shapes if self.inputs_many or len(shapes) > 1 else shapes[0])
        if not hasattr(self, "forward") and not hasattr(self, "call"):
            return out
        return call_arguments.python_layer_shape(self, shapes, out)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        """Raises ValueError where the layer cannot take these tensors."""

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of this shape, batch first; once: later calls keep them."""
        self.built = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask (B, T) of bool, False where a step does not count, that the result has for arrays
        `inputs` under `mask`; None where all steps count. As keras.layers.Layer.compute_mask.
        """
        if mask is None or (self.inputs_many and all(one is None for one in mask)):
            return None
        return on_arrays("compute_mask", self, inputs, mask)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape that inputs of this shape give; of several inputs, that of the first."""
        return tuple(input_shape[0] if isinstance(input_shape, list) else input_shape)

    @checked
    def add_weight(
        self,
        name: Any = None,
        shape: Any = None,
        initializer: Any = "glorot_uniform",
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        dtype: Any = None,
    ) -> Variable:
        """A new weight of the layer; one that is not `trainable` has no gradient. As
        keras.layers.Layer.add_weight: a first argument that is a shape, and a second one, are Keras's `shape`
        and `initializer`.

        Raises ValueError for a name that is no string or was used before, a shape that is no tuple of
        positive integers, and unknown initializers, regularizers and constraints.
        """
        if isinstance(name, (tuple, list)):  # Keras's order
            name, shape, initializer = None, name, initializer if shape is None else shape
        initializer = "glorot_uniform" if initializer is None else initializer
        if dtype not in (None, "float32", np.float32):
            raise ValueError(f"`dtype` of a weight must be 'float32'. Received: dtype={dtype!r}")
        known = [variable.name for variable in self._variables]
        if name is None:
            candidates = ["weight", *(f"weight_{number}" for number in range(1, len(known) + 1))]
            name = next(candidate for candidate in candidates if candidate not in known)
        if not isinstance(name, str) or not name or "/" in name or name in known:
            raise ValueError(
                f"`name` must be a string without '/' that no other weight has. Received: name={name!r}; the "
                f"weights so far: {known}"
            )
        if not isinstance(shape, (tuple, list)):
            raise ValueError(f"`shape` of {name!r} must be a tuple of sizes. Received: shape={shape!r}")
        shape = tuple(positive_integer("shape", size) for size in shape)
        value = initial_value(initializers.get(initializer, "initializer"), shape)
        variable = self.track(Variable(name, value, self, tracked=not trainable))
        if regularizer is not None:
            variable.regularizer = regularizers.get(regularizer, "regularizer")
        if constraint is not None:
            variable.constraint = chosen = constraints.get(constraint, "constraint")
            if chosen is not None and not constraints.is_own(chosen):
                chosen.rules(variable.shape)
        return variable

    def add_loss(self, loss: Any) -> None:
        """Adds the sum of a tensor, or of each of a list, to the loss of the model: within a `call` that is
        traced. As keras.layers.Layer.add_loss.
        """
        of_traced("add_loss", self, loss)

    def track(self, variable: Variable) -> Variable:
        """Makes a variable a weight of the layer, under the regularizer and constraint of its name."""
        make_room(variable.value.nbytes)
        variable.regularizer = self._rule(variable.name, "regularizer")
        variable.constraint = self._rule(variable.name, "constraint")
        if variable.constraint is not None and not constraints.is_own(variable.constraint):
            variable.constraint.rules(variable.shape)  # refuses axes that the weight does not have
        self._variables.append(variable)
        mark_changed()
        return variable

    def own_objects(self) -> dict[str, Any]:
        """The classes and functions of the user that the layer is made of, by the names in a file."""
        ours = type(self).__module__.partition(".")[0] == __name__.partition(".")[0]
        found: dict[str, Any] = {} if ours else {type(self).__name__: type(self)}
        function, inner = getattr(self, "activation", None), getattr(self, "layer", None)
        parts = [*self._rules.values(), *(one for one in vars(self).values() if isinstance(one, Initializer))]
        for name, thing in (own_name(part) for part in parts if part is not None):
            if thing.__module__.partition(".")[0] != __name__.partition(".")[0]:
                found[name] = thing
        if callable(function):
            found[activations.stored_name(function, self.name)] = function
        return found | inner.own_objects() if isinstance(inner, Layer) else found

    # -- weights ---------------------------------------------------------------------------------------------
    @property
    def trainable(self) -> bool:
        """Whether the weights learn; takes effect at the next step."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        mark_changed()  # before too: a signal may come between
        self._trainable = boolean("trainable", value)
        for part in of_traced("parts_of", self).values() if self.traces else ():
            part.trainable = value
        mark_changed()

    @property
    def learning_rate_scale(self) -> float:
        """What multiplies the optimizer's learning rate for these weights; takes effect at the next step."""
        return self._rate_scale

    @learning_rate_scale.setter
    def learning_rate_scale(self, value: float) -> None:
        self._rate_scale = finite_number("learning_rate_scale", value, least=0)
        for part in of_traced("parts_of", self).values() if self.traces else ():
            part.learning_rate_scale = value
        mark_changed()

    @property
    def weights(self) -> list[Variable]:
        """All weights, those that learn and those that do not, in the order in which they were made; of a
        layer made of layers its own, then those of the layers.
        """
        return of_traced("all_weights", self) if self.traces else list(self._variables)

    @property
    def variables(self) -> list[Variable]:
        """All weights, as `weights`."""
        return self.weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that learn."""
        return [variable for variable in self.weights if variable.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that do not learn."""
        return [variable for variable in self.weights if not variable.trainable]

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weights."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Copies arrays into the weights; ValueError that names weight and shapes where they differ."""
        own, weights = self.weights, list(weights)
        if len(weights) != len(own):
            raise ValueError(
                f"Layer {self.name!r} has {len(own)} weights {[variable.name for variable in own]}. "
                f"Received: {len(weights)} arrays"
            )
        assign_numbers(own, weights)

    def count_params(self) -> int:
        """How many numbers the weights hold; ValueError while the layer has none because it is not built."""
        if not self.built:
            raise ValueError(f"Layer {self.name!r} is not built yet: call it on an input first")
        return sum(variable.size for variable in self.weights)

    # -- look ------------------------------------------------------------------------------------------------
    @property
    def input(self) -> Any:
        """What the layer was first called on; a list where there were several tensors."""
        inputs = self._first_node().inputs
        return inputs if self.inputs_many or len(inputs) > 1 else inputs[0]

    @property
    def output(self) -> Any:
        """What the first call of the layer gave; a list where these are several tensors (return_state)."""
        outputs = self._first_node().outputs
        return outputs[0] if len(outputs) == 1 else list(outputs)

    def _first_node(self) -> Node:
        if not self.nodes:
            raise AttributeError(f"Layer {self.name!r} has not been called yet, so it has no input or output")
        return self.nodes[0]

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        rules = {"activity_regularizer": self.activity_regularizer, **self._rules}
        given: dict[str, Any] = {name: described(rule) for name, rule in rules.items() if rule is not None}
        config = super().get_config()
        if callable(config.get("activation")):
            config["activation"] = activations.stored_name(config["activation"], self.name)
        if self._rate_scale != 1:
            given["learning_rate_scale"] = self._rate_scale
        return {**config, **given}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


Layer.__call__.__defaults__ = (None,)  # `call(query, value)` may be given both by name


def known_channels(layer: Layer, shape: Shape) -> int:
    """The size of the last axis; ValueError where it is unknown."""
    if shape[-1] is None:
        raise ValueError(
            f"Layer {layer.name!r} must know the last axis of its input. Received: shape={shape}; "
            "give the size in Input(shape=...)"
        )
    return shape[-1]


def require_rank(layer: Layer, tensor: SymbolicTensor, rank: int, meaning: str) -> None:
    """ValueError unless the tensor has `rank` axes; `meaning` spells them out."""
    if tensor.ndim != rank:
        below = tensor.node.layer
        of_last_step = rank == 3 and getattr(below, "return_sequences", None) is False
        hint = f"; give the layer below, {below.name!r}, return_sequences=True" if of_last_step else ""
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) expects an input of {rank} axes {meaning}{hint}. "
            f"Received: shape={tensor.shape}"
        )
