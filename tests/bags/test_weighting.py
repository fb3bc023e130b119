"""Weights of features against NumPy in float64, and against scikit-learn where it is installed."""

import numpy as np
import pytest
from bags.drawn_bags import dense, draw, of_dense

from embedcnn import set_num_threads
from embedcnn.bags import weighting
from embedcnn.bags.weighting import Part


def reference_values(bags, scale, sublinear, norm):
    counts = dense(bags)
    tf = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1e-300)), 0) if sublinear else counts
    matrix = tf * scale.astype(np.float64)
    if norm:
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
        matrix = matrix / np.where(lengths > 0, lengths, 1)
    return matrix


@pytest.mark.parametrize("sublinear", [True, False])
@pytest.mark.parametrize("norm", [True, False])
def test_values(sublinear, norm):
    bags, _ = draw()
    bags.counts[:3] = 0.5, 300, 255.5
    scale = np.random.default_rng(1).random(bags.size, np.float32)
    got = dense(bags, weighting.values(bags, scale, sublinear=sublinear, norm=norm))
    np.testing.assert_allclose(got, reference_values(bags, scale, sublinear, norm), rtol=2e-6, atol=1e-7)


def test_document_frequencies():
    bags, y = draw()
    present = dense(bags) > 0
    np.testing.assert_array_equal(weighting.document_frequencies(bags), present.sum(axis=0))
    amounts = np.random.default_rng(2).random((len(y), 3), np.float32)
    np.testing.assert_allclose(
        weighting.document_frequencies(bags, amounts), present.T.astype(float) @ amounts.astype(float)
    )


def test_frequencies_do_not_depend_on_threads():
    bags, _ = draw(documents=4000, size=2000, longest=60)
    amounts = np.random.default_rng(3).random((4000, 1), np.float32)
    results = []
    for threads in (1, 2, 8):
        set_num_threads(threads)
        results.append(weighting.document_frequencies(bags, amounts).tobytes())
    set_num_threads(0)
    assert len(set(results)) == 1


def test_inverse_document_frequencies():
    bags = of_dense([[1, 2, 0], [0, 1, 0], [3, 1, 0]])
    np.testing.assert_allclose(
        weighting.inverse_document_frequencies(bags), np.log(4 / np.array([3, 4, 1])) + 1, rtol=1e-6
    )
    plain = weighting.inverse_document_frequencies(bags, smooth=False)
    np.testing.assert_allclose(plain, [np.log(3 / 2) + 1, 1, 0], rtol=1e-6)


def test_weights_of_documents_count_like_repetitions():
    bags, _ = draw()
    counts = dense(bags)
    weights = np.random.default_rng(4).integers(0, 3, len(counts))
    np.testing.assert_array_equal(
        weighting.inverse_document_frequencies(bags, weights),
        weighting.inverse_document_frequencies(of_dense(np.repeat(counts, weights, axis=0))),
    )


@pytest.mark.parametrize("sublinear", [True, False])
def test_as_scikit_learn(sublinear):
    text = pytest.importorskip("sklearn.feature_extraction.text")
    bags, _ = draw()
    transformer = text.TfidfTransformer(sublinear_tf=sublinear)
    expected = transformer.fit_transform(dense(bags)).toarray()
    idf = weighting.inverse_document_frequencies(bags)
    np.testing.assert_allclose(idf, transformer.idf_, rtol=1e-6)
    np.testing.assert_allclose(
        dense(bags, weighting.values(bags, idf, sublinear=sublinear)), expected, atol=1e-6
    )


def test_kinds():
    kinds = [("words 1", 0, 4), ("words 2", 4, 9), ("chars", 9, 12)]
    used = weighting.used_features(Part(kinds=("chars", "words 1")), kinds, 12)
    assert used == [(0, 4), (9, 12)]
    base = weighting.base_scale(Part(kinds=("words 2",)), [(4, 9)], 12, np.arange(12, dtype=np.float32))
    assert base.tolist() == [0] * 4 + [4, 5, 6, 7, 8] + [0] * 3
    with pytest.raises(ValueError, match="kind='word 1' is unknown; did you mean 'words 1'"):
        weighting.used_features(Part(kinds=("word 1",)), kinds, 12)
    with pytest.raises(ValueError, match="outside of the 10 features"):
        weighting.used_features(Part(kinds=("chars",)), kinds, 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weighting": "tf-idf"}, "did you mean 'tfidf'"),
        ({"loss": "hinge"}, "squared_hinge"),
        ({"cost": 0}, "`cost` must be a finite number > 0"),
        ({"damping": -1}, "`damping` must be a finite number >= 0"),
        ({"sublinear": 1}, "`sublinear` must be True or False"),
        ({"kinds": "words 1"}, "`kinds` must be a tuple of names or None"),
    ],
)
def test_settings_that_no_part_has(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Part(**settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": [1, 0]}, "must ascend inside"),
        ({"ids": [0, 0]}, "must ascend inside"),
        ({"ids": [0, 3]}, r"ids\[1\] = 3 of document 0"),
        ({"ids": [-1, 1]}, r"ids\[0\] = -1 of document 0"),
        ({"offsets": [0, 3]}, "offsets must ascend from 0 to the number of ids"),
        ({"offsets": [1, 2]}, "offsets must ascend"),
        ({"offsets": [0, 2, 1, 2]}, "offsets must ascend"),
        ({"offsets": []}, "offsets must ascend"),
        ({"counts": [1.0]}, "each with its count"),
        ({"counts": [1.0, np.nan]}, "bags.counts must be positive finite numbers"),
        ({"counts": [1.0, 0.0]}, "bags.counts must be positive finite numbers"),
    ],
)
def test_bags_that_are_none(change, message):
    bags = of_dense([[1, 1, 0]])
    vars(bags).update(change)
    with pytest.raises(ValueError, match=message):
        weighting.values(bags, np.ones(3, np.float32))


def test_something_else_than_bags():
    with pytest.raises(TypeError, match="`bags` must be Bags .* Received: list"):
        weighting.document_frequencies([[1, 2]])
