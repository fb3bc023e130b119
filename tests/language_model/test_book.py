"""A character LSTM learns as PyTorch's does: the same losses step by step, from the same start, with the same
windows; the code is that of benchmarks/book.py.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.make_pytorch_book import curve, prepared

import embedcnn

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "pytorch_book.json").read_text())


@pytest.fixture(scope="module")
def benchmark():
    before = embedcnn.get_float32_matmul_precision()
    yield prepared()
    embedcnn.set_float32_matmul_precision(before)


def compare(found, expected, tolerance):
    np.testing.assert_allclose(found["losses"], expected["losses"], rtol=0, atol=tolerance)
    assert found["validation"] == pytest.approx(expected["validation"], abs=tolerance)


def test_the_losses_are_those_of_pytorch(benchmark):
    book, work, weights = benchmark
    found = curve(book.Embedcnn(weights), work)
    compare(found, GOLDEN, 1e-4)
    assert found["losses"][-1] < found["losses"][0] - 0.2, "it learns"


@pytest.mark.parametrize(("precision", "tolerance"), [("high", 1e-3), ("medium", 1e-2)])
def test_lower_precision_stays_near(benchmark, precision, tolerance):
    book, work, weights = benchmark
    compare(curve(book.Embedcnn(weights, precision), work), GOLDEN, tolerance)


def test_pytorch_itself(benchmark):
    torch = pytest.importorskip("torch")
    book, work, weights = benchmark
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # its threads spin at their barriers, beside other work for seconds
    try:
        compare(curve(book.PyTorch(weights), work), GOLDEN, 1e-4)
    finally:
        torch.set_num_threads(threads)


def test_an_epoch_holds_each_window_once(benchmark):
    _, work, _ = benchmark
    each = len(work.x) // work.batch
    batches = list(work.batches(2 * each))
    firsts = [np.concatenate([x for x, _ in batches[begin : begin + each]]) for begin in (0, each)]
    everything = {row.tobytes() for row in work.x}
    for windows in firsts:
        assert len(windows) == each * work.batch
        assert {row.tobytes() for row in windows} <= everything
    assert not np.array_equal(*firsts)
    for x, y in batches:
        np.testing.assert_array_equal(x[:, 1:], y[:, :-1])


def test_the_race_prints_both(benchmark, capsys):
    book, work, weights = benchmark
    found = book.race([book.Embedcnn(weights)], work, 4, 2)
    assert [row["steps"] for row in found] == [2, 4]
    assert list(found[0]["nats"]) == ["embedcnn highest"]
    assert "embedcnn highest" in capsys.readouterr().out
    assert len(book.own_text()) > 100_000
