"""Values brought to a scale: RMSNormalization, GroupNormalization, Normalization, Rescaling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import initializers
from ..base.arguments import finite_number, positive_integer
from ..base.checked import checked
from ..graph.nodes import Shape
from ..ops.elementwise import cast, maximum
from ..ops.functions import rsqrt, sqrt
from ..ops.rearranging import reshape
from ..ops.reductions import mean as mean_of
from ..ops.reductions import var
from ..ops.statistics import rms_normalization
from .axes import given_axes, sizes_of
from .base import Layer, known_channels


class RMSNormalization(Layer):
    """x divided by the root of the mean of its squares along the last axis, times a learned scale (C,). As
    keras.layers.RMSNormalization.

    `axis` may be another one, or several; the scale has their sizes. Raises ValueError for axes that the
    input has not, or of unknown size. Source: Zhang and Sennrich (2019).

    >>> import embedcnn
    >>> layer = embedcnn.layers.RMSNormalization()
    >>> layer(embedcnn.Input((None, 4))).shape, layer.scale.shape
    ((None, None, 4), (4,))
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **options: Any) -> None:
        super().__init__(**options)
        self.axis, self.epsilon = given_axes(axis), float(finite_number("epsilon", epsilon, above=0))

    def build(self, input_shape: Shape) -> None:
        self.scale = self.add_weight("scale", sizes_of(self, self.axis, input_shape), "ones")

    def call(self, inputs: Any) -> Any:
        """The result for a tensor."""
        rank, axes = inputs.ndim, np.ravel(self.axis).tolist()
        chosen = sorted(axis % rank for axis in axes)
        sizes = [inputs.shape[axis] if axis in chosen else 1 for axis in range(chosen[0], rank)]
        return rms_normalization(inputs, reshape(self.scale, sizes), chosen, self.epsilon)


