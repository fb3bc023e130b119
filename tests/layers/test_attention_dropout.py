"""Dropout of attention over texts of open length: what it keeps is a function of seed, step, layer, example,
head and the places in the texts. Its gradients: tests/program/test_random_programs.py.
"""

import numpy as np
import pytest

import embedcnn
from embedcnn import Ragged, layers

RNG = np.random.default_rng(3)
TEXTS = [RNG.normal(size=(length, 6)).astype(np.float32) for length in (4, 1, 7, 5)]


def padded(before, steps):
    """The texts behind so many steps of sevens, which are masked."""
    x = np.full((len(TEXTS), steps, 6), 7.0, np.float32)
    for row, text in enumerate(TEXTS):
        x[row, before : before + len(text)] = text
    return x


def attending(kind, rate, causal=False):
    x = embedcnn.Input((None, 6))
    read = layers.Masking(7.0)(x)
    if kind == "heads":
        layer = layers.MultiHeadAttention(2, 3, dropout=rate)
        made = layer(read, read, use_causal_mask=causal)
    else:
        layer = layers.Attention(use_scale=True, dropout=rate)
        made = layer([read, read], use_causal_mask=causal)
    model = embedcnn.Model(x, made, seed=5)
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=one.shape) for one in model.get_weights()])
    return model


def in_training(model, data):
    return np.asarray(model(data, training=True))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", ["heads", "dots"])
def test_padding_changes_nothing_that_is_kept(kind, causal):
    found = in_training(attending(kind, 0.4, causal=causal), padded(0, 7))
    plain = attending(kind, 0.4, causal=causal).predict(padded(0, 7), verbose=0)
    assert np.abs(found - plain).max() > 0.1
    for before, steps in ((0, 12), (3, 10), (2, 15)):
        wide = in_training(attending(kind, 0.4, causal=causal), padded(before, steps))
        for row, text in enumerate(TEXTS):
            part = slice(before, before + len(text))
            np.testing.assert_array_equal(wide[row, part], found[row, : len(text)])


@pytest.fixture(scope="module")
def losses_on_one_thread():
    before = embedcnn.get_num_threads()
    embedcnn.set_num_threads(1)
    yield losses_of_steps()
    embedcnn.set_num_threads(before)


def losses_of_steps():
    model = attending("heads", 0.4)
    model.compile("sgd", "mse")
    y = np.random.default_rng(8).normal(size=(4, 9, 6)).astype(np.float32)
    return [model.train_on_batch(padded(0, 9), y) for _ in range(4)]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_bits_do_not_depend_on_threads(count, losses_on_one_thread):
    embedcnn.set_num_threads(count)
    assert losses_of_steps() == losses_on_one_thread


def test_in_the_mean_it_changes_nothing():
    """Of the value's share, which is linear in what is kept; and as many as asked for are dropped."""
    x = embedcnn.Input((None, 1))
    made = layers.Attention(dropout=0.25)([x, x])
    model = embedcnn.Model(x, made, seed=2)
    found = np.asarray(model(np.ones((400, 20, 1), np.float32), training=True)) * 0.75 * 20
    counts = np.round(found)
    np.testing.assert_allclose(found, counts, atol=1e-3)  # so many of 20 equal shares
    assert abs(counts.mean() - 15) < 0.1 and abs(counts.var() - 20 * 0.75 * 0.25) < 0.25


def test_only_in_training_or_always():
    model, plain = attending("heads", 0.5), attending("heads", 0.0)
    np.testing.assert_array_equal(
        model.predict(padded(0, 7), verbose=0), plain.predict(padded(0, 7), verbose=0)
    )
    x = embedcnn.Input((None, 6))
    always = embedcnn.Model(x, layers.Attention(dropout=0.5)([x, x], training=True))
    never = embedcnn.Model(x, layers.Attention(dropout=0.5)([x, x], training=False))
    data = RNG.normal(size=(3, 5, 6)).astype(np.float32)
    expected = np.asarray(never.predict(data, verbose=0))
    np.testing.assert_array_equal(np.asarray(never(data, training=True)), expected)
    assert np.abs(always.predict(data, verbose=0) - expected).max() > 0.1


@pytest.mark.parametrize("steps", [None, 7])
def test_a_seed_is_the_key(steps):
    """Whatever stands before the layer; without one the call's number is."""

    def result(seed, before):
        x = embedcnn.Input((steps, 6))
        read = layers.Masking(7.0)(x)
        for _ in range(before):
            read = layers.Dropout(0.1)(read, training=False)
        layer = layers.MultiHeadAttention(2, 3, dropout=0.5, seed=seed)
        model = embedcnn.Model(x, layer(read, read), seed=5)
        random = np.random.default_rng(1)
        model.set_weights([random.normal(size=one.shape) for one in model.get_weights()])
        return in_training(model, padded(0, 7))

    np.testing.assert_array_equal(result(8, 0), result(8, 2))
    assert np.abs(result(8, 0) - result(9, 0)).max() > 0.1


def test_it_trains_on_ragged_texts_and_files_keep_it(tmp_path):
    ids = Ragged.from_sequences([RNG.integers(1, 20, length).tolist() for length in (4, 1, 7, 5, 3)])
    y = RNG.integers(0, 2, 5)
    x = embedcnn.Input((None,), dtype="int32")
    vectors = layers.Embedding(20, 6)(x)
    made = layers.MultiHeadAttention(2, 3, dropout=0.3)(vectors, vectors)
    outputs = layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling1D()(made))
    model = embedcnn.Model(x, outputs)
    model.compile("adam", "binary_crossentropy")
    model.save(tmp_path / "model.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "model.embedcnn")
    losses = [one.fit(ids, y, epochs=30, shuffle=False, verbose=0).history["loss"] for one in (model, again)]
    assert losses[0] == losses[1] and losses[0][-1] < losses[0][0]


def test_what_cannot_be_is_refused(tmp_path):
    x = embedcnn.Input((None, 6))
    with pytest.raises(ValueError, match=r"`dropout` must be .*1.*Received: dropout=1"):
        layers.Attention(dropout=1.0)
    onnx = pytest.importorskip("onnx")
    model = embedcnn.Model(x, layers.Attention(dropout=0.5)([x, x], training=True))
    with pytest.raises(ValueError, match="random numbers in inference"):
        model.export(tmp_path / "m.onnx")
    embedcnn.Model(x, layers.Attention(dropout=0.5)([x, x])).export(tmp_path / "m.onnx")
    assert onnx.load(str(tmp_path / "m.onnx")).graph.node
