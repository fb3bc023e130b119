"""max_pool2d and average_pool2d against the reference."""

import numpy as np
import pytest
from comparison import Pair

from embedcnn import ops

POOLS = ["max_pool2d", "average_pool2d"]
WINDOWS = [((2, 2), (2, 2)), ((3, 2), (1, 2)), ((1, 1), (2, 3)), ((3, 3), (2, 2)), ((4, 5), (5, 4))]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size, strides", WINDOWS)
def test_windows(rung, threads, pool, padding, size, strides):
    rng = np.random.default_rng(sum(size))
    settings = {"pool_rows": size[0], "pool_cols": size[1], "padding": padding}
    settings |= {"stride_rows": strides[0], "stride_cols": strides[1]}
    for shape in [(1, 4, 5, 1), (2, 7, 6, 17), (1, 5, 9, 3)]:
        # a second operation adds to the gradient of the first
        operations = [(pool, (0,), (1,), (), settings), (pool, (0,), (2,), (), settings)]
        pair = Pair([("x", "float32", None, shape[1:])], [], operations, (1, 2), [])
        pair.check_gradients([rng.integers(-3, 3, shape).astype(np.float32)])  # with ties


def test_a_batch_has_the_bits_of_its_images(threads):
    x = np.random.default_rng(0).normal(size=(5, 30, 31, 9)).astype(np.float32)
    for pool in (ops.max_pool, ops.average_pool):
        alone = np.concatenate([pool(x[b : b + 1], (30, 31)) for b in range(5)])
        np.testing.assert_array_equal(pool(x, (30, 31)), alone)


def test_ties_and_nan(rung):
    image = np.array([[1, 1, np.nan, 5], [0, 1, 7, np.nan]], np.float32)[None, :, :, None].repeat(18, 3)
    out, gradients = ops.vjp(ops.max_pool, image)
    np.testing.assert_array_equal(out[0, 0, :, 0], [1, np.nan])
    np.testing.assert_array_equal(gradients["x"][0, :, :, 17], [[1, 0, 1, 0], [0, 0, 0, 0]])


def test_a_mean_over_many_pixels_keeps_its_digits():
    x = np.random.default_rng(0).uniform(0, 1, (1, 200, 200, 3)).astype(np.float32)
    np.testing.assert_allclose(ops.average_pool(x, 200)[0, 0, 0], x.astype(np.float64).mean((0, 1, 2)), 3e-7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pool_size": 0}, "`pool_size` must be a positive integer"),
        ({"pool_size": (1, 2, 3)}, "one integer or two"),
        ({"strides": (1, 0)}, "`strides` must be a positive integer"),
        ({"padding": "causal"}, "padding"),
        ({"pool_size": (5, 1)}, "images of 4 x 4 are smaller than a window"),
        ({"pool_size": 2**63 - 1, "strides": 1, "padding": "same"}, "both must be in"),
    ],
)
def test_misuse(settings, message):
    with pytest.raises(ValueError, match=message):
        ops.max_pool(np.zeros((1, 4, 4, 2)), **settings)
