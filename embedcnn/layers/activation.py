"""Activation, ReLU and Softmax as layers of their own."""

from __future__ import annotations

from typing import Any

from .. import activations
from .base import Layer


class Activation(Layer):
    """An activation function as a layer; ValueError for unknown names. As keras.layers.Activation.

    >>> import embedcnn
    >>> embedcnn.layers.Activation("tanh")(embedcnn.Input((4,))).shape
    (None, 4)
    """

    def __init__(self, activation: Any, **options: Any) -> None:
        self.activation = activations.name_of(activation)
        super().__init__(**options)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": self.activation}


class ReLU(Layer):
    """max(x, 0), or min(max(x, 0), 6) with `max_value=6`. As keras.layers.ReLU.

    >>> import embedcnn
    >>> embedcnn.layers.ReLU()(embedcnn.Input((4,))).shape
    (None, 4)
    """

    def __init__(self, max_value: float | None = None, **options: Any) -> None:
        if max_value not in (None, 6):
            raise ValueError(f"`max_value` must be None or 6. Received: max_value={max_value!r}")
        self.max_value = max_value
        self.activation = "relu" if max_value is None else "relu6"
        super().__init__(**options)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_value": self.max_value}


class Softmax(Layer):
    """exp(x) / sum(exp(x)) over the last axis. As keras.layers.Softmax.

    >>> import embedcnn
    >>> embedcnn.layers.Softmax()(embedcnn.Input((4,))).shape
    (None, 4)
    """

    activation = "softmax"

    def __init__(self, axis: int = -1, **options: Any) -> None:
        if axis != -1:
            raise ValueError(f"`axis` must be -1 (the last axis). Received: axis={axis!r}")
        super().__init__(**options)
