"""Epochs of so many steps, and data that end before the training does: as in Keras, with its warnings."""

import warnings

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import callbacks, data

L = keras.layers
X, Y = np.arange(20.0)[:, None], np.arange(20.0)


def made():
    model = keras.Sequential([keras.Input((1,)), L.Dense(1, kernel_initializer="zeros")], seed=1)
    model.compile("sgd", "mse")
    return model


class Seen(callbacks.Callback):
    """How many batches each epoch has, and a layer that notes which examples come."""

    def __init__(self):
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.epochs[-1] += 1


def batches_of(epochs, **settings):
    """Steps of each epoch, the examples in the order in which they came, and the warnings."""
    came = []

    def note(x, training):
        if training:
            came.extend(x[:, 0].tolist())
        return x

    model = keras.Sequential(
        [keras.Input((1,)), L.Lambda(note, output_shape=(1,), backward=lambda x, d: d), L.Dense(1)], seed=1
    )
    model.compile(keras.optimizers.SGD(1e-4), "mse")
    seen = Seen()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(epochs=epochs, verbose=0, callbacks=seen, **settings)
    return seen.epochs, came, [str(one.message) for one in caught]


SOURCES = {
    "arrays": lambda: {"x": X, "y": Y, "batch_size": 2},
    "a data set": lambda: {"x": data.Dataset.from_tensor_slices((X, Y)).batch(2)},
    "a PyDataset": lambda: {"x": Pairs()},
}


class Pairs(keras.utils.PyDataset):
    def __len__(self):
        return 10

    def __getitem__(self, number):
        return X[2 * number : 2 * number + 2], Y[2 * number : 2 * number + 2]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (9, [9, 1, 9, 1]),
        (5, [5, 5, 5, 5]),
        (4, [4, 4, 2, 4]),
        (10, [10] * 4),
        (3, [3, 3, 3, 1]),
        (12, [10] * 4),
    ],
)
def test_data_go_on_where_the_epoch_ended(source, steps, expected):
    found, came, said = batches_of(4, steps_per_epoch=steps, shuffle=False, **SOURCES[source]())
    assert found == expected
    assert came == (list(X[:, 0]) * 4)[: 2 * sum(expected)]
    short = [count for count in expected if count < steps]
    assert said == [f"x ran out of data: {count} batches, but {steps} were expected" for count in short]


def test_each_pass_over_arrays_has_its_order():
    found, came, _ = batches_of(4, steps_per_epoch=5, x=X, y=Y, batch_size=2)
    assert found == [5] * 4
    assert sorted(came[:20]) == sorted(came[20:]) == sorted(X[:, 0]) and came[:20] != came[20:]


@pytest.mark.parametrize("source", ["arrays", "a data set"])
@pytest.mark.parametrize("stop", [3, 9, 10, 11, 14, 19])
def test_a_restart_goes_on_there_too(source, stop, tmp_path):
    class Stop(callbacks.Callback):
        count = 0

        def on_train_batch_end(self, batch, logs=None):
            self.count += 1
            if self.count == stop:
                raise KeyboardInterrupt

    def fit(model, *more):
        backup = callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(epochs=4, steps_per_epoch=9, verbose=0, callbacks=[backup, *more], **SOURCES[source]())
        return model.get_weights()

    expected = fit(made())
    model = made()
    with pytest.raises(KeyboardInterrupt):
        fit(model, Stop())
    model = made()
    np.testing.assert_array_equal(fit(model)[0], expected[0])
    assert model.optimizer.iterations == 20


def pairs(count):
    for number in range(count):
        yield X[2 * number : 2 * number + 2], Y[2 * number : 2 * number + 2]


@pytest.mark.parametrize(("count", "expected"), [(10, [4, 4, 2]), (8, [4, 4]), (4, [4])])
def test_a_generator_that_ends_early(count, expected):
    model = made()
    with pytest.warns(UserWarning, match="x ran out of data: epoch .* found none, and the training ends"):
        history = model.fit(pairs(count), steps_per_epoch=4, epochs=5, verbose=0)
    assert len(history.history["loss"]) == len(expected) == len(history.epoch)
    assert model.optimizer.iterations == count
    assert model.fit(X, Y, verbose=0).epoch == [0]


def test_a_generator_without_a_number_of_steps():
    model = made()
    with pytest.warns(UserWarning, match="epoch 2 found none"):
        history = model.fit(pairs(10), epochs=3, verbose=0, validation_data=(X, Y))
    assert list(history.history) == ["loss", "val_loss"] and history.epoch == [0]


def test_a_generator_that_gives_nothing_is_an_error():
    with pytest.raises(ValueError, match="x gave no batches"):
        made().fit(pairs(0), epochs=2, verbose=0)
    with pytest.raises(ValueError, match="validation_data gave no batches"):
        made().fit(X, Y, verbose=0, validation_data=pairs(0))


def test_validation_data_that_end_early_are_named():
    model = made()
    with pytest.warns(UserWarning, match="validation_data ran out of data: the epoch is not validated"):
        history = model.fit(X, Y, epochs=3, verbose=0, validation_data=pairs(4), validation_steps=2)
    assert len(history.history["loss"]) == 3 and len(history.history["val_loss"]) == 2


def test_other_passes_that_end_early_are_named():
    """An epoch's validation of fewer batches than it was asked for, and evaluate and predict alone."""
    model = made()
    with pytest.warns(UserWarning, match="validation_data ran out of data: 2 batches, but 3 were expected"):
        history = model.fit(X, Y, verbose=0, validation_data=pairs(2), validation_steps=3).history
    assert len(history["val_loss"]) == 1
    with pytest.warns(UserWarning, match="x ran out of data: 2 batches, but 3 were expected"):
        model.evaluate(pairs(2), steps=3, verbose=0)
    with pytest.warns(UserWarning, match="x ran out of data: 1 batches, but 2 were expected"):
        assert len(model.predict(X, steps=2, batch_size=len(X), verbose=0)) == len(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.evaluate(pairs(3), steps=3, verbose=0)
        model.predict((x for x, _ in pairs(3)), steps=2, verbose=0)


RATES = {
    "a schedule": lambda: keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5),
    "a function": lambda: lambda step: 0.1,
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    "callback",
    [
        lambda: callbacks.LearningRateScheduler(lambda epoch: 0.01),
        lambda: callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=1e9),
        lambda: callbacks.UnfreezeAt(0, learning_rate=0.1),
    ],
)
def test_a_number_in_the_place_of_a_schedule(rate, callback):
    model = keras.Sequential([keras.Input((1,)), L.Dense(2, trainable=False), L.Dense(1)])
    model.compile(keras.optimizers.SGD(RATES[rate]()), "mse")
    with pytest.raises(TypeError, match="the learning rate of this SGD is a schedule"):
        model.fit(X, Y, epochs=3, verbose=0, callbacks=callback())
    with pytest.raises(TypeError, match="Received: learning_rate=0.5"):
        model.optimizer.learning_rate = 0.5
    model.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(0.2, 2, 0.5)
    assert model.optimizer.rate() == pytest.approx(0.2 * 0.5 ** (model.optimizer.iterations / 2))
