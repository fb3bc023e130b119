"""predict without a batch size: larger batches as it goes, with the same results."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.ragged import Ragged
from embedcnn.training import prediction

RNG = np.random.default_rng(5)
LENGTHS = RNG.integers(1, 30, 3000)
TEXTS = Ragged.from_sequences([RNG.integers(1, 500, length).astype(np.int32) for length in LENGTHS])


def convolutional():
    x = embedcnn.Input((None,), dtype="int32")
    hidden = layers.GlobalMaxPooling1D()(layers.Conv1D(8, 3, padding="same")(layers.Embedding(500, 16)(x)))
    return embedcnn.Model(x, layers.Dense(3, activation="softmax")(hidden))


def recurrent(**settings):
    x = embedcnn.Input((None,), dtype="int32")
    return embedcnn.Model(x, layers.LSTM(8, **settings)(layers.Embedding(500, 16)(x)))


def counted(model, monkeypatch):
    """How many examples each batch of predict has, from now on."""
    sizes, usual = [], prediction.Prediction._run

    def note(self, kind, inputs, **options):
        sizes.append(len(inputs[0][1]) - 1)
        return usual(self, kind, inputs, **options)

    monkeypatch.setattr(prediction.Prediction, "_run", note)
    return sizes


@pytest.mark.parametrize("make", [convolutional, recurrent])
def test_larger_batches_give_the_same_bits(make, monkeypatch):
    model = make()
    sizes = counted(model, monkeypatch)
    found = model.predict(TEXTS, verbose=0)
    assert sum(sizes) == len(TEXTS) and sizes[0] == 32 and max(sizes) > 256
    np.testing.assert_array_equal(found, model.predict(TEXTS, 32, verbose=0))


def test_memory_bounds_them(monkeypatch):
    model = convolutional()
    model.predict(TEXTS[:32], verbose=0)
    program = model._programs.pool("predict")._idle[0].core
    room = 10 * program.step_bytes
    monkeypatch.setattr(prediction, "ROOM", room)
    sizes = counted(model, monkeypatch)
    model.predict(TEXTS, verbose=0)
    assert 32 < max(sizes) < 1500
    assert program.workspace_bytes < 1.5 * room


def test_a_size_that_is_given_stays(monkeypatch):
    model = convolutional()
    sizes = counted(model, monkeypatch)
    model.predict(TEXTS, batch_size=100, verbose=0)
    model.predict((TEXTS[start : start + 50] for start in range(0, 200, 50)), verbose=0)
    assert set(sizes) == {100, 50}


def test_examples_that_may_depend_on_each_other_stay_in_batches_of_32():
    widths = []

    def look(values):
        widths.append(len(values))
        return values

    x = embedcnn.Input((4,))
    model = embedcnn.Model(x, layers.Lambda(look, output_shape=(4,))(x))
    model.predict(np.ones((200, 4), np.float32), verbose=0)
    assert widths[-7:] == [32] * 6 + [8]
    tokens = embedcnn.Input((5,), batch_size=32, dtype="int32")
    states = embedcnn.Model(tokens, layers.LSTM(3, stateful=True)(layers.Embedding(500, 4)(tokens)))
    assert states.predict(np.ones((320, 5), np.int32), verbose=0).shape == (320, 3)


def test_sequences_are_as_long_as_in_batches_of_32(monkeypatch):
    model = recurrent(return_sequences=True)
    sizes = counted(model, monkeypatch)
    found = model.predict(TEXTS, verbose=0)
    assert set(sizes) == {32, 3000 % 32}
    np.testing.assert_array_equal(found, model.predict(TEXTS, 32, verbose=0))


def test_the_bar_counts_batches_of_32(capsys):
    convolutional().predict(TEXTS, verbose=1)
    assert "94/94" in capsys.readouterr().err
