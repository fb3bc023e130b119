"""Sequences whose masks differ, and Masking behind other layers: as Keras."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.make_keras_masks import (
    FIRST,
    MASKINGS,
    MERGES,
    METRICS,
    SECOND,
    TARGETS,
    WEIGHTS,
    ZEROS,
    masking_data,
    masking_model,
    merge_data,
    merge_model,
    step_data,
    step_model,
)

import embedcnn
from embedcnn import layers

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "keras_masks.json").read_text())


def check(model, parts, x, golden, tables=()):
    """Outputs, losses and weights; of these tables all rows but the padding's."""
    np.testing.assert_allclose(model.predict(x, verbose=0).ravel(), golden["output"], rtol=1e-5, atol=1e-6)
    losses = [model.train_on_batch(x, np.array(TARGETS, np.float32)) for _ in golden["losses"]]
    np.testing.assert_allclose(losses, golden["losses"], rtol=1e-5)
    values = [value for part in parts for value in part.get_weights()]
    for number, (value, expected) in enumerate(zip(values, golden["weights"], strict=True)):
        first = 1 if number in tables else 0
        expected = np.reshape(expected, value.shape)
        np.testing.assert_allclose(value[first:], expected[first:], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", MERGES)
def test_masks_that_differ(name):
    kind, masks, _ = MERGES[name]
    tables = [number for number, mask in enumerate(masks) if mask and kind in ZEROS]
    check(*merge_model(embedcnn, name), merge_data(), GOLDEN[f"merge {name}"], tables)


@pytest.mark.parametrize("name", MASKINGS)
def test_masking(name):
    check(*masking_model(embedcnn, name), masking_data(name), GOLDEN[f"masking {name}"])


@pytest.mark.parametrize("kind", ["Add", "Multiply", "Concatenate"])
def test_ragged_texts_of_different_lengths(kind):
    """The same as padded ones, beside each other and beside a padded input."""
    first, second = [[3, 1, 5], [2], [], [4, 4, 4, 1]], [[1], [2, 3, 5, 6, 1], [2, 2], [1, 1, 1]]
    inputs = [embedcnn.Input((None,), dtype="int32") for _ in range(2)]
    merged = getattr(layers, kind)()([layers.Embedding(7, 3, mask_zero=True)(x) for x in inputs])
    model = embedcnn.Model(inputs, layers.LSTM(2, return_sequences=True)(merged), seed=1)
    pad = embedcnn.preprocessing.sequence.pad_sequences
    padded = [pad(rows, 5, padding="post") for rows in (first, second)]
    texts = [embedcnn.Ragged.from_sequences(rows) for rows in (first, second)]
    expected = model.predict(padded, verbose=0)
    for x in (texts, [texts[0], padded[1]], [padded[0], texts[1]]):
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_masking_behind_an_embedding():
    """Steps that are masked already stay masked; rows of the table that are zeros are masked, too."""
    tokens = embedcnn.Input((6,), dtype="int32")
    x = layers.Masking()(layers.Embedding(7, 3, mask_zero=True)(tokens))
    model = embedcnn.Model(tokens, layers.GlobalAveragePooling1D()(x), seed=1)
    table = model.get_weights()[0]
    table[2] = 0
    model.set_weights([table])
    for row, out in zip(FIRST + SECOND, model.predict(np.array(FIRST + SECOND), verbose=0), strict=True):
        kept = [table[i] for i in row if i not in (0, 2)]
        np.testing.assert_allclose(out, np.mean(kept, 0) if kept else np.zeros(3), rtol=1e-6)


@pytest.mark.parametrize("units", METRICS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_metrics_leave_masked_steps_out(units, weights):
    x, y, w = step_data(units, WEIGHTS[weights])
    model = step_model(embedcnn, units)
    logs = model.evaluate(x, y, 2, 0, w, return_dict=True)
    golden = GOLDEN[f"metrics {units} {weights}"]
    assert {k: v for k, v in logs.items() if k != "loss"} == pytest.approx(
        {k: v for k, v in golden.items() if k != "loss"}, rel=1e-5
    )


class Steps(embedcnn.metrics.Metric):
    """A metric written by a user: how much weight it was shown, of how many steps."""

    def reset_state(self):
        self.total, self.count = 0.0, 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        assert np.shape(sample_weight) == np.shape(y_pred)[:2] == np.shape(y_true)[:2]
        self.total += float(np.sum(sample_weight))
        self.count += int(np.sum(np.asarray(sample_weight) > 0))

    def result(self):
        return self.total


def right(y_true, y_pred):
    return y_true == y_pred.argmax(-1)


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_metrics_of_ragged_texts(batch_size):
    """Targets of one length for texts of different ones; what stands beyond a text does not count."""
    texts, rng = [[1, 2, 3], [4], [2, 2], [1, 1, 1, 3]], np.random.default_rng(0)
    steps = [len(text) for text in texts]
    tokens = embedcnn.Input((None,), dtype="int32")
    x = layers.LSTM(3, return_sequences=True)(layers.Embedding(6, 3)(tokens))
    model = embedcnn.Model(tokens, layers.Dense(3, activation="softmax")(x), seed=2)
    model.set_weights([3 * rng.normal(size=w.shape) for w in model.get_weights()])
    precision = embedcnn.metrics.Precision(thresholds=0.335, name="precision")
    recall = embedcnn.metrics.Recall(thresholds=0.335, name="recall")
    measures = [right, "accuracy", precision, recall, Steps(name="steps")]
    model.compile(
        "sgd", "sparse_categorical_crossentropy", metrics=measures, weighted_metrics=[Steps("weights")]
    )
    y, weight = rng.integers(0, 3, (4, 5)), rng.random((4, 5)).astype(np.float32)
    kept = np.arange(5) < np.array(steps)[:, None]
    ragged = embedcnn.Ragged.from_sequences(texts)
    truth = y[kept]
    predicted = np.concatenate([model.predict(np.array([text]), verbose=0)[0] for text in texts])
    one_hot = truth[:, None] == np.arange(3)
    above = predicted > 0.335
    accuracy = (truth == predicted.argmax(-1)).mean()
    expected = {
        "right": accuracy,
        "accuracy": accuracy,
        "precision": one_hot[above].mean(),
        "recall": above[one_hot].mean(),
        "steps": sum(steps),
        "weights": weight[kept].sum(),
    }
    for scale in (weight, rng.random(4).astype(np.float32)):
        expected["weights"] = (scale if scale.ndim == 2 else scale[:, None] * np.ones((4, 5)))[kept].sum()
        logs = model.evaluate(ragged, y, batch_size, 0, scale, return_dict=True)
        logs.pop("loss")
        assert logs == pytest.approx(expected, rel=1e-5)
    weights = model.get_weights()
    losses = model.train_on_batch(ragged, y, return_dict=True)
    model.set_weights(weights)
    padded = np.zeros((4, 5), np.int32)
    padded[kept] = np.concatenate(texts)
    assert losses["accuracy"] == pytest.approx(accuracy)
    nll = -np.log(predicted[np.arange(len(truth)), truth])
    assert losses["loss"] == pytest.approx(nll.mean(), rel=1e-5)


def test_targets_of_fewer_steps_than_the_texts():
    tokens = embedcnn.Input((None,), dtype="int32")
    x = layers.Embedding(6, 3, mask_zero=True)(tokens)
    model = embedcnn.Model(tokens, layers.Dense(3, activation="softmax")(x))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    with pytest.raises(ValueError, match="targets have 2 steps .* predictions have 3"):
        model.train_on_batch(np.array([[1, 2, 0]]), np.zeros((1, 2), int))


def test_functions_that_average_steps_by_themselves():
    """They see masked steps; values of examples count by the share of steps that are not masked."""
    tokens = embedcnn.Input((4,), dtype="int32")
    x = layers.Embedding(6, 1, mask_zero=True)(tokens)
    model = embedcnn.Model(tokens, x)

    def whole(y_true, y_pred):
        return np.mean(y_true)

    def rows(y_true, y_pred):
        return np.mean(y_true, axis=(1, 2))

    model.compile("sgd", "mse", metrics=[whole, rows])
    x, y = np.array([[1, 2, 0, 0], [1, 2, 3, 4]]), np.array([[[1]] * 4, [[4]] * 4], np.float32)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["whole"] == pytest.approx(2.5) and logs["rows"] == pytest.approx((1 * 0.5 + 4) / 1.5)
