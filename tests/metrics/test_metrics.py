"""Metrics: as Keras after several batches, alone and inside models; what they refuse."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.make_keras_metrics import CASES, batches
from keras_values import data, text_model, weights

import embedcnn
from embedcnn import layers, losses, metrics

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "keras_metrics.json").read_text())


def fed(name, key, metric=None):
    target, predicted, arguments = CASES[name]
    metric = metric or getattr(metrics, name.split()[0])(**arguments)
    for batch in batches():
        metric.update_state(batch[target], batch[predicted], batch["weight"] if key == "weighted" else None)
    return metric


@pytest.mark.parametrize("key", ["plain", "weighted"])
@pytest.mark.parametrize("name", CASES)
def test_as_keras(name, key):
    metric = fed(name, key)
    np.testing.assert_allclose(np.ravel(metric.result()), GOLDEN[name][key], rtol=2e-5, atol=1e-6)
    metric.reset_state()
    assert not np.any(metric.result()) or name.startswith("AUC")
    fed(name, key, metric)
    np.testing.assert_allclose(np.ravel(metric.result()), GOLDEN[name][key], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_configuration_and_state(name):
    metric = fed(name, "weighted")
    again = metrics.get(json.loads(json.dumps(metrics.serialize(metric))))
    assert again.get_config() == metric.get_config()
    again.set_state(metric.get_state())
    np.testing.assert_array_equal(again.result(), metric.result())
    fed(name, "weighted", metric)
    fed(name, "weighted", again)
    np.testing.assert_array_equal(again.result(), metric.result())


def test_one_batch_or_many():
    """Sums are float64: how examples are cut into batches does not matter."""
    parts = batches()
    for name, (target, predicted, arguments) in CASES.items():
        if "Hinge" in name:
            continue  # Keras reads 0 and 1 as signs batch by batch
        metric = getattr(metrics, name.split()[0])(**arguments)
        whole = {key: np.concatenate([part[key] for part in parts]) for key in (target, predicted, "weight")}
        metric.update_state(whole[target], whole[predicted], whole["weight"])
        np.testing.assert_allclose(metric.result(), fed(name, "weighted").result(), rtol=1e-9)


def test_confusion_matrix():
    truth, predicted = [0, 1, 1, 2], np.eye(3)[[0, 2, 1, 2]]
    matrix = metrics.ConfusionMatrix()
    np.testing.assert_array_equal(matrix(truth, predicted), [[1, 0, 0], [0, 1, 1], [0, 0, 1]])
    np.testing.assert_array_equal(
        metrics.ConfusionMatrix(3)(np.eye(3)[truth], predicted, [1, 2, 3, 4]),
        [[1, 0, 0], [0, 3, 2], [0, 0, 4]],
    )
    np.testing.assert_array_equal(
        metrics.ConfusionMatrix()([0, 1, 1], [[0.2], [0.7], [0.1]]), [[1, 0], [1, 1]]
    )


def test_class_numbers_count_as_one_hot():
    parts = batches()[0]
    for cls in (metrics.Precision, metrics.Recall, metrics.AUC, metrics.F1Score, metrics.TruePositives):
        np.testing.assert_allclose(cls()(parts["classes"], parts["q"]), cls()(parts["hot"], parts["q"]))


def test_in_a_model_each_epoch_anew():
    names = ["accuracy", "sparse_top_k_categorical_accuracy", "precision"]
    more = [
        metrics.AUC(),
        metrics.F1Score("macro"),
        metrics.F1Score(name="each"),
        "recall",
    ]
    model = text_model()
    model.set_weights(weights([w.shape for w in model.weights], 1))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[*names, *more])
    x, y = data(2)
    logs = model.evaluate(x, y, batch_size=5, return_dict=True, verbose=0)
    p = model.predict(x, verbose=0)
    hot = np.eye(3)[y]
    chosen = np.eye(3)[p.argmax(1)]
    f1 = [2 * (chosen * hot)[:, c].sum() / (chosen[:, c].sum() + hot[:, c].sum()) for c in range(3)]
    np.testing.assert_allclose(logs["each"], f1, rtol=1e-6)
    assert logs["f1_score"] == pytest.approx(np.mean(f1), rel=1e-6)
    assert logs["accuracy"] == pytest.approx((p.argmax(1) == y).mean())
    assert logs["precision"] == pytest.approx(((p > 0.5) * hot).sum() / max(1, (p > 0.5).sum()))
    assert logs["auc"] == pytest.approx(metrics.AUC()(hot, p))
    model.optimizer.learning_rate = 0.0
    history = model.fit(
        x, y, epochs=2, batch_size=5, validation_data=(x, y), verbose=2, shuffle=False
    ).history
    for name, values in history.items():
        np.testing.assert_allclose(values[0], logs[name.removeprefix("val_")], rtol=1e-9)
        np.testing.assert_array_equal(values[0], values[1])


def test_weighted_metrics_and_multi_label():
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(20, 4)), (rng.uniform(size=(20, 3)) > 0.5) * 1.0, rng.uniform(0.5, 2, 20)
    numbers = embedcnn.Input((4,))
    model = embedcnn.Model(numbers, layers.Dense(3, activation="sigmoid")(numbers))
    model.compile(
        "sgd",
        "binary_crossentropy",
        metrics=["accuracy", metrics.AUC(multi_label=True)],
        weighted_metrics=[metrics.Precision(class_id=1), "binary_accuracy"],
    )
    logs = model.evaluate(x, y, sample_weight=w, return_dict=True, verbose=0, batch_size=7)
    p = model.predict(x, verbose=0)
    assert logs["auc"] == pytest.approx(metrics.AUC(multi_label=True)(y, p))
    assert logs["precision"] == pytest.approx(metrics.Precision(class_id=1)(y, p, w))
    assert logs["binary_accuracy"] == pytest.approx((((p > 0.5) == y).mean(1) * w).sum() / w.sum())


def test_names_functions_and_files(tmp_path):
    for name, cls in metrics.NAMES.items():
        assert type(metrics.get(name)) is cls and metrics.get(name).name == name
        assert type(metrics.get(cls)) is type(metrics.get(cls.__name__)) is cls
    assert metrics.get("MSE").name == "MSE"
    assert isinstance(metrics.get(losses.FUNCTIONS["mean_absolute_error"]), metrics.MeanAbsoluteError)
    model = text_model()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metrics.F1Score("micro"), "AUC", "mape"])
    model.save(tmp_path / "m")
    again = embedcnn.models.load_model(tmp_path / "m")
    assert [metric.get_config() for metric in again.metrics] == [
        metric.get_config() for metric in model.metrics
    ]


def test_directions_decide_what_callbacks_call_better():
    model = text_model()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["f1_score", "false_positives", "kld"])
    for name, sign in (("val_f1_score", 1), ("false_positives", -1), ("val_kld", -1), ("val_loss", -1)):
        callback = embedcnn.callbacks.EarlyStopping(name)
        callback.model = model
        assert callback.sign() == sign


MISUSE = {
    "name": (lambda: metrics.get("f1_scores"), "did you mean 'f1_score'"),
    "empty name": (lambda: metrics.AUC(name=""), "`name` must be a non-empty string"),
    "threshold": (lambda: metrics.BinaryAccuracy(threshold=1.0), r"`threshold` must be a number in \(0, 1\)"),
    "k": (lambda: metrics.TopKCategoricalAccuracy(0), "`k` must be a positive integer. Received: k=0"),
    "thresholds": (lambda: metrics.Precision([0.5, 1.5]), r"`thresholds` must be numbers in \[0, 1\]"),
    "thresholds fall": (lambda: metrics.Recall([0.5, 0.2]), "`thresholds` must rise"),
    "top_k": (lambda: metrics.Precision(top_k=1.5), "`top_k` must be a positive integer"),
    "class_id": (lambda: metrics.Recall(class_id="spam"), "`class_id` must be an integer or None"),
    "class_id outside": (
        lambda: metrics.Recall(class_id=4)(np.zeros((2, 3)), np.zeros((2, 3))),
        r"`class_id`=4 is outside \[0, 3\)",
    ),
    "curve": (lambda: metrics.AUC(curve="ROG"), "curve='ROG' is unknown"),
    "summation_method": (lambda: metrics.AUC(summation_method="trapezoid"), "summation_method='trapezoid'"),
    "num_thresholds": (lambda: metrics.AUC(1), "`num_thresholds` must be an integer in \\[2, 1048576\\]"),
    "label_weights alone": (
        lambda: metrics.AUC(label_weights=[1.0]),
        "`label_weights` needs multi_label=True",
    ),
    "label_weights count": (
        lambda: metrics.AUC(multi_label=True, label_weights=[1.0])(np.zeros((2, 3)), np.zeros((2, 3))),
        "1 label_weights for 3 labels",
    ),
    "num_labels": (
        lambda: metrics.AUC(multi_label=True, num_labels=2)(np.zeros((2, 3)), np.zeros((2, 3))),
        "expected 2 labels, got 3",
    ),
    "average": (lambda: metrics.F1Score("mean"), "`average` must be None, 'micro', 'macro' or 'weighted'"),
    "beta": (lambda: metrics.FBetaScore(beta=0), "`beta` must be a finite number > 0. Received: beta=0"),
    "f threshold": (lambda: metrics.F1Score(threshold=1.5), r"`threshold` must be a number in \(0, 1\]"),
    "num_classes": (lambda: metrics.ConfusionMatrix(0), "`num_classes` must be a positive integer"),
    "class outside": (
        lambda: metrics.ConfusionMatrix(2)([0, 2], np.eye(2)),
        r"class 2 of y_true is outside \[0, 2\)",
    ),
    "shapes": (lambda: metrics.Precision()(np.zeros((2, 3)), np.zeros((2, 4))), "does not fit"),
    "weights": (lambda: metrics.Precision()([0, 1], [0.2, 0.7], [1.0]), "sample_weight has the shape"),
    "function": (lambda: metrics.serialize(metrics.get(lambda y, p: 0)), "cannot be stored in a file"),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse(name):
    call, message = MISUSE[name]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_metric_is_no_reduction():
    with pytest.raises(TypeError, match="no argument 'reduction'"):
        metrics.MeanSquaredError(reduction="sum")


def test_batches_wait_for_each_other_but_not_for_long():
    """Joined batches give what single ones give; large predictions do not pile up."""
    rng = np.random.default_rng(1)
    steps = embedcnn.Input((None, 4))
    model = embedcnn.Model(steps, layers.Dense(4, activation="softmax")(steps))
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    single = metrics.SparseCategoricalAccuracy()
    tally = model._compilation.settle().tally()
    waiting = 0
    for time in [30] * 12 + [20] * 3:
        x, y = rng.normal(size=(8, time, 4)), rng.integers(0, 4, (8, time))
        p = model.predict_on_batch(x)
        single.update_state(y, p)
        sums = ((0.0, 8.0 * time, 0.0, 8.0 * time),)
        assert tally.add(((0.0,), sums, (0,), [p], 0.0, None), [y], None, 8) == 8 * time
        waiting = max(waiting, sum(seen.outputs[0].size for seen in tally._waiting))
    assert 0 < waiting < 2**12
    glance = tally.glance()["accuracy"]
    assert tally.logs()["accuracy"] == pytest.approx(single.result()) and 0 < glance < 1
