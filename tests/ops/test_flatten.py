"""flatten against the reference."""

import numpy as np
import pytest
from comparison import Pair, masks, ragged

from embedcnn import _core


@pytest.mark.parametrize("channels", [1, 17])
def test_masks(rung, threads, channels):
    rng = np.random.default_rng(channels)
    operations = [("flatten", (0,), (1,), (), {"length": 6}), ("dense", (1,), (2,), (0,), {})]
    kernel = rng.normal(size=(6 * channels, 3))
    pair = Pair([("x", "float32", -1, (channels,))], [("kernel", kernel.shape)], operations, (2,), [kernel])
    for mask in masks(4, 6, rng).values():
        x = rng.normal(size=(4, 6, channels)).astype(np.float32)
        pair.check_gradients([x if mask is None else (x, mask)])


def test_a_ragged_batch_fills_up_with_zeros(rung):
    operations = [
        ("lookup", (0,), (1,), (0,), {}),
        ("embed", (1,), (2,), (), {}),
        ("flatten", (2,), (3,), (), {"length": 4}),
    ]
    program = _core.Program([("x", "int32", -1, ())], [("table", (5, 2))], operations, (3,))
    program.bind(0, np.arange(10, dtype=np.float32).reshape(5, 2), False, [], np.zeros(1, np.int64))
    out = program.forward([ragged([[1, 2], [], [4]])])[0]
    np.testing.assert_array_equal(out, [[2, 3, 4, 5, 0, 0, 0, 0], [0] * 8, [8, 9, 0, 0, 0, 0, 0, 0]])
    with pytest.raises(ValueError, match="5 steps long; the model was built for 4"):
        program.forward([ragged([[1, 2, 3, 4, 1]])])
    with pytest.raises(ValueError, match="3 steps long; the model was built for 4"):
        program.forward([np.zeros((2, 3), np.int32)])
