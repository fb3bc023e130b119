"""Confusion, reliability, precision and recall: as scikit-learn has them, and as counted one by one."""

import numpy as np
import pytest

from embedcnn import inspection
from embedcnn.inspection.curves import known_labels, scores_by_label

GENERATOR = np.random.default_rng(5)
LABELS = ["cat", "dog", "cow"]
Y = GENERATOR.integers(0, 3, 200)
P = GENERATOR.dirichlet([0.6] * 3, 200).astype(np.float32)
NAMED = [LABELS[number] for number in Y]


def test_as_scikit_learn():
    theirs = pytest.importorskip("sklearn.metrics", reason="needs the extra sklearn")
    predicted = P.argmax(axis=1)
    np.testing.assert_array_equal(
        inspection.confusion_matrix(Y, predicted), theirs.confusion_matrix(Y, predicted)
    )
    named = [LABELS[number] for number in predicted]
    np.testing.assert_array_equal(
        inspection.confusion_matrix(NAMED, named, LABELS),
        theirs.confusion_matrix(NAMED, named, labels=LABELS),
    )
    scores = P[:, 1].round(1)  # with ties
    found = inspection.precision_recall_curve(Y == 1, scores)
    precision, recall, thresholds = theirs.precision_recall_curve(Y == 1, scores)
    np.testing.assert_allclose(found.precision, precision[-2::-1])
    np.testing.assert_allclose(found.recall, recall[-2::-1])
    np.testing.assert_allclose(found.thresholds, thresholds[::-1])
    assert found.average_precision == pytest.approx(theirs.average_precision_score(Y == 1, scores))


def test_reliability_counts_each_text_once():
    found = inspection.reliability_curve(NAMED, P, LABELS, bins=7)
    sure, right = P.max(axis=1).astype(np.float64), P.argmax(axis=1) == Y
    place = np.ceil(sure * 7) - 1
    rows = [(sure[place == n].mean(), right[place == n].mean(), (place == n).sum()) for n in np.unique(place)]
    np.testing.assert_allclose(np.stack(found[:3], axis=1), rows, rtol=1e-6)
    error = sum(abs(a - b) * n for a, b, n in rows) / len(Y)
    assert found.error == pytest.approx(error)
    assert found.texts.sum() == len(Y)


def test_two_labels_may_have_one_column():
    two, y = P[:, :1] * 0.9, Y == 0
    wanted = inspection.reliability_curve(y, np.hstack([1 - two, two]), [False, True])
    for given in (two, two[:, 0]):
        np.testing.assert_allclose(inspection.reliability_curve(y, given, [False, True])[1], wanted[1])


def test_scores_are_zero_where_there_is_nothing():
    precision, recall, f1 = scores_by_label(np.array([[2, 0, 0], [1, 0, 0], [0, 0, 0]]))
    assert (precision.tolist(), recall.tolist()) == ([2 / 3, 0, 0], [1, 0, 0])
    assert f1.tolist() == [pytest.approx(0.8), 0, 0]


def test_labels_of_several_kinds_are_sorted():
    assert known_labels(y_true=[2, 1], y_pred=np.array([1, 3])) == [1, 2, 3]
    assert known_labels(y_true=["b", 1], y_pred=["a"]) == [1, "a", "b"]


MISUSE = {
    "unknown": (lambda: inspection.confusion_matrix(["cow"], ["cat"], ["cat", "dog"]), "Received: 'cow'"),
    "lengths": (lambda: inspection.confusion_matrix(["cat"], []), "Received: 1 and 0"),
    "shape": (lambda: inspection.reliability_curve(Y, P[:, :2], LABELS), "Received: shape (200, 2)"),
    "few": (lambda: inspection.reliability_curve(NAMED[1:], P, LABELS), "Received: 199"),
    "bins": (lambda: inspection.reliability_curve(Y, P, bins=0), "bins=0"),
    "none": (lambda: inspection.precision_recall_curve([0, 0], [1, 2]), "`y_true` must hold a 1"),
    "scores": (lambda: inspection.precision_recall_curve([0, 1], [1]), "Received: 1"),
}


@pytest.mark.parametrize(("call", "message"), MISUSE.values(), ids=MISUSE)
def test_misuse_is_named(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert message in str(error.value)
