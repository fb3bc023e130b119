"""Numbers as arithmetic with NumPy leaves them, outside of configurations: for those that a file keeps see
tests/base/test_configuration.py.
"""

import json

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import callbacks, data, datasets, ops, optimizers
from embedcnn.encoding import TokenizerEncoder
from embedcnn.preprocessing.text import Tokenizer, tokenizer_from_json

L = keras.layers
ARRAY = np.array(2)[()] * np.array(0.25)  # a number; np.array(0.5) is an array without axes


@pytest.mark.parametrize("rate", [ARRAY, np.array(0.5), np.array(0.5, np.float32)])
def test_a_rate_that_is_an_array_without_axes(rate, tmp_path):
    model = keras.Sequential([keras.Input((1,)), L.Dense(np.array(1)), L.Dropout(rate)])
    model.compile(optimizers.SGD(rate, momentum=rate), "mse")
    model.optimizer.learning_rate = rate
    model.fit(np.ones((4, 1)), np.ones(4), verbose=0, validation_split=rate, epochs=np.array(2))
    model.save(tmp_path / "model")
    assert keras.models.load_model(tmp_path / "model").optimizer.learning_rate == 0.5


@pytest.mark.parametrize("wrong", [np.array([0.5]), np.array("x"), np.array(True), np.array(np.nan)])
def test_other_arrays_are_no_numbers(wrong):
    with pytest.raises(ValueError, match=r"`learning_rate` must be"):
        optimizers.SGD(wrong)


@pytest.mark.parametrize("kind", [callbacks.ModelCheckpoint, callbacks.BackupAndRestore])
def test_how_often_a_callback_saves(kind, tmp_path):
    model = keras.Sequential([keras.Input((1,)), L.Dense(1)])
    model.compile("sgd", "mse")
    saving = kind(tmp_path / "saved", save_freq=np.int64(2))
    model.fit(np.ones((4, 1)), np.ones(4), batch_size=1, verbose=0, callbacks=[saving])
    assert saving.save_freq == 2
    with pytest.raises(ValueError, match="must be 'epoch' or a positive integer. Received: save_freq=True"):
        kind(tmp_path / "saved", save_freq=True)


def test_the_words_of_a_tokenizer():
    tokenizer = Tokenizer(num_words=np.int64(2))
    tokenizer.fit_on_texts(["a b a"])
    assert tokenizer_from_json(tokenizer.to_json()).texts_to_sequences(["b a"]) == [[1]]
    json.dumps(TokenizerEncoder(tokenizer, maxlen=np.int32(3)).get_config())


def test_columns_classes_and_axes(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x,1\ny,2\n")
    rows = data.CsvDataset(path, columns=np.int64(0), header=False)
    assert list(rows) == ["x", "y"]
    with pytest.raises(ValueError, match=r"only \d+ packages have sentences|>= 2\. Received: .*1\b"):
        datasets.standard_library_sentences(classes=np.int64(1))
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(ops.softmax(x, axis=np.int64(-1)), ops.softmax(x, axis=-1))
