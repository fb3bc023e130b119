"""Layers whose computation is written in Python: subclasses of Layer with `forward`, and Lambda.

The core runs a step up to such a layer, calls it with NumPy arrays, and goes on (csrc/program): the rest of
the model stays in C. What a call gets and gives is in PythonCall.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..base.configuration import plain
from ..base.custom_objects import custom_object
from ..graph.nodes import Shape, SymbolicTensor
from ..graph.tracing import AsksWhetherTraining, leaves
from .base import Layer
from .call_arguments import NumbersNeededError


def function_of(layer: Layer) -> Callable[..., Any] | None:
    """The method that computes a layer written in Python: `forward`, or Keras's `call`."""
    return getattr(layer, "forward", None) or getattr(layer, "call", None)


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The arguments of a function; none that are known of one that does not tell (NumPy's)."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


class PythonCall:
    """One call of a layer written in Python inside a program: what the core calls, forward and back; with
    `activation` that function of the layer alone.
    """

    def __init__(
        self,
        layer: Layer,
        shape: Shape,
        training: bool | None = None,
        activation: Callable[..., Any] | None = None,
    ) -> None:
        self.layer, self.shape, self.training, self._activation = layer, shape, training, activation
        self._weights = layer.weights if activation is None else []
        self._back: Callable[..., Any] | None = None
        self._function = activation or function_of(layer)
        assert self._function is not None
        accepted = _parameters(self._function)
        anything = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in accepted.values())
        self._wants = {name for name in ("training", "mask") if anything or name in accepted}

    def forward(self, inputs: list[np.ndarray], masks: list[Any], training: bool) -> np.ndarray:
        """The layer's output for arrays in padded form; masks are [B, T] of bool, or None."""
        assert self._function is not None
        single = len(inputs) == 1
        training = training if self.training is None else self.training
        options = {"training": training, "mask": masks[0] if single else masks}
        options = {name: value for name, value in options.items() if name in self._wants}
        result = self._function(inputs[0] if single else inputs, **options)
        back = None if self._activation else getattr(self.layer, "backward", None)
        if isinstance(result, tuple):
            if len(result) != 2 or not callable(result[1]):
                raise TypeError(
                    f"{self._what()} must return y, or (y, backward) with a function. Received: a tuple of "
                    f"{', '.join(type(part).__name__ for part in result)}"
                )
            result, back = result
        self._back = back
        out = np.asarray(result)
        expected = (
            len(inputs[0]),
            *(inputs[0].shape[1] if size is None else size for size in self.shape[1:]),
        )
        if out.dtype.kind not in "fiub" or out.shape != expected:
            as_what = "compute_output_shape says (without one of its own: that of the first input)"
            as_what = "input" if self._activation else as_what
            raise ValueError(
                f"{self._what()} must return numbers of shape {expected}, as its {as_what}. "
                f"Received: {out.dtype} of shape {out.shape}"
            )
        return out.astype(np.float32, copy=False)

    def backward(self, d_out: np.ndarray) -> tuple[list[Any], list[Any]]:
        """Gradients of the inputs and of the weights."""
        if self._back is None:
            raise TypeError(
                f"{self._what()} gave no backward function, so the model cannot be trained through it: "
                "return (y, backward), where backward(d_y) is the gradient of what it was given, or freeze "
                "all layers before it and its own weights"
            )
        found, weights = self._back(d_out), self._weights
        d_weights: Any = []
        if isinstance(found, tuple):
            if len(found) != 2 or not isinstance(found[1], (list, tuple)):
                raise TypeError(
                    f"backward of {self._whose()} must return d_x, or (d_x, [gradient of each weight]). "
                    f"Received: a tuple of {len(found)}"
                )
            found, d_weights = found
        if len(d_weights) != len(weights):
            raise ValueError(
                f"backward of {self._whose()} must return (d_x, gradients) with a gradient for each of "
                f"{[variable.name for variable in weights]}. Received: {len(d_weights)} gradients"
            )
        return list(found) if isinstance(found, list) else [found], list(d_weights)

    def _whose(self) -> str:
        return repr(self.layer.name) if self._activation is None else self._what()

    def _what(self) -> str:
        if self._activation is not None:
            name = getattr(self._activation, "__name__", type(self._activation).__name__)
            return f"the activation {name!r} of {self.layer.name!r}"
        name = "forward" if hasattr(self.layer, "forward") else "call"
        return f"{name} of {self.layer.name!r} ({type(self.layer).__name__})"


