"""The activation of a layer, behind its operation: one of the core, or a function of the user's own."""

from __future__ import annotations

from typing import Any

from ..layers.python import PythonCall
from .builder import Builder
from .tensor_forms import reshaped

_CORE_NAMES = {"celu": "elu"}  # with alpha 1 the same function


def activate(build: Builder, name: str, x: int) -> int:
    """The activation function of this name."""
    if name == "linear":
        return x
    if name in ("softmax", "log_softmax"):
        return build.add(name, [x], shape=build.shape(x))
    return build.add("activation", [x], shape=build.shape(x), activation=_CORE_NAMES.get(name, name))


def _on_pixels(build: Builder, layer: Any, x: int) -> int:
    """A function of the user's own on images: it is given their pixels one behind the other."""
    shape = build.shape(x)
    flat = (shape[0], int(shape[1] or 0) * int(shape[2] or 0), shape[3])
    made = build.add("external", [reshaped(build, x, flat, True)], shape=flat, has_steps=True, cols=flat[-1])
    build.operations[-1].function = PythonCall(layer, flat, activation=layer.activation)
    return build.as_image(reshaped(build, made, shape, False))


def activated(build: Builder, layer: Any, x: int) -> int:
    """The activation of a layer; one of the user's own is called back for."""
    function, shape = layer.activation, build.shape(x)
    if not callable(function):
        return activate(build, function, x)
    if build.is_image(x):  # pixels as steps: (batch, H W, C)
        return _on_pixels(build, layer, x)
    if len(shape) > 3:
        raise ValueError(
            f"Layer {layer.name!r}: an activation of your own takes (batch, channels) or (batch, time, "
            f"channels), or images. Received: shape={shape}"
        )
    made = build.add("external", [x], shape=shape, has_steps=len(shape) == 3, cols=shape[-1])
    build.operations[-1].function = PythonCall(layer, shape, activation=function)
    return made
