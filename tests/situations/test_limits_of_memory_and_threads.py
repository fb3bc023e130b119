"""Processes that may have little memory or no further thread, as in containers: MemoryError or one thread
with a warning, never the end of the process, never a hang. And sizes that no memory could hold.
"""

import gc
import json
import os
import pickle
import subprocess
import sys
import weakref
import zipfile

import pytest

import embedcnn as keras
from embedcnn import models, text
from embedcnn.base import unused_memory

L = keras.layers
LIMITED = """
import resource, sys, warnings
import numpy as np
import embedcnn as keras
def limit(megabytes):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (megabytes << 20), -1))
"""


limited = pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""), reason="the address sanitizer reserves terabytes of addresses"
)


def run(program, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED + program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_STACKSIZE": "8M"},  # of a thread, where the shell's limit may be another
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@limited
def test_no_further_thread():
    """A thread's stack is 8 MiB of address space, seven of them are more than the limit."""
    printed = run(
        """
L = keras.layers
text = [L.Embedding(2000, 128), L.Conv1D(200, 3), L.GlobalMaxPooling1D(), L.Dense(2, activation="softmax")]
model = keras.Sequential([keras.Input((None,), dtype="int32"), *text])
model.compile("sgd", "sparse_categorical_crossentropy")
x = np.random.default_rng(0).integers(1, 2000, (128, 60)).astype(np.int32)
y = x[:, 0] % 2
keras.runtime.set_num_threads(1)
first = model.get_weights()
losses = [model.train_on_batch(x, y) for _ in range(2)]
model.set_weights(first)
keras.runtime.set_num_threads(8)
if keras.runtime.show_config()["openmp"] is None:
    print("serial"); sys.exit()
limit(24)
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    again = [model.train_on_batch(x, y) for _ in range(2)]
    print(again == losses, [w.category.__name__ for w in found], keras.runtime.get_num_threads())
    print(found[0].message)
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
keras.runtime.set_num_threads(8)
model.train_on_batch(x, y)
print(keras.runtime.get_num_threads())
"""
    )
    if printed != "serial\n":
        assert printed.startswith("True ['RuntimeWarning'] 1\nthe system cannot make another thread")
        assert printed.endswith("\n8\n")


@limited
@pytest.mark.parametrize(
    "megabytes", [24, 70, *(pytest.param(limit, marks=pytest.mark.slow) for limit in (1, 8, 60, 100))]
)
def test_loading_a_model_larger_than_memory(tmp_path, megabytes):
    path = tmp_path / "large"
    model = keras.Sequential([L.Embedding(100_000, 100), L.GlobalMaxPooling1D(), L.Dense(2)])
    model.build((None, None))
    model.save(path)
    printed = run(
        """
from embedcnn.models import load_model
keras.Sequential([keras.layers.Dense(1)]).build((None, 3))
limit(int(sys.argv[2]))
try:
    load_model(sys.argv[1])
except MemoryError as error:
    print("MemoryError", "damaged" in str(error))
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
print(load_model(sys.argv[1]).count_params())
""",
        path,
        megabytes,
    )
    assert printed == f"MemoryError False\n{model.count_params()}\n"


# -- sizes in a configuration --------------------------------------------------------------------------------
def classifier():
    encoder = text.TextEncoder(max_tokens=20, output_sequence_length=8, ngrams=2)
    encoder.adapt(["a b c d"])
    layers = [L.Embedding(20, 4), L.Conv1D(3, 2), L.GlobalMaxPooling1D(), L.Dense(2, activation="softmax")]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.text_encoder = encoder
    return model


def integers(value, at=()):
    """The places of all integers, and of what is None: sizes that are not given."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from integers(part, (*at, key))
    elif value is None or (isinstance(value, int) and not isinstance(value, bool)):
        yield at


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "m"
    classifier().save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def load_changed(members, path, at, value):
    config = json.loads(members["config.json"])
    node = config
    for key in at[:-1]:
        node = node[key]
    node[at[-1]] = value
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, json.dumps(config) if name == "config.json" else data)
    return models.load_model(path)


@pytest.mark.parametrize("value", [2**62, 2**63, 10**30, -(2**63) - 1])
def test_impossible_sizes_are_value_errors(members, tmp_path, value):
    places = list(integers(json.loads(members["config.json"])))
    assert len(places) > 25
    refused = 0
    for at in places:
        try:
            load_changed(members, tmp_path / "m", at, value)
        except ValueError as error:
            refused += 1
            assert len(str(error)) > 20, at
    assert refused > 8


@pytest.mark.parametrize("name, value", [("ngrams", 2**62), ("ngrams", [2, 2**63]), ("max_tokens", "x")])
def test_text_settings_are_named(members, tmp_path, name, value):
    with pytest.raises(ValueError, match=name):
        load_changed(members, tmp_path / "m", ("text", "config", name), value)


def test_the_longest_n_gram():
    assert text.TextEncoder(ngrams=1024, vocabulary=["a"]).ngrams == 1024
    with pytest.raises(ValueError, match=r"`ngrams` must be .* \(at most 1024\).* Received: ngrams=1025"):
        text.TextEncoder(ngrams=1025)


# -- models that nobody uses any more ------------------------------------------------------------------------
@pytest.fixture
def patient_collector():
    """Python's collector as it is in a large program: it comes long after a few models."""
    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(10**9)
    yield
    gc.set_threshold(*before)


def averages(words):
    model = keras.Sequential(
        [keras.Input((None,), dtype="int32"), L.Embedding(words, 64), L.GlobalAveragePooling1D()]
    )
    model.predict([[1, 2]], verbose=0)
    return model


@pytest.mark.parametrize("way", ["made", "loaded", "unpickled"])
def test_large_models_do_not_pile_up(way, tmp_path, monkeypatch, patient_collector):
    monkeypatch.setattr(unused_memory, "ROOM", 8 << 20)
    first = averages(20_000)  # 5 MB
    first.save(tmp_path / "m")
    stored = pickle.dumps(first)
    make = {
        "made": lambda: averages(20_000),
        "loaded": lambda: models.load_model(tmp_path / "m"),
        "unpickled": lambda: pickle.loads(stored),
    }[way]
    made, most = [], 0
    for _ in range(12):
        model = make()
        model.predict([[1, 2]], verbose=0)
        made.append(weakref.ref(model.weights[0]))  # the model itself goes at once
        most = max(most, sum(one() is not None for one in made))
    assert 1 < most <= 4


def test_nor_does_a_collector_that_is_off_come(monkeypatch, patient_collector):
    monkeypatch.setattr(unused_memory, "ROOM", 8 << 20)
    gc.disable()
    try:
        made = [weakref.ref(averages(20_000).weights[0]) for _ in range(4)]
        assert all(one() is not None for one in made)
    finally:
        gc.enable()
