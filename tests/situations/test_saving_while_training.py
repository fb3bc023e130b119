"""A training that is saved and goes on, from a file, a pickle, a copy or a backup, gives the bits of one that
was never interrupted: with every optimizer in every setting.
"""

import copy
import json
import pickle
import warnings
import zipfile

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import callbacks, models, optimizers
from embedcnn.saving import archive, optimizer_state

L = keras.layers
SETTINGS = {
    "plain": {},
    "accumulating": {"gradient_accumulation_steps": 2},
    "accumulating dense": {"gradient_accumulation_steps": 4, "embedding_update": "dense"},
    "average": {"use_ema": True, "ema_momentum": 0.8},
    "average overwrites": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
    "average accumulating": {"use_ema": True, "gradient_accumulation_steps": 2},
    "clipnorm": {"clipnorm": 0.01},
    "clipvalue": {"clipvalue": 0.001},
    "global_clipnorm": {"global_clipnorm": 0.01},
    "decay": {"weight_decay": 0.1},
    "decay dense": {"weight_decay": 0.1, "embedding_update": "dense"},
    "schedule": {"learning_rate": optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)},
}
OWN = {
    "SGD": [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "gradient_accumulation_steps": 2}],
    "RMSprop": [{"momentum": 0.5, "centered": True}, {"centered": True, "gradient_accumulation_steps": 2}],
    "Adam": [{"amsgrad": True, "beta_2": 0.5}, {"amsgrad": True, "gradient_accumulation_steps": 2}],
    "AdamW": [{"amsgrad": True, "use_ema": True}],
    "Adagrad": [{"initial_accumulator_value": 0.0}],
}
NAMES = [name for name in optimizers.CLASSES if name != "MultiOptimizer"]  # that is made of the others
CASES = [  # each optimizer with a third of the settings, and all of its own; the others where slow tests run
    pytest.param(
        name, {"learning_rate": 0.05} | options, marks=[pytest.mark.slow] * ((number + turn) % 3 > 0)
    )
    for turn, name in enumerate(NAMES)
    for number, options in [*enumerate(SETTINGS.values()), *((-turn, one) for one in OWN.get(name, []))]
]
RNG = np.random.default_rng(0)
BATCHES = [(RNG.integers(0, 9, (4, 5)), RNG.integers(0, 3, 4)) for _ in range(8)]


def compiled(name, options):
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            L.Embedding(9, 3, mask_zero=True, name="words"),
            L.Dropout(0.3),
            L.GlobalAveragePooling1D(),
            L.BatchNormalization(),
            L.Dense(3, activation="softmax", name="classes"),
        ],
        seed=5,
    )
    optimizer = optimizers.CLASSES[name](**options)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    if options.get("weight_decay"):
        optimizer.exclude_from_weight_decay([model.layers[-1].kernel], ["bias"])
    return model


def step(model, numbers):
    for number in numbers:
        model.train_on_batch(*BATCHES[number])


def state_of(model):
    """Weights and everything that the optimizer keeps, by place."""
    found = [("weights", model.get_weights()), ("iterations", [model.optimizer.steps])]
    for number, variable in enumerate(model.weights):
        state = model.optimizer.states.get(variable)
        if state is not None:
            parts = [*state.slots, state.steps, state.average, state.accumulator, state.touched]
            found.append((number, [part for part in parts if part is not None]))
    return found


def assert_same(one, other):
    assert len(one) == len(other)
    for (name, parts), (same, others) in zip(one, other, strict=True):
        assert name == same and len(parts) == len(others)
        for a, b in zip(parts, others, strict=True):
            assert np.array_equal(a, b) and np.isfinite(a).all()


@pytest.mark.parametrize(("name", "options"), CASES)
def test_save_load_and_go_on(tmp_path, name, options):
    whole = compiled(name, options)
    step(whole, range(3))
    whole.save(tmp_path / "model")
    others = [models.load_model(tmp_path / "model"), pickle.loads(pickle.dumps(whole)), copy.deepcopy(whole)]
    step(whole, range(3, 8))
    for model in others:
        step(model, range(3, 8))
        assert_same(state_of(model), state_of(whole))


class Killed(callbacks.Callback):
    def __init__(self, at=None):
        self.at, self.seen = at, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.at:
            raise KeyError("killed")


@pytest.mark.parametrize(("name", "options"), CASES)
def test_backup_and_restore(tmp_path, name, options):
    x, y = (np.concatenate(part) for part in zip(*BATCHES, strict=True))

    def trained(at, path):
        model = compiled(name, options)
        backup = callbacks.BackupAndRestore(path, save_freq=3)
        model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[Killed(at), backup])
        return state_of(model)

    whole = trained(None, tmp_path / "whole")
    with pytest.raises(KeyError):
        trained(11, tmp_path / "killed")
    assert_same(trained(None, tmp_path / "killed"), whole)


