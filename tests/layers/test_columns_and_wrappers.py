"""Discretization against Keras's bins, AlphaDropout, and layers of one's own around others."""

import json
from pathlib import Path

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, models

GOLDEN = json.loads((Path(__file__).resolve().parents[1] / "golden" / "keras_columns.json").read_text())
AGES, ASKED = (np.array(GOLDEN[name], np.float32)[:, None] for name in ("ages", "asked"))


@pytest.mark.parametrize("case", GOLDEN["adapted"])
def test_boundaries_are_keras_s(case):
    bins, _, batches = case.partition(" ")
    layer = layers.Discretization(num_bins=int(bins))
    layer.adapt([AGES[:100], AGES[100:130], AGES[130:]] if batches else AGES)
    boundaries, found = GOLDEN["adapted"][case]
    np.testing.assert_allclose(layer.bin_boundaries, boundaries, rtol=1e-6)
    assert layer(ASKED).tolist() == found


@pytest.mark.parametrize("mode", GOLDEN["modes"])
def test_bins_in_each_mode_alone_and_in_a_model_from_a_file(mode, tmp_path):
    layer = layers.Discretization([20.0, 40.0, 60.0], output_mode=mode)
    assert np.asarray(layer(ASKED)).tolist() == GOLDEN["modes"][mode]
    age = embedcnn.Input((1,), name="age")
    bins = layer(age)
    if mode == "int":
        bins = layers.Flatten()(layers.Embedding(4, 3)(bins))
    both = layers.concatenate([bins, layers.Rescaling(0.01)(age)])  # the number itself is read, too
    model = embedcnn.Model(age, layers.Dense(2)(both))
    model.compile("sgd", "mse")
    model.fit(ASKED, np.zeros((4, 2)), verbose=0)
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(ASKED, verbose=0), model.predict(ASKED, verbose=0))


def test_adapted_boundaries_are_in_the_configuration():
    layer = layers.Discretization(num_bins=4)
    with pytest.raises(ValueError, match="no boundaries yet"):
        layer(ASKED)
    layer.adapt(AGES)
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    assert again.bin_boundaries == layer.bin_boundaries and again.num_bins == 4
    for options in ({}, {"bin_boundaries": [1.0], "num_bins": 2}):
        with pytest.raises(ValueError, match="one of `bin_boundaries` and `num_bins`"):
            layers.Discretization(**options)
    for boundaries in ([2.0, 1.0], [[1.0]], [np.nan]):
        with pytest.raises(ValueError, match="`bin_boundaries` must be finite numbers that ascend"):
            layers.Discretization(boundaries)
    with pytest.raises(ValueError, match="was given its bin_boundaries"):
        layers.Discretization([1.0]).adapt(AGES)


def test_alpha_dropout_keeps_mean_and_variance_and_does_nothing_in_inference():
    x = np.random.default_rng(0).normal(size=(2000, 50)).astype(np.float32)
    inputs = embedcnn.Input((50,))
    for rate in (0.1, 0.5):
        model = embedcnn.Model(inputs, layers.AlphaDropout(rate, seed=3)(inputs))
        trained = model(x, training=True)
        assert abs(trained.mean()) < 0.01 and abs(trained.std() - 1) < 0.01
        bound = -1.6732632423543772 * 1.0507009873554805
        scale = ((1 - rate) * (1 + rate * bound**2)) ** -0.5
        dropped = np.isclose(trained, scale * bound - scale * bound * rate, atol=1e-6)
        assert abs(dropped.mean() - rate) < 0.01
        np.testing.assert_allclose(trained[~dropped], (x * scale - scale * bound * rate)[~dropped], atol=1e-5)
        np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    rows = embedcnn.Model(inputs, layers.AlphaDropout(0.5, noise_shape=(None, 1))(inputs))(x, training=True)
    shift = rows - rows[:, :1]
    assert ((np.abs(shift).max(1) < 1e-6) == (np.abs(rows[:, 0] - rows[:, 1]) < 1e-6)).all()
    again = layers.deserialize(layers.serialize(layers.AlphaDropout(0.25, (None, 1), 5)))
    assert (again.rate, again.noise_shape, again.seed) == (0.25, [None, 1], 5)
    with pytest.raises(ValueError, match="`rate`"):
        layers.AlphaDropout(1.0)


class Doubled(layers.Wrapper):
    def call(self, x):
        return 2.0 * self.layer(x)


def test_a_wrapper_has_the_weights_of_its_layer_and_comes_back_from_a_file(tmp_path):
    inputs = embedcnn.Input((3,))
    model = embedcnn.Model(inputs, Doubled(layers.Dense(2, name="inner"), name="outer")(inputs))
    x = np.ones((2, 3), np.float32)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model.predict(x, verbose=0), 2 * (x @ kernel + bias), rtol=1e-6)
    model.compile("sgd", "mse")
    model.fit(x, np.ones((2, 2)), verbose=0)
    assert (model.get_weights()[0] != kernel).any()
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m", {"Doubled": Doubled})
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    built = Doubled(layers.Dense(2))
    built.build((None, 5))
    assert built.count_params() == 12
    with pytest.raises(TypeError, match="`layer` must be a layer or a model"):
        Doubled("dense")
