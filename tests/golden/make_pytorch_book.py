"""Writes pytorch_book.json: the losses of PyTorch's character LSTM over the steps of
tests/language_model/test_book.py, and its validation loss behind them.

Run by hand, where PyTorch is installed: ``python tests/golden/make_pytorch_book.py``.
"""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
UNITS, DIMENSIONS, BATCH, LENGTH, STEPS = 32, 16, 8, 20, 30


def text() -> str:
    """Words drawn at random, the same everywhere."""
    rng = np.random.default_rng(11)
    words = ["war", "and", "peace", "prince", "the", "horse", "said", "long", "winter", "of", "a", "moscow,"]
    return " ".join(words[number] for number in rng.integers(0, len(words), 1500))


def prepared():
    """The benchmark's module, the workload and the initial weights."""
    sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
    try:
        import book
    finally:
        del sys.path[:2]
    work = book.workload(text(), LENGTH, BATCH)
    return book, work, book.initial_weights(work.characters, DIMENSIONS, UNITS)


def curve(side, work) -> dict:
    losses = [side.train(x, y) for x, y in work.batches(STEPS)]
    return {"losses": losses, "validation": side.evaluate(*work.held_out, BATCH)}


if __name__ == "__main__":
    book, work, weights = prepared()
    found = curve(book.PyTorch(weights), work)
    found["losses"] = [round(loss, 7) for loss in found["losses"]]
    Path(__file__).with_name("pytorch_book.json").write_text(json.dumps(found) + "\n")
