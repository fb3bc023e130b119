"""Prediction in several Python threads on one model, as a service does it.

    python benchmarks/serving.py [--json serving.json]

The text CNN of kim.py, ids of 32 texts a request, one computing thread a prediction
(`embedcnn.set_num_threads(1)`): requests a second with one Python thread, with two and with four. One
sentence a request shows what the interpreter's lock leaves of it. Goal: two threads >= 1.7 times one.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
from pathlib import Path

import numpy as np

GOAL = 1.7
VOCABULARY = 18765
SECONDS = 0.5


def model_and_requests(batch: int) -> tuple[object, list[np.ndarray]]:
    import embedcnn
    from embedcnn import layers

    rng = np.random.default_rng(0)
    x = embedcnn.Input((None,), dtype="int32")
    embedded = layers.Embedding(VOCABULARY, 300)(x)
    pooled = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(100, taps, activation="relu")(embedded))
        for taps in (3, 4, 5)
    ]
    model = embedcnn.Model(x, layers.Dense(2, activation="softmax")(layers.Concatenate()(pooled)))
    ranks = (rng.zipf(1.2, (64, batch, 20)) % VOCABULARY).astype(np.int32)
    return model, list(ranks)


def requests_a_second(model: object, requests: list[np.ndarray], threads: int) -> float:
    """How many requests so many Python threads answer together."""
    counts, over, barrier = [0] * threads, threading.Event(), threading.Barrier(threads + 1)

    def serve(number: int) -> None:
        barrier.wait()
        done = 0
        while not over.is_set():
            model.predict_on_batch(requests[(done * threads + number) % len(requests)])
            done += 1
        counts[number] = done

    workers = [threading.Thread(target=serve, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    barrier.wait()
    begin = time.perf_counter()
    time.sleep(SECONDS)
    over.set()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    import embedcnn

    embedcnn.set_num_threads(1)
    found = {}
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    for batch in (1, 32, 256):
        model, requests = model_and_requests(batch)
        rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
        for _ in range(arguments.rounds):
            for threads, each in rates.items():
                each.append(requests_a_second(model, requests, threads))
        ratios = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
        found[batch] = {
            "requests_a_second": {threads: statistics.median(each) for threads, each in rates.items()},
            "two_against_one": statistics.median(ratios),
            "best": max(rates[2]) / max(rates[1]),
        }
        listed = ", ".join(f"{threads}: {statistics.median(each):,.0f}" for threads, each in rates.items())
        goal = f" (goal {GOAL})" if batch == 32 else ""
        print(
            f"{batch} texts a request: {listed} requests/s; two threads against one "
            f"{statistics.median(ratios):.2f} x{goal}"
        )
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
