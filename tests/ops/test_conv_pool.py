"""conv_pool against the reference, in all settings and mask patterns, and against what it stands for."""

import numpy as np
import pytest
import reference
from comparison import Pair, clear_winners, masks

from embedcnn import ops


def pool_pair(taps, channels, filters, use_bias=True, trainable=True, **attributes):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(taps, channels, filters))] + [rng.normal(size=filters)] * use_bias
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    operations = [("conv_pool", (0,), (1,), tuple(range(len(values))), attributes)]
    return Pair(
        [("x", "float32", -1, (channels,))], parameters, operations, (1,), values, trainable=trainable
    )


def check(pair, x, **attributes):
    """Outputs always; gradients where no rounding can change a winner."""
    values, mask = x if isinstance(x, tuple) else (x, None)
    found = reference.sequence(np.asarray(values, np.float64), mask)
    if clear_winners(found, *pair.reference.values, **attributes):
        pair.check_gradients([x])
        return 1
    pair.check_forward([x], training=True)
    return 0


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
def test_settings_and_masks(rung, threads, padding, strides, activation):
    rng = np.random.default_rng(1)
    compared = 0
    for taps in (1, 2, 3, 5):
        pair = pool_pair(taps, 3, 5, strides=strides, padding=padding, activation=activation)
        for batch, width in [(1, 1), (2, 4), (3, 9)]:
            for name, mask in masks(batch, width, rng).items():
                if name == "none" and padding == "valid" and width < taps:
                    continue
                x = rng.normal(size=(batch, width, 3)).astype(np.float32)
                x = x if mask is None else (x, mask)
                compared += check(pair, x, strides=strides, padding=padding)
    assert compared >= 20, "too few cases with clear winners"


@pytest.mark.parametrize("filters", [1, 7, 15, 16, 17, 33, 65])
@pytest.mark.parametrize("channels", [1, 4, 16, 17])
def test_sizes_around_the_vector_width(rung, channels, filters):
    rng = np.random.default_rng(2)
    for use_bias in (True, False):
        pair = pool_pair(3, channels, filters, use_bias, padding="valid")
        check(pair, rng.normal(size=(3, 8, channels)).astype(np.float32), padding="valid")


def test_more_windows_than_are_multiplied_at_once(rung, threads):
    """Texts of 57 to 130 windows, over more than one block of the depth."""
    rng = np.random.default_rng(3)
    pair = pool_pair(5, 110, 20, strides=1)
    got, expected = pair.check_forward([rng.normal(size=(3, 134, 110)).astype(np.float32)], tolerance=1e-5)
    assert got[0].shape == expected[0].shape == (3, 20)
    pair = pool_pair(2, 3, 4)
    assert check(pair, rng.normal(size=(2, 61, 3)).astype(np.float32))


@pytest.mark.parametrize("trainable", [[False, True], [True, False], [False, False]])
def test_what_is_frozen(trainable):
    pair = pool_pair(2, 4, 6, trainable=trainable)
    assert check(pair, np.random.default_rng(4).normal(size=(3, 6, 4)).astype(np.float32))


def test_it_equals_the_operations_it_stands_for(rung):
    rng = np.random.default_rng(5)
    x, kernel, bias = rng.normal(size=(4, 12, 6)), rng.normal(size=(3, 6, 7)), rng.normal(size=7)
    for settings in ({"strides": 2}, {"padding": "causal"}, {"padding": "same"}):
        convolved = ops.conv1d(x, kernel, bias, **settings)
        expected = ops.global_max_pool(ops.activation(convolved, "relu"))
        got = ops.conv_pool(x, kernel, bias, activation="relu", **settings)
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5)


def test_nan_wins():
    x = np.array([[[1.0], [np.nan], [2.0]]], np.float32)
    assert np.isnan(ops.conv_pool(x, np.ones((1, 1, 1)))).all()


def test_a_text_that_is_too_short():
    with pytest.raises(ValueError, match="2 tokens long; a kernel that reaches over 3"):
        ops.conv_pool(np.zeros((1, 2, 4)), np.zeros((3, 4, 5)))
