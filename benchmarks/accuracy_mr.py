"""Accuracy on the MR movie-review sentences, side by side with PyTorch: the same start, batches and protocol.

    python benchmarks/accuracy_mr.py --data FOLDER [--folds 0 1 2] [--seeds 0 1 2] [--json accuracy.json]

FOLDER holds mr/rt-polarity.pos and .neg (B. Pang and L. Lee 2005, one sentence a line, Windows-1252) and
vectors/glove.6B.50d.top100k.txt.xz (or any GloVe text of 50 dimensions, .xz or plain, by --vectors). Line i
of each file is in fold i mod 10; fold k is the test fold, fold k + 1 the development fold. Model: Kim (2014),
filters 3, 4, 5 x 100, D 50, trainable table, dropout 0.5, B 50, Adam. Training ends after 3 epochs without a
better development accuracy; the weights of the best epoch are tested. Goal: mean accuracy within 1 point of
PyTorch's.
"""

from __future__ import annotations

import argparse
import lzma
import os
import sys
import time
from pathlib import Path

import numpy as np
import peers

sys.path.insert(0, str(peers.ROOT))

WIDTH, FILTERS, KERNELS, BATCH, LENGTH = 50, 100, (3, 4, 5), 50, 64
MOST_EPOCHS, PATIENCE, GOAL_POINTS = 15, 3, 1.0


def read_sentences(folder: Path) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
    """(tokens of each sentence, labels, folds)."""
    sentences, labels, folds = [], [], []
    for label, name in enumerate(("rt-polarity.neg", "rt-polarity.pos")):
        lines = (folder / "mr" / name).read_bytes().decode("windows-1252", "replace").split("\n")
        for number, line in enumerate(line for line in lines if line.strip()):
            sentences.append(line.lower().split(" ")[:LENGTH])
            sentences[-1] = [token for token in sentences[-1] if token]
            labels.append(label)
            folds.append(number % 10)
    return sentences, np.array(labels), np.array(folds)


