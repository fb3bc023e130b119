"""The core's margins of texts: those of the table in NumPy over the bags of the same texts, for every form of
part, at any number of threads and from any number of Python threads at once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from bags import reviews

from embedcnn import _core
from embedcnn.bags import LinearPart, NgramFeatures
from embedcnn.layers import BagOfNgrams


def drawn_layer(features, seed=0, units=(1, 1)):
    """A layer of parts of all kinds over some features."""
    rng = np.random.default_rng(seed)
    parts = []
    for number, count in enumerate(units):
        shape = (features.size, count) if number % 2 else (features.size,)
        scale = None if number % 4 == 2 else rng.uniform(0, 2, shape) * (rng.uniform(size=shape) < 0.8)
        norm = ("l2", "l2", "mean", "none")[number % 4]
        weights, bias = rng.normal(size=(features.size, count)), rng.normal(size=count)
        parts.append(LinearPart(weights, bias, scale, norm, number % 3 != 1))
    return BagOfNgrams(features, parts)


SETTINGS = {
    "words": {},
    "long": {"words": (2, 5)},
    "chars": {"chars": (2, 4)},
    "only chars": {"words": None, "chars": (1, 3)},
    "hashed": {"chars": (3, 3), "buckets": 997},
    "frequent": {"min_count": 3, "max_features": 40},
    "whitespace": {"tokenizer": "whitespace"},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("units", [(1, 1), (1,), (2,), (3, 3, 3), (1, 2, 3, 4)])
def test_margins_are_those_of_the_table(settings, units):
    texts, _ = reviews.draw()
    layer = drawn_layer(NgramFeatures(**settings).fit(texts), units=units)
    new, _ = reviews.draw(seed=1, longest=60)
    for some in (texts, new, ["", "good " * 300 + "bad", "never seen words"]):
        wanted = layer.margins_of(layer.bags_of(some))
        np.testing.assert_allclose(layer(some), wanted, rtol=1e-6, atol=1e-6)


def test_bits_do_not_depend_on_threads_or_on_the_texts_beside(threads):
    texts, _ = reviews.draw(2000, longest=80)
    layer = drawn_layer(NgramFeatures(chars=(3, 4)).fit(texts))
    one = np.concatenate([layer(texts[start : start + 1]) for start in range(len(texts))])
    np.testing.assert_array_equal(layer(texts), one)  # of one text there is one thread


def test_many_python_threads_at_once():
    texts, _ = reviews.draw(1500, longest=60)
    layer = drawn_layer(NgramFeatures().fit(texts))
    wanted = layer(texts)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda part: layer(texts[part::8]), list(range(8)) * 4))
    for number, margins in enumerate(found):
        np.testing.assert_array_equal(margins, wanted[number % 8 :: 8])


def test_counts_above_those_whose_multipliers_are_kept():
    features = NgramFeatures(words=(1, 1)).fit(["a b"])
    layer = drawn_layer(features, units=(2, 1, 1))
    texts = [("a " * number + "b " * (3 * number)).strip() for number in (1, 5, 15, 16, 17, 1000)]
    np.testing.assert_allclose(layer(texts), layer.margins_of(layer.bags_of(texts)), rtol=1e-6, atol=1e-6)


def test_no_texts_and_one_text():
    layer = drawn_layer(NgramFeatures().fit(["a good film"]))
    assert layer([]).shape == (0, 2)
    assert layer("a film").shape == (2,)
    np.testing.assert_array_equal(layer("a film"), layer(["a film"])[0])
    np.testing.assert_array_equal(layer([["a film"], ["good"]]), layer(["a film", "good"]))


@pytest.mark.parametrize("number", range(1, 40))
def test_without_memory_there_is_an_error(number):
    texts, _ = reviews.draw(40)
    layer = drawn_layer(NgramFeatures().fit(texts))
    wanted = layer(texts)
    _core._memory_fail_at(number, False)
    try:
        np.testing.assert_array_equal(layer(texts), wanted)
    except MemoryError:
        pass
    finally:
        _core._memory_fail_at(0, False)
    np.testing.assert_array_equal(layer(texts), wanted)


GOOD = (2, 1, 1, True)


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ([], ValueError, "at least one part"),
        ([(0, 0, 0, True)], ValueError, "do not fit each other"),
        ([(2, 3, 1, True)], ValueError, "do not fit each other"),
        ([(2, 1, 0, True)], ValueError, "do not fit each other"),
        ([(2, 0, 1, True)], ValueError, "do not fit each other"),
        ([(2, 1, 3, True)], ValueError, "do not fit each other"),
        ([(2, 1, -1, True)], ValueError, "do not fit each other"),
        ([(1 << 40, 1, 1, True)], ValueError, "do not fit each other"),
        ([[2, 1, 1, True]], TypeError, "tuples"),
        ([(2, 1)], TypeError, "4 arguments"),
        (5, TypeError, "not iterable"),
        ([GOOD, GOOD], ValueError, "table must be a contiguous float32 array of 3 rows and 6 columns"),
    ],
)
def test_the_core_refuses_parts_that_do_not_fit(parts, error, message):
    features = NgramFeatures(words=(1, 1)).fit(["a b c"])
    with pytest.raises(error, match=message):
        _core.bag_scores(
            features._ready(), ["a"], np.zeros((3, 3), np.float32), np.zeros(2, np.float32), parts
        )


@pytest.mark.parametrize(
    ("table", "bias"),
    [
        (np.zeros((3, 3)), np.zeros(2, np.float32)),
        (np.zeros((2, 3), np.float32), np.zeros(2, np.float32)),
        (np.zeros((3, 4), np.float32), np.zeros(2, np.float32)),
        (np.zeros((3, 6), np.float32)[:, ::2], np.zeros(2, np.float32)),
        (np.zeros(9, np.float32), np.zeros(2, np.float32)),
        (np.zeros((3, 3), np.float32), np.zeros(3, np.float32)),
        (np.zeros((3, 3), np.float32), np.zeros((2, 1), np.float32)),
        (None, np.zeros(2, np.float32)),
    ],
)
def test_the_core_refuses_arrays_that_do_not_fit(table, bias):
    features = NgramFeatures(words=(1, 1)).fit(["a b c"])
    with pytest.raises(ValueError, match="must be a contiguous float32 array"):
        _core.bag_scores(features._ready(), ["a"], table, bias, [GOOD])
