"""Attention pooling over an LSTM, written with ops, in embedcnn and in PyTorch from the same weights.

Batches of 64 sequences of 100 steps of 128 numbers, LSTM 128, a score for each step by tanh and two products,
the mean of the steps weighted by the softmax of the scores, and a Dense. Both take whole training steps
(Adam) on the same data, in turns; printed are the median times of a step, and how many times as fast ours is.

    python benchmarks/attention_pooling.py [--threads 1] [--steps 40] [--turns 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

BATCH, STEPS, INPUTS, UNITS, CLASSES = 64, 100, 128, 128, 2


def of_embedcnn(threads: int) -> tuple[Callable[[np.ndarray, np.ndarray], float], list[np.ndarray]]:
    """A training step, which returns its loss, and the weights that it began with."""
    import embedcnn
    from embedcnn import layers, ops

    embedcnn.set_num_threads(threads)
    x = embedcnn.Input((STEPS, INPUTS))
    hidden = layers.LSTM(UNITS, return_sequences=True)(x)
    scores = layers.Dense(1, use_bias=False)(ops.tanh(layers.Dense(UNITS)(hidden)))
    shares = ops.softmax(ops.squeeze(scores, -1), axis=1)
    pooled = ops.sum(hidden * ops.expand_dims(shares, -1), axis=1)
    model = embedcnn.Model(x, layers.Dense(CLASSES)(pooled))
    loss = embedcnn.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(embedcnn.optimizers.Adam(0.001), loss)
    return lambda data, labels: float(model.train_on_batch(data, labels)), model.get_weights()


def of_pytorch(threads: int, weights: list[np.ndarray]) -> Callable[[np.ndarray, np.ndarray], float]:
    """The same in PyTorch. Its LSTM has a second bias, which stays 0."""
    import torch

    torch.set_num_threads(threads)
    kernel, recurrent, bias, hidden_kernel, hidden_bias, score_kernel, out_kernel, out_bias = weights
    lstm = torch.nn.LSTM(INPUTS, UNITS, batch_first=True)
    hidden, score = torch.nn.Linear(UNITS, UNITS), torch.nn.Linear(UNITS, 1, bias=False)
    out = torch.nn.Linear(UNITS, CLASSES)
    with torch.no_grad():
        pairs: list[tuple[Any, np.ndarray]] = [
            (lstm.weight_ih_l0, kernel.T),
            (lstm.weight_hh_l0, recurrent.T),
            (lstm.bias_ih_l0, bias),
            (lstm.bias_hh_l0, np.zeros_like(bias)),
            (hidden.weight, hidden_kernel.T),
            (hidden.bias, hidden_bias),
            (score.weight, score_kernel.T),
            (out.weight, out_kernel.T),
            (out.bias, out_bias),
        ]
        for parameter, value in pairs:
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    lstm.bias_hh_l0.requires_grad_(False)
    learning = [one for part in (lstm, hidden, score, out) for one in part.parameters() if one.requires_grad]
    optimizer = torch.optim.Adam(learning, 0.001, eps=1e-7)

    def step(data: np.ndarray, labels: np.ndarray) -> float:
        states, _ = lstm(torch.from_numpy(data))
        shares = torch.softmax(score(torch.tanh(hidden(states))).squeeze(-1), dim=1)
        logits = out((states * shares.unsqueeze(-1)).sum(dim=1))
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=40, help="of a turn")
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    data = rng.normal(size=(given.steps, BATCH, STEPS, INPUTS)).astype(np.float32)
    labels = rng.integers(0, CLASSES, (given.steps, BATCH))
    ours, weights = of_embedcnn(given.threads)
    runs = {"embedcnn": ours, "PyTorch": of_pytorch(given.threads, weights)}
    batches = list(zip(data, labels, strict=True))
    first = {name: [step(*batch) for batch in batches[:5]] for name, step in runs.items()}
    apart = max(abs(a - b) / abs(b) for a, b in zip(*first.values(), strict=True))
    print(f"losses of the first 5 steps agree to {apart:.1e}")
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(given.turns):
        for name, step in runs.items():
            for batch in batches:
                before = time.perf_counter()
                step(*batch)
                taken[name].append(time.perf_counter() - before)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    for name, median in medians.items():
        print(f"{name:10} {median * 1e3:7.2f} ms a step of {BATCH} sequences, {given.threads} threads")
    print(f"embedcnn is {medians['PyTorch'] / medians['embedcnn']:.2f} times as fast")


if __name__ == "__main__":
    main()
