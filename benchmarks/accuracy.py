"""Accuracy on MR and TREC, side by side with PyTorch: the same start, batches, dropout and protocol.

    python benchmarks/accuracy.py --data FOLDER [--models cnn bilstm] [--tasks mr trec]
        [--tables static non-static] [--seeds N] [--json FILE]

FOLDER holds mr/rt-polarity.pos and .neg (B. Pang and L. Lee 2005, one sentence a line, Windows-1252),
trec/train_5500.label and TREC_10.label (X. Li and D. Roth 2002, "CLASS:class question" a line, Latin-1) and
vectors/glove.6B.50d.top100k.txt.xz (or any GloVe text of 50 dimensions, .xz or plain, by --vectors).

MR: line i of each file is in fold i mod 10; fold k is the test fold, fold k + 1 the development fold; folds 0
to 2, three seeds each. TREC: the test file, six classes; every tenth line of the training file (i mod 10 = 9)
is for development; ten seeds. Models: cnn, Kim (2014), filters 3, 4, 5 x 100, dropout 0.5; bilstm, see
bilstm.py. D 50, table frozen (static) or trained, B 50, Adam, each batch cut to its longest text. Training
ends after 4 epochs without a better development accuracy; the weights of the best epoch are tested. Goal:
mean accuracy within 0.7 points of PyTorch's. PyTorch is given the values that embedcnn drops
(`embedcnn.ops.dropout` makes them from seed and step): with others the two differ as two seeds do, by more
than a point in each run.
"""

from __future__ import annotations

import argparse
import lzma
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import bilstm
import numpy as np
import peers
from contestant import Contestant

WIDTH, FILTERS, KERNELS, BATCH, LENGTH, RATE = 50, 100, (3, 4, 5), 50, 64, 0.5
MOST_EPOCHS, PATIENCE, GOAL_POINTS = 30, 4, 0.7
TEST, DEVELOP, TRAIN = 2, 1, 0


@dataclass
class Task:
    """Texts with labels, and `runs`: (name, seed, part of each text: TRAIN, DEVELOP or TEST)."""

    sentences: list[list[str]]
    labels: np.ndarray
    classes: int
    runs: list[tuple[str, int, np.ndarray]]


def read_mr(folder: Path, seeds: int | None) -> Task:
    sentences, labels, folds = [], [], []
    for label, name in enumerate(("rt-polarity.neg", "rt-polarity.pos")):
        lines = (folder / "mr" / name).read_bytes().decode("windows-1252", "replace").split("\n")
        for number, line in enumerate(line for line in lines if line.strip()):
            sentences.append(line.lower().split(" ")[:LENGTH])
            sentences[-1] = [token for token in sentences[-1] if token]
            labels.append(label)
            folds.append(number % 10)
    runs = []
    for fold in range(3):
        part = np.select([np.array(folds) == fold, np.array(folds) == fold + 1], [TEST, DEVELOP], TRAIN)
        runs += [(f"fold {fold} seed {seed}", 1000 * fold + seed, part) for seed in range(seeds or 3)]
    return Task(sentences, np.array(labels), 2, runs)


def read_trec(folder: Path, seeds: int | None) -> Task:
    sentences, names, part = [], [], []
    for name in ("train_5500.label", "TREC_10.label"):
        lines = (folder / "trec" / name).read_bytes().decode("latin-1").split("\n")
        for number, line in enumerate(line for line in lines if line.strip()):
            label, question = line.split(" ", 1)
            sentences.append([token for token in question.lower().split(" ") if token][:LENGTH])
            names.append(label.split(":")[0])
            part.append(TEST if name == "TREC_10.label" else DEVELOP if number % 10 == 9 else TRAIN)
    classes, labels = np.unique(names, return_inverse=True)
    runs = [(f"seed {seed}", seed, np.array(part)) for seed in range(seeds or 10)]
    return Task(sentences, labels.astype(np.int64), len(classes), runs)


READERS = {"mr": read_mr, "trec": read_trec}


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


def initial_weights(table: np.ndarray, classes: int, rng: np.random.Generator) -> list[np.ndarray]:
    """In Keras's layout and order: table, then kernel and bias of each convolution, then of the dense
    layer."""
    weights = [table]
    for taps in KERNELS:
        limit = np.sqrt(6 / (taps * (WIDTH + FILTERS)))
        weights += [rng.uniform(-limit, limit, (taps, WIDTH, FILTERS)), np.zeros(FILTERS)]
    limit = np.sqrt(6 / (FILTERS * len(KERNELS) + classes))
    weights += [rng.uniform(-limit, limit, (FILTERS * len(KERNELS), classes)), np.zeros(classes)]
    return [np.ascontiguousarray(one, np.float32) for one in weights]


