"""Bags read the table itself where nothing else reads their tokens: the bits of rows that are gathered first,
whatever the table's size; penalties and norms are still those of the rows of a batch.
"""

import numpy as np
import pytest

import embedcnn
from embedcnn import _core, layers, regularizers

ROWS = {"small": 40, "by hash": 4000, "asked for ahead": 30_000}


POOLING = {
    "sum": layers.GlobalSumPooling1D,
    "mean": layers.GlobalAveragePooling1D,
    "max": layers.GlobalMaxPooling1D,
}


def model(rows, width, mode, beside, **settings):
    """`beside`: a convolution that reads the same tokens, so that their rows are gathered; it adds 0."""
    embedcnn.utils.set_random_seed(3)
    words = embedcnn.Input((None,), dtype="int32")
    tokens = layers.Embedding(rows, width, mask_zero=True, **settings)(words)
    start = embedcnn.initializers.RandomNormal(seed=4)
    x = layers.Dense(1, kernel_initializer=start)(POOLING[mode]()(tokens))
    if beside:
        still = layers.Conv1D(1, 2, kernel_initializer="zeros", trainable=False)(tokens)
        x = layers.Add()([x, layers.GlobalMaxPooling1D()(still)])
    made = embedcnn.Model(words, x)
    made.compile(embedcnn.optimizers.Adam(0.01), "mse")
    return made


def batches(rows):
    rng = np.random.default_rng(5)
    for _ in range(4):
        ids = rng.integers(1, rows, (6, 11)).astype(np.int32)
        ids[:, 5] = ids[:, 0]
        ids[2, 4:] = 0
        yield ids, rng.normal(size=(6, 1)).astype(np.float32)


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("width", [5, 16, 33])
@pytest.mark.parametrize("mode", POOLING)
def test_bits_are_those_of_gathered_rows(rows, width, mode):
    alone, beside = model(rows, width, mode, False), model(rows, width, mode, True)
    for ids, y in batches(rows):
        assert alone.train_on_batch(ids, y) == beside.train_on_batch(ids, y)
        assert np.array_equal(alone.predict(ids, verbose=0), beside.predict(ids, verbose=0))
    assert np.array_equal(alone.get_weights()[0], beside.get_weights()[0])


@pytest.mark.parametrize("mode", POOLING)
def test_what_is_reported_counts_the_rows_that_were_read(mode):
    made = model(50, 4, mode, False, embeddings_regularizer=regularizers.L2(0.1))
    ids = np.array([[1, 2, 2, 3]], np.int32)
    y = made.predict(ids, verbose=0)
    table = made.get_weights()[0]
    assert made.evaluate(ids, y, verbose=0) == pytest.approx(0.1 * (table[1:4] ** 2).sum(), rel=1e-5)


def test_rows_are_bounded_in_training_alone():
    made = model(50, 4, "sum", False, max_norm=0.01)
    made.optimizer.learning_rate = 0.0
    ids = np.array([[1, 2, 2, 3]], np.int32)
    before = made.get_weights()[0]
    made.predict(ids, verbose=0)
    assert np.array_equal(made.get_weights()[0], before)
    made.train_on_batch(ids, np.zeros((1, 1), np.float32))
    after = made.get_weights()[0]
    assert np.all(np.linalg.norm(after[1:4], axis=1) <= 0.01)
    assert np.array_equal(after[4:], before[4:])


@pytest.mark.parametrize("settings", [{}, {"scale_grad_by_freq": 1}])
@pytest.mark.parametrize("mode", ["sum", "mean", "sqrtn", "max"])
def test_gradients_of_a_whole_step_can_be_read_behind_it(mode, settings):
    """Their rows were made for the update, and never written."""
    rng = np.random.default_rng(6)
    table = rng.normal(size=(9, 5)).astype(np.float32)
    operations = [("lookup", (0,), (1,), (0,), settings), ("token_bag", (1,), (2,), (), {"mode": mode})]
    operations += [("squared_error", (2,), (3,), (), {})]
    made = _core.Program([("x", "int32", -1, ())], [("table", table.shape)], operations, (3,))
    made.set_optimizer("sgd")
    step = ([rng.integers(0, 9, (4, 6))], [rng.normal(size=(4, 5)).astype(np.float32)], None)
    found = []
    for run, rate in ((made.gradient_step, ()), (made.train_step, (0.5,))):
        value = table.copy()
        made.bind(0, value, True, [], np.zeros(1, np.int64))
        run(*step, *rate, 0)
        found.append(made.gradient(0))
    (rows, values), (rows_of_step, values_of_step) = found
    assert np.array_equal(rows, rows_of_step)
    assert np.array_equal(values, values_of_step)
    assert np.allclose(value[rows], table[rows] - 0.5 * values, atol=1e-6)


def test_a_bag_without_a_loss_makes_no_gradient_of_rows_that_others_read():
    """Its gradient was never written: the table learns from the other reader alone, clipped (which writes all
    rows) or not.
    """
    ids, target = next(batches(40))
    tables = []
    for clipping in ({}, {"clipnorm": 1e9}):
        embedcnn.utils.set_random_seed(3)
        words = embedcnn.Input((None,), dtype="int32")
        tokens = layers.Embedding(40, 8)(words)
        read = layers.GlobalMaxPooling1D()(layers.Conv1D(6, 3)(tokens))
        outputs = [layers.GlobalAveragePooling1D()(tokens), layers.Dense(1)(read)]
        made = embedcnn.Model(words, outputs)
        made.compile(embedcnn.optimizers.SGD(0.1, **clipping), loss=[None, "mse"])
        made.train_on_batch(ids, target)
        tables.append(made.get_weights()[0])
    assert np.array_equal(*tables)
