"""token_conv against the reference, in all settings and mask patterns, and against conv1d."""

import numpy as np
import pytest
from comparison import Pair, masks, ragged

from embedcnn import ops

SETTINGS = [(1, 1), (2, 1), (3, 1), (1, 2), (1, 3)]


def token_pair(
    vocabulary, width, taps, filters, use_bias=True, mask_zero=False, trainable=True, **attributes
):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(vocabulary, width)), rng.normal(size=(taps, width, filters))]
    values += [rng.normal(size=filters)] * use_bias
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    operations = [
        ("lookup", (0,), (1,), (0,), {"mask_zero": mask_zero}),
        ("token_conv", (1,), (2,), tuple(range(1, len(values))), attributes),
    ]
    return Pair([("x", "int32", -1, ())], parameters, operations, (2,), values, trainable=trainable)


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(("strides", "dilation"), SETTINGS)
@pytest.mark.parametrize("mask_zero", [False, True])
def test_settings_and_masks(rung, threads, padding, strides, dilation, mask_zero):
    rng = np.random.default_rng(1)
    for taps in (1, 2, 3, 5):
        attributes = {"strides": strides, "dilation_rate": dilation, "padding": padding}
        pair = token_pair(12, 3, taps, 5, mask_zero=mask_zero, **attributes)
        for batch, width in [(1, 1), (2, 4), (3, 9)]:
            for mask in masks(batch, width, rng).values():
                if not mask_zero and padding == "valid" and width < (taps - 1) * dilation + 1:
                    continue
                ids = rng.integers(1, 12, (batch, width))
                pair.check_gradients([ids if mask is None or not mask_zero else np.where(mask, ids, 0)])


@pytest.mark.parametrize("filters", [1, 3, 8, 15, 16, 17, 33, 65])
@pytest.mark.parametrize("width", [1, 5, 16, 19])
def test_sizes_around_the_vector_width(rung, width, filters):
    rng = np.random.default_rng(2)
    for use_bias in (True, False):
        pair = token_pair(40, width, 3, filters, use_bias, padding="same")
        pair.check_gradients([rng.integers(0, 40, (3, 7))])


@pytest.mark.parametrize("trainable", [[False, True, True], [True, False, True], [True, True, False]])
def test_what_is_frozen(trainable):
    pair = token_pair(9, 4, 2, 6, trainable=trainable)
    pair.check_gradients([np.random.default_rng(3).integers(0, 9, (3, 6))])


def test_texts_of_several_lengths_and_none(rung, threads):
    pair = token_pair(9, 4, 3, 6, padding="causal")
    pair.check_gradients([ragged([[1, 2, 3, 4], [], [5], [1, 1, 1, 1, 1, 1]])])


def test_one_id_more_often_than_one_sum_takes(threads):
    """A gradient of a frequent id is summed in parts."""
    rng = np.random.default_rng(4)
    pair = token_pair(3, 2, 3, 5)
    pair.check_gradients([rng.integers(0, 2, (40, 50))], tolerance=3e-5)


def test_it_equals_conv1d_over_embedded_tokens(rung):
    rng = np.random.default_rng(5)
    table, kernel, bias = rng.normal(size=(30, 6)), rng.normal(size=(3, 6, 7)), rng.normal(size=7)
    ids = rng.integers(0, 30, (4, 12))
    for settings in ({"strides": 2}, {"padding": "causal", "dilation_rate": 2}, {"padding": "same"}):
        expected = ops.conv1d(ops.embedding_lookup(ids, table), kernel, bias, **settings)
        got = ops.token_conv(ids, table, kernel, bias, **settings)
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5)


def test_a_text_that_is_too_short():
    with pytest.raises(ValueError, match="2 tokens long; a kernel that reaches over 3"):
        ops.token_conv([[1, 2]], np.zeros((3, 4)), np.zeros((3, 4, 5)))
