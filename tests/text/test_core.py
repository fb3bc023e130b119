"""The core's text types where the arguments change, or are larger than any text."""

import numpy as np
import pytest

from embedcnn import _core

RULES = _core.TextRules("words", "none", " ", "")


def test_texts_that_add_words_while_they_are_collected():
    """`ids` has an entry for each word, also those that came while the texts were collected."""
    table = _core.WordTable(["a"])

    def texts():
        yield "a b"
        table.count([" ".join(f"w{i}" for i in range(10000))], RULES)

    with pytest.raises(ValueError, match="one entry for each word"):
        table.encode(texts(), RULES, np.zeros(1, np.int32), -1)
    ids, offsets = table.encode(["a w9999 b"], RULES, np.arange(len(table), dtype=np.int32), -1)
    assert ids.tolist() == [0, 10000, -1]
    assert offsets.tolist() == [0, 3]


def test_n_grams_of_any_length():
    all_lengths = _core.ngrams(["a b c d"], RULES, 4, 1000)
    assert all_lengths[0].shape == (6,)
    for longest in (5, 2**31, 2**63 - 1):
        for one, other in zip(_core.ngrams(["a b c d"], RULES, longest, 1000), all_lengths, strict=True):
            np.testing.assert_array_equal(one, other)
