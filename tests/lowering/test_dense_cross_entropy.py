"""When a model's last layer and its loss become one operation, and that this changes nothing but the memory
it takes."""

import subprocess
import sys

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, losses, metrics
from embedcnn.lowering import rewrite

VOCABULARY = 3000


def language_model(loss=None, units=VOCABULARY, activation=None, seed=0, dense=None, **options):
    ids = embedcnn.Input((None,), dtype="int32")
    x = layers.Embedding(50, 6, mask_zero=True)(ids)
    x = layers.LSTM(8, return_sequences=True)(x)
    x = layers.Dense(units, activation=activation, **(dense or {}))(x)
    model = embedcnn.Model(ids, x, seed=seed)
    optimizer = embedcnn.optimizers.Adam(0.01, clipnorm=0.5)
    model.compile(optimizer, loss or losses.SparseCategoricalCrossentropy(from_logits=True), **options)
    return model


def names(model, training=True):
    return [operation.name for operation in model.lowered(training).operations]


def batch(units=VOCABULARY):
    rng = np.random.default_rng(0)
    ids, y = rng.integers(0, 50, (20, 12)), rng.integers(0, units, (20, 12))
    y[::2] = 0
    return ids, y


FUSED = ["lookup", "lstm", "dense_cross_entropy"]
LOGITS = {"loss": losses.SparseCategoricalCrossentropy(from_logits=True)}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": "softmax", "loss": "sparse_categorical_crossentropy"},
        {"metrics": ["accuracy"]},
        {"metrics": ["sparse_categorical_accuracy", metrics.Perplexity()]},
        {"loss": losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1), "metrics": ["acc"]},
        {"dense": {"use_bias": False, "kernel_constraint": "max_norm", "kernel_regularizer": "l2"}},
    ],
)
def test_what_becomes_one_operation(options):
    model = language_model(**options)
    assert names(model) == FUSED
    model.train_on_batch(*batch())
    model.evaluate(*batch(), verbose=0)
    assert names(model, training=False) == FUSED  # of evaluate
    assert model.predict(batch()[0], verbose=0).shape == (20, 12, VOCABULARY)


@pytest.mark.parametrize(
    "options",
    [
        {"units": 1000},
        {"activation": "softmax", **LOGITS},  # softmax twice, as the user says
        {"activation": "relu", **LOGITS},
        {"loss": "sparse_categorical_crossentropy"},  # probabilities from a linear layer
        {"loss": "mse"},
        {"metrics": [metrics.SparseTopKCategoricalAccuracy(3)]},
        {"weighted_metrics": ["accuracy"]},
        {"dense": {"activity_regularizer": "l2"}},
    ],
)
def test_what_takes_the_general_path(options):
    assert "dense_cross_entropy" not in names(language_model(**options))


def test_logits_that_others_read_too():
    x = embedcnn.Input((4,))
    logits = layers.Dense(VOCABULARY)(x)
    model = embedcnn.Model(x, [logits, layers.Dense(2)(logits)])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", [loss, loss])
    assert names(model) == ["dense", "dense", "cross_entropy", "cross_entropy"]


def test_one_output_of_two_has_metrics_that_look():
    """Its predictions are computed, those of the other are not."""
    rng = np.random.default_rng(1)
    x = embedcnn.Input((4,))
    model = embedcnn.Model(x, [layers.Dense(VOCABULARY)(x), layers.Dense(3)(x)], seed=0)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", [loss, loss], metrics=[["accuracy"], [metrics.SparseTopKCategoricalAccuracy(3)]])
    assert sorted(names(model)) == ["cross_entropy", "dense", "dense_cross_entropy"]
    inputs, y = rng.normal(size=(9, 4)), [rng.integers(0, VOCABULARY, 9), rng.integers(0, 3, 9)]
    logs = model.train_on_batch(inputs, y, return_dict=True)
    assert [value for name, value in logs.items() if "top_k" in name] == [1.0]


