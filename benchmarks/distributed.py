"""Training on several processes of mpirun beside threads of one process: time a step, and bytes sent.

    python benchmarks/distributed.py [--ranks 1 2] [--rounds 5] [--json distributed.json]

The text CNN of kim.py with a trained table, of 18,765 rows and of 200,000, batches of 64 and 512 texts.
Beside one process of one thread and one of two: `--ranks` processes of one thread each. All take turns, each
a process of its own that trains two epochs, of which the second is timed. Needs mpi4py and an mpirun.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

STEPS = 20
CASES = [(18_765, 64), (18_765, 512), (200_000, 512)]  # rows of the table, texts of a batch


def train(vocabulary: int, batch: int) -> None:
    """What each process does; the first writes a line of JSON."""
    import embedcnn
    from embedcnn import distributed, layers

    if os.environ.get("RANKS"):
        distributed.set_distribution(distributed.DataParallel())
    rng = np.random.default_rng(0)
    x = (rng.zipf(1.2, (STEPS * batch, 20)) % vocabulary).astype(np.int32)
    y = rng.integers(0, 2, len(x))
    words = embedcnn.Input((None,), dtype="int32")
    embedded = layers.Embedding(vocabulary, 300)(words)
    pooled = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(100, taps, activation="relu")(embedded))
        for taps in (3, 4, 5)
    ]
    out = layers.Dense(2, activation="softmax")(layers.Concatenate()(pooled))
    model = embedcnn.Model(words, out, seed=1)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=batch, verbose=0)
    own = distributed.distribution()
    sent = 0 if own is None else own.bytes_sent
    begin, processor = time.perf_counter(), time.process_time()
    model.fit(x, y, batch_size=batch, verbose=0)
    result = {
        "ms": (time.perf_counter() - begin) / STEPS * 1e3,
        "processor_ms": (time.process_time() - processor) / STEPS * 1e3,
        "bytes": 0 if own is None else (own.bytes_sent - sent) / STEPS,
    }
    if distributed.rank() == 0:
        print(json.dumps(result))


def measured(case: tuple[int, int], ranks: int, threads: int) -> dict[str, float]:
    """One training; ranks 0: without mpirun."""
    command = [sys.executable, __file__, "--train", *map(str, case)]
    if ranks:
        places = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        command = [shutil.which("mpirun", path=places) or "mpirun", "-n", str(ranks), *command]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "RANKS": str(ranks or "")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", type=int, nargs="+", default=[2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    parser.add_argument("--train", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        train(*arguments.train)
        return
    ways = [("1 process, 1 thread", 0, 1), ("1 process, 2 threads", 0, 2)]
    ways += [(f"{ranks} processes, 1 thread each", ranks, 1) for ranks in arguments.ranks]
    found = []
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    for case in CASES:
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name, _, _ in ways}
        for _ in range(arguments.rounds):
            for name, ranks, threads in ways:
                rounds[name].append(measured(case, ranks, threads))
        print(f"{case[0]:,} rows, {case[1]} texts a batch:")
        first = min(one["ms"] for one in rounds[ways[0][0]])
        for name, each in rounds.items():
            best, middle = min(one["ms"] for one in each), statistics.median(one["ms"] for one in each)
            sent = each[0]["bytes"]
            print(
                f"  {name:30} {best:7.2f} ms a step (median {middle:.2f}), {first / best:.2f} x"
                + (f", {sent / 1e6:.2f} MB sent by a rank" if sent else "")
            )
            found.append({"rows": case[0], "batch": case[1], "way": name, "ms": best, "bytes": sent})
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
