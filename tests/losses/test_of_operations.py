"""Losses, metrics and Lambdas that are made of embedcnn.ops: they train like their twins written by hand."""

import copy

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, losses, ops

rng = np.random.default_rng(0)
X, Y = (rng.normal(size=(20, size)).astype(np.float32) for size in (4, 3))
LABELS = rng.integers(0, 3, 20)


def fit(loss, y=Y, units=3, activation=None, metrics=None, between=()):
    embedcnn.utils.set_random_seed(3)
    dense = layers.Dense(units, activation=activation)
    model = embedcnn.Sequential([embedcnn.Input((4,)), dense, *between])
    model.compile(embedcnn.optimizers.SGD(0.1), loss, metrics=metrics)
    history = model.fit(X, y, epochs=3, batch_size=7, shuffle=False, verbose=0).history
    return history["loss"], model.get_weights()[0], history


def same(first, second):
    for one, other in zip(first[:2], second[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


class Mean(losses.Loss):
    def call(self, y_true, y_pred):
        return ops.sum(ops.square(y_true - y_pred), axis=-1) / 3.0


@pytest.mark.parametrize(
    "loss",
    [
        lambda y_true, y_pred: ops.mean(ops.square(y_true - y_pred), axis=-1),
        lambda y_true, y_pred: ops.mean(ops.square(y_true - y_pred), axis=-1, keepdims=True),
        lambda y_true, y_pred: ops.mean((y_true - y_pred) ** 2),
        lambda y_true, y_pred: (y_pred - y_true) ** 2,
        Mean(),
        copy.deepcopy(Mean()),
    ],
)
def test_squared_errors_of_ones_own(loss):
    same(fit(loss), fit("mse"))


def test_targets_without_an_axis_are_those_of_one_prediction():
    own = fit(lambda y_true, y_pred: ops.mean(ops.square(y_true - y_pred), axis=-1), Y[:, 0], 1)
    same(own, fit("mse", Y[:, 0], 1))


def test_cross_entropy_of_labels():
    def loss(y_true, y_pred):
        return -ops.sum(ops.one_hot(ops.cast(y_true, "int32"), 3) * ops.log(y_pred), axis=-1)

    same(fit(loss, LABELS, 3, "softmax"), fit("sparse_categorical_crossentropy", LABELS, 3, "softmax"))


def test_a_loss_over_the_batch():
    """The correlation loss that tutorials write: one number from all examples."""

    def loss(y_true, y_pred):
        a, b = (one - ops.mean(one, axis=0, keepdims=True) for one in (y_true, y_pred))
        return -ops.sum(a * b) / ops.sqrt(ops.sum(a * a) * ops.sum(b * b))

    values = fit(loss)[0]
    assert -1 <= values[-1] < values[0]


def test_a_function_of_arrays_says_what_it_lacks():
    with pytest.raises(TypeError, match="gives no gradients"):
        fit(lambda y_true, y_pred: np.mean(np.square(y_true - y_pred), axis=-1))


def test_metrics_count():
    def error(y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred), axis=-1)

    history = fit("mse", metrics=[error, "mae"])[2]
    np.testing.assert_allclose(history["error"], history["mae"], rtol=1e-5)


@pytest.mark.parametrize(
    "function, twin",
    [
        (lambda x: ops.tanh(x), layers.Activation("tanh")),
        (lambda x: ops.maximum(x, 0.0), layers.ReLU()),
        (lambda x: 1 / (1 + ops.exp(-x)), layers.Activation("sigmoid")),
    ],
)
def test_lambdas_train_without_a_backward(function, twin):
    same(fit("mse", between=[layers.Lambda(function)]), fit("mse", between=[twin]))


def test_lambdas_are_parts_of_the_program_and_of_a_file(tmp_path):
    def pool(x):
        return ops.mean(x, axis=1)

    x = embedcnn.Input((None, 4))
    model = embedcnn.Model(x, layers.Dense(2)(layers.Lambda(pool)(layers.LSTM(3, return_sequences=True)(x))))
    assert "external" not in str(model.lowered())
    model.save(tmp_path / "pool.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "pool.embedcnn", custom_objects={"pool": pool})
    given = rng.normal(size=(3, 6, 4)).astype(np.float32)
    np.testing.assert_array_equal(again.predict(given, verbose=0), model.predict(given, verbose=0))
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "LSTM", "Lambda", "Dense"]


def test_lambdas_of_arrays_stay_what_they_were():
    x = embedcnn.Input((5, 4))
    given = rng.normal(size=(6, 5, 4)).astype(np.float32)
    turned = embedcnn.Model(x, layers.Lambda(lambda x: x[::-1])(x))
    np.testing.assert_array_equal(turned.predict(given, verbose=0), given[::-1])
    wavy = embedcnn.Model(x, layers.Lambda(lambda x: np.cbrt(x))(x))
    np.testing.assert_allclose(wavy.predict(given, verbose=0), np.cbrt(given), rtol=1e-6)
