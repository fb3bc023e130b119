"""Sizes, strides and dilations of windows: an integer, or a sequence of as many as there are axes.

Along time a sequence of one is the number that it holds, and two are refused, never cut to the first.
"""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, ops

STEPS = np.random.default_rng(0).normal(size=(2, 12, 4)).astype(np.float32)
KERNEL = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)
EACH = KERNEL[:, :, :1]
MIX = np.random.default_rng(2).normal(size=(1, 4, 3)).astype(np.float32)
TRANSPOSED = KERNEL.transpose(0, 2, 1)
MASK = np.ones((2, 12), bool)

SETTINGS = {
    "conv strides": ("strides", lambda v: ops.conv(STEPS, KERNEL, v)),
    "conv dilation": ("dilation_rate", lambda v: ops.conv(STEPS, KERNEL, dilation_rate=v)),
    "conv1d strides": ("strides", lambda v: ops.conv1d(STEPS, KERNEL, strides=v)),
    "conv1d dilation": ("dilation_rate", lambda v: ops.conv1d(STEPS, KERNEL, dilation_rate=v)),
    "conv_pool": ("strides", lambda v: ops.conv_pool(STEPS, KERNEL, strides=v)),
    "depthwise_conv strides": ("strides", lambda v: ops.depthwise_conv(STEPS, EACH, v)),
    "depthwise_conv dilation": ("dilation_rate", lambda v: ops.depthwise_conv(STEPS, EACH, dilation_rate=v)),
    "depthwise_conv1d": ("strides", lambda v: ops.depthwise_conv1d(STEPS, EACH, strides=v)),
    "separable_conv": ("strides", lambda v: ops.separable_conv(STEPS, EACH, MIX, v)),
    "conv_transpose strides": ("strides", lambda v: ops.conv_transpose(STEPS, TRANSPOSED, v)),
    "conv_transpose dilation": (
        "dilation_rate",
        lambda v: ops.conv_transpose(STEPS, TRANSPOSED, dilation_rate=v),
    ),
    "conv_transpose end": (
        "output_padding",
        lambda v: ops.conv_transpose(STEPS, TRANSPOSED, 4, output_padding=v),
    ),
    "max_pool size": ("pool_size", lambda v: ops.max_pool(STEPS, v)),
    "max_pool strides": ("strides", lambda v: ops.max_pool(STEPS, 2, v)),
    "average_pool size": ("pool_size", lambda v: ops.average_pool(STEPS, v, mask=MASK)),
    "average_pool strides": ("strides", lambda v: ops.average_pool(STEPS, 2, v)),
    "conv1d_mask": ("kernel_size", lambda v: ops.conv1d_mask(MASK, v)),
    "conv1d_mask strides": ("strides", lambda v: ops.conv1d_mask(MASK, 2, v)),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_along_time_one_number_counts_and_two_are_refused(case):
    name, made = SETTINGS[case]
    plain = made(2)
    for same in ((2,), [2], np.array([2]), np.int64(2)):
        np.testing.assert_array_equal(made(same), plain)
    for several in ((2, 1), [2, 3], np.array([2, 2]), (2, 2, 2), ()):
        with pytest.raises(ValueError, match=f"`{name}` must be one integer for sequences"):
            made(several)
    for wrong in (2.7, (2.5,), "2", True, -1):
        with pytest.raises(ValueError, match=f"`{name}` must be (a positive|an) integer"):
            made(wrong)


IMAGES = np.random.default_rng(3).normal(size=(2, 12, 12, 4)).astype(np.float32)
KERNEL_2D = np.ones((3, 3, 4, 5), np.float32)


@pytest.mark.parametrize(
    "made",
    [
        lambda v: ops.conv(IMAGES, KERNEL_2D, v),
        lambda v: ops.depthwise_conv(IMAGES, KERNEL_2D, v),
        lambda v: ops.separable_conv(IMAGES, KERNEL_2D[..., :1], np.ones((1, 1, 4, 2)), v),
        lambda v: ops.conv_transpose(IMAGES, KERNEL_2D.transpose(0, 1, 3, 2), v),
        lambda v: ops.max_pool(IMAGES, v),
        lambda v: ops.average_pool(IMAGES, 2, v),
    ],
)
def test_over_images_both_numbers_count(made):
    np.testing.assert_array_equal(made(2), made((2, 2)))
    assert made((2, 1)).shape != made((1, 2)).shape
    with pytest.raises(ValueError, match="must be one integer or two"):
        made((2, 2, 2))
    with pytest.raises(ValueError, match="must be a positive integer"):
        made((2, 2.5))


def test_groups_are_whole_numbers():
    for wrong in (0, 1.5, True):
        with pytest.raises(ValueError, match="`groups` must be an? .*integer"):
            ops.conv1d(STEPS, KERNEL, groups=wrong)
        with pytest.raises(ValueError, match="`groups` must be an? .*integer"):
            ops.conv2d(IMAGES, KERNEL_2D, groups=wrong)


def test_transposed_layer_takes_what_the_operation_takes():
    x = embedcnn.Input((12, 4))
    assert layers.Conv1DTranspose(5, (5,), strides=[4], output_padding=(2,))(x).shape == (None, 51, 5)
    for name in ("strides", "output_padding", "dilation_rate"):
        with pytest.raises(ValueError, match=f"`{name}` must be one integer for sequences"):
            layers.Conv1DTranspose(5, 3, **{name: (2, 1)})
    with pytest.raises(ValueError, match="exclude each other"):
        layers.Conv1DTranspose(5, 3, strides=2, dilation_rate=2)


FAR = (2**18, 2**20)  # strides of which one window fits


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("groups", [1, 2])
def test_strides_beyond_the_image_need_no_memory_for_what_is_not_there(padding, groups):
    # back to the images there was a plan for each place modulo the strides: 2^38 of them
    rng = np.random.default_rng(4)
    x, kernel = rng.normal(size=(2, 5, 4, 6)), rng.normal(size=(3, 2, 6 // groups, 4))
    out, gradients = ops.vjp(ops.conv2d, x, kernel, strides=FAR, padding=padding, groups=groups)
    near, wanted = ops.vjp(ops.conv2d, x, kernel, strides=(5, 4), padding=padding, groups=groups)
    assert out.shape == (2, 1, 1, 4)
    np.testing.assert_array_equal(out, near)
    np.testing.assert_array_equal(gradients["x"], wanted["x"])
    np.testing.assert_array_equal(gradients["kernel"], wanted["kernel"])
    assert gradients["x"].any()


def test_depthwise_strides_beyond_the_image():
    rng = np.random.default_rng(5)
    x, kernel = rng.normal(size=(2, 5, 4, 6)), rng.normal(size=(3, 2, 6, 2))
    out, gradients = ops.vjp(ops.depthwise_conv2d, x, kernel, strides=FAR)
    near, wanted = ops.vjp(ops.depthwise_conv2d, x, kernel, strides=(5, 4))
    np.testing.assert_array_equal(out, near)
    np.testing.assert_array_equal(gradients["x"], wanted["x"])
    np.testing.assert_array_equal(gradients["kernel"], wanted["kernel"])


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_transposed_windows_far_apart(padding):
    # every pixel is the constant but those of a window, which all stand alone
    rng = np.random.default_rng(6)
    x, kernel, bias = rng.normal(size=(2, 2, 3, 3)), rng.normal(size=(2, 3, 2, 3)), rng.normal(size=2)
    down, right = 1024, 700
    out, gradients = ops.vjp(ops.conv2d_transpose, x, kernel, bias, strides=(down, right), padding=padding)
    assert out.shape == (2, 2 * down, 3 * right, 2)
    wanted = np.broadcast_to(bias, out.shape).copy()
    d_x = np.zeros_like(x)
    for y, col in np.ndindex(2, 3):
        rows, cols = slice(y * down, y * down + 2), slice(col * right, col * right + 3)
        wanted[:, rows, cols] += np.einsum("bc,ijfc->bijf", x[:, y, col], kernel)
        d_x[:, y, col] = kernel.sum((0, 1, 2))
    np.testing.assert_allclose(out, wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gradients["x"], d_x, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        gradients["kernel"], np.broadcast_to(x.sum((0, 1, 2)), kernel.shape), rtol=1e-4
    )


def test_images_of_more_values_than_places_can_count_are_refused():
    # a maximum counts pixels of an image: 2^32 of them would have been read at places before it
    for pixels, channels in ((2**16, 1), (2**15, 2)):
        x = embedcnn.Input((pixels, pixels, channels))
        model = embedcnn.Model(x, layers.MaxPooling2D(2, strides=2**15)(x))
        with pytest.raises(ValueError, match=r"at most 2\*\*31 - 1 values"):
            model.predict(np.broadcast_to(np.float32(0), (1, pixels, pixels, channels)), verbose=0)
