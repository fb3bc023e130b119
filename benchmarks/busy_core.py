"""How much of its speed training keeps while somebody else needs a core.

    python benchmarks/busy_core.py [--json busy_core.json]

On two cores, steps of the `kim` model (trainable table) a second: alone; with a second process that never
rests; with `fit`, whose own thread prepares every batch from lists; with a Python thread of the user's that
prepares batches without pause and fights for the interpreter's lock (csrc/README.md, "Waiting"). Rounds
alternate. Goal: >= 45 % with the second process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import kim
import numpy as np
import peers
import text_cnn

GOAL = 0.45


def use_two_cores() -> int:
    """Binds this process, and so its children, to two cores where it has more; how many it has then."""
    if not hasattr(os, "sched_setaffinity"):
        return os.cpu_count() or 1
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    return len(cores)


@contextmanager
def second_process() -> Iterator[None]:
    burner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    time.sleep(0.3)
    try:
        yield
    finally:
        burner.kill()
        burner.wait()


def padded(texts: list[list[int]]) -> np.ndarray:
    batch = np.zeros((len(texts), kim.SHAPE.length), np.int32)
    for row, text in zip(batch, texts, strict=True):
        row[: len(text)] = text
    return batch


@contextmanager
def preparing_thread(texts: list[list[int]]) -> Iterator[None]:
    """Pads texts, lists of Python integers, into batches as fast as it can."""
    stop = threading.Event()

    def prepare() -> None:
        while not stop.is_set():
            padded(texts)

    worker = threading.Thread(target=prepare)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    peers.warn_if_busy()
    cores = use_two_cores()

    import embedcnn
    from embedcnn import layers

    shape = kim.SHAPE
    model = text_cnn.layered_model(embedcnn, layers, shape, "trainable")
    batches, labels = shape.workload("trainable")
    texts = [[row[row > 0].tolist() for row in batch] for batch in batches]

    def steps_a_second() -> float:
        begin, steps = time.perf_counter(), 0
        while time.perf_counter() - begin < arguments.seconds:
            model.train_on_batch(batches[steps % shape.batches], labels[steps % shape.batches])
            steps += 1
        return steps / (time.perf_counter() - begin)

    def fitted_steps_a_second() -> float:
        """`fit` with a generator: its thread pads the next batches meanwhile."""
        end, number = time.perf_counter() + arguments.seconds, 0

        def prepared() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            nonlocal number
            while time.perf_counter() < end:
                number += 1
                yield padded(texts[number % shape.batches]), labels[number % shape.batches]

        begin = time.perf_counter()
        model.fit(prepared(), verbose=0)
        return number / (time.perf_counter() - begin)

    steps_a_second()
    found: dict[str, list[float]] = {"alone": [], "process": [], "fit": [], "thread": []}
    for _ in range(arguments.rounds):
        found["alone"].append(steps_a_second())
        found["fit"].append(fitted_steps_a_second())
        with second_process():
            found["process"].append(steps_a_second())
        with preparing_thread(texts[0]):
            found["thread"].append(steps_a_second())
    alone = statistics.median(found["alone"])
    shares = {
        name: statistics.median(one / other for one, other in zip(rates, found["alone"], strict=True))
        for name, rates in found.items()
    }
    met = shares["process"] >= GOAL
    print(f"alone {alone:.1f} steps/s on {cores} cores")
    print(f"beside a process that burns a core {shares['process']:.0%} of it; goal {GOAL:.0%}: ", end="")
    print("met" if met else "MISSED")
    print(f"fit, whose thread prepares the batches {shares['fit']:.0%}")
    print(f"beside a Python thread that never pauses {shares['thread']:.0%}")
    result = {"cores": cores, "alone_steps_per_s": round(alone, 1), "goal": GOAL, "met": met}
    result |= {f"{name}_share": round(shares[name], 3) for name in ("process", "fit", "thread")}
    peers.write_json(arguments.json, result)


if __name__ == "__main__":
    main()
