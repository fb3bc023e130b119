"""Dropout and SpatialDropout1D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import SymbolicTensor
from .base import Layer, require_rank


class Dropout(Layer):
    """In training, sets a share `rate` of the numbers to zero and scales the rest by 1/(1 - rate). As
    keras.layers.Dropout.

    Which ones depends only on the model's seed, the step, the layer and the place in the batch, so that
    results repeat. Raises ValueError unless 0 <= rate < 1.

    >>> import embedcnn
    >>> embedcnn.layers.Dropout(0.5)(embedcnn.Input((4,))).shape
    (None, 4)
    """

    def __init__(self, rate: float, **options: Any) -> None:
        if isinstance(rate, bool) or not isinstance(rate, (int, float, np.number)) or not 0 <= rate < 1:
            raise ValueError(f"`rate` must be a number in [0, 1). Received: rate={rate!r}")
        self.rate = float(rate)
        super().__init__(**options)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


class SpatialDropout1D(Dropout):
    """Dropout of whole channels: what is dropped is so for all steps of a text.

    As keras.layers.SpatialDropout1D. Raises ValueError unless 0 <= rate < 1.

    >>> import embedcnn
    >>> embedcnn.layers.SpatialDropout1D(0.2)(embedcnn.Input((None, 4))).shape
    (None, None, 4)
    """

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")
