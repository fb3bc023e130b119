"""conv1d against the reference: sizes around the vector width, strides, dilation, padding, every mask
pattern."""

import numpy as np
import pytest
import reference
from comparison import Pair, masks

from embedcnn import ops

SETTINGS = [(1, 1), (2, 1), (3, 1), (1, 2), (1, 3)]


def conv_pair(taps, channels, filters, use_bias=True, length=-1, seed=0, **attributes):
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=(taps, channels, filters))] + [rng.normal(size=filters)] * use_bias
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    operations = [("conv1d", (0,), (1,), tuple(range(len(values))), attributes)]
    return Pair([("x", "float32", length, (channels,))], parameters, operations, (1,), values)


def cases(batch, width, channels, rng, wide, padding):
    for name, mask in masks(batch, width, rng).items():
        if name == "none" and padding == "valid" and width < wide:
            continue
        x = rng.normal(size=(batch, width, channels))
        yield x if mask is None else (x, mask)


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(("strides", "dilation"), SETTINGS)
def test_settings_and_masks(rung, threads, padding, strides, dilation):
    rng = np.random.default_rng(0)
    for taps in (1, 2, 3, 5):
        pair = conv_pair(taps, 3, 5, strides=strides, dilation_rate=dilation, padding=padding)
        for batch, width in [(1, 1), (2, 4), (3, 9)]:
            for x in cases(batch, width, 3, rng, (taps - 1) * dilation + 1, padding):
                pair.check_gradients([x])


@pytest.mark.parametrize("filters", [1, 3, 4, 7, 8, 9, 15, 16, 17, 32, 65])
@pytest.mark.parametrize("channels", [1, 4, 7, 16, 17])
def test_channels_around_the_vector_width(rung, channels, filters):
    rng = np.random.default_rng(1)
    for use_bias in (True, False):
        pair = conv_pair(3, channels, filters, use_bias, padding="same")
        for x in cases(2, 6, channels, rng, 3, "same"):
            pair.check_gradients([x])


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(("groups", "channels", "filters"), [(2, 6, 10), (3, 3, 6), (5, 5, 5), (4, 68, 36)])
def test_groups(rung, threads, groups, channels, filters, padding):
    rng = np.random.default_rng(5)
    values = [rng.normal(size=(3, channels // groups, filters)), rng.normal(size=filters)]
    parameters = [("kernel", values[0].shape), ("bias", (filters,))]
    operations = [("conv1d", (0,), (n,), (0, 1), {"padding": padding, "groups": groups}) for n in (1, 2)]
    pair = Pair([("x", "float32", -1, (channels,))], parameters, operations, (1, 2), values)
    for x in cases(3, 6, channels, rng, 3, padding):
        pair.check_gradients([x])


def test_groups_that_do_not_divide():
    with pytest.raises(ValueError, match="groups = 2 does not divide the 3 channels"):
        ops.conv1d(np.zeros((1, 5, 3)), np.zeros((2, 1, 4)), groups=2)
    with pytest.raises(ValueError, match="groups = 2 does not divide the 5 filters"):
        ops.conv1d(np.zeros((1, 5, 4)), np.zeros((2, 2, 5)), groups=2)


def test_a_larger_one(rung, threads):
    rng = np.random.default_rng(2)
    pair = conv_pair(5, 40, 70)
    pair.check_gradients([rng.normal(size=(9, 33, 40))])
    mask = rng.random((9, 33)) < 0.8
    pair.check_gradients([(rng.normal(size=(9, 33, 40)), mask)])


def test_pads_never_change_a_result():
    rng = np.random.default_rng(3)
    kernel, bias = rng.normal(size=(3, 4, 6)), rng.normal(size=6)
    text = rng.normal(size=(1, 5, 4)).astype(np.float32)
    alone = ops.conv1d(text, kernel, bias, mask=np.ones((1, 5), bool))[0]
    for before, behind in [(1, 0), (0, 4), (3, 2), (40, 40)]:
        x = np.pad(text, ((0, 0), (before, behind), (0, 0)), constant_values=7)
        mask = np.pad(np.ones((1, 5), bool), ((0, 0), (before, behind)))
        out = ops.conv1d(x, kernel, bias, mask=mask)[0]
        np.testing.assert_array_equal(out[before : before + 3], alone)  # the same bits
        assert not np.delete(out, range(before, before + 3), 0).any()


@pytest.mark.parametrize(("changes", "message"), [
    ({"strides": 2, "dilation_rate": 2}, "dilation"),
    ({"strides": 0}, "strides"),
    ({"dilation_rate": 0}, "dilation_rate"),
    ({"padding": "full"}, "padding"),
])  # fmt: skip
def test_refused_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        ops.conv1d(np.zeros((1, 5, 2)), np.zeros((2, 2, 3)), **changes)


def test_refused_shapes():
    with pytest.raises(ValueError):
        ops.conv1d(np.zeros((1, 5, 3)), np.zeros((2, 2, 3)))
    with pytest.raises(ValueError):
        ops.conv1d(np.zeros((1, 5, 2)), np.zeros((2, 2, 3)), bias=np.zeros(4))
    with pytest.raises(ValueError, match="2"):
        ops.conv1d(np.zeros((1, 2, 2)), np.zeros((3, 2, 3)))
    with pytest.raises(ValueError, match="kernel has shape"):
        ops.conv1d(np.zeros((1, 5, 2)), np.zeros((2, 2)))


def test_nan_shows_where_it_is_read():
    x = np.zeros((1, 6, 1), np.float32)
    x[0, 3] = np.nan
    out = ops.conv1d(x, np.ones((2, 1, 1)))
    np.testing.assert_array_equal(np.isnan(out[0, :, 0]), [False, False, True, True, False])


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(("strides", "dilation"), SETTINGS)
def test_the_mask_of_the_output(padding, strides, dilation):
    rng = np.random.default_rng(4)
    for mask in masks(4, 8, rng).values():
        if mask is not None:
            x = reference.sequence(np.ones((4, 8, 1)), mask)
            expected = reference.conv1d(x, np.ones((3, 1, 1)), None, strides, dilation, padding)[0].mask
            got = ops.conv1d_mask(mask, 3, strides, padding, dilation)
            np.testing.assert_array_equal(got, expected)
