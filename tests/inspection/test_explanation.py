"""Explanations of any text model: shares, bias and rest sum to the margin, which is the log odds of what
`predict` gives; linear models have no rest; a word's share elsewhere is what `predict` loses without it.
"""

import numpy as np
import pytest
from bags import reviews

import embedcnn
from embedcnn import bags, layers
from embedcnn.bags import BagClassifier, averaged
from embedcnn.inspection.explanation import _explainer
from embedcnn.inspection.members import HiddenWords

TEXTS, Y = reviews.draw(40, ("bad", "good", "mixed"))
SENTENCES = [
    "",
    "good",
    "A good film, it is; so so bad and FINE",
    "the plot the plot unheard it's   a good",
    *TEXTS[:3],
]


def encoder_of(**settings):
    encoder = embedcnn.text.TextEncoder(**settings)
    encoder.adapt(TEXTS)
    return encoder


def finished(ids, x, encoder, classes=3, end="softmax", seed=3):
    units = classes if end != "sigmoid" else 1
    model = embedcnn.Model(ids, layers.Dense(units, activation=end)(x), name=f"net{seed}")
    generator = np.random.default_rng(seed)
    model.set_weights([generator.normal(0, 0.5, one.shape) for one in model.get_weights()])
    model.text_encoder = encoder
    if end != "linear":
        model.labels = ["bad", "good", "mixed"][:classes]
    return model


def network(kind, encoder=None, classes=3, end="softmax", seed=3):
    encoder = encoder or encoder_of(standardize="lower_unicode", split="words")
    ids = layers.Input((None,), dtype="int32")
    words = encoder.vocabulary_size()
    if kind == "mean":
        hashed = layers.HashedNgrams(words, 64, 3)
        pairs = layers.GlobalAveragePooling1D()(layers.Embedding(hashed.size, 4)(hashed(ids)))
        x = layers.Concatenate()([pairs, layers.GlobalSumPooling1D()(layers.Embedding(words, 3)(ids))])
        return finished(ids, layers.Dropout(0.5)(x), encoder, classes, end, seed)
    if kind == "bags of embeddings":
        hashed = layers.HashedNgrams(words, 32, 2)
        pairs = layers.EmbedReduce(hashed.size, 3, combiner="sum")(hashed(ids))
        x = layers.Concatenate()([layers.EmbeddingBag(words, 4, mode="mean")(ids), pairs])
        return finished(ids, x, encoder, classes, end, seed)
    embedded = layers.Embedding(words, 5, mask_zero=kind == "lstm")(ids)
    if kind == "lstm":
        return finished(ids, layers.LSTM(4)(embedded), encoder, classes, end, seed)
    settings = [(1, "valid", "tanh"), (3, "same", "relu"), (2, "causal", "linear"), (4, "valid", "tanh")]
    convolutions = [layers.Conv1D(3, k, padding=p, activation=a)(embedded) for k, p, a in settings]
    x = layers.Concatenate()([layers.GlobalMaxPooling1D()(one) for one in convolutions])
    if kind == "cnn with a hidden layer":
        x = layers.Dense(4, activation="relu")(x)
    return finished(ids, x, encoder, classes, end, seed)


def log_odds(model, texts, label):
    p = model.predict(texts, verbose=0).astype(np.float64)
    if p.shape[1] == 1:
        p = np.concatenate([1 - p, p], axis=1)
    p = p[:, model.labels.index(label)]
    return np.log(p / (1 - p))


EXACT = ["mean", "bags of embeddings"]
KINDS = [*EXACT, "cnn", "cnn with a hidden layer", "lstm"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("classes", "end"), [(3, "softmax"), (2, "softmax"), (2, "sigmoid")])
def test_margin_bias_shares_and_rest(kind, classes, end):
    model = network(kind, classes=classes, end=end)
    for text in SENTENCES:
        for label in model.labels:
            found = model.explain(text, label)
            wanted = log_odds(model, [text, ""], label)
            np.testing.assert_allclose([found.margin, found.bias], wanted, atol=2e-4)
            total = found.bias + sum(one.share for one in found) + found.rest
            assert total == pytest.approx(found.margin, abs=1e-9)
            assert kind not in EXACT or found.rest == 0
        assert model.explain(text).label == model.predict_labels([text])[0]


@pytest.mark.parametrize("kind", KINDS[2:])
@pytest.mark.parametrize("split", ["words", "whitespace", "character"])
def test_a_word_has_what_is_lost_without_it(kind, split):
    """Of two labels with a softmax, log odds are a difference of logits, so shares are as they come."""
    model = network(kind, encoder_of(standardize="lower_unicode", split=split), classes=2)
    for text in SENTENCES:
        found = model.explain(text, "good")
        whole = log_odds(model, [text], "good")[0]
        for one in found:
            ((begin, end),) = one.places
            assert (text[begin:end], one.kind) == (one.name, "word")
            without = text[:begin] + (" " if split != "character" else "") + text[end:]
            assert one.share == pytest.approx(whole - log_odds(model, [without], "good")[0], abs=3e-4)


def test_windows_of_a_cnn_are_what_whole_texts_give(monkeypatch):
    model = network("cnn")
    fast = [model.explain(text, "bad") for text in SENTENCES]
    member = _explainer(model).parts[0].member
    assert isinstance(member, HiddenWords) and member.windows is not None
    monkeypatch.setattr(member, "windows", None)
    for one, text in zip(fast, SENTENCES, strict=True):
        slow = model.explain(text, "bad")
        assert [share.name for share in one.shares if abs(share.share) > 1e-4] == [
            share.name for share in slow.shares if abs(share.share) > 1e-4
        ]
        by_place = [{share.places: share.share for share in each} for each in (one, slow)]
        assert by_place[0] == pytest.approx(by_place[1], abs=1e-5)


