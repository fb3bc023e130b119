"""The estimators in scikit-learn's tools: clone, searches in processes and threads, pipelines."""

import os
import warnings

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
)

base = pytest.importorskip("sklearn.base")
exceptions = pytest.importorskip("sklearn.exceptions")
model_selection = pytest.importorskip("sklearn.model_selection")
pipeline = pytest.importorskip("sklearn.pipeline")

TEXTS, LABELS = reviews.draw(60)
SMALL = {"epochs": 6, "batch_size": 10, "learning_rate": 0.03, "dimensions": 8}
CNN = TextCNNClassifier(filters=8, kernel_sizes=(1, 2), **SMALL)
CLASSIFIERS = [CNN, TextLSTMClassifier(units=8, **SMALL), TextClassifier(networks=False), BagClassifier()]
NAMES = ["cnn", "lstm", "recipe", "bag"]


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=NAMES)
def test_kinds_and_clones(estimator):
    fitted = base.clone(estimator).fit(TEXTS, LABELS)
    assert base.is_classifier(fitted) and not base.is_regressor(fitted)
    assert repr(base.clone(fitted)) == repr(estimator)
    with pytest.raises(exceptions.NotFittedError):
        base.clone(fitted).predict(TEXTS)
    with pytest.raises(exceptions.NotFittedError, match="call fit first"):
        base.clone(fitted).explain(TEXTS[0])
    why = fitted.explain(TEXTS[0])
    assert why.label == fitted.predict(TEXTS[:1])[0] and why.text == TEXTS[0] and len(why)
    assert base.is_regressor(TextRegressor())


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=NAMES)
def test_cross_validation(estimator):
    assert model_selection.cross_val_score(estimator, TEXTS, LABELS, cv=3).mean() > 0.8
    found = model_selection.cross_val_predict(estimator, TEXTS, LABELS, cv=3, method="predict_proba")
    assert found.shape == (60, 2)


def test_a_search_in_processes_and_threads_finds_the_same_bits():
    joblib = pytest.importorskip("joblib")
    grid = {"filters": [4, 8], "learning_rate": [0.001, 0.03]}

    def search(n_jobs):
        found = model_selection.GridSearchCV(CNN, grid, cv=2, n_jobs=n_jobs, scoring="neg_log_loss")
        return found.fit(TEXTS, LABELS).cv_results_["mean_test_score"]

    alone = search(None)
    assert len(set(alone)) == 4
    np.testing.assert_array_equal(search(2), alone)
    with joblib.parallel_config("threading"):
        np.testing.assert_array_equal(search(2), alone)


def workers_threads():
    """How many threads a step would have here."""
    import embedcnn

    return embedcnn.get_num_threads()


