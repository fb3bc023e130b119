"""Word vectors: how many words there are, and models that go on learning from other texts."""

import numpy as np
import pytest

from embedcnn.fasttext import load_model, train_supervised, train_unsupervised


def groups_text(lines=1500, seed=1):
    """Words of one group stand together, those of another never beside them."""
    random = np.random.default_rng(seed)
    return [
        " ".join(f"{group}{number}" for number in random.integers(0, 6, 8))
        for group in random.choice(["red", "blue", "green"], lines)
    ]


def test_the_most_frequent_words_are_kept():
    text = ["a a a a b b b c c c d d e"] * 3
    settings = {"dim": 4, "maxn": 0, "minCount": 1, "t": 0, "verbose": 0}
    for most, words in ((9, "abcde"), (6, "abcde"), (5, "abcd"), (4, "abcd"), (3, "abc"), (2, "a"), (1, "a")):
        made = train_unsupervised(text, max_words=most, **settings)
        assert sorted(word for word in made.words if word != "</s>") == list(words)
        same = train_unsupervised(text, **{**settings, "minCount": made.args["minCount"]})
        assert (same.get_input_matrix() == made.get_input_matrix()).all()
    with pytest.raises(ValueError, match="smaller `minCount`"):
        train_unsupervised(["a b", "b a"] * 9, max_words=1, **settings)


@pytest.mark.parametrize("maxn", [0, 3])
def test_a_model_goes_on_learning(tmp_path, maxn):
    settings = {"dim": 6, "maxn": maxn, "minn": 2, "bucket": 80, "t": 0, "verbose": 0}
    first = train_unsupervised(groups_text(300), "cbow", **settings)
    before = first.get_input_matrix(), first.get_output_matrix()
    first.save_model(tmp_path / "first.bin")
    more = ["new0 new1 red1 new0 new1"] * 20
    kept = train_unsupervised(more, epoch=0, start_model=first, **settings)
    assert set(kept.words) == {*first.words, "new0", "new1"}
    for word in first.words:
        for new, old in (
            (kept.get_input_matrix(), before[0]),
            (kept.get_output_matrix(), before[1]),
        ):
            np.testing.assert_array_equal(new[kept.get_word_id(word)], old[first.get_word_id(word)])
    np.testing.assert_array_equal(kept.get_input_matrix()[len(kept.words) :], before[0][len(first.words) :])
    assert (kept.get_output_matrix()[kept.get_word_id("new0")] == 0).all()
    for start in (first, load_model(tmp_path / "first.bin")):
        made = train_unsupervised(more, epoch=3, start_model=start, **settings)
        assert (
            made.get_input_matrix()[made.get_word_id("red1")]
            != first.get_input_vector(first.get_word_id("red1"))
        ).any()
        if not maxn:
            np.testing.assert_array_equal(made["blue1"], first["blue1"])
    assert (first.get_input_matrix() == before[0]).all() and (first.get_output_matrix() == before[1]).all()


def test_other_models_cannot_go_on(tmp_path):
    text = groups_text(60)
    settings = {"dim": 6, "maxn": 3, "bucket": 80, "verbose": 0}
    first = train_unsupervised(text, **settings)
    for other, message in (
        ({"dim": 5}, "`dim`.*6.*dim=5"),
        ({"minn": 2}, "`minn`.*3"),
        ({"maxn": 4}, "`maxn`.*3"),
        ({"maxn": 0}, "`maxn`.*3|`minn`|`bucket`"),
        ({"bucket": 81}, "`bucket`.*80"),
        ({"loss": "hs"}, "loss"),
        ({"max_words": 3}, "only one"),
        ({"pretrainedVectors": "x.txt"}, "only one"),
    ):
        with pytest.raises(ValueError, match=message):
            train_unsupervised(text, **{**settings, **other}, start_model=first)
    tree = train_unsupervised(text, loss="hs", **settings)
    with pytest.raises(ValueError, match="loss"):
        train_unsupervised(text, start_model=tree, **settings)
    labelled = train_supervised(["a b"] * 5, labels=["x"] * 5, verbose=0)
    for wrong in (labelled, "model.bin", first.word_vectors()):
        with pytest.raises(TypeError, match="start_model"):
            train_unsupervised(text, start_model=wrong, **settings)
