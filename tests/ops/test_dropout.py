"""dropout: exactly the reference's mask, whatever the padding, the threads or the instruction set."""

import numpy as np
import pytest
import reference
from comparison import Pair, masks

from embedcnn import ops


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("channels", [1, 7, 8, 9, 16, 17, 40])
def test_flat(rung, threads, rate, channels):
    x = np.random.default_rng(0).normal(size=(6, channels)).astype(np.float32) + 10
    for seed, step, layer in [(0, 0, 0), (1, 7, 2), (2**63 + 5, 2**40, 31)]:
        got = ops.dropout(x, rate, seed=seed, step=step, layer=layer)
        scale = reference.dropout_scale(x.shape, rate, seed, step, layer)
        np.testing.assert_array_equal(got == 0, scale == 0)
        np.testing.assert_allclose(got, x * scale, rtol=3e-7)


def test_gradients_and_masks(rung, threads):
    rng = np.random.default_rng(1)
    operations = [("dropout", (0,), (1,), (), {"rate": 0.4, "layer": 3})]
    pair = Pair([("x", "float32", -1, (9,))], [], operations, (1,), [], seed=12)
    for step, mask in enumerate(masks(5, 7, rng).values()):
        x = rng.normal(size=(5, 7, 9))
        pair.check_gradients([x if mask is None else (x, mask)], step=step)


def test_whole_channels(rung, threads):
    rng = np.random.default_rng(3)
    settings = {"rate": 0.5, "layer": 1, "shared_axes": 2}
    pair = Pair([("x", "float32", -1, (40,))], [], [("dropout", (0,), (1,), (), settings)], (1,), [], seed=4)
    for step, mask in enumerate(masks(3, 5, rng).values()):
        x = 10 + rng.normal(size=(3, 5, 40))
        (out,), _ = pair.check_gradients([x if mask is None else (x, mask)], step=step)
        dropped = (out == 0) if mask is None else (out == 0) | ~mask[:, :, None]
        for text in range(3):
            steps = dropped[text][[True] * 5 if mask is None else mask[text]]
            assert (steps == steps[:1]).all()


@pytest.mark.parametrize("shared_axes", [1, 3, 4, 5, 6, 7])
def test_values_that_are_dropped_together(rung, threads, shared_axes):
    rng = np.random.default_rng(4)
    settings = {"rate": 0.5, "layer": 1, "shared_axes": shared_axes}
    operations = [("dropout", (0,), (1,), (), settings), ("concatenate", (1, 0), (2,), (), {})]
    pair = Pair([("x", "float32", -1, (9,))], [], operations, (2,), [], seed=4)
    for step, mask in enumerate(masks(3, 5, rng).values()):
        x = 10 + rng.normal(size=(3, 5, 9))
        pair.check_gradients([x if mask is None else (x, mask)], step=step)
    pair = Pair(
        [("x", "float32", None, (9,))],
        [],
        [("dropout", (0,), (1,), (), settings | {"shared_axes": shared_axes & 3})],
        (1,),
        [],
    )
    pair.check_gradients([10 + rng.normal(size=(6, 9))])


def test_identity_when_not_training():
    x = np.random.default_rng(2).normal(size=(3, 5)).astype(np.float32)
    pair = Pair(
        [("x", "float32", None, (5,))], [], [("dropout", (0,), (1,), (), {"rate": 0.5, "layer": 0})], (1,), []
    )
    np.testing.assert_array_equal(pair.core.forward([x], training=False)[0], x)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_refused_rates(rate):
    with pytest.raises(ValueError, match="rate"):
        ops.dropout(np.zeros((1, 2)), rate)
