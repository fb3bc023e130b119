"""layer_normalization against the reference."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops


@pytest.mark.parametrize("scale, center", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("channels", [1, 2, 16, 17, 100])
def test_parameters_and_masks(rung, threads, channels, scale, center):
    rng = np.random.default_rng(channels)
    names = ["gamma"] * scale + ["beta"] * center
    settings = {"scale": scale, "center": center, "epsilon": 1e-2}
    numbers = tuple(range(len(names)))
    parameters = [(name, (channels,)) for name in names]
    values = [rng.normal(size=channels) for _ in names]
    operation = ("layer_normalization", (0,), (1,), numbers, settings)
    pair = Pair([("x", "float32", -1, (channels,))], parameters, [operation], (1,), values)
    for mask in masks(3, 4, rng).values():
        x = (5 + rng.normal(size=(3, 4, channels))).astype(np.float32)
        pair.check_gradients([x if mask is None else (x, mask)], tolerance=5e-5)
    pair = Pair([("x", "float32", None, (channels,))], parameters, [operation], (1,), values)
    pair.check_gradients([rng.normal(size=(7, channels)).astype(np.float32)], tolerance=5e-5)


def test_a_row_far_from_zero_keeps_its_digits(rung):
    x = (1e4 + np.arange(64, dtype=np.float32) / 8)[None]
    expected = (x - x.mean(dtype=np.float64)) / np.sqrt(x.var(dtype=np.float64) + 1e-3)
    np.testing.assert_allclose(ops.layer_normalization(x), expected, rtol=2e-4, atol=2e-4)


def test_misuse():
    with pytest.raises(ValueError, match="epsilon = 0"):
        ops.layer_normalization(np.zeros((1, 2)), epsilon=0.0)
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \(2,\)"):
        ops.layer_normalization(np.zeros((1, 2)), gamma=np.ones(3))
