"""Layers written in Python: they train inside a model, match their built-in twins, heed masks, are saved."""

import pickle

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, models

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.integers(0, 20, (32, 9)), RANDOM.integers(0, 3, 32)


class PythonDense(layers.Layer):
    """The twin of Dense, with tanh."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", (input_shape[-1], self.units), "glorot_uniform")
        self.bias = self.add_weight("bias", (self.units,), "zeros")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def forward(self, x, training=False):
        kernel = self.kernel.value
        y = np.tanh(x @ kernel + self.bias.value)

        def backward(d_y):
            d_z = d_y * (1 - y * y)
            rows, d_rows = x.reshape(-1, x.shape[-1]), d_z.reshape(-1, self.units)
            return d_z @ kernel.T, [rows.T @ d_rows, d_rows.sum(0)]

        return y, backward

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class CallDense(PythonDense):
    """The same in Keras's words: call, and a method for the gradient."""

    forward = None

    def call(self, x):
        self.x, self.y = x, np.tanh(x @ self.kernel.value + self.bias.value)
        return self.y

    def backward(self, d_y):
        d_z = d_y * (1 - self.y**2)
        rows, d_rows = self.x.reshape(-1, self.x.shape[-1]), d_z.reshape(-1, self.units)
        return d_z @ self.kernel.value.T, [rows.T @ d_rows, d_rows.sum(0)]


class Scale(layers.Layer):
    """Passes gradients on, has none of its own."""

    def forward(self, x, mask=None):
        self.seen = mask
        return 2 * x, lambda d_y: 2 * d_y


class Mix(layers.Layer):
    """Two inputs: their sum and the first alone."""

    def forward(self, x):
        first, second = x
        return first + 3 * second, lambda d_y: [d_y, 3 * d_y]


def text_model(dense, seed=1, **embedding):
    tokens = embedcnn.Input((9,), dtype="int32")
    x = layers.Embedding(20, 5, **embedding)(tokens)
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(6, 2, activation="relu")(dense(x)))
    return embedcnn.Model(tokens, layers.Dense(3, activation="softmax")(x), seed=seed)


def same_start(model, seed=3):
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(size=weight.shape) / 3 for weight in model.weights])
    return model


@pytest.mark.parametrize("twin", [PythonDense, CallDense])
@pytest.mark.parametrize("mask_zero", [False, True])
def test_a_layer_trains_as_its_built_in_twin(twin, mask_zero):
    losses, weights = [], []
    for dense in (layers.Dense(4, activation="tanh"), twin(4)):
        model = same_start(text_model(dense, mask_zero=mask_zero))
        model.compile(embedcnn.optimizers.Adam(0.01, global_clipnorm=0.5), "sparse_categorical_crossentropy")
        losses.append(model.fit(X, Y, batch_size=8, epochs=3, verbose=0).history["loss"])
        weights.append(model.get_weights())
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-5)


def test_a_frozen_layer_keeps_its_bits_and_passes_gradients_on():
    dense = PythonDense(4, trainable=False)
    model = text_model(dense)
    model.compile("adam", "sparse_categorical_crossentropy")
    before, table = dense.get_weights(), model.layers[1].get_weights()[0]
    model.fit(X, Y, epochs=1, verbose=0)
    for one, other in zip(before, dense.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (model.layers[1].get_weights()[0] != table).any()


def test_masks_are_given_and_go_on():
    scale = Scale()
    tokens = embedcnn.Input((None,), dtype="int32")
    embedding = layers.Embedding(20, 4, mask_zero=True)
    pooled = layers.GlobalAveragePooling1D()
    model = embedcnn.Model(tokens, pooled(scale(embedding(tokens))))
    ids = np.array([[3, 4, 0, 0], [5, 0, 0, 0]])
    table = embedding.embeddings.numpy()
    np.testing.assert_allclose(model.predict(ids), [table[3] + table[4], 2 * table[5]], rtol=1e-5)
    np.testing.assert_array_equal(scale.seen, ids != 0)
    ragged = embedcnn.Ragged([3, 4, 5], [0, 2, 3])
    np.testing.assert_array_equal(model.predict(ragged), model.predict(ids))


def test_several_inputs_and_another_number_of_steps():
    a, b = embedcnn.Input((4,)), embedcnn.Input((4,))
    out = layers.Lambda(
        lambda x: x.reshape(len(x), 2, 2), output_shape=(2, 2), backward=lambda x, d: d.reshape(len(d), 4)
    )(Mix()([a, b]))
    model = embedcnn.Model([a, b], layers.Dense(1)(layers.Flatten()(out)))
    x = RANDOM.normal(size=(2, 8, 4))
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(
        model.predict([x[0], x[1]]), (x[0] + 3 * x[1]) @ kernel + bias, rtol=1e-4, atol=1e-5
    )
    model.compile("sgd", "mse")
    history = model.fit([x[0], x[1]], np.ones(8), epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]


def double(x):
    return 2 * x


def double_back(x, d_y):
    return 2 * d_y


def test_lambda_in_a_file_needs_its_functions(tmp_path):
    numbers = embedcnn.Input((3,))
    out = layers.Dense(1)(layers.Lambda(double, backward=double_back)(numbers))
    model = embedcnn.Model(numbers, out)
    model.compile("sgd", "mse")
    model.save(tmp_path / "m")
    with pytest.raises(ValueError, match="the function of Lambda 'lambda.*' is 'double'.*custom_objects"):
        models.load_model(tmp_path / "m")
    known = {"double": double, "double_back": double_back}
    again = models.load_model(tmp_path / "m", custom_objects=known)
    x = RANDOM.normal(size=(5, 3))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.fit(x, np.ones(5), verbose=0).history["loss"][0] > 0
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(x), model.predict(x))


