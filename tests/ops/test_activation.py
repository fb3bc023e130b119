"""activation and softmax against the reference, on every kind of tensor."""

import numpy as np
import pytest
import reference
from comparison import Pair, masks

from embedcnn import ops

NAMES = list(reference.ACTIVATIONS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 7, 8, 9, 16, 17, 50])
def test_activation(rung, name, channels):
    rng = np.random.default_rng(channels)
    pair = Pair(
        [("x", "float32", None, (channels,))],
        [],
        [("activation", (0,), (1,), (), {"activation": name})],
        (1,),
        [],
    )
    for batch in (1, 3, 20):
        pair.check_gradients([rng.normal(size=(batch, channels)) * 4])


@pytest.mark.parametrize("name", NAMES)
def test_masked_positions_stay_zero(rung, threads, name):
    rng = np.random.default_rng(1)
    operations = [("activation", (0,), (1,), (), {"activation": name})]
    pair = Pair([("x", "float32", -1, (5,))], [], operations, (1,), [])
    for mask in masks(4, 6, rng).values():
        x = rng.normal(size=(4, 6, 5))
        pair.check_gradients([x if mask is None else (x, mask)])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "exponential"])
def test_far_values(rung, name):
    x = np.array([[-1e30, -200, -90, -20, -1e-20, 0, 1e-20, 20, 90, 200, 1e30]], np.float32)
    got, expected = ops.activation(x, name), reference.activation(x.astype(np.float64), name)[0]
    np.testing.assert_allclose(got, expected.astype(np.float32), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays(rung, name):
    assert np.isnan(ops.activation(np.full((1, 17), np.nan), name)).all()


def test_an_unknown_activation():
    with pytest.raises(ValueError, match="activation"):
        ops.activation(np.zeros((1, 1)), "cube")


@pytest.mark.parametrize("channels", [1, 2, 7, 8, 9, 16, 17, 50])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(rung, threads, channels, name):
    rng = np.random.default_rng(channels)
    pair = Pair([("x", "float32", None, (channels,))], [], [(name, (0,), (1,), (), {})], (1,), [])
    pair.check_gradients([rng.normal(size=(9, channels)) * 5])
    pair.check_gradients([rng.normal(size=(2, channels)) + 1000])
    pair = Pair([("x", "float32", -1, (channels,))], [], [(name, (0,), (1,), (), {})], (1,), [])
    for mask in masks(3, 4, rng).values():
        x = rng.normal(size=(3, 4, channels))
        pair.check_gradients([x if mask is None else (x, mask)])


def test_softmax_of_nan_is_nan(rung):
    x = np.zeros((2, 5))
    x[1, 3] = np.nan
    assert np.isnan(ops.softmax(x)).any(1).tolist() == [False, True]
