"""The core's text types where the arguments change, or are larger than any text."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedcnn import _core

RULES = _core.TextRules("words", "none", " ", "")


def test_only_ascii_characters_can_be_dropped():
    with pytest.raises(ValueError, match=r"drops must hold ASCII characters only\. Received: '-é'"):
        _core.TextRules("words", "none", " ", "-é")


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


MIXTURE = "aAzZ09 \t,'-_éÉİßKȺ，。日😀\ud800\0"
RULES_OF_ALL_KINDS = [
    _core.TextRules("words", "none", " ", ""),
    _core.TextRules("words", "ascii", " \t,A", "'-"),
    _core.TextRules("words", "unicode", " ,，。", "_"),
    _core.TextRules("words", "unicode", "é k日", ""),
    _core.TextRules("characters", "unicode", "", "-"),
    _core.TextRules("none", "ascii", "", "'"),
]


def check_cut_alike(texts, rules):
    """What a table finds in whole corpora is what the tokenizer finds one token at a time."""
    expected = rules.tokens(texts)
    table = _core.WordTable()
    assert table.count(texts, rules)
    words = table.words()
    assert words == list(dict.fromkeys(token for tokens in expected for token in tokens))
    ids, offsets = table.encode(texts, rules, np.arange(len(words), dtype=np.int32), -1)
    found = [[words[i] for i in ids[a:b]] for a, b in zip(offsets, offsets[1:], strict=False)]
    assert found == expected


@given(st.lists(st.text(alphabet=MIXTURE, max_size=80), max_size=5), st.sampled_from(RULES_OF_ALL_KINDS))
def test_tables_cut_texts_as_the_tokenizer_does(texts, rules):
    check_cut_alike(texts, rules)


@pytest.mark.parametrize("rules", RULES_OF_ALL_KINDS)
@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 511, 512, 513, 1024, 3000])
def test_words_across_the_blocks_that_are_classified_at_once(rules, length):
    source = random.Random(length)
    texts = ["a" * length, " " * length, "a " * length, "日" * length, "，a" * length]
    for alphabet in ("aaaaaaaaaB ", "aaaaaaaaaaaaaaaaaaaaaaa ", MIXTURE, "aaaaaa é"):
        texts += ["".join(source.choices(alphabet, k=length)) for _ in range(3)]
    check_cut_alike(texts, rules)


def test_words_of_all_lengths_are_told_apart():
    """Up to sixteen bytes are compared as numbers, longer words byte by byte; zeros count."""
    words = ["x" * length + end for length in range(40) for end in ("", "\0", "\0\0", "y")]
    words = list(dict.fromkeys(words))
    table = _core.WordTable(words)
    ids = np.arange(len(words), dtype=np.int32)
    rules = _core.TextRules("none", "none", "", "")
    assert table.encode(words, rules, ids, -1)[0].tolist() == ids.tolist()
    assert table.encode([word + "z" for word in words], rules, ids, -1)[0].tolist() == [-1] * len(words)


def test_counting_without_memory_leaves_the_table_as_it_was():
    texts = [" ".join(f"w{i}" for i in range(first, first + 700)) for first in range(0, 9000, 300)]
    before = ["old older old", "w5"]
    failures = 0
    for number in range(1, 200):
        table = _core.WordTable()
        table.count(before, RULES)
        _core._memory_fail_at(number, False)
        try:
            table.count(texts, RULES)
        except MemoryError:
            failures += 1
        else:
            break
        finally:
            _core._memory_fail_at(0, False)
        assert table.words() == ["old", "older", "w5"]
        assert table.counts().tolist() == [2, 1, 1]
        assert table.documents().tolist() == [1, 1, 1]
        assert table.encode(["w5 w0"], RULES, np.arange(3, dtype=np.int32), -1)[0].tolist() == [2, -1]
        assert table.count(texts, RULES)
        assert len(table) == 2 + 9000 + 400
        assert int(table.counts().sum()) == 4 + 30 * 700
    assert failures > 10


def test_counts_from_a_damaged_file_can_be_ranked():
    counts = np.array([-1, 2, 2**63 - 1, -(2**63), 0], np.int64)
    table = _core.WordTable(list("abcde"), counts)
    assert table.order().tolist() == [2, 1, 4, 0, 3]
