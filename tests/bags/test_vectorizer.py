"""Vectorizer against scikit-learn's vectorizers, given the same tokens."""

import pickle

import numpy as np
import pytest

from embedcnn.bags import BagClassifier, Vectorizer

text = pytest.importorskip("sklearn.feature_extraction.text")

TOKEN = r"\w+|[^\w\s]"
WORDS = ["film", "good", "bad", "the", "a", "of", "not", "never", "!", ",", "it's", "Great", "plot", "x"]


def drawn_texts(seed=0, count=60):
    generator = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(WORDS) + 1)
    sizes = generator.integers(1, 40, count)
    return [" ".join(generator.choice(WORDS, size, p=weights / weights.sum())) for size in sizes]


TEXTS = drawn_texts()
FURTHER = [*drawn_texts(1, 20), "", "words that nobody knows"]


def in_our_order(theirs, vectorizer, matrix):
    return matrix.toarray()[:, [theirs.vocabulary_[name] for name in vectorizer.get_feature_names_out()]]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sublinear_tf": True},
        {"use_idf": False},
        {"smooth_idf": False},
        {"norm": "l1"},
        {"norm": None, "sublinear_tf": True},
        {"binary": True},
        {"ngram_range": (2, 3)},
        {"ngram_range": (1, 1), "lowercase": False},
        {"min_df": 3},
        {"min_df": 0.05, "max_df": 0.5},
        {"max_df": 20},
        {"min_df": 2, "max_features": 41},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tfidf_is_that_of_scikit_learn(options, dtype):
    vectorizer = Vectorizer(**options, dtype=dtype)
    ours = vectorizer.fit_transform(TEXTS)
    options = {"ngram_range": (1, 2), **options}
    if "max_features" in options:  # ties are broken in another way: take what we have chosen
        chosen = vectorizer.get_feature_names_out().tolist()
        options = {"vocabulary": chosen, "ngram_range": (1, 2)}
        counts = text.CountVectorizer(ngram_range=(1, 2), token_pattern=TOKEN).fit(TEXTS)
        totals = np.asarray(counts.transform(TEXTS).sum(axis=0)).ravel()
        held = np.asarray((counts.transform(TEXTS) > 0).sum(axis=0)).ravel() >= 2
        totals_of_chosen = [totals[counts.vocabulary_[name]] for name in chosen]
        assert sorted(totals_of_chosen) == sorted(totals[held])[-41:]
    theirs = text.TfidfVectorizer(token_pattern=TOKEN, dtype=np.float64, **options)
    expected = theirs.fit_transform(TEXTS)
    assert ours.dtype == dtype and ours.shape == expected.shape
    assert np.abs(ours.toarray() - in_our_order(theirs, vectorizer, expected)).max() < 1e-6
    further = vectorizer.transform(FURTHER)
    assert (
        np.abs(further.toarray() - in_our_order(theirs, vectorizer, theirs.transform(FURTHER))).max() < 1e-6
    )
    again = Vectorizer(**{name: vectorizer.get_config()[name] for name in vectorizer.get_config()}).fit(TEXTS)
    assert (again.transform(FURTHER) != further).nnz == 0
    assert (pickle.loads(pickle.dumps(vectorizer)).transform(FURTHER) != further).nnz == 0


def test_hashed_columns():
    vectorizer = Vectorizer(n_features=2**16, use_idf=False)
    ours = vectorizer.transform(TEXTS)
    theirs = text.HashingVectorizer(ngram_range=(1, 2), token_pattern=TOKEN, alternate_sign=False)
    expected = theirs.transform(TEXTS)
    assert ours.shape == (len(TEXTS), 2**17)
    for row in range(len(TEXTS)):
        one, other = np.sort(ours[row].data), np.sort(expected[row].data)
        assert one.shape == other.shape and np.abs(one - other).max() < 1e-6
    with_idf = Vectorizer(n_features=2**16).fit(TEXTS)
    exact = Vectorizer().fit(TEXTS)
    for row in range(len(TEXTS)):
        one, other = with_idf.transform([TEXTS[row]]), exact.transform([TEXTS[row]])
        assert np.allclose(np.sort(one.data), np.sort(other.data), atol=1e-6)


def test_matrices_fit_estimators():
    linear = pytest.importorskip("sklearn.linear_model")
    labels = np.array([len(one) % 2 for one in TEXTS])
    matrix = Vectorizer().fit_transform(TEXTS)
    assert matrix.has_sorted_indices and matrix.indices.dtype == matrix.indptr.dtype == np.int32
    assert linear.LogisticRegression().fit(matrix, labels).score(matrix, labels) > 0.9
    matrix.data *= 2  # its arrays are the user's
    assert matrix[[3, 1]].shape == (2, matrix.shape[1]) and (matrix + matrix).nnz == matrix.nnz


def test_in_pipelines_of_scikit_learn():
    base = pytest.importorskip("sklearn.base")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline

    labels = [len(one) % 2 for one in TEXTS]
    pipeline = Pipeline([("bags", Vectorizer()), ("linear", LogisticRegression())])
    search = GridSearchCV(pipeline, {"bags__ngram_range": [(1, 1), (1, 2)], "bags__norm": [None, "l2"]}, cv=2)
    search.fit(TEXTS, labels)
    assert len(search.predict(FURTHER)) == len(FURTHER)
    copy = base.clone(Vectorizer(ngram_range=[1, 3], min_df=2, dtype=np.float64))
    assert copy.get_params()["ngram_range"] == [1, 3] and copy.ngram_range == (1, 3)
    assert copy.set_params(min_df=1, chars=(2, 2)) is copy and copy.min_df == 1 and copy.chars == (2, 2)
    with pytest.raises(ValueError, match="did you mean 'min_df'"):
        copy.set_params(min_dv=1)


