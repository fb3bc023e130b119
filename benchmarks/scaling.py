"""The text CNN of kim.py with two threads and with one, and what the second is worth.

    python benchmarks/scaling.py [--json scaling.json]

One process; blocks of steps with one and with two threads alternate, so that both meet the same weather.
Goal: >= 1.8 times as fast with two. Needs two idle cores to mean anything.
"""

from __future__ import annotations

import argparse
import time

import kim
import peers
import text_cnn

GOAL = 1.8


def block(step, first: int, steps: int) -> float:
    """Milliseconds a step."""
    begin = time.perf_counter()
    for number in range(first, first + steps):
        step(number)
    return (time.perf_counter() - begin) / steps * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    import embedcnn
    from embedcnn import layers

    peers.warn_if_busy()
    results = []
    for case in ("frozen", "trainable"):
        batches, labels = kim.SHAPE.workload(case)
        model = text_cnn.layered_model(embedcnn, layers, kim.SHAPE, case)
        samples: dict[int, list[float]] = {1: [], 2: []}

        def step(i: int, model=model, batches=batches, labels=labels) -> None:
            model.train_on_batch(batches[i % len(batches)], labels[i % len(batches)])

        block(step, 0, 20)
        for number in range(arguments.rounds):
            for threads, times in samples.items():
                embedcnn.set_num_threads(threads)
                block(step, 0, 2)
                times.append(block(step, number * arguments.steps, arguments.steps))
        embedcnn.set_num_threads(0)
        best = {threads: min(times) for threads, times in samples.items()}
        ratio = best[1] / best[2]
        met = "met" if ratio >= GOAL else "MISSED"
        print(
            f"kim, {case}: 1 thread {best[1]:.2f} ms, 2 threads {best[2]:.2f} ms: {ratio:.2f} x as fast "
            f"(goal {GOAL} x, {met})"
        )
        results.append(
            {
                "title": f"kim, {case}, 2 threads against 1",
                "one_thread_ms": round(best[1], 3),
                "two_threads_ms": round(best[2], 3),
                "ratio": round(ratio, 2),
                "goal": GOAL,
                "met": ratio >= GOAL,
            }
        )
    peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
