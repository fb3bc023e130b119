"""PruningCallback: what a trial is told, and how a training ends that falls behind."""

import numpy as np
import pytest

import embedcnn
from embedcnn.tuning import PruningCallback


class Trial:
    """What Optuna's trials have, and what they were told."""

    def __init__(self, limit=10**9):
        self.told, self.limit = [], limit

    def report(self, value, step):
        self.told.append((step, value))

    def should_prune(self):
        return len(self.told) >= self.limit


def trained(callback, epochs=6):
    model = embedcnn.Sequential([embedcnn.Input((2,)), embedcnn.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.eye(2), np.ones(2)
    model.fit(x, y, validation_data=(x, y), epochs=epochs, callbacks=[callback], verbose=0)
    return model


def test_each_epoch_is_told():
    trial = Trial()
    history = trained(PruningCallback(trial)).history.history
    assert trial.told == list(enumerate(history["val_loss"]))


def test_every_second_epoch():
    trial = Trial()
    history = trained(PruningCallback(trial, "loss", interval=2)).history.history
    assert trial.told == [(epoch, history["loss"][epoch]) for epoch in (1, 3, 5)]


def test_a_training_that_falls_behind_ends():
    optuna = pytest.importorskip("optuna")
    trial = Trial(limit=3)
    with pytest.raises(optuna.TrialPruned, match="epoch 3"):
        trained(PruningCallback(trial))
    assert [step for step, _ in trial.told] == [0, 1, 2]


def test_in_a_study_of_any_model():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial):
        rate = 0.3 * 10.0**-trial.number  # each slower than the one before
        embedcnn.utils.set_random_seed(1)
        model = embedcnn.Sequential([embedcnn.Input((2,)), embedcnn.layers.Dense(1)])
        model.compile(embedcnn.optimizers.SGD(rate), "mse")
        x, y = np.eye(2), np.ones(2)
        model.fit(x, y, epochs=9, callbacks=[PruningCallback(trial, "loss")], verbose=0)
        return model.evaluate(x, y, verbose=0)

    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=2))
    study.optimize(objective, n_trials=5)
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "COMPLETE", "PRUNED", "PRUNED", "PRUNED"]
    assert study.best_trial.number == 0


def test_a_value_that_is_not_there_is_a_warning():
    trial = Trial()
    with pytest.warns(UserWarning, match="'val_acc'; they have loss, val_loss"):
        trained(PruningCallback(trial, "val_acc"), epochs=1)
    assert not trial.told


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((object(),), TypeError),
        ((Trial(), ""), ValueError),
        ((Trial(), 3), ValueError),
        ((Trial(), "loss", 0), ValueError),
    ],
)
def test_misuse(arguments, error):
    with pytest.raises(error):
        PruningCallback(*arguments)
