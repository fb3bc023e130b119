"""Metrics called with wrong values: targets, predictions and weights of wrong kinds and shapes."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from wrong_values import Case, faults, pairs

from embedcnn import metrics

Y, P, CLASSES = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.6, 0.4], [0.3, 0.7]]), np.array([0, 1])
GIVEN = {
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
OF_FUNCTIONS = ("Metric", "FunctionMetric", "MeanMetricWrapper", "LossMetric")


def counted(y):
    return lambda metric: (metric.update_state(y, P), metric.result())


def cases():
    """Each metric: its constructor, and what it counts."""
    for name in metrics.__all__:
        one = getattr(metrics, name)
        if not (inspect.isclass(one) and issubclass(one, metrics.Metric)) or name in OF_FUNCTIONS:
            continue
        given = GIVEN.get(name, {})
        if name in ("Mean", "Sum"):
            update = one().update_state
            yield f"{name}.update", Case(update, {"values": 3.0}, arrays=("values", "sample_weight"))
            continue
        y = CLASSES if "Sparse" in name or name in ("Perplexity", "BitsPerCharacter") else Y
        also = {"mask_token_id": ("ignore_class",)}
        yield name, Case(one, given, counted(y), also=also, allowed={"name": (None,)})
        data = {"y_true": y, "y_pred": P}
        yield (
            f"{name}.update",
            Case(one(**given).update_state, data, arrays=("y_true", "y_pred", "sample_weight")),
        )


@pytest.mark.parametrize(("case", "argument"), pairs(dict(cases())))
def test_wrong_values_are_named(case, argument):
    case.run()
    assert not faults(case, argument)


def test_classes_outside_and_numbers_alone():
    for metric in (metrics.SparseTopKCategoricalAccuracy(), metrics.ConfusionMatrix()):
        with pytest.raises(ValueError, match=r"class 2 .*is outside \[0, 2\)|y_true: class 2 is outside"):
            metric([0, 2], P)
    for metric in (metrics.CategoricalAccuracy(), metrics.AUC(), metrics.ConfusionMatrix()):
        with pytest.raises(ValueError, match="y_pred must have rows"):
            metric(1.0, 0.5)


def test_a_function_of_ones_own_reads_what_it_likes():
    same = metrics.FunctionMetric(lambda y, p: (y == p).astype(float))
    same.update_state(np.array(["a", "b"]), np.array(["a", "c"]))
    assert same.result() == 0.5