def read_vectors(path: Path, words: set[str]) -> dict[str, np.ndarray]:
    found = {}
    with (lzma.open if path.suffix == ".xz" else open)(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            word, *numbers = line.rstrip("\n").split(" ")
            if word in words and len(numbers) == WIDTH:
                found[word] = np.array(numbers, np.float32)
    return found


def encode(sentences: list[list[str]], vectors: dict[str, np.ndarray], rng: np.random.Generator):
    """(ids [N, LENGTH], table): 0 is padding, words without a vector start at random."""
    number = {word: place for place, word in enumerate(sorted({w for s in sentences for w in s}), 1)}
    ids = np.zeros((len(sentences), LENGTH), np.int32)
    for row, sentence in zip(ids, sentences, strict=True):
        row[: len(sentence)] = [number[word] for word in sentence]
    table = rng.uniform(-0.25, 0.25, (len(number) + 1, WIDTH)).astype(np.float32)
    table[0] = 0
    for word, place in number.items():
        if word in vectors:
            table[place] = vectors[word]
    return ids, table


def initial_weights(table: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """In Keras's layout and order: table, then kernel and bias of each convolution, then of the dense
    layer."""
    weights = [table]
    for taps in KERNELS:
        limit = np.sqrt(6 / (taps * (WIDTH + FILTERS)))
        weights += [rng.uniform(-limit, limit, (taps, WIDTH, FILTERS)), np.zeros(FILTERS)]
    limit = np.sqrt(6 / (FILTERS * len(KERNELS) + 2))
    weights += [rng.uniform(-limit, limit, (FILTERS * len(KERNELS), 2)), np.zeros(2)]
    return [np.ascontiguousarray(one, np.float32) for one in weights]


class Embedcnn:
    def __init__(self, weights: list[np.ndarray], seed: int) -> None:
        import embedcnn
        from embedcnn import layers

        embedcnn.utils.set_random_seed(seed)
        x = embedcnn.Input((LENGTH,), dtype="int32")
        embedded = layers.Embedding(*weights[0].shape)(x)
        pooled = [
            layers.GlobalMaxPooling1D()(layers.Conv1D(FILTERS, taps, activation="relu")(embedded))
            for taps in KERNELS
        ]
        hidden = layers.Dropout(0.5)(layers.Concatenate()(pooled))
        self.model = embedcnn.Model(x, layers.Dense(2, activation="softmax")(hidden))
        self.model.compile("adam", "sparse_categorical_crossentropy")
        self.model.set_weights(weights)

    def train(self, ids: np.ndarray, labels: np.ndarray) -> None:
        self.model.train_on_batch(ids, labels)

    def predict(self, ids: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.predict(ids, verbose=0)).argmax(1)

    def weights(self) -> list[np.ndarray]:
        return [one.copy() for one in self.model.get_weights()]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.model.set_weights(weights)


class PyTorch:
    def __init__(self, weights: list[np.ndarray], seed: int) -> None:
        import torch

        torch.manual_seed(seed)
        self.torch = torch
        self.tensors = [torch.from_numpy(one.copy()).requires_grad_() for one in weights]
        self.optimizers = [
            torch.optim.SparseAdam(self.tensors[:1], eps=1e-7),
            torch.optim.Adam(self.tensors[1:], eps=1e-7),
        ]

    def logits(self, ids: np.ndarray, training: bool):
        functional = self.torch.nn.functional
        x = self.torch.from_numpy(ids.astype(np.int64))
        x = functional.embedding(x, self.tensors[0], sparse=True).transpose(1, 2)
        pooled = []
        for number in range(len(KERNELS)):
            kernel, bias = self.tensors[1 + 2 * number : 3 + 2 * number]
            pooled.append(functional.relu(functional.conv1d(x, kernel.permute(2, 1, 0), bias).amax(2)))
        hidden = functional.dropout(self.torch.cat(pooled, 1), 0.5, training)
        return hidden @ self.tensors[-2] + self.tensors[-1]

    def train(self, ids: np.ndarray, labels: np.ndarray) -> None:
        loss = self.torch.nn.functional.cross_entropy(self.logits(ids, True), self.torch.from_numpy(labels))
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()

    def predict(self, ids: np.ndarray) -> np.ndarray:
        with self.torch.no_grad():
            parts = [self.logits(ids[i : i + 500], False).argmax(1).numpy() for i in range(0, len(ids), 500)]
        return np.concatenate(parts)

    def weights(self) -> list[np.ndarray]:
        return [one.detach().numpy().copy() for one in self.tensors]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        with self.torch.no_grad():
            for tensor, one in zip(self.tensors, weights, strict=True):
                tensor.copy_(self.torch.from_numpy(one))


def accuracy_of_run(kind: type, ids, labels, folds, table, fold: int, seed: int) -> tuple[float, int]:
    """(test accuracy in per cent at the epoch with the best development accuracy, epochs run)."""
    rng = np.random.default_rng(1000 * fold + seed)
    model = kind(initial_weights(table, rng), seed)
    develop, test = folds == (fold + 1) % 10, folds == fold
    train = np.flatnonzero(~develop & ~test)
    best, best_weights, waited, epochs = -1.0, None, 0, 0
    for _ in range(MOST_EPOCHS):
        order = rng.permutation(train)
        for begin in range(0, len(order), BATCH):
            part = order[begin : begin + BATCH]
            model.train(ids[part], labels[part])
        epochs += 1
        reached = float((model.predict(ids[develop]) == labels[develop]).mean())
        if reached > best:
            best, best_weights, waited = reached, model.weights(), 0
        else:
            waited += 1
            if waited == PATIENCE:
                break
    model.set_weights(best_weights)
    return 100 * float((model.predict(ids[test]) == labels[test]).mean()), epochs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(os.environ.get("EMBEDCNN_SHARED", peers.ROOT.parent / "shared")) / "data"
    parser.add_argument("--data", type=Path, default=default, help="folder with mr/ and vectors/")
    parser.add_argument("--vectors", type=Path, help="GloVe text of 50 dimensions")
    parser.add_argument("--folds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--only", choices=["embedcnn", "PyTorch"], help="one side alone")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    vectors_path = arguments.vectors or arguments.data / "vectors" / "glove.6B.50d.top100k.txt.xz"
    mr = arguments.data / "mr"
    for path in (mr / "rt-polarity.pos", mr / "rt-polarity.neg", vectors_path):
        if not path.is_file():
            raise SystemExit(f"accuracy_mr: {path} is missing; --data names the folder with mr/ and vectors/")
    sentences, labels, folds = read_sentences(arguments.data)
    vectors = read_vectors(vectors_path, {word for sentence in sentences for word in sentence})
    ids, table = encode(sentences, vectors, np.random.default_rng(0))
    kinds = {"embedcnn": Embedcnn} | ({"PyTorch": PyTorch} if peers.installed("torch") else {})
    if arguments.only:
        kinds = {name: kind for name, kind in kinds.items() if name == arguments.only}
    reached: dict[str, list[float]] = {name: [] for name in kinds}
    for fold in arguments.folds:
        for seed in arguments.seeds:
            for name, kind in kinds.items():
                begin = time.perf_counter()
                accuracy, epochs = accuracy_of_run(kind, ids, labels, folds, table, fold, seed)
                reached[name].append(accuracy)
                took = f"{epochs} epochs, {time.perf_counter() - begin:.1f} s"
                print(f"fold {fold} seed {seed} {name:<9}{accuracy:7.2f} %  {took}", flush=True)
    means = {name: round(float(np.mean(values)), 2) for name, values in reached.items()}
    print("mean", ", ".join(f"{name} {value} %" for name, value in means.items()))
    result = {"mean": means, "runs": reached}
    if len(means) == 2:
        difference = means["embedcnn"] - means["PyTorch"]
        met = difference >= -GOAL_POINTS
        result |= {"difference_points": round(difference, 2), "met": met}
        print(f"difference {difference:+.2f} points; goal within {GOAL_POINTS}: {'met' if met else 'MISSED'}")
    peers.write_json(arguments.json, result)


if __name__ == "__main__":
    main()
