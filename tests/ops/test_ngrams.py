"""ngrams: ids of n-grams behind those of the tokens, against the reference; sizes that do not fit."""

import numpy as np
import pytest
import reference
from comparison import Pair, ragged

from embedcnn import _core, layers, ops

WORDS, BUCKETS = 11, 29


def pair_of(n, mask_zero=False):
    table = np.random.default_rng(n).normal(size=(WORDS + BUCKETS, 5)).astype(np.float32)
    operations = [
        ("ngrams", (0,), (1,), (), {"n": n, "input_dim": WORDS, "buckets": BUCKETS}),
        ("lookup", (1,), (2,), (0,), {"mask_zero": mask_zero}),
        ("token_bag", (2,), (3,), (), {}),
        ("embed", (2,), (4,), (), {}),
    ]
    return Pair([("x", "int32", -1, ())], [("embeddings", table.shape)], operations, (3, 4), [table])


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("mask_zero", [False, True])
def test_padded_and_ragged_ids(rung, threads, n, mask_zero):
    rng = np.random.default_rng(n)
    pair = pair_of(n, mask_zero)
    for batch, length in [(1, 1), (3, 5), (7, 2)]:
        pair.check_gradients([rng.integers(0, WORDS, (batch, length))])
    for lengths in [(3,), (0, 2, 5, 1), (4, 0, 0), (0, 0)]:
        pair.check_gradients([ragged([rng.integers(0, WORDS, length) for length in lengths])])


def test_the_order_of_the_words_counts_and_padding_does_not():
    table = np.random.default_rng(0).normal(size=(WORDS + 1000, 4)).astype(np.float32)

    def mean(text):
        return ops.token_mean([text], table, mask_zero=True, ngrams=2, buckets=1000)[0]

    assert np.abs(mean([3, 4]) - mean([4, 3])).max() > 1e-3
    np.testing.assert_allclose(mean([3, 4, 0, 0]), mean([3, 4]), rtol=1e-6)
    np.testing.assert_allclose(mean([0, 3, 4]), mean([3, 4]), rtol=1e-6)


def test_buckets_are_used_evenly():
    ids, _ = reference.ngrams(np.arange(1, 2001).reshape(1, -1), None, 2, 2001, 64)
    rows = ops.vjp(
        ops.embedding_lookup, np.arange(1, 2001).reshape(1, -1), np.zeros((2001 + 64, 1)), False, 2, 64
    )
    used, sums = rows[1]["embeddings"]
    counts = sums[:, 0][used >= 2001]
    assert len(counts) == 64 and counts.min() > 5 and counts.max() < 65  # 31 on average
    np.testing.assert_array_equal(np.sort(used), np.unique(ids))


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"n": 0, "input_dim": 5, "buckets": 5}, "n = 0"),
        ({"n": 65, "input_dim": 5, "buckets": 5}, "n = 65"),
        ({"input_dim": 0, "buckets": 5}, "input_dim = 0"),
        ({"input_dim": 2**31 - 3, "buckets": 3}, r"2\*\*31"),
        ({"input_dim": 2**62, "buckets": 2**62}, r"2\*\*31"),
    ],
)
def test_sizes_that_do_not_fit(attributes, message):
    operations = [("ngrams", (0,), (1,), (), attributes)]
    with pytest.raises(ValueError, match=message):
        _core.Program([("x", "int32", -1, ())], [], operations, ())


@pytest.mark.parametrize("buckets", [2.5, float("nan"), "5"])
def test_counts_are_whole_numbers(buckets):
    operations = [("ngrams", (0,), (1,), (), {"input_dim": 5, "buckets": buckets})]
    with pytest.raises(TypeError, match="ngrams: buckets = .*; expected a whole number"):
        _core.Program([("x", "int32", -1, ())], [], operations, ())


def test_a_table_without_rows_for_the_buckets_is_refused():
    with pytest.raises(ValueError, match=r"input_dim = 0"):
        ops.token_mean([[1]], np.zeros((4, 2)), ngrams=2, buckets=4)
    operations = [
        ("ngrams", (0,), (1,), (), {"input_dim": 4, "buckets": 4}),
        ("lookup", (1,), (2,), (0,), {}),
        ("embed", (2,), (3,), (), {}),
    ]
    program = _core.Program([("x", "int32", -1, ())], [("table", (7, 2))], operations, (3,))
    program.bind(0, np.zeros((7, 2), np.float32), False, [], np.zeros(1, np.int64))
    with pytest.raises(ValueError, match="input_dim \\+ buckets = 8; the table has 7 rows"):
        program.forward([np.array([[1, 2]])])


def test_ids_are_checked_against_the_words():
    with pytest.raises(ValueError, match=r"ids\[0, 1\] = 4 is outside \[0, 4\)"):
        ops.token_mean([[1, 4]], np.zeros((8, 2)), ngrams=2, buckets=4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 5), "input_dim"),
        ((5, -1), "buckets"),
        ((5, 5, 0), "`n`"),
        ((5, 5, 65), "at most 64"),
        ((2**30, 2**30), r"2\*\*31"),
    ],
)
def test_the_layer_names_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.HashedNgrams(*arguments)