def test_characters():
    vectorizer = Vectorizer(ngram_range=None, chars=(2, 3), use_idf=False, norm=None)
    matrix = vectorizer.fit_transform(["bee be"])
    names = vectorizer.get_feature_names_out().tolist()
    assert dict(zip(names, matrix.toarray()[0], strict=True)) == {
        "<b": 2,
        "be": 2,
        "ee": 1,
        "e>": 2,
        "<be": 2,
        "bee": 1,
        "ee>": 1,
        "be>": 1,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_df": 0}, "min_df"),
        ({"max_df": 1.5}, "max_df"),
        ({"norm": "l3"}, "norm"),
        ({"dtype": int}, "dtype"),
        ({"n_features": 0}, "n_features"),
        ({"n_features": 5, "min_df": 2}, "chosen by min_df"),
        ({"ngram_range": (2, 1)}, "1 <= a <= b"),
        ({"max_features": 0}, "max_features"),
    ],
    ids=str,
)
def test_settings_that_are_none(options, message):
    with pytest.raises(ValueError, match=message):
        Vectorizer(**options)


def test_nothing_is_left():
    with pytest.raises(ValueError, match="no n-gram is left"):
        Vectorizer().fit(["", " "])
    with pytest.raises(ValueError, match="no n-gram is left"):
        Vectorizer(min_df=3).fit(["a", "b", "c", "d"])
    with pytest.raises(ValueError, match="fewer texts"):
        Vectorizer(min_df=3, max_df=2).fit(["a", "b"])
    with pytest.raises(ValueError, match="call fit"):
        Vectorizer().transform(["a"])
    with pytest.raises(ValueError, match="no idf"):
        _ = Vectorizer(use_idf=False).fit(["a"]).idf_


def test_names_are_distinct_and_lead_back():
    vectorizer = Vectorizer(chars=(1, 3), norm=None, use_idf=False)
    matrix = vectorizer.fit_transform(TEXTS)
    names = vectorizer.get_feature_names_out().tolist()
    assert len(set(names)) == len(names) == matrix.shape[1]
    assert "a" in names and "chars:a" in names
    assert [names[column] for column in vectorizer.vocabulary_.values()] == list(vectorizer.vocabulary_)
    for row, found in zip(matrix.toarray(), vectorizer.inverse_transform(matrix), strict=True):
        assert found.tolist() == [name for name, count in zip(names, row, strict=True) if count]
    words = Vectorizer(ngram_range=(1, 1))
    assert [sorted(row) for row in words.inverse_transform(words.fit_transform(["b a", "c"]))] == [
        ["a", "b"],
        ["c"],
    ]
    assert words.inverse_transform(np.array([[0.0, 0.0, 1.0]]))[0].tolist() == ["c"]
    with pytest.raises(ValueError, match="must have 3 columns"):
        words.inverse_transform(np.ones((2, 4)))


def test_no_texts_are_no_rows():
    for nothing in ([], (), np.array([], object), np.array([])):
        assert Vectorizer().fit(TEXTS[:2]).transform(nothing).shape[0] == 0
        assert Vectorizer(n_features=8, use_idf=False).transform(nothing).shape == (0, 16)


def test_what_is_not_fitted_is_known_to_scikit_learn():
    pytest.importorskip("sklearn")
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    for vectorizer in (Vectorizer(), Vectorizer(use_idf=False)):
        with pytest.raises(NotFittedError):
            check_is_fitted(vectorizer)
        with pytest.raises(NotFittedError, match="call fit"):
            vectorizer.transform(["a"])
        with pytest.raises(NotFittedError, match="call fit"):
            vectorizer.get_feature_names_out()
        check_is_fitted(vectorizer.fit(TEXTS))
    with pytest.raises(NotFittedError, match="call fit"):
        _ = Vectorizer().idf_
    check_is_fitted(Vectorizer(n_features=8, use_idf=False))  # there is nothing to learn
    for asked in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(NotFittedError, match="call fit"):
            getattr(BagClassifier(), asked)(["a"])


def test_as_one_column_of_a_table():
    pandas = pytest.importorskip("pandas")
    compose = pytest.importorskip("sklearn.compose")
    table = pandas.DataFrame({"text": TEXTS, "size": [len(one) for one in TEXTS]})
    made = compose.ColumnTransformer([("bags", Vectorizer(), "text")], remainder="passthrough")
    matrix = made.fit_transform(table)
    names = made.get_feature_names_out().tolist()
    assert matrix.shape == (len(TEXTS), len(names)) and names[-1] == "remainder__size"


def test_it_shows_what_is_not_the_default():
    assert repr(Vectorizer()) == "Vectorizer()"
    assert repr(Vectorizer(chars=(2, 3), norm=None)) == "Vectorizer(chars=(2, 3), norm=None)"
    assert repr(Vectorizer().set_params(min_df=2)) == "Vectorizer(min_df=2)"
