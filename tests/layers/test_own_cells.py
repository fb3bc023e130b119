"""RNN of a cell of one's own: the numbers of SimpleRNN, states, cells above each other, files, mistakes."""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import layers, ops

X = np.random.default_rng(0).normal(size=(6, 5, 3)).astype(np.float32)


class Simple(layers.Layer):
    """SimpleRNN's step, of a layer and a weight."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = units
        self.dense = layers.Dense(units)

    def build(self, input_shape):
        self.recurrent = self.add_weight("recurrent", (self.units, self.units), "orthogonal")

    def call(self, inputs, states):
        h = ops.tanh(self.dense(inputs) + ops.matmul(states[0], self.recurrent))
        return h, [h]


def twins(**options):
    x = keras.Input((5, 3))
    own, plain = layers.RNN(Simple(4), **options), layers.SimpleRNN(4, **options)
    models = [keras.Model(x, layer(x)) for layer in (own, plain)]
    recurrent, kernel, bias = np.split(np.random.default_rng(1).normal(size=32), [16, 28])
    values = kernel.reshape(3, 4), recurrent.reshape(4, 4), bias
    plain.set_weights(values)
    own.set_weights([values[1], values[0], values[2]])
    return models


@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"go_backwards": True}])
def test_the_numbers_of_simple_rnn(options):
    own, plain = twins(**options)
    np.testing.assert_allclose(own.predict(X, verbose=0), plain.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    losses = []
    for model in (own, plain):
        model.compile(keras.optimizers.Adam(0.05), "mse")
        y = np.zeros(model.predict(X, verbose=0).shape)
        losses.append([model.train_on_batch(X, y) for _ in range(4)])
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_states_and_cells_above_each_other(tmp_path):
    x, start = keras.Input((5, 3)), keras.Input((4,))
    out, state = layers.RNN(Simple(4), return_state=True)(x, initial_state=[start])
    upper = layers.RNN([Simple(4), Simple(2)])(x)
    model = keras.Model([x, start], [out, state, upper])
    given = [X, np.ones((6, 4), np.float32)]
    found = model.predict(given, verbose=0)
    np.testing.assert_array_equal(found[0], found[1])
    assert found[2].shape == (6, 2)
    assert (found[0] != model.predict([X, 0 * given[1]], verbose=0)[0]).any()
    model.save(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model", custom_objects={"Simple": Simple})
    for one, other in zip(again.predict(given, verbose=0), found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("backwards", [False, True])
def test_masked_steps_keep_states_and_outputs(backwards):
    ids = np.array([[1, 2, 3, 0, 0], [0, 4, 0, 5, 0], [0, 0, 0, 0, 0], [1, 2, 3, 4, 5]])
    tokens = keras.Input((5,), dtype="int32")
    x = layers.Embedding(6, 3, mask_zero=True)(tokens)
    own, plain = (
        [cls(4, go_backwards=backwards), cls(4, go_backwards=backwards, return_sequences=True)]
        for cls in (lambda units, **options: layers.RNN(Simple(units), **options), layers.SimpleRNN)
    )
    made = [[pair[0](x), pair[1](x), layers.GlobalMaxPooling1D()(pair[1](x))] for pair in (own, plain)]
    recurrent, kernel, bias = np.split(np.random.default_rng(1).normal(size=32), [16, 28])
    for one, other in zip(own, plain, strict=True):
        other.set_weights([kernel.reshape(3, 4), recurrent.reshape(4, 4), bias])
        one.set_weights([recurrent.reshape(4, 4), kernel.reshape(3, 4), bias])
    got, expected = (keras.Model(tokens, outputs).predict(ids, verbose=0) for outputs in made)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got[2], expected[2], rtol=1e-5, atol=1e-6)
    counts = ((ids > 0)[:, ::-1] if backwards else ids > 0)[:, :, None]
    np.testing.assert_allclose(got[1], expected[1] * counts, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{}, {"return_sequences": True}, {"go_backwards": True}, {"zero_output_for_mask": True}]
)
def test_texts_of_open_length_give_and_learn_the_same(options):
    """The loop over steps in Python against the steps in the graph."""
    ids = np.array([[1, 2, 3, 0, 0], [0, 4, 0, 5, 0], [0, 0, 0, 0, 0], [1, 2, 3, 4, 5]])
    found = []
    for length in (5, None):
        tokens = keras.Input((length,), dtype="int32")
        x = layers.Embedding(6, 3, mask_zero=True)(tokens)
        x = layers.RNN([Simple(4), Simple(2)], **options)(x)
        x = layers.GlobalMaxPooling1D()(x) if "return_sequences" in options else x
        model = keras.Model(tokens, layers.Dense(1)(x))
        rng = np.random.default_rng(3)
        model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
        model.compile(keras.optimizers.SGD(0.05), "mse")
        before = model.predict(ids, verbose=0)
        losses = [model.train_on_batch(ids, np.ones(4)) for _ in range(3)]
        found.append([before, losses, *model.get_weights()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_texts_of_open_length_in_files(tmp_path):
    x = keras.Input((None, 3))
    model = keras.Model(x, layers.RNN(Simple(4))(x))
    model.save(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model", custom_objects={"Simple": Simple})
    for steps in (5, 2):
        given = X[:, :steps]
        np.testing.assert_array_equal(again.predict(given, verbose=0), model.predict(given, verbose=0))


def test_mistakes():
    with pytest.raises(ValueError, match="over texts of open length: without states"):
        layers.RNN(Simple(4), return_state=True)(keras.Input((None, 3)))
    with pytest.raises(ValueError, match="`stateful` must be False"):
        layers.RNN(Simple(4), stateful=True)
