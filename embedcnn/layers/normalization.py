"""LayerNormalization, BatchNormalization, UnitNormalization and WeightNormalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import initializers
from ..base.arguments import finite_number
from ..base.checked import checked
from ..graph.nodes import Shape, SymbolicTensor, is_symbolic
from ..graph.variables import Variable
from .axes import axes_of, given_axes, sizes_of
from .base import Layer
from .convolution import Conv1D
from .core import Dense
from .wrapping import made


def _check_sizes(layer: Layer, axis: int | list[int], shape: Shape, sizes: tuple[int, ...] | None) -> None:
    """ValueError unless the axes are there, and as large as those that the layer was built for."""
    axes_of(layer, axis, shape)
    if sizes is not None and sizes_of(layer, axis, shape) != sizes:
        what = f"{sizes[0]} channels" if axis == -1 else f"sizes {sizes} of axis={axis}"
        raise ValueError(f"Layer {layer.name!r} was built for {what}. Received: shape={shape}")


class LayerNormalization(Layer):
    """Each row of the last axis with mean 0 and variance 1, times gamma (C,), plus beta (C,). As
    keras.layers.LayerNormalization.

    `axis` may be another one, or several: mean and variance are taken over all of them together, and gamma
    and beta have their sizes. Along the steps of a text masked ones are left out. Raises ValueError for axes
    that the input has not, for gamma or beta along steps of which the number is not known, and unless
    epsilon > 0. Source: Ba, Kiros and Hinton (2016).

    >>> import embedcnn
    >>> embedcnn.layers.LayerNormalization()(embedcnn.Input((None, 4))).shape
    (None, None, 4)
    """

    any_form = True

    @checked
    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **options: Any,
    ) -> None:
        self.axis, self.epsilon = given_axes(axis), float(finite_number("epsilon", epsilon, above=0))
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer, "beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, "gamma_initializer")
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        _check_sizes(self, self.axis, tensors[0].shape, self._sizes if self.built else None)

    def build(self, input_shape: Shape) -> None:
        weighted = self.scale or self.center
        self._sizes = shape = sizes_of(self, self.axis, input_shape) if weighted else None
        self.gamma = self.add_weight("gamma", shape, self.gamma_initializer) if self.scale else None
        self.beta = self.add_weight("beta", shape, self.beta_initializer) if self.center else None


class BatchNormalization(Layer):
    """Each channel with mean 0 and variance 1 over the batch, times gamma (C,), plus beta (C,).

    Training uses the mean and variance of the batch's unmasked steps and moves `moving_mean` and
    `moving_variance` towards them; inference, and a frozen layer (`trainable=False`), use the moving ones,
    which are saved with the model. Right behind a Dense or convolution layer without an activation, inference
    makes it a part of that layer's kernel and bias. The bits do not depend on the number of threads. With
    `axis=1` each step of a text has statistics of its own. Raises ValueError for an axis that the input has
    not, or of unknown size, epsilon <= 0 and momentum outside of [0, 1]. As keras.layers.BatchNormalization.
    Source: Ioffe and Szegedy (2015).

    >>> import embedcnn
    >>> layer = embedcnn.layers.BatchNormalization()
    >>> layer(embedcnn.Input((None, 4))).shape, [weight.name for weight in layer.non_trainable_weights]
    ((None, None, 4), ['moving_mean', 'moving_variance'])
    """

    any_form = True

    @checked
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
        self.axis, self.epsilon = (
            given_axes(axis, several=False),
            float(finite_number("epsilon", epsilon, above=0)),
        )
        self.momentum = float(finite_number("momentum", momentum, least=0, most=1))
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer, "beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, "gamma_initializer")
        self.moving_mean_initializer = initializers.get(moving_mean_initializer, "moving_mean_initializer")
        self.moving_variance_initializer = initializers.get(
            moving_variance_initializer, "moving_variance_initializer"
        )
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        _check_sizes(self, self.axis, tensors[0].shape, self._sizes if self.built else None)

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Applies the layer; with training=False it uses the moving statistics in training too. On arrays,
        training=True uses those of the array, and moves the others towards them.
        """
        if options.get("training") and is_symbolic(inputs):
            raise ValueError(
                f"Layer {self.name!r}: a prediction uses the moving statistics, never those of its batch. "
                "Allowed: training=None or False. Received: training=True"
            )
        return super().__call__(inputs, **options)

    def build(self, input_shape: Shape) -> None:
        self._sizes = shape = sizes_of(self, self.axis, input_shape)
        self.gamma = self.add_weight("gamma", shape, self.gamma_initializer) if self.scale else None
        self.beta = self.add_weight("beta", shape, self.beta_initializer) if self.center else None
        self.moving_mean = self.add_weight("moving_mean", shape, self.moving_mean_initializer, False)
        self.moving_variance = self.add_weight(
            "moving_variance", shape, self.moving_variance_initializer, False
        )


class UnitNormalization(Layer):
    """Each row of the last axis divided by its Euclidean norm; zeros stay zeros. As
    keras.layers.UnitNormalization.

    `axis` may be another one, or several: the norm is taken over all of them together. Along the steps of a
    text masked ones are left out. Raises ValueError for axes that the input has not.

    >>> import embedcnn
    >>> embedcnn.layers.UnitNormalization()(embedcnn.Input((4,))).shape
    (None, 4)
    """

    any_form = True

    def __init__(self, axis: int | Sequence[int] = -1, **options: Any) -> None:
        self.axis = given_axes(axis)
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        axes_of(self, self.axis, tensors[0].shape)


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
