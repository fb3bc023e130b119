"""Wrapper, the base of layers of one's own around another one."""

from __future__ import annotations

from typing import Any

from ..graph.nesting import is_model
from .base import Layer
from .wrapping import made


class Wrapper(Layer):
    """A layer around another one, `layer`, whose weights are among its own: a subclass defines `call`. As
    keras.layers.Wrapper.

    Raises TypeError unless `layer` is a layer or model.

    >>> import embedcnn
    >>> class Doubled(Wrapper):
    ...     def call(self, x):
    ...         return 2.0 * self.layer(x)
    >>> doubled = Doubled(embedcnn.layers.Dense(3))
    >>> doubled(embedcnn.Input((2,))).shape, doubled.count_params()
    ((None, 3), 9)
    """

    def __init__(self, layer: Any, **options: Any) -> None:
        if not isinstance(layer, Layer) and not is_model(layer):
            raise TypeError(f"`layer` must be a layer or a model. Received: layer={layer!r}")
        super().__init__(**options)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer inside for inputs of this shape."""
        if not self.layer.built:
            self.layer.build(input_shape)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new layer, around a new one."""
        return cls(**{**config, "layer": made(config["layer"])})
