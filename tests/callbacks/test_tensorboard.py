"""TensorBoard's files hold what Keras writes: scalars by epoch and by batch, histograms, texts."""

import struct
import sys

import numpy as np
import pytest

import embedcnn
from embedcnn import callbacks, layers

pytest.importorskip("tensorboardX")
X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2


def read(folder):
    """(tag, step) to value or kind of all events below a folder."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in sorted(folder.glob("events.*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            for value in event.summary.value:
                kind = value.WhichOneof("value")
                found[value.tag, event.step] = value.simple_value if kind == "simple_value" else value
    return found


def fit(tmp_path, **options):
    x = embedcnn.Input((3,))
    model = embedcnn.Model(x, layers.Dense(1, activation="sigmoid", name="out")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    board = callbacks.TensorBoard(tmp_path, **options)
    history = model.fit(X, Y, batch_size=5, epochs=3, verbose=0, validation_data=(X, Y), callbacks=board)
    return model, history.history, read(tmp_path / "train"), read(tmp_path / "validation")


def test_scalars_of_epochs(tmp_path):
    _, history, train, validation = fit(tmp_path)
    for epoch in range(3):
        assert train["epoch_loss", epoch] == np.float32(history["loss"][epoch])
        assert validation["epoch_accuracy", epoch] == np.float32(history["val_accuracy"][epoch])
        assert train["epoch_learning_rate", epoch] == np.float32(0.001)
    assert {tag for tag, _ in train} == {
        *("epoch_loss", "epoch_accuracy", "epoch_learning_rate", "keras/text_summary")
    }


def test_batches_histograms_and_texts(tmp_path):
    samples = lambda epoch: {"written": f"epoch {epoch}"}  # noqa: E731
    model, _, train, validation = fit(tmp_path, update_freq=2, histogram_freq=2, samples=samples)
    assert [step for tag, step in train if tag == "batch_loss"] == [2, 4, 6, 8, 10, 12]
    assert [step for tag, step in validation if tag == "evaluation_loss_vs_iterations"] == [4, 8, 12]
    steps = [step for tag, step in train if tag == "out/kernel/histogram"]
    assert steps == [0, 2] and train["out/kernel/histogram", 2].histo.num == 3
    assert train["written/text_summary", 1].tensor.string_val[0] == b"epoch 1"
    assert b"out (Dense)" in train["keras/text_summary", 0].tensor.string_val[0]


def test_what_is_not_written_and_what_is_missing(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="`profile_batch` must be left out.* Received: profile_batch=2"):
        callbacks.TensorBoard(tmp_path, profile_batch=2)
    with pytest.raises(TypeError, match="`samples` must be a function"):
        callbacks.TensorBoard(tmp_path, samples="text")
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="embedcnn\\[tensorboard\\]"):
        callbacks.TensorBoard(tmp_path)
