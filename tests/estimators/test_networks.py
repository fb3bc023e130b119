"""What the network estimators add to scikit-learn's shape: going on, stopping early, vectors, ids, seeds."""

import numpy as np
import pytest
from bags import reviews

import embedcnn
from embedcnn.models import load_model
from embedcnn.sklearn import TextClassifier, TextCNNClassifier, TextLSTMClassifier, TextRegressor

TEXTS, LABELS = reviews.draw(80)
SMALL = {"epochs": 4, "batch_size": 10, "learning_rate": 0.02, "dimensions": 8}


def cnn(**options):
    return TextCNNClassifier(**{"filters": 8, "kernel_sizes": (1, 2), **SMALL, **options})


def test_a_warm_start_is_one_training():
    once = cnn(epochs=6).fit(TEXTS, LABELS)
    twice = cnn(epochs=3, warm_start=True).fit(TEXTS, LABELS).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(once.predict_proba(TEXTS), twice.predict_proba(TEXTS))
    assert len(twice.history_["loss"]) == 6 == twice.model_.epochs_trained
    with pytest.raises(ValueError, match=r"y\[0\] = 'new'"):
        twice.fit(TEXTS, ["new"] * 40 + ["good"] * 40)


def test_partial_fit_is_an_epoch():
    whole = cnn(epochs=2).fit(TEXTS, LABELS)
    parts = cnn(epochs=9)
    for _ in range(2):
        parts.partial_fit(TEXTS, LABELS, classes=["good", "bad"])
    np.testing.assert_array_equal(whole.predict_proba(TEXTS), parts.predict_proba(TEXTS))
    with pytest.raises(ValueError, match="`classes` must name"):
        cnn().partial_fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="`classes` must be"):
        parts.partial_fit(TEXTS, LABELS, classes=["good", "other"])
    assert parts.partial_fit(TEXTS[:5], ["good"] * 5).classes_.tolist() == ["bad", "good"]


def test_the_recipe_learns_on_with_partial_fit():
    new, truth = reviews.draw(60, seed=4)
    classifier = TextClassifier()
    for start in range(0, 80, 20):
        classifier.partial_fit(TEXTS[start : start + 20], LABELS[start : start + 20], classes=["bad", "good"])
    assert classifier.score(new[:-1], truth[:-1]) > 0.8
    assert classifier.choice_ == ("linear models alone, 4 parts",)
    with pytest.raises(ValueError, match="partial_fit cannot go on"):
        TextClassifier(networks=False).fit(TEXTS, LABELS).partial_fit(TEXTS, LABELS)


def test_early_stopping_keeps_the_best():
    noise = np.random.default_rng(0).permutation(LABELS)
    classifier = cnn(epochs=40, early_stopping=True, patience=2, validation_fraction=0.3).fit(TEXTS, noise)
    losses = classifier.history_["val_loss"]
    assert len(losses) < 40
    held = classifier._held_out(np.array([one == "good" for one in noise]).astype(int), 0)
    assert held.sum() == 24
    found = classifier.predict_proba([text for text, one in zip(TEXTS, held, strict=True) if one])
    right = found[np.arange(24), (noise[held] == "good").astype(int)]
    assert -np.log(right).mean() == pytest.approx(min(losses), abs=1e-4)
    with pytest.raises(ValueError, match="early_stopping"):
        cnn(early_stopping=True).fit(["a", "b"], [0, 1])


def test_vectors_that_stay():
    vectors = {word: np.full(6, i / 9, np.float32) for i, word in enumerate([*reviews.GOOD, *reviews.BAD])}
    classifier = cnn(vectors=vectors, freeze=True, epochs=30).fit(TEXTS, LABELS)
    encoder, table = classifier.model_.text_encoder, classifier.model_.get_layer("words").get_weights()[0]
    for word in ("good", "awful"):
        np.testing.assert_array_equal(table[encoder.get_vocabulary().index(word)], vectors[word])
    assert classifier.score(TEXTS[:-1], LABELS[:-1]) > 0.8
    with pytest.raises(ValueError, match="freeze"):
        cnn(freeze=True).fit(TEXTS, LABELS)


