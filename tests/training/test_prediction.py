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


# -- no examples ---------------------------------------------------------------------------------------------
NOTHING = {
    "list": [],
    "tuple": (),
    "array": np.empty(0),
    "column": np.empty((0, 1), object),
    "ids": np.empty((0, 7), np.int32),
    "Ragged": TEXTS[:0],
}


@pytest.mark.parametrize("kind", NOTHING)
def test_no_examples_have_no_predictions(kind):
    model, x = convolutional(), NOTHING[kind]
    for found in (model.predict(x, verbose=0), model.predict(x, verbose=1), model.predict_on_batch(x)):
        assert found.shape == (0, 3) and found.dtype == np.float32
    assert model.predict_labels(x) == []
    assert recurrent(return_sequences=True).predict(x, verbose=0).shape == (0, 0, 8)


def test_nor_have_they_at_several_outputs():
    x = embedcnn.Input((4,))
    both = embedcnn.Model(x, {"one": layers.Dense(1)(x), "two": layers.Dense(2)(x)})
    found = both.predict(np.zeros((0, 4)), verbose=0)
    assert {name: value.shape for name, value in found.items()} == {"one": (0, 1), "two": (0, 2)}


def test_what_does_not_fit_or_gives_no_batches_stays_an_error():
    x = embedcnn.Input((4,))
    model = embedcnn.Model(x, layers.Dense(2)(x))
    with pytest.raises(ValueError, match=r"expected shape \(batch, 4\). Received: shape \(0, 5\)"):
        model.predict(np.zeros((0, 5)), verbose=0)
    for batches in (iter([]), embedcnn.data.Dataset.from_tensor_slices(np.zeros((3, 4))).take(0).batch(2)):
        with pytest.raises(ValueError, match="x gave no batches"):
            model.predict(batches, verbose=0)


# -- labels --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("last, labels", [("softmax", [0, 0]), ("sigmoid", [[], []])])
def test_labels_of_a_model_that_is_not_compiled_make_its_program_once(last, labels, monkeypatch):
    x = embedcnn.Input((4,))
    model = embedcnn.Model(x, layers.Dense(3, activation=last)(x))
    made, usual = [], embedcnn.Model.lowered_as
    monkeypatch.setattr(
        embedcnn.Model, "lowered_as", lambda *given, **more: made.append(given) or usual(*given, **more)
    )
    for _ in range(3):
        assert model.predict_labels(np.zeros((2, 4))) == labels  # 0.5 is not above the threshold
    assert len(made) == 1


def test_labels_build_a_model_as_predict_does():
    model = embedcnn.Sequential([layers.Dense(2, activation="softmax")])
    assert model.predict_labels(np.zeros((3, 4))) == [0, 0, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", "uint8", "uint16"])
def test_an_array_of_one_batch_is_predicted_as_its_batches_are(dtype):
    model = embedcnn.Sequential([embedcnn.Input((5,)), layers.Dense(3)])
    x = (np.arange(35).reshape(7, 5) % 3).astype(dtype)
    found = model.predict(x, verbose=0)
    assert found.shape == (7, 3) and found.dtype == np.float32
    np.testing.assert_array_equal(found, model.predict(iter([x]), verbose=0))
    np.testing.assert_array_equal(found, model.predict(x, batch_size=2, verbose=0))
    np.testing.assert_array_equal(found, np.stack([model.predict(row[None], verbose=0)[0] for row in x]))


def test_images_of_bytes_are_predicted_in_one_batch():
    model = embedcnn.Sequential([embedcnn.Input((4, 4, 3)), layers.Rescaling(0.5), layers.Flatten()])
    x = np.arange(96, dtype=np.uint8).reshape(2, 4, 4, 3)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x.reshape(2, -1) / 2)


@pytest.mark.parametrize("batch_size", [None, 2])
def test_an_array_of_one_batch_is_checked_as_a_whole(batch_size):
    model = embedcnn.Sequential([embedcnn.Input((2,)), layers.Dense(1)])
    with pytest.raises(ValueError, match=r"\[2, 1\] = nan: only finite"):
        model.predict(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, np.nan]]), batch_size, verbose=0)
    tokens = embedcnn.Sequential([embedcnn.Input((2,), dtype="int32"), layers.Embedding(4, 1)])
    with pytest.raises(ValueError, match=r"\[1, 0\] = 4 is outside \[0, 4\)"):
        tokens.predict(np.array([[1, 2], [4, 0], [1, 1]]), batch_size, verbose=0)
    with pytest.raises(ValueError, match="batch_size"):
        model.predict(np.ones((1, 2)), batch_size=0, verbose=0)


def test_a_step_of_the_users_own_predicts_an_array_of_one_batch():
    class Doubled(embedcnn.Model):
        def predict_step(self, data):
            return 2 * super().predict_step(data)

    x = embedcnn.Input((2,))
    model = Doubled(x, layers.Identity()(x))
    np.testing.assert_array_equal(model.predict(np.ones((3, 2)), verbose=0), np.full((3, 2), 2.0))
