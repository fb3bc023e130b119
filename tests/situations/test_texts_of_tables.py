"""Texts as they come out of tables: columns of pandas, polars and pyarrow, arrays of strings, with gaps in
them. Everywhere a list of texts is taken they mean what the list means.
"""

import importlib

import numpy as np
import pytest

import embedcnn as keras
from embedcnn.data.labelled import LabelledTexts
from embedcnn.encoding import CharEncoder, TokenizerEncoder, WordEncoder
from embedcnn.language_model import CharLanguageModel
from embedcnn.preprocessing.text import Tokenizer
from embedcnn.text import CharVocabulary, TextEncoder, Vocabulary, ngrams

L = keras.layers
TEXTS = ["a good film", "a bad film", "good good", "bad"]
LABELS = np.array([1, 0, 1, 0])


def pandas_frame(texts):
    return pytest.importorskip("pandas").DataFrame({"text": texts})


def polars_frame(texts):
    return pytest.importorskip("polars").DataFrame({"text": texts})


def arrow_table(texts):
    return pytest.importorskip("pyarrow").table({"text": texts})


class Entry:
    """An entry of pyarrow: no str."""


class Chunks:
    """What a column of pyarrow has in common with all others, for machines without one."""

    def __init__(self, texts):
        self.texts = list(texts)

    def __len__(self):
        return len(self.texts)

    def __iter__(self):
        return iter([Entry()] * len(self))

    def __getitem__(self, number):
        return Entry()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.texts, object)

    def to_pylist(self):
        return self.texts


class Frame(Chunks):
    """A table of one column: to walk over it gives names, as in pandas."""

    columns = ("text",)
    to_pylist = None

    def __iter__(self):
        return iter(self.columns)

    def __getitem__(self, name):
        return Chunks({"text": self.texts}[name])

    def __array__(self, dtype=None, copy=None):
        return np.array(self.texts, object)[:, None]


class Grid(Chunks):
    """An array of pandas that was given a second axis: its entries are lists."""

    to_pylist = None

    @property
    def shape(self):
        return len(self.texts), 1

    def tolist(self):
        return [[text] for text in self.texts]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.texts, object)[:, None]


KINDS = {
    "stand-in for an array (N, 1)": Grid,
    "stand-in for a column": Chunks,
    "stand-in for a frame": Frame,
    "object array": lambda texts: np.array(texts, object),
    "object array (N, 1)": lambda texts: np.array(texts, object)[:, None],
    "Series": lambda texts: pandas_frame(texts)["text"],
    "Series of objects": lambda texts: pandas_frame(texts)["text"].astype(object),
    "Series with another index": lambda texts: pandas_frame(texts)["text"].set_axis(range(len(texts), 0, -1)),
    "string dtype": lambda texts: pandas_frame(texts)["text"].astype("string"),
    "category": lambda texts: pandas_frame(texts)["text"].astype("category"),
    "Index": lambda texts: pytest.importorskip("pandas").Index(texts),
    ".values": lambda texts: pandas_frame(texts)["text"].values,
    ".values (N, 1)": lambda texts: pandas_frame(texts)[["text"]].values,
    "frame of one column": pandas_frame,
    "polars Series": lambda texts: polars_frame(texts)["text"],
    "polars frame": polars_frame,
    "pyarrow chunked array": lambda texts: arrow_table(texts)["text"],
    "pyarrow array": lambda texts: pytest.importorskip("pyarrow").array(texts),
    "pyarrow table": arrow_table,
}
WHOLE = {
    "tuple": tuple,
    "array of str": np.array,
    "array of str (N, 1)": lambda texts: np.array(texts)[:, None],
    **(
        {"StringDType": lambda texts: np.array(texts, np.dtypes.StringDType())}
        if hasattr(np.dtypes, "StringDType")
        else {}
    ),
}


@pytest.fixture(params=[*KINDS, *WHOLE])
def column(request):
    return (KINDS | WHOLE)[request.param]


@pytest.fixture(params=KINDS)
def gappy(request):
    """A column that may have gaps."""
    return KINDS[request.param]


def classifier(missing="error"):
    keras.utils.set_random_seed(1)
    encoder = TextEncoder(missing=missing)
    encoder.adapt(TEXTS)
    model = keras.Sequential(
        [L.Embedding(8, 4), L.GlobalAveragePooling1D(), L.Dense(1, activation="sigmoid")]
    )
    model.text_encoder, model.labels = encoder, ["bad", "good"]
    model.compile("adam", "binary_crossentropy")
    return model


