"""Every shared file of vectors, read and compared with gensim."""

import lzma

import numpy as np
import pytest

from embedcnn import vectors

FILES = {"word2vec_pre_kv_c": False, "euclidean_vectors.bin": True, "lee_fasttext.vec": False}


@pytest.fixture
def gensim():
    return pytest.importorskip("gensim.models")


@pytest.mark.parametrize("name", FILES)
def test_word2vec_files_as_gensim_reads_them(shared, gensim, name):
    path = shared / "data/vectors" / name
    theirs = gensim.KeyedVectors.load_word2vec_format(str(path), binary=FILES[name])
    ours = vectors.load(path)
    assert ours.index_to_key == theirs.index_to_key
    np.testing.assert_array_equal(ours.vectors, theirs.vectors)
    assert ours.vectors.dtype == np.float32 and ours.vectors.flags.c_contiguous
    assert dict(ours.key_to_index) == theirs.key_to_index


def test_glove_as_gensim_reads_it(shared, gensim, tmp_path):
    path = shared / "data/vectors/glove.6B.50d.top100k.txt.xz"
    plain = tmp_path / "glove.txt"
    with lzma.open(path) as file:
        plain.write_bytes(b"".join(line for line, _ in zip(file, range(20000), strict=False)))
    theirs = gensim.KeyedVectors.load_word2vec_format(str(plain), binary=False, no_header=True)
    ours = vectors.load(plain)
    assert ours.index_to_key == theirs.index_to_key
    np.testing.assert_array_equal(ours.vectors, theirs.vectors)
    compressed = vectors.load(path, limit=20000)
    np.testing.assert_array_equal(ours.vectors, compressed.vectors)
    assert compressed.index_to_key == ours.index_to_key


def test_fasttext_model_as_gensim_reads_it(shared, gensim):
    path = shared / "data/vectors/lee_fasttext_new.bin"
    theirs = gensim.fasttext.load_facebook_vectors(str(path))
    ours = vectors.load(path)
    assert ours.index_to_key == theirs.index_to_key
    # "</s>" has no n-grams in fastText; gensim gives it some.
    rows = [row for row, word in enumerate(ours.index_to_key) if word != "</s>"]
    np.testing.assert_allclose(ours.vectors[rows], theirs.vectors[rows], rtol=0, atol=1e-6)
    for word in ["xyzzy", "níght", "北京大学", "unbelievable"]:
        assert word not in ours
        np.testing.assert_allclose(ours[word], theirs[word], rtol=0, atol=1e-7)
    some = vectors.load(path, words=["night", "the", "xyzzy"])
    assert sorted(some) == ["night", "the", "xyzzy"]
    for word in some:
        np.testing.assert_allclose(some[word], ours[word], rtol=0, atol=1e-6)
