"""LayerNormalization, BatchNormalization, UnitNormalization and WeightNormalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import initializers
from ..base.arguments import finite_number
from ..graph.nodes import Shape, SymbolicTensor
from ..graph.variables import Variable
from .base import Layer, known_channels
from .convolution import Conv1D
from .core import Dense
from .wrapping import made


def _last_axis(axis: Any) -> int:
    if isinstance(axis, bool) or axis not in (-1, 1, 2):
        raise ValueError(f"`axis` must be the last one (-1). Received: axis={axis!r}")
    return int(axis)


def _check_shape(layer: Layer, axis: int, shape: Shape, channels: int | None) -> None:
    if axis not in (-1, len(shape) - 1):
        raise ValueError(f"`axis` must be the last one ({len(shape) - 1}). Received: axis={axis} for {shape}")
    if channels is not None and shape[-1] != channels:
        raise ValueError(f"Layer {layer.name!r} was built for {channels} channels. Received: shape={shape}")


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
        self.axis, self.epsilon = _last_axis(axis), float(finite_number("epsilon", epsilon, above=0))
        self.center, self.scale = bool(center), bool(scale)
        self.beta_initializer = initializers.get(beta_initializer, "beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, "gamma_initializer")
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        _check_shape(self, self.axis, tensors[0].shape, self._channels if self.built else None)

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape = (self._channels,)
        self.gamma = self.add_weight("gamma", shape, self.gamma_initializer) if self.scale else None
        self.beta = self.add_weight("beta", shape, self.beta_initializer) if self.center else None


class BatchNormalization(Layer):
    """Each channel with mean 0 and variance 1 over the batch, times gamma (C,), plus beta (C,).

    Training uses the mean and variance of the batch's unmasked steps and moves `moving_mean` and
    `moving_variance` towards them; inference, and a frozen layer (`trainable=False`), use the moving ones,
    which are saved with the model. The bits do not depend on the number of threads. Raises ValueError for
    another axis than the last, epsilon <= 0 and momentum outside of [0, 1]. As
    keras.layers.BatchNormalization. Source: Ioffe and Szegedy (2015).

    >>> import embedcnn
    >>> layer = embedcnn.layers.BatchNormalization()
    >>> layer(embedcnn.Input((None, 4))).shape, [weight.name for weight in layer.non_trainable_weights]
    ((None, None, 4), ['moving_mean', 'moving_variance'])
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        **options: Any,
    ) -> None:
        self.axis, self.epsilon = _last_axis(axis), float(finite_number("epsilon", epsilon, above=0))
        self.momentum = float(finite_number("momentum", momentum, least=0, most=1))
        self.center, self.scale = bool(center), bool(scale)
        self.beta_initializer = initializers.get(beta_initializer, "beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, "gamma_initializer")
        self.moving_mean_initializer = initializers.get(moving_mean_initializer, "moving_mean_initializer")
        self.moving_variance_initializer = initializers.get(
            moving_variance_initializer, "moving_variance_initializer"
        )
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        _check_shape(self, self.axis, tensors[0].shape, self._channels if self.built else None)

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape = (self._channels,)
        self.gamma = self.add_weight("gamma", shape, self.gamma_initializer) if self.scale else None
        self.beta = self.add_weight("beta", shape, self.beta_initializer) if self.center else None
        self.moving_mean = self.add_weight("moving_mean", shape, self.moving_mean_initializer, False)
        self.moving_variance = self.add_weight(
            "moving_variance", shape, self.moving_variance_initializer, False
        )


class UnitNormalization(Layer):
    """Each row of the last axis divided by its Euclidean norm; zeros stay zeros. As
    keras.layers.UnitNormalization.

    >>> import embedcnn
    >>> embedcnn.layers.UnitNormalization()(embedcnn.Input((4,))).shape
    (None, 4)
    """

    def __init__(self, axis: int = -1, **options: Any) -> None:
        self.axis = _last_axis(axis)
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        _check_shape(self, self.axis, tensors[0].shape, None)


class WeightNormalization(Layer):
    """A Dense or Conv1D layer whose kernel is g v / |v|, with a learned length g and direction v of each
    unit.

    g starts as |v|, so that the layer starts as it would without. Weights: g (units,), v (as the kernel),
    bias. Raises TypeError for other layers and for one that has its weights already. As
    torch.nn.utils.weight_norm with dim of the units, tensorflow_addons' WeightNormalization(data_init=False).
    Source: Salimans and Kingma (2016).

    >>> import embedcnn
    >>> layer = embedcnn.layers.WeightNormalization(embedcnn.layers.Dense(3))
    >>> layer(embedcnn.Input((4,))).shape, [weight.name for weight in layer.weights]
    ((None, 3), ['g', 'v', 'bias'])
    """

    def __init__(self, layer: Any, **options: Any) -> None:
        layer = made(layer)
        if not isinstance(layer, (Dense, Conv1D)):
            raise TypeError(f"`layer` must be a Dense or Conv1D layer. Received: layer={layer!r}")
        if layer.built:
            raise TypeError(f"`layer` must not have been called before. Received: layer={layer!r}")
        self.layer = layer
        super().__init__(**options)
        self.activity_regularizer = self.activity_regularizer or layer.activity_regularizer

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        self.layer.check_inputs(tensors)

    def build(self, input_shape: Shape) -> None:
        self.layer.build(input_shape)
        self.layer.built = True
        kernel, bias = self.layer.kernel, self.layer.bias
        squares = np.square(kernel.value, dtype=np.float64).sum(axis=tuple(range(kernel.value.ndim - 1)))
        self.g = Variable("g", np.sqrt(squares).astype(np.float32), self)
        self.v = Variable("v", kernel.value, self)
        self.bias = None if bias is None else Variable("bias", bias.value, self)
        for variable, own in ((self.g, None), (self.v, kernel), (self.bias, bias)):
            if variable is not None:
                self.track(variable)
            if variable is not None and own is not None:
                variable.regularizer, variable.constraint = own.regularizer, own.constraint

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.layer.compute_output_shape(input_shape)
