"""A training whose first epochs give NaN (a rate that is too high, a metric of no examples) and then
recovers: any number beats NaN.
"""

import math

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import callbacks

L = keras.layers
NAN = math.nan


def trained(values, *watching, monitor="val_loss"):
    """A model after epochs that log these values."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((2,)), L.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")

    class Logged(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs[monitor] = values[epoch]
            self.model.layers[0].bias.assign([float(epoch)])

    model.fit(
        np.ones((2, 2)), np.ones((2, 1)), epochs=len(values), verbose=0, callbacks=[Logged(), *watching]
    )
    return model


@pytest.mark.parametrize("mode", ["min", "max"])
def test_early_stopping(mode):
    values = [NAN, 0.5, 0.4, 0.6, NAN, NAN, NAN]
    best = 2 if mode == "min" else 3
    stop = callbacks.EarlyStopping(mode=mode, patience=2, restore_best_weights=True, min_delta=1e-3)
    model = trained(values, stop)
    assert stop.best == values[best] and stop.best_epoch == best
    assert stop.stopped_epoch == best + 2
    assert model.layers[0].bias.numpy()[0] == best


def test_early_stopping_of_nothing_but_nan():
    stop = callbacks.EarlyStopping(patience=2)
    trained([NAN] * 6, stop)
    assert stop.stopped_epoch == 2


def test_early_stopping_with_a_baseline():
    """Waiting ends only below the baseline, which NaN is not."""
    stop = callbacks.EarlyStopping(patience=3, baseline=0.45)
    trained([NAN, 0.5, 0.4, NAN, NAN, NAN, 0.1], stop)
    assert stop.best == 0.4 and stop.stopped_epoch == 5


@pytest.mark.parametrize(("mode", "kept"), [("min", [1, 2, 4]), ("max", [1, 2])])
def test_model_checkpoint(tmp_path, mode, kept):
    values = [NAN, 0.5, 0.4 if mode == "min" else 0.6, NAN, 0.3]
    saved = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}", mode=mode, save_best_only=True, save_weights_only=True, verbose=0
    )
    trained(values, saved)
    names = sorted(int(path.name) - 1 for path in tmp_path.iterdir())
    assert names == [0, *kept]
    assert saved.best == values[kept[-1]]


def test_reduce_on_plateau():
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, patience=2)
    model = trained([NAN, 0.5, 0.4, 0.3, 0.2], reduce)
    assert model.optimizer.learning_rate == 0.1 and reduce.best == 0.2
    assert (
        trained([NAN] * 3, callbacks.ReduceLROnPlateau(factor=0.5, patience=2)).optimizer.learning_rate
        == 0.05
    )


def test_a_backup_remembers_that_the_best_was_nan(tmp_path):
    """An interrupted training goes on with NaN as the best so far."""
    values = [NAN, NAN, 0.5, 0.4]
    stop = callbacks.EarlyStopping(patience=5)

    class Killed(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2 and self.kills:
                raise KeyError("killed")

    first, second = Killed(), Killed()
    first.kills, second.kills = True, False
    with pytest.raises(KeyError):
        trained(values, stop, first, callbacks.BackupAndRestore(tmp_path / "backup"))
    again = callbacks.EarlyStopping(patience=5)
    trained(values, again, second, callbacks.BackupAndRestore(tmp_path / "backup"))
    assert again.best == 0.4
