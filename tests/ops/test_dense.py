"""dense against the reference, on flat tensors and on sequences."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops


def dense_pair(channels, units, use_bias, spec):
    rng = np.random.default_rng(channels * 100 + units)
    values = [rng.normal(size=(channels, units))] + [rng.normal(size=units)] * use_bias
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    return Pair([spec], parameters, [("dense", (0,), (1,), tuple(range(len(values))), {})], (1,), values)


@pytest.mark.parametrize("units", [1, 2, 7, 8, 9, 15, 16, 17, 64, 65])
@pytest.mark.parametrize("channels", [1, 5, 16, 33])
@pytest.mark.parametrize("use_bias", [True, False])
def test_flat(rung, channels, units, use_bias):
    rng = np.random.default_rng(1)
    pair = dense_pair(channels, units, use_bias, ("x", "float32", None, (channels,)))
    for batch in (1, 2, 13, 30):
        pair.check_gradients([rng.normal(size=(batch, channels))])


def test_sequences_and_masks(rung, threads):
    rng = np.random.default_rng(2)
    pair = dense_pair(6, 10, True, ("x", "float32", -1, (6,)))
    for mask in masks(4, 5, rng).values():
        x = rng.normal(size=(4, 5, 6))
        pair.check_gradients([x if mask is None else (x, mask)])


def test_a_larger_one(rung, threads):
    rng = np.random.default_rng(3)
    pair = dense_pair(300, 130, True, ("x", "float32", None, (300,)))
    pair.check_gradients([rng.normal(size=(130, 300))], tolerance=2e-5)


def test_two_layers_share_one_kernel():
    rng = np.random.default_rng(4)
    values = [rng.normal(size=(5, 5)), rng.normal(size=5)]
    operations = [("dense", (0,), (1,), (0, 1), {}), ("dense", (1,), (2,), (0, 1), {})]
    pair = Pair(
        [("x", "float32", None, (5,))], [("kernel", (5, 5)), ("bias", (5,))], operations, (2, 1), values
    )
    pair.check_gradients([rng.normal(size=(3, 5))])


def test_refused_shapes():
    with pytest.raises(ValueError):
        ops.dense(np.zeros((2, 3)), np.zeros((4, 5)))
    with pytest.raises(ValueError):
        ops.dense(np.zeros((2, 3)), np.zeros((3, 5)), bias=np.zeros(3))
