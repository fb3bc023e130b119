"""grid_search: every combination on every fold, the best trained on all."""

import numpy as np
import pytest
from bags import reviews

from embedcnn.bags import BagClassifier
from embedcnn.sklearn import TextCNNClassifier, TextRegressor
from embedcnn.tuning import grid_search

TEXTS, LABELS = reviews.draw(60)


class Counting:
    """An estimator that says for each text what `answer` is, and keeps what it was given."""

    calls: list = []  # noqa: RUF012

    def __init__(self, answer="bad", note=0):
        self.answer, self.note = answer, note

    def get_params(self, deep=True):
        return {"answer": self.answer, "note": self.note}

    def fit(self, X, y):
        self.calls.append((self.answer, self.note, tuple(X)))
        return self

    def score(self, X, y):
        return float(np.mean([one == self.answer for one in y]))


def test_each_combination_sees_each_fold_once():
    Counting.calls.clear()
    y = ["bad"] * 20 + ["good"] * 40
    found = grid_search(Counting(), {"answer": ["bad", "good"], "note": [1, 2]}, TEXTS, y, folds=4)
    assert len(Counting.calls) == 4 * 4 + 1
    assert [cell.params["answer"] for cell in found.cells] == ["good", "good", "bad", "bad"]
    assert found.best_params == {"answer": "good", "note": 1}
    assert found.best_score == pytest.approx(2 / 3)  # each fold has its share of both classes
    assert all(score == pytest.approx(2 / 3) for score in found.cells[0].scores)
    assert Counting.calls[-1] == ("good", 1, tuple(TEXTS))
    lines = str(found).splitlines()
    assert lines[0].split() == ["score", "±", "error", "seconds", "answer", "note"] and len(lines) == 5


def test_the_best_is_a_fitted_estimator():
    grid = {"learning_rate": [1e-6, 0.03], "filters": [8]}
    estimator = TextCNNClassifier(kernel_sizes=(1, 2), dimensions=8, epochs=8, batch_size=10)
    found = grid_search(estimator, grid, np.array(TEXTS, object), np.array(LABELS))
    assert found.best_params["learning_rate"] == 0.03
    assert found.best.score(TEXTS[:-1], LABELS[:-1]) > 0.9
    again = grid_search(estimator, grid, TEXTS, LABELS)
    assert [cell.scores for cell in again.cells] == [cell.scores for cell in found.cells]
    assert estimator.filters == 100 and not hasattr(estimator, "model_")


def test_numbers_to_predict_have_folds_too():
    scores = np.array([len(text) + 0.5 for text in TEXTS])
    small = TextRegressor(kernel_sizes=1, filters=4, dimensions=4, epochs=2)
    found = grid_search(small, {"learning_rate": [1e-3, 1e-2]}, TEXTS, scores, folds=2)
    assert len(found.cells[0].scores) == 2


def test_a_score_that_is_no_number_is_the_worst():
    class Sometimes(Counting):
        def score(self, X, y):
            return float("nan") if self.answer == "bad" else 0.1

    found = grid_search(Sometimes(), {"answer": ["bad", "good"]}, TEXTS, LABELS)
    assert found.best_params == {"answer": "good"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": {}}, "`grid`"),
        ({"grid": [1]}, "`grid`"),
        ({"grid": {"wordz": [1]}}, "did you mean 'words'"),
        ({"grid": {"folds": []}}, "grid\\['folds'\\]"),
        ({"grid": {"folds": 3}}, "grid\\['folds'\\]"),
        ({"grid": {"tokenizer": "words"}}, "grid\\['tokenizer'\\]"),
        ({"folds": 1}, "`folds`"),
        ({"folds": 61}, "`folds`"),
        ({"seed": -1}, "`seed`"),
        ({"y": LABELS[:-1]}, "`y`"),
    ],
    ids=repr,
)
def test_misuse(options, message):
    given = {"grid": {"folds": [0]}, "X": TEXTS, "y": LABELS, **options}
    with pytest.raises(ValueError, match=message):
        grid_search(BagClassifier(), **given)