def test_a_class_in_a_file_is_given(tmp_path):
    model = text_model(PythonDense(4))
    model.save(tmp_path / "m")
    with pytest.raises(ValueError, match="unknown layer class 'PythonDense'.*custom_objects"):
        models.load_model(tmp_path / "m")
    again = models.load_model(tmp_path / "m", custom_objects={"PythonDense": PythonDense})
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    copy = embedcnn.Model.from_config(model.get_config(), {"PythonDense": PythonDense})
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    with pytest.raises(ValueError, match="must be a subclass of Layer"):
        models.load_model(tmp_path / "m", custom_objects={"PythonDense": dict})
    with pytest.raises(TypeError, match="`custom_objects` must be a dict"):
        models.load_model(tmp_path / "m", custom_objects=[PythonDense])


class Governed(layers.Layer):
    """A weight under a penalty and a constraint, one that counts calls, and one without a name."""

    def build(self, input_shape):
        size = input_shape[-1]
        self.scale = self.add_weight(
            name="scale", shape=(size,), initializer="ones", regularizer="l2", constraint="non_neg"
        )
        self.calls = self.add_weight(shape=(1,), initializer="zeros", trainable=False)

    def forward(self, x, training=False):
        if training:
            self.calls.value += 1
        return x * self.scale.value, lambda d_y: (d_y * self.scale.value, [(d_y * x).sum(0), None])


def test_weights_may_be_governed_or_not_learned(tmp_path):
    numbers = embedcnn.Input((3,))
    layer = Governed()
    model = embedcnn.Model(
        numbers, layers.Dense(1, trainable=False, kernel_initializer="ones")(layer(numbers))
    )
    assert [weight.name for weight in layer.weights] == ["scale", "weight"]
    assert [weight.name for weight in layer.non_trainable_weights] == ["weight"]
    model.compile(embedcnn.optimizers.SGD(0.5), "mse")
    x = np.ones((8, 3), np.float32)
    first = model.evaluate(x, np.full(8, 3.0), verbose=0)
    assert first == pytest.approx(3 * 0.01, rel=1e-4)  # the penalty alone
    model.fit(x, np.full(8, -30.0), batch_size=4, epochs=3, verbose=0)
    assert (layer.scale.value == 0).all() and layer.calls.value[0] == 6
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m", custom_objects={"Governed": Governed})
    assert again.layers[1].calls.value[0] == 6


class Broken(layers.Layer):
    """Whatever a test lets it do."""

    def __init__(self, does, shape=None):
        super().__init__()
        self.does, self.shape = does, shape

    def compute_output_shape(self, input_shape):
        return self.shape or input_shape

    def forward(self, x):
        return self.does(x)


class Silent(layers.Layer):
    """Computes nothing."""


WRONG = {
    "no function": (Silent, TypeError, "has no `forward`"),
    "no gradient": (lambda: Broken(lambda x: x), TypeError, "gave no backward function"),
    "a tuple of three": (
        lambda: Broken(lambda x: (x, x, x)),
        TypeError,
        r"must return y, or \(y, backward\)",
    ),
    "shape": (lambda: Broken(lambda x: x[:, :2]), ValueError, r"must return numbers of shape \(4, 3\)"),
    "text": (lambda: Broken(lambda x: np.full(x.shape, "a")), ValueError, "must return numbers"),
    "shape of the gradient": (
        lambda: Broken(lambda x: (x, lambda d: d[:1])),
        ValueError,
        r"the gradient of an input has the shape \(1, 3\); expected \(4, 3\)",
    ),
    "gradients of weights": (
        lambda: Broken(lambda x: (x, lambda d: (d, [d]))),
        ValueError,
        "Received: 1 gradients",
    ),
    "gradient tuple": (lambda: Broken(lambda x: (x, lambda d: (d, d, d))), TypeError, "must return d_x, or"),
    "output shape": (lambda: Broken(lambda x: x, (None,)), ValueError, "compute_output_shape"),
    "unknown steps": (lambda: Broken(lambda x: x, (None, None, 3)), ValueError, "the number of steps"),
    "its own error": (lambda: Broken(lambda x: x / {}), TypeError, "unsupported operand"),
    "lambda function": (lambda: layers.Lambda(3), TypeError, "`function` must be a function"),
    "lambda backward": (
        lambda: layers.Lambda(double, backward=2),
        TypeError,
        "`backward` must be a function",
    ),
    "lambda mask": (lambda: layers.Lambda(double, mask=True), ValueError, "mask=True"),
    "lambda without gradient": (lambda: layers.Lambda(np.cbrt), TypeError, "gave no backward function"),
}


@pytest.mark.parametrize("name", WRONG)
def test_misuse(name):
    make, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        numbers = embedcnn.Input((3,))
        model = embedcnn.Model(numbers, layers.Dense(1)(make()(layers.Dense(3)(numbers))))
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 3)), np.ones(4), verbose=0)


def test_an_error_leaves_the_weights():
    numbers = embedcnn.Input((3,))
    fails = Broken(lambda x: (x, lambda d: 1 / 0))
    model = embedcnn.Model(numbers, layers.Dense(1)(fails(layers.Dense(3)(numbers))))
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(ZeroDivisionError):
        model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.predict(np.ones((4, 3))).shape == (4, 1)