class Lambda(Layer):
    """A function as a layer, made of operators and `embedcnn.ops` or of NumPy arrays. As keras.layers.Lambda.

    `function(x)` (or `function(x, training=..., mask=...)`) returns y. Made of operations it is run once, on
    symbolic tensors, and the core computes it and its gradient. A function of arrays is called for each
    batch; `backward(x, d_y)` returns the gradient of x (a list for several inputs), and is needed only where
    something before the layer is trained. A function with `backward`, or an argument `mask`, gets arrays;
    shapes are found by a trial call on zeros unless `output_shape` (without the batch) is given; where the
    number of steps stays the same, the mask goes on. A file keeps the names of the functions only: load_model
    needs `custom_objects={name: function}`. Raises TypeError for what is no function.

    >>> import numpy as np, embedcnn
    >>> x = embedcnn.Input((3,))
    >>> y = Lambda(lambda x: x ** 2)(x)
    >>> embedcnn.Model(x, y).predict(np.array([[1.0, 2.0, 3.0]]), verbose=0).tolist()
    [[1.0, 4.0, 9.0]]
    >>> y = Lambda(np.cbrt, backward=lambda x, d_y: d_y / (3 * np.cbrt(x) ** 2))(x)
    >>> embedcnn.Model(x, y).predict(np.array([[1.0, 8.0, 27.0]]), verbose=0).round().tolist()
    [[1.0, 2.0, 3.0]]
    """

    not_stored = ("function", "output_shape", "mask", "backward")

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: None = None,
        arguments: dict[str, Any] | None = None,
        backward: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        for argument, value in (("function", function), ("backward", backward)):
            if not callable(value) and (argument == "function" or value is not None):
                raise TypeError(f"`{argument}` must be a function. Received: {argument}={value!r}")
        if mask is not None:
            raise ValueError(
                f"`mask` must be None: masks go on where the steps stay. Received: mask={mask!r}"
            )
        self.function, self.gradient = function, backward
        self.arguments = dict(arguments or {})
        self._output_shape = None if output_shape is None else tuple(output_shape)
        super().__init__(**options)
        self.traces = backward is None and "mask" not in _parameters(function)

    def call(self, inputs: Any, training: Any = None) -> Any:
        """The function's result for symbolic tensors; NumbersNeededError where it takes arrays, or calls
        layers with weights, which nobody would know of.
        """
        options = {"training": training} if "training" in _parameters(self.function) else {}
        try:
            made = self.function(inputs, **options, **self.arguments)
        except AsksWhetherTraining:
            raise
        except Exception:  # a function of arrays may fail in any way here
            raise NumbersNeededError from None
        results = leaves(made, SymbolicTensor)
        if not results or any(one.single for one in results) or _reads_weights(results, inputs):
            raise NumbersNeededError
        return made

    def forward(self, x: Any, training: bool = False, mask: Any = None) -> Any:
        """The function's result, and its gradient where one was given."""
        accepted = inspect.signature(self.function).parameters
        given = {"training": training, "mask": mask}
        options = {name: value for name, value in given.items() if name in accepted}
        y = self.function(x, **options, **self.arguments)
        gradient = self.gradient
        return y if gradient is None else (y, lambda d_y: gradient(x, d_y))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        if self._output_shape is not None:
            return (None, *self._output_shape)
        steps = 5  # stands for a length that is not known
        trial = [np.zeros((2, *(steps if size is None else size for size in shape[1:]))) for shape in shapes]
        with np.errstate(all="ignore"):
            out = np.shape(self.function(trial if len(trial) > 1 else trial[0], **self.arguments))
        unknown = any(None in shape[1:] for shape in shapes)
        return (
            None,
            *(None if unknown and n == 1 and size == steps else size for n, size in enumerate(out[1:], 1)),
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, of functions their names."""
        given = self.gradient
        return {
            **super().get_config(),
            "function": self._stored_name(self.function, self.name),
            "backward": None if given is None else self._stored_name(given, f"{self.name}_backward"),
            "output_shape": plain(self._output_shape),
        }

    def own_objects(self) -> dict[str, Any]:
        config = self.get_config()
        own = {config["function"]: self.function}
        return own if self.gradient is None else own | {config["backward"]: self.gradient}

    @staticmethod
    def _stored_name(function: Callable[..., Any], otherwise: str) -> str:
        """The function's name, or one made from the layer's for a lambda."""
        name = getattr(function, "__name__", "<lambda>")
        return otherwise if name == "<lambda>" else name

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Lambda:
        """A new layer; functions that are names are looked up in the `custom_objects` of load_model."""
        given = dict(config)
        for argument in ("function", "backward"):
            if isinstance(given[argument], str):
                given[argument] = custom_object(
                    given[argument], f"the {argument} of Lambda {given['name']!r}"
                )
        return cls(**given)


def _reads_weights(results: list[SymbolicTensor], inputs: Any) -> bool:
    """Whether a layer with weights stands between."""
    seen = {id(one.node) for one in leaves(inputs, SymbolicTensor)}
    waiting = [one.node for one in results]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            waiting += [one.node for one in node.inputs]
            if node.layer.weights:
                return True
    return False
