import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from keras_values import data, text_model

import embedcnn
from embedcnn import layers, models, optimizers
from embedcnn.bags import BagClassifier
from embedcnn.base import arrays
from embedcnn.encoding import TokenizerEncoder
from embedcnn.layers import bag_of_ngrams

X, Y = data(2)


def trained(**options):
    model = text_model()
    model.compile(
        optimizers.Adam(0.01, clipnorm=1.0), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(X, Y, verbose=0)
    for name, value in options.items():
        setattr(model, name, value)
    return model


def archive(path):
    with zipfile.ZipFile(path) as file:
        return {entry.filename: file.read(entry) for entry in file.infolist()}


def rewritten(path, change, compression=zipfile.ZIP_STORED):
    """The file with its members changed."""
    members = archive(path)
    members = change(members) or members
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.fixture(params=["read", "mapped"])
def how(request, monkeypatch):
    """Weights are read from the file, or mapped as those of large models."""
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 1 if request.param == "mapped" else 1 << 40)


@pytest.mark.parametrize("name", ["model.keras", "model", "model.embedcnn", "ünïcode name.zip"])
def test_a_saved_model_is_the_same_model(tmp_path, name, how):
    model = trained(labels=["a", "b", "c"])
    model.save(tmp_path / name)
    again = models.load_model(tmp_path / name)
    assert os.listdir(tmp_path) == [name]
    assert again.get_config() == model.get_config()
    assert (again.predict(X) == model.predict(X)).all()
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert again.predict_labels(X) == model.predict_labels(X)
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.optimizer.iterations == model.optimizer.iterations == 1
    assert again.train_on_batch(X, Y) == model.train_on_batch(X, Y)
    assert models.load_model(tmp_path / name, compile=False).optimizer is None


def test_the_members_are_plain(tmp_path):
    model = trained()
    model.save(tmp_path / "m")
    members = archive(tmp_path / "m")
    assert list(members) == ["config.json", "weights.safetensors", "optimizer.safetensors"]
    tensors = safetensors.numpy.load(members["weights.safetensors"])
    assert {w.path for w in model.weights} == set(tensors)
    assert (tensors[model.weights[0].path] == model.weights[0].numpy()).all()
    assert json.loads(members["config.json"])["class_name"] == "Model"
    model.save(tmp_path / "again")
    assert (tmp_path / "m").read_bytes() == (tmp_path / "again").read_bytes()


def test_sequential_and_settings_of_layers(tmp_path):
    model = embedcnn.Sequential(
        [
            embedcnn.Input((None,), dtype="int32"),
            layers.Embedding(30, 4, mask_zero=True, trainable=False, weights=[np.ones((30, 4), "f")]),
            layers.Conv1D(3, 2, padding="same", activation="tanh", use_bias=False),
            layers.GlobalAveragePooling1D(),
            layers.Dropout(0.25),
            layers.Dense(1, activation="sigmoid", kernel_initializer="he_normal"),
        ]
    )
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    assert type(again) is models.Sequential
    assert again.get_config() == model.get_config()
    assert (again.layers[0].embeddings.numpy() == 1).all()
    assert not again.layers[0].trainable
    assert archive(tmp_path / "m").keys() == {"config.json", "weights.safetensors"}


def test_loaded_weights_can_be_trained(tmp_path, how):
    model = trained()
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    before = again.get_weights()
    again.fit(X, Y, verbose=0)
    assert any((a != b).any() for a, b in zip(before, again.get_weights(), strict=True))


def test_weights_alone(tmp_path, how):
    model, other = trained(), text_model()
    model.save_weights(tmp_path / "w.safetensors")
    assert set(safetensors.numpy.load_file(tmp_path / "w.safetensors")) == {w.path for w in model.weights}
    other.load_weights(tmp_path / "w.safetensors")
    assert (other.predict(X) == model.predict(X)).all()
    model.save(tmp_path / "m.keras")
    third = text_model()
    third.load_weights(tmp_path / "m.keras")
    assert (third.predict(X) == model.predict(X)).all()
    wrong = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="does not fit the model: missing"):
        wrong.load_weights(tmp_path / "w.safetensors")


def test_an_existing_file_is_kept_unless_told(tmp_path):
    model = trained()
    path = tmp_path / "m"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="overwrite=False"):
        model.save(path, overwrite=False)
    assert path.read_text() == "precious"
    model.save(path)
    assert models.load_model(path).count_params() == model.count_params()
    with pytest.raises(IsADirectoryError, match="is a directory"):
        model.save(tmp_path)
    with pytest.raises(FileNotFoundError):
        model.save(tmp_path / "missing" / "m")