def test_a_model_takes_them_as_a_list(column):
    texts = column(TEXTS)
    ours, listed = classifier(), classifier()
    for model, x in ((ours, texts), (listed, TEXTS)):
        model.fit(x, LABELS, epochs=2, batch_size=2, verbose=0, validation_data=(x, LABELS))
        model.fit(x, LABELS, validation_split=0.5, verbose=0)
        model.train_on_batch(x, LABELS)
    assert np.array_equal(ours.predict(texts, verbose=0), listed.predict(TEXTS, verbose=0))
    assert np.array_equal(ours.predict(texts, 2, verbose=0), listed.predict(TEXTS, 2, verbose=0))
    assert np.array_equal(ours(texts), listed(TEXTS))
    assert np.array_equal(ours.predict_on_batch(texts), listed.predict_on_batch(TEXTS))
    assert ours.evaluate(texts, LABELS, verbose=0) == listed.evaluate(TEXTS, LABELS, verbose=0)
    assert ours.predict_labels(texts) == listed.predict_labels(TEXTS)


def test_batches_of_a_generator_and_of_a_dataset(column):
    texts = column(TEXTS)
    ours, listed, rows = classifier(), classifier(), classifier()
    ours.fit(((texts, LABELS) for _ in range(3)), verbose=0)
    listed.fit(((TEXTS, LABELS) for _ in range(3)), verbose=0)
    assert np.array_equal(ours.get_weights()[0], listed.get_weights()[0])
    if not isinstance(texts, tuple) and np.ndim(texts) == 1:
        data = keras.data.Dataset.from_tensor_slices((texts, LABELS)).batch(4).repeat(3)
        rows.fit(data, verbose=0)
        assert np.array_equal(rows.get_weights()[0], listed.get_weights()[0])


def test_inputs_by_name(column):
    tokens, numbers = keras.Input((None,), dtype="int32", name="tokens"), keras.Input((1,), name="numbers")
    pooled = L.GlobalAveragePooling1D()(L.Embedding(8, 4)(tokens))
    model = keras.Model([tokens, numbers], L.Dense(1)(L.Concatenate()([pooled, numbers])))
    model.text_encoder = classifier().text_encoder
    texts, other = column(TEXTS), LABELS[:, None].astype("float32")
    right = model.predict([TEXTS, other], verbose=0)
    assert np.array_equal(model.predict({"tokens": texts, "numbers": other}, verbose=0), right)
    assert np.array_equal(model.predict([texts, other], verbose=0), right)


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(lambda texts: Vocabulary.from_texts(texts).tokens, id="Vocabulary.from_texts"),
        pytest.param(lambda texts: Vocabulary(["good"]).encode(texts).tolist(), id="Vocabulary.encode"),
        pytest.param(lambda texts: classifier().text_encoder(texts).tolist(), id="TextEncoder"),
        pytest.param(lambda texts: TextEncoder(ngrams=2).tokens(texts), id="TextEncoder.tokens"),
        pytest.param(lambda texts: adapted(texts).get_vocabulary(), id="TextEncoder.adapt"),
        pytest.param(lambda texts: vectorized(texts)(texts).tolist(), id="TextVectorization"),
        pytest.param(lambda texts: vectorized(texts, steps=3).get_vocabulary(), id="some of them"),
        pytest.param(lambda texts: looked_up(texts)(texts).ravel().tolist(), id="StringLookup"),
        pytest.param(lambda texts: L.StringLookup(vocabulary=texts).get_vocabulary(), id="words of a layer"),
        pytest.param(lambda texts: fitted(texts).texts_to_sequences(texts), id="Tokenizer"),
        pytest.param(lambda texts: fitted(texts).encode(texts).tolist(), id="Tokenizer.encode"),
        pytest.param(
            lambda texts: fitted(texts).texts_to_matrix(texts).tolist(), id="Tokenizer.texts_to_matrix"
        ),
        pytest.param(
            lambda texts: list(fitted(texts).texts_to_sequences_generator(texts)), id="Tokenizer, one by one"
        ),
        pytest.param(lambda texts: TokenizerEncoder(fitted(TEXTS))(texts).tolist(), id="TokenizerEncoder"),
        pytest.param(lambda texts: WordEncoder.from_text("a bad")(texts).tolist(), id="WordEncoder"),
        pytest.param(
            lambda texts: CharEncoder(CharVocabulary("".join(TEXTS)))(texts).tolist(), id="CharEncoder"
        ),
        pytest.param(lambda texts: ngrams(texts, bucket=100).tolist(), id="ngrams"),
        pytest.param(lambda texts: list(LabelledTexts(texts, TEXTS)), id="LabelledTexts"),
        pytest.param(lambda texts: writer().generate(texts, 3, seed=1), id="generate"),
    ],
)
class TestWhatTakesTexts:
    def test_takes_a_column(self, encode, column):
        assert encode(column(TEXTS)) == encode(TEXTS)

    def test_names_the_place_of_a_gap(self, encode, gappy):
        with pytest.raises((TypeError, ValueError), match=r"\[2\]"):
            encode(gappy(["a good", "bad", None, "a film"]))


