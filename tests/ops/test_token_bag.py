"""token_bag against the reference, and against embed and what pools it."""

import numpy as np
import pytest
from comparison import Pair, close, masks, ragged

from embedcnn import ops

MODES = ["mean", "sum", "sqrtn", "max"]
WEIGHTED = ["mean", "sum", "sqrtn"]


def bag_pair(vocabulary, width, mode="mean", **settings):
    table = np.random.default_rng(width).normal(size=(vocabulary, width))
    operations = [("lookup", (0,), (1,), (0,), settings), ("token_bag", (1,), (2,), (), {"mode": mode})]
    return Pair([("x", "int32", -1, ())], [("embeddings", table.shape)], operations, (2,), [table])


def weighted_pair(vocabulary, width, mode, steps, **settings):
    """`steps`: of flat weights; None: weights are a sequence."""
    table = np.random.default_rng(width).normal(size=(vocabulary, width))
    operations = [("lookup", (0,), (2,), (0,), settings), ("token_bag", (2, 1), (3,), (), {"mode": mode})]
    weights = ("w", "float32", -1, (1,)) if steps is None else ("w", "float32", None, (steps,))
    inputs = [("x", "int32", -1, ()), weights]
    return Pair(inputs, [("embeddings", table.shape)], operations, (3,), [table])


@pytest.mark.parametrize("width", [1, 3, 7, 8, 9, 15, 16, 17, 33, 100])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mask_zero", [False, True])
def test_padded_ids(rung, threads, width, mode, mask_zero):
    rng = np.random.default_rng(0)
    pair = bag_pair(20, width, mode, mask_zero=mask_zero)
    for batch, length in [(1, 1), (3, 7), (6, 40)]:
        for mask in masks(batch, length, rng).values():
            ids = rng.integers(0, 20, (batch, length))
            pair.check_gradients([ids if mask is None else np.where(mask, ids, 0)])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("settings", [{}, {"mask_zero": True}, {"mask_id": 4}])
def test_ragged_ids(rung, threads, mode, settings):
    rng = np.random.default_rng(1)
    pair = bag_pair(9, 5, mode, **settings)
    for lengths in [(3,), (0, 2, 5, 1), (4, 0, 0), (0, 0)]:
        pair.check_gradients([ragged([rng.integers(0, 9, length) for length in lengths])])


@pytest.mark.parametrize("mode", WEIGHTED)
@pytest.mark.parametrize("settings", [{}, {"mask_zero": True}, {"mask_id": 4}])
@pytest.mark.parametrize("steps", [7, None])
def test_weights(rung, threads, mode, settings, steps):
    rng = np.random.default_rng(4)
    pair = weighted_pair(9, 17, mode, steps, **settings)
    for mask in masks(5, 7, rng).values():
        ids, weights = rng.integers(0, 9, (5, 7)), rng.uniform(0.5, 2, (5, 7)).astype(np.float32)
        ids = ids if mask is None else np.where(mask, ids, 0)
        pair.check_gradients([ids, weights if steps else weights[:, :, None]])
        if steps is None and mask is not None:
            pair.check_gradients([ids, (weights[:, :, None], mask)])


@pytest.mark.parametrize("mode", WEIGHTED)
def test_weights_of_ragged_texts(rung, mode):
    rng = np.random.default_rng(5)
    pair = weighted_pair(9, 6, mode, 5)
    weights = rng.uniform(-2, -0.5, (4, 5)).astype(np.float32)
    pair.check_gradients([ragged([rng.integers(0, 9, length) for length in (0, 2, 5, 1)]), weights])


def test_weights_that_sum_to_nothing_give_zeros_and_no_gradient():
    for mode in ("mean", "sqrtn"):
        pair = weighted_pair(3, 4, mode, 2)
        pair.check_gradients([np.array([[1, 2], [0, 1]]), np.zeros((2, 2), np.float32)])
        assert not pair.core.gradient(0)[1].any()


@pytest.mark.parametrize(
    ("ids", "weights"),
    [(np.ones((2, 6), int), np.ones((2, 5), "f")), (ragged([[1] * 6]), np.ones((1, 5), "f"))],
)
def test_texts_longer_than_their_weights(ids, weights):
    with pytest.raises(ValueError, match="token at place 5, and weights for 5 places"):
        ops.embedding_bag(ids, np.ones((3, 2)), "sum", weights)


def test_what_a_bag_cannot_be():
    with pytest.raises(ValueError, match="a maximum takes no weights"):
        ops.embedding_bag([[1]], np.ones((3, 2)), "max", [[1.0]])
    with pytest.raises(ValueError, match=r"mode = 'median'; allowed are \['mean', 'sum', 'sqrtn', 'max'\]"):
        ops.embedding_bag([[1]], np.ones((3, 2)), "median")
    with pytest.raises(ValueError, match="mask_id = 3"):
        ops.embedding_bag([[1]], np.ones((3, 2)), padding_idx=3)
    with pytest.raises(ValueError, match=r"allowed is \[B, T\]"):
        ops.embedding_bag([[1]], np.ones((3, 2)), "sum", [1.0])


def test_nan_wins_a_maximum_and_the_first_of_equal_rows_its_gradient(rung):
    table = np.array([[1.0], [np.nan], [5.0], [5.0]], np.float32)
    assert np.isnan(ops.embedding_bag([[2, 1, 0]], table, "max")).all()
    _, gradients = ops.vjp(ops.embedding_bag, [[0, 3, 2]], table, "max")
    rows, values = gradients["embeddings"]
    assert rows[values[:, 0] != 0].tolist() == [3]


def test_equals_the_general_path():
    rng = np.random.default_rng(2)
    ids, table = rng.integers(0, 50, (6, 12)), rng.normal(size=(50, 10)).astype(np.float32)
    x = ops.embedding_lookup(ids, table, mask_zero=True)
    expected = ops.global_average_pool(x, mask=ids != 0)
    close(ops.token_mean(ids, table, mask_zero=True), expected, 1e-6, "output")


@pytest.mark.parametrize("mode", MODES)
def test_a_bag_beside_other_consumers_of_the_table(rung, threads, mode):
    rng = np.random.default_rng(3)
    values = [rng.normal(size=(40, 6)), rng.normal(size=(2, 6, 5))]
    operations = [
        ("lookup", (0,), (1,), (0,), {}),
        ("token_bag", (1,), (2,), (), {"mode": mode}),
        ("token_conv_pool", (1,), (3,), (1,), {"use_bias": False}),
        ("concatenate", (2, 3), (4,), (), {}),
    ]
    pair = Pair([("x", "int32", -1, ())], [("e", (40, 6)), ("k", (2, 6, 5))], operations, (4,), values)
    pair.check_gradients([np.stack([rng.choice(40, 9, replace=False) for _ in range(8)])])