def test_a_failing_save_leaves_the_old_file(tmp_path, monkeypatch):
    model = trained()
    path = tmp_path / "m"
    model.save(path)
    before = path.read_bytes()
    model.fit(X, Y, verbose=0)
    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            with pytest.raises(OSError, match="No space"):
                model.save(path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["m"]


def test_what_a_killed_save_left_is_removed(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    dead = tmp_path / f".m.{process.stdout.strip()}.tmp"
    dead.write_text("half")
    elsewhere = tmp_path / f".m.{os.getppid()}.17.tmp"  # its process number is that of a living one here
    elsewhere.write_text("half")
    alive = tmp_path / ".m.1.18.tmp"
    code = (
        "import fcntl, sys; file = open(sys.argv[1], 'wb'); fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('writing', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(alive)], **pipes) as writer:
        writer.stdout.readline()
        trained().save(tmp_path / "m")
        assert not dead.exists() and not elsewhere.exists()
        assert alive.exists()
        writer.communicate(b"")


@pytest.mark.slow
def test_a_killed_process_leaves_a_whole_file(tmp_path):
    code = (
        "import sys; sys.path.insert(0, 'tests'); from saving.test_model_file import trained\n"
        "model = trained(); print('ready', flush=True)\n"
        f"while True: model.save({str(tmp_path / 'm')!r})"
    )
    for delay in (0.02, 0.05, 0.11):
        root = str(Path(__file__).parents[2])
        environment = {**os.environ, "PYTHONPATH": root}
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=root, env=environment
        )
        assert process.stdout.readline() == b"ready\n"
        while not (tmp_path / "m").exists():
            time.sleep(0.01)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert models.load_model(tmp_path / "m").predict(X).shape == (16, 3)


def test_every_cut_is_refused(tmp_path, how):
    model = embedcnn.Sequential([embedcnn.Input((2,)), layers.Dense(1)])
    model.save(tmp_path / "m")
    whole = (tmp_path / "m").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cut"):
            models.load_model(tmp_path / "cut")


def test_every_flipped_bit_is_noticed_or_harmless(tmp_path):
    model = embedcnn.Sequential([embedcnn.Input((2,)), layers.Dense(1, name="dense")], name="m", seed=1)
    model.save(tmp_path / "m")
    whole = (tmp_path / "m").read_bytes()
    weights = [value.tobytes() for value in model.get_weights()]
    refused = 0
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        try:
            (tmp_path / "f").write_bytes(flipped)
            loaded = models.load_model(tmp_path / "f")
        except ValueError:
            refused += 1
        else:
            assert [value.tobytes() for value in loaded.get_weights()] == weights
    assert refused > 0.8 * len(whole)


def config_change(**changes):
    def change(members):
        config = json.loads(members["config.json"])
        config.update(changes)
        members["config.json"] = json.dumps(config).encode()

    return change


def layer_change(change):
    def apply(members):
        config = json.loads(members["config.json"])
        change(config["model"])
        members["config.json"] = json.dumps(config).encode()

    return apply


def huge(model):
    entry = next(layer for layer in model["layers"] if layer["class_name"] == "Embedding")
    entry["config"]["input_dim"] = 10**12


def tensors(**changes):
    """Gives a weight another value, by its own name: safetensors reads them in no fixed order."""

    def change(members):
        values = safetensors.numpy.load(members["weights.safetensors"])
        for name, value in changes.items():
            values[next((path for path in values if path.endswith(f"/{name}")), name)] = value
        members["weights.safetensors"] = safetensors.numpy.save(values)

    return change


def header(text):
    return lambda members: members.update({"weights.safetensors": len(text).to_bytes(8, "little") + text})


ATTACKS = {
    "extra member": (lambda m: m.update({"run.py": b"print()"}), "it holds 'run.py'"),
    "path traversal": (lambda m: m.update({"../../x": b""}), "it holds '../../x'"),
    "pickle": (lambda m: m.update({"weights.pkl": b"\x80\x04."}), "it holds 'weights.pkl'"),
    "no config": (lambda m: {"weights.safetensors": m["weights.safetensors"]}, "config.json is missing"),
    "no weights": (lambda m: {"config.json": m["config.json"]}, "weights.safetensors is missing"),
    "config not json": (lambda m: m.update({"config.json": b"{"}), "not valid JSON"),
    "config not utf-8": (lambda m: m.update({"config.json": b"\xff"}), "not valid JSON"),
    "config a list": (lambda m: m.update({"config.json": b"[]"}), "must be a JSON object"),
    "config too deep": (lambda m: m.update({"config.json": b'{"a":' + b"[" * 10**5}), "not valid JSON"),
    "other format": (config_change(format=99), "has format 99; this version reads format 1"),
    "class": (
        config_change(class_name="Popen"),
        "class of the model is 'Popen', which is Python of your own",
    ),
    "no model": (config_change(model=None), "does not describe a model"),
    "seed": (config_change(seed="x"), "seed|describe|invalid literal"),
    "labels": (config_change(labels=["a"]), "`labels` must hold 3 names"),
    "text encoder": (config_change(text={"class_name": "os.system", "config": {}}), "unknown text encoder"),
    "layer class": (
        layer_change(lambda m: m["layers"][1].update(class_name="Subprocess")),
        "unknown layer class 'Subprocess'",
    ),
    "layer argument": (
        layer_change(lambda m: m["layers"][1]["config"].update(hook="x")),
        "Unrecognized|describe",
    ),
    "huge table": (layer_change(huge), "more than the file holds"),
    "unknown tensor": (
        layer_change(lambda m: m["outputs"].__setitem__(0, ["nothing", 0])),
        "does not describe",
    ),
    "loop": (
        layer_change(
            lambda m: m["layers"][2]["calls"][0].__setitem__(0, [m["layers"][2]["config"]["name"], 0])
        ),
        "cannot be joined",
    ),
    "extra tensor": (tensors(spare=np.ones(3, np.float32)), r"missing nothing, unknown \['spare'\]"),
    "fewer numbers": (tensors(embeddings=np.ones((1, 1), np.float32)), "more than the file holds"),
    "fewer bits": (tensors(embeddings=np.ones((12, 4), np.float16)), "more than the file holds"),
    "shape": (tensors(embeddings=np.ones((4, 12), np.float32)), r"must be float32 of shape \(12, 4\)"),
    "dtype": (tensors(embeddings=np.ones((12, 4), np.int64)), r"Received: int64 of shape \(12, 4\)"),
    "header empty": (lambda m: m.update({"weights.safetensors": b""}), "not a safetensors file"),
    "header size": (lambda m: m.update({"weights.safetensors": b"\xff" * 16}), "not a safetensors file"),
    "header text": (header(b"not json"), "not a safetensors file"),
    "offsets outside": (
        header(b'{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}'),
        "not a safetensors file",
    ),
    "offsets backwards": (
        header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}'),
        "not a safetensors file",
    ),
    "overflowing shape": (
        header(b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'),
        "not a safetensors file",
    ),
    "unknown dtype": (
        header(b'{"a":{"dtype":"OBJ","shape":[0],"data_offsets":[0,0]}}'),
        "not a safetensors file",
    ),
    "optimizer": (lambda m: m.update({"optimizer.safetensors": b"x"}), "not a safetensors file"),
    "no slots": (config_change(iterations=None), "does not describe a model"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_crafted_files(tmp_path, name, how):
    change, message = ATTACKS[name]
    trained().save(tmp_path / "m")
    with pytest.raises(ValueError, match=message):
        models.load_model(rewritten(tmp_path / "m", change))


def test_compressed_members_are_refused(tmp_path):
    trained().save(tmp_path / "m")
    with pytest.raises(ValueError, match="is compressed or encrypted, which save never does"):
        models.load_model(rewritten(tmp_path / "m", lambda m: None, zipfile.ZIP_DEFLATED))


def test_members_that_lie_twice_are_refused(tmp_path):
    trained().save(tmp_path / "m")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "m", "a") as file:
        file.writestr("config.json", b"{}")
    with pytest.raises(ValueError, match="a member twice"):
        models.load_model(tmp_path / "m")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "m").write_bytes(b"hello")
    with pytest.raises(ValueError, match="is not a saved model, or is damaged"):
        models.load_model(tmp_path / "m")
    (tmp_path / "m.onnx").write_bytes(b"hello")
    with pytest.raises(ValueError, match="models.load_onnx reads graphs of ONNX"):
        models.load_model(tmp_path / "m.onnx")
    with pytest.raises(FileNotFoundError):
        models.load_model(tmp_path / "missing")


def test_metrics_that_are_functions_are_left_out(tmp_path):
    model = text_model()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy", lambda y, p: p[:, 0]])
    model.save(tmp_path / "m")
    assert [metric.name for metric in models.load_model(tmp_path / "m").metrics] == ["accuracy"]


def test_a_tokenizer_goes_with_the_model(tmp_path):
    from embedcnn.preprocessing.text import Tokenizer

    texts = ["good film", "bad film", "a very good one", "awful"]
    tokenizer = Tokenizer(num_words=12)
    tokenizer.fit_on_texts(texts)
    model = trained(text_encoder=TokenizerEncoder(tokenizer, 7, padding="post"), labels=["x", "y", "z"])
    expected = model.predict(["good", "bad film"])
    assert (model.predict(model.text_encoder(["good", "bad film"])) == expected).all()
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    assert (again.predict(["good", "bad film"]) == expected).all()
    assert again.predict_labels(np.array(["good", "bad film"])) == model.predict_labels(["good", "bad film"])
    with pytest.raises(ValueError, match="has no vocabulary that can be extended"):
        again.extend_vocabulary(["new"], np.ones((1, 4)))


def test_unknown_encoders_are_not_stored(tmp_path):
    with pytest.raises((TypeError, ValueError), match="text encoder|text_encoder"):
        trained(text_encoder=lambda texts: np.ones((len(texts), 7), int)).save(tmp_path / "m")


def test_rows_added_to_a_frozen_table(tmp_path):
    tokens = embedcnn.Input((None,), dtype="int32")
    table = np.random.default_rng(0).normal(size=(12, 4)).astype("f")
    embedding = layers.Embedding(12, 4, weights=[table], trainable=False)
    model = embedcnn.Model(
        tokens, layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling1D()(embedding(tokens)))
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match=r"x\[0, 0\] = 13 is outside \[0, 12\)"):
        model.predict([[13]])
    before = model.predict(X)
    model.extend_vocabulary(["new", "newer"], np.stack([table[3], table[5]]))
    assert (model.predict(X) == before).all()
    assert (model.predict([[12, 13]]) == model.predict([[3, 5]])).all()
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    assert (again.predict([[12, 13]]) == model.predict([[3, 5]])).all()
    again.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="must have 4 columns"):
        model.extend_vocabulary(["x"], np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"one row per word \(1\)"):
        model.extend_vocabulary(["x"], np.ones((2, 4)))
    embedding.trainable = True
    with pytest.raises(ValueError, match="only a frozen Embedding can be given more rows"):
        model.extend_vocabulary(["x"], np.ones((1, 4)))


