"""Hashing, IntegerLookup and CategoryEncoding: ids and indicators as Keras has them, alone and in a model."""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import layers
from embedcnn.layers.hashes import fingerprint64, siphash


def test_hashes_of_all_lengths():
    """Of 0 to 139 letters, folded together; TensorFlow's to_hash_bucket_fast and _strong give the same."""
    texts = [bytes(97 + (n * k) % 26 for k in range(n)) for n in range(140)]
    fast = strong = 0
    for text in texts:
        fast = (31 * fast + fingerprint64(text) % 2**62) % 2**62
        strong = (31 * strong + siphash(text, [133, 137]) % 2**62) % 2**62
    assert (fast, strong) == FOLDED


FOLDED = (3801381516562654180, 2058221820523771352)
TEXTS, NUMBERS = [["a"], ["bb"], ["ccc dd"], [""]], [[1], [22], [-3]]


@pytest.mark.parametrize(
    ("options", "values", "expected"),
    [
        ({"num_bins": 10}, TEXTS, [9, 2, 1, 3]),
        ({"num_bins": 10, "salt": [133, 137]}, TEXTS, [4, 4, 5, 0]),
        ({"num_bins": 10, "mask_value": ""}, TEXTS, [4, 3, 4, 0]),
        ({"num_bins": 7}, NUMBERS, [5, 1, 4]),
        ({"num_bins": 7, "salt": 5}, NUMBERS, [3, 3, 2]),
    ],
)
def test_bins_are_those_of_keras(options, values, expected):
    assert layers.Hashing(**options)(values).ravel().tolist() == expected


def test_indicators():
    found = layers.Hashing(5, output_mode="multi_hot")([["a", "bb"], ["ccc", "a"]])
    assert found.tolist() == [[0, 0, 1, 0, 1], [1, 0, 0, 0, 1]]
    assert layers.CategoryEncoding(4, output_mode="count")([[1, 1], [2, 3]]).tolist() == [
        [0, 2, 0, 0],
        [0, 0, 1, 1],
    ]
    one_hot = layers.CategoryEncoding(4, output_mode="one_hot")
    assert one_hot([[1], [2]]).shape == (2, 4) and one_hot([[1, 0], [2, 1]]).shape == (2, 2, 4)
    with pytest.raises(ValueError, match=r"takes ids in \[0, num_tokens=4\). Received: ids from 1 to 4"):
        one_hot([[1], [4]])


def test_numbers_that_are_known():
    lookup = layers.IntegerLookup()
    lookup.adapt([[5], [7], [5], [3], [7], [9]])
    assert lookup.get_vocabulary() == [-1, 7, 5, 9, 3] and lookup.vocabulary_size() == 5
    assert lookup([[5], [3], [100]]).ravel().tolist() == [2, 4, 0]
    masked = layers.IntegerLookup(mask_token=0, vocabulary=[10, 20])
    assert masked.get_vocabulary() == [0, -1, 10, 20] and masked([[0], [20], [4]]).ravel().tolist() == [
        0,
        3,
        1,
    ]
    assert layers.IntegerLookup(vocabulary=[10, 20], num_oov_indices=2)([[10, 20], [7, 4]]).tolist() == [
        [2, 3],
        [1, 0],
    ]
    several = layers.IntegerLookup(vocabulary=[10, 20], output_mode="multi_hot")
    assert several([[10, 20], [20, 4]]).tolist() == [[0, 1, 1], [1, 0, 1]]
    assert layers.IntegerLookup(vocabulary=[10, 20], invert=True)([[2, 0]]).tolist() == [[20, -1]]
    with pytest.raises(ValueError, match="does not know 5, and num_oov_indices=0"):
        layers.IntegerLookup(vocabulary=[10], num_oov_indices=0)([[5]])
    with pytest.raises(ValueError, match="has no vocabulary yet"):
        layers.IntegerLookup()([[5]])


def side_features():
    text = keras.Input((6,), dtype="int32", name="text")
    year = keras.Input((1,), dtype="int64", name="year")
    author = keras.Input((1,), dtype="string", name="author")
    parts = [
        layers.GlobalAveragePooling1D()(layers.Embedding(20, 4)(text)),
        layers.IntegerLookup(vocabulary=[2001, 2002], output_mode="one_hot")(year),
        layers.Flatten()(layers.Embedding(10, 3)(layers.Hashing(10)(author))),
        layers.CategoryEncoding(4, output_mode="one_hot")(
            layers.StringLookup(vocabulary=list("xyz"))(author)
        ),
    ]
    return keras.Model([text, year, author], layers.Dense(1)(layers.concatenate(parts)))


def test_side_features_of_a_model(tmp_path):
    random, model = np.random.default_rng(0), side_features()
    x = {
        "text": random.integers(0, 20, (12, 6)),
        "year": random.integers(2000, 2004, (12, 1)),
        "author": np.array(list("xyzzyxxyzqqx")),
    }
    model.compile("adam", "mse")
    losses = model.fit(x, random.normal(size=12), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    found = model.predict(x, verbose=0)
    alone = model.predict({name: part[:1] for name, part in x.items()}, verbose=0)
    np.testing.assert_allclose(alone, found[:1], rtol=1e-6)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model").predict(x, verbose=0), found)
    same = {**x, "author": np.where(x["author"] == "q", "other", x["author"])}  # both unknown, other bins
    assert (model.predict(same, verbose=0)[:9] == found[:9]).all()


def test_what_they_read():
    with pytest.raises(ValueError, match="reads what a model is given"):
        layers.CategoryEncoding(4)(layers.Dense(1)(keras.Input((3,))))
    with pytest.raises(TypeError, match="reads whole numbers"):
        layers.CategoryEncoding(4)([[0.5]])
