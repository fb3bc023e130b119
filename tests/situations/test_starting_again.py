"""A training, or a notebook's cell, that is started again in one process: layers get other automatic names,
callbacks come and go.
"""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import callbacks

L = keras.layers
X, Y = np.random.default_rng(0).normal(size=(12, 4, 3)), np.arange(12.0)


def layers():
    return {
        "TimeDistributed": [L.TimeDistributed(L.Dense(2)), L.GlobalMaxPooling1D()],
        "several": [L.TimeDistributed(L.Dense(2)), L.TimeDistributed(L.Dense(2)), L.GlobalMaxPooling1D()],
        "Bidirectional": [L.Bidirectional(L.LSTM(2))],
        "WeightNormalization": [L.GlobalMaxPooling1D(), L.WeightNormalization(L.Dense(2))],
        "RNN": [L.RNN([L.LSTMCell(2), L.LSTMCell(3)])],
        "SeparableConv1D": [L.SeparableConv1D(2, 2), L.GlobalMaxPooling1D()],
        "a model": [keras.Sequential([keras.Input((4, 3)), L.TimeDistributed(L.Dense(2)), L.Flatten()])],
    }


def made(name):
    model = keras.Sequential([keras.Input((4, 3)), *layers()[name], L.Dense(1)], seed=1)
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("name", layers())
def test_weights_of_a_model_that_is_made_again(name, tmp_path):
    first = made(name)
    first.fit(X, Y, verbose=0)
    for write in (first.save_weights, first.save):
        write(tmp_path / "weights")
        again = made(name)
        again.load_weights(tmp_path / "weights")
        np.testing.assert_array_equal(again.predict(X, verbose=0), first.predict(X, verbose=0))


@pytest.mark.parametrize("name", layers())
def test_a_training_that_is_made_again(name, tmp_path):
    def fit(model, epochs):
        backup = callbacks.BackupAndRestore(tmp_path / f"{name}", delete_checkpoint=False)
        model.fit(X, Y, epochs=epochs, batch_size=4, verbose=0, callbacks=backup)
        return model

    keras.utils.set_random_seed(3)
    expected = made(name)
    start = expected.get_weights()
    expected.fit(X, Y, epochs=4, batch_size=4, verbose=0)
    model = made(name)
    model.set_weights(start)
    fit(model, 2)
    np.testing.assert_array_equal(fit(made(name), 4).predict(X, verbose=0), expected.predict(X, verbose=0))


def test_a_file_of_other_layers_does_not_fit(tmp_path):
    made("TimeDistributed").save_weights(tmp_path / "w")
    with pytest.raises(ValueError, match="does not fit the model"):
        made("several").load_weights(tmp_path / "w")
    with pytest.raises(ValueError, match="does not fit the model"):
        made("WeightNormalization").load_weights(tmp_path / "w")


class Interrupting(callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 4:
            raise RuntimeError("Interrupting!")


@pytest.mark.parametrize("anew", [False, True])
def test_backup_and_restore_as_in_the_documentation_of_keras(anew, tmp_path):
    """The second fit is without the callback that interrupts."""
    expected = made("Bidirectional")
    start = expected.get_weights()
    expected.fit(X, Y, epochs=10, batch_size=5, verbose=0)
    backup = callbacks.BackupAndRestore(backup_dir=tmp_path / "backup")
    model = made("Bidirectional")
    model.set_weights(start)
    with pytest.raises(RuntimeError, match="Interrupting!"):
        model.fit(X, Y, epochs=10, batch_size=5, callbacks=[backup, Interrupting()], verbose=0)
    if anew:
        model = made("Bidirectional")
        backup = callbacks.BackupAndRestore(backup_dir=tmp_path / "backup")
    begun = []
    watch = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
    history = model.fit(X, Y, epochs=10, batch_size=5, callbacks=[watch, backup], verbose=0)
    assert begun == [4, 5, 6, 7, 8, 9]
    assert history.epoch == list(range(10)) and len(history.history["loss"]) == 10
    for one, other in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not (tmp_path / "backup").exists()


def test_callbacks_of_one_class_go_on_in_their_order(tmp_path):
    def watching():
        return [callbacks.EarlyStopping("loss", patience=patience) for patience in (50, 60)]

    backup = callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    before = watching()
    made("Bidirectional").fit(X, Y, epochs=3, verbose=0, callbacks=[Interrupting(), *before, backup])
    after = [*watching(), callbacks.TerminateOnNaN(), callbacks.EarlyStopping("loss")]
    made("Bidirectional").fit(X, Y, epochs=3, verbose=0, callbacks=[*after, backup])
    assert [one.best for one in after[:2]] == [one.best for one in before]
    assert after[3].best is None
