"""TextVectorization and StringLookup: as Keras on arrays; at the start of models, saved and loaded."""

import json
from pathlib import Path

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.data import Dataset
from embedcnn.models import clone_model, load_model
from embedcnn.ragged import Ragged

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "keras_vectorization.json").read_text())
TEXTS = ["it purrs softly", "it barks", "purrs all day", "barks at night, it does"] * 6
LABELS = np.array([0, 1, 0, 1] * 6)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: json.dumps(case["arguments"]))
def test_as_keras(case):
    layer = layers.TextVectorization(**case["arguments"])
    layer.adapt(GOLDEN["train"])
    assert layer.get_vocabulary() == case["vocabulary"]
    assert layer.vocabulary_size() == len(case["vocabulary"])
    np.testing.assert_allclose(layer(GOLDEN["texts"]), case["result"], rtol=1e-6)
    copy = layers.TextVectorization.from_config(json.loads(json.dumps(layer.get_config())))
    np.testing.assert_array_equal(copy(GOLDEN["texts"]), layer(GOLDEN["texts"]))


@pytest.mark.parametrize("case", GOLDEN["lookups"], ids=lambda case: json.dumps(case["arguments"]))
def test_lookup_as_keras(case):
    layer = layers.StringLookup(**case["arguments"])
    layer.adapt(GOLDEN["strings"])
    assert layer.get_vocabulary() == case["vocabulary"]
    np.testing.assert_array_equal(layer(case["asked"]), case["result"])
    copy = layers.StringLookup.from_config(json.loads(json.dumps(layer.get_config())))
    np.testing.assert_array_equal(copy(case["asked"]), case["result"])


def test_lookup_and_back_as_the_character_tutorial_does():
    there = layers.StringLookup(vocabulary=list("abc"), mask_token=None)
    back = layers.StringLookup(vocabulary=there.get_vocabulary(), invert=True, mask_token=None)
    assert "".join(back(there(list("cabz")))) == "cab[UNK]"


def vectorizer(**settings):
    layer = layers.TextVectorization(**settings)
    layer.adapt(TEXTS)
    return layer


def classifier(vectorize, after):
    texts = embedcnn.Input((1,), dtype="string")
    model = embedcnn.Model(texts, layers.Dense(2, activation="softmax")(after(vectorize(texts))))
    model.compile(embedcnn.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def mean_of_words(tokens):
    return layers.GlobalAveragePooling1D()(layers.Embedding(20, 6)(tokens))


@pytest.mark.parametrize(
    ("settings", "after"),
    [
        ({}, mean_of_words),
        ({"output_sequence_length": 5}, mean_of_words),
        ({"output_mode": "multi_hot"}, lambda counts: counts),
        ({"output_mode": "tf_idf", "max_tokens": 40, "pad_to_max_tokens": True}, lambda counts: counts),
    ],
)
def test_a_model_trains_on_raw_texts(settings, after, tmp_path):
    model = classifier(vectorizer(**settings), after)
    history = model.fit(TEXTS, LABELS, epochs=12, batch_size=8, verbose=0).history
    assert history["accuracy"][-1] == 1
    expected = model.predict(TEXTS, verbose=0)
    for form in (np.array(TEXTS), np.array(TEXTS)[:, None], np.array(TEXTS, object)):
        np.testing.assert_array_equal(model.predict(form, verbose=0), expected)
    assert model.evaluate(TEXTS, LABELS, verbose=0)[1] == 1
    model.save(tmp_path / "texts.embedcnn")
    again = load_model(tmp_path / "texts.embedcnn")
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), expected)
    assert clone_model(model).predict(TEXTS, verbose=0).shape == expected.shape


