"""What Python and the binding cost around a training step: train_on_batch on a model that is almost no work.

    python benchmarks/overhead.py [--json overhead.json]

Three figures in microseconds a step: `train_on_batch` (everything), the same step called on the program
itself, and their difference (the Python of the model). The whole of the first is an upper bound of the
overhead; goal: <= 60.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import peers

GOAL_MICROSECONDS = 60


def microseconds(step: Callable[[], object], steps: int = 2000, rounds: int = 7) -> list[float]:
    """Each round's time a step."""
    for _ in range(50):
        step()
    samples = []
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(steps):
            step()
        samples.append((time.perf_counter() - begin) / steps * 1e6)
    return samples


def tiny_model():
    import embedcnn
    from embedcnn import layers

    x = embedcnn.Input((6,), dtype="int32")
    embedded = layers.Embedding(10, 4)(x)
    pooled = []
    for taps in (2, 3):
        pooled.append(layers.GlobalMaxPooling1D()(layers.Conv1D(4, taps, activation="relu")(embedded)))
    hidden = layers.Dropout(0.5)(layers.Concatenate()(pooled))
    model = embedcnn.Model(x, layers.Dense(2, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def tiny_program():
    """The same operations as a program of the core, without a model around it."""
    from embedcnn import _core

    rng = np.random.default_rng(0)
    shapes = [(10, 4), (2, 4, 4), (4,), (3, 4, 4), (4,), (8, 2), (2,)]
    operations = [
        ("lookup", (0,), (1,), (0,), {}),
        ("token_conv_pool", (1,), (2,), (1, 2, 3, 4), {"activation": "relu"}),
        ("dropout", (2,), (3,), (), {"rate": 0.5, "layer": 0}),
        ("dense", (3,), (4,), (5, 6), {}),
        ("cross_entropy", (4,), (5,), (), {"kind": "sparse_categorical"}),
    ]
    parameters = [(f"p{number}", shape) for number, shape in enumerate(shapes)]
    program = _core.Program([("x", "int32", 6, ())], parameters, operations, (5,))
    program.set_optimizer("adam")
    for number, shape in enumerate(shapes):
        value = rng.normal(size=shape).astype(np.float32)
        program.bind(number, value, True, [np.zeros_like(value) for _ in range(2)], np.zeros(1, np.int64))
    return program


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    peers.warn_if_busy()
    x, y = np.ones((2, 6), np.int32), np.zeros(2, np.int64)
    model, program = tiny_model(), tiny_program()
    whole = statistics.median(microseconds(lambda: model.train_on_batch(x, y)))
    core = statistics.median(microseconds(lambda: program.train_step([x], [y], None, 0.001, 0)))
    met = whole <= GOAL_MICROSECONDS
    print(f"train_on_batch {whole:.1f} us, of it the program {core:.1f} us")
    print(f"goal {GOAL_MICROSECONDS} us: {'met' if met else 'MISSED'}")
    result = {
        "train_on_batch_us": round(whole, 1),
        "program_us": round(core, 1),
        "goal_us": GOAL_MICROSECONDS,
    }
    peers.write_json(arguments.json, result | {"met": met})


if __name__ == "__main__":
    main()
