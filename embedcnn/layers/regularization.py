"""Noise in training: Dropout, SpatialDropout1D, GaussianNoise and GaussianDropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import finite_number, integer, optional
from ..base.random_seeds import layer_key
from ..graph.nodes import SymbolicTensor
from .base import Layer, require_rank


class _Random(Layer):
    """A layer whose random numbers depend only on the model's seed, the step, the layer and the place."""

    seed: int | None

    def key(self, call: int) -> int:
        """What keys the random numbers of this layer: its seed, else the number of its call in the model."""
        return layer_key(self.seed, call)


class Dropout(_Random):
    """In training, sets a share `rate` of the numbers to zero and scales the rest by 1/(1 - rate). As
    keras.layers.Dropout.

    Which ones depends only on the model's seed, the step, the layer (its `seed`, where given) and the place
    in the batch, so that results repeat. Raises ValueError unless 0 <= rate < 1.

    >>> import embedcnn
    >>> embedcnn.layers.Dropout(0.5)(embedcnn.Input((4,))).shape
    (None, 4)
    """

    not_stored = ("noise_shape",)  # always None

    def __init__(
        self, rate: float, noise_shape: None = None, seed: int | None = None, **options: Any
    ) -> None:
        if noise_shape is not None:
            raise ValueError(
                "`noise_shape` must be None; SpatialDropout1D drops whole channels. "
                f"Received: noise_shape={noise_shape!r}"
            )
        self.rate = float(finite_number("rate", rate, least=0, below=1))
        self.seed = optional(integer, "seed", seed)
        super().__init__(**options)


class SpatialDropout1D(Dropout):
    """Dropout of whole channels: what is dropped is so for all steps of a text.

    As keras.layers.SpatialDropout1D. Raises ValueError unless 0 <= rate < 1.

    >>> import embedcnn
    >>> embedcnn.layers.SpatialDropout1D(0.2)(embedcnn.Input((None, 4))).shape
    (None, None, 4)
    """

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")


class GaussianNoise(_Random):
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


class GaussianDropout(_Random):
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
