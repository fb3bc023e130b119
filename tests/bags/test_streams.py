"""Texts from files, columns and streams larger than memory make the same bags as a list."""

import gzip

import numpy as np
import pytest

from embedcnn.bags import NgramFeatures
from embedcnn.bags.streams import Spool

WORDS = np.array([f"w{number}" for number in range(300)] + ["Ünïcode", "!", "日本語"])


def drawn_texts(count):
    generator = np.random.default_rng(3)
    weights = 1 / np.arange(1, len(WORDS) + 1)
    sizes = generator.integers(0, 9, count)
    return [" ".join(generator.choice(WORDS, size, p=weights / weights.sum())) for size in sizes]


TEXTS = drawn_texts(20_000)  # more than two blocks of a stream
SETTINGS = [{}, {"words": (2, 2), "chars": (2, 3), "min_count": 3}, {"buckets": 1000}]


def same(one, other):
    for name in ("offsets", "ids", "counts"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert getattr(one, name).dtype == getattr(other, name).dtype
    assert one.size == other.size


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("spill", [0, 300_000, 1 << 30])
def test_streams_of_any_size(settings, spill):
    features, streamed = NgramFeatures(**settings), NgramFeatures(**settings)
    bags = features.fit_transform(TEXTS)
    made = streamed.fit_transform((text for text in TEXTS), spill=spill)
    same(bags, made)
    again = streamed.transform(iter(TEXTS), spill=spill)
    same(bags, again)
    mapped = isinstance(made.ids, np.memmap), isinstance(again.counts, np.memmap)
    assert mapped == ((spill < 1 << 30,) * 2)
    same(bags[5:9], made[5:9])
    same(bags[[7, 1]], made[[7, 1]])
    assert features.state().keys() == streamed.state().keys()
    assert all(np.array_equal(array, streamed.state()[name]) for name, array in features.state().items())


def test_arrays_of_bags_are_read_only():
    for bags in (NgramFeatures().fit_transform(["a b"]), NgramFeatures(buckets=9).transform(iter(["a"]))):
        for array in (bags.offsets, bags.ids, bags.counts):
            with pytest.raises(ValueError, match="read-only"):
                array[:1] = 0


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_files(tmp_path, suffix):
    path = tmp_path / f"texts.txt{suffix}"
    opener = gzip.open if suffix else open
    with opener(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(TEXTS[:500]) + "\n")
    features = NgramFeatures()
    bags = features.fit_transform(TEXTS[:500])
    same(bags, NgramFeatures().fit_transform(path))
    same(bags, features.transform(str(path)))
    with pytest.raises(TypeError, match=r"\[text\]"):
        features.transform(str(path) + "x")
    with pytest.raises(FileNotFoundError):
        features.transform(tmp_path / "none")


def test_columns():
    features = NgramFeatures().fit(TEXTS[:50])
    bags = features.transform(TEXTS[:50])
    same(bags, features.transform(np.array(TEXTS[:50])))
    same(bags, features.transform(np.array(TEXTS[:50], object)))
    pandas = pytest.importorskip("pandas")
    same(bags, features.transform(pandas.Series(TEXTS[:50])))
    with pytest.raises(TypeError, match="missing"):
        features.transform(pandas.Series(["a", None]))


@pytest.mark.parametrize("spill", [-1, 1.5, None])
def test_spill_that_is_none(spill):
    with pytest.raises(ValueError, match="spill"):
        NgramFeatures().fit_transform(["a"], spill=spill)
    with pytest.raises(ValueError, match="spill"):
        NgramFeatures(buckets=2).transform(["a"], spill=spill)


def test_nothing_spooled():
    for limit in (0, 10):
        numbers, others = Spool((np.int32, np.int64), limit).arrays()
        assert len(numbers) == len(others) == 0 and numbers.dtype == np.int32
    spool = Spool((np.int32,), 0)
    spool.append(np.zeros(0, np.int32))
    assert len(spool.arrays()[0]) == 0
