"""Files of vectors that another process cuts short or writes over while they are mapped: an error that says
so, never the end of the process.
"""

import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest

from embedcnn import vectors
from embedcnn.vectors import VectorFileError

ROWS = 4000
WORDS = [f"word{i}" for i in range(ROWS)]
MATRIX = np.random.default_rng(0).normal(size=(ROWS, 50)).astype(np.float32)
CHANGED = "another process has cut the file short or written over it"

QUESTIONS = {
    "word": lambda wv: wv["word3999"],
    "words": lambda wv: wv[["word1", "word3999"]],
    "get": lambda wv: wv.get("word3999"),
    "in": lambda wv: "word3999" in wv,
    "row": lambda wv: wv.key_to_index["word3999"],
    "find": lambda wv: wv.key_to_index.find(["word3999"]),
    "all words": lambda wv: list(wv),
    "index_to_key": lambda wv: wv.index_to_key,
    "matrix": lambda wv: wv.vectors,
    "norms": lambda wv: wv.norms(),
    "nearest": lambda wv: wv.most_similar("word5"),
    "similarity": lambda wv: wv.similarity("word1", "word3999"),
    "select": lambda wv: wv.select(["word3999"]),
    "head": lambda wv: wv.head(3990),
    "normalized": lambda wv: wv.normalized(),
    "reduce": lambda wv: wv.reduce(2),
    "verify": lambda wv: wv.verify(),
    "pickle": lambda wv: pickle.dumps(wv),
    "build_matrix": lambda wv: vectors.build_matrix({"word3999": 1}, wv),
    "save": lambda wv: wv.save(os.devnull),
}


@pytest.fixture
def cache(tmp_path):
    path = tmp_path / "words.embedcnn"
    vectors.WordVectors(WORDS, MATRIX).save(path)
    return path


def shorten(path):
    os.truncate(path, 8192)


def empty(path):
    path.open("wb").close()


def write_over(path):
    with path.open("r+b") as file:
        file.write(b"something else" * 400)
    os.utime(path, ns=(0, time.time_ns() + 10**9))  # clocks of file systems may be coarse


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("change", [shorten, empty, write_over])
def test_each_question_is_an_error(cache, change, question):
    found = vectors.load(cache)
    QUESTIONS[question](found)
    change(cache)
    fresh = vectors.WordVectors(found.key_to_index, found._vectors)  # nothing that was kept from before
    fresh.key_to_index._words, fresh._cache, fresh._mapped = None, found._cache, found._mapped
    with pytest.raises(VectorFileError, match=CHANGED):
        QUESTIONS[question](fresh)


def test_what_was_given_before_stays(cache):
    found = vectors.load(cache)
    vector, composed = found["word3999"], found[["word3", "word4"]]
    empty(cache)
    np.testing.assert_array_equal(vector, MATRIX[3999])
    np.testing.assert_array_equal(composed, MATRIX[3:5])
    assert not vector.flags.writeable


@pytest.mark.parametrize("name", ["w.embedcnn", "w.txt"])
def test_private_memory(tmp_path, name):
    path = tmp_path / name
    table = vectors.WordVectors(WORDS, MATRIX)
    vectors.write(table, path, "cache" if name == "w.embedcnn" else "word2vec")
    cache = name == "w.txt"
    for _ in range(2):
        found = vectors.load(path, cache=cache, cache_copy=True)
    for file in tmp_path.iterdir():
        empty(file)
    np.testing.assert_array_equal(found.vectors, MATRIX)
    assert (
        found["word3999"].tolist() == MATRIX[3999].tolist() and "word1" in found and len(list(found)) == ROWS
    )


def test_a_new_file_of_the_same_name_does_no_harm(cache):
    found = vectors.load(cache)
    vectors.WordVectors(["a"], np.ones((1, 2), np.float32)).save(cache)
    np.testing.assert_array_equal(found["word3999"], MATRIX[3999])
    cache.unlink()
    assert found.most_similar("word5", topn=1)


def test_another_time_alone_is_no_change(cache):
    found = vectors.load(cache)
    os.utime(cache, (1, 1))
    np.testing.assert_array_equal(found["word3999"], MATRIX[3999])
    assert "word2" in found


@pytest.mark.parametrize("copy", [False, True])
def test_matrices_of_numpy(tmp_path, copy):
    path = tmp_path / "matrix.npy"
    np.save(path, MATRIX)
    found = vectors.load(path, keys=WORDS, cache_copy=copy)
    vector = found["word3999"]
    shorten(path)
    np.testing.assert_array_equal(vector, MATRIX[3999])
    if copy:
        np.testing.assert_array_equal(found.vectors, MATRIX)
        return
    for question in ("word", "words", "nearest", "matrix"):
        with pytest.raises(VectorFileError, match=CHANGED):
            QUESTIONS[question](found)


def test_no_descriptor_stays_open(cache):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        vectors.load(cache)["word1"]
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_process_that_serves_goes_on(cache):
    program = (
        "import os, sys\nfrom embedcnn import vectors\nwv = vectors.load(sys.argv[1])\n"
        "os.truncate(sys.argv[1], 4096)\n"
        "try:\n    wv.most_similar('word1')\nexcept ValueError as error:\n    print('said:', error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, cache], capture_output=True, text=True, check=True)
    assert "words.embedcnn" in done.stdout and CHANGED in done.stdout


def test_a_vector_file_that_is_empty_when_opened_then_written(tmp_path, monkeypatch):
    path = tmp_path / "glove.txt"
    path.touch()
    from embedcnn.vectors import reading

    head = reading.ByteSource.head

    def head_then_write(source, count):
        found = head(source, count)
        path.write_text("cat 1 2\ndog 3 4\n")
        return found

    monkeypatch.setattr(reading.ByteSource, "head", head_then_write)
    with pytest.raises(VectorFileError):
        vectors.load(path)
