"""scikit-learn's GridSearchCV, 8 settings x 3 folds of MR, two processes: TextCNNClassifier beside skorch.

    python benchmarks/grid_search.py [--data FOLDER] [--epochs 3] [--python PYTHON_WITH_SKORCH]

Both search the same grid over the same network (embeddings of 100 numbers, filters over 2, 3 and 4 words,
their largest values, dropout, Adam, batches of 50). Ours is given raw texts, so its vocabulary and encoding
are inside; skorch's module (PyTorch) is given ids that are padded already, outside of its time, and takes a
batch as wide as its longest text. Each runs in a process of its own; processor seconds are those of it and
its workers, and count where other work shares the machine. Goal: 6 times.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

GRID = {"filters": [50, 100], "learning_rate": [5e-4, 1e-3], "dropout": [0.3, 0.5]}
NAMES = {"filters": "module__filters", "learning_rate": "lr", "dropout": "module__dropout"}
DIMENSIONS, SIZES, BATCH = 100, (2, 3, 4), 50


def read_mr(folder: Path) -> tuple[list[str], list[int]]:
    texts: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(("rt-polarity.neg", "rt-polarity.pos")):
        lines = (folder / "mr" / name).read_bytes().decode("windows-1252", "replace").split("\n")
        lines = [line.strip() for line in lines if line.strip()]
        texts += lines
        labels += [label] * len(lines)
    return texts, labels


def ours(epochs: int) -> tuple[Any, dict[str, list[Any]]]:
    from embedcnn.sklearn import TextCNNClassifier

    network = TextCNNClassifier(
        epochs=epochs, batch_size=BATCH, dimensions=DIMENSIONS, kernel_sizes=SIZES, random_state=0
    )
    return network, GRID


def of_skorch(words: int, epochs: int) -> tuple[Any, dict[str, list[Any]]]:
    import torch
    from skorch import NeuralNetClassifier
    from skorch_text_cnn import TextCNN

    torch.manual_seed(0)
    network = NeuralNetClassifier(
        TextCNN,
        module__words=words,
        module__dimensions=DIMENSIONS,
        module__sizes=SIZES,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        max_epochs=epochs,
        batch_size=BATCH,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return network, {NAMES[name]: values for name, values in GRID.items()}


def padded(texts: list[str]) -> tuple[np.ndarray, int]:
    """Ids, int64 (texts, longest), 0 behind; and how many words there are."""
    places: dict[str, int] = {}
    rows = [[places.setdefault(word, len(places) + 1) for word in text.split()] for text in texts]
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for row, numbers in zip(ids, rows, strict=True):
        row[: len(numbers)] = numbers
    return ids, len(places) + 1


def contest(name: str, data: Path, epochs: int, jobs: int) -> dict[str, Any]:
    """Runs one search; its seconds and best score."""
    from joblib.externals.loky import get_reusable_executor
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    texts, labels = read_mr(data)
    y = np.array(labels)
    if name == "skorch":
        X, words = padded(texts)
        estimator, grid = of_skorch(words, epochs)
    else:
        X, (estimator, grid) = np.array(texts, object), ours(epochs)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    begin = time.perf_counter()
    search = GridSearchCV(estimator, grid, cv=folds, n_jobs=jobs, refit=False).fit(X, y)
    wall = time.perf_counter() - begin
    get_reusable_executor().shutdown(wait=True)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    processor = sum(one.ru_utime + one.ru_stime for one in used)
    return {"name": name, "wall": wall, "processor": processor, "accuracy": float(search.best_score_)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = os.environ.get("EMBEDCNN_SHARED", str(Path(__file__).resolve().parents[2] / "shared"))
    parser.add_argument("--data", type=Path, default=Path(default) / "data", help="folder with mr/")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--python", default=sys.executable, help="a Python with skorch and scikit-learn")
    parser.add_argument("--contestant", choices=("embedcnn", "skorch"), help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="file for the results")
    given = parser.parse_args()
    if given.contestant:
        print(json.dumps(contest(given.contestant, given.data, given.epochs, given.jobs)))
        return
    found = []
    for name, python in (("embedcnn", sys.executable), ("skorch", given.python)):
        command = [python, __file__, "--contestant", name, "--data", str(given.data)]
        command += ["--epochs", str(given.epochs), "--jobs", str(given.jobs)]
        here = str(Path(__file__).resolve().parent)
        paths = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        output = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": paths}
        )
        found.append(json.loads(output.stdout.splitlines()[-1]))
        one = found[-1]
        print(
            f"{name}: {one['wall']:.1f} s on the wall, {one['processor']:.1f} s of processors, best mean "
            f"accuracy {one['accuracy']:.1%}",
            flush=True,
        )
    ratios = {kind: found[1][kind] / found[0][kind] for kind in ("wall", "processor")}
    print(f"skorch / embedcnn: {ratios['wall']:.1f} x wall, {ratios['processor']:.1f} x processor (goal 6 x)")
    if given.json:
        given.json.write_text(json.dumps({"contestants": found, "ratios": ratios}, indent=2) + "\n")


if __name__ == "__main__":
    main()
