"""attention_pool against the reference: masks, sizes, gradients, and what a text without steps gives."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import _core, ops


def pair_of(channels, **settings):
    inputs = [("x", "float32", -1, (channels,)), ("scores", "float32", -1, (1,))]
    return Pair(inputs, [], [("attention_pool", (0, 1), (2,), (), {})], (2,), [], **settings)


@pytest.mark.parametrize("channels", [1, 3, 7, 8, 9, 16, 17, 40])
def test_masks_and_channels(rung, threads, channels):
    rng = np.random.default_rng(channels)
    pair = pair_of(channels)
    for batch, width in [(1, 1), (3, 6), (5, 2), (2, 33)]:
        for mask in masks(batch, width, rng).values():
            x = rng.normal(size=(batch, width, channels)).astype(np.float32)
            scores = 3 * rng.normal(size=(batch, width, 1)).astype(np.float32)
            pair.check_gradients([x, scores] if mask is None else [(x, mask), (scores, mask)])


def test_a_tensor_that_weighs_itself(rung):
    pair = Pair([("x", "float32", -1, (1,))], [], [("attention_pool", (0, 0), (1,), (), {})], (1,), [])
    pair.check_gradients([np.random.default_rng(1).normal(size=(4, 7, 1))])


def test_gradients_are_added_to_those_of_other_readers(rung):
    operations = [
        ("dense", (0,), (1,), (0,), {}),
        ("attention_pool", (0, 1), (2,), (), {}),
        ("global_average_pool", (0,), (3,), (), {}),
        ("global_average_pool", (1,), (4,), (), {}),
    ]
    rng = np.random.default_rng(2)
    values = [rng.normal(size=(5, 1))]
    pair = Pair([("x", "float32", -1, (5,))], [("score", (5, 1))], operations, (2, 3, 4), values)
    x = rng.normal(size=(3, 6, 5)).astype(np.float32)
    for mask in masks(3, 6, rng).values():
        pair.check_gradients([x if mask is None else (x, mask)])


def test_equal_scores_are_the_mean():
    x = np.random.default_rng(3).normal(size=(2, 5, 4)).astype(np.float32)
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)
    got = ops.attention_pool(x, np.full((2, 5, 1), 7.0), mask=mask)
    np.testing.assert_allclose(got, ops.global_average_pool(x, mask=mask), rtol=1e-6, atol=1e-6)


def test_large_scores_choose_one_step():
    x, scores = np.arange(6.0).reshape(1, 3, 2), np.array([[[-1e30], [1e30], [0.0]]])
    assert ops.attention_pool(x, scores).tolist() == [[2.0, 3.0]]


def test_a_text_without_tokens_pools_to_zeros():
    mask = np.zeros((2, 3), bool)
    out, gradients = ops.vjp(ops.attention_pool, np.ones((2, 3, 4)), np.ones((2, 3, 1)), mask=mask)
    assert out.shape == (2, 4)
    assert not out.any()
    assert not gradients["x"].any()
    assert not gradients["scores"].any()


def test_masked_steps_have_no_part_whatever_stands_there():
    x = np.ones((1, 3, 2), np.float32)
    x[0, 1], mask = np.inf, np.array([[True, False, True]])
    out, gradients = ops.vjp(ops.attention_pool, x, np.zeros((1, 3, 1)), mask=mask)
    assert out.tolist() == [[1.0, 1.0]]
    np.testing.assert_array_equal(gradients["x"][0, :, 0], [0.5, 0, 0.5])


def test_nan_shows():
    assert np.isnan(ops.attention_pool(np.ones((1, 2, 3)), np.array([[[0.0], [np.nan]]]))).all()


def test_any_number_of_threads_gives_the_same_bits(rung):
    rng = np.random.default_rng(4)
    x, scores = rng.normal(size=(9, 31, 19)), rng.normal(size=(9, 31, 1))
    mask = rng.random((9, 31)) < 0.7
    found = set()
    for threads in (1, 2, 3, 7):
        _core.set_num_threads(threads)
        out, gradients = ops.vjp(ops.attention_pool, x, scores, mask=mask)
        found.add(out.tobytes() + gradients["x"].tobytes() + gradients["scores"].tobytes())
    _core.set_num_threads(0)
    assert len(found) == 1


def test_misuse():
    with pytest.raises(ValueError, match="attention_pool"):
        ops.attention_pool(np.zeros((1, 2, 3)), np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="attention_pool"):
        ops.attention_pool(np.zeros((1, 3)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="the scores have other steps"):
        pair_of(3).core.forward([np.zeros((1, 4, 3), np.float32), np.zeros((1, 5, 1), np.float32)])