class GroupNormalization(Layer):
    """Each group of channels of an example with mean 0 and variance 1 over all its steps, times gamma (C,),
    plus beta (C,). As keras.layers.GroupNormalization.

    `groups` must divide the channels; -1: each channel by itself. Masked steps take no part. Raises
    ValueError for other axes than the last and groups that do not fit. Source: Wu and He (2018).

    >>> import embedcnn
    >>> embedcnn.layers.GroupNormalization(groups=2)(embedcnn.Input((None, 4))).shape
    (None, None, 4)
    """

    @checked
    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if axis != -1:
            raise ValueError(f"`axis` must be -1, the channels. Received: axis={axis!r}")
        self.groups = -1 if groups == -1 else positive_integer("groups", groups)
        self.axis, self.epsilon = -1, float(finite_number("epsilon", epsilon, above=0))
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer, "beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, "gamma_initializer")

    def build(self, input_shape: Shape) -> None:
        channels = known_channels(self, input_shape)
        if channels % self._count(channels):
            raise ValueError(
                f"`groups` must divide the {channels} channels of the input. Received: groups={self.groups}"
            )
        self.gamma = self.add_weight("gamma", (channels,), self.gamma_initializer) if self.scale else None
        self.beta = self.add_weight("beta", (channels,), self.beta_initializer) if self.center else None

    def _count(self, channels: int) -> int:
        return channels if self.groups == -1 else self.groups

    def call(self, inputs: Any) -> Any:
        """The result for a tensor."""
        shape = [-1 if size is None else size for size in inputs.shape]
        groups = self._count(shape[-1])
        x = reshape(inputs, [*shape[:-1], groups, shape[-1] // groups])
        axes = [axis for axis in range(1, x.ndim) if axis != x.ndim - 2]
        spread = rsqrt(var(x, axes, True) + self.epsilon)
        made = reshape((x - mean_of(x, axes, True)) * spread, shape)
        made = made if self.gamma is None else made * self.gamma
        return made if self.beta is None else made + self.beta


class Rescaling(Layer):
    """x times `scale` plus `offset`. As keras.layers.Rescaling.

    >>> import embedcnn
    >>> embedcnn.layers.Rescaling(0.5, offset=1.0)([[2.0, 4.0]]).tolist()
    [[2.0, 3.0]]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.scale, self.offset = _numbers("scale", scale), _numbers("offset", offset)

    def call(self, inputs: Any) -> Any:
        """The result for a tensor."""
        scale, offset = np.asarray(self.scale, np.float32), np.asarray(self.offset, np.float32)
        return cast(inputs, "float32") * scale + offset


class Normalization(Layer):
    """x less the mean of data, divided by its standard deviation, for each place of the last axis. As
    keras.layers.Normalization.

    `adapt(data)` finds mean and variance (weights that do not learn), or they are given. `axis` None: one of
    all values. `invert`: back to the scale of the data. Raises ValueError where only one is given, and for
    other axes.

    >>> import embedcnn
    >>> layer = embedcnn.layers.Normalization()
    >>> layer.adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> layer(np.array([[1.0, 30.0]])).tolist()
    [[-1.0, 1.0]]
    """

    @checked
    def __init__(
        self,
        axis: int | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if axis not in (-1, None):
            raise ValueError(f"`axis` must be -1 or None. Received: axis={axis!r}")
        if (mean is None) != (variance is None):
            raise ValueError(
                f"`mean` and `variance` are given both or neither. Received: mean={mean}, variance={variance}"
            )
        self.axis, self.invert = axis, invert
        self.mean = None if mean is None else _numbers("mean", mean)
        self.variance = None if variance is None else _numbers("variance", variance)

    def build(self, input_shape: Shape) -> None:
        if self.mean is None:
            shape = () if self.axis is None else (known_channels(self, input_shape),)
            self.adapted_mean = self.add_weight("mean", shape, "zeros", trainable=False)
            self.adapted_variance = self.add_weight("variance", shape, "ones", trainable=False)
            self.count = self.add_weight("count", (), "zeros", trainable=False)  # as Keras has it, unused

    def adapt(self, data: Any) -> None:
        """Mean and variance of data, an array (n, ...) or batches of such."""
        if self.mean is not None:
            raise ValueError(f"Layer {self.name!r} has been given its mean and variance: leave `adapt` out")
        rows = isinstance(data, (list, tuple)) and not any(hasattr(part, "__array__") for part in data)
        batches = not rows and not hasattr(data, "__array__")
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for part in _parts(data if batches else [data]):
            values = np.asarray(part, np.float64)
            values = values[:, None] if values.ndim == 1 else values
            self.build(values.shape)
            axes = None if self.axis is None else tuple(range(values.ndim - 1))
            own, own_mean, own_variance = len(values), values.mean(axes), values.var(axes)
            share, away = own / (count + own), own_mean - mean  # Chan, Golub and LeVeque 1979
            if count:
                own_mean = mean + share * away
                own_variance = variance + share * (own_variance - variance + (1 - share) * away**2)
            mean, variance, count = own_mean, own_variance, count + own
        if not count:
            raise ValueError(f"Layer {self.name!r}: `data` of adapt holds no batch. Received: {data!r}")
        self.adapted_mean.assign(mean.astype(np.float32))
        self.adapted_variance.assign(variance.astype(np.float32))

    def call(self, inputs: Any) -> Any:
        """The result for a tensor."""
        given = self.mean is not None
        mean = np.asarray(self.mean, np.float32) if given else self.adapted_mean
        variance = np.asarray(self.variance, np.float32) if given else self.adapted_variance
        deviation = _at_least(variance)
        x = cast(inputs, "float32")
        return x * deviation + mean if self.invert else (x - mean) / deviation


def _parts(batches: Iterable[Any]) -> Iterator[Any]:
    """Batches; many images as several, whose float64 values fit into memory."""
    for batch in batches:
        if np.ndim(batch) < 4:
            yield batch
        else:
            yield from (batch[start : start + 256] for start in range(0, len(batch), 256))


def _at_least(variance: Any) -> Any:
    """The standard deviation, 1e-7 at least."""
    return maximum(sqrt(variance), 1e-7)


def _numbers(name: str, value: Any) -> Any:
    """A number, or a list of them as a file keeps it; TypeError for others."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"`{name}` must be a number or an array of numbers. Received: {name}={value!r}")
    return array.tolist()