def adapted(texts):
    encoder = TextEncoder()
    encoder.adapt(texts)
    return encoder


def vectorized(texts, steps=None):
    layer = L.TextVectorization()
    layer.adapt(texts, steps=steps)
    return layer


def looked_up(texts):
    layer = L.StringLookup()
    layer.adapt(texts)
    return layer


def fitted(texts):
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(texts)
    return tokenizer


def writer():
    keras.utils.set_random_seed(1)
    return CharLanguageModel("".join(TEXTS), embedding_dim=2, units=2, seed=1)


def test_the_batches_of_a_data_set(column):
    if not isinstance(column(TEXTS), tuple):
        assert adapted(iter([column(TEXTS)] * 2)).get_vocabulary() == adapted(TEXTS).get_vocabulary()


def test_words_and_labels_from_a_column(column):
    words = column(["bad", "film", "good"])
    vectors = keras.vectors.WordVectors(["bad", "film", "good"], np.eye(3, dtype=np.float32))
    assert np.array_equal(vectors[words], np.eye(3))
    assert Vocabulary(words).tokens == Vocabulary(["bad", "film", "good"]).tokens
    assert TextEncoder(vocabulary=words).get_vocabulary() == ["", "[UNK]", "bad", "film", "good"]
    assert keras.vectors.build_matrix(words, vectors).found == ["film", "good"]  # id 0 is padding
    model = classifier()
    model.labels = column(["no", "yes"])
    assert model.labels == ["no", "yes"]


# -- gaps ----------------------------------------------------------------------------------------------------
GAPPY = ["a good film", None, "good good", "bad"]


def test_a_missing_text_is_an_error_with_its_place(gappy):
    x = gappy(GAPPY)
    model = classifier()
    for call in (
        lambda: model.fit(x, LABELS, verbose=0),
        lambda: model.predict(x, verbose=0),
        lambda: model.predict(x, 2, verbose=0),
        lambda: model.evaluate(x, LABELS, verbose=0),
        lambda: model.train_on_batch(x, LABELS),
        lambda: model.fit(iter([(x, LABELS)]), verbose=0),
    ):
        with pytest.raises(TypeError, match=r"x\[1\] is missing"):
            call()


def test_a_missing_text_counts_as_empty(gappy):
    filled = ["" if text is None else text for text in GAPPY]
    ours, listed = classifier("empty"), classifier()
    for model, x in ((ours, gappy(GAPPY)), (listed, filled)):
        model.fit(x, LABELS, epochs=2, batch_size=2, verbose=0, validation_split=0.25)
    assert np.array_equal(ours.get_weights()[0], listed.get_weights()[0])
    assert ours.predict_labels(gappy(GAPPY)) == listed.predict_labels(filled)
    encoder = TextEncoder(missing="empty")
    encoder.adapt(gappy(GAPPY))
    assert encoder.encode(gappy(GAPPY)).lengths.tolist() == [3, 0, 2, 1]
    assert encoder.encode(iter(GAPPY)).lengths.tolist() == [3, 0, 2, 1]
    assert encoder.tokens([float("nan"), "a"]) == [[], ["a"]]


def test_a_gap_comes_first_or_stands_alone():
    model = classifier("empty")
    assert model.predict([None, "good"], verbose=0).shape == (2, 1)
    assert model.predict([float("nan"), "good"], verbose=0).shape == (2, 1)
    assert model.predict([None], verbose=0).shape == (1, 1)
    with pytest.raises(TypeError, match=r"x\[0\] is missing"):
        classifier().predict([None, "good"], verbose=0)