class Embedcnn(Contestant):
    def __init__(self, weights: list[np.ndarray], trainable: bool, seed: int) -> None:
        import embedcnn
        from embedcnn import layers

        x = embedcnn.Input((None,), dtype="int32")
        embedded = layers.Embedding(*weights[0].shape, trainable=trainable)(x)
        pooled = [
            layers.GlobalMaxPooling1D()(layers.Conv1D(FILTERS, taps, activation="relu")(embedded))
            for taps in KERNELS
        ]
        hidden = layers.Dropout(RATE, seed=0)(layers.Concatenate()(pooled))
        self.model = embedcnn.Model(
            x, layers.Dense(len(weights[-1]), activation="softmax")(hidden), seed=seed
        )
        self.model.compile("adam", "sparse_categorical_crossentropy")
        self.model.set_weights(weights)


class PyTorch:
    def __init__(self, weights: list[np.ndarray], trainable: bool, seed: int) -> None:
        import torch

        self.torch, self.seed, self.step = torch, seed, 0
        self.kept: list[np.ndarray] = []
        self.tensors = [torch.from_numpy(one.copy()).requires_grad_() for one in weights]
        self.tensors[0].requires_grad_(trainable)
        self.optimizers = [torch.optim.Adam(self.tensors[1:], eps=1e-7, fused=True)]
        if trainable:
            self.optimizers.append(torch.optim.SparseAdam(self.tensors[:1], eps=1e-7))

    def prepare(self, sizes: list[int]) -> None:
        """What dropout keeps in the batches of the next epoch, scaled; not part of the time."""
        from embedcnn import ops

        ones = np.ones((max(sizes), FILTERS * len(KERNELS)), np.float32)
        for number, size in enumerate(sizes, self.step):
            self.kept.append(ops.dropout(ones[:size], RATE, seed=self.seed, step=number, layer=-1))

    def logits(self, ids: np.ndarray, kept: np.ndarray | None = None):
        functional = self.torch.nn.functional
        x = self.torch.from_numpy(ids.astype(np.int64))
        x = functional.embedding(x, self.tensors[0], sparse=self.tensors[0].requires_grad).transpose(1, 2)
        pooled = []
        for number in range(len(KERNELS)):
            kernel, bias = self.tensors[1 + 2 * number : 3 + 2 * number]
            pooled.append(functional.relu(functional.conv1d(x, kernel.permute(2, 1, 0), bias).amax(2)))
        hidden = self.torch.cat(pooled, 1)
        if kept is not None:
            hidden = hidden * self.torch.from_numpy(kept)
        return hidden @ self.tensors[-2] + self.tensors[-1]

    def train(self, ids: np.ndarray, labels: np.ndarray) -> None:
        logits = self.logits(ids, self.kept.pop(0))
        self.step += 1
        loss = self.torch.nn.functional.cross_entropy(logits, self.torch.from_numpy(labels))
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()

    def predict(self, ids: np.ndarray) -> np.ndarray:
        with self.torch.no_grad():
            parts = [self.logits(ids[i : i + 500]).argmax(1).numpy() for i in range(0, len(ids), 500)]
        return np.concatenate(parts)

    def weights(self) -> list[np.ndarray]:
        return [one.detach().numpy().copy() for one in self.tensors]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        with self.torch.no_grad():
            for tensor, one in zip(self.tensors, weights, strict=True):
                tensor.copy_(self.torch.from_numpy(one))


@dataclass
class Outcome:
    accuracy: float  # on the test part, in per cent, at the epoch with the best development accuracy
    epochs: int
    seconds: float  # of training an epoch, the fastest


@dataclass
class Contest:
    """A model in both frameworks, its start, and how many tokens a batch must have at least."""

    kinds: dict[str, type]
    initial_weights: Callable[[np.ndarray, int, np.random.Generator], list[np.ndarray]]
    shortest: int


CONTESTS = {
    "cnn": Contest({"embedcnn": Embedcnn, "PyTorch": PyTorch}, initial_weights, max(KERNELS)),
    "bilstm": Contest(
        {"embedcnn": bilstm.Embedcnn, "PyTorch": bilstm.PyTorch}, bilstm.initial_weights, bilstm.SHORTEST
    ),
}


def cut(ids: np.ndarray, shortest: int) -> np.ndarray:
    """A batch cut to its longest text."""
    return np.ascontiguousarray(ids[:, : max(shortest, int((ids != 0).sum(1).max()))])


