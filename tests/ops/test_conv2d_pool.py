"""conv2d_pool against the reference: strides, dilation, odd sizes, activations, many bands; beside the two
operations that it stands for; in models, and what it refuses."""

import numpy as np
import pytest
from comparison import Pair

import embedcnn
from embedcnn import layers as L
from embedcnn import ops


def pair_of(size, kernel, bias=True, trainable=True, **attributes):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=kernel)] + [rng.normal(size=kernel[3])] * bias
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    operations = [("conv2d_pool", (0,), (1,), tuple(range(len(values))), attributes)]
    return Pair([("x", "float32", None, size)], parameters, operations, (1,), values, trainable)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("settings", [{}, {"stride_rows": 2}, {"dilation_rows": 2, "dilation_cols": 3}])
def test_settings(rung, threads, settings, padding):
    rng = np.random.default_rng(1)
    for kernel in [(1, 1), (3, 3), (2, 3)]:
        for size in [(9, 10, 3), (8, 13, 3)]:
            pair = pair_of(size, (*kernel, 3, 5), activation="relu", padding=padding, **settings)
            pair.check_gradients([rng.normal(size=(2, *size))])


@pytest.mark.parametrize("filters", [1, 8, 16, 17, 32, 40])
def test_filters_around_the_vector_width(rung, filters):
    rng = np.random.default_rng(2)
    for bias, activation in ((True, "tanh"), (False, "linear")):
        pair = pair_of((6, 7, 4), (3, 3, 4, filters), bias, activation=activation)
        pair.check_gradients([rng.normal(size=(2, 6, 7, 4))], tolerance=2e-5)


def test_many_bands(rung, threads):
    rng = np.random.default_rng(3)
    size, kernel = (34, 18, 40), (3, 3, 40, 96)
    pair = pair_of(size, kernel, padding="same", activation="leaky_relu")
    pair.check_gradients([rng.normal(size=(2, *size))], tolerance=5e-5)
    pair = pair_of(size, (1, 1, 40, 96), trainable=[False, True])
    pair.check_gradients([rng.normal(size=(1, *size))], tolerance=5e-5)


def test_the_bits_are_those_of_the_two_operations_at_any_number_of_threads():
    rng = np.random.default_rng(4)
    x, kernel = rng.normal(size=(3, 41, 50, 6)).astype(np.float32), rng.normal(size=(3, 3, 6, 20))
    made = ops.conv2d(x, kernel, padding="same")
    expected, gradient = ops.vjp(ops.max_pool, made)
    d_out = gradient if isinstance(gradient, np.ndarray) else gradient["x"]
    wanted = ops.vjp(ops.conv2d, x, kernel, padding="same", d_out=d_out)[1]
    found = []
    for count in (1, 2, 5):
        embedcnn.set_num_threads(count)
        try:
            out, gradients = ops.vjp(ops.conv2d_pool, x, kernel, padding="same")
        finally:
            embedcnn.set_num_threads(0)
        np.testing.assert_array_equal(out, expected)
        found.append(gradients)
        for name, gradient in gradients.items():
            np.testing.assert_allclose(gradient, wanted[name], atol=1e-4)
            np.testing.assert_array_equal(gradient, found[0][name])


def test_the_first_of_equal_ones_and_nan():
    x = np.zeros((1, 2, 4, 1), np.float32)
    x[0, 1, 3] = np.nan
    out, gradients = ops.vjp(ops.conv2d_pool, x, np.ones((1, 1, 1, 1)))
    np.testing.assert_array_equal(out[0, 0, :, 0], [0, np.nan])
    np.testing.assert_array_equal(gradients["x"][0, :, :, 0], [[1, 0, 0, 0], [0, 0, 0, 1]])


def test_in_a_model():
    def model_of(pool):
        net = [L.Conv2D(4, 3, activation="relu", name="c"), pool, L.Flatten(), L.Dense(2, name="d")]
        model = embedcnn.Sequential([embedcnn.Input((9, 9, 2)), *net])
        model.compile("sgd", "mse")
        return model

    x = np.random.default_rng(5).normal(size=(8, 9, 9, 2)).astype(np.float32)
    fused, plain = model_of(L.MaxPooling2D(2)), model_of(L.MaxPooling2D(2))
    plain.set_weights(fused.get_weights())
    plain._run_plain()
    names = [[op.name for op in one.lowered(training=True).operations] for one in (fused, plain)]
    assert "conv2d_pool" in names[0] and "conv2d_pool" not in [
        op.name for op in plain.lowered(rewrite=False).operations
    ]
    for _ in range(5):
        for one in (fused, plain):
            one.train_on_batch(x, x[:, 0, 0])
    for one, other in zip(fused.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for pool in (
        L.MaxPooling2D(3),
        L.MaxPooling2D(2, 1),
        L.MaxPooling2D(2, padding="same"),
        L.AveragePooling2D(),
    ):
        assert "conv2d_pool" not in [op.name for op in model_of(pool).lowered(training=True).operations]


def test_refused():
    with pytest.raises(ValueError, match="1 x 4 windows and groups = 1; at least 2 x 2"):
        ops.conv2d_pool(np.zeros((1, 2, 5, 4)), np.zeros((2, 2, 4, 3)))
    with pytest.raises(ValueError, match="activation"):
        ops.conv2d_pool(np.zeros((1, 5, 5, 4)), np.zeros((2, 2, 4, 3)), activation="gelu")
