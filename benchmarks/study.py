"""A study of 60 s on TREC (`embedcnn.tuning.tune`, Optuna): accuracy on the test part beside the default's.

    python benchmarks/study.py [--data FOLDER] [--seconds 60] [--seeds 1]

Both learn the same 5,452 questions; the 500 of the test part choose nothing. The standard error is that of
the paired difference. Goal: at least the default's accuracy.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

from embedcnn.classifier import Settings, train_portfolio
from embedcnn.data.labelled import LabelledTexts
from embedcnn.tuning import tune


def read_trec(folder: Path, name: str) -> LabelledTexts:
    lines = (folder / "trec" / name).read_bytes().decode("latin-1").split("\n")
    pairs = [line.split(" ", 1) for line in lines if line.strip()]
    return LabelledTexts([text for _, text in pairs], [label.split(":")[0] for label, _ in pairs])


def right(model, test: LabelledTexts) -> np.ndarray:
    return np.array(model.predict_labels(test.texts)) == np.array(test.labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = os.environ.get("EMBEDCNN_SHARED", str(Path(__file__).resolve().parents[2] / "shared"))
    parser.add_argument("--data", type=Path, default=Path(default) / "data", help="folder with trec/")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    train, test = (read_trec(given.data, name) for name in ("train_5500.label", "TREC_10.label"))
    found = []
    for seed in range(given.seeds):
        settings = Settings(seed=seed)
        plain = right(train_portfolio(train, settings=settings).model, test)
        begin = time.monotonic()
        study = tune(train, settings=settings, seconds=given.seconds)
        took = time.monotonic() - begin
        best = right(study.model, test)
        found.append((plain, best))
        print(
            f"seed {seed}: default {plain.mean():.1%}, study of {took:.0f} s {best.mean():.1%}; "
            f"{len(study.trials)} trials, {sum(one['state'] == 'pruned' for one in study.trials)} pruned",
            flush=True,
        )
        print(f"  {study.choice[-1]}", flush=True)
    gain = np.mean([best.astype(float) - plain for plain, best in found], axis=0)
    error = gain.std(ddof=1) / len(gain) ** 0.5
    print(f"study - default: {100 * gain.mean():+.2f} points, standard error {100 * error:.2f}")


if __name__ == "__main__":
    main()
