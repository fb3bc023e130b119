"""depthwise_conv2d against the reference: settings, multipliers, odd sizes, activations."""

import numpy as np
import pytest
from comparison import Pair

from embedcnn import ops

SETTINGS = [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((3, 2), (1, 1)), ((1, 1), (2, 3)), ((5, 4), (1, 1))]


def twice(shape, arrays, settings):
    """The operation two times over the same weights: the second adds to the gradients of the first."""
    parameters = [(f"p{number}", array.shape) for number, array in enumerate(arrays)]
    numbers = tuple(range(len(arrays)))
    operations = [("depthwise_conv2d", (0,), (1,), numbers, settings)]
    operations += [("depthwise_conv2d", (0,), (2,), numbers, settings)]
    return Pair([("x", "float32", None, shape[1:])], parameters, operations, (1, 2), arrays)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("strides", "dilation"), SETTINGS)
@pytest.mark.parametrize("multiplier", [1, 3])
def test_settings(rung, threads, padding, strides, dilation, multiplier):
    rng = np.random.default_rng(0)
    settings = {"stride_rows": strides[0], "stride_cols": strides[1], "padding": padding}
    settings |= {"dilation_rows": dilation[0], "dilation_cols": dilation[1]}
    for shape, size, use_bias in [((2, 5, 11, 3), (1, 1), False), ((1, 7, 8, 18), (3, 3), True)]:
        arrays = [rng.normal(size=(*size, shape[3], multiplier))]
        arrays += [rng.normal(size=shape[3] * multiplier)] * use_bias
        twice(shape, arrays, settings).check_gradients([rng.normal(size=shape)])


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "relu6"])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_activations(threads, activation, multiplier):
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=(2, 3, 5, multiplier)), rng.normal(size=5 * multiplier)]
    settings = {"activation": activation, "padding": "same"}
    twice((2, 4, 6, 5), arrays, settings).check_gradients([rng.normal(size=(2, 4, 6, 5))])


def test_many_bands(threads):
    """Images so large that a band is a part of one, and so many that parts have several bands."""
    rng = np.random.default_rng(2)
    for shape, strides in [((1, 40, 50, 33), (3, 1)), ((70, 6, 5, 2), (1, 1))]:
        arrays = [rng.normal(size=(3, 3, shape[3], 1)), rng.normal(size=shape[3])]
        settings = {"stride_rows": strides[0], "stride_cols": strides[1], "activation": "relu"}
        twice(shape, arrays, settings).check_gradients([rng.normal(size=shape)], tolerance=2e-5)


def test_a_kernel_larger_than_the_image(rung):
    rng = np.random.default_rng(3)
    for size in [(5, 7), (9, 2)]:
        arrays = [rng.normal(size=(*size, 4, 1)), rng.normal(size=4)]
        twice((2, 3, 4, 4), arrays, {"padding": "same"}).check_gradients([rng.normal(size=(2, 3, 4, 4))])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"strides": 2, "dilation_rate": 2},
            "strides = (2, 2), dilation_rate = (2, 2); one of both must be 1",
        ),
        ({"strides": 0}, "`strides` must be a positive integer"),
        ({"padding": "causal"}, "padding"),
        ({"dilation_rate": 4}, "images of 4 x 4 are smaller than a window"),
        ({"kernel": np.zeros((2, 2, 3, 1))}, "expected (any, any, 2, any)"),
        ({"kernel": np.zeros((2, 2, 2))}, "4 dimensions"),
        ({"bias": np.zeros(2)}, "shape (2,); expected (6,)"),
        ({"x": np.zeros((4, 4, 2))}, "allowed is [B, H, W, C]"),
    ],
)
def test_misuse(settings, message):
    given = {"x": np.zeros((1, 4, 4, 2)), "kernel": np.zeros((2, 2, 2, 3)), **settings}
    with pytest.raises(ValueError) as error:
        ops.depthwise_conv2d(**given)
    assert message in str(error.value)