def test_workers_share_the_machine(monkeypatch):
    """joblib tells OpenMP in each worker its share of the CPUs, and the core asks OpenMP at each step."""
    joblib = pytest.importorskip("joblib")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    counts = joblib.Parallel(n_jobs=2)(joblib.delayed(workers_threads)() for _ in range(4))
    assert set(counts) == {max(1, len(os.sched_getaffinity(0)) // 2)}


@pytest.mark.parametrize("n_jobs", [1, 2, -1, -2])
def test_threads_of_an_estimator(n_jobs):
    import embedcnn
    from embedcnn.sklearn.surroundings import threads

    embedcnn.set_num_threads(0)
    before = embedcnn.get_num_threads()
    with threads(n_jobs):
        cpus = len(os.sched_getaffinity(0))
        assert embedcnn.get_num_threads() == {1: 1, 2: 2, -1: cpus, -2: max(1, cpus - 1)}[n_jobs]
    assert embedcnn.get_num_threads() == before
    wanted = CNN.fit(TEXTS, LABELS).predict_proba(TEXTS)
    found = base.clone(CNN).set_params(n_jobs=n_jobs).fit(TEXTS, LABELS).predict_proba(TEXTS)
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(ValueError, match="n_jobs=0"):
        base.clone(CNN).set_params(n_jobs=0).fit(TEXTS, LABELS)


def test_pipelines():
    linear = pytest.importorskip("sklearn.linear_model")
    vectors = {word: [float(i), 1.0, i % 2] for i, word in enumerate([*reviews.GOOD, *reviews.BAD])}
    steps = [("vectors", TextEmbeddingVectorizer(vectors)), ("linear", linear.LogisticRegression())]
    found = pipeline.Pipeline(steps).fit(TEXTS, LABELS)
    assert found.score(TEXTS[:-1], LABELS[:-1]) > 0.9
    assert found[:-1].get_feature_names_out().tolist() == [f"textembeddingvectorizer{i}" for i in range(3)]
    search = model_selection.GridSearchCV(found, {"vectors__norm": [None, "l2"]}, cv=2).fit(TEXTS, LABELS)
    assert search.best_score_ > 0.8
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    upper = preprocessing.FunctionTransformer(lambda texts: [text.upper() for text in texts])
    weighted = pipeline.make_pipeline(upper, base.clone(CNN))
    weighted.fit(TEXTS, LABELS, textcnnclassifier__sample_weight=np.ones(60))
    assert weighted.score(TEXTS[:-1], LABELS[:-1]) > 0.9


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=NAMES)
def test_calibration(estimator):
    calibration = pytest.importorskip("sklearn.calibration")
    found = calibration.CalibratedClassifierCV(estimator, cv=2).fit(np.array(TEXTS, object), LABELS)
    assert found.predict_proba(TEXTS).shape == (60, 2)
    assert found.score(TEXTS[:-1], LABELS[:-1]) > 0.8


def test_files_of_joblib(tmp_path):
    joblib = pytest.importorskip("joblib")
    for estimator in CLASSIFIERS:
        fitted = base.clone(estimator).fit(TEXTS, LABELS)
        joblib.dump(fitted, tmp_path / "fitted")
        found = joblib.load(tmp_path / "fitted")
        np.testing.assert_array_equal(found.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_voting_and_one_against_the_rest():
    ensemble, multiclass = (pytest.importorskip(f"sklearn.{name}") for name in ("ensemble", "multiclass"))
    voting = ensemble.VotingClassifier([("cnn", CNN), ("bag", BagClassifier())], voting="soft")
    assert voting.fit(TEXTS, LABELS).score(TEXTS[:-1], LABELS[:-1]) > 0.9
    texts, y = reviews.draw(60, ("bad", "good", "mixed"))
    rest = multiclass.OneVsRestClassifier(CNN).fit(np.array(texts, object), y)
    assert rest.predict_proba(texts).shape == (60, 3)


@pytest.mark.parametrize("estimator", [CNN, BagClassifier(folds=0)], ids=["network", "bag"])
def test_weights_are_routed(estimator):
    sklearn = pytest.importorskip("sklearn")
    weights = np.where(np.arange(60) % 3 == 0, 5.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        asking = base.clone(estimator).set_fit_request(sample_weight=True)
        found = pipeline.make_pipeline(base.clone(asking)).fit(TEXTS, LABELS, sample_weight=weights)
        wanted = base.clone(estimator).fit(TEXTS, LABELS, sample_weight=weights)
        np.testing.assert_array_equal(found.predict_proba(TEXTS), wanted.predict_proba(TEXTS))
        params = {"sample_weight": weights}
        refusing = (
            base.clone(estimator).set_fit_request(sample_weight=False).set_score_request(sample_weight=True)
        )
        assert len(model_selection.cross_validate(refusing, TEXTS, LABELS, cv=2, params=params)["test_score"])
        with pytest.raises(Exception, match="sample_weight"):
            pipeline.make_pipeline(base.clone(estimator)).fit(TEXTS, LABELS, sample_weight=weights)


def test_vectors_as_frames():
    pandas, sklearn = pytest.importorskip("pandas"), pytest.importorskip("sklearn")
    series = pandas.Series(["good fun", "bad"], index=[7, 3])
    vectorizer = TextEmbeddingVectorizer({"good": [1.0, 0.0], "bad": [0.0, 1.0]}).set_output(
        transform="pandas"
    )
    frame = base.clone(vectorizer).fit_transform(series)
    assert frame.index.tolist() == [7, 3] and frame.to_numpy().tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert frame.columns.tolist() == vectorizer.fit(series).get_feature_names_out().tolist()
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(
            TextEmbeddingVectorizer(vectorizer.vectors).fit_transform(["bad"]), pandas.DataFrame
        )
    with pytest.raises(ValueError, match="transform"):
        vectorizer.set_output(transform="csv")


def test_epochs_are_counted():
    network = base.clone(CNN).set_params(epochs=3).fit(TEXTS, LABELS)
    assert network.n_iter_ == 3
    assert network.partial_fit(TEXTS, LABELS).n_iter_ == 4 == len(network.history_["loss"])
    assert network.set_params(warm_start=True, epochs=2).fit(TEXTS, LABELS).n_iter_ == 6
    assert network.set_params(warm_start=False).fit(TEXTS, LABELS).n_iter_ == 2
    stopped = base.clone(CNN).set_params(epochs=60, early_stopping=True, patience=1, learning_rate=0.05)
    assert stopped.fit(TEXTS, LABELS).n_iter_ < 60


def test_a_batch_of_one_class_is_no_matter_to_what_has_learnt():
    network = base.clone(CNN).fit(TEXTS, LABELS)
    one = [text for text, label in zip(TEXTS, LABELS, strict=True) if label == LABELS[0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.partial_fit(one, [LABELS[0]] * len(one))
