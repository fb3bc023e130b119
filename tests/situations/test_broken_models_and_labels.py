"""Models that give NaN, models of several labels, encodings with padding, and generation at the edges: what
is said instead of an answer, and the right answer.
"""

from types import SimpleNamespace

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import text
from embedcnn.cli import main
from embedcnn.language_model.generation import Stepper, generate, sample
from embedcnn.ragged import Ragged

L = keras.layers
NAN = float("nan")


# -- NaN -----------------------------------------------------------------------------------------------------
def classifier(units=3, activation="softmax", loss=None):
    model = keras.Sequential([keras.Input((2,)), L.Dense(units, activation=activation)])
    if loss is not None:
        model.compile("sgd", loss)
    return model


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_nan_has_no_label(units, activation):
    model = classifier(units, activation)
    x = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    assert len(model.predict_labels(x)) == 3
    model.layers[-1].bias.assign(np.full(units, NAN))
    with pytest.raises(ValueError, match=r"predicts NaN for 3 of 3 examples \(the first is x\[0\]\)"):
        model.predict_labels(x)


def writer(softmax=True):
    model = keras.Sequential(
        [
            L.Embedding(5, 4),
            L.GRU(6, return_sequences=True),
            L.Dense(5, activation="softmax" if softmax else None),
        ]
    )
    model.build((None, None))
    model.text_encoder = keras.encoding.CharEncoder(text.CharVocabulary("abcde"))
    return model


@pytest.mark.parametrize("softmax", [True, False])
def test_nan_writes_nothing(softmax):
    model = writer(softmax)
    assert len(generate(model, "ab", 5, seed=1)) == 5
    model.layers[-1].bias.assign(np.full(5, NAN))
    with pytest.raises(ValueError, match="predicts NaN, so it cannot write"):
        generate(model, "ab", 5)


def test_nan_on_the_command_line(tmp_path, capsys):
    model = keras.Sequential(
        [L.Embedding(9, 2), L.GlobalAveragePooling1D(), L.Dense(2, activation="softmax")]
    )
    model.build((None, None))
    model.text_encoder = text.TextEncoder()
    model.text_encoder.adapt(["good film", "bad film"])
    model.labels = ["bad", "good"]
    model.layers[-1].bias.assign([NAN, 0])
    model.save(tmp_path / "m")
    (tmp_path / "t.tsv").write_text("bad\ta bad film\ngood\ta good film\n")
    for line in (
        ["predict", str(tmp_path / "m"), "a film"],
        ["test", str(tmp_path / "m"), str(tmp_path / "t.tsv")],
    ):
        assert main(line) == 1
        assert "predicts NaN for" in capsys.readouterr().err


# -- several labels ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("loss", ["binary_crossentropy", "binary_focal_crossentropy", None])
def test_a_model_of_several_labels_gives_all_of_them(loss):
    model = classifier(3, "sigmoid", loss)
    model.layers[-1].kernel.assign(np.zeros((2, 3)))
    model.layers[-1].bias.assign([2.0, -2.0, 1.0])  # .88 .12 .73
    x = np.zeros((2, 2))
    assert model.predict_labels(x) == [[0, 2]] * 2
    model.labels = ["a", "b", "c"]
    assert model.predict_labels(x) == [["a", "c"]] * 2
    assert model.predict_labels(x, threshold=0.8) == [["a"]] * 2
    assert model.predict_labels(x, threshold=0.1) == [["a", "b", "c"]] * 2
    assert model.predict_labels(x, threshold=0.9) == [[]] * 2


def test_thresholds_of_logits_and_of_one_unit():
    logits = classifier(3, None, keras.losses.BinaryCrossentropy(from_logits=True))
    logits.layers[-1].kernel.assign(np.zeros((2, 3)))
    logits.layers[-1].bias.assign([2.0, -2.0, 1.0])
    assert logits.predict_labels(np.zeros((1, 2))) == [[0, 2]]
    assert logits.predict_labels(np.zeros((1, 2)), threshold=0.8) == [[0]]
    single = classifier(1, "sigmoid", "binary_crossentropy")
    single.layers[-1].kernel.assign(np.zeros((2, 1)))
    single.layers[-1].bias.assign([1.0])
    assert single.predict_labels(np.zeros((1, 2))) == [1]
    assert single.predict_labels(np.zeros((1, 2)), threshold=0.9) == [0]
    assert classifier(3, "softmax", "sparse_categorical_crossentropy").predict_labels(np.zeros((1, 2)))[
        0
    ] in (0, 1, 2)
    for wrong in (0, 1, -0.1, "high", True):
        with pytest.raises((ValueError, TypeError), match="`threshold` must be"):
            single.predict_labels(np.zeros((1, 2)), threshold=wrong)


