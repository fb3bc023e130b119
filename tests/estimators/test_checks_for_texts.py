"""What scikit-learn's checks ask of an estimator, asked with texts: of all estimators of embedcnn.sklearn."""

import copy
import inspect
import pickle

import numpy as np
import pytest
from bags import reviews

from embedcnn.sklearn import (
    BagClassifier,
    TextClassifier,
    TextCNNClassifier,
    TextEmbeddingVectorizer,
    TextLSTMClassifier,
    TextRegressor,
    Vectorizer,
)

TEXTS, LABELS = reviews.draw(60, ("bad", "good"))
SCORES = [{"bad": 1.0, "good": 4.0}[label] for label in LABELS]
VECTORS = {word: [float(i), 1.0] for i, word in enumerate([*reviews.GOOD, *reviews.BAD])}
SMALL = {"epochs": 8, "batch_size": 10, "learning_rate": 0.02, "dimensions": 8, "dropout": 0.2}
NETWORKS = {
    "cnn": TextCNNClassifier(filters=8, kernel_sizes=(1, 2), **SMALL),
    "lstm": TextLSTMClassifier(units=8, **SMALL),
}
CLASSIFIERS = {
    **NETWORKS,
    "recipe": TextClassifier(epochs=3),
    "linear": TextClassifier(networks=False),
    "bag": BagClassifier(),
}
REGRESSORS = {"regressor": TextRegressor(filters=8, kernel_sizes=1, **{**SMALL, "epochs": 30})}
PREDICTORS = {**CLASSIFIERS, **REGRESSORS}
TRANSFORMERS = {"vectors": TextEmbeddingVectorizer(VECTORS), "counts": Vectorizer()}
ALL = {**PREDICTORS, **TRANSFORMERS}


def of(estimators):
    """A parameter of a test: a new estimator for each name."""
    return pytest.mark.parametrize(
        "estimator", [pytest.param(name, id=name) for name in sorted(estimators)], indirect=True
    )


@pytest.fixture
def estimator(request):
    template = ALL[request.param]
    return type(template)(**template.get_params())


def target(estimator):
    return SCORES if isinstance(estimator, TextRegressor) else LABELS


def use(estimator, texts=TEXTS):
    """What a fitted estimator makes of texts, as an array."""
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(texts)
    if hasattr(estimator, "predict"):
        return estimator.predict(texts)
    return np.asarray(getattr(found := estimator.transform(texts), "toarray", lambda: found)())


def fit(estimator, texts=TEXTS, **options):
    y = [target(estimator)[TEXTS.index(text)] for text in texts]
    return estimator.fit(texts, y, **options)


def same(one, other):
    np.testing.assert_array_equal(use(one), use(other))


@pytest.fixture(autouse=True)
def scipy_for_counts(request):
    if "estimator" in request.fixturenames and request.node.callspec.params.get("estimator") == "counts":
        pytest.importorskip("scipy")


# -- parameters ----------------------------------------------------------------------------------------------
@of(set(ALL) - {"counts"})  # the Vectorizer of embedcnn.bags checks at once, and keeps what was given aside
def test_the_constructor_only_stores(estimator):
    marks = {name: object() for name in inspect.signature(type(estimator).__init__).parameters}
    del marks["self"]
    made = type(estimator)(**marks)
    assert vars(made) == marks
    assert made.get_params() == marks


@of(ALL)
def test_parameters_are_set_and_unknown_ones_named(estimator):
    same_params = type(estimator)().set_params(**estimator.get_params())
    assert repr(same_params) == repr(estimator)
    with pytest.raises(ValueError, match="epoch_count"):
        estimator.set_params(epoch_count=3)


@of(ALL)
def test_fit_returns_itself_and_changes_no_parameter(estimator):
    before = repr(estimator.get_params())
    texts, y = list(TEXTS), list(target(estimator))
    assert estimator.fit(texts, y) is estimator
    assert repr(estimator.get_params()) == before
    assert texts == TEXTS and y == target(estimator)


@of(set(ALL) - {"counts"})
def test_what_is_learnt_is_marked(estimator):
    before = set(vars(estimator))
    fit(estimator)
    learnt = set(vars(estimator)) - before
    assert learnt and all(name.startswith("_") or name.endswith("_") for name in learnt)


@of(ALL)
def test_prediction_changes_nothing(estimator):
    fit(estimator)
    before = set(vars(estimator))
    first = use(estimator)
    assert set(vars(estimator)) == before
    np.testing.assert_array_equal(use(estimator), first)


