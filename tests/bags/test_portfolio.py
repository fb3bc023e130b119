"""Portfolios and means of models: the probabilities are those of the margins, in plain NumPy."""

import numpy as np
import pytest
from bags import reviews

import embedcnn
from embedcnn import layers
from embedcnn.bags import (
    LinearPart,
    NgramFeatures,
    Part,
    averaged,
    dual_descent,
    explain,
    linear_part,
    portfolio_model,
    product_form,
)
from embedcnn.models import load_model

TEXTS, _ = reviews.draw(30)
FEATURES = NgramFeatures(chars=(3, 3)).fit(TEXTS)


def drawn_parts(units, shares=(1.0, 3.0)):
    rng = np.random.default_rng(3)
    size = FEATURES.size
    return [
        LinearPart(
            rng.normal(size=(size, units)), rng.normal(size=units), rng.uniform(size=size), share=share
        )
        for share in shares
    ]


def softmax(x):
    exponential = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponential / exponential.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("shares", [(2.0,), (1.0, 3.0), (1.0, 0.0, 1.0)])
@pytest.mark.parametrize(
    ("units", "labels", "several"),
    [(1, "ab", False), (2, "ab", False), (3, "abc", False), (2, "ab", True), (4, "abcd", True)],
)
def test_probabilities_are_the_weighted_mean_of_those_of_the_parts(shares, units, labels, several):
    model = portfolio_model(FEATURES, drawn_parts(units, shares), list(labels), several)
    margins = model.get_layer("ngrams")(TEXTS).astype(np.float64).reshape(len(TEXTS), len(shares), units)
    if units == 1:
        each = np.concatenate([1 - sigmoid(margins), sigmoid(margins)], axis=2)
    else:
        each = sigmoid(margins) if several else softmax(margins)
    wanted = np.einsum("npc,p->nc", each, np.array(shares) / sum(shares))
    found = model.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    chosen = model.predict_labels(TEXTS)
    if several:
        assert chosen == [[labels[i] for i in np.flatnonzero(row > 0.5)] for row in found]
    else:
        assert chosen == [labels[i] for i in found.argmax(axis=1)]


def small_network(kind, labels):
    encoder = embedcnn.text.TextEncoder(standardize="lower_unicode", split="words", ngrams=kind)
    encoder.adapt(TEXTS)
    tokens = embedcnn.Input((None,), dtype="int32")
    words = layers.Embedding(encoder.vocabulary_size(), 5)(tokens)
    pooled = layers.GlobalMaxPooling1D()(layers.Conv1D(4, 2, padding="same")(words))
    model = embedcnn.Model(tokens, layers.Dense(len(labels), activation="softmax")(pooled), name=f"net{kind}")
    model.text_encoder, model.labels = encoder, labels
    return model


@pytest.mark.parametrize("weights", [None, [3, 1, 0.5]])
def test_a_mean_with_networks_over_the_same_texts(tmp_path, weights):
    labels = ["a", "b", "c"]
    bag = portfolio_model(FEATURES, drawn_parts(3), labels)
    models = [bag, small_network(None, labels), small_network(2, labels)]
    shares = np.ones(3) if weights is None else np.array(weights)
    wanted = sum(
        share * model.predict(TEXTS, verbose=0)
        for share, model in zip(shares / shares.sum(), models, strict=True)
    )
    made = averaged(models, weights)
    assert made.labels == labels
    np.testing.assert_allclose(made.predict(TEXTS, verbose=0), wanted, atol=1e-6)
    made.save(tmp_path / "mean.embedcnn")
    np.testing.assert_array_equal(
        load_model(tmp_path / "mean.embedcnn").predict(TEXTS, verbose=0), made.predict(TEXTS, verbose=0)
    )
    assert explain(made, TEXTS[0], "b").margin == bag.explain(TEXTS[0], "b").margin


def test_a_mean_of_means_and_of_one_model():
    labels = ["a", "b"]
    bag = portfolio_model(FEATURES, drawn_parts(1), labels)
    one = averaged([bag])
    np.testing.assert_array_equal(one.predict(TEXTS, verbose=0), bag.predict(TEXTS, verbose=0))
    both = averaged([averaged([bag, small_network(None, labels)]), small_network(3, labels)], [2, 1])
    assert both.predict(TEXTS, verbose=0).shape == (30, 2)


def test_a_mean_of_models_whose_layers_have_the_same_names(tmp_path):
    labels = ["a", "b"]
    bags = [portfolio_model(FEATURES, drawn_parts(1, shares), labels) for shares in ((1, 0), (0, 1), (1, 1))]
    networks = [small_network(None, labels), small_network(None, labels)]
    for one, other in zip(networks[0].layers, networks[1].layers, strict=True):
        other.name = one.name
    models = [*bags, *networks, bags[0]]
    made = averaged([*models, averaged(bags)])
    found = [model.predict(TEXTS, verbose=0) for model in models]
    wanted = (sum(found) + sum(found[:3]) / 3) / 7
    np.testing.assert_allclose(made.predict(TEXTS, verbose=0), wanted, atol=1e-6)
    made.save(tmp_path / "mean.embedcnn")
    np.testing.assert_array_equal(
        load_model(tmp_path / "mean.embedcnn").predict(TEXTS, verbose=0), made.predict(TEXTS, verbose=0)
    )


def test_the_layers_behind_the_margins_do_not_learn():
    model = portfolio_model(FEATURES, drawn_parts(1), ["a", "b"])
    assert not model.trainable_weights


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("weighting", ["tfidf", "naive_bayes", "counts"])
def test_a_folded_part_has_the_margins_of_its_solver(count, weighting):
    texts, y = reviews.draw(120, ("bad", "good", "mixed")[:count])
    features = NgramFeatures(chars=(3, 3))
    bags = features.fit_transform(texts)
    codes = np.unique(y, return_inverse=True)[1]
    [model] = dual_descent(bags, codes, Part(weighting=weighting, norm=weighting != "counts"))
    layer = layers.BagOfNgrams(features, [linear_part(model)])
    np.testing.assert_allclose(layer(texts), model.decision_function(bags), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        layers.BagOfNgrams(features, [linear_part(model, 2.5)])(texts),
        2.5 * layer(texts),
        rtol=1e-5,
        atol=1e-5,
    )


@pytest.mark.parametrize(("count", "dim"), [(2, None), (3, None), (2, 4), (3, 8)])
def test_a_folded_product_form_has_its_margins(count, dim):
    texts, y = reviews.draw(120, ("bad", "good", "mixed")[:count])
    features = NgramFeatures(buckets=512)
    bags = features.fit_transform(texts)
    model = product_form(bags, np.unique(y, return_inverse=True)[1], dim=dim, epochs=10)
    layer = layers.BagOfNgrams(features, [linear_part(model)])
    np.testing.assert_allclose(layer(texts), model.decision_function(bags), rtol=1e-4, atol=1e-4)
