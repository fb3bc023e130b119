"""Models that take raw text: encoder, labels and words added after training, before and after a file."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, models
from embedcnn.text import TextEncoder, Vocabulary

TEXTS = ["a good film", "a bad film", "good good", "bad", "a very good one", "a very bad one"]
LABELS = [1, 0, 1, 0, 1, 0]


def text_classifier(encoder, frozen=True):
    table = np.random.default_rng(0).normal(size=(len(encoder.vocabulary), 8)).astype("float32")
    tokens = embedcnn.Input((None,), dtype="int32")
    x = layers.Embedding(*table.shape, weights=[table], trainable=not frozen, name="words")(tokens)
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(16, 2, activation="relu")(x))
    model = embedcnn.Model(tokens, layers.Dense(1, activation="sigmoid")(x), seed=0)
    model.compile(embedcnn.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.text_encoder = encoder
    model.labels = ["negative", "positive"]
    return model


def adapted(**options):
    encoder = TextEncoder(**options)
    encoder.adapt(TEXTS)
    return encoder


@pytest.mark.parametrize("length", [None, 5])
def test_texts_all_the_way(tmp_path, length):
    model = text_classifier(adapted(output_sequence_length=length))
    model.fit(TEXTS, LABELS, epochs=30, verbose=0, validation_data=(TEXTS, LABELS))
    assert model.evaluate(TEXTS, LABELS, verbose=0)[1] == 1.0
    expected = [model.labels[label] for label in LABELS]
    assert model.predict_labels(TEXTS) == expected
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    assert again.predict_labels(TEXTS) == expected
    assert (again.predict(TEXTS) == model.predict(TEXTS)).all()
    assert again.text_encoder.get_config() == model.text_encoder.get_config()
    assert again.text_encoder.get_vocabulary() == model.text_encoder.get_vocabulary()
    again.fit(TEXTS, LABELS, epochs=1, verbose=0)


def test_words_added_after_training(tmp_path):
    model = text_classifier(adapted(max_tokens=20))
    model.fit(TEXTS, LABELS, epochs=30, verbose=0)
    table = model.get_layer("words").embeddings.numpy()
    good = table[model.text_encoder.vocabulary["good"]]
    before = model.predict(TEXTS)
    model.extend_vocabulary(["superb", "größer\n"], np.stack([good, -good]))
    assert (model.predict(TEXTS) == before).all()
    assert (model.predict(["superb film"]) == model.predict(["good film"])).all()
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    assert (again.predict(["superb film"]) == model.predict(["good film"])).all()
    assert "größer\n" in again.text_encoder.vocabulary
    with pytest.raises(ValueError, match=r"words\[1\] = 'superb' is known already"):
        again.extend_vocabulary(["x", "superb"], np.zeros((2, 8)))
    assert again.get_layer("words").input_dim == len(again.text_encoder.vocabulary)


def test_a_table_with_other_rows_than_the_vocabulary_cannot_be_extended():
    model = text_classifier(adapted())
    model.text_encoder = TextEncoder(vocabulary=["good"])
    with pytest.raises(ValueError, match="The vocabulary has 3 entries, but the table 'words'"):
        model.extend_vocabulary(["x"], np.zeros((1, 8)))


def test_settings_of_the_vocabulary_are_kept(tmp_path):
    vocabulary = Vocabulary(["a", "b"], lower=False, filters=".", pad="<pad>", unknown="<unk>")
    model = text_classifier(TextEncoder(vocabulary=vocabulary))
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m").text_encoder.vocabulary
    assert again.tokens == ["<pad>", "<unk>", "a", "b"]
    assert again.settings == vocabulary.settings


def test_tokens_with_line_ends_and_backslashes_are_kept(tmp_path):
    tokens = ["a\n", "\n", "b\r\nc", "\\n", "\\", "d\\\n", "\x85", "\u2028", "\ud800", " "]
    vocabulary = Vocabulary(tokens, pad="<\n>", lower=False)
    model = text_classifier(TextEncoder(vocabulary=vocabulary, standardize=None, split=None))
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    assert again.text_encoder.vocabulary.tokens == vocabulary.tokens
    assert again.text_encoder.encode(tokens).tolist() == [[number] for number in range(2, 12)]
    assert (again.predict(tokens, verbose=0) == model.predict(tokens, verbose=0)).all()


def test_a_damaged_vocabulary_is_refused(tmp_path):
    from saving.test_model_file import rewritten

    text_classifier(adapted()).save(tmp_path / "m")
    with pytest.raises(ValueError, match="vocabulary"):
        models.load_model(rewritten(tmp_path / "m", lambda m: m.update({"vocabulary.txt": b"one"})))
    text_classifier(adapted()).save(tmp_path / "m")
    with pytest.raises(ValueError):
        models.load_model(
            rewritten(tmp_path / "m", lambda m: m.update({"vocabulary.txt": b"\n[UNK]\na\\x\n"}))
        )


class Encoding:
    """What `tokenizers` returns for a text, as far as a model looks at it."""

    def __init__(self, ids):
        self.ids = ids


ROWS = [[1, 2, 3], [2], [4, 1, 1, 5], [], [5, 5], [3, 2, 1]]


@pytest.mark.parametrize("form", ["lists", "tuples", "arrays", "encodings"])
def test_ids_of_unequal_lengths_as_they_are(form):
    make = {"lists": list, "tuples": tuple, "arrays": lambda row: np.array(row, int), "encodings": Encoding}[
        form
    ]
    rows = [make(row) for row in ROWS]
    ragged = embedcnn.ragged.Ragged.from_sequences(ROWS)
    models_alike = []
    for _ in range(2):
        embedcnn.utils.set_random_seed(3)
        models_alike.append(text_classifier(adapted()))
    one, other = models_alike
    one.fit(rows, LABELS, epochs=2, batch_size=4, verbose=0)
    other.fit(ragged, LABELS, epochs=2, batch_size=4, verbose=0)
    np.testing.assert_array_equal(one.predict(rows, verbose=0), other.predict(ragged, verbose=0))
    np.testing.assert_array_equal(one.predict(rows[:1], verbose=0), other.predict(ragged[:1], verbose=0))
    if form != "arrays":
        np.testing.assert_array_equal(
            one.predict([make([1, 2]), make([2, 1])], verbose=0), other.predict([[1, 2], [2, 1]], verbose=0)
        )


def test_encodings_of_tokenizers():
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({"[UNK]": 1, "good": 2, "bad": 3}, unk_token="[UNK]")
    )
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    encodings = words.encode_batch(["good bad", "bad", "a good bad one"])
    ids = [[2, 3], [3], [1, 2, 3, 1]]
    model = text_classifier(adapted())
    np.testing.assert_array_equal(model.predict(encodings, verbose=0), model.predict(ids, verbose=0))
    padded = embedcnn.utils.pad_sequences(encodings, maxlen=3, padding="post")
    assert padded.tolist() == [[2, 3, 0], [3, 0, 0], [2, 3, 1]]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([[1, 2.5], [1]], TypeError, r"x\[0\] must hold integers"),
        ([[1], ["a", "b"]], TypeError, r"x\[1\] must hold integers"),
        ([[1, 2], [2**40]], OverflowError, r"x\[1\]"),
        ([[1, 2], 3], ValueError, "rows of unequal length"),
        ([[1, 2], [99]], ValueError, "99"),
    ],
)
def test_lists_that_are_no_ids(rows, error, message):
    with pytest.raises(error, match=message):
        text_classifier(adapted()).predict(rows, verbose=0)
