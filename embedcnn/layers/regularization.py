"""Noise in training: Dropout, AlphaDropout, SpatialDropout1D, GaussianNoise and GaussianDropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import finite_number, integer, optional, positive_integer, require_channels_last
from ..base.random_seeds import layer_key
from ..graph.nodes import Shape, SymbolicTensor
from ..ops.elementwise import where
from ..ops.functions import ones_like
from .base import Layer, require_rank
from .image_windows import require_image


class Random(Layer):
    """A layer whose random numbers depend only on the model's seed, the step, the layer and the place."""

    any_form = True

    seed: int | None

    def key(self, call: int) -> int:
        """What keys the random numbers of this layer: its seed, else the number of its call in the model."""
        return layer_key(self.seed, call)


class Dropout(Random):
    """In training, sets a share `rate` of the numbers to zero and scales the rest by 1/(1 - rate). As
    keras.layers.Dropout.

    Which ones depends only on the model's seed, the step, the layer (its `seed`, where given) and the place
    in the batch, so that results repeat. `noise_shape` has a size for each axis, the batch's first: along
    one of 1 all values are dropped together, None (or the input's size) draws each for itself: (None, 1, 4)
    drops whole channels. Raises ValueError unless 0 <= rate < 1, and for a `noise_shape` of other sizes.

    >>> import embedcnn
    >>> embedcnn.layers.Dropout(0.5)(embedcnn.Input((4,))).shape
    (None, 4)
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        self.rate = float(finite_number("rate", rate, least=0, below=1))
        if noise_shape is not None and not isinstance(noise_shape, (list, tuple)):
            raise ValueError(
                "`noise_shape` must be None or a size (or None) for each axis, the batch's first. "
                f"Received: noise_shape={noise_shape!r}"
            )
        sizes = () if noise_shape is None else noise_shape
        checked = [None if size is None else positive_integer("noise_shape", size) for size in sizes]
        self.noise_shape = None if noise_shape is None else checked
        self.seed = optional(integer, "seed", seed)
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        shape, sizes = tensors[0].shape, self.noise_shape
        if sizes is None:
            return
        fits = len(sizes) == len(shape) and all(
            size in (None, 1) or own in (None, size) for size, own in zip(sizes, shape, strict=True)
        )
        if not fits:
            raise ValueError(
                f"`noise_shape` must hold 1, None or the input's size for each axis of {shape}. "
                f"Received: noise_shape={tuple(sizes)}"
            )

    def shared_axes(self, shape: Shape) -> int:
        """The axes of an input of this shape along which values are dropped together: bit 0 the batch."""
        sizes = zip(self.noise_shape or (), shape, strict=False)
        return sum(1 << axis for axis, (size, own) in enumerate(sizes) if size == 1 and own != 1)


class AlphaDropout(Random):
    """Dropout for networks of SELU: in training a share `rate` of the numbers takes SELU's lower bound, and
    all are scaled and moved so that mean and variance stay. As keras.layers.AlphaDropout; Klambauer and
    others (2017).

    `noise_shape` and `seed`: Dropout. Raises ValueError unless 0 <= rate < 1.

    >>> import embedcnn
    >>> embedcnn.layers.AlphaDropout(0.5)(embedcnn.Input((4,))).shape
    (None, 4)
    """

    BOUND = -1.6732632423543772 * 1.0507009873554805

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._inner = Dropout(rate, noise_shape, seed)
        self.rate, self.noise_shape, self.seed = self._inner.rate, self._inner.noise_shape, self._inner.seed

    def call(self, inputs: Any, training: Any = False) -> Any:
        """The result for a tensor."""
        if not training or not self.rate:
            return inputs
        kept = self._inner(ones_like(inputs), training=True)
        scale = ((1 - self.rate) * (1 + self.rate * self.BOUND**2)) ** -0.5
        return where(kept, inputs, self.BOUND) * scale - scale * self.BOUND * self.rate


class SpatialDropout1D(Dropout):
    """Dropout of whole channels: what is dropped is so for all steps of a text.

    As keras.layers.SpatialDropout1D. Raises ValueError unless 0 <= rate < 1.

    >>> import embedcnn
    >>> embedcnn.layers.SpatialDropout1D(0.2)(embedcnn.Input((None, 4))).shape
    (None, None, 4)
    """

    not_stored = ("noise_shape",)  # always whole channels

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(rate, seed=seed, **options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")

    def shared_axes(self, shape: Shape) -> int:
        return 2  # the steps


class SpatialDropout2D(Dropout):
    """Dropout of whole channels of images: what is dropped is so for all pixels of an image.

    As keras.layers.SpatialDropout2D. Raises ValueError unless 0 <= rate < 1.

    >>> import embedcnn
    >>> embedcnn.layers.SpatialDropout2D(0.2)(embedcnn.Input((8, 8, 4))).shape
    (None, 8, 8, 4)
    """

    not_stored = ("noise_shape", "data_format")  # always whole channels, the last axis
    reads_images = True

    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, **options: Any
    ) -> None:
        require_channels_last(data_format)
        super().__init__(rate, seed=seed, **options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_image(self, tensors[0])

    def shared_axes(self, shape: Shape) -> int:
        return 0b110  # rows and columns


class GaussianNoise(Random):
    """In training, adds normal numbers of standard deviation `stddev`. As keras.layers.GaussianNoise.

    Raises ValueError unless stddev is a finite number >= 0.

    >>> import embedcnn
    >>> embedcnn.layers.GaussianNoise(0.1)(embedcnn.Input((4,))).shape
    (None, 4)
    """

    def __init__(self, stddev: float, seed: int | None = None, **options: Any) -> None:
        self.stddev = float(finite_number("stddev", stddev, least=0))
        self.seed = optional(integer, "seed", seed)
        super().__init__(**options)


class GaussianDropout(Random):
    """In training, multiplies with normal numbers of mean 1 and variance rate / (1 - rate). As
    keras.layers.GaussianDropout.

    Raises ValueError unless 0 <= rate < 1.

    >>> import embedcnn
    >>> embedcnn.layers.GaussianDropout(0.5)(embedcnn.Input((4,))).shape
    (None, 4)
    """

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        self.rate = float(finite_number("rate", rate, least=0, below=1))
        self.seed = optional(integer, "seed", seed)
        super().__init__(**options)
