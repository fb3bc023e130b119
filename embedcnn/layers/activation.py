"""Activation functions as layers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import activations, initializers
from ..base.arguments import finite_number, integer
from ..graph.nodes import Shape, SymbolicTensor
from .axes import axes_of, given_axes
from .base import Layer, known_channels


class Activation(Layer):
    """An activation function as a layer; ValueError for unknown names. As keras.layers.Activation.

    >>> import embedcnn
    >>> embedcnn.layers.Activation("tanh")(embedcnn.Input((4,))).shape
    (None, 4)
    """

    any_form = True

    def __init__(self, activation: Any, **options: Any) -> None:
        self.activation = activations.chosen(activation)
        super().__init__(**options)


class ReLU(Layer):
    """min(x, max_value) where x is above the threshold, else negative_slope (x - threshold). As
    keras.layers.ReLU.

    Raises ValueError for numbers below 0, and unless `max_value` is above `threshold`.

    >>> import embedcnn
    >>> embedcnn.layers.ReLU()(embedcnn.Input((4,))).shape
    (None, 4)
    """

    any_form = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Any,
    ) -> None:
        self.max_value = None if max_value is None else float(finite_number("max_value", max_value, least=0))
        self.negative_slope = float(finite_number("negative_slope", negative_slope, least=0))
        self.threshold = float(finite_number("threshold", threshold, least=0))
        if self.max_value is not None and self.max_value <= self.threshold:
            raise ValueError(
                f"`max_value` must be above `threshold`={self.threshold:g}. Received: max_value={max_value!r}"
            )
        super().__init__(**options)


class LeakyReLU(Layer):
    """x where it is positive, else negative_slope x. As keras.layers.LeakyReLU.

    Raises ValueError unless `negative_slope` is a number >= 0.

    >>> import embedcnn
    >>> embedcnn.layers.LeakyReLU(0.1)(embedcnn.Input((4,))).shape
    (None, 4)
    """

    any_form = True

    def __init__(self, negative_slope: float = 0.3, **options: Any) -> None:
        self.negative_slope = float(
            finite_number("negative_slope", options.pop("alpha", negative_slope), least=0)
        )
        super().__init__(**options)


class ELU(Layer):
    """x where it is positive, else alpha (exp(x) - 1). As keras.layers.ELU.

    >>> import embedcnn
    >>> embedcnn.layers.ELU()(embedcnn.Input((4,))).shape
    (None, 4)
    """

    any_form = True

    def __init__(self, alpha: float = 1.0, **options: Any) -> None:
        self.alpha = float(finite_number("alpha", alpha, least=0))
        super().__init__(**options)


class PReLU(Layer):
    """x where it is positive, else alpha x with a learned alpha of the input's shape. As keras.layers.PReLU.

    Along `shared_axes` it is the same, axis 1 being the first behind the batch: [1] are all steps of a
    sequence, [1, 2] all pixels of an image, [1, 2, 3] makes alpha a single number. Raises ValueError for axes
    that the input has not, and where an axis that is not shared has no known size.

    >>> import embedcnn
    >>> layer = embedcnn.layers.PReLU(shared_axes=[1])
    >>> layer(embedcnn.Input((None, 4))).shape, layer.alpha.shape
    ((None, None, 4), (1, 4))
    """

    any_form = True

    def __init__(self, alpha_initializer: Any = "zeros", shared_axes: Any = None, **options: Any) -> None:
        self.alpha_initializer = initializers.get(alpha_initializer, "alpha_initializer")
        given = () if shared_axes is None else shared_axes
        axes = [given] if np.ndim(given) == 0 else list(given)
        self.shared_axes = [integer("shared_axes", axis, 1) for axis in axes]
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        shape = tensors[0].shape
        known_channels(self, shape)
        if any(axis >= len(shape) for axis in self.shared_axes):
            raise ValueError(
                f"`shared_axes`={self.shared_axes} must be axes of the input, from 1 to {len(shape) - 1}. "
                f"Received: shape={shape}"
            )
        if 0 in self._alpha_shape(shape):
            raise ValueError(
                f"Layer {self.name!r} (PReLU) must know the sizes of the axes along which alpha differs: the "
                "length of texts, or share alpha over them with shared_axes=[1]. "
                f"Received: shape={shape}"
            )
        if self.built and self._alpha_shape(shape) != self.alpha.shape:
            raise ValueError(f"Layer {self.name!r} was built for {self.alpha.shape}. Received: shape={shape}")

    def _alpha_shape(self, shape: Shape) -> tuple[int, ...]:
        sizes = [1 if axis in self.shared_axes else size or 0 for axis, size in enumerate(shape)]
        return tuple(sizes[1:])

    def build(self, input_shape: Shape) -> None:
        self.alpha = self.add_weight("alpha", self._alpha_shape(input_shape), self.alpha_initializer)


class Softmax(Layer):
    """exp(x) / sum(exp(x)) over the last axis. As keras.layers.Softmax.

    `axis` may be another one, or several: all their values together sum to 1. Along the steps of a text
    (`axis=1`) masked ones have no share. Raises ValueError for axes that the input has not.

    >>> import embedcnn
    >>> embedcnn.layers.Softmax()(embedcnn.Input((4,))).shape
    (None, 4)
    >>> embedcnn.layers.Softmax(axis=1)(embedcnn.Input((None, 1))).shape
    (None, None, 1)
    """

    any_form = True

    def __init__(self, axis: int | Sequence[int] = -1, **options: Any) -> None:
        self.axis = given_axes(axis)
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        axes_of(self, self.axis, tensors[0].shape)
