"""Layers made of operations: what golden values do not show of EinsumDense, RMSNormalization, Normalization,
Conv1DTranspose ... : files, texts of any length, masks, refusals.
"""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers

RNG = np.random.default_rng(5)
X = RNG.normal(size=(3, 6, 4)).astype(np.float32)
SMALL = [
    layers.EinsumDense("...x,xy->...y", 3, bias_axes="y", activation="relu"),
    layers.RMSNormalization(),
    layers.GroupNormalization(2),
    layers.Rescaling(0.5, offset=[1.0, 2, 3, 4]),
    layers.Normalization(mean=[1.0, 2, 3, 4], variance=[4.0, 3, 2, 1]),
    layers.UpSampling1D(2),
    layers.ZeroPadding1D((1, 2)),
    layers.Cropping1D((1, 2)),
    layers.Conv1DTranspose(3, 4, strides=1, padding="same", activation="tanh"),
    layers.ActivityRegularization(0.1, 0.2),
]


@pytest.mark.parametrize("layer", SMALL, ids=lambda layer: type(layer).__name__)
def test_files_and_texts_of_any_length(layer, tmp_path):
    results = []
    for steps in (6, None):
        inputs = embedcnn.Input((steps, 4))
        model = embedcnn.Model(inputs, layer(inputs))
        results.append(model.predict(X, verbose=0))
        model.save(tmp_path / "layer.embedcnn")
        again = embedcnn.models.load_model(tmp_path / "layer.embedcnn")
        np.testing.assert_array_equal(again.predict(X, verbose=0), results[-1])
    np.testing.assert_array_equal(*results)
    np.testing.assert_allclose(layer(X), results[0], rtol=1e-6, atol=1e-6)


def test_masked_steps_take_no_part():
    ids = np.array([[1, 2, 3, 0, 0], [2, 0, 0, 0, 0]])
    tokens = embedcnn.Input((None,), dtype="int32")
    x = layers.Embedding(4, 6, mask_zero=True)(tokens)
    normalized = [layers.GroupNormalization(3), layers.RMSNormalization(), layers.Rescaling(2.0, 1.0)]
    model = embedcnn.Model(tokens, [layer(x) for layer in normalized])
    wide, alone = model.predict(ids, verbose=0), model.predict(ids[:, :3], verbose=0)
    for one, other in zip(wide, alone, strict=True):
        np.testing.assert_allclose(one[:, :3], other, rtol=1e-5, atol=1e-6)
        assert not one[:, 3:].any() and not one[1, 1:].any()


def test_normalization_learns_its_scale_from_data():
    data = RNG.normal(3.0, [1, 2, 3, 4], size=(50, 6, 4))
    layer = layers.Normalization()
    layer.adapt(data)
    made = np.asarray(layer(data.astype(np.float32)))
    np.testing.assert_allclose(made.mean((0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(made.std((0, 1)), 1, rtol=1e-4)
    assert [weight.trainable for weight in layer.weights] == [False] * 3
    whole = layers.Normalization(axis=None)
    whole.adapt([data[:20], data[20:]])
    np.testing.assert_allclose(whole.weights[0].numpy(), data.mean(), rtol=1e-6)
    np.testing.assert_allclose(whole.weights[1].numpy(), data.var(), rtol=1e-6)
    with pytest.raises(ValueError, match="both or neither"):
        layers.Normalization(mean=1.0)


def test_activity_regularization_adds_to_the_loss():
    inputs = embedcnn.Input((4,))
    losses = []
    for options in ({}, {"l1": 0.5, "l2": 0.25}):
        layer = layers.ActivityRegularization(**options)
        model = embedcnn.Model(inputs, layers.Dense(1, kernel_initializer="ones")(layer(inputs)))
        model.compile("sgd", "mse")
        losses.append(model.evaluate(X[:, 0], np.zeros(3), verbose=0))
    x = X[:, 0]
    penalty = (0.5 * np.abs(x).sum() + 0.25 * (x**2).sum()) / len(x)
    assert losses[1] - losses[0] == pytest.approx(penalty, rel=1e-5)
    assert layer.get_config() == {"name": layer.name, "trainable": True, "l1": 0.5, "l2": 0.25}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.EinsumDense("ab->ac", 3), "equation='ab->ac'"),
        (lambda: layers.EinsumDense("abc,cd->abd", [None, None]), "must know the sizes"),
        (lambda: layers.EinsumDense("abc,cd->abd", [5, 2]), "gives 5 places"),
        (lambda: layers.GroupNormalization(3), "must divide the 4 channels"),
        (lambda: layers.GroupNormalization(2, axis=1), "axis=1"),
        (lambda: layers.Cropping1D(3), "leaves nothing of 6 steps"),
        (lambda: layers.Cropping1D((1, 2, 3)), "must be a number or two"),
        (lambda: layers.Conv1DTranspose(3, 2, strides=2, output_padding=2), "output_padding=2"),
        (lambda: layers.Rescaling("a"), "scale='a'"),
    ],
)
def test_refusals(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()(embedcnn.Input((6, 4)))
