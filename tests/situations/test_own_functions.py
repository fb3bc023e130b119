"""Functions of one's own: as the activation of a layer, as a loss, and losses as classes with `call`."""

import pickle

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, losses, models, saving

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 4)).astype(np.float32), RNG.normal(size=(12, 3)).astype(np.float32)


def scaled_tanh(x):
    y = 1.7159 * np.tanh(2 / 3 * x)
    return y, lambda d_y: d_y * (1.7159 - y * y / 1.7159) * 2 / 3


def plain_square(x):
    return x * x


def own_relu(x, training=False):
    return np.maximum(x, 0), lambda d_y: d_y * (x > 0)


MAKERS = {
    "dense": lambda f: [embedcnn.Input((4,)), layers.Dense(5, activation=f), layers.Dense(3)],
    "activation": lambda f: [embedcnn.Input((4,)), layers.Dense(5), layers.Activation(f), layers.Dense(3)],
    "conv": lambda f: [
        *(embedcnn.Input((4,)), layers.Reshape((4, 1)), layers.Conv1D(5, 2, activation=f)),
        *(layers.GlobalAveragePooling1D(), layers.Dense(3)),
    ],
    "each step": lambda f: [
        *(
            embedcnn.Input((4,)),
            layers.Reshape((2, 2)),
            layers.TimeDistributed(layers.Dense(5, activation=f)),
        ),
        *(layers.Flatten(), layers.Dense(3)),
    ],
    "weight norm": lambda f: [
        *(embedcnn.Input((4,)), layers.WeightNormalization(layers.Dense(5, activation=f)), layers.Dense(3)),
    ],
}


def model_of(kind, function, loss="mse", seed=3):
    embedcnn.utils.set_random_seed(seed)
    model = embedcnn.Sequential(MAKERS[kind](function), seed=0)
    model.compile(embedcnn.optimizers.Adam(0.05), loss)
    return model


# -- activations ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", MAKERS)
def test_an_own_relu_trains_as_that_of_the_core(kind):
    own, core = (model_of(kind, function) for function in (own_relu, "relu"))
    for model in (own, core):
        model.fit(X, Y, epochs=3, batch_size=4, shuffle=False, verbose=0)
    for one, other in zip(own.get_weights(), core.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(own.predict(X, verbose=0), core.predict(X, verbose=0), rtol=1e-4, atol=1e-5)


def test_values_of_a_function_of_numpy():
    for function in (plain_square, np.arctan, lambda x: x / 2):
        model = embedcnn.Sequential([embedcnn.Input((4,)), layers.Activation(function)])
        np.testing.assert_allclose(model.predict(X, verbose=0), function(X), rtol=1e-6)
    assert embedcnn.activations.get(plain_square) is plain_square


def test_training_without_a_gradient_says_what_to_do():
    model = model_of("dense", plain_square)
    before = model.get_weights()
    with pytest.raises(
        TypeError,
        match=r"the activation 'plain_square' of 'dense\w*' gave no backward.*return \(y, backward\)",
    ):
        model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    model.layers[0].trainable = False  # what stands behind learns
    model.fit(X, Y, verbose=0)
    assert (model.get_weights()[2] != before[2]).any()


@pytest.mark.parametrize("kind", MAKERS)
def test_saved_and_loaded_by_its_name(kind, tmp_path):
    model = model_of(kind, scaled_tanh)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="'scaled_tanh', which is Python of your own.*custom_objects="):
        models.load_model(tmp_path / "model")
    again = models.load_model(tmp_path / "model", custom_objects={"scaled_tanh": scaled_tanh})
    for other in (again, pickle.loads(pickle.dumps(model)), models.clone_model(model)):
        other.set_weights(model.get_weights())
        np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    again.fit(X, Y, verbose=0)


def test_a_registered_function_needs_no_custom_objects(tmp_path):
    @saving.register_keras_serializable()
    def registered_cube(x):
        return x**3, lambda d_y: 3 * x * x * d_y

    model = model_of("dense", registered_cube)
    model.save(tmp_path / "model")
    again = models.load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_name_that_is_taken_is_never_mistaken(tmp_path):
    def relu(x):  # not that of the package
        return x + 1, lambda d_y: d_y

    for function in (relu, lambda x: (x + 1, lambda d_y: d_y)):
        model = embedcnn.Sequential([embedcnn.Input((4,)), layers.Dense(2, activation=function, name="d")])
        model.save(tmp_path / "model", overwrite=True)
        with pytest.raises(ValueError, match="custom_objects={'d_activation'"):
            models.load_model(tmp_path / "model")
        again = models.load_model(tmp_path / "model", custom_objects={"d_activation": function})
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.LSTM(3, activation=plain_square), "not a function of embedcnn.activations"),
        (lambda: layers.Dense(3, activation=layers.ReLU()), "in a layer behind"),
        (lambda: layers.Dense(3, activation="rellu"), "did you mean 'relu'"),
        (lambda: run(lambda x: x[:, :1]), r"must return numbers of shape \(12, 4\), as its input"),
        (lambda: run(lambda x: "x"), "must return numbers"),
        (lambda: run(plain_square, (2, 2, 2, 1)), "takes .batch, channels. or"),
    ],
)
def test_misuse_of_activations(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def run(function, shape=(4,)):
    model = embedcnn.Sequential([embedcnn.Input(shape), layers.Activation(function)])
    model.predict(np.zeros((12, *shape)), verbose=0)


def test_a_language_model_asks_whether_it_looks_along_the_text():
    model = embedcnn.Sequential(
        [
            layers.Embedding(5, 4),
            layers.GRU(5, return_sequences=True),
            layers.Activation(scaled_tanh, name="a"),
        ]
    )
    model.build((None, None))
    with pytest.raises(ValueError, match=r"get_layer\('a'\).steps_independent = True"):
        embedcnn.language_model.generation.Stepper(model)
    model.get_layer("a").steps_independent = True
    assert embedcnn.language_model.generation.Stepper(model).read([[1, 2]]).shape == (1, 5)


# -- losses --------------------------------------------------------------------------------------------------
class Squared(losses.Loss):
    """As tutorials write it, with the gradient beside."""

    def call(self, y_true, y_pred):
        error = y_pred - y_true
        return (error**2).mean(axis=-1), 2 * error / error.shape[-1]


class Elementwise(losses.Loss):
    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * (y_pred - y_true) ** 2, 2 * self.factor * (y_pred - y_true)


class OnlyValues(losses.Loss):
    def __init__(self, name="own", reduction="sum_over_batch_size"):
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true, y_pred):
        return np.abs(y_pred - y_true).mean(axis=-1)


