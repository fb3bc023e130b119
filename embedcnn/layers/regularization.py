"""Noise in training: Dropout, SpatialDropout1D, GaussianNoise and GaussianDropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.nodes import SymbolicTensor
from .base import Layer, require_rank


def _checked_seed(seed: Any) -> int | None:
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer))):
        raise ValueError(f"`seed` must be an integer or None. Received: seed={seed!r}")
    return None if seed is None else int(seed)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


class _Random(Layer):
    """A layer whose random numbers depend only on the model's seed, the step, the layer and the place."""

    seed: int | None

    def key(self, call: int) -> int:
        """What keys the random numbers of this layer: its seed, else the number of its call in the model."""
        return call if self.seed is None else -1 - self.seed % 2**20


class Dropout(_Random):
    """In training, sets a share `rate` of the numbers to zero and scales the rest by 1/(1 - rate). As
    keras.layers.Dropout.

    Which ones depends only on the model's seed, the step, the layer (its `seed`, where given) and the place
    in the batch, so that results repeat. Raises ValueError unless 0 <= rate < 1.

    >>> import embedcnn
    >>> embedcnn.layers.Dropout(0.5)(embedcnn.Input((4,))).shape
    (None, 4)
    """

    def __init__(
        self, rate: float, noise_shape: None = None, seed: int | None = None, **options: Any
    ) -> None:
        if not _is_number(rate) or not 0 <= rate < 1:
            raise ValueError(f"`rate` must be a number in [0, 1). Received: rate={rate!r}")
        if noise_shape is not None:
            raise ValueError(
                "`noise_shape` must be None; SpatialDropout1D drops whole channels. "
                f"Received: noise_shape={noise_shape!r}"
            )
        self.rate = float(rate)
        self.seed = _checked_seed(seed)
        super().__init__(**options)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


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
        if not _is_number(stddev) or not 0 <= stddev < float("inf"):
            raise ValueError(f"`stddev` must be a finite number >= 0. Received: stddev={stddev!r}")
        self.stddev = float(stddev)
        self.seed = _checked_seed(seed)
        super().__init__(**options)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(_Random):
    """In training, multiplies with normal numbers of mean 1 and variance rate / (1 - rate). As
    keras.layers.GaussianDropout.

    Raises ValueError unless 0 <= rate < 1.

    >>> import embedcnn
    >>> embedcnn.layers.GaussianDropout(0.5)(embedcnn.Input((4,))).shape
    (None, 4)
    """

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        if not _is_number(rate) or not 0 <= rate < 1:
            raise ValueError(f"`rate` must be a number in [0, 1). Received: rate={rate!r}")
        self.rate = float(rate)
        self.seed = _checked_seed(seed)
        super().__init__(**options)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
