"""Training that Keras began goes on here: the state of each optimizer in files of Keras
(tests/golden/make_keras_optimizers.py).
"""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

h5py = pytest.importorskip("h5py")

from embedcnn import models  # noqa: E402

GOLDEN = Path(__file__).parents[1] / "golden" / "keras_optimizers"
AFTER = np.load(GOLDEN / "after.npz")
NAMES = sorted(path.stem for path in GOLDEN.glob("*.keras"))


def trained(model, steps=2):
    for _ in range(steps):
        model.train_on_batch(AFTER["x"], AFTER["y"])
    return model.get_weights()


def check(weights, name):
    for place, one in enumerate(weights):
        np.testing.assert_allclose(one, AFTER[f"{name}/{place}"], rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_goes_on_as_in_keras(name):
    model = models.load_keras(GOLDEN / f"{name}.keras")
    assert model.optimizer.iterations == 3
    assert all(int(state.steps[0]) == 3 for state in model.optimizer.states.values())
    assert len(model.optimizer.states) == len(model.trainable_variables) == 8
    check(trained(model), name)


def test_the_older_format(tmp_path):
    path = tmp_path / "adam.h5"
    path.write_bytes(gzip.decompress((GOLDEN / "adam.h5.gz").read_bytes()))
    check(trained(models.load_keras(path)), "adam")


def test_the_learning_rate_is_that_of_the_training():
    assert models.load_keras(GOLDEN / "adam.keras").optimizer.learning_rate == pytest.approx(0.005)


def test_saved_here_it_goes_on_too(tmp_path):
    models.load_keras(GOLDEN / "nadam.keras").save(tmp_path / "m.embedcnn")
    check(trained(models.load_model(tmp_path / "m.embedcnn")), "nadam")


def changed(tmp_path, name, change):
    """A file whose optimizer is another."""
    path = tmp_path / "changed.keras"
    with zipfile.ZipFile(GOLDEN / f"{name}.keras") as archive:
        parts = {one: archive.read(one) for one in archive.namelist()}
    (tmp_path / "weights.h5").write_bytes(parts["model.weights.h5"])
    with h5py.File(tmp_path / "weights.h5", "a") as file:
        change(file["optimizer/vars"])
    parts["model.weights.h5"] = (tmp_path / "weights.h5").read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for one, content in parts.items():
            archive.writestr(one, content)
    return path


def test_another_state_begins_anew_and_says_so(tmp_path):
    def lacks_one(group):
        del group["9"]

    def of_another_shape(group):
        del group["3"]
        group["3"] = np.zeros((9, 9), np.float32)

    for change in (lacks_one, of_another_shape):
        path = changed(tmp_path, "adam", change)
        with pytest.warns(UserWarning, match="state of the optimizer has another form.*begins anew"):
            model = models.load_keras(path)
        assert not model.optimizer.states
        trained(model)


def test_an_optimizer_that_has_not_begun(tmp_path):
    def none(group):
        group["0"][...] = 0

    model = models.load_keras(changed(tmp_path, "adam", none))
    assert not model.optimizer.states


def test_compile_is_true_or_false(tmp_path):
    assert models.load_keras(GOLDEN / "adam.keras", compile=False).optimizer is None
    with pytest.raises(TypeError, match="`compile` must be True or False. Received: compile='x'"):
        models.load_keras(GOLDEN / "adam.keras", compile="x")
    models.load_keras(GOLDEN / "adam.keras").save(tmp_path / "m.embedcnn")
    with pytest.raises(TypeError, match="`compile` must be True or False. Received: compile='x'"):
        models.load_model(tmp_path / "m.embedcnn", compile="x")
