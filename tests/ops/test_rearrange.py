"""unflatten, repeat and permute against the reference."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops


@pytest.mark.parametrize(("name", "channels", "length"), [
    ("unflatten", 12, 3), ("unflatten", 5, 5), ("unflatten", 7, 1), ("repeat", 3, 4), ("repeat", 17, 1),
])  # fmt: skip
def test_flat_to_sequence(rung, threads, name, channels, length):
    rng = np.random.default_rng(0)
    operations = [(name, (0,), (1,), (), {"length": length}), ("global_max_pool", (1,), (2,), (), {})]
    operations += [(name, (0,), (3,), (), {"length": length})]
    pair = Pair([("x", "float32", None, (channels,))], [], operations, (1, 2, 3), [])
    pair.check_gradients([rng.normal(size=(5, channels))])


@pytest.mark.parametrize("length", [6, 9])
def test_permute(rung, threads, length):
    rng = np.random.default_rng(1)
    settings = {"length": length}
    operations = [("permute", (0,), (1,), (), settings), ("permute", (0,), (2,), (), settings)]
    pair = Pair([("x", "float32", -1, (4,))], [], operations, (1, 2), [])
    for mask in masks(3, 6, rng).values():
        if mask is not None or length == 6:
            x = rng.normal(size=(3, 6, 4))
            pair.check_gradients([x if mask is None else (x, mask)])


def test_rows_of_several_axes():
    x = np.arange(48, dtype=np.float32).reshape(2, 24)
    np.testing.assert_array_equal(ops.unflatten(x, 2, 3, 2), x.reshape(2, 2, 3, 2, 2))
    kernel = np.ones((4, 3), np.float32)
    np.testing.assert_array_equal(ops.dense(x.reshape(2, 2, 3, 4), kernel), x.reshape(2, 2, 3, 4) @ kernel)
    np.testing.assert_allclose(ops.softmax(x.reshape(2, 2, 3, 4)).sum(-1), 1, rtol=1e-6)
    with pytest.raises(ValueError, match="two at most"):
        ops.unflatten(x, 2, 3, 2, 1)


def test_misuse():
    with pytest.raises(ValueError, match="5 values are no 2 steps"):
        ops.unflatten(np.zeros((1, 5)), 2)
    with pytest.raises(ValueError, match="length = 0"):
        ops.repeat_vector(np.zeros((1, 5)), 0)
    with pytest.raises(ValueError, match=r"floats \[B, T, 2\]; expected floats, without a time axis"):
        ops.repeat_vector(np.zeros((1, 5, 2)), 3)
