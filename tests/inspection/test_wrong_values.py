"""What looks at predictions and models called with wrong values; a model in the place of labels above all."""

from __future__ import annotations

import numpy as np
import pytest
from wrong_values import Case, faults, pairs

import embedcnn
from embedcnn import inspection, layers

pytest.importorskip("matplotlib").use("agg")

Y, WRONG = np.array([0, 1, 1]), np.array([0, 1, 0])
P = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])


def model():
    return embedcnn.Sequential([embedcnn.Input((2,)), layers.Dense(1)])


LABELS = {"y_true": Y, "y_pred": WRONG}
CHANCES = {"y_true": Y, "probabilities": P}
OTHERS = {"probabilities": ("labels",)}
CASES = {
    "confusion_matrix": Case(inspection.confusion_matrix, LABELS, lists=("y_true", "y_pred")),
    "plot_confusion_matrix": Case(inspection.plot_confusion_matrix, LABELS, lists=("y_true", "y_pred")),
    "reliability_curve": Case(
        inspection.reliability_curve, CHANCES, lists=("y_true",), arrays=("probabilities",), also=OTHERS
    ),
    "plot_reliability": Case(
        inspection.plot_reliability, CHANCES, lists=("y_true",), arrays=("probabilities",), also=OTHERS
    ),
    "plot_precision_recall": Case(
        inspection.plot_precision_recall, CHANCES, lists=("y_true",), arrays=("probabilities",), also=OTHERS
    ),
    "precision_recall_curve": Case(
        inspection.precision_recall_curve, {"y_true": Y, "scores": P[:, 1]}, arrays=("y_true", "scores")
    ),
    "plot_history": Case(
        inspection.plot_history, {"history": {"loss": [1.0, 0.5]}}, also={"names": ("history",)}
    ),
    "plot_model": Case(inspection.plot_model, {"model": model()}),
}


@pytest.mark.parametrize(("case", "argument"), pairs(CASES))
def test_wrong_values_are_named(case, argument):
    case.run()
    assert not faults(case, argument)


def test_a_model_in_the_place_of_labels():
    with pytest.raises(
        TypeError, match=r"`y_true` must be a list of labels, as predict_labels\(texts\) gives"
    ):
        inspection.plot_confusion_matrix(model(), [[1.0, 2.0]], [0])
