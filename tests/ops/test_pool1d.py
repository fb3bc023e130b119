"""max_pool and average_pool against the reference."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops

POOLS = ["max_pool", "average_pool"]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("pool_size, strides", [(1, 1), (2, 2), (3, 1), (2, 3), (4, 2), (5, 5)])
def test_masks_and_windows(rung, threads, pool, padding, pool_size, strides):
    rng = np.random.default_rng(pool_size)
    settings = {"pool_size": pool_size, "strides": strides, "padding": padding}
    for channels in (1, 17):
        pair = Pair([("x", "float32", -1, (channels,))], [], [(pool, (0,), (1,), (), settings)], (1,), [])
        for batch, width in [(1, 1), (3, 7), (4, 5)]:
            for mask in masks(batch, width, rng).values():
                x = rng.normal(size=(batch, width, channels)).astype(np.float32)
                if mask is None and padding == "valid" and width < pool_size:
                    with pytest.raises(ValueError, match=f"pool_size = {pool_size}"):
                        pair.core.forward([x])
                else:
                    pair.check_gradients([x if mask is None else (x, mask)])


@pytest.mark.parametrize("pool", POOLS)
def test_the_mask_goes_on_to_the_next_layer(rung, threads, pool):
    rng = np.random.default_rng(0)
    operations = [
        (pool, (0,), (1,), (), {"pool_size": 2, "strides": 2}),
        ("conv1d", (1,), (2,), (0, 1), {"padding": "same"}),
        ("global_max_pool", (1,), (3,), (), {}),
        ("global_average_pool", (2,), (4,), (), {}),
        ("concatenate", (3, 4), (5,), (), {}),
    ]
    parameters = [("kernel", (3, 5, 4)), ("bias", (4,))]
    values = [rng.normal(size=shape) for _, shape in parameters]
    pair = Pair([("x", "float32", -1, (5,))], parameters, operations, (5,), values)
    for mask in masks(4, 9, rng).values():
        x = rng.normal(size=(4, 9, 5)).astype(np.float32)
        pair.check_gradients([x if mask is None else (x, mask)])


def test_a_span_ends_with_its_last_window_that_holds_a_step(rung, threads):
    """Strides can leave a last window of masked steps only: to the next layer it is padding, not a gap."""
    operations = [
        ("max_pool", (0,), (1,), (), {"pool_size": 1, "strides": 3}),
        ("conv1d", (1,), (2,), (0, 1), {"padding": "causal"}),
    ]
    parameters, values = [("kernel", (2, 3, 4)), ("bias", (4,))], [np.ones((2, 3, 4)), np.ones(4)]
    pair = Pair([("x", "float32", -1, (3,))], parameters, operations, (1, 2), values)
    mask = np.array([[1, 1, 1, 0, 1, 1, 0], [1, 1, 1, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0]], bool)
    pair.check_gradients([(np.random.default_rng(2).normal(size=(3, 7, 3)).astype(np.float32), mask)])


def test_ties_and_nan(rung):
    x = np.array([1, 1, np.nan, 5, -np.inf, -np.inf], np.float32)[None, :, None].repeat(18, 2)
    out, gradients = ops.vjp(ops.max_pool, x)
    np.testing.assert_array_equal(out[0, :, 0], [1, np.nan, -np.inf])
    np.testing.assert_array_equal(gradients["x"][0, :, 3], [1, 0, 1, 0, 1, 0])


def test_padding_never_changes_a_masked_result():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, 4, 3)).astype(np.float32)
    for pool in (ops.max_pool, ops.average_pool):
        alone = pool(x, 2, 1)
        padded = np.concatenate([rng.normal(size=(1, 3, 3)), x, rng.normal(size=(1, 2, 3))], 1)
        mask = np.array([[False] * 3 + [True] * 4 + [False] * 2])
        np.testing.assert_array_equal(pool(padded, 2, 1, mask=mask)[:, 3:6], alone)


@pytest.mark.parametrize("settings", [{"pool_size": 0}, {"strides": 0}, {"padding": "causal"}])
def test_misuse(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        ops.max_pool(np.zeros((1, 4, 2)), **settings)
