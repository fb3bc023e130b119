"""Layers along other axes than the last, in models: shapes, masks, saving, training, refused arguments. Their
values are compared with Keras's in test_golden.py."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers


def ids():
    return np.array([[1, 2, 3, 0], [4, 0, 0, 0]], np.int32)


def test_attention_written_by_hand_equals_the_layer():
    """A score for each step, softmax over the steps, the weighted mean: as tutorials write it."""
    given = embedcnn.Input((None,), dtype="int32")
    words = layers.Embedding(9, 6, mask_zero=True)(given)
    scores = layers.Dense(1, use_bias=False)(layers.Dense(5, activation="tanh")(words))
    share = layers.Softmax(axis=1)(scores)
    model = embedcnn.Model(given, share)
    weights = model.predict(ids(), verbose=0)[:, :, 0]
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    assert (weights[ids() == 0] == 0).all() and weights[1, 0] == 1


def test_texts_joined_along_time_keep_their_masks():
    a, b = embedcnn.Input((4,), dtype="int32"), embedcnn.Input((None,), dtype="int32")
    table = layers.Embedding(9, 3, mask_zero=True)
    both = layers.Concatenate(axis=1)([table(a), table(b)])
    assert both.shape == (None, None, 3)
    state = layers.LSTM(5, name="lstm")
    model = embedcnn.Model([a, b], [layers.GlobalAveragePooling1D()(both), state(both)])
    means, states = model.predict([ids(), ids()[:, :2]], verbose=0)
    rows = table.get_weights()[0]
    np.testing.assert_allclose(means[0], rows[[1, 2, 3, 1, 2]].mean(0), rtol=1e-5)
    np.testing.assert_allclose(means[1], rows[[4, 4]].mean(0), rtol=1e-5)
    close = embedcnn.Model(c := embedcnn.Input((None,), dtype="int32"), state(table(c)))
    np.testing.assert_allclose(states[0], close.predict([[1, 2, 3, 1, 2]], verbose=0)[0], rtol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Softmax(axis=-2),
        lambda: layers.LayerNormalization(axis=[1, 2]),
        lambda: layers.BatchNormalization(axis=1),
        lambda: layers.UnitNormalization(axis=(1, 2)),
        lambda: layers.Dropout(0.5, noise_shape=(None, 1, 4)),
    ],
)
def test_trained_saved_and_loaded(layer, tmp_path):
    x, y = np.random.default_rng(0).normal(size=(20, 6, 4)).astype(np.float32), np.arange(20) % 2
    model = embedcnn.Sequential(
        [embedcnn.Input((6, 4)), layer(), layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    model.compile(embedcnn.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    history = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "model")
    again = embedcnn.models.load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.layers[-3].get_config() == model.layers[-3].get_config()


def test_time_distributed_counts_the_axes_of_a_step():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    given = embedcnn.Input((3, 4, 5))
    out = embedcnn.Model(given, layers.TimeDistributed(layers.Softmax(axis=1))(given)).predict(x, verbose=0)
    np.testing.assert_allclose(out, np.exp(x) / np.exp(x).sum(2, keepdims=True), rtol=1e-5)
    flat = embedcnn.Input((4, 5))
    out = embedcnn.Model(flat, layers.TimeDistributed(layers.Softmax(axis=1))(flat)).predict(x[0], verbose=0)
    np.testing.assert_allclose(out, np.exp(x[0]) / np.exp(x[0]).sum(2, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize(
    "sizes, same",
    [((None, 1, 4), 1), ((8, 6, 1), 2), ((1, 6, 4), 0), ((None, 1, 1), (1, 2)), ([None, None, None], ())],
)
def test_noise_shape(sizes, same):
    given = embedcnn.Input((6, 4))
    model = embedcnn.Model(given, layers.Dropout(0.5, noise_shape=sizes)(given))
    dropped = model(np.ones((8, 6, 4), np.float32), training=True) == 0
    same = (same,) if isinstance(same, int) else same
    for axis in range(3):
        alike = (dropped == dropped.take([0], axis)).all()
        assert alike == (axis in same), axis


def test_a_loss_on_shares_over_the_steps_is_not_that_of_logits():
    given = embedcnn.Input((3, 2))
    model = embedcnn.Model(given, layers.Softmax(axis=1)(given))
    model.compile("sgd", "categorical_crossentropy")
    x = np.random.default_rng(1).normal(size=(4, 3, 2)).astype(np.float32)
    y = np.eye(2)[np.arange(12) % 2].reshape(4, 3, 2)
    p = model.predict(x, verbose=0)
    expected = embedcnn.losses.CategoricalCrossentropy()(y, p)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-5)


def test_a_language_model_refuses_a_softmax_over_its_steps():
    model = embedcnn.Sequential(
        [
            layers.Embedding(5, 4),
            layers.GRU(6, return_sequences=True),
            layers.Dense(5),
            layers.Softmax(axis=1),
        ]
    )
    model.build((None, None))
    with pytest.raises(ValueError, match="softmax, which reads several steps"):
        embedcnn.language_model.generation.Stepper(model)


def sequence():
    return embedcnn.Input((6, 4))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: layers.Softmax(axis=3)(sequence()), "must be among 1 to 2, or -1 to -2.*axis=3"),
        (lambda: layers.Softmax(axis=0), "not be that of the batch"),
        (lambda: layers.Softmax(axis=[1, -2])(sequence()), "axis"),
        (lambda: layers.Softmax(axis=1.5), "axis"),
        (
            lambda: layers.LayerNormalization(axis=1)(embedcnn.Input((None, 4))),
            "must know the size of axis=1",
        ),
        (lambda: layers.BatchNormalization(axis=[1, 2]), "`axis` must be an axis"),
        (lambda: layers.Concatenate(axis=1)([sequence(), embedcnn.Input((6, 3))]), "agree in all but axis 1"),
        (lambda: layers.Concatenate(axis=3)([sequence(), sequence()]), "axis=3"),
        (lambda: layers.Dropout(0.5, noise_shape=(None, 4))(sequence()), r"noise_shape=\(None, 4\)"),
        (lambda: layers.Dropout(0.5, noise_shape=(None, 2, 4))(sequence()), r"noise_shape=\(None, 2, 4\)"),
        (lambda: layers.Dropout(0.5, noise_shape=3), "noise_shape=3"),
    ],
)
def test_misuse(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_a_layer_that_was_built_for_other_sizes():
    layer = layers.LayerNormalization(axis=[1, 2])
    layer(sequence())
    with pytest.raises(ValueError, match=r"built for sizes \(6, 4\)"):
        layer(embedcnn.Input((5, 4)))
