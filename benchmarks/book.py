"""A character language model of a book, beside PyTorch: validation nats per character from the same start.

    python benchmarks/book.py [BOOK.txt] [--units 512] [--steps 600] [--precisions highest high medium]
        [--dimensions 256] [--batch 128] [--length 100] [--every 100] [--threads N] [--json book.json]

Without a book it reads the texts of Python's own help (pydoc). By characters, the first 80 % are learnt, the
next 10 % are for validation, in windows of --length. Embedding, LSTM, Dense; Adam 0.002, the global norm of
the gradients at most 1. Both sides (PyTorch in float32) get the same initial weights, by set_torch_weights,
and the same windows in the same order. PyTorch has two biases of which only the sum counts: one stays 0, for
with two its biases would learn twice as fast; its epsilon follows Keras's formula; and the rows of its table
that a batch lacks stay as they are (SparseAdam). Goal: after all steps within 0.01 nats of each other.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import peers

GOAL_NATS, RATE, EPSILON, NORM = 0.01, 0.002, 1e-7, 1.0


@dataclass
class Workload:
    """Windows of a text, and in which order they are learnt."""

    x: np.ndarray
    y: np.ndarray
    held_out: tuple[np.ndarray, np.ndarray]
    characters: int
    batch: int
    seed: int = 0

    def batches(self, steps: int):
        """(x, y) of each step: all windows in a new order for each epoch, the rest of an epoch left out."""
        rng = np.random.default_rng(self.seed)
        each = len(self.x) // self.batch
        if not each:
            raise SystemExit(f"book: the text has {len(self.x)} windows, fewer than a batch of {self.batch}")
        for step in range(steps):
            if step % each == 0:
                order = rng.permutation(len(self.x))[: each * self.batch].reshape(each, self.batch)
            rows = order[step % each]
            yield self.x[rows], self.y[rows]


def workload(text: str, length: int, batch: int, seed: int = 0) -> Workload:
    from embedcnn.language_model import text_windows
    from embedcnn.text import CharVocabulary

    vocabulary = CharVocabulary(text)
    ids = vocabulary.encode(text)
    learnt, held_out = ids[: len(ids) * 8 // 10], ids[len(ids) * 8 // 10 : len(ids) * 9 // 10]
    windows = text_windows(learnt, length)
    return Workload(*windows, text_windows(held_out, length), len(vocabulary), batch, seed)


def initial_weights(characters: int, dimensions: int, units: int, seed: int = 0) -> dict[str, np.ndarray]:
    """In PyTorch's layout: (gates x units, channels), one bias."""
    rng = np.random.default_rng(seed)
    limit = units**-0.5
    shapes = {
        "weight_ih": (4 * units, dimensions),
        "weight_hh": (4 * units, units),
        "bias_ih": (4 * units,),
        "dense": (characters, units),
        "dense_bias": (characters,),
    }
    drawn = {name: rng.uniform(-limit, limit, shape).astype(np.float32) for name, shape in shapes.items()}
    return {"table": (0.05 * rng.standard_normal((characters, dimensions))).astype(np.float32), **drawn}


