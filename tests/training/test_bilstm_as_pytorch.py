"""A bidirectional LSTM that classifies questions learns as PyTorch's does: the same losses step by step and
the same accuracy, from the same start, with the same batches; the code is that of benchmarks/accuracy.py.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("EMBEDCNN_SHARED", ROOT.parent / "shared")) / "data"
UNITS, BATCH = 24, 50


@pytest.fixture(scope="module")
def questions():
    """The benchmark's modules, the texts of TREC as ids, and a table of random vectors."""
    torch = pytest.importorskip("torch")
    if not (DATA / "trec" / "train_5500.label").is_file():
        pytest.skip(f"{DATA / 'trec'} is missing; EMBEDCNN_SHARED names the folder above data/trec")
    sys.path[:0] = [str(ROOT / "benchmarks")]
    try:
        import accuracy
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    task = accuracy.read_trec(DATA, 1)
    ids, table = accuracy.encode(task.sentences, {}, np.random.default_rng(0))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # its threads spin at their barriers, beside other work for seconds
    yield accuracy, task, ids, table
    torch.set_num_threads(threads)


def trained(questions, name, rate, trainable, steps):
    """The losses of the steps, and the accuracy on the test questions."""
    accuracy, task, ids, table = questions
    part = task.runs[0][2]
    rng = np.random.default_rng(5)
    weights = accuracy.bilstm.initial_weights(table, task.classes, rng, UNITS)
    model = getattr(accuracy.bilstm, name)(weights, trainable, 3, rate)
    order = rng.permutation(np.flatnonzero(part != accuracy.TEST))
    batches = [order[begin : begin + BATCH] for begin in range(0, len(order), BATCH)][:steps]
    model.prepare([len(rows) for rows in batches])
    losses = [model.train(accuracy.cut(ids[rows], 1), task.labels[rows]) for rows in batches]
    test = np.flatnonzero(part == accuracy.TEST)
    return np.array(losses), float((model.predict(ids[test]) == task.labels[test]).mean())


def test_the_losses_and_the_accuracy_are_those_of_pytorch(questions):
    ours, reached = trained(questions, "Embedcnn", 0.0, True, 110)
    theirs, expected = trained(questions, "PyTorch", 0.0, True, 110)
    assert len(ours) == 110 and ours[-10:].mean() < ours[:10].mean() - 0.3
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)
    assert reached == pytest.approx(expected, abs=0.01) and reached > 0.4


def test_with_the_same_dropout_too(questions):
    ours, _ = trained(questions, "Embedcnn", 0.5, False, 20)
    theirs, _ = trained(questions, "PyTorch", 0.5, False, 20)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)
    without, _ = trained(questions, "Embedcnn", 0.0, False, 20)
    assert np.abs(ours - without).max() > 1e-3
