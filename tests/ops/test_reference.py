"""The reference itself: every gradient against central differences in float64."""

import numpy as np
import pytest
import reference
import reference_layers
from reference import Sequence, sequence

from embedcnn import activations


def check_gradients(function, arrays, tolerance=1e-6, step=1e-6):
    """`function(*arrays)` -> (output array, backward); compares d sum(output * random) for every entry."""
    rng = np.random.default_rng(0)
    out, backward = function(*arrays)
    d_out = rng.normal(size=out.shape)
    for number, (array, gradient) in enumerate(zip(arrays, backward(d_out), strict=True)):
        numeric = np.zeros(array.shape)
        for index in np.ndindex(*array.shape):
            sides = []
            for sign in (1, -1):
                moved = [one.copy() for one in arrays]
                moved[number][index] += sign * step
                sides.append((function(*moved)[0] * d_out).sum())
            numeric[index] = (sides[0] - sides[1]) / (2 * step)
        scale = max(np.abs(numeric).max(initial=0), 1)
        assert np.abs(numeric - gradient).max(initial=0) < tolerance * scale, f"argument {number}"


MASKS = {
    "none": None,
    "full": [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]],
    "behind": [[1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]],
    "before": [[0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1]],
    "around": [[0, 1, 1, 1, 1, 0], [0, 0, 0, 1, 0, 0]],
    "inside": [[1, 0, 1, 0, 0, 1], [0, 1, 0, 0, 1, 0]],
    "empty": [[0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1]],
}


def mask_of(name):
    return None if MASKS[name] is None else np.array(MASKS[name], bool)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2)])
@pytest.mark.parametrize("taps", [1, 2, 3])
@pytest.mark.parametrize("use_bias", [True, False])
def test_conv1d(mask, padding, strides, dilation, taps, use_bias):
    rng = np.random.default_rng(taps)
    mask = mask_of(mask)
    arrays = [rng.normal(size=(2, 6, 2)), rng.normal(size=(taps, 2, 3))] + [rng.normal(size=3)] * use_bias

    def run(x, kernel, bias=None):
        out, backward = reference.conv1d(sequence(x, mask), kernel, bias, strides, dilation, padding)
        return out.values, backward

    check_gradients(run, arrays)


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_a_masked_text_is_the_text_alone(padding, strides, dilation):
    """The rule of the design, stated once more without windows: cut the span out and convolve it alone."""
    rng = np.random.default_rng(1)
    kernel, bias = rng.normal(size=(3, 2, 4)), rng.normal(size=4)
    wide = 2 * dilation + 1
    for length in range(1, 9):
        text = rng.normal(size=(1, length, 2))
        alone = text if padding != "valid" else np.pad(text, ((0, 0), (0, max(wide - length, 0)), (0, 0)))
        expected = reference.conv1d(Sequence(alone), kernel, bias, strides, dilation, padding)[0].values[0]
        for before, behind in [(0, 0), (0, 5), (5, 0), (2, 3), (1, 1)]:
            x = np.pad(text, ((0, 0), (before, behind), (0, 0)), constant_values=9.0)
            mask = (np.arange(length + before + behind) >= before) & (np.arange(x.shape[1]) < before + length)
            out = reference.conv1d(sequence(x, mask[None]), kernel, bias, strides, dilation, padding)[0]
            np.testing.assert_allclose(out.values[0][out.mask[0]], expected, rtol=1e-12)
            assert not out.values[0][~out.mask[0]].any()


def test_conv1d_without_a_mask_needs_a_window():
    with pytest.raises(ValueError, match="shorter"):
        reference.conv1d(Sequence(np.zeros((1, 2, 1))), np.zeros((3, 1, 1)))


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("mask_zero", [False, True])
def test_lookup(mask, mask_zero):
    rng = np.random.default_rng(2)
    ids = rng.integers(0, 4, (2, 6))

    def run(table):
        out, backward = reference.lookup(ids, table, mask_of(mask), mask_zero)
        return out.values, backward

    check_gradients(run, [rng.normal(size=(5, 3))])


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("pool", ["global_max_pool", "global_average_pool", "global_sum_pool"])
def test_pools(mask, pool):
    rng = np.random.default_rng(3)
    mask = mask_of(mask)

    def run(x):
        out, backward = getattr(reference, pool)(sequence(x, mask))
        return out, lambda d_out: (sequence(backward(d_out)[0], mask).values,)

    check_gradients(run, [rng.normal(size=(2, 6, 5))])


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("mode", ["mean", "sum", "sqrtn"])
def test_weighted_bags(mask, mode):
    rng = np.random.default_rng(4)
    mask = mask_of(mask)

    def run(x, weights):
        out, backward = reference.token_bag(sequence(x, mask), weights, mode)
        return out, lambda d_out: backward(d_out)

    check_gradients(run, [rng.normal(size=(2, 6, 3)), rng.uniform(0.5, 2, (2, 6))])


def test_max_ties_and_nan():
    x = np.array([1.0, 3, 3, 2])[None, :, None]
    out, backward = reference.global_max_pool(Sequence(x))
    assert out[0, 0] == 3
    np.testing.assert_array_equal(backward(np.ones((1, 1)))[0][0, :, 0], [0, 1, 0, 0])
    x = np.array([1.0, np.nan, 9, np.nan])[None, :, None]
    out, backward = reference.global_max_pool(Sequence(x))
    assert np.isnan(out[0, 0])
    np.testing.assert_array_equal(backward(np.ones((1, 1)))[0][0, :, 0], [0, 1, 0, 0])