@pytest.mark.parametrize("kind", [TextCNNClassifier, TextLSTMClassifier])
def test_padded_ids(kind):
    pytest.importorskip("sklearn.utils.validation")
    encoder = embedcnn.text.TextEncoder()
    encoder.adapt(TEXTS)
    ids = encoder(TEXTS).to_padded(padding="post")
    classifier = kind(input="ids", **{**SMALL, "epochs": 15}).fit(ids, LABELS)
    found = classifier.predict_proba(ids)
    assert classifier.score(ids[:-1], LABELS[:-1]) > 0.9
    pads = np.zeros((len(ids), 3), int)
    with pytest.raises(ValueError, match="features"):
        classifier.predict(np.hstack([ids, pads]))
    one = np.where(ids == ids.max(), 10**6, ids)  # an id that training did not see is one that nobody knows
    assert classifier.predict_proba(one).shape == found.shape
    with pytest.raises(ValueError, match="vectors"):
        kind(vectors={"good": [1.0]}, input="ids").fit(ids, LABELS)
    with pytest.raises(ValueError, match=r"X\[0, 0\] = -1"):
        classifier.predict(ids * 0 - 1)
    with pytest.raises(ValueError, match=r"X\[0, 0\] = 0.5; ids must be whole"):
        classifier.predict(ids * 0 + 0.5)


def test_random_states():
    first = cnn(random_state=1).fit(TEXTS, LABELS).predict_proba(TEXTS)
    assert (first != cnn(random_state=2).fit(TEXTS, LABELS).predict_proba(TEXTS)).any()
    of_legacy = [np.random.RandomState(1), np.random.RandomState(1)]  # noqa: NPY002 - as scikit-learn takes it
    of_both = [[np.random.default_rng(1), np.random.default_rng(1)], of_legacy]
    for one, other in of_both:
        found = [cnn(random_state=state).fit(TEXTS, LABELS).predict_proba(TEXTS) for state in (one, other)]
        np.testing.assert_array_equal(*found)
    unseeded = [cnn(random_state=None).fit(TEXTS, LABELS).predict_proba(TEXTS) for _ in range(2)]
    assert (unseeded[0] != unseeded[1]).any()


def test_the_model_in_a_file(tmp_path):
    classifier = cnn().fit(TEXTS, LABELS)
    classifier.model_.save(tmp_path / "model.embedcnn")
    loaded = load_model(tmp_path / "model.embedcnn")
    assert loaded.predict_labels(TEXTS) == classifier.predict(TEXTS).tolist()


def test_several_outputs_of_a_regressor():
    y = np.array(
        [[label == "good", 10 * len(text)] for label, text in zip(LABELS, TEXTS, strict=True)], float
    )
    regressor = TextRegressor(kernel_sizes=(1, 2), dropout=0.0, **{**SMALL, "epochs": 30}).fit(TEXTS, y)
    assert regressor.predict(TEXTS).shape == (80, 2)
    metrics = pytest.importorskip("sklearn.metrics")
    assert regressor.score(TEXTS, y) == pytest.approx(metrics.r2_score(y, regressor.predict(TEXTS)))
    with pytest.raises(ValueError, match=r"y\[3\] is NaN"):
        regressor.fit(TEXTS, [1.0, 2.0, 3.0, float("nan")] * 20)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "`epochs`"),
        ({"batch_size": 2.5}, "`batch_size`"),
        ({"learning_rate": -1.0}, "`learning_rate`"),
        ({"filters": "many"}, "`filters`"),
        ({"kernel_sizes": ()}, "`kernel_sizes`"),
        ({"kernel_sizes": (2, 2)}, "`kernel_sizes`"),
        ({"kernel_sizes": (0, 2)}, "`kernel_sizes`"),
        ({"dropout": 1.0}, "`dropout`"),
        ({"dimensions": None}, "`dimensions`"),
        ({"max_tokens": 0}, "`max_tokens`"),
        ({"tokenizer": "sentences"}, "tokenizer"),
        ({"input": "files"}, "input"),
        ({"class_weight": "even"}, "`class_weight`"),
        ({"class_weight": {"good": -1.0}}, "class_weight"),
        ({"early_stopping": "yes"}, "`early_stopping`"),
        ({"early_stopping": True, "validation_fraction": 1.5}, "`validation_fraction`"),
        ({"early_stopping": True, "patience": 0}, "`patience`"),
        ({"warm_start": 1}, "`warm_start`"),
        ({"random_state": "seed"}, "`random_state`"),
        ({"n_jobs": "all"}, "`n_jobs`"),
        ({"vectors": "/no/such/file"}, "/no/such/file"),
    ],
    ids=repr,
)
def test_wrong_settings_are_named_by_fit(options, message):
    with pytest.raises((TypeError, ValueError, OSError), match=message):
        cnn(**options).fit(TEXTS, LABELS)
