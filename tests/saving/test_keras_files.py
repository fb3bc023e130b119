"""models.load_keras and model.load_weights with files that Keras 3 wrote (tests/golden/make_keras_files.py),
and what they refuse.
"""

import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from embedcnn import Input, Model, Sequential, layers, models

h5py = pytest.importorskip("h5py")

GOLDEN = Path(__file__).parents[1] / "golden" / "keras_files"
OUTPUTS = np.load(GOLDEN / "outputs.npz")
TEXTS = ["the cat sat", "the dog sat, and the cat!", "A bird"]
STORED = {"functional": 1e-6, "shared": 1e-6, "texts": 1e-6, "half": 2e-3}
"""Models, and how far from Keras's results: of half precision there, of float32 here."""


def given(name):
    found = [OUTPUTS[key] for key in OUTPUTS.files if key.startswith(f"{name}/in/")] or [TEXTS]
    return found if len(found) > 1 else found[0]


def check(model, name, tolerance=1e-6):
    found = model.predict(given(name), verbose=0)
    for key, value in (found if isinstance(found, dict) else {"out": found}).items():
        np.testing.assert_allclose(value, OUTPUTS[f"{name}/{key}"], atol=tolerance)


def unpacked(name, folder):
    path = folder / name
    path.write_bytes(gzip.decompress((GOLDEN / f"{name}.gz").read_bytes()))
    return path


@pytest.mark.parametrize("name", STORED)
def test_predicts_as_in_keras(name, tmp_path):
    model = models.load_keras(GOLDEN / f"{name}.keras")
    check(model, name, STORED[name])
    model.save(tmp_path / "model.embedcnn")
    check(models.load_model(tmp_path / "model.embedcnn"), name, STORED[name])


def test_older_files(tmp_path):
    check(models.load_keras(unpacked("functional.h5", tmp_path)), "functional")


def test_compiled_as_in_keras():
    model = models.load_keras(GOLDEN / "functional.keras")
    config = model.optimizer.get_config()
    assert (type(model.optimizer).__name__, config["clipnorm"]) == ("Adam", 1.0)
    assert config["learning_rate"]["class_name"] == "ExponentialDecay"
    assert model.metrics_names == ["loss", "accuracy", "auc"]
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    model.fit(given("functional"), np.eye(2)[[0, 1, 1, 0]], verbose=0)
    assert all(
        (weight.numpy() != old).any() for weight, old in zip(model.trainable_weights, before, strict=True)
    )
    assert models.load_keras(GOLDEN / "functional.keras", compile=False).optimizer is None


def test_structure():
    model = models.load_keras(GOLDEN / "shared.keras")
    assert (model.name, model.output_keys) == ("shared", ["score", "kind"])
    assert [layer.name for layer in model.layers if hasattr(layer, "layers")] == ["encoder"]
    texts = models.load_keras(GOLDEN / "texts.keras")
    assert isinstance(texts, Sequential) and texts.layers[0].get_vocabulary()[1:3] == ["[UNK]", "the"]


@pytest.mark.parametrize("name", ["functional.weights.h5", "functional.h5", "functional.keras"])
def test_weights_for_a_model_that_is_there(name, tmp_path):
    path = GOLDEN / name if name.endswith(".keras") else unpacked(name, tmp_path)
    model = models.load_keras(GOLDEN / "functional.keras")
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    model.load_weights(path)
    check(model, "functional")


def test_masks_end_where_keras_ends_them():
    """An Embedding whose mask nothing looks at has none; another's ends before a convolution."""
    model = models.load_keras(GOLDEN / "functional.keras")
    assert model.get_layer("embedding").mask_zero
    assert any(getattr(layer, "operation", "") == "all_steps" for layer in model.layers)


# -- refused -------------------------------------------------------------------------------------------------
def test_what_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"ConvLSTM1D \(moving\), Lambda \(doubled\)"):
        models.load_keras(GOLDEN / "unknown.keras")


def test_classes_of_the_user():
    class Doubled(layers.Layer):
        def call(self, x):
            return x * 2.0

    changed = edited("half.keras", lambda config: config["config"]["layers"].insert(1, own("Doubled")))
    with pytest.raises(ValueError, match=r"Doubled \(mine\)"):
        load(changed)
    model = load(changed, custom_objects={"Doubled": Doubled}, compile=False)
    assert type(model.layers[0]) is Doubled


def own(name):
    return {
        "module": "mine",
        "class_name": name,
        "config": {"name": "mine"},
        "registered_name": f"mine>{name}",
    }


def edited(name, change, weights=None):
    """The bytes of a stored file with another configuration."""
    with zipfile.ZipFile(GOLDEN / name) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    parts["config.json"] = json.dumps(config)
    if weights is not None:
        parts["model.weights.h5"] = weights
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for entry, part in parts.items():
            archive.writestr(entry, part)
    return made.getvalue()


def load(content, **options):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        return models.load_keras(path, **options)


def dense(config):
    return config["config"]["layers"][1]


def setting(**settings):
    return lambda config: dense(config)["config"].update(settings)


