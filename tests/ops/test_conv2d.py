"""conv2d against the reference: odd sizes, every stride, dilation and padding, groups, sizes around the
vector width; alone, as ops.conv, and what it refuses."""

import numpy as np
import pytest
from comparison import Pair

import embedcnn
from embedcnn import ops

SETTINGS = [((1, 1), (1, 1)), ((2, 2), (1, 1)), ((3, 1), (1, 1)), ((1, 2), (1, 1)), ((1, 1), (2, 3))]


def conv_pair(size, kernel, bias=True, trainable=True, seed=0, **attributes):
    """`size` of an image and shape of the kernel."""
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=kernel)] + [rng.normal(size=kernel[3])] * bias
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    operations = [("conv2d", (0,), (1,), tuple(range(len(values))), attributes)]
    return Pair([("x", "float32", None, size)], parameters, operations, (1,), values, trainable)


def settings(strides, dilation, padding):
    names = ("stride_rows", "stride_cols", "dilation_rows", "dilation_cols")
    return {**dict(zip(names, (*strides, *dilation), strict=True)), "padding": padding}


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("strides", "dilation"), SETTINGS)
def test_settings(rung, threads, strides, dilation, padding):
    rng = np.random.default_rng(0)
    for kernel in [(1, 1), (2, 3), (3, 3), (5, 2)]:
        for size in [(5, 7), (9, 8)]:
            given = settings(strides, dilation, padding)
            wide = [(taps - 1) * rate + 1 for taps, rate in zip(kernel, dilation, strict=True)]
            if padding == "valid" and (size[0] < wide[0] or size[1] < wide[1]):
                continue
            conv_pair((*size, 3), (*kernel, 3, 5), **given).check_gradients([rng.normal(size=(2, *size, 3))])


@pytest.mark.parametrize("filters", [1, 7, 8, 16, 17, 33])
@pytest.mark.parametrize("channels", [1, 3, 8, 16, 17])
def test_channels_around_the_vector_width(rung, channels, filters):
    rng = np.random.default_rng(1)
    for bias in (True, False):
        pair = conv_pair((5, 6, channels), (3, 3, channels, filters), bias, padding="same")
        pair.check_gradients([rng.normal(size=(2, 5, 6, channels))])