SETTINGS = {
    "logits": LOGITS,
    "softmax": {"activation": "softmax", "loss": "sparse_categorical_crossentropy"},
    "ignored": {"loss": losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)},
    "summed": {"loss": losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")},
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("units", [65, 1000, 5000])
@pytest.mark.parametrize("weighted", [False, True])
def test_training_is_the_same(monkeypatch, setting, units, weighted):
    """A batch of one tile: bit for bit. Masks of texts of different lengths; Adam, clipped."""
    ids, y = batch(units)
    weight = np.random.default_rng(2).random(y.shape) if weighted else None
    results, models = [], []
    for least in (1, 10**9):
        monkeypatch.setattr(rewrite, "MANY_CLASSES", least)
        ignored = 0 if setting == "ignored" else None
        perplexities = [metrics.Perplexity(mask_token_id=ignored) for _ in range(2)]
        options = {"metrics": ["accuracy", perplexities[0]], "weighted_metrics": perplexities[1:]}
        model = language_model(units=units, **options, **SETTINGS[setting])
        model.set_weights([0.1 * np.random.default_rng(3).normal(size=w.shape) for w in model.get_weights()])
        history = model.fit(ids, y, batch_size=7, epochs=2, verbose=0, sample_weight=weight).history
        found = [history, model.evaluate(ids, y, verbose=0), model.train_on_batch(ids, y), model.predict(ids)]
        results.append(found)
        models.append(model)
        assert names(model)[-1] == ("dense_cross_entropy" if least == 1 else "cross_entropy")
    np.testing.assert_equal(*results)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_accuracy_of_steps_is_that_of_numpy():
    """The core counts every unmasked step, as a metric that sees the predictions."""
    ids, y = batch()
    for loss in (LOGITS["loss"], losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)):
        model = language_model(loss, metrics=["accuracy"])
        model.set_weights([np.random.default_rng(4).normal(size=w.shape) for w in model.get_weights()])
        y[5:9] = model.predict(ids, verbose=0).argmax(-1)[5:9]
        expected = metrics.SparseCategoricalAccuracy()(y, model.predict(ids, verbose=0), ids != 0)
        assert 0.2 < expected < 0.9
        assert model.evaluate(ids, y, verbose=0)[1] == pytest.approx(expected, abs=1e-12)
        assert model.test_on_batch(ids, y)[1] == pytest.approx(expected, abs=1e-12)


def test_saved_and_loaded(tmp_path):
    model = language_model(metrics=["accuracy"])
    ids, y = batch()
    model.fit(ids, y, epochs=1, verbose=0)
    model.save(tmp_path / "model.embedcnn")
    loaded = embedcnn.models.load_model(tmp_path / "model.embedcnn")
    assert names(loaded) == FUSED
    assert loaded.evaluate(ids, y, verbose=0) == model.evaluate(ids, y, verbose=0)
    assert loaded.train_on_batch(ids, y) == model.train_on_batch(ids, y)


LARGE = """
import resource
import sys
import numpy as np
import embedcnn
from embedcnn import layers, losses
from embedcnn.lowering import rewrite

rewrite.MANY_CLASSES = int(sys.argv[1])
rng = np.random.default_rng(0)
model = embedcnn.Sequential(
    [embedcnn.Input((50,), dtype="int32"), layers.Embedding(100, 64),
     layers.LSTM(64, return_sequences=True), layers.Dense(50000)]
)
model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
ids, y = rng.integers(0, 100, (32, 50)), rng.integers(0, 50000, (32, 50))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(3):
    model.train_on_batch(ids, y)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
unit = 1 if sys.platform == "darwin" else 1024
print((after - before) * unit, model._programs.bound("train").core.workspace_bytes)
"""


@pytest.mark.slow
def test_memory_of_a_large_vocabulary():
    """The logits of 1,600 rows alone would be 320 MB, and their gradient as much."""
    pytest.importorskip("resource")
    logits = 32 * 50 * 50000 * 4
    ran = subprocess.run([sys.executable, "-c", LARGE, "2048"], capture_output=True, text=True, check=True)
    peak, workspace = map(int, ran.stdout.split())
    assert workspace < 0.45 * logits
    assert peak < 0.6 * logits
