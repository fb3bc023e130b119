"""Language models whose training is killed by SIGKILL: no checkpoint is unreadable, and the training goes on
to the bits of one that was not killed.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import embedcnn
from embedcnn import callbacks, layers, models
from embedcnn.training.resuming import read_backup

KILLS = int(os.environ.get("EMBEDCNN_KILLS", "200"))

# One process makes the model and never trains it, so that it has no threads; it forks a child for each kill.
# A child goes on from the backup and writes up to five files after each step; it is killed a random time
# after its first step. Then the parent reads every file.
CHAIN = """
import collections, json, os, random, select, signal, sys
import numpy as np
import embedcnn
from embedcnn import callbacks, layers, losses, models, optimizers
from embedcnn.saving import archive, model_file as saving
from embedcnn.training.resuming import read_backup

folder, kills = sys.argv[1], int(sys.argv[2])
os.mkdir(folder + "/files")
rng = np.random.default_rng(0)
x = rng.integers(0, 11, (40, 12))
y = np.roll(x, -1, 1)
embedcnn.utils.set_random_seed(5)
model = embedcnn.Sequential([
    embedcnn.Input((12,), dtype="int32"), layers.Embedding(11, 6),
    layers.LSTM(16, return_sequences=True, dropout=0.2, recurrent_dropout=0.2), layers.Dense(11),
], seed=7)
model.compile(optimizers.Adam(0.003, use_ema=True, ema_momentum=0.9, global_clipnorm=1.0),
              losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])

class Stop(callbacks.Callback):
    last = True
    def __init__(self, steps):
        self.steps = steps
    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.steps >= self.steps:
            raise KeyboardInterrupt

def train(backup, steps, names):
    watch = [callbacks.BackupAndRestore(backup, save_freq=1, double_checkpoint=True), *names, Stop(steps)]
    model.fit(x, y, batch_size=8, epochs=10**6, verbose=0, callbacks=watch)

def checkpoints():
    place = folder + "/files/"
    return [
        callbacks.ModelCheckpoint(place + "last.keras", save_freq=1),
        callbacks.ModelCheckpoint(place + "batch {batch}.keras", save_freq=1),
        callbacks.ModelCheckpoint(place + "weights", save_freq=2, save_weights_only=True),
        callbacks.ModelCheckpoint(place + "epoch.keras"),
    ]

def child(pipe):
    embedcnn.set_num_threads(1)
    replace = os.replace
    def watched(old, new):  # tells the parent when a step has come to its end and the next is written
        replace(old, new)
        if new.endswith("latest.backup"):
            os.replace = replace
            os.write(pipe, b"w")
    os.replace = watched
    train(folder + "/backup", 10**9, checkpoints())

def read_everything(found):
    for place in ("files", "backup"):
        for name in sorted(os.listdir(folder + "/" + place)):
            path = folder + "/" + place + "/" + name
            if name.startswith(".") and name.endswith(".tmp"):
                found["left over"] += 1
                continue
            try:
                if name == "weights":
                    other.load_weights(path)
                else:
                    models.load_model(path)
                if place == "backup":
                    read_backup(path)
            except Exception as error:
                found["unreadable"] += 1
                print(name, error, file=sys.stderr)
            found["read"] += 1

other = embedcnn.Sequential.from_config(model.get_config())
chance = random.Random(1)
found = collections.Counter()
for number in range(kills):
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            child(writing)
        finally:
            os._exit(3)
    os.close(writing)
    ready = select.select([reading], [], [], 60)[0]
    if ready and os.read(reading, 1):
        select.select([], [], [], chance.uniform(0, 0.03))
    os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    os.close(reading)
    found["killed"] += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    before = found["left over"]
    read_everything(found)
    found["amid writing"] += found["left over"] > before

def leftovers():
    return sorted(name for place in ("files", "backup") for name in os.listdir(folder + "/" + place)
                  if name.endswith(".tmp"))

embedcnn.set_num_threads(1)
backup = read_backup(folder + "/backup/latest.backup")
steps = json.loads(backup["config.json"])["iterations"]
try:  # the same steps without a kill
    model.fit(x, y, batch_size=8, epochs=10**6, verbose=0, callbacks=Stop(steps))
except KeyboardInterrupt:
    pass
whole, different = saving.members_of(model), []
for member in ("weights.safetensors", "optimizer.safetensors"):
    killed = archive.read_tensors(backup[member], member)
    assert set(killed) == set(whole[member])
    different += [name for name in killed if killed[name].tobytes() != whole[member][name].tobytes()]
try:  # every file is written once more
    train(folder + "/backup", steps + 11, checkpoints())
except KeyboardInterrupt:
    pass
result = {**found, "steps": steps, "different": different, "leftovers": leftovers()}
json.dump(result, open(folder + "/result.json", "w"))
"""


# A training that kills itself after `kill_at` batches (0: never) and leaves what it has reached.
TRAINING = """
import os, signal, sys
import numpy as np
import embedcnn
from embedcnn import callbacks, layers, losses, optimizers
from embedcnn.data import Dataset

folder, kind, kill_at, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
embedcnn.utils.set_random_seed(seed)
rng = np.random.default_rng(0)
text = "".join(rng.choice(list("abcdefg "), 900))
x = rng.integers(0, 13, (44, 10))
y = np.roll(x, -1, 1)
random = {"dropout": 0.3, "recurrent_dropout": 0.2, "return_sequences": True}
optimizer = optimizers.AdamW(optimizers.schedules.CosineDecay(0.02, 40), use_ema=True, ema_momentum=0.8,
                             gradient_accumulation_steps=2, global_clipnorm=1.0)
