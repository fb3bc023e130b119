"""token_conv_pool against the reference and against the general path it stands for."""

import numpy as np
import pytest
import reference
from comparison import Pair, clear_winners, close, masks, ragged

from embedcnn import ops

PADDINGS = ["valid", "same", "causal"]


def fused_pair(vocabulary, width, kernels, filters, use_bias=True, mask_zero=False, seed=0, **attributes):
    rng = np.random.default_rng(seed)
    values, parameters = [rng.normal(size=(vocabulary, width))], [("embeddings", (vocabulary, width))]
    for taps in kernels:
        values.append(rng.normal(size=(taps, width, filters)))
        parameters.append((f"kernel{taps}", values[-1].shape))
        if use_bias:
            values.append(rng.normal(size=filters) / 4)
            parameters.append((f"bias{taps}", values[-1].shape))
    numbers = tuple(range(1, len(values)))
    operations = [
        ("lookup", (0,), (1,), (0,), {"mask_zero": mask_zero}),
        ("token_conv_pool", (1,), (2,), numbers, {"use_bias": use_bias, **attributes}),
    ]
    return Pair([("x", "int32", -1, ())], parameters, operations, (2,), values)


def is_clear(pair, ids, mask_zero, padding):
    """Whether rounding cannot change a winner, so that gradients may be compared."""
    if isinstance(ids, tuple):
        ids, mask = reference.padded(*ids)
    else:
        mask = None
    values = pair.reference.values
    tokens, _ = reference.lookup(ids, values[0], mask, mask_zero)
    kernels = [value for value in values[1:] if value.ndim == 3]
    biases = [value for value in values[1:] if value.ndim == 1] or [None] * len(kernels)
    return all(clear_winners(tokens, k, b, padding=padding) for k, b in zip(kernels, biases, strict=True))


