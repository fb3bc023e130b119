"""Explanations are exact: the shares and the bias sum to the margin, and places hold what they name."""

import numpy as np
import pytest
from bags import reviews

from embedcnn.bags import BagClassifier, LinearPart, NgramFeatures, Part, portfolio_model
from embedcnn.bags.explanation import explain
from embedcnn.bags.tokenizers import token_spans

TEXTS, _ = reviews.draw(60)
CLASSIFIERS = {
    "words": {},
    "chars": {"chars": (2, 4)},
    "two parts": {"chars": (3, 3), "parts": [Part(), Part(weighting="naive_bayes", kinds=("words 1",))]},
    "hashed": {"buckets": 300, "chars": (3, 3)},
    "not normed": {"parts": Part(norm=False, sublinear=False, weighting="counts", cost=0.1)},
}


@pytest.mark.parametrize("settings", CLASSIFIERS.values(), ids=CLASSIFIERS)
@pytest.mark.parametrize("labels", [("bad", "good"), ("bad", "good", "mixed")], ids=len)
def test_shares_and_bias_sum_to_the_margin(settings, labels):
    texts, y = reviews.draw(90, labels)
    classifier = BagClassifier(**settings).fit(texts, y)
    margins = classifier.decision_function(texts).astype(np.float64)
    for number in range(0, 90, 11):
        for place, label in enumerate(labels):
            found = classifier.explain(texts[number], label)
            assert found.margin == pytest.approx(
                sum(one.share for one in found) + found.bias, rel=1e-12, abs=1e-12
            )
            wanted = margins[number] * (1 if place else -1) if len(labels) == 2 else margins[number, place]
            assert found.margin == pytest.approx(wanted, rel=1e-6, abs=1e-5)
            assert found.margin == pytest.approx(sum(w * m for _, w, m in found.parts), abs=1e-9)
        predicted = classifier.predict([texts[number]])[0]
        assert classifier.explain(texts[number]).label == predicted


def test_shares_stand_by_size():
    texts, y = reviews.draw(60)
    sizes = [abs(one.share) for one in BagClassifier().fit(texts, y).explain(texts[1])]
    assert sizes == sorted(sizes, reverse=True)


def one_part(features):
    weights = np.arange(1.0, features.size + 1)[:, None]
    return portfolio_model(features, [LinearPart(weights, np.zeros(1))], ["a", "b"])


@pytest.mark.parametrize("buckets", [None, 1 << 20])
def test_places_of_words_hold_them(buckets):
    text = "A good<br />FILM, a good film; Ünder-İstanbul good <BR> end"
    features = NgramFeatures(words=(1, 3), buckets=buckets).fit([text])
    for one in one_part(features).explain(text):
        assert len(one.places) == one.count, one
        for begin, end in one.places:
            held = text[begin:end].lower().replace("<br />", " ").replace("<br>", " ")
            assert " ".join(token_spans(held, "words", True)[0]) == one.name


def test_places_of_characters_are_inside_their_words():
    text = "Good goods, so good"
    features = NgramFeatures(words=None, chars=(2, 4)).fit([text])
    found = {one.name: one for one in one_part(features).explain(text)}
    assert found["oo"].places == ((1, 3), (6, 8), (16, 18))
    assert found["<go"].places == ((0, 2), (5, 7), (15, 17))
    assert found["od>"].places == ((2, 4), (17, 19))
    assert found["ds>"].places == ((8, 10),)
    assert all(len(one.places) == one.count for one in found.values())


def test_a_bucket_is_called_after_what_is_in_it():
    features = NgramFeatures(words=(1, 1), buckets=1)
    found = one_part(features).explain("some words, some more")
    assert [one.name for one in found] == ["some | words | , | more"]
    assert found.shares[0].count == 5


def test_a_text_without_features_has_the_bias():
    features = NgramFeatures().fit(["a b"])
    model = portfolio_model(features, [LinearPart(np.ones((3, 1)), np.array([0.5]))], ["a", "b"])
    for text in ("", "never seen", "<br />"):
        found = model.explain(text, "a")
        assert (len(found), found.margin, found.bias) == (0, -0.5, -0.5)


def test_as_text_it_names_label_margin_and_the_largest_shares():
    texts, y = reviews.draw(60)
    found = (
        BagClassifier()
        .fit(texts, y)
        .explain("a good film it is and the plot, so so so good and fine", "good")
    )
    shown = str(found)
    assert shown.startswith(f"'good': margin {found.margin:+.4f}")
    assert found.shares[0].name in shown
    assert "others together" in shown


def test_models_without_labels_number_them():
    features = NgramFeatures(words=(1, 1)).fit(["a b"])
    model = portfolio_model(
        features, [LinearPart(np.array([[1.0, 2, 3], [0, 1, 0]]), np.zeros(3))], ["x", "y", "z"]
    )
    model.labels = None
    assert explain(model, "a", 1).margin == pytest.approx(2)
    assert explain(model, "a").label == 2
