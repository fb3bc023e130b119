"""Which n-grams a BagClassifier goes by: the weights of its parts over all features, once for all texts.

What one text owes to its n-grams is another question: explanation.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Feature(NamedTuple):
    """An n-gram and what it counts for a label: above 0 it speaks for it."""

    name: str
    weight: float


def weights_of(models: Sequence[Any], slopes: Sequence[float]) -> np.ndarray:
    """The weights of parts times their slopes, averaged, float32 (K, features); (1, features), those of the
    second label, for two.

    They are those of counts before a document is divided by its norm.
    """
    total = np.zeros(models[0].folded.shape, np.float64)
    for model, slope in zip(models, slopes, strict=True):
        total += model.folded * np.float64(slope)
    return np.ascontiguousarray((total / len(models)).T, np.float32)


def top_features(weights: np.ndarray, features: Any, classes: np.ndarray, n: int) -> dict[Any, list[Feature]]:
    """The `n` features that speak most for each label, by weight."""
    rows = np.concatenate([-weights, weights]) if len(weights) == 1 else weights
    found = {}
    for label, row in zip(classes.tolist(), rows, strict=True):
        ids = np.argsort(-row, kind="stable")[:n]
        ids = ids[row[ids] > 0]
        found[label] = [
            Feature(name, float(weight))
            for name, weight in zip(features.names_of(ids), row[ids], strict=True)
        ]
    return found