def test_bytes_of_equal_models_are_equal():
    from embedcnn.saving import model_file as saving

    model = trained()
    assert saving.model_to_bytes(model) == saving.model_to_bytes(model)
    assert zipfile.is_zipfile(io.BytesIO(saving.model_to_bytes(model)))


def test_large_weights_stay_in_the_file(tmp_path, monkeypatch):
    """Arrays of any dtype lie at multiples of their size, so that none is copied; training copies them."""
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 1)
    trained().save(tmp_path / "m")
    before = (tmp_path / "m").read_bytes()
    loaded = models.load_model(tmp_path / "m")
    values = [variable.value for variable in loaded.weights]
    assert all(value.flags.aligned and not value.flags.writeable for value in values)
    assert min(value.ctypes.data % 64 for value in values) == 0
    loaded.fit(X, Y, verbose=0)
    assert (tmp_path / "m").read_bytes() == before
    read = models.load_model(tmp_path / "m")
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 1 << 40)
    np.testing.assert_array_equal(read.predict(X), models.load_model(tmp_path / "m").predict(X))


def test_what_is_mapped_must_lie_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 1)
    trained().save(tmp_path / "m")
    whole = bytearray((tmp_path / "m").read_bytes())
    place = whole.index(b"weights.safetensors") - 30
    for offset, value in ((0, b"XK"), (26, b"\xff\xff"), (28, b"\xff\xff")):
        changed = bytearray(whole)
        changed[place + offset : place + offset + 2] = value
        (tmp_path / "changed").write_bytes(changed)
        with pytest.raises(ValueError, match="changed"):
            models.load_model(tmp_path / "changed")


@pytest.mark.parametrize("buckets", [None, 64])
def test_a_bag_of_ngrams_stays_in_the_file(tmp_path, monkeypatch, buckets):
    texts = ["a good film", "good fun", "a bad film", "so bad"]
    classifier = BagClassifier(buckets=buckets).fit(texts, [1, 1, 0, 0])
    classifier.save(tmp_path / "m")
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 1)
    monkeypatch.setattr(bag_of_ngrams, "MAPPED_BYTES", 1)
    loaded = models.load_model(tmp_path / "m")
    assert not loaded.get_layer("ngrams").table.value.flags.writeable
    np.testing.assert_array_equal(loaded.predict(texts), classifier.predict_proba(texts))