class Embedcnn:
    name = "embedcnn"

    def __init__(self, weights: dict[str, np.ndarray], precision: str = "highest") -> None:
        import embedcnn
        from embedcnn import layers, losses, optimizers

        embedcnn.set_float32_matmul_precision(precision)
        self.name = f"embedcnn {precision}"
        table, lstm = layers.Embedding(*weights["table"].shape), layers.LSTM(weights["weight_hh"].shape[1])
        lstm.return_sequences = True
        dense = layers.Dense(len(weights["dense"]))
        self.model = embedcnn.Sequential([layers.Input((None,), dtype="int32"), table, lstm, dense])
        self.model.compile(
            optimizers.Adam(RATE, epsilon=EPSILON, global_clipnorm=NORM),
            losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        bias = weights["bias_ih"]
        lstm.set_torch_weights(weights["weight_ih"], weights["weight_hh"], bias, np.zeros_like(bias))
        table.set_weights([weights["table"]])
        dense.set_weights([weights["dense"].T, weights["dense_bias"]])

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        return float(self.model.train_on_batch(x, y))

    def evaluate(self, x: np.ndarray, y: np.ndarray, batch: int) -> float:
        return float(self.model.evaluate(x, y, batch_size=batch, verbose=0))


class PyTorch:
    name = "PyTorch"

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        import torch

        self.torch = torch
        tensors = {name: torch.from_numpy(one.copy()) for name, one in weights.items()}
        dimensions, units = tensors["weight_ih"].shape[1], tensors["weight_hh"].shape[1]
        self.table = torch.nn.Parameter(tensors["table"])
        self.lstm = torch.nn.LSTM(dimensions, units, batch_first=True)
        self.dense = torch.nn.Linear(units, len(tensors["dense"]))
        with torch.no_grad():
            for name in ("weight_ih", "weight_hh", "bias_ih"):
                getattr(self.lstm, f"{name}_l0").copy_(tensors[name])
            self.lstm.bias_hh_l0.zero_().requires_grad_(False)
            self.dense.weight.copy_(tensors["dense"])
            self.dense.bias.copy_(tensors["dense_bias"])
        self.learnt = [one for one in self.lstm.parameters() if one.requires_grad]
        self.learnt += list(self.dense.parameters())
        self.adam = torch.optim.Adam(self.learnt, lr=RATE, eps=EPSILON)
        self.adam_of_table = torch.optim.SparseAdam([self.table], lr=RATE, eps=EPSILON)
        self.steps = 0

    def loss(self, x: np.ndarray, y: np.ndarray):
        functional = self.torch.nn.functional
        embedded = functional.embedding(self.torch.from_numpy(x.astype(np.int64)), self.table, sparse=True)
        logits = self.dense(self.lstm(embedded)[0])
        targets = self.torch.from_numpy(y.astype(np.int64))
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        self.steps += 1
        self.adam.param_groups[0]["eps"] = EPSILON / (1 - 0.999**self.steps) ** 0.5  # as Keras's
        self.adam.zero_grad()
        self.adam_of_table.zero_grad()
        loss = self.loss(x, y)
        loss.backward()
        self.table.grad = self.table.grad.coalesce()
        values = [self.table.grad.values(), *(one.grad for one in self.learnt)]
        norm = float(sum(one.double().square().sum() for one in values)) ** 0.5
        for one in values if norm > NORM else ():
            one.mul_(NORM / norm)
        self.adam.step()
        self.adam_of_table.step()
        return float(loss.detach())

    def evaluate(self, x: np.ndarray, y: np.ndarray, batch: int) -> float:
        with self.torch.no_grad():
            parts = [
                (float(self.loss(x[i : i + batch], y[i : i + batch])), len(x[i : i + batch]))
                for i in range(0, len(x), batch)
            ]
        return float(np.average([loss for loss, _ in parts], weights=[count for _, count in parts]))


def race(sides: list, work: Workload, steps: int, every: int) -> list[dict]:
    """Validation nats of all sides after every so many steps, printed side by side; seconds too."""
    seconds, found = dict.fromkeys((side.name for side in sides), 0.0), []
    print(f"{'steps':>6}" + "".join(f"{side.name:>20}" for side in sides), flush=True)
    for step, (x, y) in enumerate(work.batches(steps), 1):
        for side in sides:
            begin = time.perf_counter()
            select_precision(side)
            side.train(x, y)
            seconds[side.name] += time.perf_counter() - begin
        if step % every and step != steps:
            continue
        nats = {}
        for side in sides:
            select_precision(side)
            nats[side.name] = side.evaluate(*work.held_out, work.batch)
        print(f"{step:>6}" + "".join(f"{nats[side.name]:>20.5f}" for side in sides), flush=True)
        found.append({"steps": step, "nats": {name: round(value, 6) for name, value in nats.items()}})
    print(" ms  a step" + "".join(f"{1e3 * seconds[side.name] / steps:>18.1f}" for side in sides))
    return found


def select_precision(side) -> None:
    """Each model of embedcnn runs in its own precision."""
    if side.name.startswith("embedcnn "):
        import embedcnn

        embedcnn.set_float32_matmul_precision(side.name.split()[1])


def own_text() -> str:
    from pydoc_data import topics

    return "\n".join(topics.topics[name] for name in sorted(topics.topics))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("book", nargs="?", type=Path, help="a text in UTF-8")
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--every", type=int, default=100, help="steps from validation to validation")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--windows", type=int, help="windows of the validation (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    precisions = ("highest", "high", "medium")
    parser.add_argument("--precisions", nargs="*", choices=precisions, default=["highest"])
    parser.add_argument("--threads", type=int, help="threads of both sides")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    text = arguments.book.read_text(encoding="utf-8-sig") if arguments.book else own_text()
    if arguments.threads:
        peers.set_threads(arguments.threads)
    work = workload(text, arguments.length, arguments.batch, arguments.seed)
    if arguments.windows:
        work.held_out = tuple(part[: arguments.windows] for part in work.held_out)
    start = initial_weights(work.characters, arguments.dimensions, arguments.units, arguments.seed)
    sides: list = [Embedcnn(start, precision) for precision in arguments.precisions]
    sides += [PyTorch(start)] if peers.installed("torch") else []
    print(
        f"{len(text)} characters, {work.characters} different; {len(work.x)} windows of {arguments.length}, "
        f"{len(work.held_out[0])} for validation; LSTM {arguments.units}"
    )
    found = race(sides, work, arguments.steps, arguments.every)
    results: dict = {"title": f"book, LSTM {arguments.units}", "found": found}
    if "PyTorch" in found[-1]["nats"]:
        last = found[-1]["nats"]
        results["differences"] = {
            name: round(value - last["PyTorch"], 6) for name, value in last.items() if name != "PyTorch"
        }
        for name, difference in results["differences"].items():
            met = "met" if abs(difference) <= GOAL_NATS else "MISSED"
            print(f"{name}: {difference:+.5f} nats beside PyTorch (goal: within {GOAL_NATS}, {met})")
    peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
