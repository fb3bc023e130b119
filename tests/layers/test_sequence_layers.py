"""Pooling over windows, flattening, merging, normalising, spatial dropout: as layers of a model."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers


def numbers(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def test_pooling_values():
    x = np.arange(10, dtype=np.float32).reshape(1, 10, 1)
    inputs = embedcnn.Input((10, 1))
    pools = [layers.MaxPooling1D(3)(inputs), layers.AveragePooling1D(4, strides=3, padding="same")(inputs)]
    largest, mean = embedcnn.Model(inputs, pools).predict(x, verbose=0)
    np.testing.assert_array_equal(largest.ravel(), [2, 5, 8])
    np.testing.assert_allclose(mean.ravel(), [1, 3.5, 6.5, 8.5])
    assert pools[0].shape == (None, 3, 1)
    assert pools[1].shape == (None, 4, 1)


def test_merging_values():
    a, b = embedcnn.Input((3,)), embedcnn.Input((3,))
    kinds = [layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum]
    model = embedcnn.Model([a, b], [kind()([a, b]) for kind in kinds])
    x, y = numbers(4, 3), numbers(4, 3)[::-1].copy()
    expected = [x + y, x - y, x * y, (x + y) / 2, np.maximum(x, y), np.minimum(x, y)]
    for got, want in zip(model.predict([x, y], verbose=0), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)


def stacked_model(**embedding):
    """Convolution, pooling, normalisation and a residual sum, on word ids."""
    inputs = embedcnn.Input((12,), dtype="int32")
    x = layers.Embedding(30, 6, **embedding)(inputs)
    x = layers.SpatialDropout1D(0.2)(x)
    x = layers.Conv1D(6, 3, padding="same", activation="relu")(x)
    x = layers.LayerNormalization()(layers.MaxPooling1D(2)(x))
    x = layers.Add()([x, layers.Conv1D(6, 3, padding="same", activation="tanh")(x)])
    x = layers.Concatenate()([layers.Flatten()(x), layers.GlobalAveragePooling1D()(x)])
    return embedcnn.Model(inputs, layers.Dense(2, activation="softmax")(x))


@pytest.mark.parametrize("mask_zero", [False, True])
def test_a_stacked_model_learns_and_is_saved(tmp_path, mask_zero):
    embedcnn.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    x = rng.integers(2, 30, (120, 12))
    x[np.arange(120), rng.integers(0, 12, 120)] = 1
    x[::2] = np.where(x[::2] == 1, 2, x[::2])  # the even ones do not hold the word 1
    y = np.arange(120) % 2
    model = stacked_model(mask_zero=mask_zero)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.01
    history = model.fit(x, y, epochs=25, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] / 3
    model.save(tmp_path / "model")
    again = embedcnn.models.load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_padding_behind_a_masked_text_changes_nothing_but_flatten():
    inputs = embedcnn.Input((None,), dtype="int32")
    x = layers.Embedding(30, 5, mask_zero=True)(inputs)
    x = layers.AveragePooling1D(2)(layers.Conv1D(4, 2)(x))
    model = embedcnn.Model(inputs, layers.GlobalMaxPooling1D()(layers.LayerNormalization()(x)))
    x = np.random.default_rng(3).integers(1, 30, (6, 9))
    padded = np.pad(x, ((0, 0), (4, 3)))
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(padded, verbose=0))


def test_the_seed_of_a_dropout_decides_what_it_drops():
    def dropped(**seed):
        inputs = embedcnn.Input((2000,))
        model = embedcnn.Model(inputs, layers.Dropout(0.5, **seed)(layers.Dense(2000, name="same")(inputs)))
        model.compile("sgd", "mean_squared_error")
        model.layers[1].set_weights([np.eye(2000), np.zeros(2000)])
        model.seed = 3
        model.train_on_batch(np.ones((1, 2000)), np.zeros((1, 2000)))
        return model.layers[1].get_weights()[1] == 0  # the bias of a dropped unit has no gradient

    one, again, other = dropped(seed=1), dropped(seed=1), dropped(seed=2)
    np.testing.assert_array_equal(one, again)
    assert 800 < (one != other).sum() < 1200
    assert layers.Dropout(0.5, seed=7).get_config()["seed"] == 7


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.MaxPooling1D(0), "pool_size"),
        (lambda: layers.MaxPooling1D(2, strides=0), "strides"),
        (lambda: layers.AveragePooling1D(2, padding="causal"), "padding"),
        (lambda: layers.MaxPooling1D()(embedcnn.Input((4,))), "3 axes"),
        (lambda: layers.Flatten()(embedcnn.Input((None, 4))), "length"),
        (lambda: layers.LayerNormalization(epsilon=0), "epsilon"),
        (lambda: layers.LayerNormalization(axis=1)(embedcnn.Input((None, 4))), "axis"),
        (lambda: layers.Add()([embedcnn.Input((3,))]), "at least 2"),
        (lambda: layers.Subtract()([embedcnn.Input((3,))] * 3), "exactly 2"),
        (lambda: layers.Multiply()([embedcnn.Input((3,)), embedcnn.Input((4,))]), "one shape"),
        (lambda: layers.SpatialDropout1D(1.0), "rate"),
        (lambda: layers.Dropout(0.5, noise_shape=(1, 2))(embedcnn.Input((3, 4))), "noise_shape"),
        (lambda: layers.Dropout(0.5, seed=1.5), "seed"),
        (lambda: layers.SpatialDropout1D(0.5)(embedcnn.Input((4,))), "3 axes"),
    ],
)
def test_misuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()
