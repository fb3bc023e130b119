"""The default classifier: which linear parts are chosen, when a network stands beside them, how it ends."""

import itertools
import random

import numpy as np
import pytest

from embedcnn import bags
from embedcnn.classifier import Settings, choice, linear, train_linear, train_portfolio
from embedcnn.data.labelled import LabelledTexts
from embedcnn.models import load_model

CATS, DOGS = (
    ["it purrs", "she meows softly", "soft fur, purrs"],
    ["it barks", "he growls loudly", "wags, barks"],
)
PETS = LabelledTexts([*CATS * 5, *DOGS * 5], ["cat"] * 15 + ["dog"] * 15)


def unseen_words(count=260):
    """(texts, vectors): a text has one word that no other has; only its vector tells the label."""
    rng = np.random.default_rng(0)
    texts, labels, rows = [], [], {}
    for number in range(count):
        word = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 8))
        label = "up" if number % 2 else "down"
        rows[word] = np.append(rng.normal(0, 0.2, 3), 2.0 if label == "up" else -2.0)
        texts.append(f"so {word} is")
        labels.append(label)
    return LabelledTexts(texts, labels), rows


def write_vectors(path, rows):
    path.write_text("".join(f"{word} {' '.join(f'{x:.4f}' for x in row)}\n" for word, row in rows.items()))
    return path


def test_few_texts_have_linear_parts_alone(tmp_path):
    result = train_portfolio(PETS)
    assert result.choice[-1].endswith(
        "a tenth of the training texts (3 texts): too few to tell whether anything else pays"
    )
    assert not result.interrupted and not result.history
    result.model.save(tmp_path / "m")
    model = load_model(tmp_path / "m")
    assert model.predict_labels(["purrs", "what barks"]) == ["cat", "dog"]
    np.testing.assert_array_equal(model.predict(CATS, verbose=0), result.model.predict(CATS, verbose=0))


def test_the_result_explains_itself():
    result = train_portfolio(PETS)
    found = bags.explain(result.model, "it purrs", "cat")
    assert found.margin > 0 and found.shares[0].name in ("purrs", "it purrs", "purrs>", "<purrs>")
    assert abs(sum(one.share for one in found.shares) + found.bias - found.margin) < 1e-5


def test_a_cnn_with_vectors_stands_beside_where_words_alone_say_nothing(tmp_path):
    texts, rows = unseen_words()
    train, test = texts.subset(range(200)), texts.subset(range(200, 260))
    file = write_vectors(tmp_path / "vectors.txt", rows)
    result = train_portfolio(
        train, vectors=file, freeze=True, settings=Settings(learning_rate=5e-3, epochs=20)
    )
    assert (
        "and CNN over a GRU; on a tenth of the training texts (20 texts), which chooses: linear"
        in result.choice[-1]
    )
    assert "more words of the file are kept" in result.choice[0]
    found = np.array(result.model.predict_labels(test.texts)) == np.array(test.labels)
    assert found.mean() > 0.95 and result.best_epoch > 0
    assert (
        np.mean(np.array(train_linear(train, Settings()).model.predict_labels(test.texts)) == test.labels)
        < 0.7
    )


def test_many_texts_or_widths_of_ones_own_have_no_gru(tmp_path, monkeypatch):
    texts, rows = unseen_words()
    file = write_vectors(tmp_path / "vectors.txt", rows)

    def first(settings, vectors=file):
        given = choice.Given(settings, "words", None, vectors, True, False)
        return choice.Search(texts, None, train_linear(texts, Settings()), given).first_cnn()

    assert first(Settings()) == {"recurrent_units": 32, "widths": (1, 2), "learning_rate": 2e-3}
    assert (
        first(Settings(widths=(2, 3))) == first(Settings(recurrent_units=8)) == first(Settings(), None) == {}
    )
    monkeypatch.setattr(choice, "MOST_RECURRENT", 1)
    assert first(Settings()) == {}


def test_texts_given_to_decide_are_all_that_decides(tmp_path):
    texts, rows = unseen_words()
    file = write_vectors(tmp_path / "vectors.txt", rows)
    train, development = texts.subset(range(200)), texts.subset(range(200, 260))
    settings = Settings(learning_rate=5e-3, epochs=20)
    result = train_portfolio(train, development, settings, vectors=file, freeze=True)
    assert "on the file given (60 texts), which chooses: linear" in result.choice[-1]
    with pytest.raises(ValueError, match="'cow' is not one of"):
        train_portfolio(PETS, LabelledTexts(["moos", "barks"], ["cow", "dog"]))


def test_epochs_bound_the_networks():
    texts, _ = unseen_words()
    result = choice.Search(
        texts,
        None,
        train_linear(texts, Settings()),
        choice.Given(Settings(epochs=2), "words", None, None, False, False),
    )
    result.run(0.0)  # no time left: the first try of each kind
    assert set(result.networks) <= {"avg", "cnn"} and result.networks
    assert all(len(one.training.history["loss"]) <= 2 for one in result.networks.values())


