"""global_max_pool, global_average_pool and global_sum_pool against the reference."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops

POOLS = ["global_max_pool", "global_average_pool", "global_sum_pool"]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("channels", [1, 3, 7, 8, 9, 16, 17, 40])
def test_masks_and_channels(rung, threads, pool, channels):
    rng = np.random.default_rng(channels)
    pair = Pair([("x", "float32", -1, (channels,))], [], [(pool, (0,), (1,), (), {})], (1,), [])
    for batch, width in [(1, 1), (3, 6), (5, 2)]:
        for mask in masks(batch, width, rng).values():
            x = rng.normal(size=(batch, width, channels)).astype(np.float32)
            pair.check_gradients([x if mask is None else (x, mask)])


def test_the_first_of_equal_steps_gets_the_gradient(rung):
    x = np.zeros((1, 5, 20), np.float32)
    x[0, 2:4] = 1
    _, gradients = ops.vjp(ops.global_max_pool, x)
    np.testing.assert_array_equal(gradients["x"].sum(2)[0], [0, 0, 20, 0, 0])
    _, gradients = ops.vjp(ops.global_max_pool, np.full((1, 4, 3), -2.0))
    np.testing.assert_array_equal(gradients["x"].sum(2)[0], [3, 0, 0, 0])


def test_nan_wins(rung):
    x = np.array([1, np.nan, 5, np.nan], np.float32)[None, :, None].repeat(19, 2)
    out, gradients = ops.vjp(ops.global_max_pool, x)
    assert np.isnan(out).all()
    np.testing.assert_array_equal(gradients["x"][0, :, 0], [0, 1, 0, 0])
    masked = ops.global_max_pool(x, mask=[[True, False, True, False]])
    np.testing.assert_array_equal(masked, np.full((1, 19), 5.0))


def test_minus_infinity_is_a_value_like_any_other(rung):
    out, gradients = ops.vjp(ops.global_max_pool, np.full((1, 3, 2), -np.inf, np.float32))
    assert (out == -np.inf).all()
    np.testing.assert_array_equal(gradients["x"][0, :, 0], [1, 0, 0])


@pytest.mark.parametrize("pool", POOLS)
def test_a_text_without_tokens_pools_to_zeros(pool):
    out, gradients = ops.vjp(getattr(ops, pool), np.ones((2, 3, 4)), mask=np.zeros((2, 3), bool))
    assert out.shape == (2, 4)
    assert not out.any()
    assert not gradients["x"].any()
