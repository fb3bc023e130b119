"""Attention with dropout over texts of open length, which the core goes over span by span; what Attention and
MultiHeadAttention call there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph.nodes import Shape
from .regularization import Random


class OpenAttention(Random):
    """Means of the steps of a value by the softmax of query times key, of whose shares dropout takes some:
    [(B, T, C), (B, S, C), (B, S, D)] to (B, T, D), in heads that are slices of the channels.

    Which shares are dropped depends on the model's seed, the step, the layer (its `seed`, where given), the
    example, the head and the two positions within their texts: neither on padding nor on the threads.
    """

    inputs_many = True
    mask_of = 0
    """The result has the mask of the query."""

    def __init__(
        self, heads: int, causal: bool, scale: float, rate: float, seed: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.heads, self.causal, self.scale, self.rate, self.seed = heads, causal, scale, rate, seed

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        """(B, T, D)"""
        return (*input_shape[0][:-1], input_shape[2][-1])
