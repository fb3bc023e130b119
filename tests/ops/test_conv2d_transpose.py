"""conv2d_transpose against the reference: strides, dilation, padding, output padding, odd sizes; alone, as
ops.conv_transpose, and what it refuses."""

import numpy as np
import pytest
from comparison import Pair

from embedcnn import ops
from embedcnn.base.transposed_windows import transposed_windows

SETTINGS = [
    ((1, 1), (1, 1), None),
    ((2, 2), (1, 1), None),
    ((3, 1), (1, 1), None),
    ((2, 3), (1, 1), (1, 2)),
    ((1, 1), (2, 3), None),
    ((2, 2), (1, 1), (0, 1)),
]


def check(size, kernel, strides, dilation, more, padding, bias=True, images=2, tolerance=1e-5, **attributes):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=kernel)] + [rng.normal(size=kernel[2])] * bias
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    settings = transposed_windows(size[:2], kernel[:2], strides, padding, more, dilation) | attributes
    operations = [("conv2d_transpose", (0,), (1,), tuple(range(len(values))), settings)]
    pair = Pair([("x", "float32", None, size)], parameters, operations, (1,), values)
    pair.check_gradients([rng.normal(size=(images, *size))], tolerance=tolerance)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("strides", "dilation", "more"), SETTINGS)
def test_settings(rung, threads, strides, dilation, more, padding):
    for kernel in [(1, 1), (2, 3), (3, 3), (5, 4)]:
        if more and padding == "same" and min(kernel) < 2:
            continue
        check((4, 5, 3), (*kernel, 5, 3), strides, dilation, more, padding)


@pytest.mark.parametrize("filters", [1, 7, 16, 17, 33])
@pytest.mark.parametrize("channels", [1, 8, 17])
def test_channels_around_the_vector_width(rung, channels, filters):
    for bias in (True, False):
        check((3, 4, channels), (3, 3, filters, channels), (2, 2), (1, 1), None, "same", bias)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_larger_one_with_an_activation(rung, threads, activation):
    check((13, 18, 20), (4, 3, 24, 20), (2, 2), (1, 1), None, "same", True, 3, 5e-5, activation=activation)


def test_conv_transpose_by_keras_s_name():
    rng = np.random.default_rng(6)
    x, kernel = rng.normal(size=(2, 4, 5, 3)), rng.normal(size=(3, 3, 6, 3))
    expected = ops.conv2d_transpose(x, kernel, strides=(2, 1), padding="same")
    np.testing.assert_array_equal(ops.conv_transpose(x, kernel, (2, 1), "same"), expected)
    x, kernel = rng.normal(size=(2, 4, 3)), rng.normal(size=(3, 6, 3))
    expected = ops.conv2d_transpose(x[:, None], kernel[None], strides=(1, 2), output_padding=(0, 1))
    np.testing.assert_array_equal(ops.conv_transpose(x, kernel, 2, output_padding=1), expected[:, 0])


@pytest.mark.parametrize(("changes", "message"), [
    ({"strides": 2, "dilation_rate": 2}, "exclude each other"),
    ({"strides": 2, "output_padding": 2}, "`output_padding` must be from 0 to strides - 1"),
    ({"output_padding": (0, 0, 0)}, "`output_padding` must be an integer or two"),
    ({"strides": -1}, "`strides` must be a positive integer"),
    ({"padding": "full"}, "padding='full' is unknown"),
])  # fmt: skip
def test_refused_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        ops.conv2d_transpose(np.zeros((1, 5, 5, 4)), np.zeros((2, 3, 3, 4)), **changes)


def test_refused_shapes():
    with pytest.raises(ValueError, match=r"the shape \(2, 2, 3, 3\); expected \(any, any, any, 4\)"):
        ops.conv2d_transpose(np.zeros((1, 5, 5, 4)), np.zeros((2, 2, 3, 3)))
    with pytest.raises(ValueError, match=r"allowed is \[B, H, W, C\]"):
        ops.conv2d_transpose(np.zeros((5, 5, 4)), np.zeros((2, 2, 3, 4)))
