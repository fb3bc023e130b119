"""LabelledTexts and the stratified split."""

import collections

import numpy as np
import pytest

from embedcnn.data import LabelledTexts, split


def numbered(**counts):
    texts = [f"{label} {i}" for label, count in counts.items() for i in range(count)]
    return LabelledTexts(texts, [text.split()[0] for text in texts])


def test_label_ids_follow_sorted_names():
    labelled = LabelledTexts(["a", "b", "c"], ["z", "m", "z"], "somewhere")
    assert labelled.label_names == ["m", "z"] and labelled.path == "somewhere"
    assert labelled.label_ids.dtype == np.int32 and labelled.label_ids.tolist() == [1, 0, 1]
    assert list(labelled) == [("a", "z"), ("b", "m"), ("c", "z")]


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="texts and labels differ in length: 1 and 2"):
        LabelledTexts(["a"], ["x", "y"])


def test_only_strings():
    with pytest.raises(ValueError, match=r"labels\[1\]: expected a str\. Received: 1 \(int\)"):
        LabelledTexts(["a", "b"], ["x", 1])


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.9])
def test_split_is_stratified_and_complete(fraction):
    labelled = numbered(a=100, b=40, c=2)
    rest, held = split(labelled, fraction, seed=3)
    assert sorted(rest.texts + held.texts) == sorted(labelled.texts)
    counts = collections.Counter(held.labels)
    assert counts["a"] == round(100 * fraction) and counts["b"] == round(40 * fraction) and counts["c"] == 1
    for part in (rest, held):
        positions = [labelled.texts.index(text) for text in part.texts]
        assert positions == sorted(positions)
        assert all(text.startswith(label) for text, label in part)


def test_split_depends_on_the_seed_alone():
    labelled = numbered(a=50, b=50)
    assert split(labelled, 0.2, 5)[1].texts == split(labelled, 0.2, 5)[1].texts
    assert split(labelled, 0.2, 5)[1].texts != split(labelled, 0.2, 6)[1].texts


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), "0.1", True])
def test_split_checks_the_fraction(fraction):
    with pytest.raises(ValueError, match="`fraction` must be a number in"):
        split(numbered(a=3, b=3), fraction)


def test_split_refuses_a_class_of_one():
    with pytest.raises(ValueError, match="label 'b' has a single text"):
        split(numbered(a=3, b=1))
