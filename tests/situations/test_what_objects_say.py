"""What one sees at a prompt or in a notebook: summaries, reprs, help, and errors that name the right one."""

import html
import io
import sys

import numpy as np
import pytest

import embedcnn as keras
from embedcnn.models import summary
from embedcnn.text import TextEncoder

L = keras.layers


def branches():
    tokens = keras.Input((None,), dtype="int32", name="the_tokens_of_a_text")
    embedded = L.Embedding(20, 4, name="embedding_of_the_words")(tokens)
    parts = [
        L.GlobalMaxPooling1D(name=f"largest_of_width_{width}")(
            L.Conv1D(3, width, name=f"width_{width}")(embedded)
        )
        for width in (2, 3, 4)
    ]
    return keras.Model(tokens, L.Dense(2, name="scores")(L.Concatenate(name="all_features")(parts)), name="m")


@pytest.mark.parametrize("columns", [60, 70, 80, 100, 200])
def test_a_summary_is_as_wide_as_the_terminal(monkeypatch, columns):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", Terminal())
    branches().summary()
    shown = sys.stdout.getvalue().splitlines()
    assert max(map(len, shown)) <= columns
    assert sum("(GlobalMaxPooling1" in line or "…" in line for line in shown) >= 3
    text = "\n".join(shown)
    assert "Param #" in text and "Trainable" in text and "80" in text
    assert ("Connected to" in text) == (columns >= 70)
    if columns == 200:
        assert "largest_of_width_2, largest_of_width_3, largest_of_width_4" in text and "…" not in text


def test_a_summary_elsewhere_is_whole(capsys):
    lines = []
    branches().summary(print_fn=lines.append)
    branches().summary()
    assert capsys.readouterr().out.rstrip("\n") == lines[0]
    assert "largest_of_width_2, largest_of_width_3, largest_of_width_4" in lines[0]
    lines.clear()
    branches().summary(line_length=75, print_fn=lines.append)
    assert max(map(len, lines[0].splitlines())) <= 75


def test_widths_are_never_wider_than_asked_for():
    for columns in range(54, 140):
        widths = summary.fitted_widths([40, 30, 9, 9, 50], columns)
        assert sum(widths) + 2 * (len([width for width in widths if width]) - 1) <= columns


# -- reprs ---------------------------------------------------------------------------------------------------
def test_a_text_encoder_says_what_is_in_it():
    encoder = TextEncoder(split="words", standardize="lower", missing="empty")
    assert repr(encoder) == (
        "<TextEncoder: no vocabulary yet, standardize='lower', split='words', missing='empty'>"
    )
    encoder.adapt(["a b c d"])
    assert repr(encoder).startswith("<TextEncoder: 6 tokens ('d', 'c', 'b', ...), standardize='lower'")
    assert "upper" in repr(TextEncoder(standardize=str.upper))


def test_a_text_encoder_is_a_table_in_notebooks():
    encoder = TextEncoder(split="words", standardize=None, ngrams=2)
    table = encoder._repr_html_()
    assert "<tr><th>vocabulary</th><td>no vocabulary yet</td></tr>" in table
    assert "<tr><th>ngrams</th><td>2</td></tr>" in table and "missing" not in table
    encoder.set_vocabulary(["<b>", "a", "c", "d"])
    assert "<td>6 tokens ('&lt;b&gt;', 'a', 'c', ...)</td>" in encoder._repr_html_()
    assert encoder._repr_html_().count("<tr>") == 4


def trained():
    model = keras.Sequential([keras.Input((2,)), L.Dense(1)], name="line")
    model.compile("sgd", "mse", metrics=["mae"])
    return model, model.fit(np.ones((4, 2)), np.arange(4.0), epochs=3, verbose=0, validation_split=0.25)


def test_a_history_says_how_it_went():
    _, history = trained()
    first, last = history.history["loss"][0], history.history["loss"][-1]
    assert repr(history).startswith("<History: 3 epochs, ")
    assert f"loss {first:.4g} → {last:.4g}" in repr(history) and "val_loss" in repr(history)
    assert repr(keras.callbacks.History()) == "<History: 0 epochs>"