# -- training ------------------------------------------------------------------------------------------------
@of(ALL)
def test_the_same_bits_each_time_and_at_any_number_of_threads(estimator, threads):
    import embedcnn

    one = copy.deepcopy(fit(estimator))
    embedcnn.set_num_threads(1)
    same(one, fit(estimator))


@of(PREDICTORS)
def test_a_second_fit_forgets(estimator):
    texts, y = reviews.draw(40, ("bad", "mixed"), seed=7)
    estimator.fit(texts, SCORES[:40] if isinstance(estimator, TextRegressor) else y)
    fresh = type(estimator)(**estimator.get_params())
    same(fit(estimator), fit(fresh))


@of(PREDICTORS)
def test_it_learns(estimator):
    fit(estimator)
    assert estimator.score(TEXTS[:-1], target(estimator)[:-1]) > 0.9
    assert list(estimator.predict(TEXTS)[:0]) == []


@of(set(PREDICTORS) - {"bag"})
def test_weights_of_one_change_nothing(estimator):
    plain = copy.deepcopy(fit(estimator))
    same(plain, fit(estimator, sample_weight=np.ones(len(TEXTS))))


@of(set(PREDICTORS) - {"bag"})
def test_a_weight_of_zero_leaves_a_text_out(estimator):
    weights = np.ones(len(TEXTS))
    weights[::4] = 0
    weighted = copy.deepcopy(fit(estimator, sample_weight=weights))
    without = [text for text, weight in zip(TEXTS, weights, strict=True) if weight]
    y = [one for one, weight in zip(target(estimator), weights, strict=True) if weight]
    if isinstance(estimator, TextRegressor):  # y is scaled by all of it
        estimator.fit(without, y)
        np.testing.assert_allclose(use(weighted), use(estimator), atol=0.3)
    else:
        same(weighted, estimator.fit(without, y))


@of(PREDICTORS)
@pytest.mark.parametrize("wrong", [np.ones(3), np.ones((60, 2)), np.full(60, -1.0), np.full(60, np.nan)])
def test_wrong_weights_are_named(estimator, wrong):
    with pytest.raises(ValueError, match="sample_weight"):
        fit(estimator, sample_weight=wrong)


@of(PREDICTORS)
def test_weights_that_are_all_zero(estimator):
    with pytest.raises(ValueError, match="zero|weight"):
        fit(estimator, sample_weight=np.zeros(len(TEXTS)))


@of(ALL)
def test_random_numbers_of_others_stay(estimator):
    np.random.seed(3)  # noqa: NPY002 - what must not change
    wanted = np.random.random(3)  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    fit(estimator)
    np.testing.assert_array_equal(np.random.random(3), wanted)  # noqa: NPY002


# -- what stands in X and y ----------------------------------------------------------------------------------
@of(ALL)
def test_nothing_is_known_before_fit(estimator):
    with pytest.raises(ValueError, match="call fit"):
        use(estimator)


@of(ALL)
def test_texts_in_every_form(estimator):
    wanted = use(fit(estimator))
    for form in (tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, object), np.array(TEXTS, object)[:, None]):
        np.testing.assert_array_equal(use(estimator, form), wanted)
    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(use(estimator, pandas.Series(TEXTS, index=range(9, 69))), wanted)


@of(ALL)
def test_each_text_alone_and_in_another_order(estimator):
    wanted = use(fit(estimator))
    order = np.random.default_rng(0).permutation(len(TEXTS))
    np.testing.assert_allclose(use(estimator, [TEXTS[i] for i in order]), wanted[order], atol=1e-6)
    alone = np.concatenate([use(estimator, [text]) for text in TEXTS[:9]])
    np.testing.assert_allclose(alone, wanted[:9], atol=1e-6)


@of(ALL)
def test_no_texts_give_no_rows(estimator):
    found = use(fit(estimator), [])
    assert len(found) == 0 and found.shape[1:] == use(estimator).shape[1:]


@of(set(ALL) - {"counts"})  # the Vectorizer takes lists of tokens for texts
@pytest.mark.parametrize("wrong", ["a text", [1.0, 2.0], [["a", "b"], ["c", "d"]], 7], ids=repr)
def test_what_is_no_list_of_texts_is_refused(estimator, wrong):
    fit(estimator)
    with pytest.raises((TypeError, ValueError)):
        use(estimator, wrong)