settings = {"batch_size": 4, "shuffle": True, "validation_data": (x[:8], y[:8])}

def sequential(*hidden, **options):
    model = embedcnn.Sequential([embedcnn.Input((10,), dtype="int32", **options),
                                 layers.Embedding(13, 6), *hidden, layers.Dense(13)])
    model.compile(optimizer, losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model

if kind == "lstm":
    model = sequential(layers.LSTM(9, **random), layers.Dropout(0.2), layers.LSTM(7, **random))
    given = {"x": x, "y": y, **settings}
elif kind == "bidirectional":
    model = sequential(layers.Bidirectional(layers.GRU(8, **random)), layers.BatchNormalization())
    source = Dataset.from_tensor_slices((x, y)).shuffle(44, seed=3).batch(4)
    given = {"x": source, "validation_data": (x[:8], y[:8])}
elif kind == "stateful":
    model = sequential(layers.LSTM(9, stateful=True, **random), layers.GRU(5, stateful=True, **random),
                       batch_size=4)
    given = {"x": x, "y": y, **settings, "shuffle": False}
else:
    writer = embedcnn.CharLanguageModel(text, 6, 9, 2, dropout=0.3)
    model = writer.model
    model.compile(optimizer, losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])

class Killer(callbacks.Callback):
    last = True
    seen = 0
    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

watch = [
    callbacks.BackupAndRestore(folder + "/backup", save_freq=3),
    callbacks.ModelCheckpoint(folder + "/best.keras", save_best_only=True),
    callbacks.ModelCheckpoint(folder + "/{epoch:02d}-{batch}.keras", save_freq=4),
    callbacks.EarlyStopping(patience=9, restore_best_weights=True),
    callbacks.SwapEMAWeights(),
    callbacks.CSVLogger(folder + "/log.csv"),
    Killer(),
]
if kind in ("book", "carried"):
    history = writer.fit(text, 10, 8, epochs=4, validation_split=0.2, verbose=0, callbacks=watch,
                         carry_state=kind == "carried")
else:
    history = model.fit(**given, epochs=4, verbose=0, callbacks=watch)
from embedcnn.saving import model_file as saving
reached = saving.members_of(model)
arrays = {f"w {name}": value for name, value in reached["weights.safetensors"].items()}
arrays |= {f"o {name}": value for name, value in reached["optimizer.safetensors"].items()}
arrays |= {f"h {name}": np.array(values) for name, values in history.history.items()}
arrays |= {f"s {layer.name} {n}": state.numpy() for layer in model.layers
           for n, state in enumerate(getattr(layer, "states", []))}
np.savez(folder + "/result.npz", epoch=history.epoch, steps=optimizer.steps, seed=model.seed, **arrays)
"""


def run(code, *arguments, timeout=300):
    environment = {**os.environ, "PYTHONPATH": str(Path(embedcnn.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_no_kill_leaves_an_unreadable_checkpoint(tmp_path):
    ran = run(CHAIN, tmp_path, KILLS)
    assert ran.returncode == 0, ran.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    print(result)
    assert result["killed"] == KILLS
    assert result.get("unreadable", 0) == 0, ran.stderr
    assert result["read"] > 4 * KILLS and result["steps"] >= KILLS
    assert result["amid writing"] > KILLS // 10, "few kills hit the writing"
    assert result["different"] == [] and result["leftovers"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "kills"),
    [
        ("lstm", [17, 8]),
        ("bidirectional", [14]),
        ("stateful", [16, 12]),
        ("book", [13]),
        ("carried", [14, 6]),
    ],
)
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, kind, kills):
    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
    whole = run(TRAINING, tmp_path / "whole", kind, 0, 3)
    assert whole.returncode == 0, whole.stderr
    for number, kill_at in enumerate(kills):  # later with another seed: that of the backup counts
        killed = run(TRAINING, tmp_path / "killed", kind, kill_at, 3 + number)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        backup = read_backup(str(tmp_path / "killed" / "backup" / "latest.backup"))
        assert json.loads(backup["training.json"])["batch"] > 0, "killed in the middle of an epoch"
    again = run(TRAINING, tmp_path / "killed", kind, 0, 99)
    assert again.returncode == 0, again.stderr
    one, other = (np.load(tmp_path / name / "result.npz") for name in ("whole", "killed"))
    assert set(one.files) == set(other.files)
    assert ("s lstm 1" in one.files) == (kind == "stateful")
    for name in one.files:
        assert one[name].tobytes() == other[name].tobytes(), name
    names = {path.name for path in (tmp_path / "whole").iterdir()}
    assert names == {path.name for path in (tmp_path / "killed").iterdir()} and "backup" not in names
    assert sum(name.endswith(".keras") for name in names) > 4
    for name in names - {"result.npz"}:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes(), name


def test_a_backup_of_another_stateful_layer_is_refused(tmp_path):
    def stateful(**options):
        model = embedcnn.Sequential([embedcnn.Input((3, 2), batch_size=4), layers.LSTM(5, **options)])
        model.compile("sgd", "mse")
        return model

    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    x, y = np.ones((4, 3, 2)), np.zeros((4, 5))
    watch = [callbacks.BackupAndRestore(tmp_path, save_freq=1), Stop()]
    with pytest.raises(KeyboardInterrupt):
        stateful(stateful=True).fit(x, y, batch_size=4, verbose=0, callbacks=watch)
    with pytest.raises(ValueError, match=r"layers have the shapes \[\(4, 5\), \(4, 5\)\], those of"):
        stateful().fit(x, y, verbose=0, callbacks=watch)
    model = models.load_model(watch[0].path)
    assert model.get_weights()[0].shape == (2, 20)