def test_more_time_tries_more():
    texts, _ = unseen_words()
    usual, searched = (train_portfolio(texts, settings=Settings(epochs=1), seconds=s) for s in (None, 0.001))
    assert "mean of words" in usual.choice[-1] and "CNN" not in usual.choice[-1]
    assert "CNN" in searched.choice[-1] and "cost 3" in searched.choice[0] and "cost 3" not in usual.choice[0]


def test_ctrl_c_leaves_the_linear_parts(monkeypatch):
    texts, _ = unseen_words()

    def interrupted(*arguments):
        return choice.Training(None, {}, 0, True)

    monkeypatch.setattr(choice, "train_classifier", interrupted)
    result = train_portfolio(texts)
    assert result.interrupted and result.model.predict(["so so"], verbose=0).shape == (1, 2)
    assert result.choice[-1].startswith("chosen: linear (")

    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(choice, "train_linear", stopped)
    result = train_portfolio(texts)
    assert result.interrupted and result.model is None


def test_networks_pay_beyond_chance_and_never_with_less_accuracy():
    texts, _ = unseen_words()
    search = choice.Search(
        texts,
        None,
        train_linear(texts, Settings()),
        choice.Given(Settings(), "words", None, None, False, False),
    )
    right = np.eye(2)[search.y]
    search.of_linear = 0.6 * right + 0.4 * (1 - right)

    def network(held, kind="avg"):
        return choice.Network(kind, Settings(), choice.Training(None, {}, 1, False), 1.0, held, 0.0)

    surer, half = network(right), network(np.full_like(right, 0.5))
    assert search.pays([surer], []) and not search.pays([half], [])
    held = search.of_linear.copy()
    held[0] = right[0]  # one text alone: within the chance of two errors
    assert not search.pays([network(held)], [])
    assert search.pays([network(held, "cnn")], [])
    wrong = held.copy()
    wrong[1] = 1 - right[1]
    assert not search.pays([network(wrong, "cnn")], [])
    search.networks = {"avg": network(held), "cnn": network(right, "cnn")}
    assert [one.kind for one in search.choose()] == ["cnn"]  # with the mean it would be less sure


def test_every_class_keeps_a_text_to_learn():
    y = np.repeat(np.arange(8), [1, 2, 3, 40, 1, 9, 30, 2])
    is_held = choice.held_out(y, 0)
    assert 5 <= is_held.sum() <= 9
    assert set(y[~is_held]) == set(y)
    assert not choice.held_out(np.array([0, 1] * 4), 0).any()


def test_plans_follow_the_texts():
    short, long = linear.make_plan(["a short text"] * 5), linear.make_plan(["many words of it " * 100] * 5)
    assert short.words == (1, 2) and short.chars == (3, 5) and len(short.parts) == 4
    assert long.words == (1, 3) and long.chars is None
    assert linear.make_plan(["这本书很好，孩子喜欢"]) == linear.make_plan(["ab"], "chars") == long
    assert linear.make_plan(["a short text"], longest=1).words == (1, 1)
    assert linear.make_plan(["a text"], labels=21) == linear.make_plan(["a text"])
    names = [one.name for one in linear.make_plan(["ab"], "chars", labels=21).parts]
    assert names == ["words 1-2, tf-idf", "words 1-3, naive Bayes"]
    names = [one.name for one in linear.make_plan(["a text"], longest=1).parts]
    assert len(set(names)) == len(names) and names[0] == "words 1, tf-idf"


def test_the_largest_of_equally_good_subsets_is_taken():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 400)
    right = np.eye(2)[y]

    def noisy(share):  # the wrong label in `share` of the texts
        wrong = rng.random(400) < share
        return np.where(wrong[:, None], 1 - right, right) * 0.8 + 0.1

    good, other, bad = noisy(0.1), noisy(0.12), noisy(0.6)
    assert linear.best_subset([good, bad], y) == (0,)
    assert linear.best_subset([good, other], y) == (0, 1)
    weights = (y == 1).astype(float)
    assert linear.best_subset([np.full((400, 2), [0.4, 0.6]), np.full((400, 2), [0.9, 0.1])], y, weights) == (
        0,
    )


def shared_keywords(labels=30, each=12, seed=1):
    """Short texts; a label is a pair of words of a pool that all labels share, twelve more are anyone's.
    Words are of two letters alone, so that runs of characters say little, and no word is any one label's.
    """
    rng = random.Random(seed)
    common, pool = (["".join(rng.choices("ab", k=9)) for _ in range(60)] for _ in range(2))
    pairs = rng.sample(list(itertools.combinations(pool, 2)), labels)
    texts, names = [], []
    for number, pair in enumerate(pairs):
        for _ in range(each):
            words = [*rng.choices(common, k=12), *pair]
            rng.shuffle(words)
            texts.append(" ".join(words))
            names.append(f"label {number}")
    return LabelledTexts(texts, names)


