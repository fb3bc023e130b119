"""token_mean against the reference, and against embed and global_average_pool."""

import numpy as np
import pytest
from comparison import Pair, close, masks, ragged

from embedcnn import ops


def mean_pair(vocabulary, width, mask_zero=False):
    table = np.random.default_rng(width).normal(size=(vocabulary, width))
    operations = [("lookup", (0,), (1,), (0,), {"mask_zero": mask_zero}), ("token_mean", (1,), (2,), (), {})]
    return Pair([("x", "int32", -1, ())], [("embeddings", table.shape)], operations, (2,), [table])


@pytest.mark.parametrize("width", [1, 3, 7, 8, 9, 15, 16, 17, 33, 100])
@pytest.mark.parametrize("mask_zero", [False, True])
def test_padded_ids(rung, threads, width, mask_zero):
    rng = np.random.default_rng(0)
    pair = mean_pair(20, width, mask_zero)
    for batch, length in [(1, 1), (3, 7), (6, 40)]:
        for mask in masks(batch, length, rng).values():
            ids = rng.integers(0, 20, (batch, length))
            pair.check_gradients([ids if mask is None else np.where(mask, ids, 0)])


@pytest.mark.parametrize("mask_zero", [False, True])
def test_ragged_ids(rung, threads, mask_zero):
    rng = np.random.default_rng(1)
    pair = mean_pair(9, 5, mask_zero)
    for lengths in [(3,), (0, 2, 5, 1), (4, 0, 0), (0, 0)]:
        pair.check_gradients([ragged([rng.integers(0, 9, length) for length in lengths])])


def test_equals_the_general_path():
    rng = np.random.default_rng(2)
    ids, table = rng.integers(0, 50, (6, 12)), rng.normal(size=(50, 10)).astype(np.float32)
    x = ops.embedding_lookup(ids, table, mask_zero=True)
    expected = ops.global_average_pool(x, mask=ids != 0)
    close(ops.token_mean(ids, table, mask_zero=True), expected, 1e-6, "output")


def test_token_mean_beside_other_consumers_of_the_table(rung, threads):
    rng = np.random.default_rng(3)
    values = [rng.normal(size=(40, 6)), rng.normal(size=(2, 6, 5))]
    operations = [
        ("lookup", (0,), (1,), (0,), {}),
        ("token_mean", (1,), (2,), (), {}),
        ("token_conv_pool", (1,), (3,), (1,), {"use_bias": False}),
        ("concatenate", (2, 3), (4,), (), {}),
    ]
    pair = Pair([("x", "int32", -1, ())], [("e", (40, 6)), ("k", (2, 6, 5))], operations, (4,), values)
    pair.check_gradients([np.stack([rng.choice(40, 9, replace=False) for _ in range(8)])])
