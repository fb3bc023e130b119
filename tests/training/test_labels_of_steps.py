"""A class for each token of texts of unequal lengths: Ragged and lists give what masked arrays give."""

import numpy as np
import pytest

import embedcnn
from embedcnn import Ragged, layers, losses

RNG = np.random.default_rng(1)
LENGTHS = (3, 1, 6, 4, 2, 5, 6)
TEXTS = [RNG.integers(1, 9, n).tolist() for n in LENGTHS]
CLASSES = [RNG.integers(0, 4, n).tolist() for n in LENGTHS]


def padded(rows):
    return embedcnn.utils.pad_sequences(rows, padding="post")


def tagger(masked=False):
    embedcnn.utils.set_random_seed(5)
    model = embedcnn.Sequential(
        [
            layers.Input((None,), dtype="int32"),
            layers.Embedding(9, 4, mask_zero=masked),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.Dense(4),
        ],
        seed=5,
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(embedcnn.optimizers.Adam(0.05), loss, metrics=["accuracy"])
    return model


@pytest.mark.parametrize("form", [Ragged.from_sequences, list])
def test_labels_of_unequal_lengths_train_as_padded_ones(form):
    expected = tagger(True).fit(padded(TEXTS), padded(CLASSES), batch_size=3, epochs=3, verbose=0).history
    model = tagger()
    found = model.fit(Ragged.from_sequences(TEXTS), form(CLASSES), batch_size=3, epochs=3, verbose=0).history
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, err_msg=name)
    assert found["loss"][-1] < found["loss"][0]
    scores = model.evaluate(Ragged.from_sequences(TEXTS), form(CLASSES), verbose=0)
    right = [
        model.predict(Ragged.from_sequences([text]), verbose=0)[0].argmax(1) == row
        for text, row in zip(TEXTS, CLASSES, strict=True)
    ]
    assert scores[1] == pytest.approx(np.concatenate(right).mean())


def test_each_token_needs_its_label():
    with pytest.raises(
        ValueError, match=r"y\[2\]: one class number for each token.*Received: 5 for a text of 6"
    ):
        tagger().fit(Ragged.from_sequences(TEXTS), [*CLASSES[:2], CLASSES[2][:5], *CLASSES[3:]], verbose=0)


def test_padded_texts_take_padded_labels():
    with pytest.raises(ValueError, match="pad y too"):
        tagger().fit(padded(TEXTS), Ragged.from_sequences(CLASSES), verbose=0)


def test_as_many_rows_of_labels_as_texts():
    with pytest.raises(ValueError, match="7.*6|6.*7"):
        tagger().fit(Ragged.from_sequences(TEXTS), CLASSES[:6], verbose=0)


def test_labels_are_classes_of_the_output():
    with pytest.raises(ValueError, match=r"y\[0, 1\] = 9"):
        tagger().fit(Ragged.from_sequences(TEXTS), [[0, 9, 1], *CLASSES[1:]], verbose=0)