# -- encodings -----------------------------------------------------------------------------------------------
def encoding(ids, mask):
    """What tokenizers.Tokenizer.encode gives, with padding enabled."""
    return SimpleNamespace(ids=ids, attention_mask=mask)


PADDED = [encoding([5, 6, 7], [1, 1, 1]), encoding([5, 1, 1], [1, 0, 0]), encoding([1, 1, 1], [0, 0, 0])]


def test_padding_of_encodings_is_left_out():
    assert [row.tolist() for row in Ragged.from_sequences(PADDED)] == [[5, 6, 7], [5], []]
    plain = [SimpleNamespace(ids=[5, 6]), encoding([3], None)]
    assert [row.tolist() for row in Ragged.from_sequences(plain)] == [[5, 6], [3]]


@pytest.mark.parametrize("length", [None, 3])
def test_predictions_do_not_see_padding(length):
    model = keras.Sequential(
        [keras.Input((length,), dtype="int32"), L.Embedding(9, 4, mask_zero=True), L.LSTM(3), L.Dense(2)]
    )
    expected = model.predict(np.array([[5, 6, 7], [5, 0, 0]]), verbose=0)
    np.testing.assert_allclose(model.predict(PADDED[:2], verbose=0), expected, rtol=1e-5, atol=1e-7)


# -- generation ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("temperature", [5e-324, 1e-310, 1e-300, 1e-20, np.float64(5e-324)])
def test_a_temperature_next_to_zero_takes_the_likeliest(temperature):
    scores = np.log([[0.1, 0.7, 0.2], [0.6, 0.1, 0.3], [0.0, 0.0, 1.0]] + np.zeros((3, 3)) + 1e-300)
    for options in ({}, {"top_k": 2}, {"top_p": 0.9}):
        assert sample(scores, temperature, **options).tolist() == [1, 0, 2]
    with np.errstate(divide="ignore"):
        assert sample(np.log([[0.0, 0.5, 0.5]]), temperature)[0] in (1, 2)


def test_python_that_looks_along_a_text_does_not_write():
    def model(function):
        made = keras.Sequential(
            [L.Embedding(5, 4), L.GRU(6, return_sequences=True), L.Lambda(function), L.Dense(5)]
        )
        made.build((None, None))
        return made

    with pytest.raises(ValueError, match=r"is written in Python: .*steps_independent = True"):
        Stepper(model(lambda x: np.cumsum(x, axis=1)))
    alone = model(lambda x: 2 * x)
    with pytest.raises(ValueError, match="nobody knows whether it looks along a text"):
        Stepper(alone)
    alone.layers[2].steps_independent = True
    whole, stepwise = Stepper(alone), Stepper(alone)
    expected = whole.read([[1, 2, 3]])
    for token in (1, 2, 3):
        found = stepwise.read([[token]])
    np.testing.assert_allclose(found, expected, rtol=1e-4)

    class Own(L.Layer):
        steps_independent = True

        def call(self, x):
            return x + 1

    made = keras.Sequential([L.Embedding(5, 4), L.GRU(6, return_sequences=True), Own(), L.Dense(5)])
    made.build((None, None))
    assert Stepper(made).read([[1]]).shape == (1, 5)


# -- words added later ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["words", "texts"])
def test_extend_vocabulary(kind):
    if kind == "words":
        encoder = keras.encoding.WordEncoder.from_text("a b c")
    else:
        encoder = text.TextEncoder(max_tokens=5)
        encoder.adapt(["a b c"])
    model = keras.Sequential([L.Embedding(5, 2, trainable=False), L.GlobalAveragePooling1D(), L.Dense(1)])
    model.build((None, None))
    model.text_encoder = encoder
    model.extend_vocabulary(["new"], [[1.0, 2.0]])
    assert model.layers[0].embeddings.numpy()[5].tolist() == [1.0, 2.0]
    assert [row.tolist() for row in model.text_encoder(["a new b"])][0][1] == 5
    assert type(model.text_encoder) is type(encoder)
    with pytest.raises(ValueError, match="'new' is known already"):
        model.extend_vocabulary(["new"], [[1.0, 2.0]])