def test_what_stands_for_a_gap_is_saved(tmp_path):
    model = classifier("empty")
    model.predict(TEXTS, verbose=0)
    model.save(tmp_path / "model")
    assert keras.models.load_model(tmp_path / "model").text_encoder.missing == "empty"
    with pytest.raises(ValueError, match="missing='skip' is unknown; allowed: empty, error"):
        TextEncoder(missing="skip")


def test_a_gap_among_the_rows_of_a_dataset():
    with pytest.raises(ValueError, match="row 1 is missing"):
        keras.data.Dataset.from_tensor_slices(GAPPY)


# -- what is no column of texts ------------------------------------------------------------------------------
@pytest.mark.parametrize("frame", [pandas_frame, polars_frame, arrow_table])
def test_a_table_of_several_columns_is_an_error_that_names_them(frame):
    table = frame(TEXTS)
    two = {"pandas": "assign", "polars": "with_columns"}.get(type(table).__module__.split(".")[0])
    if two == "assign":
        table = table.assign(title=TEXTS)
    elif two:
        table = table.with_columns(title=importlib.import_module("polars").Series(TEXTS))
    else:
        table = table.append_column("title", table["text"])
    for call in (classifier().predict, TextEncoder().adapt, Tokenizer().fit_on_texts):
        with pytest.raises(TypeError, match="2: .*text.*title"):
            call(table)


@pytest.mark.parametrize("dtype", ["int64", "float32", "Int64", "boolean"])
def test_columns_of_numbers_stay_numbers(dtype):
    frame = pytest.importorskip("pandas").DataFrame({"a": [0, 1, 0], "b": [1, 1, 0]}).astype(dtype)
    model = keras.Sequential([keras.Input((2,)), L.Dense(1)])
    model.compile("sgd", "mse")
    right = model.predict(frame.to_numpy("float32"), verbose=0)
    assert np.array_equal(model.predict(frame, verbose=0), right)
    model.fit(frame, frame["a"], verbose=0)


def reader():
    """A model that takes texts itself."""
    model = keras.Sequential(
        [
            keras.Input((1,), dtype="string"),
            L.TextVectorization(vocabulary=["a", "good", "bad", "film"]),
            L.Embedding(6, 4),
            L.GlobalAveragePooling1D(),
            L.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def test_a_model_that_takes_texts_takes_lists_of_one_text_each():
    model = reader()
    right = model.predict(TEXTS, verbose=0)
    for x in ([[text] for text in TEXTS], [(text,) for text in TEXTS], Grid(TEXTS)):
        assert np.array_equal(model.predict(x, verbose=0), right)
        model.fit(x, LABELS, epochs=0)


NO_TEXTS = {
    "bytes": ([b"a film"], r"a list whose first entry is b'a film' \(bytes\): decode them"),
    "array of bytes": (np.array([b"a film"]), r"an array of \|S6, shape \(1,\) .*: decode them"),
    "dicts": ([{"text": "a"}], r"whose first entry is \{'text': 'a'\} \(dict\)"),
    "numbers": (np.zeros((2, 3)), r"an array of float64, shape \(2, 3\)"),
    "lists": ([["a", "film"], ["b"]], r"whose first entry is \['a', 'film'\] \(list\)"),
    "one text": ("a film", r"one str, 'a film'; a list of it is \[text\]"),
}


@pytest.mark.parametrize("case", NO_TEXTS)
def test_what_holds_no_texts_is_shown(case):
    value, message = NO_TEXTS[case]
    vectorizer = L.TextVectorization(vocabulary=["a"])
    for call in (reader().predict, reader().predict_labels, vectorizer):
        if case != "one text" or call is not vectorizer:  # the layer takes one text
            with pytest.raises(TypeError, match=message):
                call(value)


@pytest.mark.parametrize("value", [[b"a film"], [{"text": "a"}]], ids=["bytes", "dicts"])
def test_nor_does_an_encoder_take_it(value):
    with pytest.raises(
        TypeError, match=r"token ids must be integers.*whose first entry is .* \((bytes|dict)\)"
    ):
        classifier().predict(value, verbose=0)


@pytest.mark.parametrize("kind", [iter, set])
@pytest.mark.parametrize("model", [reader, classifier])
def test_texts_one_by_one_are_no_batches(model, kind):
    texts = kind(TEXTS)  # an iterator is used up
    with pytest.raises(TypeError, match=r"must give batches.* gave one text, .*; did you mean list\(x\)\?"):
        model().predict(texts, verbose=0)
