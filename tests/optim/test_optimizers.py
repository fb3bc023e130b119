"""The reference's optimizers are Keras's (stored values), and the core's are the reference's, row by row."""

import json
from pathlib import Path

import numpy as np
import pytest
import reference_optimizers
import reference_program
from comparison import Pair, close
from golden.make_keras_optimizers import RATE, SETTINGS, values_and_gradients

GOLDEN = Path(__file__).parent.parent / "golden" / "keras_optimizers.json"


def core_settings(name):
    """Slots start at zero here, so that setting of Keras's Adagrad is no setting of an update."""
    kind, settings = SETTINGS[name]
    return kind, {key: value for key, value in settings.items() if key != "initial_accumulator_value"}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_reference_is_keras(name):
    kind, settings = core_settings(name)
    values, steps = values_and_gradients()
    slots = [[np.zeros_like(value) for _ in range(reference_optimizers.MOST_SLOTS)] for value in values]
    for step, gradients in enumerate(steps, 1):
        hyper = dict(settings)
        gradients = reference_program.clipped(dict(enumerate(gradients)), hyper)
        update = reference_optimizers.UPDATES[kind.lower()]
        for number in range(len(values)):
            values[number] = update(values[number], slots[number], gradients[number], RATE, step, **hyper)
    for value, stored in zip(values, json.loads(GOLDEN.read_text())[name], strict=True):
        np.testing.assert_allclose(value.ravel(), stored, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("units", [1, 7, 8, 9, 16, 17, 40])
def test_the_core_is_the_reference(rung, threads, name, units):
    kind, settings = core_settings(name)
    rng = np.random.default_rng(units)
    values = [rng.normal(size=(5, units)), rng.normal(size=units)]
    operations = [("dense", (0,), (1,), (0, 1), {}), ("squared_error", (1,), (2,), (), {})]
    parameters = [("kernel", (5, units)), ("bias", (units,))]
    pair = Pair([("x", "float32", None, (5,))], parameters, operations, (2,), values, input_gradients=False)
    pair.set_optimizer(kind.lower(), **settings)
    for step in range(10):
        x, y = rng.normal(size=(6, 5)), rng.normal(size=(6, units)).astype(np.float32)
        pair.check_train_step([x], [y], RATE, step, tolerance=5e-5)


@pytest.mark.parametrize("update", ["lazy", "dense"])
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("width", [1, 8, 17, 50])
def test_tables(rung, threads, name, width, update):
    """A table with two consumers: one coalesced gradient, clipped as a whole; lazy moves only its rows."""
    kind, settings = core_settings(name)
    rng = np.random.default_rng(width)
    operations = [
        ("lookup", (0, 1), (2, 3), (0,), {"mask_zero": True}),
        ("embed", (2,), (4,), (), {}),
        ("embed", (3,), (5,), (), {}),
        ("global_average_pool", (4,), (6,), (), {}),
        ("global_average_pool", (5,), (7,), (), {}),
        ("squared_error", (6,), (8,), (), {}),
        ("squared_error", (7,), (9,), (), {}),
    ]
    inputs = [("a", "int32", -1, ()), ("b", "int32", -1, ())]
    table = rng.normal(size=(25, width))
    pair = Pair(inputs, [("embeddings", table.shape)], operations, (8, 9), [table], input_gradients=False)
    pair.set_optimizer(kind.lower(), embedding_update=update, **settings)
    for step in range(6):
        ids = [rng.integers(0, 12, (4, 5)), rng.integers(5, 25, (4, 3))]
        y = [rng.normal(size=(4, width)).astype(np.float32) for _ in range(2)]
        pair.check_train_step(ids, y, RATE, step, tolerance=5e-5)
        for slot, other in zip(pair.slots[0], pair.reference.slots[0], strict=False):
            close(slot, other, 5e-5, "slot")


def test_infinite_gradients_do_not_hide():
    """Keras turns an infinite norm into NaN on purpose: the mistake shows instead of a silent zero step."""
    operations = [("dense", (0,), (1,), (0,), {}), ("squared_error", (1,), (2,), (), {})]
    pair = Pair(
        [("x", "float32", None, (1,))],
        [("kernel", (1, 1))],
        operations,
        (2,),
        [[[1.0]]],
        input_gradients=False,
    )
    pair.set_optimizer("sgd", global_clipnorm=1.0)
    huge = np.full((1, 1), 1e30, np.float32)
    pair.core.train_step([huge], [np.zeros((1, 1), np.float32)], None, 0.1, 0)
    assert not np.isfinite(pair.values[0]).any()
