"""Ctrl-C at any line of any public call: the model works afterwards, in every thread, the signal's handler is
that from before, and weights and counts are those after a whole number of steps.

A trace function raises KeyboardInterrupt where a signal's handler would: before a line of this package.
"""

import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import callbacks

# of zip files that the interrupt has left half closed
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

L = keras.layers
PACKAGE = str(Path(keras.__file__).parent)
RNG = np.random.default_rng(2)
X, Y = RNG.integers(0, 9, (12, 4)), RNG.integers(0, 3, 12)
BATCH = 4


def made():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            L.Embedding(9, 3, name="words"),
            L.GlobalAveragePooling1D(name="mean"),
            L.BatchNormalization(name="norm"),
            L.Dropout(0.2, name="drop"),
            L.Dense(3, activation="softmax", name="classes"),
        ],
        name="m",
        seed=3,
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def with_a_layer_in_python():
    """Its function runs within a step, behind the moving statistics."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            L.BatchNormalization(name="norm"),
            L.Lambda(lambda x: np.tanh(x), output_shape=(4,), backward=lambda x, d: d, name="tanh"),
            L.Dense(3, activation="softmax", name="classes"),
        ],
        name="m",
        seed=3,
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class Interruptions:
    """Runs a call with KeyboardInterrupt at the line event of a number; `lines`: all that were met."""

    def __init__(self, call, at=None):
        self.at, self.lines = at, []
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            call()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)

    def trace(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith((PACKAGE, __file__)):
            return None
        if event == "line" and frame.f_code.co_filename.startswith(PACKAGE):
            self.lines.append((frame.f_code.co_filename, frame.f_lineno))
            if len(self.lines) - 1 == self.at:
                raise KeyboardInterrupt
        return self.trace


def moments(lines):
    """The first time that each line is met, and the second time those of the training loop."""
    met, chosen = {}, []
    for number, line in enumerate(lines):
        met[line] = met.get(line, 0) + 1
        if met[line] == 1 or met[line] == 2 and "training/loop" in line[0]:
            chosen.append(number)
    return chosen


def after_steps(build, count):
    """The weights after 0, 1 ... `count` steps of the training that `fit` does without shuffling."""
    model, found = build(), []
    for number in range(count + 1):
        found.append(model.get_weights())
        start = number * BATCH % len(X)
        model.train_on_batch(X[start : start + BATCH], Y[start : start + BATCH])
    return found


def check_it_works(model):
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    wrong = []

    def use():
        try:
            model.predict_on_batch(X)
            assert np.isfinite(model.train_on_batch(X, Y)).all()
        except BaseException as error:
            wrong.append(error)

    thread = threading.Thread(target=use)  # where a lease that was left behind would refuse it
    thread.start()
    thread.join(20)
    assert not thread.is_alive() and not wrong, wrong


CALLS = {
    "fit": lambda m, path: m.fit(
        X, Y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y)
    ),
    "evaluate": lambda m, path: m.evaluate(X, Y, verbose=0),
    "predict": lambda m, path: m.predict(X, batch_size=BATCH, verbose=0),
    "train_on_batch": lambda m, path: m.train_on_batch(X[:BATCH], Y[:BATCH]),
    "test_on_batch": lambda m, path: m.test_on_batch(X, Y),
    "predict_on_batch": lambda m, path: m.predict_on_batch(X),
    "call": lambda m, path: m(X),
    "gradients": lambda m, path: m.apply_gradients(m.compute_gradients(X[:BATCH], Y[:BATCH])[1]),
    "save": lambda m, path: m.save(path),
    "compile": lambda m, path: m.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"]),
    "freeze": lambda m, path: [setattr(layer, "trainable", True) for layer in m.layers],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "build"),
    [*((name, made) for name in CALLS), ("fit", with_a_layer_in_python), ("save", with_a_layer_in_python)],
)
def test_an_interrupt_at_every_line(name, build, tmp_path):
    call, path = CALLS[name], os.fspath(tmp_path / "model")
    states = after_steps(build, 6)
    model = build()
    found = Interruptions(lambda: call(model, path))
    assert len(found.lines) > 5
    for number in moments(found.lines):
        model = build()
        if os.path.exists(path):
            os.unlink(path)
        where = Interruptions(lambda model=model: call(model, path), number).lines[-1]
        steps = 0 if name == "compile" else model.optimizer.iterations
        for weight, expected in zip(model.get_weights(), states[steps], strict=True):
            if name == "gradients" and not np.array_equal(weight, expected):
                continue  # statistics move with the gradients
            np.testing.assert_array_equal(weight, expected, err_msg=f"{where}")
        if name == "save" and os.path.exists(path):
            keras.models.load_model(path, custom_objects={"tanh": np.tanh, "tanh_backward": len})
        check_it_works(model)


WEIGHTS = {
    "set_weights": lambda m, other, path: m.set_weights(other.get_weights()),
    "load_weights": lambda m, other, path: m.load_weights(path),
    "load_state_dict": lambda m, other, path: m.load_state_dict(other.state_dict()),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_other_weights_come_as_a_whole(name, tmp_path):
    other, path = made(), os.fspath(tmp_path / "weights")
    other.fit(X, Y, verbose=0)
    other.save_weights(path)
    new, old = other.get_weights(), made().get_weights()
    model = made()
    lines = Interruptions(lambda: WEIGHTS[name](model, other, path)).lines
    for number in moments(lines):
        model = made()
        model.predict(X, verbose=0)
        Interruptions(lambda model=model: WEIGHTS[name](model, other, path), number)
        same = [
            [np.array_equal(a, b) for a, b in zip(model.get_weights(), which, strict=True)]
            for which in (old, new)
        ]
        assert all(same[0]) or all(same[1])
        expected = made()
        expected.set_weights(model.get_weights())
        np.testing.assert_array_equal(model.predict(X, verbose=0), expected.predict(X, verbose=0))
        check_it_works(model)


@pytest.mark.slow
@pytest.mark.parametrize(
    "callback",
    [
        lambda: callbacks.EarlyStopping("loss", mode="max", restore_best_weights=True),
        lambda: callbacks.SwapEMAWeights(swap_on_epoch=True),
    ],
)
def test_callbacks_put_weights_back_as_a_whole(callback):
    def build():
        model = made()
        model.compile(keras.optimizers.Adam(use_ema=True), "sparse_categorical_crossentropy")
        return model

    def fit(model):
        model.fit(X, Y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0, callbacks=[callback()])

    kinds, model = [], build()
    watch = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: kinds.append(model.get_weights()),
    )
    kinds.append(model.get_weights())
    model.fit(X, Y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0, callbacks=[callback(), watch])
    averages = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: kinds.append(averaged(model)),
    )
    model = build()
    model.fit(X, Y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0, callbacks=[callback(), averages])
    known = {b"".join(weight.tobytes() for weight in weights) for weights in kinds}
    lines = Interruptions(lambda: fit(build())).lines
    own = [
        n
        for n in moments(lines)
        if "callbacks" in lines[n][0] or "optimizers" in lines[n][0] or "graph" in lines[n][0]
    ]
    assert own
    for number in own:
        model = build()
        Interruptions(lambda model=model: fit(model), number)
        assert b"".join(weight.tobytes() for weight in model.get_weights()) in known, lines[number]
        check_it_works(model)


def averaged(model):
    """The weights with the averages in their place."""
    states = model.optimizer.states
    return [states[weight].average.copy() if weight in states else weight.numpy() for weight in model.weights]


def test_a_real_signal_at_many_moments():
    model = made()
    for number in range(30):
        timer = threading.Timer(0.002 + 0.0004 * number, os.kill, (os.getpid(), signal.SIGINT))
        try:
            timer.start()
            while timer.is_alive():
                model.train_on_batch(X, Y)
            model.train_on_batch(X, Y)  # Python drops what is raised inside of a finalizer
        except KeyboardInterrupt:
            timer.join()
        assert {int(state.steps[0]) for state in model.optimizer.states.values()} <= {
            model.optimizer.iterations
        }
    check_it_works(model)
