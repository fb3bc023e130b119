"""Augmentation: what each change does, and that it depends on seed, epoch and position alone."""

import collections

import pytest

from embedcnn.data import Dataset
from embedcnn.data.augmentation import Augmentation, replace_neighbours, swap, word_dropout

WORDS = [f"w{i}" for i in range(1000)]


class Vectors:
    def most_similar(self, word, topn=10):
        if word == "unknown":
            raise KeyError(word)
        return [(f"{word}-{i}", 1.0 - i / 10) for i in range(topn)]


def test_word_dropout_keeps_the_order_and_about_the_rate():
    kept = word_dropout(WORDS, rate=0.3, seed=1)
    assert kept == sorted(kept, key=WORDS.index) and 640 < len(kept) < 760
    assert word_dropout(WORDS, 0.3, 1) == kept != word_dropout(WORDS, 0.3, 2)
    assert word_dropout(" ".join(WORDS), 0.3, 1) == " ".join(kept)
    assert word_dropout("a b c", 0.0) == "a b c" and word_dropout("", 0.5) == ""
    assert {word_dropout("a b c", 1.0, seed) for seed in range(40)} == {"a", "b", "c"}


def test_swap_moves_words_by_neighbouring_places():
    assert {swap("a b c", seed=seed) for seed in range(40)} == {"b a c", "a c b"}
    assert collections.Counter(swap(WORDS, count=50, seed=1)) == collections.Counter(WORDS)
    assert swap("one", count=3) == "one" and swap([1, 2], count=0) == [1, 2]
    original = [1, 2]
    assert swap(original) == [2, 1] and original == [1, 2]


def test_replace_neighbours():
    changed = replace_neighbours(WORDS, Vectors(), rate=0.2, topn=3, seed=4)
    different = [(a, b) for a, b in zip(WORDS, changed, strict=True) if a != b]
    assert 140 < len(different) < 260
    assert {b.removeprefix(a) for a, b in different} == {"-0", "-1", "-2"}
    assert replace_neighbours("unknown word", Vectors(), rate=1.0, topn=1) == "unknown word-0"


@pytest.mark.parametrize("workers", [None, 3])
def test_augmentation_of_a_data_set(workers):
    texts = [" ".join(WORDS[i : i + 20]) for i in range(30)]
    dataset = Dataset.from_tensor_slices((texts, list(range(30))))
    changed = dataset.apply(Augmentation(word_dropout, seed=1, rate=0.5, num_parallel_calls=workers))
    first, second = list(changed), list(changed)
    assert [int(label) for _, label in first] == list(range(30)) and first != second
    assert list(changed.iterate(0)) == first
    plain = list(dataset.apply(Augmentation(word_dropout, seed=1, rate=0.5)))
    assert plain == first


def test_component_of_the_element():
    rows = Dataset.from_tensor_slices({"n": [1], "text": ["a b"]}).apply(Augmentation(swap, 1, "text"))
    assert next(iter(rows))["text"] == "b a"
    pairs = Dataset.from_tensors((1, "a b")).apply(Augmentation(swap, 1, 1))
    assert list(pairs) == [(1, "b a")]
    assert list(Dataset.from_tensors("a b").apply(Augmentation(swap, 1))) == ["b a"]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: word_dropout("a", 1.5), r"`rate` must be a probability in \[0, 1\]. Received: rate=1.5"),
        (lambda: word_dropout(3), r"`text` must be a str or a list of tokens. Received: text=3 \(int\)"),
        (lambda: swap("a", -1), "`count` must be an integer of at least 0. Received: count=-1"),
        (
            lambda: replace_neighbours("a", {}),
            "`vectors` must be an object with most_similar. Received: vectors=dict",
        ),
        (lambda: replace_neighbours("a", Vectors(), topn=0), "`topn` must be an integer of at least 1"),
        (lambda: Augmentation("swap"), "`function` must be a function"),
        (
            lambda: Augmentation(swap, component=1.5),
            "`component` must be a number or a key. Received: component=1.5",
        ),
        (
            lambda: list(Dataset.from_tensors({"a": "x y"}).apply(Augmentation(swap, 1, "b"))),
            "component: the element has no part 'b'",
        ),
    ],
)
def test_mistakes(action, message):
    with pytest.raises((ValueError, TypeError), match=message):
        action()
