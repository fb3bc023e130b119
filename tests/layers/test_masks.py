"""Sequences whose masks differ, and Masking behind other layers: as Keras."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.make_keras_masks import (
    FIRST,
    MASKINGS,
    MERGES,
    SECOND,
    TARGETS,
    ZEROS,
    masking_data,
    masking_model,
    merge_data,
    merge_model,
)

import embedcnn
from embedcnn import layers

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "keras_masks.json").read_text())


def check(model, parts, x, golden, tables=()):
    """Outputs, losses and weights; of these tables all rows but the padding's."""
    np.testing.assert_allclose(model.predict(x, verbose=0).ravel(), golden["output"], rtol=1e-5, atol=1e-6)
    losses = [model.train_on_batch(x, np.array(TARGETS, np.float32)) for _ in golden["losses"]]
    np.testing.assert_allclose(losses, golden["losses"], rtol=1e-5)
    values = [value for part in parts for value in part.get_weights()]
    for number, (value, expected) in enumerate(zip(values, golden["weights"], strict=True)):
        first = 1 if number in tables else 0
        expected = np.reshape(expected, value.shape)
        np.testing.assert_allclose(value[first:], expected[first:], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", MERGES)
def test_masks_that_differ(name):
    kind, masks, _ = MERGES[name]
    tables = [number for number, mask in enumerate(masks) if mask and kind in ZEROS]
    check(*merge_model(embedcnn, name), merge_data(), GOLDEN[f"merge {name}"], tables)


@pytest.mark.parametrize("name", MASKINGS)
def test_masking(name):
    check(*masking_model(embedcnn, name), masking_data(name), GOLDEN[f"masking {name}"])


@pytest.mark.parametrize("kind", ["Add", "Multiply", "Concatenate"])
def test_ragged_texts_of_different_lengths(kind):
    """The same as padded ones, beside each other and beside a padded input."""
    first, second = [[3, 1, 5], [2], [], [4, 4, 4, 1]], [[1], [2, 3, 5, 6, 1], [2, 2], [1, 1, 1]]
    inputs = [embedcnn.Input((None,), dtype="int32") for _ in range(2)]
    merged = getattr(layers, kind)()([layers.Embedding(7, 3, mask_zero=True)(x) for x in inputs])
    model = embedcnn.Model(inputs, layers.LSTM(2, return_sequences=True)(merged), seed=1)
    pad = embedcnn.preprocessing.sequence.pad_sequences
    padded = [pad(rows, 5, padding="post") for rows in (first, second)]
    texts = [embedcnn.Ragged.from_sequences(rows) for rows in (first, second)]
    expected = model.predict(padded, verbose=0)
    for x in (texts, [texts[0], padded[1]], [padded[0], texts[1]]):
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_masking_behind_an_embedding():
    """Steps that are masked already stay masked; rows of the table that are zeros are masked, too."""
    tokens = embedcnn.Input((6,), dtype="int32")
    x = layers.Masking()(layers.Embedding(7, 3, mask_zero=True)(tokens))
    model = embedcnn.Model(tokens, layers.GlobalAveragePooling1D()(x), seed=1)
    table = model.get_weights()[0]
    table[2] = 0
    model.set_weights([table])
    for row, out in zip(FIRST + SECOND, model.predict(np.array(FIRST + SECOND), verbose=0), strict=True):
        kept = [table[i] for i in row if i not in (0, 2)]
        np.testing.assert_allclose(out, np.mean(kept, 0) if kept else np.zeros(3), rtol=1e-6)
