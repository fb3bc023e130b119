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
        with pytest.raises(ValueError, match="`groups` must be a positive integer"):
            ops.conv1d(STEPS, KERNEL, groups=wrong)
        with pytest.raises(ValueError, match="`groups` must be a positive integer"):
            ops.conv2d(IMAGES, KERNEL_2D, groups=wrong)


def test_transposed_layer_takes_what_the_operation_takes():
    x = embedcnn.Input((12, 4))
    assert layers.Conv1DTranspose(5, (5,), strides=[4], output_padding=(2,))(x).shape == (None, 51, 5)
    for name in ("strides", "output_padding", "dilation_rate"):
        with pytest.raises(ValueError, match=f"`{name}` must be one integer for sequences"):
            layers.Conv1DTranspose(5, 3, **{name: (2, 1)})
    with pytest.raises(ValueError, match="exclude each other"):
        layers.Conv1DTranspose(5, 3, strides=2, dilation_rate=2)