def test_many_labels_have_the_plain_part_that_a_linear_model_would_be(monkeypatch):
    texts = shared_keywords()
    found = train_linear(texts, Settings())
    assert found.chosen == ("words 1-2, tf-idf",) and len(found.scores) == 4
    assert found.accuracy == max(score for _, score in found.scores)
    monkeypatch.setattr(linear, "MANY_LABELS", 1000)  # all parts in one call of the solver
    assert train_linear(texts, Settings()).scores == found.scores


def test_many_labels_have_two_parts_at_most_and_the_best_of_all():
    y = np.arange(600) % 3
    right = np.eye(3)[y]

    def wrong(rows):  # surely wrong, where others are less surely right
        part = right * 0.7 + 0.1
        part[rows] = np.roll(right[rows], 1, axis=1) * 0.4 + 0.2
        return part

    parts = [wrong(slice(0, 20)), wrong(slice(20, 40)), wrong(slice(40, 60))]
    assert len(linear.best_subset(parts, y)) == 3 and len(linear.best_subset(parts, y, most=2)) == 2
    worse = wrong(slice(0, 25))  # within one standard error: for few labels it stands in the mean too
    assert linear.best_subset([parts[0], worse], y) == (0, 1)
    assert linear.best_subset([parts[0], worse], y, most=2) == (0,)


def test_out_of_fold_scores_are_of_texts_not_seen():
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(["a", "b", "c", "d", "e"], 5)) + f" x{number}" for number in range(150)]
    noise = LabelledTexts(texts, [("one", "two")[i] for i in rng.integers(0, 2, 150)])
    found = train_linear(noise, Settings())
    assert all(0.3 < score < 0.7 for _, score in found.scores)  # x<number> tells all of what was seen
    known = np.array(found.model.predict_labels(noise.texts)) == np.array(noise.labels)
    assert known.mean() > 0.9
    np.testing.assert_allclose(found.out_of_fold.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize("tokenizer", ["words", "whitespace", "chars", "char_ngrams"])
def test_tokenizers(tokenizer):
    thai = LabelledTexts(["แมวร้องเหมียว", "แมวนอน", "หมาเห่าดัง", "หมาวิ่ง"] * 4, ["แมว", "แมว", "หมา", "หมา"] * 4)
    found = train_portfolio(thai, tokenizer=tokenizer).model.predict_labels(["แมวนอนเหมียว", "หมาวิ่งดัง"])
    assert found == ["แมว", "หมา"]


def test_one_text_of_a_label_and_texts_without_words():
    texts = LabelledTexts([*PETS.texts, "moos", ""], [*PETS.labels, "cow", "dog"])
    model = train_portfolio(texts).model
    assert model.labels == ["cat", "cow", "dog"] and model.predict_labels(["moos"]) == ["cow"]
    with pytest.raises(ValueError, match="there is no word in the 4 texts"):
        train_portfolio(LabelledTexts(["", " ", "\t", ""], ["a", "b", "a", "b"]))


def test_balanced_scores_are_mean_recalls_and_say_so():
    texts = ["it purrs", "she meows"] * 50 + ["it barks"] * 27
    skewed = LabelledTexts(texts, ["cat"] * 100 + ["dog"] * 27)
    settings = Settings(class_weight="balanced")
    search = choice.Search(
        skewed,
        None,
        train_linear(skewed, settings),
        choice.Given(settings, "words", None, None, False, False),
    )
    assert 27 * np.bincount(search.y)[0] != 100 * np.bincount(search.y)[1]  # not the shares of all texts
    search.of_linear = np.full((len(search.y), 2), [0.9, 0.1])  # always the same label
    mean = Settings(model="avg", class_weight="balanced")
    search.networks = {
        "avg": choice.Network("avg", mean, None, 1.0, np.full((len(search.y), 2), [0.2, 0.8]), 0.0)
    }
    first, second = search.lines([])
    assert first.startswith("linear parts, out of fold, balanced accuracy (mean recall of the labels): ")
    assert second.endswith("which chooses, balanced accuracy: linear 50.0%, mean of words 50.0%")
    assert "100.0% balanced accuracy out of fold" in second
    assert "balanced" not in "".join(train_portfolio(skewed, settings=Settings(epochs=1)).choice)


def test_balanced_classes_find_the_rare_one():
    rng = np.random.default_rng(2)
    words = ["the", "a", "it", "was", "here"]
    texts = [
        " ".join(rng.choice(words, 5)) + (" odd" if i % 21 == 0 or i % 7 == 1 else "") for i in range(420)
    ]
    skewed = LabelledTexts(texts, ["rare" if i % 21 == 0 else "usual" for i in range(420)])
    plain, balanced = (
        train_portfolio(skewed, None, Settings(class_weight=w)).model for w in (None, "balanced")
    )
    odd = ["it was odd here", "the odd a"]
    assert plain.predict_labels(odd) == ["usual"] * 2 and balanced.predict_labels(odd) == ["rare"] * 2
