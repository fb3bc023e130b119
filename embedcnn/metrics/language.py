"""What language models are measured in: perplexity, and bits per character. In models they follow from the
sums of the loss, so that no step keeps its predictions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import losses
from ..base.arguments import boolean, integer, optional
from ..base.checked import checked
from ..losses.pairs import numbers_of, spread_weights
from .base import Metric


class TokenMetric(Metric):
    """The mean of -log p[y] over all tokens: what the metrics of language models share."""

    direction, additive = "down", True

    @checked
    def __init__(self, from_logits: bool | None, mask_token_id: int | None, name: str) -> None:
        self.from_logits = optional(boolean, "from_logits", from_logits)
        self.mask_token_id = optional(integer, "mask_token_id", mask_token_id)
        self.loss = losses.SparseCategoricalCrossentropy(bool(from_logits), self.mask_token_id)
        super().__init__(name)

    def follow(self, loss: Any) -> bool:
        """Whether a model's loss sums up what this metric needs; takes `from_logits` from it where it was
        not given. ValueError where the two disagree.
        """
        logits = getattr(loss, "from_logits", None)
        if logits is None:
            return False
        if self.from_logits not in (None, logits):
            raise ValueError(
                f"metric {self.name!r}: from_logits={self.from_logits}, but the loss has "
                f"from_logits={logits}; leave it out, or give both the same"
            )
        self.loss = losses.SparseCategoricalCrossentropy(logits, self.mask_token_id)
        same = type(loss) is losses.SparseCategoricalCrossentropy and not loss.label_smoothing
        return same and loss.ignore_class == self.mask_token_id

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts tokens: y_true (B,) or (B, T) of ids, y_pred with one axis more; weights (B,) or (B, T)."""
        y, p = numbers_of(y_true, y_pred)
        each = self.loss.per_example(y, p)
        weight = spread_weights(sample_weight, each.shape)
        weight = np.ones(each.shape) if weight is None else weight
        counted = self.loss.counted(y, p)
        if counted is not None:
            weight = np.where(counted, weight, 0.0)
        self.add(float((np.where(weight != 0, each, 0) * weight).sum()), float(weight.sum()))


class Perplexity(TokenMetric):
    """exp of the mean of -log p[y] over all tokens: 1 for a model that is always right and sure, V for one
    that guesses among V tokens. As keras_hub.metrics.Perplexity.

    `from_logits`: whether predictions are logits; None: as the model's loss takes them (alone: False). Tokens
    `mask_token_id`, and masked ones, do not count. Infinite where it exceeds the floating-point numbers.
    Raises TypeError and ValueError for other arguments.

    >>> round(Perplexity()([[0, 1]], [[[0.5, 0.5], [0.5, 0.5]]]), 4)
    2.0
    """

    @checked
    def __init__(
        self,
        from_logits: bool | None = None,
        mask_token_id: int | None = None,
        name: str = "perplexity",
    ) -> None:
        super().__init__(from_logits, mask_token_id, name)

    def result(self) -> float:
        mean = super().result()
        if not self.count:
            return 0.0
        return math.exp(mean) if not mean > 709 else math.inf


class BitsPerCharacter(TokenMetric):
    """The mean of -log2 p[y] over all tokens, which are characters: what a text compressor that uses the
    model would need for each. Arguments as those of Perplexity, of which it is the logarithm.

    >>> BitsPerCharacter()([0, 1], [[0.5, 0.5], [0.75, 0.25]])
    1.5
    """

    @checked
    def __init__(
        self,
        from_logits: bool | None = None,
        mask_token_id: int | None = None,
        name: str = "bits_per_character",
    ) -> None:
        super().__init__(from_logits, mask_token_id, name)

    def result(self) -> float:
        return super().result() / math.log(2)
