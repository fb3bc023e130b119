"""Callbacks made with wrong values, and used."""

from __future__ import annotations

import numpy as np
import pytest
from wrong_values import Case, faults, pairs

import embedcnn
from embedcnn import callbacks, layers

MODEL = embedcnn.Sequential([embedcnn.Input((2,)), layers.Dense(1)])
MODEL.compile("sgd", "mse")


def trained(callback):
    return MODEL.fit(np.ones((4, 2)), np.ones(4), verbose=0, callbacks=[callback], epochs=2)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


QUIET = {"verbose": (True,)}
FILES = (FileNotFoundError,)
CASES = {
    "EarlyStopping": Case(callbacks.EarlyStopping, {"monitor": "loss"}, trained, allowed=QUIET),
    "ReduceLROnPlateau": Case(callbacks.ReduceLROnPlateau, {"monitor": "loss"}, trained, allowed=QUIET),
    "ModelCheckpoint": Case(
        callbacks.ModelCheckpoint, {"filepath": "m", "monitor": "loss"}, trained, allowed=QUIET
    ),
    "CSVLogger": Case(callbacks.CSVLogger, {"filename": "log.csv"}, trained, errors=FILES),
    "BackupAndRestore": Case(callbacks.BackupAndRestore, {"backup_dir": "backup"}),
    "LearningRateScheduler": Case(
        callbacks.LearningRateScheduler, {"schedule": lambda epoch: 0.1}, trained, allowed=QUIET
    ),
    "CarryState": Case(callbacks.CarryState, {"batch_size": 2}),
    "SwapEMAWeights": Case(callbacks.SwapEMAWeights),
    "TerminateOnNaN": Case(callbacks.TerminateOnNaN),
    "UnfreezeAt": Case(callbacks.UnfreezeAt, {"epoch": 1}, trained),
    "rate": Case(
        lambda value: trained(callbacks.LearningRateScheduler(lambda epoch: value)),
        {"value": 0.1},
        also={"value": ("learning_rate", "schedule")},
    ),
}


@pytest.mark.parametrize(("case", "argument"), pairs(CASES))
def test_wrong_values_are_named(case, argument):
    case.run()
    assert not faults(case, argument)


def test_what_tensorboard_cannot_write_is_refused():
    pytest.importorskip("tensorboardX")
    case = Case(callbacks.TensorBoard, {"log_dir": "logs"}, allowed={"embeddings_freq": (None,)})
    for argument in case.arguments():
        assert not faults(case, argument)
