"""Batches of the classifier's training: shuffled anew in each epoch, words left out, labels weighted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from embedcnn.base.arguments import one_of
from embedcnn.ragged import Ragged
from embedcnn.training.sample_weights import balanced_weights

if TYPE_CHECKING:
    from embedcnn.classifier.recipe import Settings

UNKNOWN = 1  # the id of words that are not in the vocabulary


def label_weights(y: np.ndarray, classes: int, class_weight: str | None) -> np.ndarray | None:
    """The weight of a text of each label, float32 (classes,), 1 in the mean of the texts `y`; None: all 1.

    As scikit-learn's `class_weight="balanced"`: texts / (classes * texts of the label).

    >>> label_weights(np.array([0, 0, 0, 0, 1, 1]), 2, "balanced").tolist()
    [0.75, 1.5]
    """
    if class_weight is None:
        return None
    one_of("class_weight", class_weight, ("balanced",))
    return balanced_weights(y, classes)


def text_weights(
    of_labels: np.ndarray | None, y: np.ndarray, weights: np.ndarray | None
) -> np.ndarray | None:
    """What each text counts, float32 (texts,): its own weight times that of its label `y`; None: all 1."""
    if of_labels is None:
        return weights
    return of_labels[y] if weights is None else of_labels[y] * weights


class ShuffledBatches:
    """The batches of an epoch, shuffled; each time `word_dropout` of the words count as unknown.

    This keeps a filter's largest value from resting on single words, and trains the embedding of unknown
    words.
    """

    def __init__(
        self, ragged: Any, y: np.ndarray, settings: Settings, weights: np.ndarray | None = None
    ) -> None:
        self.ragged, self.y, self.settings, self.weights = ragged, y, settings, weights
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(len(self.ragged) / self.settings.batch_size)

    def set_epoch(self, number: int) -> None:
        """`fit` tells the number of the epoch, which with the seed decides the order and the words."""
        self.epoch = number

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        generator = np.random.Generator(np.random.Philox(key=[self.settings.seed, self.epoch]))
        kept = generator.random(len(self.ragged.ids), np.float32) >= self.settings.word_dropout
        changed = Ragged(np.where(kept, self.ragged.ids, UNKNOWN).astype(np.int32), self.ragged.offsets)
        order = generator.permutation(len(changed))
        for start in range(0, len(order), self.settings.batch_size):
            chosen = order[start : start + self.settings.batch_size]
            batch = changed[chosen], self.y[chosen]
            yield batch if self.weights is None else (*batch, self.weights[chosen])