@of(ALL)
def test_a_missing_text_is_named(estimator):
    with pytest.raises((TypeError, ValueError), match=r"\[1\]"):
        estimator.fit(["good", None, "bad"] * 4, (target(estimator) * 2)[:12])


@of(PREDICTORS)
def test_lengths_must_be_equal(estimator):
    with pytest.raises(ValueError, match="59|60"):
        estimator.fit(TEXTS, target(estimator)[:-1])


@of(PREDICTORS)
@pytest.mark.parametrize("wrong", [None, [None] * 60, [float("nan")] * 60, "labels"], ids=repr)
def test_wrong_targets(estimator, wrong):
    with pytest.raises((ValueError, TypeError), match="y"):
        estimator.fit(TEXTS, wrong)


# -- classes -------------------------------------------------------------------------------------------------
@of(CLASSIFIERS)
@pytest.mark.parametrize("names", [("bad", "good"), (3, 7), (False, True), (-1.0, 1.0)], ids=repr)
def test_labels_of_any_kind(estimator, names):
    y = np.array([names[label == "good"] for label in LABELS])
    estimator.fit(TEXTS, y)
    assert estimator.classes_.tolist() == sorted(names)
    assert set(estimator.predict(TEXTS).tolist()) <= set(names)
    assert estimator.predict(TEXTS).dtype == estimator.classes_.dtype


@of(CLASSIFIERS)
def test_probabilities(estimator):
    texts, y = reviews.draw(90, ("bad", "good", "mixed"))
    found = estimator.fit(texts, y).predict_proba(texts)
    assert found.shape == (90, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert estimator.predict(texts).tolist() == estimator.classes_[found.argmax(axis=1)].tolist()


@of(CLASSIFIERS)
def test_one_class_is_refused(estimator):
    with pytest.raises(ValueError, match="class"):
        estimator.fit(TEXTS, ["good"] * len(TEXTS))


@of(CLASSIFIERS)
def test_several_labels(estimator):
    lists = [
        [label, "long"] if len(text) > 40 else [label] for text, label in zip(TEXTS, LABELS, strict=True)
    ]
    lists[1] = []
    estimator.fit(TEXTS, lists)
    assert estimator.classes_.tolist() == ["bad", "good", "long"]
    assert isinstance(estimator.predict(TEXTS)[0], list)
    matrix = np.array([[name in row for name in estimator.classes_] for row in lists], int)
    found = copy.deepcopy(estimator).fit(TEXTS, matrix)
    np.testing.assert_array_equal(use(found), use(estimator))
    assert found.predict(TEXTS).shape == matrix.shape
    assert found.score(TEXTS, matrix) == estimator.score(TEXTS, lists)


@of(CLASSIFIERS)
def test_class_weights_move_decisions(estimator):
    noise = np.random.default_rng(0).permutation(LABELS)
    found = [
        (copy.deepcopy(estimator).set_params(class_weight=given).fit(TEXTS, noise).predict(TEXTS) == "good")
        for given in ({"good": 0.001}, {"good": 1000.0})
    ]
    assert found[0].sum() < found[1].sum()
    with pytest.raises(ValueError, match="excellent"):
        estimator.set_params(class_weight={"excellent": 2.0}).fit(TEXTS, LABELS)


@of(CLASSIFIERS)
def test_balanced_classes(estimator):
    few = [i for i, label in enumerate(LABELS) if label == "bad"] + [1, 3, 5]
    texts, y = [TEXTS[i] for i in few], [LABELS[i] for i in few]
    estimator.set_params(class_weight="balanced").fit(texts, y)
    assert set(estimator.predict(texts)) == {"bad", "good"}


# -- copies --------------------------------------------------------------------------------------------------
@of(ALL)
def test_copies_go_on_as_the_original(estimator):
    fit(estimator)
    for one in (pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator), copy.copy(estimator)):
        same(one, estimator)
        assert repr(one) == repr(estimator)


@of(PREDICTORS)
def test_a_copy_learns_on_as_the_original(estimator):
    if isinstance(estimator, (BagClassifier, TextClassifier)):
        pytest.skip("partial_fit goes on from hashed n-grams only")
    fit(estimator)
    one = pickle.loads(pickle.dumps(estimator))
    for each in (one, estimator):
        each.partial_fit(TEXTS, target(estimator))
    same(one, estimator)