def test_a_mean_over_everything_is_explained_as_a_whole():
    bag = BagClassifier(parts=[bags.Part(), bags.Part(weighting="naive_bayes")]).fit(TEXTS, Y)
    exact = averaged([bag, network("mean")], [2, 1])
    mixed = averaged([bag, network("mean"), network("cnn", seed=4)], [2, 1, 1])
    nested = averaged([exact, network("lstm", seed=5)])
    for model in (exact, mixed, nested):
        for text in SENTENCES:
            for label in model.labels:
                found = model.explain(text, label)
                np.testing.assert_allclose(
                    [found.margin, found.bias], log_odds(model, [text, ""], label), atol=1e-4
                )
                total = found.bias + sum(one.share for one in found) + found.rest
                assert total == pytest.approx(found.margin, abs=1e-9)
                assert model is not exact or found.rest == 0
            assert model.explain(text).label == model.predict_labels([text])[0]
    weights = [weight for _, weight, _ in mixed.explain(TEXTS[0]).parts]
    assert weights == pytest.approx([0.5, 0.25, 0.25])


def test_texts_of_any_kind():
    texts = [
        "Ǆ<br />é good\u200d İ 的\x00 👩\u200d👩\u200d👧 \ud800",
        "\u200d <br> -_ 'İx ß\n\tA\u0301",
        "<br />İ",
    ]
    exact = network("mean")
    models = [exact, averaged([BagClassifier(chars=(2, 3)).fit(TEXTS, Y), exact], [1, 0])]
    models += [network("cnn", encoder_of(split=split)) for split in ("whitespace", "character")]
    for model in models:
        for text in texts:
            found = model.explain(text, "good")
            assert found.margin == pytest.approx(log_odds(model, [text], "good")[0], abs=3e-4)
            assert len(found.words) and "<script" not in found._repr_html_()
            assert found.rest == 0 or model not in models[:2]
    assert [weight for _, weight, _ in models[1].explain("good").parts] == [1.0]


def test_a_bag_alone_keeps_the_margin_of_its_parts():
    classifier = BagClassifier().fit(TEXTS, Y)
    assert classifier.model.explain(TEXTS[0], "good") == bags.explain(classifier.model, TEXTS[0], "good")


def test_the_same_n_gram_in_two_parts_is_one_share():
    model = averaged([BagClassifier(words=(1, 1)).fit(TEXTS, Y), network("mean")])
    found = model.explain("good film", "good")
    assert sorted((one.name, one.kind) for one in found) == [
        ("film", "words 1"), ("good", "words 1"), ("good film", "words 2"),
    ]  # fmt: skip


def test_explaining_leaves_the_model_as_it_was():
    model = network("mean")
    before, counts = model.get_config(), [len(layer.nodes) for layer in model.layers]
    embedcnn.utils.set_random_seed(7)
    wanted = layers.Dense(3)(np.ones((1, 2), np.float32))
    embedcnn.utils.set_random_seed(7)
    model.explain("a good film")
    np.testing.assert_array_equal(layers.Dense(3)(np.ones((1, 2), np.float32)), wanted)
    assert (model.get_config(), [len(layer.nodes) for layer in model.layers]) == (before, counts)


def test_weights_that_change_are_seen():
    for kind in KINDS:
        model = network(kind, classes=2)
        before = model.explain("a good film", "good").margin
        model.set_weights([2 * one for one in model.get_weights()])
        after = model.explain("a good film", "good")
        assert after.margin != before
        assert after.margin == pytest.approx(log_odds(model, ["a good film"], "good")[0], abs=2e-4)


def test_texts_that_the_model_reads_itself():
    reader = layers.TextVectorization(vocabulary=["good", "bad", "film"], output_sequence_length=6)
    texts = embedcnn.Input((1,), dtype="string")
    x = layers.GlobalMaxPooling1D()(
        layers.Conv1D(3, 2, activation="tanh")(layers.Embedding(5, 4)(reader(texts)))
    )
    model = embedcnn.Model(texts, layers.Dense(2, activation="softmax")(x))
    model.labels = ["bad", "good"]
    found = model.explain("a good film", "good")
    for one in found:
        ((begin, end),) = one.places
        without = "a good film"[:begin] + "a good film"[end:]
        lost = log_odds(model, ["a good film"], "good") - log_odds(model, [without], "good")
        assert one.share == pytest.approx(lost[0], abs=1e-4)


def test_outputs_that_are_no_probabilities_explain_themselves():
    model = network("mean", end="linear")
    found = model.explain("a good film", 1)
    assert found.margin == pytest.approx(model.predict(["a good film"], verbose=0)[0, 1], abs=1e-5)


def of_numbers():
    return embedcnn.Sequential([embedcnn.Input((4,)), layers.Dense(2, activation="softmax")])


MISUSE = {
    "list": (lambda: network("cnn").explain(["a"]), TypeError, "`text` must be one str. Received: list"),
    "label": (lambda: network("cnn").explain("a", "fine"), ValueError, "label='fine'"),
    "numbers": (lambda: of_numbers().explain("a"), ValueError, "must have one input, of texts"),
}


@pytest.mark.parametrize(("call", "kind", "message"), MISUSE.values(), ids=MISUSE)
def test_misuse_is_named(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert message in str(error.value)