CHANGES = {
    "an argument": (setting(lora_rank=4), r"Dense \(dense\).*lora_rank"),
    "a value": (setting(units=-1), r"Dense \(dense\).*`units`"),
    "a function": (
        setting(activation={"module": "builtins", "class_name": "function", "config": "mine"}),
        "a function in Python, 'mine'",
    ),
    "a lambda": (
        setting(activation={"class_name": "__lambda__", "config": {"value": "aaaa"}}),
        "a function in Python",
    ),
    "an activation": (setting(activation="nothing"), "activation"),
    "an initializer": (
        setting(kernel_initializer={"module": "keras.initializers", "class_name": "Mine", "config": {}}),
        "kernel_initializer",
    ),
    "a policy": (setting(dtype="float64"), "dtype policy must be one of .*'float64'"),
    "a quantised layer": (
        setting(dtype={"class_name": "QuantizedDTypePolicy", "config": {"name": "int8"}}),
        "'int8'",
    ),
    "a quantisation": (
        setting(quantization_config={"block": 3}),
        "`quantization_config` must be False or None",
    ),
    "sparse inputs": (
        lambda config: config["config"]["layers"][0]["config"].update(sparse=True),
        "must be dense and not optional",
    ),
    "a class of models": (
        lambda config: config.update(class_name="MyModel"),
        "holds a MyModel, a class in Python",
    ),
    "other shapes": (
        setting(units=3),
        r"dense/kernel must have the shape \(5, 3\). Received: shape \(5, 4\)",
    ),
    "fewer weights": (setting(use_bias=False), "layer 'dense' has 1 weights"),
    "no layers": (lambda config: config["config"].pop("layers"), "holds a Sequential"),
    "no names": (lambda config: dense(config)["config"].pop("name"), "is damaged"),
    "an entry that is none": (lambda config: config["config"]["layers"].append(3), "do not exist here: 3"),
    "another optimizer": (
        lambda config: config["compile_config"]["optimizer"].update(class_name="Mine"),
        "load_keras.path, compile=False",
    ),
    "another loss": (lambda config: config["compile_config"].update(loss="mine"), "compile=False"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_configurations_that_are_refused(name):
    change, message = CHANGES[name]
    with pytest.raises(ValueError, match=message):
        load(edited("half.keras", change))


def test_graphs_that_are_refused():
    def into_the_void(config):
        config["config"]["output_layers"] = ["nobody", 0, 0]

    def in_a_circle(config):
        node = config["config"]["layers"][-1]["inbound_nodes"][0]
        node["args"][0]["config"]["keras_history"][0] = config["config"]["layers"][-1]["name"]

    def unknown_operation(config):
        entry = next(one for one in config["config"]["layers"] if one["class_name"] == "Maximum")
        entry["class_name"] = "Fft"

    for change, message in (
        (into_the_void, "is damaged: KeyError"),
        (in_a_circle, "the calls of .* cannot be joined"),
        (unknown_operation, r"the operation Fft \(maximum\)"),
    ):
        with pytest.raises(ValueError, match=message):
            load(edited("functional.keras", change))


def test_damaged_files(tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(FileNotFoundError, match="`path` must be a file of Keras"):
        models.load_keras(path)
    content = (GOLDEN / "half.keras").read_bytes()
    for damaged in (b"nothing", b"", content[:500], content[:-30], b"\x89HDF\r\n\x1a\n" + b"\0" * 100):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"model\.keras"):
            models.load_keras(path)
    random = np.random.default_rng(0)
    for _ in range(60):
        changed = bytearray(content)
        changed[random.integers(len(changed))] ^= 1 << random.integers(8)
        path.write_bytes(changed)
        try:
            models.load_keras(path)
        except ValueError as error:
            assert str(error)  # one of ours, that says something


def hdf5(fill):
    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        fill(file)
    return made.getvalue()


def test_links_and_data_elsewhere_are_not_followed(tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["kernel"] = np.ones((5, 4), np.float32)

    def linked(file):
        file["layers/dense/vars/1"] = np.zeros(4, np.float32)
        file["layers/dense/vars/0"] = h5py.ExternalLink(str(secret), "kernel")

    def elsewhere(file):
        file["layers/dense/vars/1"] = np.zeros(4, np.float32)
        file["layers"].create_dataset("dense/vars/0", (5, 4), "f4", external=[(str(secret), 0, 80)])
        for place, shape in enumerate([(4, 2), (2,)]):
            file[f"layers/dense_1/vars/{place}"] = np.zeros(shape, np.float32)

    for fill, message in (
        (linked, "is a link, which is not followed"),
        (elsewhere, "keeps its data in another file"),
    ):
        with pytest.raises(ValueError, match=message):
            load(edited("half.keras", lambda config: None, hdf5(fill)))


def test_a_bomb_is_refused():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * 50_000_000)
    with pytest.raises(ValueError, match="would need 50000000 bytes of memory"):
        load(made.getvalue())


def test_weights_that_do_not_fit(tmp_path):
    path = unpacked("functional.weights.h5", tmp_path)
    model = Sequential([Input((5,)), layers.Dense(4)])
    with pytest.raises(ValueError, match="must have the shape"):
        model.load_weights(path)
    with pytest.raises(ValueError, match="`skip_mismatch` is for files of embedcnn"):
        model.load_weights(path, skip_mismatch=True)
    with pytest.raises(ValueError, match="holds weights alone: build the model"):
        models.load_keras(path)
    with pytest.raises(ValueError, match=r"models.load_keras makes a model of a file of Keras"):
        models.load_model(GOLDEN / "half.keras")
    x = Input((5,))
    wider = Model(x, layers.Dense(2)(layers.Dense(7)(x)))
    kept = [weight.numpy().copy() for weight in wider.weights]
    with pytest.raises(ValueError, match="must have the shape"):
        wider.load_weights(GOLDEN / "half.keras")
    assert all((weight.numpy() == old).all() for weight, old in zip(wider.weights, kept, strict=True))


def test_a_file_of_ours_is_told_from_one_of_keras(tmp_path):
    Sequential([Input((3,)), layers.Dense(2)]).save(tmp_path / "m.embedcnn")
    with pytest.raises(ValueError, match="is a file of embedcnn, not of Keras: models.load_model reads it"):
        models.load_keras(tmp_path / "m.embedcnn")


def test_without_h5py(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install embedcnn\[keras\]"):
        models.load_keras(GOLDEN / "half.keras")
