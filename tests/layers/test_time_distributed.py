"""TimeDistributed over layers and models of whole sequences: documents of sentences of words."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.make_keras_documents import document_model as document_model_of
from golden.make_keras_documents import drawn, labels, labels_model, trained, weights_of

import embedcnn
from embedcnn.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Input,
    LayerNormalization,
    Masking,
    Reshape,
    TimeDistributed,
)

WORDS, SENTENCES, LENGTH = 40, 5, 7


def documents(rng, count=12):
    """Padded documents: sentences of pad words at their end, and whole sentences of padding."""
    ids = rng.integers(1, WORDS, (count, SENTENCES, LENGTH))
    for document in ids:
        document[rng.integers(1, SENTENCES + 1) :] = 0
        for sentence in document:
            sentence[rng.integers(1, LENGTH + 1) :] = 0
    return ids


def encoder(kind, mask_zero=False):
    inside = {
        "cnn": [Conv1D(6, 3, activation="relu"), GlobalMaxPooling1D()],
        "bilstm": [Bidirectional(LSTM(4))],
        "mean": [GlobalAveragePooling1D()],
        "words": [GRU(5, return_sequences=True)],
    }[kind]
    return embedcnn.Sequential([Embedding(WORDS, 8, mask_zero=mask_zero), *inside], name=f"{kind}_encoder")


def document_model(kind, mask_zero=False, sentences=SENTENCES):
    ids = Input((sentences, LENGTH), dtype="int32")
    x = TimeDistributed(encoder(kind, mask_zero), name="each_sentence")(ids)
    model = embedcnn.Model(ids, Dense(3, activation="softmax")(LSTM(6)(x)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("mask_zero", [False, True])
@pytest.mark.parametrize("kind", ["cnn", "bilstm", "mean", "words"])
def test_the_same_as_the_sentences_as_one_batch(kind, mask_zero):
    rng = np.random.default_rng(0)
    ids = documents(rng)
    sentence = encoder(kind, mask_zero)
    document = Input((None, LENGTH), dtype="int32")
    model = embedcnn.Model(document, TimeDistributed(sentence)(document))
    one_by_one = sentence.predict(ids.reshape(-1, LENGTH), verbose=0)
    expected = one_by_one.reshape(*ids.shape[:2], *one_by_one.shape[1:])
    np.testing.assert_array_equal(model.predict(ids, verbose=0, batch_size=5), expected)
    assert model.output_shape == (None, None, *expected.shape[2:])


@pytest.mark.parametrize("mask_zero", [False, True])
@pytest.mark.parametrize("kind", ["cnn", "bilstm", "mean"])
def test_documents_train_plain_as_rewritten_and_come_back_from_a_file(kind, mask_zero, tmp_path):
    rng = np.random.default_rng(1)
    ids, y = documents(rng), rng.integers(0, 3, 12)
    results = []
    for plain in (False, True):
        embedcnn.utils.set_random_seed(4)
        model = document_model(kind, mask_zero, None)
        model._run_plain(plain)
        history = model.fit(ids, y, batch_size=5, epochs=3, verbose=0).history["loss"]
        results.append([*model.get_weights(), np.array(history), model.predict(ids, verbose=0)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-4)
    model._run_plain(False)
    path = tmp_path / "documents.keras"
    model.save(path)
    again = embedcnn.models.load_model(path)
    np.testing.assert_array_equal(again.predict(ids, verbose=0), model.predict(ids, verbose=0))
    assert again.evaluate(ids, y, verbose=0) == model.evaluate(ids, y, verbose=0)
    again.fit(ids, y, epochs=1, verbose=0)
    model.fit(ids, y, epochs=1, verbose=0)
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_savings_apply_inside():
    names = [op.name for op in document_model("cnn").lowered(training=True).operations]
    assert names[:4] == ["fold", "lookup", "token_conv_pool", "unfold"]
    names = [op.name for op in document_model("bilstm").lowered(training=True).operations]
    assert "embed" not in names
    ids = Input((SENTENCES, LENGTH), dtype="int32")
    words = Embedding(WORDS, 4)(ids)
    assert words.shape == (None, SENTENCES, LENGTH, 4)
    best = TimeDistributed(GlobalMaxPooling1D())(TimeDistributed(Conv1D(5, 3))(words))
    lowered = embedcnn.Model(ids, best).lowered()
    assert [op.name for op in lowered.operations] == ["fold", "lookup", "token_conv_pool", "unfold"]


def test_an_inner_mask_ends_with_the_layer():
    """A second layer over the steps reads masked words as the first leaves them, as in Keras."""
    rng = np.random.default_rng(2)
    ids = documents(rng)
    sentence, x = encoder("words", mask_zero=True), Input((SENTENCES, LENGTH), dtype="int32")
    last = GRU(3)
    model = embedcnn.Model(x, TimeDistributed(last)(TimeDistributed(sentence)(x)))
    words = Input((LENGTH, 5))
    flat = embedcnn.Model(words, last(words))
    states = sentence.predict(ids.reshape(-1, LENGTH), verbose=0)
    expected = flat.predict(states, verbose=0).reshape(*ids.shape[:2], 3)
    np.testing.assert_allclose(model.predict(ids, verbose=0), expected, rtol=0, atol=1e-6)


def test_the_mask_of_the_documents_goes_on():
    """Sentences of zeros that Masking leaves out: the LSTM over sentences does not read them."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(6, SENTENCES, 8)).astype(np.float32)
    x[:, 3:] = 0
    inner = embedcnn.Sequential([Input((8,)), Dense(4, activation="tanh"), Reshape((2, 2)), Flatten()])
    outputs = []
    for steps in (SENTENCES, 3):
        vectors = Input((steps, 8))
        each = TimeDistributed(inner)(Masking()(vectors))
        outputs.append(embedcnn.Model(vectors, each).predict(x[:, :steps], verbose=0))
    np.testing.assert_array_equal(outputs[0][:, :3], outputs[1])
    assert not outputs[0][:, 3:].any()
    embedcnn.utils.set_random_seed(1)
    state = LSTM(5)
    vectors = Input((None, 8))
    model = embedcnn.Model(vectors, state(TimeDistributed(inner)(Masking()(vectors))))
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x[:, :3], verbose=0))


