"""Saved models and data sets that another process cuts short while they are mapped: an error that says so,
never the end of the process.
"""

import os
import pickle

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, models, vectors
from embedcnn.bags import BagClassifier, ProductPart
from embedcnn.base import arrays
from embedcnn.data import Dataset
from embedcnn.layers import bag_of_ngrams

TEXTS = ["it purrs all day", "it barks at night"] * 20
LABELS = ["cat", "dog"] * 20
CUT = "lies in a file that another process has cut short while it was mapped: 4096 bytes are left"


@pytest.fixture(autouse=True)
def _small_files_are_mapped(monkeypatch):
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 1000)
    monkeypatch.setattr(bag_of_ngrams, "MAPPED_BYTES", 1000)


def network(path, **table):
    encoder = embedcnn.text.TextEncoder()
    encoder.adapt([*TEXTS, " ".join(f"w{number}" for number in range(3000))])
    words = embedcnn.Input((None,), dtype="int32")
    x = layers.Embedding(encoder.vocabulary_size(), 16, **table)(words)
    model = embedcnn.Model(words, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling1D()(x)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.text_encoder, model.labels = encoder, ["cat", "dog"]
    model.save(path)


def hashed(path):
    parts = ProductPart()
    BagClassifier(words=(1, 2), buckets=1 << 15, parts=parts, folds=0).fit(TEXTS, LABELS).save(path)


def counted(path):
    long = [f"{text} " + " ".join(f"w{i}x{j}" for j in range(40)) for i, text in enumerate(TEXTS)]
    BagClassifier(words=(1, 2)).fit(long, LABELS).save(path)


MADE = {
    "network": network,
    "halves": lambda path: network(path, storage_dtype="float16"),
    "bytes": lambda path: network(path, storage_dtype="int8"),
    "hashed": hashed,
    "counted": counted,
}
QUESTIONS = {
    "predict": lambda model, path: model.predict_labels(["w2999 barks", "it barks"]),
    "explain": lambda model, path: model.explain("it barks w39x39 w2999"),
    "weights": lambda model, path: [weight.sum() for weight in model.get_weights()],
    "state": lambda model, path: [np.asarray(value).sum() for value in model.state_dict().values()],
    "save": lambda model, path: model.save(f"{path}2"),
    "pickle": lambda model, path: pickle.dumps(model),
}
OF_NETWORKS = {
    "step": lambda model, path: model.train_on_batch(["w2999 barks"] * 2, [0, 1]),
    "fit": lambda model, path: model.fit(["w2999 barks"] * 2, [0, 1], verbose=0),
    "evaluate": lambda model, path: model.evaluate(["w2999 barks"] * 2, [0, 1], verbose=0),
    "call": lambda model, path: model(model.text_encoder(["w2999 barks"])),
    "convert": lambda model, path: model.convert_tables("bfloat16"),
}


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("name", [*QUESTIONS, *OF_NETWORKS])
def test_each_question_is_an_error(tmp_path, kind, name):
    if name in OF_NETWORKS and kind not in ("network", "halves"):
        pytest.skip("no network that learns")
    path = tmp_path / "model"
    MADE[kind](path)
    question = {**QUESTIONS, **OF_NETWORKS}[name]
    question(models.load_model(path), path)
    model = models.load_model(path)
    os.truncate(path, 4096)
    with pytest.raises(ValueError, match=CUT):
        question(model, path)


def test_a_program_that_runs_already_looks_again(tmp_path):
    path = tmp_path / "model"
    network(path)
    model = models.load_model(path)
    assert len(model.predict_labels(["it barks"])) == 1
    os.truncate(path, 4096)
    with pytest.raises(ValueError, match=CUT):
        model.predict_labels(["w2999"])


def test_features_alone_are_mapped(tmp_path, monkeypatch):
    path = tmp_path / "model"
    counted(path)
    monkeypatch.setattr(bag_of_ngrams, "MAPPED_BYTES", 1 << 40)
    model = models.load_model(path)
    os.truncate(path, 4096)
    with pytest.raises(ValueError, match=CUT):
        model.predict_labels(["it barks"])
    with pytest.raises(ValueError, match=CUT):
        model.layers[1].features.get_feature_names_out()


def test_another_file_of_the_name_does_no_harm(tmp_path):
    path = tmp_path / "model"
    network(path)
    model, again = models.load_model(path), models.load_model(path)
    expected = model.predict(["w2999 barks"], verbose=0)
    again.set_weights([weight * 0 for weight in again.get_weights()])
    again.save(path)
    np.testing.assert_array_equal(model.predict(["w2999 barks"], verbose=0), expected)


def test_tables_over_mapped_vectors(tmp_path):
    words = [f"w{number}" for number in range(3000)]
    table = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
    vectors.WordVectors(words, table).save(tmp_path / "cache")
    np.save(tmp_path / "matrix.npy", table)
    for path, mapped in (
        (tmp_path / "cache", vectors.load(tmp_path / "cache").vectors),
        (tmp_path / "matrix.npy", np.load(tmp_path / "matrix.npy", mmap_mode="r")),
    ):
        layer = layers.Embedding.from_pretrained(mapped)
        model = embedcnn.Sequential([embedcnn.Input((None,), dtype="int32"), layer])
        model.predict(np.array([[2999]]), verbose=0)
        os.truncate(path, 4096)
        with pytest.raises(ValueError, match=CUT):
            model.predict(np.array([[2999]]), verbose=0)


def test_elements_of_a_data_set(tmp_path):
    path = tmp_path / "cached"
    numbers = np.arange(40_000.0).reshape(40, 1000)
    assert len(list(Dataset.from_tensor_slices(numbers).cache(str(path)))) == 40
    elements = iter(Dataset.from_tensor_slices(numbers).cache(str(path)))
    next(elements)
    os.truncate(path, 4096)
    with pytest.raises(ValueError, match="element [0-9]+ of .*cached " + CUT):
        list(elements)
