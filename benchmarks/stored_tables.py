"""Tables in float16, bfloat16 and int8 against float32: memory, and the accuracy of Kim's CNN on MR.

    python benchmarks/stored_tables.py --data FOLDER [--tables static non-static] [--seeds N] [--json FILE]

Data, folds, model and protocol as in accuracy.py (MR, folds 0 to 2, GloVe of 50 dimensions, the weights of
the best epoch). Each trained model is converted (Model.convert_tables, from float32 each time) and tested
again.
Goal of int8: <= 0.27 times the memory, mean accuracy within 0.3 points.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import accuracy
import numpy as np
import peers

DTYPES = ("float16", "bfloat16", "int8")
GOAL_MEMORY, GOAL_POINTS = 0.27, 0.3


def trained(
    ids: np.ndarray, labels: np.ndarray, part: np.ndarray, table: np.ndarray, learns: bool, seed: int
):
    """The model of the best epoch, compiled with accuracy."""
    from embedcnn.callbacks import EarlyStopping

    rng = np.random.default_rng(seed)
    weights = accuracy.initial_weights(table, 2, rng)
    model = accuracy.Embedcnn(weights, learns, seed).model
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    train, develop = part == accuracy.TRAIN, part == accuracy.DEVELOP
    stop = EarlyStopping("val_accuracy", patience=accuracy.PATIENCE, restore_best_weights=True)
    model.fit(
        ids[train],
        labels[train],
        batch_size=accuracy.BATCH,
        epochs=accuracy.MOST_EPOCHS,
        verbose=0,
        validation_data=(ids[develop], labels[develop]),
        callbacks=[stop],
    )
    return model


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vectors", default="vectors/glove.6B.50d.top100k.txt.xz")
    parser.add_argument("--tables", nargs="*", choices=("static", "non-static"), default=["non-static"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    peers.warn_if_busy()
    task = accuracy.read_mr(arguments.data, arguments.seeds)
    known = accuracy.read_vectors(
        arguments.data / arguments.vectors, {word for one in task.sentences for word in one}
    )
    results = []
    for tables in arguments.tables:
        points: dict[str, list[float]] = {dtype: [] for dtype in ("float32", *DTYPES)}
        memory: dict[str, float] = {}
        for name, seed, part in task.runs:
            ids, table = accuracy.encode(task.sentences, known, np.random.default_rng(seed))
            model = trained(ids, task.labels, part, table, tables == "non-static", seed)
            weights, test = model.get_weights(), part == accuracy.TEST
            check = (ids[test], task.labels[test])
            points["float32"].append(100 * model.evaluate(*check, verbose=0)[1])
            for dtype in DTYPES:
                report = model.convert_tables(dtype, check=check)
                points[dtype].append(100 * report.after["accuracy"])
                memory[dtype] = report.bytes_after / report.bytes_before
                model.convert_tables("float32")
                model.set_weights(weights)
            print(name, {dtype: round(found[-1], 2) for dtype, found in points.items()}, flush=True)
        for dtype in DTYPES:
            change = float(np.mean(points[dtype]) - np.mean(points["float32"]))
            print(
                f"MR, {tables}, {dtype}: {memory[dtype]:.3f} x the memory, {change:+.2f} points", flush=True
            )
            results.append(
                {"title": f"MR, {tables}, {dtype}", "memory": memory[dtype], "points": round(change, 3)}
            )
    met = all(
        one["memory"] <= GOAL_MEMORY and abs(one["points"]) <= GOAL_POINTS
        for one in results
        if one["title"].endswith("int8")
    )
    print(f"goal of int8: {GOAL_MEMORY} x the memory, {GOAL_POINTS} points: {'met' if met else 'MISSED'}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