@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (2, 3, 4)])
def test_dense(shape):
    rng = np.random.default_rng(4)
    arrays = [rng.normal(size=shape), rng.normal(size=(shape[-1], 3)), rng.normal(size=3)]
    check_gradients(reference.dense, arrays)
    check_gradients(reference.dense, arrays[:2])


@pytest.mark.parametrize("name", reference.ACTIVATIONS)
def test_activation(name):
    x = np.concatenate([np.linspace(-8, 8, 41) + 0.013, [-30.0, 30.0]])
    if name == "exponential":
        x = x[:-1]
    check_gradients(
        lambda x: reference.activation(x, name), [x], tolerance=1e-5 if name == "exponential" else 1e-6
    )


def test_monotone_activations_never_fall():
    x = np.linspace(-20, 20, 4001)
    falls = {name: bool((np.diff(f(x)) < 0).any()) for name, (f, _) in reference.ACTIVATIONS.items()}
    assert [name for name, fell in falls.items() if fell] == [
        "silu",
        "gelu",
        "gelu_tanh",
        "mish",
        "hard_silu",
    ]
    assert not any(falls[name] for name in reference.MONOTONE)
    assert set(reference.MONOTONE) == activations.MONOTONE  # by which rewriting goes


def test_softmax_dropout_concatenate():
    rng = np.random.default_rng(5)
    check_gradients(reference.softmax, [rng.normal(size=(3, 4)) * 3])
    check_gradients(reference.log_softmax, [rng.normal(size=(3, 4)) * 3])
    check_gradients(lambda x: reference.dropout(x, 0.4, 7, 3, 1), [rng.normal(size=(2, 3, 5))])
    check_gradients(
        reference.concatenate, [rng.normal(size=(2, 3)), rng.normal(size=(2, 1)), rng.normal(size=(2, 2))]
    )


def test_dropout_keeps_its_share():
    kept = reference.dropout_scale((20, 500), 0.3, 1, 2, 3)
    assert abs((kept > 0).mean() - 0.7) < 0.02
    assert (reference.dropout_scale((20, 500), 0.3, 1, 2, 4) != kept).any()


LOSSES = [
    ("sparse_categorical", True, 0.0),
    ("sparse_categorical", False, 0.0),
    ("categorical", True, 0.0),
    ("categorical", False, 0.1),
    ("binary", True, 0.1),
    ("binary", False, 0.0),
]


@pytest.mark.parametrize(("kind", "from_logits", "smoothing"), LOSSES)
def test_cross_entropy(kind, from_logits, smoothing):
    rng = np.random.default_rng(6)
    x = rng.normal(size=(4, 3)) * 2
    x = x if from_logits else reference.sigmoid(x)
    y = {
        "sparse_categorical": rng.integers(0, 3, 4),
        "categorical": rng.dirichlet(np.ones(3), 4),
        "binary": rng.integers(0, 2, (4, 3)),
    }[kind]

    def run(x):
        loss, _, d_x = reference.cross_entropy(x, y, kind, from_logits, smoothing)
        return loss, lambda d_out: (d_x * d_out[:, None],)

    check_gradients(run, [x])


def test_squared_error():
    rng = np.random.default_rng(7)
    y = rng.normal(size=(4, 3))

    def run(x):
        loss, _, d_x = reference.squared_error(x, y)
        return loss, lambda d_out: (d_x * d_out[:, None],)

    check_gradients(run, [rng.normal(size=(4, 3))])


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("kind", ["max_pool", "average_pool"])
@pytest.mark.parametrize(
    ("size", "strides", "padding"), [(2, 2, "valid"), (3, 1, "same"), (3, 2, "valid"), (2, 3, "same")]
)
def test_pool1d(mask, kind, size, strides, padding):
    mask = mask_of(mask)

    def run(x):
        out, backward = reference_layers.pool1d(kind, sequence(x, mask), size, strides, padding)
        return out.values, lambda d_out: (sequence(backward(d_out)[0], mask).values,)

    check_gradients(run, [np.random.default_rng(8).normal(size=(2, 6, 3))])


@pytest.mark.parametrize("kind", ["add", "subtract", "multiply", "average", "maximum", "minimum"])
def test_merge(kind):
    arrays = list(np.random.default_rng(9).normal(size=(2 if kind == "subtract" else 3, 2, 4)))
    check_gradients(lambda *arrays: reference_layers.merge(*arrays, kind=kind), arrays)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
def test_layer_normalization(scale, center):
    rng = np.random.default_rng(10)
    arrays = [rng.normal(size=(2, 3, 5))] + [rng.normal(size=5) for _ in range(scale + center)]

    def run(*arrays):
        return reference_layers.layer_normalization(*arrays, scale=scale, center=center)

    check_gradients(run, arrays)


@pytest.mark.parametrize("mask", MASKS)
def test_flatten(mask):
    mask = mask_of(mask)

    def run(x):
        out, backward = reference_layers.flatten(sequence(x, mask), 8)
        return out, lambda d_out: (sequence(backward(d_out)[0], mask).values,)

    check_gradients(run, [np.random.default_rng(11).normal(size=(2, 6, 3))])
