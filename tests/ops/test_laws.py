"""Laws that hold whatever the numbers are: padding, order of examples, threads, ragged against masked."""

import numpy as np
import pytest
from comparison import ragged
from draws import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from embedcnn import _core, ops

TABLE = np.random.default_rng(0).normal(size=(40, 11)).astype(np.float32)
KERNELS = [np.random.default_rng(k).normal(size=(k, 11, 9)).astype(np.float32) for k in (1, 2, 4)]
BIASES = [np.random.default_rng(k).normal(size=9).astype(np.float32) for k in (1, 2, 4)]

texts = st.lists(st.lists(st.integers(1, 39), max_size=9), min_size=1, max_size=6)
paddings = st.sampled_from(["valid", "same", "causal"])
EXAMPLES = settings(max_examples=examples(200))


def padded(batch, before=0, behind=0):
    width = before + max(map(len, batch)) + behind
    ids = np.zeros((len(batch), max(width, 1)), np.int64)
    for row, text in zip(ids, batch, strict=True):
        row[before : before + len(text)] = text
    return ids


def pool(ids, padding, **settings):
    return ops.token_conv_pool(ids, TABLE, KERNELS, BIASES, padding=padding, activation="relu", **settings)


def general(ids, padding):
    """The same through operations of their own, masked."""
    x = ops.embedding_lookup(ids, TABLE, mask_zero=True)
    outs = []
    for kernel, bias in zip(KERNELS, BIASES, strict=True):
        mask = np.asarray(ids) != 0
        convolved = ops.conv1d(x, kernel, bias, padding=padding, mask=mask)
        activated = ops.activation(convolved, "relu")
        outs.append(ops.global_max_pool(activated, ops.conv1d_mask(mask, len(kernel), padding=padding)))
    return ops.concatenate(outs, axis=-1)


@EXAMPLES
@given(texts, paddings, st.integers(0, 6), st.integers(0, 6))
def test_padding_never_changes_a_masked_result(batch, padding, before, behind):
    expected = pool(padded(batch), padding, mask_zero=True)
    np.testing.assert_array_equal(pool(padded(batch, before, behind), padding, mask_zero=True), expected)


@EXAMPLES
@given(texts, paddings, st.integers(0, 6), st.integers(0, 6))
def test_padding_never_changes_the_general_path(batch, padding, before, behind):
    expected = general(padded(batch), padding)
    np.testing.assert_array_equal(general(padded(batch, before, behind), padding), expected)


@EXAMPLES
@given(texts, paddings)
def test_ragged_is_masked_padding(batch, padding):
    np.testing.assert_array_equal(pool(ragged(batch), padding), pool(padded(batch), padding, mask_zero=True))


@EXAMPLES
@given(texts, paddings)
def test_fused_is_general(batch, padding):
    np.testing.assert_allclose(
        pool(ragged(batch), padding), general(padded(batch), padding), rtol=1e-5, atol=1e-5
    )


@EXAMPLES
@given(texts, paddings, st.randoms(use_true_random=False))
def test_permuting_examples_permutes_results(batch, padding, random):
    order = list(range(len(batch)))
    random.shuffle(order)
    shuffled = [batch[number] for number in order]
    expected = pool(ragged(batch), padding)[order]
    np.testing.assert_array_equal(pool(ragged(shuffled), padding), expected)
    np.testing.assert_array_equal(general(padded(shuffled), padding), general(padded(batch), padding)[order])


@EXAMPLES
@given(texts, paddings)
def test_one_at_a_time_is_all_at_once(batch, padding):
    together = pool(ragged(batch), padding)
    for number, text in enumerate(batch):
        np.testing.assert_array_equal(pool(ragged([text]), padding)[0], together[number])


@EXAMPLES
@given(texts, st.permutations(range(40)))
def test_renaming_the_vocabulary_changes_nothing(batch, names):
    names = np.array(names)
    table = np.empty_like(TABLE)
    table[names] = TABLE
    renamed = [names[text] for text in batch]
    got = ops.token_conv_pool(ragged(renamed), table, KERNELS, BIASES)
    np.testing.assert_array_equal(got, ops.token_conv_pool(ragged(batch), TABLE, KERNELS, BIASES))


@pytest.mark.parametrize("mask_zero", [False, True])
def test_any_number_of_threads_gives_the_same_bits(rung, mask_zero):
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 40, (23, 31)) * (rng.random((23, 31)) < 0.9)
    x = rng.normal(size=(50, 70)).astype(np.float32)
    kernel = rng.normal(size=(70, 90)).astype(np.float32)
    found = []
    try:
        for threads in (1, 2, 3, 4, 7):
            _core.set_num_threads(threads)
            out, gradients = ops.vjp(ops.token_conv_pool, ids, TABLE, KERNELS, BIASES, mask_zero=mask_zero)
            dense = ops.vjp(ops.dense, x, kernel, np.zeros(90))
            sequence = ops.vjp(ops.conv1d, x.reshape(5, 10, 70), kernel.reshape(1, 70, 90))
            arrays = [out, *gradients["embeddings"], *gradients["kernels"], *gradients["biases"]]
            arrays += [dense[0], *dense[1].values(), sequence[0], *sequence[1].values()]
            found.append(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays))
    finally:
        _core.set_num_threads(0)
    assert len(set(found)) == 1
