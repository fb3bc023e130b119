"""The bidirectional LSTM of accuracy.py, in embedcnn and in PyTorch, from the same start.

Embedding (padding is masked), LSTM 64 in both directions, the last state of each, dropout 0.5, Dense. PyTorch
packs the sequences, so that it reads no padding either, and one of its two biases stays 0 (only their sum
counts; with two they would learn twice as fast).
"""

from __future__ import annotations

import numpy as np
from contestant import Contestant

UNITS = 64
SHORTEST = 1  # tokens that a batch must have


def initial_weights(
    table: np.ndarray, classes: int, rng: np.random.Generator, units: int = UNITS
) -> list[np.ndarray]:
    """In Keras's layout and order: table; kernel, recurrent kernel and bias of both directions; dense."""
    width, weights = table.shape[1], [table]
    for _ in range(2):
        limit = np.sqrt(6 / (width + 4 * units))
        weights.append(rng.uniform(-limit, limit, (width, 4 * units)))
        weights.append(np.linalg.qr(rng.standard_normal((4 * units, units)))[0].T)
        weights.append(np.repeat([0, 1, 0, 0], units))
    limit = np.sqrt(6 / (2 * units + classes))
    weights += [rng.uniform(-limit, limit, (2 * units, classes)), np.zeros(classes)]
    return [np.ascontiguousarray(one, np.float32) for one in weights]


class Embedcnn(Contestant):
    def __init__(self, weights: list[np.ndarray], trainable: bool, seed: int, rate: float = 0.5) -> None:
        import embedcnn
        from embedcnn import layers

        x = embedcnn.Input((None,), dtype="int32")
        embedded = layers.Embedding(*weights[0].shape, mask_zero=True, trainable=trainable)(x)
        hidden = layers.Bidirectional(layers.LSTM(weights[2].shape[0]))(embedded)
        hidden = layers.Dropout(rate, seed=0)(hidden)
        out = layers.Dense(len(weights[-1]), activation="softmax")(hidden)
        self.model = embedcnn.Model(x, out, seed=seed)
        self.model.compile("adam", "sparse_categorical_crossentropy")
        self.model.set_weights(weights)


class PyTorch:
    def __init__(self, weights: list[np.ndarray], trainable: bool, seed: int, rate: float = 0.5) -> None:
        import torch

        self.torch, self.seed, self.rate, self.step = torch, seed, rate, 0
        self.kept: list[np.ndarray] = []
        self.units = weights[2].shape[0]
        self.lstm = torch.nn.LSTM(weights[0].shape[1], self.units, batch_first=True, bidirectional=True)
        self.tensors = [torch.from_numpy(one.copy()).requires_grad_() for one in weights]
        self.tensors[0].requires_grad_(trainable)
        for number, name in ((1, ""), (4, "_reverse")):
            names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")
            self.tensors[number : number + 3] = [getattr(self.lstm, part + name) for part in names]
            getattr(self.lstm, f"bias_hh_l0{name}").requires_grad_(False).zero_()
        self.set_weights(weights)
        self.adam = torch.optim.Adam(self.tensors[1:], eps=1e-7)
        self.adam_of_table = torch.optim.SparseAdam(self.tensors[:1], eps=1e-7) if trainable else None

    def prepare(self, sizes: list[int]) -> None:
        """What dropout keeps in the batches of the next epoch, scaled; not part of the time."""
        from embedcnn import ops

        ones = np.ones((max(sizes), 2 * self.units), np.float32)
        for number, size in enumerate(sizes, self.step):
            if self.rate:
                self.kept.append(ops.dropout(ones[:size], self.rate, seed=self.seed, step=number, layer=-1))

    def logits(self, ids: np.ndarray, kept: np.ndarray | None = None):
        torch = self.torch
        x = torch.from_numpy(ids.astype(np.int64))
        lengths = torch.from_numpy((ids != 0).sum(1).astype(np.int64))
        x = torch.nn.functional.embedding(x, self.tensors[0], sparse=self.tensors[0].requires_grad)
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        hidden = torch.cat(list(self.lstm(packed)[1][0]), 1)
        if kept is not None:
            hidden = hidden * torch.from_numpy(kept)
        return hidden @ self.tensors[-2] + self.tensors[-1]

    def train(self, ids: np.ndarray, labels: np.ndarray) -> float:
        logits = self.logits(ids, self.kept.pop(0) if self.rate else None)
        self.step += 1
        loss = self.torch.nn.functional.cross_entropy(logits, self.torch.from_numpy(labels))
        self.adam.param_groups[0]["eps"] = 1e-7 / (1 - 0.999**self.step) ** 0.5  # as Keras's formula
        optimizers = [self.adam] + ([self.adam_of_table] if self.adam_of_table else [])
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return float(loss.detach())

    def predict(self, ids: np.ndarray) -> np.ndarray:
        with self.torch.no_grad():
            parts = [self.logits(ids[i : i + 500]).argmax(1).numpy() for i in range(0, len(ids), 500)]
        return np.concatenate(parts)

    def weights(self) -> list[np.ndarray]:
        """In Keras's layout."""
        found = [one.detach().numpy() for one in self.tensors]
        return [np.array(one.T if number in (1, 2, 4, 5) else one) for number, one in enumerate(found)]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        with self.torch.no_grad():
            for number, (tensor, one) in enumerate(zip(self.tensors, weights, strict=True)):
                tensor.copy_(self.torch.from_numpy(one.T.copy() if number in (1, 2, 4, 5) else one))
