"""What a profile says of a step beside the machine: operations as counted by hand, and the verdict."""

import time

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.training import machine
from embedcnn.training.limits import Limits

GENERATOR = np.random.default_rng(1)


def costs_of(model, x, y, batch):
    model.compile("adam", "mse")
    return {cost.operation: cost for cost in model.profile(x, y, batch_size=batch, steps=1).costs}


def test_operations_of_a_dense_layer():
    x = embedcnn.Input((7,))
    model = embedcnn.Model(x, layers.Dense(3)(layers.Dense(5, activation="tanh")(x)))
    model.compile("adam", "mse")
    found = model.profile(np.ones((8, 7)), np.ones((8, 3)), 8, steps=1).costs
    flops = [cost.flops for cost in found if cost.operation == "dense"]
    assert flops[0] == pytest.approx(2 * 2 * 8 * 7 * 5, rel=0.2)  # the product and the kernel's gradient
    assert flops[1] == pytest.approx(3 * 2 * 8 * 5 * 3, rel=0.2)  # and that of the input


@pytest.mark.parametrize("trainable", [True, False])
def test_operations_of_a_text_cnn(trainable):
    ids = embedcnn.Input((10,), dtype="int32")
    words = layers.Embedding(40, 6, trainable=trainable)(ids)
    model = embedcnn.Model(ids, layers.GlobalMaxPooling1D()(layers.Conv1D(5, 3)(words)))
    x = GENERATOR.integers(0, 40, (4, 10))
    found = costs_of(model, x, np.ones((4, 5)), 4)["token_conv_pool"]
    distinct = len(np.unique(x))
    back = 4 * 5 * 3 * 6  # multiply-adds of the winners' windows
    assert found.flops == 2 * distinct * 6 * 15 + (4 if trainable else 2) * back


def test_operations_of_an_lstm():
    x = embedcnn.Input((9, 4))
    model = embedcnn.Model(x, layers.LSTM(6)(x))
    found = costs_of(model, np.ones((3, 9, 4)), np.ones((3, 6)), 3)["lstm"]
    assert found.flops == 3 * 2 * 27 * (4 + 6) * 24  # one product forward, two back


def limits(data=0.0, python=0.05, flops=0.1, moved=0.1):
    return Limits(data, python, 1 - data - python, flops * 1e11, 1e11, moved * 1e10, 1e10, 4e6)


VERDICTS = [
    (limits(data=0.5), "data", "prefetch()"),
    (limits(python=0.4), "Python", "larger batch_size"),
    (limits(data=0.35, python=0.4), "Python", "larger batch_size"),
    (limits(flops=0.8), "compute", "fewer filters"),
    (limits(moved=0.7), "memory", "fewer slots"),
    (limits(flops=0.6, moved=0.7), "memory", "fewer slots"),
    (limits(), "size", "larger batch_size"),
]


@pytest.mark.parametrize(("found", "bound", "tried"), VERDICTS)
def test_what_bounds_a_step(found, bound, tried):
    assert found.bound == bound
    assert any(tried in one for one in found.advice())
    assert found.lines()[-1].startswith("bound by ")


def test_tables_are_named_where_memory_bounds():
    found = limits(moved=0.9)
    assert not any("table" in one for one in found.advice())
    assert any("convert_tables" in one for one in found.advice(table_bytes=1e9))
    assert "embedding_update='lazy'" in found.advice(1e9, dense_tables=True)[0]


def test_a_faster_format_is_named_only_where_there_is_one(monkeypatch):
    formats = {"highest": "fp32", "high": "fp32", "medium": "fp32"}
    config = {"float32_matmul_precision": "highest", "matmul_formats": formats}
    monkeypatch.setattr("embedcnn.runtime.show_config", lambda: config)
    assert not any("precision" in one for one in limits(flops=0.9).advice())
    formats["high"] = formats["medium"] = "bf16x3"
    assert limits(flops=0.9).advice()[0].startswith("set_float32_matmul_precision('high')")


def test_the_machine_is_measured():
    assert 1e7 < machine.product_speed() < 1e16
    assert 1e6 < machine.copy_speed(1 << 20) < 1e15


def test_a_profile_says_what_bounds_it():
    def slow():
        for _ in range(9):
            time.sleep(0.1)
            yield np.ones((2, 3), np.float32), np.ones((2, 1), np.float32)

    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    found = model.profile(slow(), steps=3)
    assert found.limits.bound == "data"
    parts = found.limits.data, found.limits.python, found.limits.core
    assert max(parts) == found.limits.data and min(parts) >= 0  # their sum depends on who else uses the CPUs
    shown = str(found)
    assert "bound by waiting for data" in shown and f"try {found.advice[0]}" in shown
    assert "GFLOP/s" in shown and "of a copy of" in shown
    assert found._repr_html_().startswith("<pre>")
