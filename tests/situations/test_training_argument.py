"""`training=` in the call of a layer or of a model within a graph holds whatever the model is run for:
dropout in predictions (Monte Carlo dropout), batch normalisation that stays as it was learnt.
"""

import numpy as np
import pytest

import embedcnn as keras

L = keras.layers
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(64, 6)).astype(np.float32), RNG.normal(size=64).astype(np.float32)
TEXTS = RNG.normal(size=(8, 5, 6)).astype(np.float32)


def model_of(layer, training, shape=(6,)):
    x = keras.Input(shape)
    return keras.Model(x, layer(x, training=training), seed=7)


RANDOM = {
    "Dropout": (lambda: L.Dropout(0.5), X),
    "SpatialDropout1D": (lambda: L.SpatialDropout1D(0.5), TEXTS),
    "GaussianNoise": (lambda: L.GaussianNoise(0.5), X),
    "GaussianDropout": (lambda: L.GaussianDropout(0.5), X),
    "LSTM dropout": (lambda: L.LSTM(3, dropout=0.5), TEXTS),
    "GRU recurrent_dropout": (lambda: L.GRU(3, recurrent_dropout=0.5), TEXTS),
    "Bidirectional": (lambda: L.Bidirectional(L.SimpleRNN(3, dropout=0.5)), TEXTS),
    "TimeDistributed": (lambda: L.TimeDistributed(L.Dropout(0.5)), TEXTS),
    "a model": (lambda: keras.Sequential([keras.Input((6,)), L.Dropout(0.5), L.Dense(2)]), X),
    "each step a model": (
        lambda: L.TimeDistributed(keras.Sequential([keras.Input((6,)), L.Dropout(0.5), L.Dense(2)])),
        TEXTS,
    ),
}


@pytest.mark.parametrize("name", RANDOM)
def test_true_is_random_in_predictions(name):
    make, x = RANDOM[name]
    keras.utils.set_random_seed(1)
    layer = make()
    model = model_of(layer, True, x.shape[1:])
    first, second = model.predict(x, verbose=0), model.predict(x, verbose=0)
    assert (first != second).any()
    assert (model(x) != model.predict_on_batch(x)).any()
    with_false = model_of(layer, False, x.shape[1:])
    np.testing.assert_array_equal(with_false.predict(x, verbose=0), with_false(x, training=True))
    plain = model_of(layer, None, x.shape[1:])
    np.testing.assert_array_equal(plain.predict(x, verbose=0), with_false.predict(x, verbose=0))


def test_monte_carlo_dropout_is_that_of_training():
    model = model_of(L.Dropout(0.5), True)
    drawn = np.mean([model.predict(X, verbose=0) for _ in range(400)], axis=0)
    np.testing.assert_allclose(drawn, X, atol=0.35)
    values = np.unique((model.predict(np.ones((64, 6), np.float32), verbose=0)).round(4))
    assert values.tolist() == [0.0, 2.0]
    one = model_of(L.Dropout(0.5), None)
    assert (one.predict(X, verbose=0) == X).all()


def test_the_same_seed_draws_the_same():
    one, other = (model_of(L.Dropout(0.5), True) for _ in range(2))
    for _ in range(3):
        np.testing.assert_array_equal(one.predict(X, verbose=0), other.predict(X, verbose=0))


def test_false_is_silent_in_training():
    for layer in (L.Dropout(0.9), L.GaussianNoise(9.0)):
        x = keras.Input((6,))
        model = keras.Model(x, L.Dense(1, kernel_initializer="ones")(layer(x, training=False)))
        model.compile("sgd", "mse")
        expected = float(np.mean((X.sum(1) - Y) ** 2))
        assert model.train_on_batch(X, Y) == pytest.approx(expected, rel=1e-4)


def test_batch_normalization_with_false_is_frozen():
    x = keras.Input((6,))
    layer = L.BatchNormalization()
    model = keras.Model(x, L.Dense(1)(layer(x, training=False)))
    model.compile("sgd", "mse")
    before = model.predict(X, verbose=0)
    loss = model.train_on_batch(X, Y)
    assert loss == pytest.approx(float(np.mean((before[:, 0] - Y) ** 2)), rel=1e-4)
    assert (layer.moving_mean.numpy() == 0).all() and (layer.moving_variance.numpy() == 1).all()
    assert (layer.gamma.numpy() != 1).any()  # these learn
    plain = keras.Model(x, L.Dense(1)(L.BatchNormalization()(x)))
    plain.compile("sgd", "mse")
    plain.train_on_batch(X, Y)
    assert (plain.layers[1].moving_mean.numpy() != 0).all()


def test_a_base_model_that_stays_as_it_was_learnt():
    """The guide of Keras's site to transfer learning: base(x, training=False)."""
    base = keras.Sequential([keras.Input((6,)), L.BatchNormalization(), L.Dropout(0.5)])
    x = keras.Input((6,))
    model = keras.Model(x, L.Dense(1)(base(x, training=False)))
    model.compile("sgd", "mse")
    before = model.predict(X, verbose=0)
    assert model.train_on_batch(X, Y) == pytest.approx(float(np.mean((before[:, 0] - Y) ** 2)), rel=1e-4)
    assert (base.layers[0].moving_mean.numpy() == 0).all()


def test_batch_normalization_with_true_is_refused():
    with pytest.raises(ValueError, match="uses the moving statistics, never those of its batch"):
        L.BatchNormalization()(keras.Input((6,)), training=True)


@pytest.mark.parametrize("training", [1, "yes", [True]])
def test_other_values_are_refused(training):
    with pytest.raises(TypeError, match="`training` of .* must be True, False or None. Received"):
        L.Dropout(0.5)(keras.Input((6,)), training=training)
    with pytest.raises(TypeError, match="must be True, False or None"):
        L.LSTM(2)(keras.Input((5, 6)), training=training)


def test_a_layer_in_python_is_told():
    told = []

    def look(x, training):
        told.append(training)
        return x

    x = keras.Input((6,))
    for training in (True, False, None):
        layer = L.Lambda(look, output_shape=(6,), backward=lambda x, d: d)
        model = keras.Model(x, L.Dense(1)(layer(x, training=training)))
        model.compile("sgd", "mse")
        told.clear()
        model.predict_on_batch(X)
        model.train_on_batch(X, Y)
        assert told == ([False, True] if training is None else [training, training])


@pytest.mark.parametrize("name", ["Dropout", "a model", "TimeDistributed"])
def test_it_is_saved(name, tmp_path):
    make, x = RANDOM[name]
    for training in (True, False, None):
        model = model_of(make(), training, x.shape[1:])
        model.save(tmp_path / "m")
        for again in (keras.models.load_model(tmp_path / "m"), keras.models.clone_model(model)):
            random = (again.predict(x, verbose=0) != again.predict(x, verbose=0)).any()
            assert random == (training is True)
            outer = keras.Input(x.shape[1:])
            nested = keras.Model(outer, again(outer, training=False))
            assert (nested.predict(x, verbose=0) != nested.predict(x, verbose=0)).any() == (training is True)


def test_larger_batches_draw_for_each_example():
    x = np.ones((3000, 6), np.float32)
    found = model_of(L.Dropout(0.5), True).predict(x, verbose=0)
    assert len(np.unique(found, axis=0)) == 64