def test_the_same_bits_as_ids_from_outside():
    vectorize = vectorizer()
    inside = classifier(vectorize, mean_of_words)
    tokens = embedcnn.Input((None,), dtype="int32")
    outside = embedcnn.Model(tokens, layers.Dense(2, activation="softmax")(mean_of_words(tokens)))
    outside.compile(embedcnn.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    outside.set_weights(inside.get_weights())
    ids = Ragged.from_sequences([row[row > 0] for row in vectorize(TEXTS)])
    inside.fit(TEXTS, LABELS, epochs=3, shuffle=False, verbose=0)
    outside.fit(ids, LABELS, epochs=3, shuffle=False, verbose=0)
    for one, other in zip(inside.get_weights(), outside.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_data_set_of_texts_in_batches():
    data = Dataset.from_tensor_slices((np.array(TEXTS), LABELS)).batch(8)
    vectorize = layers.TextVectorization()
    vectorize.adapt(data.map(lambda text, label: text))
    assert vectorize.get_vocabulary() == vectorizer().get_vocabulary()
    model = classifier(vectorize, mean_of_words)
    assert len(model.fit(data, epochs=2, verbose=0).history["loss"]) == 2
    encoder = embedcnn.text.TextEncoder()
    encoder.adapt(data.map(lambda text, label: text))
    assert encoder.get_vocabulary() == vectorize.get_vocabulary()


def test_end_to_end_model_around_a_trained_one():
    """As in Keras's guide: a model of ids, then one of texts that holds it."""
    vectorize = vectorizer(output_sequence_length=5)
    inner = embedcnn.Sequential([layers.Embedding(20, 4), layers.GlobalAveragePooling1D(), layers.Dense(1)])
    inner.compile("adam", "mse")
    inner.fit(vectorize(TEXTS), LABELS, verbose=0)
    whole = embedcnn.Sequential(
        [embedcnn.Input((1,), dtype="string"), vectorize, inner, layers.Activation("sigmoid")]
    )
    ids = inner.predict(vectorize(TEXTS), verbose=0)
    np.testing.assert_allclose(whole.predict(TEXTS, verbose=0), 1 / (1 + np.exp(-ids)), rtol=1e-6)
    short = embedcnn.Sequential([vectorizer(), layers.Embedding(20, 4), layers.GlobalMaxPooling1D()])
    assert short.predict(TEXTS[:3], verbose=0).shape == (3, 4)


def test_two_readers_of_one_input_and_a_side_feature():
    texts = embedcnn.Input((1,), dtype="string", name="texts")
    color = embedcnn.Input((1,), dtype="string", name="color")
    size = embedcnn.Input((2,), name="size")
    words = mean_of_words(vectorizer()(texts))
    counts = vectorizer(output_mode="count", split="character")(texts)
    colors = layers.StringLookup(vocabulary=["red", "blue"], output_mode="one_hot")(color)
    model = embedcnn.Model(
        [texts, color, size], layers.Dense(1)(layers.Concatenate()([words, counts, colors, size]))
    )
    model.compile("adam", "mse")
    x = {"texts": TEXTS, "color": ["red", "green"] * 12, "size": np.ones((24, 2))}
    assert model.fit(x, LABELS, epochs=2, verbose=0).history["loss"][1] > 0
    changed = model.predict({**x, "color": ["blue"] * 24}, verbose=0)
    assert not np.array_equal(changed, model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"output_mode": "binary"}, "'binary'"),
        ({"sparse": True}, "sparse=True"),
        ({"encoding": "latin-1"}, "encoding='latin-1'"),
        ({"output_mode": "count", "output_sequence_length": 3}, "output_mode='int'"),
        ({"output_mode": "count", "ragged": True}, "output_mode='int'"),
        ({"pad_to_max_tokens": True}, "needs `max_tokens`"),
        ({"idf_weights": [1.0]}, "output_mode='tf_idf'"),
        ({"output_mode": "tf_idf", "vocabulary": ["a"]}, "a weight for each of the 1 tokens"),
        ({"output_mode": "tf_idf", "vocabulary": ["a"], "idf_weights": [1, 2]}, r"Received: \(2,\)"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"split": "bytes"}, "'bytes'"),
    ],
)
def test_misuse_of_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        layers.TextVectorization(**settings)


def test_misuse_in_models(tmp_path):
    texts = embedcnn.Input((1,), dtype="string")
    with pytest.raises(ValueError, match="must be read by TextVectorization, StringLookup, BagOfNgrams or"):
        embedcnn.Model(texts, layers.Dense(2)(texts))
    with pytest.raises(ValueError, match="Input of texts must be"):
        embedcnn.Input((3,), dtype="string")
    with pytest.raises(ValueError, match="reads texts: call it on"):
        layers.TextVectorization()(embedcnn.Input((3,)))
    with pytest.raises(ValueError, match="no vocabulary yet"):
        layers.TextVectorization()(["a"])
    with pytest.raises(TypeError, match="must be a list or array of str"):
        vectorizer()([1, 2])
    model = classifier(vectorizer(), mean_of_words)
    with pytest.raises(TypeError, match="texts were expected, as a list.*an array of int64"):
        model.predict(np.zeros((2, 3), np.int64), verbose=0)
    with pytest.raises(ValueError, match="does not know 'z', and num_oov_indices=0"):
        layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["z"])
    with pytest.raises(ValueError, match="invert=True gives strings"):
        layers.StringLookup(vocabulary=["a"], invert=True)(texts)
    words = tmp_path / "words.txt"
    words.write_text("a\nb\n")
    assert layers.TextVectorization(vocabulary=str(words))(["b a"]).tolist() == [[3, 2]]


def test_texts_on_their_own_are_taken_as_models_take_them():
    layer = layers.TextVectorization(vocabulary=["a", "b"])
    for texts in (
        ["a", "b b"],
        ("a", "b b"),
        [["a"], ["b b"]],
        np.array([["a"], ["b b"]]),
        np.array(["a", "b b"]),
    ):
        assert layer(texts).tolist() == [[2, 0], [3, 3]]
    assert layer([]).shape[0] == 0
    for wrong in ([["a"], ["b", "a"]], [["a", "b"]], [1], ["a", 1], 3.5):
        with pytest.raises(TypeError):
            layer(wrong)
    with pytest.raises(TypeError, match=r"inputs\[1\] is missing"):
        layer(["a", None])
