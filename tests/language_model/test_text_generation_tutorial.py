"""The steps of the text generation tutorials, layer by layer: a text file, its characters, windows of arrays
or of a Dataset, Embedding, LSTM, Dense, a text written.
"""

import numpy as np
import pytest

import embedcnn
from embedcnn.data import Dataset, read_text, split_input_target, text_windows
from embedcnn.encoding import CharEncoder
from embedcnn.generation import generate
from embedcnn.layers import LSTM, Dense, Embedding
from embedcnn.optimizers import Adam
from embedcnn.text import CharVocabulary

LENGTH, BATCH = 12, 8


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_bytes(b"\xef\xbb\xbf" + b"the quick brown fox\r\njumps over the lazy dog.\r\n" * 60)
    return path


def made(vocabulary, softmax=True):
    embedcnn.utils.set_random_seed(5)
    model = embedcnn.Sequential(
        [
            Embedding(len(vocabulary), 8, input_length=LENGTH),
            LSTM(32, return_sequences=True),
            Dense(len(vocabulary), activation="softmax" if softmax else None),
        ]
    )
    loss = embedcnn.losses.SparseCategoricalCrossentropy(from_logits=not softmax)
    model.compile(Adam(lr=0.02, clipnorm=1.0), loss, metrics=["perplexity"])
    return model


@pytest.mark.parametrize("softmax", [True, False])
def test_arrays_and_data_sets_give_the_same_bits(book, softmax):
    text = read_text(book)
    assert "\r" not in text and "\ufeff" not in text
    vocabulary = CharVocabulary(text)
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text

    x, y = text_windows(ids, LENGTH, stride=LENGTH + 1)
    x, y = (part[: len(part) // BATCH * BATCH] for part in (x, y))
    arrays = made(vocabulary, softmax)
    losses = arrays.fit(x, y, BATCH, epochs=3, shuffle=False, verbose=0).history

    sequences = Dataset.from_tensor_slices(ids).batch(LENGTH + 1, drop_remainder=True)
    data = sequences.map(split_input_target).batch(BATCH, drop_remainder=True)
    stream = made(vocabulary, softmax)
    again = stream.fit(data, epochs=3, verbose=0).history
    assert losses == again and losses["loss"][-1] < losses["loss"][0]
    for one, other in zip(arrays.get_weights(), stream.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    first = next(iter(data))
    assert first[0].shape == first[1].shape == (BATCH, LENGTH)
    np.testing.assert_array_equal(first[0], x[:BATCH])


def test_as_in_the_tutorial(book, tmp_path):
    text = read_text(book)
    vocabulary = CharVocabulary(text)
    data = (
        Dataset.from_tensor_slices(vocabulary.encode(text))
        .batch(LENGTH + 1, drop_remainder=True)
        .map(split_input_target)
        .shuffle(10000, seed=1)
        .batch(BATCH, drop_remainder=True)
        .prefetch(1)
    )
    model = made(vocabulary)
    watching = [
        embedcnn.callbacks.ModelCheckpoint(tmp_path / "best", monitor="loss", save_best_only=True),
        embedcnn.callbacks.EarlyStopping(monitor="loss", patience=3),
    ]
    history = model.fit(data, epochs=25, verbose=0, callbacks=watching).history
    assert history["perplexity"][-1] < 2
    model.text_encoder = CharEncoder(vocabulary)
    assert generate(model, "the quick ", 9, temperature=0) == "brown fox"
    assert (tmp_path / "best").exists()


def test_too_few_windows_for_a_batch():
    """drop_remainder drops everything there is: the error says so."""
    ids = np.arange(40) % 5
    sequences = Dataset.from_tensor_slices(ids).batch(LENGTH + 1, drop_remainder=True)
    data = sequences.map(split_input_target).batch(BATCH, drop_remainder=True)
    with pytest.raises(ValueError, match="gave no batches: .* too few elements for one batch"):
        made(CharVocabulary("abcde")).fit(data, verbose=0)


def test_what_watches_a_training_knows_which_way_is_better(book):
    text = read_text(book)
    embedcnn.utils.set_random_seed(1)
    writer = embedcnn.CharLanguageModel(text, 8, 16, learning_rate=0.02, seed=1)
    stop = embedcnn.callbacks.EarlyStopping("val_bits_per_character", patience=1, min_delta=1e9)
    best = embedcnn.callbacks.EarlyStopping("val_perplexity", patience=5, restore_best_weights=True)
    history = writer.fit(
        text, LENGTH, BATCH, epochs=4, validation_split=0.1, verbose=0, callbacks=[stop, best]
    ).history
    assert len(history["loss"]) == 2, "no epoch is better by so much"
    assert best.best == min(history["val_perplexity"])
