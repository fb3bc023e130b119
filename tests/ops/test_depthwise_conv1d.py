"""depthwise_conv1d against the reference: settings, multipliers, masks."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("multiplier", [1, 3])
def test_settings_and_masks(rung, threads, padding, strides, dilation, multiplier):
    rng = np.random.default_rng(0)
    settings = {"strides": strides, "dilation_rate": dilation, "padding": padding}
    for taps, channels, use_bias in [(1, 5, False), (3, 70, True)]:
        arrays = [rng.normal(size=(taps, channels, multiplier))]
        arrays += [rng.normal(size=channels * multiplier)] * use_bias
        parameters = [(f"p{number}", array.shape) for number, array in enumerate(arrays)]
        numbers = tuple(range(len(arrays)))
        operations = [("depthwise_conv1d", (0,), (1,), numbers, settings)]
        operations += [("depthwise_conv1d", (0,), (2,), numbers, settings)]
        pair = Pair([("x", "float32", -1, (channels,))], parameters, operations, (1, 2), arrays)
        for mask in masks(3, 7, rng).values():
            x = rng.normal(size=(3, 7, channels))
            pair.check_gradients([x if mask is None else (x, mask)])


def test_misuse():
    x = np.zeros((1, 4, 2))
    for settings in ({"strides": 2, "dilation_rate": 2}, {"strides": 0}, {"padding": "full"}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            ops.depthwise_conv1d(x, np.zeros((2, 2, 1)), **settings)
    with pytest.raises(ValueError, match=r"expected \(any, 2, any\)"):
        ops.depthwise_conv1d(x, np.zeros((2, 3, 1)))
    with pytest.raises(ValueError, match=r"shape \(2,\); expected \(6,\)"):
        ops.depthwise_conv1d(x, np.zeros((2, 2, 3)), bias=np.zeros(2))
    with pytest.raises(ValueError, match="4 tokens long"):
        ops.depthwise_conv1d(x, np.zeros((5, 2, 1)))