def test_tensors_of_four_axes():
    """Reshape to any rank, layers along the last axis, merges; losses, weights and metrics behind them."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(10, 24)).astype(np.float32), rng.integers(0, 3, (10, 2, 3))
    numbers = Input((24,))
    rows = Reshape((2, 3, -1))(numbers)
    assert rows.shape == (None, 2, 3, 4)
    parts = [Dense(5, activation="relu")(rows), LayerNormalization()(Dense(5)(rows))]
    joined = Concatenate()([BatchNormalization()(Add()(parts)), Activation("tanh")(parts[0])])
    model = embedcnn.Model(numbers, Dense(3, activation="softmax")(Dropout(0.2)(joined)))
    model.compile(
        embedcnn.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )
    losses = [model.fit(x, y, epochs=1, verbose=0).history["loss"][0] for _ in range(30)]
    assert losses[-1] < losses[0]
    loss, accuracy, _ = model.evaluate(x, y, verbose=0)
    predicted = model.predict(x, verbose=0)
    assert predicted.shape == (10, 2, 3, 3)
    chosen = np.take_along_axis(predicted, y[..., None], -1)[..., 0].astype(np.float64)
    np.testing.assert_allclose(loss, -np.log(chosen).mean(), rtol=1e-5)
    np.testing.assert_allclose(accuracy, (predicted.argmax(-1) == y).mean(), rtol=1e-6)
    for shape in ((10,), (10, 2), (10, 2, 3)):
        weights = rng.random(shape).astype(np.float32)
        wide = weights.reshape(shape + (1,) * (3 - len(shape)))
        expected = (-np.log(chosen) * wide).mean()
        got, plain, weighted = model.evaluate(x, y, sample_weight=weights, verbose=0)
        np.testing.assert_allclose(got, expected, rtol=1e-5)
        right = (predicted.argmax(-1) == y) * np.broadcast_to(wide, y.shape)
        np.testing.assert_allclose(plain, accuracy, rtol=1e-6)
        np.testing.assert_allclose(weighted, right.sum() / np.broadcast_to(wide, y.shape).sum(), rtol=1e-5)


def test_losses_of_numbers_of_four_axes():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(9, 2, 3, 4)).astype(np.float32), rng.normal(size=(9, 2, 3, 2)).astype(np.float32)
    numbers = Input((2, 3, 4))
    model = embedcnn.Model(numbers, Dense(2)(numbers))
    for loss in ("mse", "mae", "huber", "cosine_similarity"):
        model.compile("sgd", loss)
        got = model.evaluate(x, y, verbose=0)
        predicted = model.predict(x, verbose=0).astype(np.float64)
        expected = embedcnn.losses.get(loss)(y.reshape(-1, 2), predicted.reshape(-1, 2))
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"expected shape \(batch, 2, 3, 4\)"):
        model.predict(x[..., :3], verbose=0)


def test_a_sequential_finds_its_shape_from_documents(tmp_path):
    rng = np.random.default_rng(9)
    model = embedcnn.Sequential([TimeDistributed(encoder("mean")), GRU(3), Dense(1)])
    model.compile("adam", "mse")
    ids = documents(rng)
    model.fit(ids, rng.normal(size=12), epochs=1, verbose=0)
    short = ids[:, :2]
    assert model.predict([short[:3]], verbose=0).shape == (3, 1)
    written: list[str] = []
    model.summary(print_fn=written.append, expand_nested=True)
    assert "  embedding" in written[0] and "TimeDistributed" in written[0]
    found = str(model.profile(ids, np.zeros(12), batch_size=4, steps=2))
    assert not [line for line in found.splitlines() if line.split()[:1] == ["each"]]
    again = embedcnn.models.clone_model(model)
    assert [w.shape for w in again.get_weights()] == [w.shape for w in model.get_weights()]
    assert model.state_dict().keys() == again.state_dict().keys()


def test_predictions_of_other_lengths_are_joined():
    rng = np.random.default_rng(10)
    x = Input((None, LENGTH), dtype="int32")
    model = embedcnn.Model(x, TimeDistributed(encoder("words"))(x))
    batches = [documents(rng, 3), documents(rng, 2)[:, :3]]
    together = model.predict(iter(batches), verbose=0)
    assert together.shape == (5, SENTENCES, LENGTH, 5) and not together[3:, 3:].any()


def test_trainable_reaches_the_encoder():
    model = document_model("cnn")
    layer = model.get_layer("each_sentence")
    layer.trainable = False
    assert not layer.trainable and len(model.trainable_weights) == 5
    assert layer.weights == layer.layer.weights
    rng = np.random.default_rng(7)
    before = [weight.copy() for weight in layer.get_weights()]
    model.fit(documents(rng), rng.integers(0, 3, 12), epochs=1, verbose=0)
    for one, other in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_encoder_for_sentences_and_documents(tmp_path):
    """The same model called as it is, and on each sentence: its table has one gradient."""
    rng = np.random.default_rng(8)
    sentence = encoder("cnn")
    title, body = Input((LENGTH,), name="title"), Input((SENTENCES, LENGTH), name="body")
    both = Concatenate()([sentence(title), GlobalMaxPooling1D()(TimeDistributed(sentence)(body))])
    model = embedcnn.Model([title, body], Dense(1, activation="sigmoid")(both))
    model.compile("adam", "binary_crossentropy")
    x = [rng.integers(1, WORDS, (12, LENGTH)), documents(rng)]
    model.fit(x, rng.integers(0, 2, 12), epochs=2, verbose=0)
    model.save(tmp_path / "both.keras")
    again = embedcnn.models.load_model(tmp_path / "both.keras")
    assert again.count_params() == sum(weight.size for weight in again.get_weights())
    embedcnn.utils.set_random_seed(2)


def test_what_cannot_be_done_is_said():
    ids = Input((SENTENCES, LENGTH), dtype="int32")
    with pytest.raises(ValueError, match="must have a known size"):
        TimeDistributed(encoder("words"))(Input((SENTENCES, None), dtype="int32"))
    with pytest.raises(ValueError, match="inside TimeDistributed"):
        Embedding(WORDS, 4, mask_zero=True)(ids)
    with pytest.raises(ValueError, match="is stateful"):
        TimeDistributed(LSTM(3, stateful=True))(Input((4, 3, 2), batch_size=2))
    with pytest.raises(ValueError, match="give TimeDistributed the activity_regularizer"):
        inner = embedcnn.Sequential([Input((3,)), Dense(2, activity_regularizer="l2")])
        TimeDistributed(inner)(Input((4, 3)))
    with pytest.raises(ValueError, match="one tensor of a step"):
        TimeDistributed(LSTM(3, return_state=True))(Input((4, 3, 2)))
    with pytest.raises(TypeError, match="layer or model of one input"):
        TimeDistributed("lstm")
    with pytest.raises(ValueError, match="expects an input of 3 axes"):
        LSTM(3)(Input((2, 3, 4)))
    model = document_model("cnn")
    ragged = embedcnn.Ragged.from_sequences([[1, 2], [3]])
    with pytest.raises(ValueError, match="an input of 3 axes takes no Ragged"):
        model.predict(ragged, verbose=0)
    with pytest.raises(ValueError, match=r"x\[1, 2, 3\] = 40 is outside \[0, 40\)"):
        wrong = np.ones((2, SENTENCES, LENGTH), int)
        wrong[1, 2, 3] = WORDS
        model.predict(wrong, verbose=0)
    with pytest.raises(ValueError, match=r"shape \(batch, 5, 7\)"):
        model.predict(np.ones((2, LENGTH), int), verbose=0)


GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "keras_documents.json").read_text())


@pytest.mark.parametrize("name", [name for name in GOLDEN if name != "keras"])
def test_documents_as_in_keras(name):
    if name.startswith("labels "):
        found = trained(labels_model(embedcnn), labels(), weights_of(name.removeprefix("labels ")))
    else:
        found = trained(document_model_of(embedcnn, name), drawn([(4, 2)], 6)[0])
    for key, expected in GOLDEN[name].items():
        np.testing.assert_allclose(found[key], expected, rtol=0, atol=2e-6, err_msg=key)