def test_tables_for_notebooks():
    model, history = trained()
    table = history._repr_html_()
    assert table.count("<tr>") == 4 and f"<td>{history.history['val_loss'][1]:.4g}</td>" in table
    history.history["f1 <each>"] = [np.array([0.5, 0.25])]
    assert "<td>[0.5, 0.25]</td>" in history._repr_html_() and "f1 &lt;each&gt;" in history._repr_html_()
    lines = []
    model.summary(print_fn=lines.append)
    assert model._repr_html_() == f"<pre>{html.escape(lines[0])}</pre>"
    assert "not built yet" in keras.Sequential([L.Dense(1)])._repr_html_()


def test_help_shows_how_to_write_a_layer():
    text = L.Layer.__doc__
    assert "class Scale(embedcnn.layers.Layer)" in text and "def backward(d_y)" in text


# -- errors that name the right one --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "meant"), [("Conv1d", "Conv1D"), ("lstm", "LSTM"), ("Globalmaxpooling1d", "GlobalMaxPooling1D")]
)
def test_a_layer_in_other_letters(name, meant):
    with pytest.raises(AttributeError, match=f"no layers.{name}; did you mean '{meant}'"):
        getattr(L, name)


@pytest.mark.parametrize(("word", "meant"), [("King", "king"), ("PARIS", "Paris"), ("nato", "NATO")])
def test_a_word_in_other_letters(word, meant):
    vectors = keras.vectors.WordVectors(["king", "Paris", "NATO"], np.eye(3, dtype=np.float32))
    with pytest.raises(KeyError, match=f"the word '{word}' has no vector; did you mean '{meant}'"):
        vectors[word]
    with pytest.raises(KeyError, match=f"did you mean '{meant}'"):
        vectors[["king", word]]
    with pytest.raises(KeyError) as caught:
        vectors["queen"]
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("wrong", [9, -1])
def test_a_bad_id_is_named_by_text_and_place(wrong):
    model = keras.Sequential([L.Embedding(5, 2), L.GlobalAveragePooling1D(), L.Dense(1)])
    model.compile("sgd", "mse")
    rows, y = [[1, 2, 3], [], [4, wrong, 1], [1]], np.arange(4.0)
    for x in (keras.Ragged.from_sequences(rows), rows):
        for call in (
            lambda x=x: model.fit(x, y, batch_size=2, verbose=0),
            lambda x=x: model.predict(x, verbose=0),
            lambda x=x: model.predict_on_batch(x),
            lambda x=x: model.evaluate(x, y, verbose=0),
            lambda x=x: model.train_on_batch(x, y),
            lambda x=x: model.fit(iter([(x, y)]), verbose=0),
            lambda x=x: model(x),
        ):
            with pytest.raises(ValueError, match=rf"x\[2, 1\] = {wrong} is outside \[0, 5\)"):
                call()


@pytest.mark.parametrize(
    "make, shown",
    [
        (
            lambda: keras.CharLanguageModel("abc", units=8),
            "<CharLanguageModel: 3 characters, LSTM of 8 units",
        ),
        (
            lambda: keras.WordLanguageModel("a b c", units=4, layer_count=2),
            "<WordLanguageModel: 5 words, LSTM of 4, 4 units",
        ),
    ],
    ids=["characters", "words"],
)
def test_a_language_model_says_how_large_it_is(make, shown):
    writer = make()
    assert repr(writer) == f"{shown}, {writer.model.count_params():,} weights>"


@pytest.mark.parametrize("kind", [keras.CharLanguageModel, keras.WordLanguageModel])
@pytest.mark.parametrize("text", [b"abc", ["a", "b"], None])
def test_what_is_no_book_is_named(kind, text):
    hint = r"bytes; decode it, as text.decode\(\)" if isinstance(text, bytes) else type(text).__name__
    with pytest.raises(TypeError, match=f"`text` must be one str or a text.*Vocabulary. Received: {hint}"):
        kind(text)
