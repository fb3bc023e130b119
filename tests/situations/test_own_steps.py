"""Subclasses of Model that override a step, and callbacks that watch batches: what a program of Keras's site
defines is called, or refused where the class is defined.
"""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import callbacks, metrics
from embedcnn.ragged import Ragged

L = keras.layers
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)).astype(np.float32), RNG.integers(0, 2, 20)


def built(cls, seed=4):
    keras.utils.set_random_seed(seed)
    x = keras.Input((3,))
    model = cls(x, L.Dense(2, activation="softmax", kernel_regularizer="l2")(L.Dropout(0.3)(x)), seed=1)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Super(keras.Model):
    def train_step(self, data):
        return super().train_step(data)

    def test_step(self, data):
        return super().test_step(data)

    def predict_step(self, data):
        return super().predict_step(data)


class InParts(keras.Model):
    def train_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        loss, gradients = self.compute_gradients(x, y, sample_weight)
        self.apply_gradients(gradients)
        return {"loss": loss}


@pytest.mark.parametrize("cls", [Super, InParts])
def test_a_step_of_the_same_parts_trains_to_the_same_bits(cls):
    plain, own = built(keras.Model), built(cls)
    histories = [
        model.fit(X, Y, batch_size=6, epochs=3, verbose=0, validation_data=(X, Y)).history
        for model in (plain, own)
    ]
    for one, other in zip(plain.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    if cls is Super:
        assert histories[0] == histories[1]
        assert plain.evaluate(X, Y, verbose=0) == own.evaluate(X, Y, verbose=0)
        assert plain.train_on_batch(X, Y) == own.train_on_batch(X, Y)
        assert plain.test_on_batch(X, Y, return_dict=True) == own.test_on_batch(X, Y, return_dict=True)
        np.testing.assert_array_equal(plain.predict(X, verbose=0), own.predict(X, verbose=0))
        np.testing.assert_array_equal(plain.predict_on_batch(X), own.predict_on_batch(X))
    else:
        assert set(histories[1]) == {"loss", "val_accuracy", "val_loss"}


def test_a_step_with_metrics_of_its_own():
    """As in the guide of Keras's site: the loss as a running mean, metrics updated by hand."""

    class Custom(keras.Model):
        def train_step(self, data):
            x, y = data
            loss, gradients = self.compute_gradients(x, y)
            self.apply_gradients(gradients)
            y_pred = self(x, training=False)
            for metric in self.metrics:
                metric.update_state(y, y_pred)
            return {"loss": loss, **{metric.name: metric.result() for metric in self.metrics}}

        def test_step(self, data):
            x, y = data
            return {"loss": self.compute_loss(y=y, y_pred=self(x, training=False)), "half": 0.5}

    model = built(Custom)
    history = model.fit(X, Y, epochs=30, verbose=0, validation_data=(X, Y)).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_half"}
    assert history["val_half"] == [0.5] * 30 and history["loss"][-1] < history["loss"][0]
    assert 0 <= history["accuracy"][-1] <= 1
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["half"] == 0.5
    assert len(model.evaluate(X, Y, verbose=0)) == 2


def test_the_metrics_property_may_be_overridden_too():
    class Custom(keras.Model):
        @property
        def metrics(self):
            return [tracker]

        def train_step(self, data):
            logs = super().train_step(data)
            tracker.update_state([[1.0]], [[0.0]])
            return {**logs, "seen": tracker.result()}

    tracker = metrics.MeanSquaredError(name="tracker")
    model = built(Custom)
    assert model.fit(X, Y, epochs=2, verbose=0).history["seen"] == [1.0, 1.0]


def test_compute_loss_is_that_of_compile():
    model = built(keras.Model)
    weights = np.arange(20.0)
    for sample_weight in (None, weights):
        loss = model.compute_loss(X, Y, model.predict(X, verbose=0), sample_weight)
        found = model.test_on_batch(X, Y, sample_weight=sample_weight)
        assert loss == pytest.approx(found[0], rel=1e-5)
    with pytest.raises(ValueError, match="must hold the 1 outputs of the model. Received: 2"):
        model.compute_loss(X, Y, [1, 2])
    with pytest.raises(ValueError, match="must call compile"):
        keras.Sequential([keras.Input((1,)), L.Dense(1)]).compute_loss(X, Y, Y)


def test_what_the_data_are():
    seen = []

    class Look(keras.Model):
        def train_step(self, data):
            seen.append(data)
            return super().train_step(data)

        def predict_step(self, data):
            seen.append(data)
            return super().predict_step(data) * 2

    def look(inputs, x, y, **options):
        seen.clear()
        embedded = [L.GlobalAveragePooling1D()(L.Embedding(9, 2)(one)) for one in inputs]
        joined = L.Concatenate()(embedded) if len(inputs) > 1 else embedded[0]
        outputs = [
            L.Dense(1, name=f"o{number}")(joined) for number in range(len(y) if isinstance(y, dict) else 1)
        ]
        model = Look(inputs, outputs)
        model.compile("sgd", "mse")
        model.fit(x, y, verbose=0, **options)
        return model, seen[0]

    one, two = (keras.Input((None,), dtype="int32", name=name) for name in ("one", "two"))
    ids = RNG.integers(0, 9, (5, 4))
    _, (x, y, sample_weight) = look([one], ids, np.ones(5), sample_weight=np.ones(5))
    assert x.shape == (5, 4) and y.shape == (5, 1) and sample_weight.shape == (5,)
    ragged = Ragged.from_sequences([[1, 2], [3], [4, 5, 6]])
    model, (x, y) = look([one], ragged, np.ones(3))
    assert isinstance(x, Ragged) and x.lengths.sum() == 6
    seen.clear()
    np.testing.assert_allclose(model.predict(ragged, verbose=0), 2 * model(ragged))
    assert isinstance(seen[0], tuple) and len(seen[0]) == 1
    _, (x, y) = look([one, two], [ids, ids], {"o0": np.ones(5), "o1": np.zeros(5)})
    assert len(x) == 2 and sorted(y) == ["o0", "o1"]


@pytest.mark.parametrize("wrong", [1.0, None, [1.0]])
def test_a_step_returns_a_dict(wrong):
    class Custom(keras.Model):
        def train_step(self, data):
            return wrong

    with pytest.raises(TypeError, match="train_step of Custom must return a dict of name to number"):
        built(Custom).fit(X, Y, verbose=0)


def test_a_step_that_is_set_on_the_model():
    model = built(keras.Model)
    model.train_step = lambda data: {"loss": 7.0}
    assert model.fit(X, Y, verbose=0).history["loss"] == [7.0]
    assert model.train_on_batch(X, Y) == 7.0


def test_a_restart_within_an_epoch(tmp_path):
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 5:
                raise KeyboardInterrupt

    def fit(model, *more):
        backup = callbacks.BackupAndRestore(tmp_path / "b", save_freq=1)
        return model.fit(X, Y, batch_size=6, epochs=2, verbose=0, callbacks=[backup, *more]).history

    expected = fit(built(Super))
    with pytest.raises(KeyboardInterrupt):
        fit(built(Super), Stop())
    assert fit(built(Super)) == expected


@pytest.mark.parametrize(
    "name",
    [
        "compute_metrics",
        "get_metrics_result",
        "make_train_function",
        "make_test_function",
        "make_predict_function",
    ],
)
def test_what_would_never_be_called_is_refused_where_it_is_defined(name):
    with pytest.raises(TypeError, match=f"class Custom overrides `{name}`, which would never be called"):
        type("Custom", (keras.Model,), {name: lambda self, *arguments: None})


def test_a_step_may_call_a_loss_of_its_own():
    class Custom(keras.Model):
        def compute_loss(self, y, y_pred):
            return 3.0

        def train_step(self, data):
            return {"loss": self.compute_loss(data[1], None)}

    assert built(Custom).fit(X, Y, verbose=0).history["loss"] == [3.0]


# -- callbacks -----------------------------------------------------------------------------------------------
MOMENTS = {
    "train": ["on_train_batch_begin", "on_train_batch_end"],
    "old names": ["on_batch_begin", "on_batch_end"],
    "test": ["on_test_batch_begin", "on_test_batch_end"],
    "predict": ["on_predict_batch_begin", "on_predict_batch_end"],
}


def watching(*kinds):
    """A callback that overrides these moments, and the list of its calls."""
    calls = []

    def method(moment):
        return lambda self, batch, logs=None: calls.append((moment, batch))

    moments = [moment for kind in kinds for moment in MOMENTS[kind]]
    return type("Watch", (callbacks.Callback,), {moment: method(moment) for moment in moments})(), calls


@pytest.mark.parametrize(
    ("kinds", "called"),
    [(["train"], "train"), (["old names"], "old names"), (["train", "old names"], "train")],
)
def test_moments_of_training_batches(kinds, called):
    watch, calls = watching(*kinds)
    built(keras.Model).fit(X, Y, batch_size=10, verbose=0, callbacks=watch)
    assert calls == [(moment, number) for number in (0, 1) for moment in MOMENTS[called]]


def test_moments_of_other_batches():
    model, (watch, calls) = built(keras.Model), watching("test", "predict")
    model.evaluate(X, Y, batch_size=10, verbose=0, callbacks=watch)
    assert calls == [(moment, number) for number in (0, 1) for moment in MOMENTS["test"]]
    calls.clear()
    model.predict(X, batch_size=10, verbose=0, callbacks=watch)
    assert calls == [(moment, number) for number in (0, 1) for moment in MOMENTS["predict"]]


def test_on_batch_end_gets_what_on_train_batch_end_gets():
    given = {}

    class Both(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            given.setdefault("batch", []).append(dict(logs))

        def on_train_batch_end(self, batch, logs=None):
            given.setdefault("train", []).append(dict(logs))
            super().on_train_batch_end(batch, logs)

    built(keras.Model).fit(X, Y, batch_size=5, verbose=0, callbacks=Both())
    assert given["batch"] == given["train"] and len(given["batch"]) == 4 and "loss" in given["batch"][0]


def test_the_outputs_of_each_batch():
    parts = []
    watch = callbacks.LambdaCallback(on_predict_batch_end=lambda batch, logs: parts.append(logs["outputs"]))
    model = built(keras.Model)
    found = model.predict(X, batch_size=8, verbose=0, callbacks=watch)
    np.testing.assert_array_equal(np.concatenate(parts), found)
