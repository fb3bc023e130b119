"""BackupAndRestore: a training killed by SIGKILL goes on to the same bits; CSVLogger, SwapEMAWeights,
TerminateOnNaN.
"""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from keras_values import data, text_model

import embedcnn
from embedcnn import callbacks, layers, metrics, optimizers

SCRIPT = """
import os, signal, sys
import numpy as np
import embedcnn
from embedcnn import callbacks, layers, metrics, optimizers

folder, frequency, kind, kill_at = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
frequency = frequency if frequency == "epoch" else int(frequency)
rng = np.random.default_rng(0)
x, y, weight = rng.integers(0, 40, (60, 9)), rng.integers(0, 3, 60), rng.uniform(0.5, 2, 60)

tokens = embedcnn.Input((9,), dtype="int32")
table = layers.Embedding(40, 6, embeddings_regularizer="l2", trainable=kind != "frozen")
h = layers.Dropout(0.3)(layers.GlobalMaxPooling1D()(layers.Conv1D(8, 3, activation="relu")(table(tokens))))
model = embedcnn.Model(tokens, layers.Dense(3, activation="softmax")(h))
rate = 0.05
if kind == "schedule":
    rate = optimizers.schedules.CosineDecay(0.1, 40)
optimizer = optimizers.Adam(rate, use_ema=True, ema_momentum=0.8, gradient_accumulation_steps=2, clipnorm=1.0)
model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy", "auc"],
              weighted_metrics=[metrics.Precision()])

class Killer(callbacks.Callback):
    seen = 0
    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
    last = True

watch = [
    callbacks.BackupAndRestore(folder + "/backup", frequency, double_checkpoint=True),
    callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True),
    callbacks.CSVLogger(folder + "/log.csv"),
    callbacks.SwapEMAWeights(),
    Killer(),
]
if kind != "schedule":
    watch.append(callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1))
if kind == "frozen":
    watch.append(callbacks.UnfreezeAt(2, learning_rate=0.02))
if kind == "dataset":
    source = embedcnn.data.Dataset.from_tensor_slices((x, y, weight)).shuffle(60, seed=5).batch(8)
    given = {"x": source, "steps_per_epoch": 5}
else:
    given = {"x": x, "y": y, "sample_weight": weight, "batch_size": 8}
history = model.fit(**given, epochs=6, verbose=0, callbacks=watch, validation_data=(x[:20], y[:20]))
arrays = {f"w{i}": w for i, w in enumerate(model.get_weights())}
for name, values in history.history.items():
    arrays[name] = np.array(values)
np.savez(folder + "/result.npz", epochs=np.array(history.epoch), steps=optimizer.steps, **arrays)
"""


def run(folder, frequency, kind, kill_at, seed=3):
    folder.mkdir(exist_ok=True)
    script = folder / "train.py"
    script.write_text(f"import embedcnn\nembedcnn.utils.set_random_seed({seed})\n{SCRIPT}")
    arguments = [sys.executable, str(script), str(folder), frequency, kind, str(kill_at)]
    environment = {**os.environ, "PYTHONPATH": str(Path(embedcnn.__file__).parents[1])}
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=240)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frequency", "kind", "kills"),
    [
        ("epoch", "arrays", [12]),
        ("3", "schedule", [11, 17]),
        ("epoch", "frozen", [19]),
        ("2", "dataset", [9]),
    ],
)
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, frequency, kind, kills):
    whole = run(tmp_path / "whole", frequency, kind, 0)
    assert whole.returncode == 0, whole.stderr
    for number, kill_at in enumerate(kills):  # with another seed: that of the backup counts
        killed = run(tmp_path / "killed", frequency, kind, kill_at, seed=3 + number)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert not (tmp_path / "killed" / "result.npz").exists()
        assert (tmp_path / "killed" / "backup" / "latest.backup").exists()
    again = run(tmp_path / "killed", frequency, kind, 0, seed=99)
    assert again.returncode == 0, again.stderr
    one, other = (np.load(tmp_path / name / "result.npz") for name in ("whole", "killed"))
    assert set(one.files) == set(other.files)
    for name in one.files:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    assert (tmp_path / "whole/log.csv").read_text() == (tmp_path / "killed/log.csv").read_text()
    assert not (tmp_path / "killed" / "backup").exists(), "removed at the end"


def small(**options):
    model = text_model()
    model.compile(optimizers.Adam(0.01, **options), "sparse_categorical_crossentropy")
    return model


class Stop(callbacks.Callback):
    def __init__(self, at):
        self.at = at

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.at:
            raise KeyboardInterrupt


def test_the_backup_stays_after_an_exception_and_fits_one_model(tmp_path):
    x, y = data(2)
    backup = callbacks.BackupAndRestore(tmp_path / "b", double_checkpoint=True)
    model = small()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=4, verbose=0, callbacks=[backup, Stop(2)])
    assert Path(backup.path).exists()
    assert embedcnn.models.load_model(backup.path).optimizer.steps == 2, (
        "of the last whole epoch that was backed up"
    )
    other = embedcnn.Sequential([embedcnn.Input((7,)), layers.Dense(3, activation="softmax")])
    other.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="does not fit the model"):
        other.fit(np.zeros((4, 7)), [0, 1, 2, 0], verbose=0, callbacks=[backup, Stop(9)])
    sgd = text_model()
    sgd.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="was trained with Adam. Received: SGD"):
        sgd.fit(x, y, verbose=0, callbacks=[backup, Stop(9)])
    history = small().fit(x, y, epochs=4, verbose=0, callbacks=[backup, Stop(9)])
    assert history.epoch == [0, 1, 2, 3] and len(history.history["loss"]) == 4
    assert not Path(backup.path).exists()


