"""lookup and embed against the reference: padded, masked and ragged ids, shared tables."""

import numpy as np
import pytest
import reference
from comparison import Pair, ragged

from embedcnn import ops

WIDTHS = [1, 3, 4, 7, 8, 9, 15, 16, 17, 33]


def embedding_pair(vocabulary, width, mask_zero=False, inputs=1, trainable=True, seed=0):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(vocabulary, width)).astype(np.float32)
    tokens = tuple(range(inputs, 2 * inputs))
    outputs = tuple(range(2 * inputs, 3 * inputs))
    operations = [("lookup", tuple(range(inputs)), tokens, (0,), {"mask_zero": mask_zero})]
    operations += [("embed", (token,), (out,), (), {}) for token, out in zip(tokens, outputs, strict=True)]
    specs = [(f"x{number}", "int32", -1, ()) for number in range(inputs)]
    return Pair(specs, [("embeddings", table.shape)], operations, outputs, [table], trainable)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("mask_zero", [False, True])
def test_padded_ids(rung, threads, width, mask_zero):
    rng = np.random.default_rng(width)
    pair = embedding_pair(11, width, mask_zero)
    for batch, length in [(1, 1), (3, 5), (7, 2)]:
        pair.check_gradients([rng.integers(0, 11, (batch, length))])


@pytest.mark.parametrize("mask_zero", [False, True])
def test_ragged_ids(rung, threads, mask_zero):
    rng = np.random.default_rng(1)
    pair = embedding_pair(9, 5, mask_zero)
    for lengths in [(3,), (0, 2, 5, 1), (4, 0, 0), (1, 1, 1)]:
        pair.check_gradients([ragged([rng.integers(0, 9, length) for length in lengths])])


def test_two_inputs_share_one_table(rung):
    rng = np.random.default_rng(2)
    pair = embedding_pair(13, 6, inputs=2)
    pair.check_gradients([rng.integers(0, 13, (4, 3)), rng.integers(0, 13, (4, 6))])
    rows, values = pair.core.gradient(0)
    assert len(set(rows.tolist())) == len(rows) == len(values)


@pytest.mark.parametrize("vocabulary", [3000, 50_000])  # a place for each id, and a hash set
@pytest.mark.parametrize("kind", ["crowded", "few", "all", "masked"])
def test_distinct_ids_of_small_and_large_tables(vocabulary, kind):
    rng = np.random.default_rng(5)
    numbers = np.arange(1, vocabulary, dtype=np.uint64)
    if kind == "crowded":  # those that share the first slots of a hash set
        numbers = numbers[np.argsort(numbers * 0x9E3779B9 % 2**32)[:40]]
    elif kind == "few":
        numbers = numbers[-3:]
    ids = rng.permutation(np.resize(numbers, 900)).reshape(30, 30).astype(np.int64)
    if kind == "masked":
        ids[rng.random(ids.shape) < 0.3] = 0
    table = rng.normal(size=(vocabulary, 2)).astype(np.float32)
    d_out = rng.normal(size=(30, 30, 2)).astype(np.float32)
    out, gradients = ops.vjp(ops.embedding_lookup, ids, table, d_out=d_out, mask_zero=kind == "masked")
    np.testing.assert_array_equal(out, np.where(ids[..., None] == 0, 0, table[ids]))
    rows, values = gradients["embeddings"]
    assert sorted(rows) == sorted(set(ids[ids > 0].tolist()))
    expected = np.zeros(table.shape)
    np.add.at(expected, ids, d_out.astype(np.float64))
    np.testing.assert_allclose(values, expected[rows], rtol=1e-5, atol=1e-5)


def test_row_zero_of_a_masked_table_gets_no_gradient():
    pair = embedding_pair(5, 3, mask_zero=True)
    pair.check_gradients([np.array([[0, 1, 0, 2], [0, 0, 0, 0]])])
    assert 0 not in pair.core.gradient(0)[0]


@pytest.mark.parametrize(
    "dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
)
def test_every_integer_dtype(dtype):
    ids = np.array([[1, 2, 3], [3, 3, 0]], dtype)
    table = np.random.default_rng(3).normal(size=(4, 6)).astype(np.float32)
    np.testing.assert_array_equal(ops.embedding_lookup(ids, table), table[ids.astype(int)])
    np.testing.assert_array_equal(ops.embedding_lookup(np.asfortranarray(ids), table), table[ids.astype(int)])


@pytest.mark.parametrize(("ids", "message"), [
    ([[0, 1], [2, 4]], r"ids\[1, 1\] = 4 is outside \[0, 4\)"),
    ([[0, -1]], r"ids\[0, 1\] = -1 is outside \[0, 4\)"),
    ([[2**40]], r"ids\[0, 0\] = 1099511627776 is outside \[0, 4\)"),
])  # fmt: skip
def test_ids_outside_the_table(ids, message):
    with pytest.raises(ValueError, match=message):
        ops.embedding_lookup(ids, np.zeros((4, 2), np.float32))


def test_lookup_alone_equals_the_reference():
    rng = np.random.default_rng(4)
    ids, table = rng.integers(0, 20, (3, 7)), rng.normal(size=(20, 5)).astype(np.float32)
    out, gradients = ops.vjp(ops.embedding_lookup, ids, table, mask_zero=True)
    expected, backward = reference.lookup(ids, table.astype(np.float64), mask_zero=True)
    np.testing.assert_array_equal(out, expected.values.astype(np.float32))
    dense = np.zeros(table.shape)
    rows, values = gradients["embeddings"]
    dense[rows] = values
    np.testing.assert_allclose(dense, backward(np.ones(out.shape))[0], rtol=1e-6)
