"""unit_normalization against the reference."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops


@pytest.mark.parametrize("channels", [1, 7, 16, 50])
def test_rows(rung, threads, channels):
    rng = np.random.default_rng(channels)
    operations = [("unit_normalization", (0,), (1,), (), {})]
    pair = Pair([("x", "float32", None, (channels,))], [], operations, (1,), [])
    x = rng.normal(size=(6, channels))
    x[2] = 0
    pair.check_gradients([x])
    pair = Pair([("x", "float32", -1, (channels,))], [], operations, (1,), [])
    for mask in masks(3, 4, rng).values():
        x = rng.normal(size=(3, 4, channels))
        pair.check_gradients([x if mask is None else (x, mask)])


def test_zeros_and_nan(rung):
    out, gradients = ops.vjp(ops.unit_normalization, [[0.0, 0.0], [np.nan, 1.0]])
    np.testing.assert_array_equal(out, [[0, 0], [np.nan, np.nan]])
    assert gradients["x"][0].tolist() == [0, 0]
