"""scikit-learn's own checks of estimators (check_estimator), over those here that read matrices of token ids.

The checks cannot make texts (scikit-learn issue 12491); test_checks_for_texts.py has theirs.
"""

import pytest

import embedcnn
from embedcnn.sklearn import TextCNNClassifier, TextLSTMClassifier, TextRegressor

pytest.importorskip("sklearn.base")
pytest.importorskip("sklearn", minversion="1.6")
checks = pytest.importorskip("sklearn.utils.estimator_checks")
SMALL = {"input": "ids", "epochs": 60, "batch_size": 16, "learning_rate": 0.01, "dimensions": 16}
FRACTIONS = (
    "draws fractions, although the tags say that X is categorical: they are no ids, and rounding them "
    "would hide mistakes; test_checks_for_texts.py has this check for texts"
)
OF_WEIGHTS = {"check_sample_weight_equivalence_on_dense_data": FRACTIONS}
OF_CLASSES = {
    **OF_WEIGHTS,
    "check_class_weight_classifiers": FRACTIONS,
    "check_classifiers_one_label_sample_weights": FRACTIONS,
}
ESTIMATORS = [
    (TextCNNClassifier(filters=16, kernel_sizes=(1, 2), **SMALL), OF_CLASSES),
    (TextLSTMClassifier(units=16, **SMALL), OF_CLASSES),
    (TextRegressor(filters=16, kernel_sizes=(1, 2), dropout=0.0, **SMALL), OF_WEIGHTS),
]


@pytest.mark.parametrize(("estimator", "expected"), ESTIMATORS, ids=lambda one: type(one).__name__)
@pytest.mark.filterwarnings("ignore")
def test_all_checks_but_those_with_a_reason(estimator, expected):
    embedcnn.set_num_threads(1)  # thousands of tiny steps
    found = checks.check_estimator(estimator, on_skip=None, on_fail=None)
    embedcnn.set_num_threads(0)
    failed = {one["check_name"]: str(one["exception"]) for one in found if one["status"] == "failed"}
    assert set(failed) == set(expected), failed
    assert sum(one["status"] == "passed" for one in found) >= 55