class FromABuiltIn(losses.MeanSquaredError):
    def call(self, y_true, y_pred):
        return 3 * (y_pred - y_true) ** 2, 6 * (y_pred - y_true)


def test_called_alone_as_keras():
    y_true, y_pred = [[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 3.0]]
    assert Squared()(y_true, y_pred) == pytest.approx(2.75)
    assert Squared(reduction="sum")(y_true, y_pred) == pytest.approx(5.5)
    assert Squared()(y_true, y_pred, sample_weight=[1.0, 0.0]) == pytest.approx(0.25)
    assert Elementwise(2.0)(y_true, y_pred) == pytest.approx(5.5)
    assert Elementwise(reduction="sum")(y_true, y_pred) == pytest.approx(11.0)
    assert FromABuiltIn()(y_true, y_pred) == pytest.approx(8.25)
    assert OnlyValues(reduction=None)(y_true, y_pred).tolist() == [0.5, 2.0]
    assert Squared().name == "squared" and OnlyValues().name == "own" and Squared(name="x").name == "x"
    with pytest.raises(ValueError, match="`dtype` of Squared must be 'float32'.*float16"):
        Squared(dtype="float16")


@pytest.mark.parametrize(
    "loss", [Squared, Squared(), Elementwise(), lambda y, p: ((p - y) ** 2, 2 * (p - y))]
)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
def test_losses_with_gradients_train_as_that_of_the_core(loss, reduction):
    if reduction == "sum" and not isinstance(loss, losses.Loss):
        return
    if isinstance(loss, losses.Loss):
        loss = type(loss)(reduction=reduction)
    factor = 3 if reduction == "sum" and isinstance(loss, Elementwise) else 1  # Keras sums all values
    own, core = model_of("dense", "tanh", loss), model_of("dense", "tanh", losses.MeanSquaredError(reduction))
    for _ in range(3):
        values = [model.train_on_batch(X, Y) for model in (own, core)]
        assert values[0] == pytest.approx(factor * values[1], rel=1e-4)
    for one, other in zip(own.get_weights(), core.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert own.evaluate(X, Y, verbose=0) == pytest.approx(factor * core.evaluate(X, Y, verbose=0), rel=1e-4)


def test_a_class_of_a_class_is_what_its_call_says():
    model = model_of("dense", "tanh", FromABuiltIn())
    expected = 3 * np.mean((model.predict(X, verbose=0) - Y) ** 2)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert model.train_on_batch(X, Y) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [OnlyValues(), lambda y_true, y_pred: np.abs(y_pred - y_true).mean(axis=-1)])
def test_without_gradients_a_model_is_evaluated_not_trained(loss):
    model = model_of("dense", "tanh", loss)
    expected = np.abs(model.predict(X, verbose=0) - Y).mean()
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert model.test_on_batch(X, Y) == pytest.approx(expected, rel=1e-5)
    before = model.get_weights()
    for train in (model.fit, model.train_on_batch, model.compute_gradients):
        with pytest.raises(TypeError, match=r"gives no gradients.*return \(losses, gradients\)"):
            train(X, Y)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_steps_of_a_text_and_masks():
    tokens = embedcnn.Input((5,), dtype="int32")
    steps = layers.Dense(2)(layers.Embedding(9, 3, mask_zero=True)(tokens))
    ids, y = RNG.integers(0, 9, (6, 5)), RNG.normal(size=(6, 5, 2)).astype(np.float32)
    found = []
    for loss in (Squared(), "mse"):
        embedcnn.utils.set_random_seed(1)
        model = embedcnn.models.clone_model(embedcnn.Model(tokens, steps))
        model.set_weights([np.ones(w.shape) * 0.1 for w in model.weights])
        model.compile("sgd", loss)
        found.append([model.train_on_batch(ids, y) for _ in range(3)])
    np.testing.assert_allclose(*found, rtol=1e-5)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ((1, 2, 3), "must return losses, or .losses, gradients.. Received: a tuple of 3"),
        (np.zeros(5), r"the losses must have the shape \(12,\) or \(12, 3\), or be one number"),
        ((np.zeros(12), np.zeros(12)), r"the gradients must have the shape of y_pred, \(12, 3\)"),
    ],
)
def test_what_call_may_return(result, message):
    class Wrong(losses.Loss):
        def call(self, y_true, y_pred):
            return result

    with pytest.raises((TypeError, ValueError), match=message):
        model_of("dense", "tanh", Wrong()).evaluate(X, Y, verbose=0)


def test_a_loss_without_a_call():
    class Nothing(losses.Loss):
        pass

    with pytest.raises(NotImplementedError, match=r"Nothing must define call\(y_true, y_pred\)"):
        Nothing()([1.0], [1.0])
    with pytest.raises(NotImplementedError, match=r"Nothing must define call\(y_true, y_pred\)"):
        model_of("dense", "tanh", Nothing()).fit(X, Y, verbose=0)
