"""The embedded data set: what its rule promises, and that a plain linear model finds the classes."""

import collections
import re
import sys

import pytest

from embedcnn.data import split
from embedcnn.datasets import standard_library, standard_library_sentences


@pytest.fixture(scope="module")
def sentences():
    return standard_library_sentences()


@pytest.mark.slow
def test_ten_classes_of_distinct_sentences(sentences):
    counts = collections.Counter(sentences.labels)
    assert len(counts) == 10
    assert max(counts.values()) <= standard_library.LARGEST_CLASS
    assert min(counts.values()) > 100
    assert len(set(sentences.texts)) == len(sentences)
    if sys.version_info[:2] == (3, 11):
        assert 3000 < len(sentences) < 8000


@pytest.mark.slow
def test_sentences_are_prose(sentences):
    for text in sentences.texts:
        assert not text.startswith(">>>") and "\n" not in text
        assert len([word for word in text.split() if re.search(r"[^\W\d_]", word)]) >= 4


@pytest.mark.slow
def test_same_for_the_same_seed(sentences):
    again = standard_library_sentences()
    assert again.texts == sentences.texts and again.labels == sentences.labels
    other = standard_library_sentences(seed=1)
    assert other.texts != sentences.texts
    assert other.label_names == sentences.label_names


@pytest.mark.slow
def test_nothing_is_imported(sentences):
    assert "turtle" not in sys.modules and "lib2to3" not in sys.modules


@pytest.mark.parametrize("classes", [1, 0, -3, 2.5, True, "10"])
def test_number_of_classes_is_checked(classes):
    with pytest.raises(ValueError, match=r"`classes` must be an integer >= 2\. Received: "):
        standard_library_sentences(classes=classes)


@pytest.mark.slow
def test_too_many_classes(sentences):
    with pytest.raises(ValueError, match=r"classes: only \d+ packages have sentences\. Received: 100000"):
        standard_library_sentences(classes=100_000)


def test_installation_without_sources(tmp_path, monkeypatch):
    monkeypatch.setattr(standard_library.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    with pytest.raises(FileNotFoundError, match="not installed"):
        standard_library_sentences()


def test_rule_on_a_small_library(tmp_path, monkeypatch):
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "foreign.py").write_text('"""This one must never be seen."""')
    (tmp_path / "alpha.py").write_text(
        '"""The first words of alpha. Too short. Shared by both of them.\n\n'
        '>>> alpha\nsome output of the test\n"""\n'
        'if True:\n    def f():\n        """A function inside a branch."""\n'
    )
    (tmp_path / "_pybeta.py").write_text(
        'class B:\n    """Beta says other things here. Shared by both of them."""\n'
    )
    (tmp_path / "broken.py").write_text("def (:\n")
    monkeypatch.setattr(standard_library.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    found = standard_library_sentences(classes=2)
    assert sorted(zip(found.texts, found.labels, strict=True)) == [
        ("A function inside a branch.", "alpha"),
        ("Beta says other things here.", "beta"),
        ("The first words of alpha.", "alpha"),
    ]


@pytest.mark.slow
def test_linear_model_finds_the_classes(sentences):
    text = pytest.importorskip("sklearn.feature_extraction.text")
    svm = pytest.importorskip("sklearn.svm")
    train, test = split(sentences, 0.1, seed=1)
    features = text.TfidfVectorizer(ngram_range=(1, 2))
    model = svm.LinearSVC().fit(features.fit_transform(train.texts), train.labels)
    accuracy = model.score(features.transform(test.texts), test.labels)
    assert 0.82 < accuracy < 0.96
