"""The core's side of vector files, called out of order or with numbers that no file holds."""

import numpy as np
import pytest

from embedcnn import _core


def reader(dimensions=2):
    settings = {"binary": False, "half": False, "skip": False, "duplicates": 0, "unicode": 0}
    return _core.VectorReader(dimensions=dimensions, limit=-1, first_line=1, wanted=None, **settings)


def test_a_reader_whose_words_were_taken_is_at_its_end():
    one = reader()
    one.write(b"a 1 2\nb 3 4\n")
    assert one.parse(True) == 2
    one.take_words()
    guard = np.zeros((0, 2), np.float32)
    one.store(guard)  # the rows have no place any more
    with pytest.raises(RuntimeError, match="words were taken"):
        one.parse(True)


def test_the_empty_word_in_an_index():
    arrays, numbers = _core.word_index_build(["", "", "a"])
    assert numbers.tolist() == [0, 0, 1]
    assert _core.word_index_words(arrays, 0, 2) == ["", "a"]
    arrays, _ = _core.word_index_build([""])
    assert _core.word_index_get(arrays, "") == 0


def test_rows_of_n_grams_beyond_any_matrix():
    arrays, _ = _core.word_index_build(["word"])
    matrix = np.zeros((20, 2), np.float32)
    for first_row in (11, 2**62, 2**63 - 5):
        with pytest.raises(ValueError, match="a row for each word and bucket"):
            _core.fasttext_compose(matrix, arrays, (3, 6, 10, first_row))
    _core.fasttext_compose(matrix, arrays, (3, 6, 10, 10))
    assert not matrix.any()
