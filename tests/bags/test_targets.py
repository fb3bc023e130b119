"""Labels on their way to the solvers: a class number where there are many classes, never a matrix of it."""

import numpy as np
import pytest
from bags.drawn_bags import draw

import embedcnn
from embedcnn.bags import Part, dual_descent, product_form, targets
from embedcnn.bags.calibration import slope
from embedcnn.bags.targets import checked_targets

CLASSES = 5


def one_hot(y):
    return np.eye(CLASSES, dtype=np.float32)[y]


def test_many_classes_stay_numbers():
    numbers, count = checked_targets(np.arange(3000) % 2000, 3000).core
    assert (numbers.dtype, numbers.shape, count) == (np.int32, (3000,), 2000)
    assert checked_targets([0, 1, 1], 3).core.tolist() == [[0], [1], [1]]


@pytest.mark.parametrize("part", [Part(), Part(weighting="naive_bayes", loss="logistic")])
def test_class_numbers_are_columns_of_zeros_and_ones(part):
    bags, y = draw(60, classes=CLASSES)
    folds = np.arange(60) % 3
    [model], [other] = (dual_descent(bags, of, part, folds=folds) for of in (y, one_hot(y)))
    for name in ("weights", "bias", "scale", "out_of_fold"):
        np.testing.assert_array_equal(getattr(model, name), getattr(other, name))


@pytest.mark.parametrize("loss", ["softmax", "one_vs_all"])
@pytest.mark.parametrize("dim", [None, 3])
def test_steps_of_class_numbers_are_those_of_columns(loss, dim, monkeypatch):
    monkeypatch.setattr(targets, "BLOCK", 4 * CLASSES)  # what is measured, four documents at a time
    bags, y = draw(60, classes=CLASSES)
    model, other = (
        product_form(bags, of, dim=dim, loss=loss, epochs=2, validation_data=(bags, of))
        for of in (y, one_hot(y))
    )
    np.testing.assert_array_equal(model.rows, other.rows)
    np.testing.assert_array_equal(model.output, other.output)
    assert model.history == other.history
    margins = model.decision_function(bags).astype(float)
    right = margins.argmax(1) == y if loss == "softmax" else (margins > 0) == one_hot(y)
    assert model.history["val_accuracy"][-1] == right.mean()


def test_slope_of_class_numbers(monkeypatch):
    rng = np.random.default_rng(3)
    margins, y = rng.normal(size=(40, CLASSES)), rng.integers(0, CLASSES, 40)
    weights = rng.uniform(1, 2, 40)
    wanted = slope(margins, one_hot(y), weights)
    assert slope(margins, y, weights) == wanted
    monkeypatch.setattr(targets, "BLOCK", 7 * CLASSES)
    assert slope(margins, y, weights) == pytest.approx(wanted, rel=1e-9)
    with pytest.raises(ValueError, match=r"classes in \[0, 5\). Received: 0 to 5"):
        slope(margins, np.arange(40) % 6)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ((np.array([0, 2, 1], np.int32), 2), ValueError, r"targets\[1\] = 2 is outside \[0, 2\)"),
        ((np.array([0, -1, 1], np.int32), 2), ValueError, r"targets\[1\] = -1 is outside"),
        (
            (np.array([0, 1], np.int32), 2),
            ValueError,
            "a row for each of the 3 documents, not 2 of 2 classes",
        ),
        ((np.array([0, 1, 1]), 2), TypeError, "dtype int32"),
        ((np.zeros(3, np.int32),), TypeError, "targets"),
        ((np.zeros(3, np.int32), -1), ValueError, "3 of -1 classes"),
        (np.zeros((2, 2), np.float32), ValueError, "a row for each of the 3 documents"),
    ],
)
def test_the_core_checks_targets(given, error, message):
    bags = embedcnn._core.bag_documents(np.arange(4), np.zeros(3, np.int32), np.ones(3, np.float32), 1)
    with pytest.raises(error, match=message):
        embedcnn._core.dual_descent(bags, given, None, None, 0, [])
