"""Files that earlier versions wrote are read for ever: the same predictions, and training goes on.

A folder for each version that changed a format; its files are never written again
(golden/make_saved_models.py).
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from golden.saved_models import backed_up, continued, loaded, predicted, written

import embedcnn
from embedcnn import models, vectors

FOLDERS = sorted((Path(__file__).parent / "golden").glob("saved_[0-9]*"))
LANGUAGE_MODELS = {"characters": embedcnn.CharLanguageModel, "words": embedcnn.WordLanguageModel}
CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # another instruction set may round sums differently,
TRAINED = {"rtol": 1e-3, "atol": 2e-4}  # and training widens that; a lost slot of an optimizer gives 2e-3


def expected_of(path):
    """{name: array}: what was stored for a file."""
    with np.load(path.parent / "expected.npz") as stored:
        return {key.split("/")[1]: stored[key] for key in stored.files if key.startswith(f"{path.stem}/")}


def arrays(expected, prefix):
    """The numbered arrays of that prefix, in order."""
    return [expected[key] for key in sorted(expected) if key.startswith(prefix)]


def same(found, expected, within):
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **within)


FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.embedcnn"))]
MODELS = [path for path in FILES if path.stem not in LANGUAGE_MODELS]
WRITERS = [path for path in FILES if path.stem in LANGUAGE_MODELS]


def named(path):
    return f"{path.parent.name}/{path.stem}"


def test_there_are_files_of_every_kind():
    assert len(MODELS) >= 14 and len(WRITERS) >= 2


@pytest.mark.parametrize("path", MODELS, ids=named)
def test_a_model_predicts_the_same_and_training_goes_on(path):
    expected, model = expected_of(path), loaded(path)
    x, y = arrays(expected, "x"), arrays(expected, "y")
    same(predicted(model, x), arrays(expected, "prediction"), CLOSE)
    within = TRAINED
    if (
        path.stem == "averaged"
    ):  # 0.1.0 forgot what untouched rows owe to their averages; no state at all: 2e-2
        within = {"rtol": 5e-3, "atol": 1e-3}
    same(continued(model, x, y if len(y) > 1 else y[0]), arrays(expected, "continued"), within)


@pytest.mark.parametrize("path", [path for path in MODELS if path.stem == "bag"], ids=named)
def test_a_ragged_batch_predicts_the_same(path):
    expected = expected_of(path)
    ragged = embedcnn.Ragged.from_sequences([row[row > 0] for row in expected["x0"]])
    same([loaded(path).predict(ragged, verbose=0)], arrays(expected, "prediction"), CLOSE)


@pytest.mark.parametrize("name", ["functional", "tokenizer", "classifier"])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_labels_of_texts(folder, name):
    model, expected = loaded(folder / f"{name}.embedcnn"), expected_of(folder / f"{name}.embedcnn")
    found = model.predict_labels(expected["x0"].tolist())
    assert found == [("cat", "dog")[row.argmax()] for row in expected["prediction0"]]


@pytest.mark.parametrize("path", WRITERS, ids=named)
def test_a_language_model_writes_the_same_and_training_goes_on(path):
    expected, writer = expected_of(path), LANGUAGE_MODELS[path.stem].load(path)
    found = written(writer)
    assert found["text"] == expected["text"]
    same([found["loss"], found["continued"]], [expected["loss"], expected["continued"]], TRAINED)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_weights_alone(folder):
    whole = models.load_model(folder / "sequential.embedcnn")
    other = models.clone_model(whole)
    other.load_weights(folder / "weights.safetensors")
    for one, weight in zip(other.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, weight)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_interrupted_training_goes_on(folder, tmp_path):
    expected = arrays(expected_of(folder / "interrupted.backup"), "weight")
    shutil.copy(folder / "interrupted.backup", tmp_path / "latest.backup")
    model, fit, batches = backed_up(tmp_path)
    fit()
    assert batches.seen == 8  # of 12: four were trained when the backup was written
    same(model.get_weights(), expected, TRAINED)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_cache_of_vectors(folder):
    found, expected = vectors.load(folder / "words.vectors"), expected_of(folder / "vectors.npz")
    assert found.index_to_key == expected["words"].tolist()
    np.testing.assert_array_equal(found.vectors, expected["matrix"])
    np.testing.assert_array_equal(found["猫"], expected["matrix"][4])
