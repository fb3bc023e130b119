"""The arguments of a call of a layer, and the way to what traces the `call` of a layer of one's own.

tracing.py, which does that, stands above the base of layers; it is found by its name here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.named_objects import named_object
from ..graph import tracing

if TYPE_CHECKING:
    from ..graph.nodes import Shape

PLACES = {
    "add_loss": "embedcnn.layers.tracing:add_loss",
    "traced": "embedcnn.layers.tracing:traced",
    "parts_of": "embedcnn.graph.nesting:parts_of",
    "all_weights": "embedcnn.graph.nesting:all_weights",
}
"""What does the work for layers with a `call` that is traced."""


def of_traced(work: str, *arguments: Any) -> Any:
    """What a function of PLACES gives."""
    return named_object(PLACES[work])(*arguments)


def no_attribute(holder: Any, name: str) -> str:
    """What a layer or model says that does not have an attribute; methods of Keras 2 have a hint."""
    hint = ""
    if name == "add_metric":
        hint = (
            ", which Keras 3 removed: give `metrics` to compile(), or override `train_step` and `test_step`"
        )
    return f"{type(holder).__name__!r} object has no attribute {name!r}{hint}"


def built_once(build: Any) -> Any:
    """The method of a subclass so that it makes weights once, whoever calls it."""

    @functools.wraps(build)
    def once(self: Any, input_shape: Any = None, **shapes: Any) -> None:
        if self.built and type(self).build is once:
            return
        if isinstance(input_shape, list) and not any(isinstance(part, (list, tuple)) for part in input_shape):
            input_shape = tuple(input_shape)
        with tracing.building():
            if shapes:  # of several arguments of `call`, by their names
                build(self, **shapes)
            else:
                build(self, input_shape)
        self.built = True

    return once


class NumbersNeededError(Exception):
    """`call` computes on NumPy arrays."""


def arguments_of(
    layer: Any, inputs: Any, arguments: Sequence[Any], options: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The first argument of a call, also where it is given by name, and the others by name."""
    if inputs is None and options and not arguments and layer.traces:
        inputs = options.pop(next(iter(inspect.signature(layer.call).parameters)), None)
    return inputs, {**options, **named_arguments(layer, arguments, options)}


def named_arguments(
    layer: Any, arguments: Sequence[Any], options: dict[str, Any], first: int = 1
) -> dict[str, Any]:
    """Arguments behind the `first` ones of a call by their names in the signature of the layer's `call`."""
    if not arguments:
        return {}
    function = getattr(layer, "call", None) or getattr(layer, "forward", None)
    names = list(inspect.signature(function).parameters)[first:] if callable(function) else []
    if len(arguments) > len(names) or set(names[: len(arguments)]).intersection(options):
        raise TypeError(
            f"Layer {layer.name!r} ({type(layer).__name__}) takes {first + len(names)} arguments, each once. "
            f"Received: {first + len(arguments)} arguments, and {sorted(options)} by name"
        )
    return dict(zip(names, arguments, strict=False))


def called_with(layer: Any, options: dict[str, Any]) -> bool | None:
    """Takes `training` out of the options of a call: True and False hold whatever the model is run for. What
    is called without it inside a call that is traced takes that of the call.
    """
    training = options.pop("training", None)
    if training is None or isinstance(training, tracing.Phase):
        around = [call.training for call in tracing.active() if call.training is not None]
        return around[-1] if around else None
    if not isinstance(training, (bool, np.bool_)):
        raise TypeError(f"`training` of {layer.name!r} must be True, False or None. Received: {training!r}")
    return bool(training)


def python_layer_shape(layer: Any, shapes: Sequence[Shape], out: Any) -> Shape:
    """The output shape of a layer written in Python, checked: (None, C) or (None, T, C), C known."""
    owner = next(cls for cls in type(layer).__mro__ if "compute_mask" in vars(cls))
    if owner.__module__.partition(".")[0] != __name__.partition(".")[0]:
        raise TypeError(
            f"compute_mask of {layer.name!r} ({type(layer).__name__}) would never be called: a layer "
            "written in Python keeps the mask where the steps stay. Write `call` with ops, or use ApplyMask"
        )
    if isinstance(out, list) or not isinstance(out, tuple) or not 2 <= len(out) <= 3 or out[-1] is None:
        raise ValueError(
            f"compute_output_shape of {layer.name!r} ({type(layer).__name__}) must give (None, channels) "
            "or (None, "
            f"time, channels). Received: {out!r}"
        )
    if len(out) == 3 and out[1] is None and (len(shapes[0]) != 3 or shapes[0][1] is not None):
        raise ValueError(
            f"compute_output_shape of {layer.name!r} must give the number of steps for an input of "
            f"{shapes[0]}. "
            f"Received: {out!r}"
        )
    return (None, *(size if size is None else int(size) for size in out[1:]))
