"""Preprocessing called with wrong values: texts, sequences of ids, settings."""

from __future__ import annotations

import pytest
from wrong_values import Case, faults, pairs

from embedcnn.preprocessing import sequence, text


def fitted():
    tokenizer = text.Tokenizer(num_words=5)
    tokenizer.fit_on_texts(["a b", "b"])
    return tokenizer


def used(tokenizer):
    tokenizer.fit_on_texts(["a b", "b"])
    return tokenizer.texts_to_sequences(["a"])


TOKENIZER = fitted()
SPLIT = {"split": (None,)}
IDS = {"sequences": [[1, 2], [3]]}
CASES = {
    "pad_sequences": Case(
        sequence.pad_sequences, IDS, lists=("sequences",), skipped=("maxlen",), allowed={"value": (1.5, True)}
    ),
    "make_sampling_table": Case(sequence.make_sampling_table, {"size": 5}),
    "skipgrams": Case(
        sequence.skipgrams,
        {"sequence": [1, 2, 3], "vocabulary_size": 5},
        arrays=("sequence",),
        skipped=("negative_samples",),
    ),
    "hashing_trick": Case(text.hashing_trick, {"text": "a b", "n": 5}, allowed=SPLIT),
    "one_hot": Case(text.one_hot, {"input_text": "a b", "n": 5}, allowed=SPLIT),
    "text_to_word_sequence": Case(text.text_to_word_sequence, {"input_text": "a b"}, allowed=SPLIT),
    "Tokenizer": Case(text.Tokenizer, {}, used, allowed=SPLIT),
    "tokenizer_from_json": Case(text.tokenizer_from_json, {"json_string": TOKENIZER.to_json()}),
    **{
        f"Tokenizer.{name}": Case(getattr(TOKENIZER, name), given, lists=tuple(given), also=also)
        for name, given, also in (
            ("fit_on_texts", {"texts": ["a"]}, {}),
            ("texts_to_sequences", {"texts": ["a"]}, {}),
            ("texts_to_matrix", {"texts": ["a"]}, {}),
            ("encode", {"texts": ["a"]}, {}),
            ("sequences_to_texts", {"sequences": [[1]]}, {}),
            ("sequences_to_matrix", {"sequences": [[1]]}, {}),
            ("fit_on_sequences", {"sequences": [[1]]}, {}),
        )
    },
}


@pytest.mark.parametrize(("case", "argument"), pairs(CASES))
def test_wrong_values_are_named(case, argument):
    case.run()
    assert not faults(case, argument)


def test_a_refused_sequence_changes_nothing():
    tokenizer = fitted()
    before = tokenizer.document_count, dict(tokenizer.index_docs)
    with pytest.raises(TypeError, match=r"sequences\[1\] must hold integers. Received: \['a'\]"):
        tokenizer.fit_on_sequences([[1], ["a"]])
    assert (tokenizer.document_count, dict(tokenizer.index_docs)) == before
    with pytest.raises(TypeError, match=r"texts\[1\] must hold tokens, each a str"):
        tokenizer.fit_on_texts([["a"], [1]])
