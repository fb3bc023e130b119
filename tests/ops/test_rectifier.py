"""rectifier against the reference: settings, alpha of every shape, masks."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops

SETTINGS = [{}, {"slope": 0.3}, {"max_value": 1.5}, {"slope": -0.2, "threshold": 0.5, "max_value": 2.0}]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("channels", [1, 17])
def test_settings(rung, threads, settings, channels):
    rng = np.random.default_rng(channels)
    operations = [("rectifier", (0,), (1,), (), settings)]
    pair = Pair([("x", "float32", None, (channels,))], [], operations, (1,), [])
    pair.check_gradients([2 * rng.normal(size=(9, channels))])
    pair = Pair([("x", "float32", -1, (channels,))], [], operations, (1,), [])
    for mask in masks(3, 5, rng).values():
        x = rng.normal(size=(3, 5, channels))
        pair.check_gradients([x if mask is None else (x, mask)])


@pytest.mark.parametrize("shape", [(19,), (1, 19), (6, 19)])
def test_alpha(rung, threads, shape):
    rng = np.random.default_rng(1)
    flat = len(shape) == 1
    inputs = [("x", "float32", None, (19,)) if flat else ("x", "float32", -1, (19,))]
    operations = [("rectifier", (0,), (1,), (0,), {}), ("rectifier", (1,), (2,), (0,), {})]
    pair = Pair(inputs, [("alpha", shape)], operations, (1, 2), [rng.normal(size=shape)])
    if flat:
        pair.check_gradients([rng.normal(size=(30, 19))])
        return
    for mask in masks(4, 6, rng).values():
        x = rng.normal(size=(4, 6, 19))
        pair.check_gradients([x if mask is None else (x, mask)])


def test_misuse():
    with pytest.raises(ValueError, match="max_value = 0"):
        ops.rectifier(np.zeros((1, 2)), max_value=0.0)
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \(2,\)"):
        ops.rectifier(np.zeros((1, 2)), alpha=np.zeros(3))
    with pytest.raises(ValueError, match="5 steps long; alpha was made for 4"):
        ops.rectifier(np.zeros((1, 5, 2)), alpha=np.zeros((4, 2)))
    assert np.isnan(ops.rectifier([[np.nan]])).all()
