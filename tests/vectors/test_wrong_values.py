"""Word vectors asked with wrong values; KeyError for a word that has no vector is right, as of a dict."""

from __future__ import annotations

import numpy as np
import pytest
from wrong_values import Case, faults, pairs

from embedcnn import vectors

WV = vectors.WordVectors(["a", "b", "c"], np.eye(3, dtype=np.float32))
UNKNOWN, FILES = (KeyError,), (FileNotFoundError, vectors.VectorFileError)
QUESTION = {"word": ("a vector of the question", "a vector has shape")}


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vectors.write(WV, "v.vec")


def asked(name, also=None, lists=(), arrays=(), **given):
    words = {"word": ("word",), "words": ("word",), "keys": ("word", "a vector has shape")}
    return Case(
        getattr(WV, name), given, also={**words, **(also or {})}, lists=lists, arrays=arrays, errors=UNKNOWN
    )


CASES = {
    "WordVectors": Case(
        vectors.WordVectors,
        {"keys": ["a", "b"], "vectors": np.eye(2, dtype=np.float32)},
        arrays=("vectors",),
        also={"keys": ("word",)},
    ),
    "doesnt_match": asked("doesnt_match", words=["a", "b"]),
    "get_index": asked("get_index", word="a"),
    "get_mean_vector": asked("get_mean_vector", keys=["a", "b"]),
    "get_vector": asked("get_vector", word="a"),
    "most_similar": asked(
        "most_similar",
        positive="a",
        also=dict.fromkeys(("positive", "negative"), ("a vector of the question", "a vector has shape")),
    ),
    "most_similar_to_given": asked("most_similar_to_given", word="a", words=["b", "c"]),
    "select": asked("select", words=["a", "c"]),
    "similar_by_word": asked("similar_by_word", word="a", also=QUESTION),
    "similar_by_vector": asked(
        "similar_by_vector",
        vector=np.ones(3),
        arrays=("vector",),
    ),
    "load": Case(vectors.load, {"path": "v.vec"}, errors=FILES),
    "write": Case(vectors.write, {"vectors": WV, "path": "w.vec"}, errors=FILES),
    "build_matrix": Case(
        vectors.build_matrix,
        {"vocabulary": ["a", "zz"], "vectors": WV},
        errors=FILES,
        also={"vocabulary": ("word",)},
    ),
}


@pytest.mark.parametrize(("case", "argument"), pairs(CASES))
def test_wrong_values_are_named(case, argument):
    case.run()
    assert not faults(case, argument)


def test_an_unknown_word_has_no_row():
    with pytest.raises(KeyError, match="the word 'z' has no row"):
        WV.get_index("z")
    assert WV.get_index("z", -1) == -1 and WV.get_index(None, 5) == 5