@pytest.mark.parametrize(("groups", "channels", "filters"), [(2, 6, 10), (3, 3, 6), (5, 5, 5), (2, 34, 36)])
def test_groups(rung, threads, groups, channels, filters):
    rng = np.random.default_rng(2)
    for given in (settings((1, 1), (1, 1), "same"), settings((2, 2), (1, 1), "valid")):
        pair = conv_pair((6, 5, channels), (3, 2, channels // groups, filters), groups=groups, **given)
        pair.check_gradients([rng.normal(size=(3, 6, 5, channels))])


def test_a_larger_one(rung, threads):
    rng = np.random.default_rng(3)
    pair = conv_pair((19, 33, 20), (3, 3, 20, 40), padding="same")
    pair.check_gradients([rng.normal(size=(3, 19, 33, 20))], tolerance=2e-5)


def test_one_and_no_image_of_one_pixel(rung):
    rng = np.random.default_rng(4)
    pair = conv_pair((1, 1, 4), (3, 3, 4, 2), padding="same")
    pair.check_gradients([rng.normal(size=(1, 1, 1, 4))])


def test_what_does_not_learn_and_what_is_added():
    """Two convolutions share kernel and input; a third alone does not learn."""
    rng = np.random.default_rng(5)
    values = [rng.normal(size=(3, 3, 4, 4)), rng.normal(size=4)]
    operations = [
        ("conv2d", (0,), (1,), (0, 1), {"padding": "same"}),
        ("conv2d", (1,), (2,), (0, 1), {"padding": "same"}),
        ("conv2d", (0,), (3,), (0,), {"padding": "valid"}),
    ]
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    for trainable in ([True, True], [False, True], [True, False], [False, False]):
        inputs = [("x", "float32", None, (6, 7, 4))]
        pair = Pair(inputs, parameters, operations, (1, 2, 3), values, trainable)
        pair.check_gradients([rng.normal(size=(2, 6, 7, 4))])


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "elu", "leaky_relu", "softplus"])
def test_activations(rung, threads, activation):
    rng = np.random.default_rng(7)
    for groups in (1, 2):
        kernel = (3, 2, 4 // groups, 6)
        pair = conv_pair((6, 7, 4), kernel, activation=activation, groups=groups, padding="same")
        pair.check_gradients([rng.normal(size=(2, 6, 7, 4))])


def test_strides_beyond_the_kernel(rung):
    """Pixels that no window reads have no gradient."""
    rng = np.random.default_rng(8)
    for size, strides in [((1, 1), (3, 2)), ((2, 1), (4, 3))]:
        for padding in ("valid", "same"):
            pair = conv_pair((7, 8, 3), (*size, 3, 5), **settings(strides, (1, 1), padding))
            pair.check_gradients([rng.normal(size=(2, 7, 8, 3))])


def test_many_bands_and_sums(rung):
    """One image of many bands; many small images; a kernel so large that there are few sums."""
    rng = np.random.default_rng(9)
    for images, size, kernel in [(1, (34, 18, 40), (3, 3, 40, 96)), (40, (4, 4, 3), (2, 2, 3, 4))]:
        pair = conv_pair(size, kernel, padding="same")
        pair.check_gradients([rng.normal(size=(images, *size))], tolerance=5e-5)
    pair = conv_pair((2, 3, 320), (2, 2, 320, 520))
    pair.check_gradients([rng.normal(size=(2, 2, 3, 320))], tolerance=2e-5)


def test_the_bits_are_those_of_one_thread():
    rng = np.random.default_rng(10)
    x = rng.normal(size=(5, 23, 31, 12)).astype(np.float32)
    kernel, bias = rng.normal(size=(3, 3, 12, 40)), rng.normal(size=40)
    for arguments in ({"padding": "same"}, {"strides": 2}, {"dilation_rate": (1, 2)}):
        found = []
        for count in (1, 2, 3, 8):
            embedcnn.set_num_threads(count)
            try:
                out, gradients = ops.vjp(ops.conv2d, x, kernel, bias, **arguments)
            finally:
                embedcnn.set_num_threads(0)
            found.append([out, *gradients])
        for others in found[1:]:
            for one, other in zip(found[0], others, strict=True):
                np.testing.assert_array_equal(one, other)


def test_conv_by_keras_s_name():
    rng = np.random.default_rng(6)
    x, kernel = rng.normal(size=(2, 6, 7, 4)), rng.normal(size=(3, 3, 2, 6))
    expected = ops.conv2d(x, kernel, strides=(2, 1), padding="same", groups=2)
    np.testing.assert_array_equal(ops.conv(x, kernel, (2, 1), "same"), expected)
    x, kernel = rng.normal(size=(2, 6, 4)), rng.normal(size=(3, 4, 6))
    np.testing.assert_array_equal(ops.conv(x, kernel, [2]), ops.conv1d(x, kernel, strides=2))


@pytest.mark.parametrize(("changes", "message"), [
    ({"strides": 2, "dilation_rate": 2}, r"strides = \(2, 2\), dilation_rate = \(2, 2\); one of both"),
    ({"strides": 0}, "`strides` must be a positive integer"),
    ({"strides": (1, 2, 3)}, "`strides` must be one integer or two"),
    ({"padding": "causal"}, "padding"),
    ({"groups": 3}, "groups = 3 does not divide the 4 channels"),
    ({"dilation_rate": 3}, r"images of 5 x 5 are smaller than a window, which reaches over 4 x 7"),
])  # fmt: skip
def test_refused_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        ops.conv2d(np.zeros((1, 5, 5, 4)), np.zeros((2, 3, 4, 3)), **changes)


def test_refused_shapes():
    x = np.zeros((1, 5, 5, 4))
    with pytest.raises(ValueError, match=r"x has shape \(5, 5, 4\); allowed is \[B, H, W, C\]"):
        ops.conv2d(x[0], np.zeros((2, 2, 4, 3)))
    with pytest.raises(ValueError, match=r"the shape \(2, 2, 3, 3\); expected \(any, any, 4, any\)"):
        ops.conv2d(x, np.zeros((2, 2, 3, 3)))
    with pytest.raises(ValueError, match="groups = 2 does not divide the 3 filters"):
        ops.conv2d(x, np.zeros((2, 2, 2, 3)), groups=2)
    with pytest.raises(ValueError, match=r"the shape \(4,\); expected \(3,\)"):
        ops.conv2d(x, np.zeros((2, 2, 4, 3)), np.zeros(4))
    with pytest.raises(ValueError, match="both have 3 axes"):
        ops.conv(x, np.zeros((2, 4, 3)))
    with pytest.raises(ValueError, match="channels_last"):
        ops.conv(x, np.zeros((2, 2, 4, 3)), data_format="channels_first")


def test_nan_shows_where_it_is_read():
    x = np.zeros((1, 4, 4, 1), np.float32)
    x[0, 1, 2] = np.nan
    out = ops.conv2d(x, np.ones((2, 2, 1, 1)))[0, :, :, 0]
    np.testing.assert_array_equal(np.isnan(out), [[0, 1, 1], [0, 1, 1], [0, 0, 0]])
