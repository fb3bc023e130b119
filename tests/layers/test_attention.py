"""AttentionPooling1D: values, masks, training, rules, and what a file keeps of it."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers

IDS = np.array([[3, 1, 4, 1, 5, 9], [2, 7, 0, 0, 0, 0], [0, 0, 6, 0, 8, 0], [0, 0, 0, 0, 0, 0]])


def classifier(mask_zero=True, length=None, **settings):
    tokens = embedcnn.Input((length,), dtype="int32")
    x = layers.LSTM(6, return_sequences=True)(layers.Embedding(10, 5, mask_zero=mask_zero)(tokens))
    pooled = layers.AttentionPooling1D(7, **settings)(x)
    model = embedcnn.Model(tokens, layers.Dense(3, activation="softmax")(pooled), seed=3)
    model.compile(embedcnn.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    return model


def by_hand(layer, x, mask):
    """What the docstring says, in float64."""
    kernel, *bias, score_kernel = (weight.astype(np.float64) for weight in layer.get_weights())
    hidden = np.tanh(x @ kernel + (bias[0] if bias else 0))
    out = np.zeros((len(x), x.shape[2]))
    for row, (text, scores) in enumerate(zip(x, hidden @ score_kernel, strict=True)):
        if mask[row].any():
            weight = np.exp(scores[mask[row], 0])
            out[row] = weight / weight.sum() @ text[mask[row]]
    return out


@pytest.mark.parametrize("use_bias", [True, False])
def test_values(use_bias):
    rng = np.random.default_rng(0)
    numbers = embedcnn.Input((6, 4))
    layer = layers.AttentionPooling1D(5, use_bias=use_bias, bias_initializer="ones")
    model = embedcnn.Model(numbers, layer(layers.Masking()(numbers)))
    x = rng.normal(size=(5, 6, 4)).astype(np.float32)
    x[1, 2:] = x[2, [0, 3]] = x[3] = 0
    mask = (x != 0).any(-1)
    got = model.predict(x, verbose=0)
    np.testing.assert_allclose(got, by_hand(layer, x, mask), rtol=1e-5, atol=1e-6)
    assert not got[3].any()


def test_padding_changes_nothing_and_ragged_is_the_same():
    model = classifier()
    expected = model.predict(IDS, verbose=0)
    wide = np.pad(IDS, ((0, 0), (3, 2)))
    np.testing.assert_array_equal(model.predict(wide, verbose=0), expected)
    dense = [row[row > 0] for row in IDS[[0, 1, 3]]]
    ragged = embedcnn.Ragged.from_sequences(dense)
    np.testing.assert_array_equal(model.predict(ragged, verbose=0), expected[[0, 1, 3]])


def test_trains_to_the_same_bits_on_any_team_and_learns():
    rng = np.random.default_rng(1)
    x = rng.integers(1, 10, (60, 8)) * (rng.random((60, 8)) < 0.8)
    y = (x == 7).any(1).astype(int)
    bits = set()
    for threads in (1, 2, 3):
        embedcnn.set_num_threads(threads)
        embedcnn.utils.set_random_seed(5)
        model = classifier()
        history = model.fit(x, y, epochs=30, batch_size=16, verbose=0).history["loss"]
        bits.add(b"".join(weight.tobytes() for weight in model.get_weights()))
    embedcnn.set_num_threads(0)
    assert len(bits) == 1
    assert history[-1] < 0.5 * history[0]


def test_operations():
    model = classifier(activation="relu", use_bias=False)
    names = [op.name for op in model.lowered().operations]
    assert names[:-1] == ["lookup", "lstm", "dense", "activation", "dense", "attention_pool", "dense"]
    assert "AttentionPooling1D" in summary_of(model)
    assert model.layers[3].count_params() == 6 * 7 + 7


def summary_of(model):
    lines = []
    model.summary(print_fn=lines.append)
    return "\n".join(lines)


def test_rules_reach_their_weights():
    model = classifier(
        kernel_regularizer="l2", score_regularizer="l1", score_constraint="non_neg", bias_constraint="non_neg"
    )
    layer = model.layers[3]
    assert layer.kernel.regularizer.l2 == 0.01 and layer.score_kernel.regularizer.l1 == 0.01
    assert layer.bias.regularizer is None
    model.fit(IDS, [0, 1, 2, 0], epochs=5, verbose=0)
    assert (layer.get_weights()[2] >= 0).all() and (layer.get_weights()[1] >= 0).all()


def test_saved_and_loaded(tmp_path):
    model = classifier(activation="gelu", score_regularizer="l2", kernel_initializer="he_normal")
    model.fit(IDS, [0, 1, 2, 0], epochs=2, verbose=0)
    model.save(tmp_path / "model.embedcnn")
    loaded = embedcnn.models.load_model(tmp_path / "model.embedcnn")
    assert loaded.layers[3].get_config() == model.layers[3].get_config()
    assert loaded.layers[3].get_config()["units"] == 7
    np.testing.assert_array_equal(loaded.predict(IDS, verbose=0), model.predict(IDS, verbose=0))
    assert loaded.train_on_batch(IDS, [0, 1, 2, 0]) == model.train_on_batch(IDS, [0, 1, 2, 0])


def test_frozen_weights_stay():
    model = classifier()
    model.layers[3].trainable = False
    before = model.layers[3].get_weights()
    model.fit(IDS, [0, 1, 2, 0], epochs=2, verbose=0)
    for old, new in zip(before, model.layers[3].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


MISUSE = [
    (lambda: layers.AttentionPooling1D(0), "units"),
    (lambda: layers.AttentionPooling1D(3)(embedcnn.Input((4,))), "3 axes"),
    (lambda: layers.AttentionPooling1D(3)(embedcnn.Input((4, None))), "last axis"),
    (lambda: layers.AttentionPooling1D(3, score_bias=True), "score_bias"),
]


@pytest.mark.parametrize(("call", "message"), MISUSE)
def test_misuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()
