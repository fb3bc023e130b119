"""What a training shows: on terminals of any width, in a pipe, in a notebook, and where it goes on."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import embedcnn as keras
from embedcnn.training import progress

L = keras.layers
SCRIPT = """
import numpy as np, embedcnn as keras
keras.utils.set_random_seed(1)
L = keras.layers
x, y = np.random.default_rng(0).random((400, 3)), np.arange(400) % 2
model = keras.Sequential([keras.Input((3,)), L.Dense(1, activation="sigmoid")])
model.compile("sgd", "binary_crossentropy", metrics=["accuracy", "AUC"])
model.fit(x, y, epochs=2, validation_split=0.5)
model.evaluate(x, y)
model.predict(x)
"""


def on_a_terminal(columns, script=SCRIPT):
    """What a script writes to a terminal so wide: the last state of each line."""
    pty = pytest.importorskip("pty")
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, np.array([24, columns, 0, 0], np.uint16).tobytes())
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script], stderr=theirs, stdout=theirs, env=environment
    ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
    os.close(ours)
    assert process.returncode == 0, seen.decode()
    lines = seen.decode().replace("\r\n", "\n").split("\n")
    return [[state for state in line.split("\r") if state.strip()] for line in lines if line.strip()]


@pytest.mark.parametrize("columns", [200, 120, 80, 60, 40])
def test_the_bar_fits_the_terminal(columns):
    lines = on_a_terminal(columns)
    assert len(lines) == 4  # two epochs, evaluate, predict
    for states in lines:
        assert all(len(state.rstrip()) < columns for state in states), states
    for epoch, states in enumerate(lines[:2], 1):
        last = states[-1]
        assert last.startswith(f"Epoch {epoch}/2: 7/7, ")
        assert "val_" in last
        assert columns < 60 or "val_accuracy" in last
        assert columns < 60 or "val_AUC" in last
        assert columns < 80 or "val_loss" in last
        if columns >= 120:
            assert all(f"{name}: " in last or f"{name} " in last for name in ("loss", "accuracy", "AUC"))
        if columns == 200:
            assert "|" in last and "00:0" in last


def test_in_a_pipe_an_epoch_is_a_line():
    done = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 4 and "\r" not in done.stderr
    assert lines[0].startswith("Epoch 1/2 - 7/7 - ") and "val_loss: " in lines[0]
    assert lines[1].startswith("Epoch 2/2 - 7/7 - ")
    assert lines[2].startswith("13/13 - ") and "loss: " in lines[2]


def test_without_a_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    model = keras.Sequential([keras.Input((1,)), L.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 1)), np.arange(4.0), verbose=1)
    assert progress.watched() == "nobody" and progress.terminal_width() == 80


@pytest.mark.parametrize("widgets", [False, True])
def test_a_notebook_keeps_the_final_numbers(monkeypatch, capsys, widgets):
    """The bar goes; its last line is plain output, which the saved file holds."""
    if widgets:
        pytest.importorskip("ipywidgets")
    else:
        monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(progress, "watched", lambda: "notebook")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = keras.Sequential([keras.Input((1,)), L.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(np.ones((64, 1)), np.arange(64.0), epochs=2, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[:2] for line in lines] == [["Epoch 1/2", "2/2"], ["Epoch 2/2", "2/2"]]
    assert all("loss: " in line for line in lines)


def test_a_notebook_is_known_by_its_kernel(monkeypatch):
    class Shell:
        config = {"IPKernelApp": {}}

    class IPython:
        @staticmethod
        def get_ipython():
            return Shell

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert progress.watched() == "notebook"
    Shell.config = {}
    assert progress.watched() != "notebook"


class Stop(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 5 and self.armed:
            raise KeyError("killed")


def test_a_resumed_training_starts_the_bar_where_it_is(tmp_path, capsys, monkeypatch):
    started = []
    plain = progress.Bar.__init__

    def watch(self, total, title="", initial=0, unit="batch"):
        started.append((title, initial, total))
        plain(self, total, title, initial, unit)

    monkeypatch.setattr(progress.Bar, "__init__", watch)
    monkeypatch.setattr(progress, "watched", lambda: "terminal")
    x, y = np.ones((64, 1)), np.arange(64.0)
    for armed in (True, False):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((1,)), L.Dense(1)])
        model.compile("sgd", "mse")
        stop = Stop()
        stop.armed = armed
        callbacks = [stop, keras.callbacks.BackupAndRestore(tmp_path / "b", save_freq=2)]
        try:
            model.fit(x, y, batch_size=8, epochs=1, verbose=1, callbacks=callbacks)
        except KeyError:
            assert armed
    assert started == [("Epoch 1/1", 0, 8), ("Epoch 1/1", 4, 8)]
    assert "8/8, loss" in capsys.readouterr().err.split("\r")[-1]


def test_numbers_that_fit():
    logs = {"accuracy": 0.5, "f1": np.arange(3.0), "loss": 0.25, "val_accuracy": 0.75, "val_loss": 1e-5}
    full = progress.fitted(logs, 200)
    assert full == (
        "accuracy: 0.5000 - f1: [0.0000, 1.0000, 2.0000] - loss: 0.2500 - val_accuracy: 0.7500 - "
        "val_loss: 1.0000e-05"
    )
    assert progress.fitted(logs, 66) == "accuracy 0.500, loss 0.250, val_accuracy 0.750, val_loss 1.00e-05"
    assert progress.fitted(logs, 50) == "loss 0.250, val_accuracy 0.750, val_loss 1.00e-05"
    assert progress.fitted(logs, 20) == "val_accuracy 0.750"
    assert progress.fitted(logs, 3) == ""
    for room in range(120):
        assert len(progress.fitted(logs, room)) <= room