def test_a_damaged_backup_gives_way_to_the_one_before(tmp_path):
    x, y = data(2)
    backup = callbacks.BackupAndRestore(tmp_path / "b", double_checkpoint=True, delete_checkpoint=False)
    small().fit(x, y, epochs=3, verbose=0, callbacks=[backup])
    path = Path(backup.path)
    path.write_bytes(path.read_bytes()[:-50])
    model = small()
    with pytest.warns(UserWarning, match="the backup before it is used"):
        history = model.fit(x, y, epochs=4, verbose=0, callbacks=[backup])
    assert history.epoch == [0, 1, 2, 3] and model.optimizer.steps == 4
    path.with_name("latest.backup.bkp").unlink()
    path.write_bytes(b"PK")
    with pytest.raises(ValueError, match="is not a saved model, or is damaged"):
        small().fit(x, y, epochs=4, verbose=0, callbacks=[backup])
    model.save(path)
    with pytest.raises(ValueError, match="is a saved model, not a backup"):
        small().fit(x, y, epochs=4, verbose=0, callbacks=[backup])


def test_callbacks_of_ones_own_keep_their_state(tmp_path):
    class Count(callbacks.Callback):
        seen = 0

        def on_epoch_end(self, epoch, logs=None):
            self.seen += 1

        def get_state(self):
            return {"seen": self.seen, "arrays": [np.full(2, self.seen, np.float32)]}

        def set_state(self, state):
            self.seen, self.arrays = state["seen"], state["arrays"]

    x, y = data(2)
    backup = callbacks.BackupAndRestore(tmp_path / "b")
    with pytest.raises(KeyboardInterrupt):
        small().fit(x, y, epochs=5, verbose=0, callbacks=[Count(), backup, Stop(3)])
    count = Count()
    small().fit(x, y, epochs=5, verbose=0, callbacks=[count, backup, Stop(9)])
    assert count.seen == 5
    np.testing.assert_array_equal(count.arrays[0], [3, 3])


# -- CSVLogger -----------------------------------------------------------------------------------------------
def test_csv_logger(tmp_path):
    x, y = data(2)
    model = text_model()
    model.compile(
        "sgd", "sparse_categorical_crossentropy", metrics=["accuracy", metrics.F1Score(name="each")]
    )
    path = tmp_path / "log.csv"
    history = model.fit(x, y, epochs=2, verbose=0, callbacks=[callbacks.CSVLogger(path, separator=";")])
    rows = list(csv.DictReader(path.open(), delimiter=";"))
    assert list(rows[0]) == ["epoch", "accuracy", "each", "loss", "val_accuracy", "val_each", "val_loss"]
    assert [float(row["loss"]) for row in rows] == history.history["loss"]
    assert rows[0]["val_loss"] == "NA" and rows[0]["each"].startswith('"[')
    more = callbacks.CSVLogger(path, separator=";", append=True)
    model.fit(x, y, epochs=1, verbose=0, callbacks=[more], validation_data=(x, y))
    lines = path.read_text().splitlines()
    assert len(lines) == 4 and lines[3].startswith("0;")
    model.fit(x, y, epochs=1, verbose=0, callbacks=[callbacks.CSVLogger(path)])
    assert path.read_text().startswith("epoch,accuracy") and len(path.read_text().splitlines()) == 2


# -- SwapEMAWeights ------------------------------------------------------------------------------------------
def test_averages_validate_and_weights_train(tmp_path):
    x, y = data(2)
    model, plain = (small(use_ema=True, ema_momentum=0.9) for _ in range(2))
    plain.seed = model.seed
    plain.set_weights(model.get_weights())
    plain.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    history = model.fit(
        x, y, epochs=3, verbose=0, validation_data=(x, y), callbacks=[callbacks.SwapEMAWeights()]
    )
    expected = plain.fit(x, y, epochs=3, verbose=0)
    np.testing.assert_array_equal(history.history["loss"], expected.history["loss"])
    assert model.evaluate(x, y, verbose=0) == pytest.approx(history.history["val_loss"][-1], rel=1e-6)


def test_averages_between_epochs(tmp_path):
    x, y = data(2)
    model = small(use_ema=True, ema_momentum=0.9)
    seen = []
    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    look = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    model.fit(x, y, epochs=2, verbose=0, callbacks=[swap, look])
    for one, other in zip(seen[-1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    averages = [model.optimizer.states[variable].average for variable in model.trainable_weights]
    for one, other in zip(averages, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_terminate_on_nan_can_raise():
    model = embedcnn.Sequential([embedcnn.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.set_weights([[[1e30]], [0.0]])
    with pytest.raises(RuntimeError, match="Batch 0: the loss is inf, training is terminated"):
        model.fit([[1e10]], [0.0], verbose=0, callbacks=[callbacks.TerminateOnNaN(raise_error=True)])


MISUSE = {
    "empty folder": (lambda: callbacks.BackupAndRestore(""), "`backup_dir` must not be empty"),
    "save_freq": (
        lambda: callbacks.BackupAndRestore("b", save_freq=0),
        "`save_freq` must be 'epoch' or a positive",
    ),
    "save_freq bool": (lambda: callbacks.BackupAndRestore("b", save_freq=True), "save_freq=True"),
    "separator": (lambda: callbacks.CSVLogger("log", separator="::"), "`separator` must be one character"),
    "no averages": (
        lambda: small().fit(*data(2), verbose=0, callbacks=[callbacks.SwapEMAWeights()]),
        "SwapEMAWeights needs an optimizer with use_ema=True",
    ),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse(name):
    call, message = MISUSE[name]
    with pytest.raises(ValueError, match=message):
        call()
