"""Estimators fitted with wrong parameters: `fit` names the one that is wrong, as scikit-learn's do."""

from __future__ import annotations

import sys

import pytest
from wrong_values import Case, faults, pairs

from embedcnn import bags
from embedcnn import sklearn as estimators

TEXTS, Y = ["it purrs", "purrs all day", "it barks", "barks at night"] * 3, [0, 0, 1, 1] * 3
FILES = (FileNotFoundError,)


def fitted(estimator):
    return estimator.fit(TEXTS, Y)


SMALL = {"epochs": 1, "dimensions": 4, "filters": 4}
OTHERS = {"ngram_range": ("words",), "n_features": ("buckets",)}
CASES = {
    "TextCNNClassifier": Case(estimators.TextCNNClassifier, SMALL, fitted, errors=FILES),
    "TextRegressor": Case(estimators.TextRegressor, SMALL, fitted, errors=FILES),
    "BagClassifier": Case(bags.BagClassifier, {}, fitted),
    "Vectorizer": Case(bags.Vectorizer, {}, fitted, also=OTHERS),
}


@pytest.mark.parametrize(("case", "argument"), pairs(CASES))
def test_wrong_values_are_named(case, argument):
    assert not faults(case, argument)


def test_settings_of_early_stopping_are_checked_without_it():
    for wrong, message in (
        ({"patience": "x"}, "`patience` must be"),
        ({"validation_fraction": 2}, "in \\(0, 1\\)"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted(estimators.TextCNNClassifier(**SMALL, **wrong))


@pytest.mark.parametrize("case", ["TextCNNClassifier", "TextRegressor"])
def test_threads_are_asked_for_without_scikit_learn(case, monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(ImportError, match=r"n_jobs=-1 needs threadpoolctl: pip install '"):
        fitted(CASES[case].function(**SMALL, n_jobs=-1))
    assert not faults(CASES[case], "n_jobs")
