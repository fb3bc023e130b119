"""How much of its speed training keeps while somebody else needs a core.

    python benchmarks/busy_core.py [--json busy_core.json]

On two cores, steps of the `kim` model (trainable table) a second: alone; with a second process that never
rests; with a Python thread in the same process that prepares the next batches. Rounds alternate. Goal: >= 45
% with the second process.
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

sys.path.insert(0, str(peers.ROOT))

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


@contextmanager
def preparing_thread() -> Iterator[None]:
    """Pads texts, lists of Python integers, into batches as fast as it can."""
    rng = np.random.default_rng(1)
    texts = [rng.integers(1, kim.VOCABULARY, rng.integers(3, 56)).tolist() for _ in range(500)]
    stop = threading.Event()

    def prepare() -> None:
        while not stop.is_set():
            batch = np.zeros((kim.BATCH, kim.LENGTH), np.int32)
            for row, text in zip(batch, texts[: kim.BATCH], strict=True):
                row[: len(text)] = text

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

    model = kim.layered_model(embedcnn, layers, kim.LENGTH, trainable=True)
    batches, labels = kim.workload(trim=False)

    def steps_a_second() -> float:
        begin, steps = time.perf_counter(), 0
        while time.perf_counter() - begin < arguments.seconds:
            model.train_on_batch(batches[steps % kim.BATCHES], labels[steps % kim.BATCHES])
            steps += 1
        return steps / (time.perf_counter() - begin)

    steps_a_second()
    alone, busy, preparing = [], [], []
    for _ in range(arguments.rounds):
        alone.append(steps_a_second())
        with second_process():
            busy.append(steps_a_second())
        with preparing_thread():
            preparing.append(steps_a_second())
    share = statistics.median(one / other for one, other in zip(busy, alone, strict=True))
    prepared = statistics.median(one / other for one, other in zip(preparing, alone, strict=True))
    print(f"alone {statistics.median(alone):.1f} steps/s on {cores} cores")
    print(f"beside a process that burns a core {share:.0%} of it; goal {GOAL:.0%}: ", end="")
    print("met" if share >= GOAL else "MISSED")
    print(f"beside a Python thread that prepares batches {prepared:.0%}")
    result = {"cores": cores, "alone_steps_per_s": round(statistics.median(alone), 1), "goal": GOAL}
    result |= {"second_process_share": round(share, 3), "preparing_thread_share": round(prepared, 3)}
    peers.write_json(arguments.json, result | {"met": share >= GOAL})


if __name__ == "__main__":
    main()
