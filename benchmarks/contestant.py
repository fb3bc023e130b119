"""What accuracy.py asks of a model of embedcnn; its twins in PyTorch answer to the same names."""

from __future__ import annotations

from typing import Any

import numpy as np


class Contestant:
    model: Any

    def prepare(self, sizes: list[int]) -> None:
        """Nothing to do before an epoch."""

    def train(self, ids: np.ndarray, labels: np.ndarray) -> float:
        return float(self.model.train_on_batch(ids, labels))

    def predict(self, ids: np.ndarray) -> np.ndarray:
        return self.model.predict(ids, verbose=0).argmax(1)

    def weights(self) -> list[np.ndarray]:
        return [one.copy() for one in self.model.get_weights()]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.model.set_weights(weights)
