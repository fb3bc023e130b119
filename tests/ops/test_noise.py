"""noise against the reference, and what its numbers depend on."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops


@pytest.mark.parametrize("multiply", [False, True])
def test_numbers_and_gradients(rung, threads, multiply):
    rng = np.random.default_rng(0)
    operations = [("noise", (0,), (1,), (), {"deviation": 0.7, "layer": 3, "multiply": multiply})]
    operations += [("noise", (0,), (2,), (), {"deviation": 0.2, "layer": 4, "multiply": multiply})]
    pair = Pair([("x", "float32", -1, (5,))], [], operations, (1, 2), [], seed=11)
    for mask in masks(3, 4, rng).values():
        x = rng.normal(size=(3, 4, 5))
        pair.check_gradients([x if mask is None else (x, mask)], step=7)
        pair.check_forward([x if mask is None else (x, mask)])
    pair = Pair([("x", "float32", None, (9,))], [], operations, (1, 2), [], seed=11)
    pair.check_gradients([rng.normal(size=(6, 9))], step=2)


def test_statistics_and_keys():
    x = np.zeros((200, 100), np.float32)
    one = ops.noise(x, 1.5)
    assert abs(one.mean()) < 0.05 and abs(one.std() - 1.5) < 0.05
    assert (ops.noise(x, 1.5) == one).all()
    for changed in ({"seed": 1}, {"step": 1}, {"layer": 1}):
        assert (ops.noise(x, 1.5, **changed) != one).mean() > 0.99


def test_misuse():
    for deviation in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="deviation"):
            ops.noise(np.zeros((1, 1)), deviation)