def check(pair, ids, mask_zero, padding):
    """Outputs always; gradients where every winner is clear."""
    if is_clear(pair, ids, mask_zero, padding):
        pair.check_gradients([ids])
        return True
    pair.check_forward([ids], training=True)
    return False


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize("mask_zero", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_settings(rung, threads, padding, activation, mask_zero, use_bias):
    rng = np.random.default_rng(0)
    pair = fused_pair(500, 6, (2, 3), 5, use_bias, mask_zero, padding=padding, activation=activation)
    compared = 0
    for batch, width in [(1, 3), (2, 7), (4, 12)]:
        for mask in masks(batch, width, rng).values():
            ids = np.stack([rng.choice(np.arange(1, 500), width, replace=False) for _ in range(batch)])
            if mask is not None and mask_zero:
                ids = np.where(mask, ids, 0)
            compared += check(pair, ids, mask_zero, padding)
    assert compared >= 5, "too few cases with clear winners"


@pytest.mark.parametrize("activation", reference.MONOTONE)
def test_every_activation_that_never_falls(rung, activation):
    rng = np.random.default_rng(1)
    pair = fused_pair(60, 4, (3,), 9, activation=activation)
    close_enough = 3e-5 if activation == "exponential" else 1e-5
    ids = np.stack([rng.choice(60, 8, replace=False) for _ in range(3)])
    assert is_clear(pair, ids, False, "valid")
    pair.check_gradients([ids], tolerance=close_enough)


@pytest.mark.parametrize("filters", [1, 3, 7, 8, 9, 15, 16, 17, 33, 64, 65])
@pytest.mark.parametrize("width", [1, 5, 16, 19])
def test_channels_around_the_vector_width(rung, filters, width):
    rng = np.random.default_rng(filters)
    pair = fused_pair(90, width, (1, 4), filters)
    for batch in (1, 5):
        ids = np.stack([rng.choice(90, 9, replace=False) for _ in range(batch)])
        check(pair, ids, False, "valid")


@pytest.mark.parametrize("mask_zero", [False, True])
@pytest.mark.parametrize("padding", PADDINGS)
def test_ragged(rung, threads, mask_zero, padding):
    rng = np.random.default_rng(2)
    pair = fused_pair(200, 7, (2, 5), 6, mask_zero=mask_zero, padding=padding)
    compared = 0
    for lengths in [(5,), (0, 3, 9), (1, 1, 2), (0, 0), (12, 4, 0, 7)]:
        texts = [rng.choice(np.arange(1, 200), length, replace=False) for length in lengths]
        compared += check(pair, ragged(texts), mask_zero, padding)
        with_zero = [np.where(rng.random(len(text)) < 0.3, 0, text) for text in texts]
        pair.check_forward([ragged(with_zero)])
    assert compared >= 2


def test_unmasked_padding_counts_as_in_keras(rung):
    rng = np.random.default_rng(3)
    pair = fused_pair(50, 5, (3, 4), 8, activation="relu")
    ids = np.zeros((6, 20), np.int64)
    for text, length in enumerate([1, 2, 3, 10, 19, 0]):
        ids[text, :length] = rng.integers(1, 50, length)
    pair.check_forward([ids])


@pytest.mark.parametrize("mask_zero", [False, True])
def test_equals_the_general_path(rung, threads, mask_zero):
    """Embedding, Conv1D, activation, pooling as operations of their own give the same numbers."""
    rng = np.random.default_rng(4)
    table = rng.normal(size=(300, 10)).astype(np.float32)
    kernel, bias = rng.normal(size=(3, 10, 12)).astype(np.float32), rng.normal(size=12).astype(np.float32)
    operations = [
        ("lookup", (0,), (1,), (0,), {"mask_zero": mask_zero}),
        ("embed", (1,), (2,), (), {}),
        ("conv1d", (2,), (3,), (1, 2), {}),
        ("activation", (3,), (4,), (), {"activation": "tanh"}),
        ("global_max_pool", (4,), (5,), (), {}),
    ]
    parameters = [("embeddings", table.shape), ("kernel", kernel.shape), ("bias", bias.shape)]
    pair = Pair([("x", "int32", -1, ())], parameters, operations, (5,), [table, kernel, bias])
    ids = np.stack([rng.choice(np.arange(1, 300), 15, replace=False) for _ in range(6)])
    ids[2, 9:] = 0
    got, d_outputs = pair.check_gradients([ids])
    out, gradients = ops.vjp(
        ops.token_conv_pool,
        ids,
        table,
        [kernel],
        [bias],
        activation="tanh",
        mask_zero=mask_zero,
        d_out=d_outputs[0],
    )
    close(out, got[0], 1e-6, "output")
    close(gradients["kernels"][0], pair.core.gradient(1), 1e-5, "kernel")
    close(gradients["biases"][0], pair.core.gradient(2), 1e-5, "bias")
    rows, values = gradients["embeddings"]
    dense = np.zeros_like(table)
    dense[rows] = values
    close(dense, pair.dense_gradient(0), 1e-5, "embeddings")
    assert set(rows.tolist()) == set(pair.core.gradient(0)[0].tolist())


def test_two_fused_and_one_general_consumer_of_one_table(rung, threads):
    rng = np.random.default_rng(5)
    values = [rng.normal(size=(80, 4)), rng.normal(size=(2, 4, 3)), rng.normal(size=(3, 4, 3))]
    operations = [
        ("lookup", (0, 1), (2, 3), (0,), {}),
        ("token_conv_pool", (2,), (4,), (1,), {"use_bias": False}),
        ("token_conv_pool", (3,), (5,), (2,), {"use_bias": False}),
        ("embed", (2,), (6,), (), {}),
        ("global_average_pool", (6,), (7,), (), {}),
        ("concatenate", (4, 5, 7), (8,), (), {}),
    ]
    parameters = [("embeddings", (80, 4)), ("a", (2, 4, 3)), ("b", (3, 4, 3))]
    inputs = [("question", "int32", -1, ()), ("answer", "int32", -1, ())]
    pair = Pair(inputs, parameters, operations, (8,), values)
    first = np.stack([rng.choice(80, 6, replace=False) for _ in range(5)])
    second = np.stack([rng.choice(80, 9, replace=False) for _ in range(5)])
    pair.check_gradients([first, second])


def test_nan_in_the_table_shows(rung):
    table = np.ones((5, 3), np.float32)
    table[2, 1] = np.nan
    out = ops.token_conv_pool([[0, 1, 3, 4], [0, 1, 2, 4]], table, [np.ones((2, 3, 20))], activation="relu")
    assert np.isnan(out).all(1).tolist() == [False, True]


@pytest.mark.parametrize("activation", ["silu", "gelu", "gelu_tanh", "cube"])
def test_activations_that_fall_are_refused(activation):
    with pytest.raises(ValueError, match="activation"):
        ops.token_conv_pool([[0, 1]], np.ones((2, 3)), [np.ones((1, 3, 2))], activation=activation)


def test_texts_shorter_than_the_kernel_are_refused_without_a_mask():
    with pytest.raises(ValueError, match="3"):
        ops.token_conv_pool([[0, 1]], np.ones((2, 3)), [np.ones((3, 3, 2))])