def run_once(
    contest: Contest, name: str, task: Task, ids, table, trainable: bool, seed: int, part: np.ndarray
) -> Outcome:
    rng = np.random.default_rng(seed)
    model = contest.kinds[name](contest.initial_weights(table, task.classes, rng), trainable, seed)
    train, develop, test = (np.flatnonzero(part == which) for which in (TRAIN, DEVELOP, TEST))
    best, best_weights, waited, seconds = -1.0, model.weights(), 0, []
    while len(seconds) < MOST_EPOCHS and waited < PATIENCE:
        order = rng.permutation(train)
        batches = [order[begin : begin + BATCH] for begin in range(0, len(order), BATCH)]
        inputs = [(cut(ids[rows], contest.shortest), task.labels[rows]) for rows in batches]
        model.prepare([len(y) for _, y in inputs])
        begin = time.perf_counter()
        for x, y in inputs:
            model.train(x, y)
        seconds.append(time.perf_counter() - begin)
        reached = float((model.predict(ids[develop]) == task.labels[develop]).mean())
        waited += 1
        if reached > best:
            best, best_weights, waited = reached, model.weights(), 0
    model.set_weights(best_weights)
    accuracy = 100 * float((model.predict(ids[test]) == task.labels[test]).mean())
    return Outcome(accuracy, len(seconds), min(seconds))


def compare(title: str, contest: Contest, task: Task, ids, table, trainable: bool) -> dict:
    """Every run in every framework; prints each run, returns the means and the difference."""
    found: dict[str, list[Outcome]] = {name: [] for name in contest.kinds}
    for run, seed, part in task.runs:
        for name in contest.kinds:
            outcome = run_once(contest, name, task, ids, table, trainable, seed, part)
            found[name].append(outcome)
            print(
                f"{title}, {run}: {name:<9}{outcome.accuracy:7.2f} %  {outcome.epochs:>2} epochs, "
                f"{outcome.seconds:.2f} s each",
                flush=True,
            )
    result: dict = {
        "title": title,
        "results": {
            name: {
                "mean": round(float(np.mean([one.accuracy for one in outcomes])), 2),
                "deviation": round(float(np.std([one.accuracy for one in outcomes])), 2),
                "seconds_per_epoch": round(min(one.seconds for one in outcomes), 3),
                "runs": [round(one.accuracy, 2) for one in outcomes],
            }
            for name, outcomes in found.items()
        },
    }
    if len(contest.kinds) == 2:
        ours, theirs = (result["results"][name] for name in ("embedcnn", "PyTorch"))
        result["difference_points"] = round(ours["mean"] - theirs["mean"], 2)
        result["epoch_ratio"] = round(theirs["seconds_per_epoch"] / ours["seconds_per_epoch"], 2)
        result["met"] = abs(result["difference_points"]) <= GOAL_POINTS
        print(
            f"{title}: embedcnn {ours['mean']} %, PyTorch {theirs['mean']} %, difference "
            f"{result['difference_points']:+.2f} points (goal: within {GOAL_POINTS}, "
            f"{'met' if result['met'] else 'MISSED'}); an epoch {ours['seconds_per_epoch']} s and "
            f"{theirs['seconds_per_epoch']} s",
            flush=True,
        )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(os.environ.get("EMBEDCNN_SHARED", peers.ROOT.parent / "shared")) / "data"
    parser.add_argument("--data", type=Path, default=default, help="folder with mr/, trec/ and vectors/")
    parser.add_argument("--vectors", type=Path, help="GloVe text of 50 dimensions")
    parser.add_argument("--models", nargs="*", choices=list(CONTESTS), default=["cnn"])
    parser.add_argument("--tasks", nargs="*", choices=list(READERS), default=list(READERS))
    parser.add_argument("--tables", nargs="*", choices=["static", "non-static"], default=None)
    parser.add_argument("--seeds", type=int, help="seeds of each fold or task, instead of 3 and 10")
    parser.add_argument("--threads", type=int, help="threads of both sides")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    vectors_path = arguments.vectors or arguments.data / "vectors" / "glove.6B.50d.top100k.txt.xz"
    if not vectors_path.is_file():
        raise SystemExit(f"accuracy: {vectors_path} is missing; --vectors names a GloVe text")
    if not peers.installed("torch"):
        for contest in CONTESTS.values():
            del contest.kinds["PyTorch"]
    if arguments.threads:
        peers.set_threads(arguments.threads)
    results = []
    for name in arguments.tasks:
        try:
            task = READERS[name](arguments.data, arguments.seeds)
        except FileNotFoundError as error:
            print(f"left out: {error.filename} is missing; --data names the folder", file=sys.stderr)
            continue
        vectors = read_vectors(vectors_path, {word for sentence in task.sentences for word in sentence})
        ids, table = encode(task.sentences, vectors, np.random.default_rng(0))
        for model, kept in product(arguments.models, arguments.tables or ["static", "non-static"]):
            title = f"{name.upper()}, {kept}" if model == "cnn" else f"{name.upper()}, {model}, {kept}"
            results.append(compare(title, CONTESTS[model], task, ids, table, kept == "non-static"))
            peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