@pytest.mark.parametrize("name", NAMES)
def test_no_slot_has_the_name_of_something_else(name):
    options = {"SGD": {"momentum": 0.9}, "RMSprop": {"momentum": 0.5, "centered": True}}.get(name, {})
    slots = optimizers.CLASSES[name](**options).used_slots()
    assert len({*slots, *optimizer_state.STATE_NAMES}) == len(slots) + len(optimizer_state.STATE_NAMES)


def as_written_by_0_1_0(path):
    """Turns a file into what version 0.1.0 wrote: the sums of gradients as "accumulator"."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    tensors = archive.read_tensors(members["optimizer.safetensors"], "the file")
    for name in [name for name in tensors if name.endswith("gradient_sum")]:
        tensors[name.replace("gradient_sum", "accumulator")] = tensors.pop(name)
    with open(path, "wb") as file:
        archive.write_archive(file, members | {"optimizer.safetensors": tensors})


@pytest.mark.parametrize("name", NAMES)
def test_files_of_the_version_before_still_load(tmp_path, name):
    whole = compiled(name, {"gradient_accumulation_steps": 2})
    step(whole, range(3))
    whole.save(tmp_path / "model")
    as_written_by_0_1_0(tmp_path / "model")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = models.load_model(tmp_path / "model")
    step(model, range(3, 8))
    if name == "Adagrad":  # its state was lost in the file: it starts anew, and says so
        assert ["start anew" in str(warning.message) for warning in said] == [True]
        assert all(np.isfinite(part).all() for _, parts in state_of(model) for part in parts)
    else:
        step(whole, range(3, 8))
        assert not said
        assert_same(state_of(model), state_of(whole))


def test_what_is_left_out_of_the_decay_stays_so(tmp_path):
    model = compiled("AdamW", {"weight_decay": 0.1})
    step(model, range(2))
    model.save(tmp_path / "model")
    loaded = models.load_model(tmp_path / "model")
    assert [loaded.optimizer.decays(variable) for variable in loaded.weights] == [
        model.optimizer.decays(variable) for variable in model.weights
    ]
    assert not loaded.optimizer.decays(loaded.layers[-1].kernel)


def test_averages_in_the_place_of_weights_are_known_as_such(tmp_path):
    """A file that ModelCheckpoint writes behind SwapEMAWeights goes on like the training itself."""
    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    model = compiled("Adam", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.5})
    x, y = BATCHES[0]
    saved = callbacks.ModelCheckpoint(tmp_path / "{epoch}")
    model.fit(x, y, epochs=1, verbose=0, callbacks=[swap, saved])
    with zipfile.ZipFile(tmp_path / "1") as file:
        assert json.loads(file.read("config.json"))["averages_in_model"] is True
    assert models.load_model(tmp_path / "1").optimizer.averages_in_model


def test_a_backup_of_other_settings_is_refused(tmp_path):
    def trained(options, at=None):
        model = compiled("SGD", options)
        backup = callbacks.BackupAndRestore(tmp_path / "backup")
        model.fit(*BATCHES[0], batch_size=2, epochs=3, verbose=0, callbacks=[Killed(at), backup])

    with pytest.raises(KeyError):
        trained({}, at=3)
    with pytest.raises(ValueError, match=r"other settings of the optimizer: .* has no \['momentum'\]"):
        trained({"momentum": 0.9})


def test_weights_fit_a_model_made_again(tmp_path):
    """The same code, run twice in a process, makes layers with other automatic names, wrapped ones too."""

    def made():
        return keras.Sequential(
            [
                keras.Input((4, 3)),
                L.TimeDistributed(L.Dense(2)),
                L.Bidirectional(L.LSTM(2, return_sequences=True)),
                L.TimeDistributed(L.Dense(5)),
                L.GlobalMaxPooling1D(),
                L.Dense(1),
            ]
        )

    first, second = made(), made()
    first.save_weights(tmp_path / "weights")
    second.load_weights(tmp_path / "weights")
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    other = keras.Sequential([keras.Input((4, 3)), L.TimeDistributed(L.Dense(3))])
    with pytest.raises(ValueError, match="does not fit the model"):
        other.load_weights(tmp_path / "weights")

    def trained(at=None):
        keras.utils.set_random_seed(1)
        model = made()
        model.compile("adam", "mse")
        backup = callbacks.BackupAndRestore(tmp_path / "backup")
        x = np.random.default_rng(0).normal(size=(8, 4, 3))
        model.fit(x, x[:, 0, :1], batch_size=4, epochs=3, verbose=0, callbacks=[Killed(at), backup])
        return model.get_weights()

    whole = trained()
    with pytest.raises(KeyError):
        trained(at=5)
    assert all(np.array_equal(a, b) for a, b in zip(trained(), whole, strict=True))


def test_a_good_file_is_not_damaged_where_memory_is_short(tmp_path, monkeypatch):
    model = compiled("SGD", {})
    model.save(tmp_path / "model")

    def none_left(*_):
        raise MemoryError

    for what in ("zipfile.ZipFile.read", "embedcnn.saving.model_file._assign"):
        with monkeypatch.context() as patch:
            patch.setattr(what, none_left)
            with pytest.raises(MemoryError):
                models.load_model(tmp_path / "model")
