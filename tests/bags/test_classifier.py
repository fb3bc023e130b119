"""BagClassifier: what it learns, in every form of labels and weights, and scikit-learn's shape."""

import pickle

import numpy as np
import pytest
from bags import reviews

import embedcnn
from embedcnn import layers
from embedcnn.bags import BagClassifier, Part, ProductPart, averaged
from embedcnn.bags.tokenizers import token_spans
from embedcnn.models import load_model

TWO = ("bad", "good")
THREE = ("bad", "good", "mixed")
BOTH = [Part(), Part(weighting="naive_bayes", kinds=("words 1", "words 2"), cost=3)]
SETTINGS = {
    "default": {},
    "chars": {"chars": (3, 5)},
    "two parts": {"chars": (3, 4), "parts": BOTH},
    "hashed": {"buckets": 4096},
    "logistic": {"parts": Part(loss="logistic", cost=10)},
    "product": {"parts": ProductPart(epochs=20)},
    "product with vectors": {"parts": ProductPart(epochs=40, dim=4, learning_rate=0.3), "folds": 0},
    "convex and product": {"parts": [Part(), ProductPart(epochs=15), Part(weighting="naive_bayes")]},
    "balanced": {"class_weight": "balanced"},
    "no folds": {"folds": 0},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("labels", [TWO, THREE], ids=len)
def test_it_tells_labels_apart(settings, labels):
    texts, y = reviews.draw(240, labels)
    new, truth = reviews.draw(120, labels, seed=1)
    classifier = BagClassifier(**settings).fit(texts, y)
    assert classifier.classes_.tolist() == list(labels)
    assert classifier.score(new[:-1], truth[:-1]) > 0.95
    probabilities = classifier.predict_proba(new)
    assert probabilities.shape == (120, len(labels))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert classifier.predict(new).tolist() == [labels[i] for i in probabilities.argmax(axis=1)]
    assert classifier.predict(new).tolist() == classifier.model.predict_labels(new)


def test_one_part_of_two_classes_has_the_decisions_of_scikit_learn():
    svm = pytest.importorskip("sklearn.svm")
    feature_extraction = pytest.importorskip("sklearn.feature_extraction.text")
    texts, y = reviews.draw(200)
    ours = BagClassifier(folds=0).fit(texts, y)
    settings = {"ngram_range": (1, 2), "sublinear_tf": True, "token_pattern": None, "lowercase": False}
    vectorizer = feature_extraction.TfidfVectorizer(
        tokenizer=lambda text: token_spans(text, "words", True)[0], **settings
    )
    theirs = svm.LinearSVC(tol=1e-8, max_iter=100_000).fit(vectorizer.fit_transform(texts), y)
    wanted = theirs.decision_function(vectorizer.transform(texts))
    np.testing.assert_allclose(ours.decision_function(texts) / ours.slopes_[0], wanted, atol=0.03)


def test_margins_are_log_odds():
    texts, y = reviews.draw(150)
    classifier = BagClassifier().fit(texts, y)
    odds = 1 / (1 + np.exp(-classifier.decision_function(texts).astype(np.float64)))
    np.testing.assert_allclose(classifier.predict_proba(texts)[:, 1], odds, atol=1e-6)


def test_probabilities_fit_texts_that_were_not_trained_on():
    texts, y = reviews.draw(600, longest=10)
    rng = np.random.default_rng(0)
    wrong = rng.uniform(size=len(y)) < 0.2
    y = [("bad" if one == "good" else "good") if flip else one for one, flip in zip(y, wrong, strict=True)]
    classifier = BagClassifier().fit(texts, y)
    new, truth = reviews.draw(400, seed=5, longest=10)
    likely = classifier.predict_proba(new).max(axis=1)
    assert 0.6 < likely.mean() < 0.95  # a fifth of the labels is wrong
    assert classifier.score(new, truth) > 0.85


def test_the_same_bits_every_time_and_at_any_number_of_threads(threads):
    texts, y = reviews.draw(150, THREE)
    one = BagClassifier(chars=(3, 4), parts=BOTH).fit(texts, y)
    embedcnn.set_num_threads(1)
    other = BagClassifier(chars=(3, 4), parts=BOTH).fit(texts, y)
    np.testing.assert_array_equal(one.predict_proba(texts), other.predict_proba(texts))


def test_several_labels_a_text():
    texts, y = reviews.draw(240, THREE)
    several = [[one, "long"] if len(text) > 40 else [one] for text, one in zip(texts, y, strict=True)]
    several[3] = []
    classifier = BagClassifier().fit(texts, several)
    assert classifier.classes_.tolist() == ["bad", "good", "long", "mixed"]
    found = classifier.predict(texts).tolist()
    assert found == [sorted(one) for one in classifier.model.predict_labels(texts)]
    right = [set(one) >= {label} for one, label in zip(found, y, strict=True)]
    assert np.mean(right) > 0.95
    assert classifier.score(texts, several) == np.mean(
        [set(a) == set(b) for a, b in zip(found, several, strict=True)]
    )
    matrix = np.array([[name in row for name in classifier.classes_] for row in several], int)
    same = BagClassifier().fit(texts, matrix)
    np.testing.assert_array_equal(same.predict_proba(texts), classifier.predict_proba(texts))


def test_several_labels_with_a_product_form():
    texts, y = reviews.draw(240, THREE)
    several = [[one, "any"] for one in y]
    classifier = BagClassifier(parts=ProductPart(epochs=30, learning_rate=1)).fit(texts, several)
    assert classifier.score(texts[:-1], several[:-1]) > 0.9


def test_soft_labels():
    texts, y = reviews.draw(200, THREE)
    hard = np.array([[label == one for label in THREE] for one in y], np.float64)
    for classes, matrix in ((3, hard), (2, np.stack([1 - hard[:, 1], hard[:, 1]], axis=1))):
        sure = BagClassifier().fit(texts, matrix)
        unsure = BagClassifier().fit(texts, 0.7 * matrix + 0.3 / classes)
        assert (sure.predict(texts) == matrix.argmax(axis=1)).mean() > 0.95
        assert (unsure.predict(texts) == matrix.argmax(axis=1)).mean() > 0.95
        assert unsure.predict_proba(texts).max(axis=1).mean() < sure.predict_proba(texts).max(axis=1).mean()


def test_numbers_are_labels_too():
    texts, y = reviews.draw(90, THREE)
    numbers = [10 * THREE.index(label) - 5 for label in y]
    classifier = BagClassifier().fit(texts, numbers)
    assert classifier.classes_.tolist() == [-5, 5, 15]
    assert classifier.predict(texts).dtype.kind == "i"
    assert classifier.score(texts, numbers) > 0.9


def test_a_sample_weight_of_zero_leaves_a_text_out_of_the_loss():
    texts, y = reviews.draw(120)
    wrong = ["good" if label == "bad" else "bad" for label in y]
    weights = np.r_[np.ones(120), np.zeros(120)]
    classifier = BagClassifier(folds=0).fit(texts + texts, y + wrong, sample_weight=weights)
    assert classifier.score(texts[:-1], y[:-1]) > 0.95
    assert classifier.score(texts + texts, y + wrong, sample_weight=weights) > 0.95


def test_class_weights_move_decisions():
    texts, y = reviews.draw(200)
    noise = np.random.default_rng(0).permutation(y).tolist()
    counts = {
        weight: (
            BagClassifier(class_weight={"good": weight}, folds=0).fit(texts, noise).predict(texts) == "good"
        ).sum()
        for weight in (0.01, 1.0, 100.0)
    }
    assert counts[0.01] < counts[1.0] < counts[100.0]


@pytest.mark.parametrize(
    "parts", [None, ProductPart(epochs=10), [ProductPart(), Part()]], ids=["convex", "product", "both"]
)
def test_partial_fit_goes_on(parts):
    texts, y = reviews.draw(300)
    new, truth = reviews.draw(100, seed=3)
    classifier = BagClassifier(buckets=5000, parts=parts)
    for start in range(0, 300, 60):
        classifier.partial_fit(texts[start : start + 60], y[start : start + 60], classes=TWO)
    assert classifier.score(new[:-1], truth[:-1]) > 0.9
    before = classifier.decision_function(texts[:50])
    classifier.partial_fit(texts[:50], ["bad"] * 50)
    assert classifier.decision_function(texts[:50]).mean() < before.mean()


def test_partial_fit_after_fit_keeps_the_features():
    texts, y = reviews.draw(200)
    classifier = BagClassifier().fit(texts[:100], y[:100])
    size = classifier.model.get_layer("ngrams").features.size
    classifier.partial_fit(texts[100:], y[100:])
    assert classifier.model.get_layer("ngrams").features.size == size
    assert classifier.score(texts[:-1], y[:-1]) > 0.95


def test_the_model_in_a_file_and_a_pickled_classifier(tmp_path):
    texts, y = reviews.draw(100, THREE)
    classifier = BagClassifier(chars=(3, 3), parts=BOTH).fit(texts, y)
    classifier.save(tmp_path / "model.embedcnn")
    loaded = load_model(tmp_path / "model.embedcnn")
    np.testing.assert_array_equal(loaded.predict(texts, verbose=0), classifier.predict_proba(texts))
    assert loaded.labels == list(THREE)
    assert loaded.explain(texts[0]).margin == classifier.explain(texts[0]).margin
    with pytest.raises(FileExistsError):
        classifier.save(tmp_path / "model.embedcnn", overwrite=False)
    copy = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(copy.predict_proba(texts), classifier.predict_proba(texts))


def test_columns_of_pandas_and_arrays():
    pandas = pytest.importorskip("pandas")
    texts, y = reviews.draw(60)
    frame = pandas.DataFrame({"text": texts, "label": y})
    wanted = BagClassifier().fit(texts, y).predict_proba(texts)
    found = BagClassifier().fit(frame["text"], frame["label"]).predict_proba(frame["text"])
    np.testing.assert_array_equal(found, wanted)
    arrays = BagClassifier().fit(np.array(texts, object), np.array(y))
    np.testing.assert_array_equal(arrays.predict_proba(np.array(texts)), wanted)


def test_parameters():
    classifier = BagClassifier(words=(1, 3), folds=5)
    assert classifier.get_params()["folds"] == 5
    assert classifier.set_params(folds=0, seed=3) is classifier
    assert (classifier.folds, classifier.seed) == (0, 3)
    assert repr(classifier) == "BagClassifier(words=(1, 3), folds=0, seed=3)"


def test_scikit_learn_takes_it():
    base = pytest.importorskip("sklearn.base")
    selection = pytest.importorskip("sklearn.model_selection")
    texts, y = reviews.draw(90)
    scores = selection.cross_val_score(BagClassifier(), texts, y, cv=3)
    assert scores.min() > 0.7
    assert base.clone(BagClassifier(chars=(2, 3))).chars == (2, 3)
    search = selection.GridSearchCV(BagClassifier(folds=0), {"words": [(1, 1), (1, 2)]}, cv=2).fit(texts, y)
    assert search.best_estimator_.score(texts[:-1], y[:-1]) > 0.9


EMPTY = {
    "list": [],
    "array": np.array([]),
    "objects": np.array([], object),
    "column": np.empty((0, 1), object),
}


@pytest.mark.parametrize("nothing", EMPTY.values(), ids=EMPTY)
def test_no_texts_have_no_labels(nothing):
    texts, y = reviews.draw(60, THREE)
    classifier = BagClassifier(folds=0).fit(texts, y)
    assert classifier.predict(nothing).shape == (0,)
    assert classifier.predict(nothing).dtype == classifier.classes_.dtype
    assert classifier.predict_proba(nothing).shape == classifier.decision_function(nothing).shape == (0, 3)
    assert classifier.model.predict_labels(nothing) == []
    assert classifier.model.predict(nothing, verbose=0).shape == (0, 3)
    several = BagClassifier(folds=0).fit(texts, [[one, "any"] for one in y])
    assert several.predict(nothing).shape == (0,)


def indicators():
    texts, y = reviews.draw(120, THREE)
    return texts, np.array(
        [[label == one for label in THREE] + [len(text) > 40] for text, one in zip(texts, y, strict=True)]
    )


def test_a_matrix_of_labels_is_answered_by_one():
    texts, matrix = indicators()
    classifier = BagClassifier(folds=0).fit(texts, matrix)
    found = classifier.predict(texts)
    assert found.shape == matrix.shape and found.dtype.kind == "i"
    np.testing.assert_array_equal(found, classifier.predict_proba(texts) > 0.5)
    assert (found == matrix).mean() > 0.95
    assert classifier.predict([]).shape == (0, 4)
    rows = BagClassifier(folds=0).fit(texts, matrix.astype(int).tolist())
    np.testing.assert_array_equal(rows.predict(texts), found)
    on = BagClassifier(buckets=999).partial_fit(texts, matrix, classes=[*THREE, "long"])
    assert on.partial_fit(texts, matrix).predict(texts).shape == matrix.shape


def test_a_matrix_of_scipy():
    sparse = pytest.importorskip("scipy.sparse")
    texts, matrix = indicators()
    wanted = BagClassifier(folds=0).fit(texts, matrix)
    for made in (sparse.csr_matrix, sparse.coo_array):
        for dtype in (int, float):
            found = BagClassifier(folds=0).fit(texts, made(matrix.astype(dtype)))
            np.testing.assert_array_equal(found.predict(texts), wanted.predict(texts))
            assert found.score(texts, made(matrix.astype(dtype))) == wanted.score(texts, matrix)


def test_the_columns_of_a_table_name_the_labels():
    pandas = pytest.importorskip("pandas")
    texts, matrix = indicators()
    table = pandas.DataFrame(matrix.astype(int), columns=[*THREE, "long"])
    classifier = BagClassifier(folds=0).fit(texts, table)
    assert classifier.classes_.tolist() == [*THREE, "long"] == classifier.model.labels
    assert classifier.score(texts, table[["long", *THREE]]) == classifier.score(texts, table) > 0.9
    with pytest.raises(ValueError, match="must have the columns"):
        classifier.score(texts, table.rename(columns={"long": "short"}))
    assert BagClassifier(folds=0).fit(texts, pandas.DataFrame(matrix)).classes_.tolist() == [0, 1, 2, 3]


def test_one_column_of_labels():
    texts, y = reviews.draw(60)
    wanted = BagClassifier(folds=0).fit(texts, y).predict_proba(texts)
    for column in (np.array(y)[:, None], np.array(y, object)[:, None]):
        np.testing.assert_array_equal(BagClassifier(folds=0).fit(texts, column).predict_proba(texts), wanted)
    numbers = BagClassifier(folds=0).fit(texts, np.array([[one == "good"] for one in y], int))
    np.testing.assert_array_equal(numbers.predict_proba(texts), wanted)


def test_whole_floats_are_classes():
    texts, y = reviews.draw(60)
    floats = [2.0 if one == "good" else 1.0 for one in y]
    for labels in (floats, np.array(floats)):
        classifier = BagClassifier(folds=0).fit(texts, labels)
        assert classifier.classes_.tolist() == [1.0, 2.0] and classifier.predict(texts).dtype == np.float64
        assert classifier.score(texts, labels) > 0.9


def test_scores_of_scikit_learn_for_several_labels():
    selection = pytest.importorskip("sklearn.model_selection")
    texts, matrix = indicators()
    scores = selection.cross_val_score(
        BagClassifier(folds=0), texts, matrix.astype(int), scoring="f1_micro", cv=3
    )
    assert scores.min() > 0.8


@pytest.mark.parametrize("labels", [TWO, THREE], ids=len)
def test_what_it_goes_by(labels):
    texts, y = reviews.draw(240, labels)
    classifier = BagClassifier(parts=BOTH).fit(texts, y)
    weights = classifier.coef_
    names = classifier.model.get_layer("ngrams").features.get_feature_names_out()
    assert weights.shape == (1 if len(labels) == 2 else 3, len(names))
    found = classifier.top_features(5)
    assert list(found) == list(labels)
    rows = np.concatenate([-weights, weights]) if len(labels) == 2 else weights
    for label, row in zip(labels, rows, strict=True):
        assert [one.weight for one in found[label]] == np.sort(row)[::-1][:5].tolist()
        assert [one.name for one in found[label]] == [names[i] for i in np.argsort(-row, kind="stable")[:5]]


def test_weights_are_the_slopes_of_margins():
    texts, y = reviews.draw(100)
    classifier = BagClassifier(words=(1, 1), parts=Part(norm=False, sublinear=False), folds=0).fit(texts, y)
    name, weight = classifier.top_features(1)["good"][0]
    one, two = classifier.decision_function([name, f"{name} {name}"])
    assert two - one == pytest.approx(weight, rel=1e-4)


def test_a_mean_takes_classifiers():
    texts, y = reviews.draw(100)
    classifier = BagClassifier(folds=0).fit(texts, y)
    words = layers.TextVectorization(output_sequence_length=9)
    words.adapt(texts)
    network = embedcnn.Sequential(
        [words, layers.Embedding(99, 4), layers.Flatten(), layers.Dense(2, "softmax")]
    )
    network.predict(texts[:1], verbose=0)
    network.labels = list(TWO)
    mean = averaged([classifier, network])
    wanted = (classifier.predict_proba(texts) + network.predict(texts, verbose=0)) / 2
    np.testing.assert_allclose(mean.predict(texts, verbose=0), wanted, atol=1e-6)
