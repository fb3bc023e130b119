"""Functions of one's own that cut texts: a file keeps their names, and they are given when it is read."""

import copy
import pickle

import numpy as np
import pytest

import embedcnn as keras
from embedcnn.preprocessing.text import Tokenizer
from embedcnn.saving import register_keras_serializable
from embedcnn.text import TextEncoder
from embedcnn.text.encoders import TokenizerEncoder

L = keras.layers
TEXTS = ["One-two", "two-three THREE"]


def quiet(text):
    return text.lower().replace("-", " ")


def pieces(text):
    return text.split(" ")


def classifier(read, rows=8):
    """A model over ids of so many words; `read` is its text encoder."""
    ids = keras.Input((None,), dtype="int32")
    pooled = L.GlobalAveragePooling1D()(L.Embedding(rows, 3)(ids))
    model = keras.Model(ids, L.Dense(2, activation="softmax")(pooled))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.text_encoder = read
    return model


def in_front(standardize, split):
    """A model whose first layer reads texts."""
    layer = L.TextVectorization(standardize=standardize, split=split, name="words")
    layer.adapt(TEXTS)
    model = keras.Sequential([keras.Input((1,), dtype="string"), layer, L.Embedding(8, 3)])
    model.add(L.GlobalAveragePooling1D())
    return model


def behind(standardize, split):
    encoder = TextEncoder(standardize=standardize, split=split)
    encoder.adapt(TEXTS)
    return classifier(encoder)


def by_a_tokenizer(standardize, split):
    tokenizer = Tokenizer(analyzer=lambda text: split(standardize(text)))
    tokenizer.analyzer.__name__ = "quiet_pieces"
    tokenizer.fit_on_texts(TEXTS)
    return classifier(TokenizerEncoder(tokenizer, maxlen=4))


NAMED = {"quiet": quiet, "pieces": pieces}
CASES = {
    "in front of a model": (in_front, NAMED),
    "behind it": (behind, NAMED),
    "a tokenizer's": (by_a_tokenizer, {"quiet_pieces": lambda text: pieces(quiet(text))}),
}


@pytest.mark.parametrize("case", CASES)
def test_given_by_name(tmp_path, case):
    make, given = CASES[case]
    model = make(quiet, pieces)
    expected = model.predict(np.array(TEXTS, object), verbose=0)
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"which is Python of your own: .*custom_objects=\{'\w+': \.\.\.\}"):
        keras.models.load_model(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model", custom_objects=given)
    np.testing.assert_array_equal(again.predict(np.array(TEXTS, object), verbose=0), expected)
    np.testing.assert_array_equal(copy.deepcopy(model).predict(np.array(TEXTS, object), verbose=0), expected)


@pytest.mark.parametrize("make", [in_front, behind])
def test_functions_without_a_name(tmp_path, make):
    """They go by the name of the layer or encoder and of the setting."""
    model = make(lambda text: quiet(text), lambda text: pieces(text))
    expected = model.predict(np.array(TEXTS, object), verbose=0)
    model.save(tmp_path / "model")
    owner = "words" if make is in_front else "text_encoder"
    given = {f"{owner}_standardize": quiet, f"{owner}_split": pieces}
    again = keras.models.load_model(tmp_path / "model", custom_objects=given)
    np.testing.assert_array_equal(again.predict(np.array(TEXTS, object), verbose=0), expected)


def test_two_functions_of_one_name():
    def inner():
        def quiet(text):
            return text.split("-")

        return quiet

    model = behind(quiet, inner())
    assert model.text_encoder.get_config()["split"] == {"function": "text_encoder_split"}
    again = copy.deepcopy(model).text_encoder
    assert again.standardize is quiet and again.split is model.text_encoder.split


def test_registered_functions_and_pickles(tmp_path, monkeypatch):
    monkeypatch.setattr("embedcnn.base.custom_objects._registered", {})
    model = behind(quiet, pieces)
    expected = model.predict(TEXTS, verbose=0)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(TEXTS, verbose=0), expected)
    model.save(tmp_path / "model")
    register_keras_serializable()(quiet)
    register_keras_serializable()(pieces)
    np.testing.assert_array_equal(
        keras.models.load_model(tmp_path / "model").predict(TEXTS, verbose=0), expected
    )


def test_further_words():
    model = classifier(behind(quiet, pieces).text_encoder, rows=5)
    table = model.layers[1]
    table.trainable = False
    model.extend_vocabulary(["four"], np.ones((1, 3)))
    assert len(table.embeddings.numpy()) == 6
    assert model.text_encoder.encode(["FOUR-one"]).ids.tolist()[0] == model.text_encoder.vocabulary_size() - 1
