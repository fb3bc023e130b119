"""`del model` frees its programs at once, however it was made and used: nothing waits for the collector."""

import gc
import pickle
import sys
import weakref

import numpy as np
import pytest

import embedcnn
from embedcnn import callbacks, layers
from embedcnn.language_model import CharLanguageModel
from embedcnn.lowering.binding import BoundProgram

X, Y = np.arange(60).reshape(10, 6) % 20, np.arange(10) % 2


@pytest.fixture(autouse=True)
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def sequential(begin=True):
    ids = [embedcnn.Input((None,), dtype="int32")] if begin else []
    return embedcnn.Sequential([*ids, layers.Embedding(20, 4), layers.GlobalMaxPooling1D(), layers.Dense(1)])


def functional():
    ids = embedcnn.Input((None,), dtype="int32")
    inner = embedcnn.Sequential([embedcnn.Input((None, 4)), layers.Bidirectional(layers.GRU(3))])
    return embedcnn.Model(ids, layers.Dense(1)(inner(layers.Embedding(20, 4)(ids))))


class Own(embedcnn.Model):
    def __init__(self):
        super().__init__()
        self.table, self.mean, self.end = (
            layers.Embedding(20, 4),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1),
        )

    def call(self, x):
        return self.end(self.mean(self.table(x)))


class OwnSteps(Own):
    def train_step(self, data):
        return super().train_step(data)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return embedcnn.ops.mean(embedcnn.ops.square(y - y_pred))


class Scaled(layers.Layer):
    def forward(self, x, training):
        return 2 * x, lambda d: 2 * d


def in_python():
    return embedcnn.Sequential([embedcnn.Input((6,)), Scaled(), layers.Dense(1)])


MODELS = [sequential, lambda: sequential(False), functional, Own, OwnSteps, in_python]
NAMES = ["sequential", "open", "functional", "own", "own steps", "in python"]


def programs_of(model):
    pools = [program for pool in model._programs._pools.values() for program in pool._idle]
    return [*model._programs._made.values(), *pools]


@pytest.mark.parametrize("make", MODELS, ids=NAMES)
def test_a_used_model_goes_with_its_last_name(make):
    model = make()
    model.compile("adam", "mse", metrics=["mae"])
    stopping = callbacks.EarlyStopping("loss", patience=5, restore_best_weights=True)
    history = model.fit(X, Y, epochs=2, validation_split=0.2, callbacks=[stopping], verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    model.summary(print_fn=len)
    assert history is model.history and history.model is model and stopping.model is model
    found = [weakref.ref(model), *map(weakref.ref, programs_of(model))]
    if make is not OwnSteps:
        assert len(found) >= 4
    for program in programs_of(model):
        assert isinstance(program, BoundProgram)
        references = sys.getrefcount(program.core)
        assert references == 2  # the program's own and the argument: it goes with the program
    del model, stopping, program
    assert [one() for one in found] == [None] * len(found)
    assert history.history["loss"] and pickle.loads(pickle.dumps(history)).history == history.history
    with pytest.raises(ReferenceError, match="the `model` of this History is gone"):
        history.model  # noqa: B018


def test_a_callback_that_is_kept_keeps_the_model():
    kept = callbacks.EarlyStopping("loss")
    model = sequential()
    model.compile("sgd", "mse")
    model.fit(X, Y, callbacks=[kept], verbose=0)
    del model
    assert kept.model.predict(X, verbose=0).shape == (10, 1)


def test_a_model_without_a_name_works_to_its_end():
    assert sequential().predict(X, verbose=0).shape == (10, 1)
    writer = CharLanguageModel("to be or not", embedding_dim=2, units=3, seed=1)
    pieces = writer.stream("to", 5, seed=1)
    found = weakref.ref(writer.model)
    del writer
    assert len("".join(pieces)) == 5
    del pieces
    assert found() is None


def test_a_failed_training_keeps_no_model():
    model = sequential()
    model.compile("sgd", "mse")
    stop = callbacks.LambdaCallback(on_train_batch_end=lambda *_: 1 / 0)
    try:
        model.fit(X, Y, callbacks=[stop], verbose=0)
    except ZeroDivisionError as error:
        error.__traceback__ = None
    found = weakref.ref(model)
    assert model.run is None
    del model, stop
    assert found() is None
