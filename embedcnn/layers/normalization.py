"""LayerNormalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import initializers
from ..graph import Shape, SymbolicTensor
from .base import Layer, known_channels


class LayerNormalization(Layer):
    """Each row of the last axis with mean 0 and variance 1, times gamma (C,), plus beta (C,). As
    keras.layers.LayerNormalization.

    Raises ValueError for another axis than the last and unless epsilon > 0. Source: Ba, Kiros and Hinton
    (2016).

    >>> import embedcnn
    >>> embedcnn.layers.LayerNormalization()(embedcnn.Input((None, 4))).shape
    (None, None, 4)
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **options: Any,
    ) -> None:
        if isinstance(axis, bool) or axis not in (-1, 1, 2):
            raise ValueError(f"`axis` must be the last one (-1). Received: axis={axis!r}")
        if isinstance(epsilon, bool) or not isinstance(epsilon, (int, float)) or not 0 < epsilon < 1e30:
            raise ValueError(f"`epsilon` must be a number above 0. Received: epsilon={epsilon!r}")
        self.axis, self.epsilon = axis, float(epsilon)
        self.center, self.scale = bool(center), bool(scale)
        self.beta_initializer = initializers.get(beta_initializer, "beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, "gamma_initializer")
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        shape = tensors[0].shape
        if self.axis not in (-1, len(shape) - 1):
            raise ValueError(
                f"`axis` must be the last one ({len(shape) - 1}). Received: axis={self.axis} for {shape}"
            )
        if self.built and shape[-1] != self._channels:
            raise ValueError(
                f"Layer {self.name!r} was built for {self._channels} channels. Received: shape={shape}"
            )

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape = (self._channels,)
        self.gamma = self.add_weight("gamma", shape, self.gamma_initializer) if self.scale else None
        self.beta = self.add_weight("beta", shape, self.beta_initializer) if self.center else None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
        }
