"""Tokenizer against Keras (stored results, and itself where installed) and a plain restatement."""

import copy
import hashlib
import json
import lzma
import pickle
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from draws import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from embedcnn import _core
from embedcnn.preprocessing.text import (
    Tokenizer,
    hashing_trick,
    one_hot,
    text_to_word_sequence,
    tokenizer_from_json,
)
from embedcnn.preprocessing.words import DEFAULT_FILTERS

GOLDEN = json.loads((Path(__file__).parents[1] / "text" / "golden" / "tokenizer.json").read_text())
ALPHABET = "aAbBzZ!,.' \t\n\x00\u0085\u00a0éÉσΣςİıKßẞȺⱥ\u0301\u200d，日😀\ufeff\ud800\udc00"
any_text = st.text(alphabet=ALPHABET, max_size=30) | st.text(
    st.characters(exclude_categories=()), max_size=20
)


def words_of(text, lower=True, filters=DEFAULT_FILTERS, split=" "):
    """What a text's words are, said in the plainest way."""
    text = text.lower() if lower else text
    word, words = "", []
    for character in text:
        if character in filters or character == split:
            words.append(word)
            word = ""
        else:
            word += character
    return [word for word in [*words, word] if word]


def ranked(lists):
    counts = Counter(word for words in lists for word in words)
    return {word: rank for rank, (word, _) in enumerate(counts.most_common(), 1)}


@pytest.fixture(autouse=True)
def restore_threads():
    yield
    _core.set_num_threads(0)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: json.dumps(case["arguments"])[:60])
def test_same_as_keras(case):
    tokenizer = Tokenizer(**case["arguments"])
    tokenizer.fit_on_texts(GOLDEN["texts"])
    tokenizer.fit_on_texts([["The", "fox"], "again fox fox"])
    sequences = tokenizer.texts_to_sequences(GOLDEN["unseen"])
    assert sequences == case["sequences"]
    assert tokenizer.encode(GOLDEN["unseen"]).tolist() == sequences
    assert list(tokenizer.texts_to_sequences_generator(GOLDEN["unseen"])) == sequences
    assert list(tokenizer.word_index.items()) == [tuple(pair) for pair in case["word_index"]]
    assert tokenizer.index_word == {index: word for word, index in tokenizer.word_index.items()}
    assert list(tokenizer.word_counts.items()) == [tuple(pair) for pair in case["word_counts"]]
    assert sorted(tokenizer.word_docs.items()) == [tuple(pair) for pair in case["word_docs"]]
    assert sorted(tokenizer.index_docs.items()) == [tuple(pair) for pair in case["index_docs"]]
    assert tokenizer.document_count == case["document_count"]
    assert tokenizer.sequences_to_texts([*sequences, [1, 2, 10**6]]) == case["texts"]
    for mode in ("binary", "count", "freq", "tfidf"):
        matrix = tokenizer.texts_to_matrix(GOLDEN["unseen"], mode)
        expected = np.zeros(case["shape"])
        for row, column, value in case[mode]:
            expected[row, column] = value
        assert matrix.dtype == np.float64
        np.testing.assert_allclose(matrix, expected, rtol=1e-15)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: json.dumps(case["arguments"])[:60])
def test_reading_the_dicts_between_the_fits_changes_nothing(case):
    tokenizer = Tokenizer(**case["arguments"])
    assert tokenizer.word_index == {} == tokenizer.index_word
    tokenizer.fit_on_texts(GOLDEN["texts"])
    counts = tokenizer.word_counts
    tokenizer.fit_on_texts([["The", "fox"], "again fox fox"])
    assert tokenizer.word_counts is counts
    assert list(tokenizer.word_counts.items()) == [tuple(pair) for pair in case["word_counts"]]
    assert list(tokenizer.word_index.items()) == [tuple(pair) for pair in case["word_index"]]
    assert sorted(tokenizer.index_docs.items()) == [tuple(pair) for pair in case["index_docs"]]
    assert tokenizer.texts_to_sequences(GOLDEN["unseen"]) == case["sequences"]


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: json.dumps(case["arguments"])[:60])
def test_copies_pickles_and_json_keep_everything(case):
    tokenizer = Tokenizer(**case["arguments"])
    tokenizer.fit_on_texts(GOLDEN["texts"])
    others = [pickle.loads(pickle.dumps(tokenizer)), copy.deepcopy(tokenizer), copy.copy(tokenizer)]
    others.append(tokenizer_from_json(tokenizer.to_json()))
    others.append(pickle.loads(pickle.dumps(others[-1])))
    for other in others:
        other.fit_on_texts([["The", "fox"], "again fox fox"])
        assert other.texts_to_sequences(GOLDEN["unseen"]) == case["sequences"]
        assert dict(other.word_counts) == dict(case["word_counts"])
    assert dict(tokenizer.word_counts) != dict(case["word_counts"])


@pytest.mark.slow
def test_lower_is_pythons_for_every_code_point():
    points = [chr(point) for point in range(0x110000)]
    rules = _core.TextRules("none", "unicode", "", "")
    assert [tokens[0] for tokens in rules.tokens(points)] == [point.lower() for point in points]
    lowered = [point.lower() for point in points]
    assert [tokens[0] for tokens in rules.tokens(lowered)] == [text.lower() for text in lowered]


@settings(max_examples=examples(300), deadline=None)
@given(
    st.lists(any_text, max_size=6),
    st.booleans(),
    st.sampled_from([DEFAULT_FILTERS, "", "ab，Éé"]),
    st.booleans(),
)
def test_any_text(texts, lower, filters, characters):
    tokenizer = Tokenizer(lower=lower, filters=filters, char_level=characters)
    tokenizer.fit_on_texts(texts)
    lists = [list(text.lower() if lower else text) for text in texts]
    if not characters:
        lists = [words_of(text, lower, filters) for text in texts]
        assert [text_to_word_sequence(text, filters, lower) for text in texts] == lists
    index = ranked(lists)
    assert tokenizer.texts_to_sequences(texts) == [[index[word] for word in words] for words in lists]
    assert tokenizer.word_index == index
    assert dict(tokenizer.word_docs) == Counter(word for words in lists for word in set(words))


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(any_text, max_size=5),
    any_text,
    st.integers(0, 6),
    st.sampled_from([None, "<oov>", "a"]),
    st.booleans(),
)
def test_any_text_against_keras_itself(texts, unseen, num_words, oov_token, lower):
    keras = pytest.importorskip("keras.src.legacy.preprocessing.text")
    ours, theirs = (
        make(num_words, oov_token=oov_token, lower=lower) for make in (Tokenizer, keras.Tokenizer)
    )
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(texts)
    assert ours.texts_to_sequences([*texts, unseen]) == theirs.texts_to_sequences([*texts, unseen])
    assert list(ours.word_index.items()) == list(theirs.word_index.items())
    assert ours.index_docs == theirs.index_docs


def corpus(seed, texts=3000):
    random_words = random.Random(seed)
    words = [f"w{int(random_words.paretovariate(0.6)) % 50000}É" for _ in range(20000)]
    return [" ".join(random_words.choices(words, k=random_words.randrange(80))) for _ in range(texts)]


@pytest.mark.slow
@pytest.mark.parametrize("case", GOLDEN["imdb"], ids=lambda case: json.dumps(case["arguments"]))
def test_imdb_has_the_ids_of_keras(shared, case):
    with lzma.open(shared / "data/imdb/imdb.train.tsv.xz", "rt", encoding="utf-8") as file:
        texts = [line.rstrip("\n").split("\t")[-1] for line in file]
    tokenizer = Tokenizer(**case["arguments"])
    tokenizer.fit_on_texts(texts)
    digest = hashlib.blake2b(digest_size=16)
    for part in (tokenizer.word_index, tokenizer.word_counts, tokenizer.texts_to_sequences(texts)):
        digest.update(json.dumps(part).encode())
    assert digest.hexdigest() == case["digest"]


def test_threads_do_not_show():
    texts = corpus(1)
    results = []
    for threads in (1, 2, 3, 7):
        _core.set_num_threads(threads)
        tokenizer = Tokenizer(num_words=5000)
        tokenizer.fit_on_texts(texts[:2000])
        tokenizer.fit_on_texts(texts[1000:])
        ragged = tokenizer.encode(texts)
        results.append(
            (list(tokenizer.word_counts.items()), sorted(tokenizer.word_docs.items()), ragged.tolist())
        )
    assert all(result == results[0] for result in results)
    assert [word for word, _ in results[0][0]] == list(dict.fromkeys(" ".join(texts).lower().split()))


def test_streams_arrays_and_tuples():
    texts = corpus(2, 9000)  # more than a block of a stream
    expected = Tokenizer()
    expected.fit_on_texts(texts)
    for form in (tuple(texts), np.array(texts, object), np.array(texts), (text for text in texts)):
        tokenizer = Tokenizer()
        tokenizer.fit_on_texts(form)
        assert tokenizer.word_index == expected.word_index
        assert tokenizer.document_count == 9000
    assert expected.encode(text for text in texts) == expected.encode(texts)
    stream = iter(texts)
    next(expected.texts_to_sequences_generator(stream))
    assert next(stream) == texts[1]


def test_num_words_and_oov_may_change_after_the_fit():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["a a a b b c"])
    assert tokenizer.texts_to_sequences(["a b c d"]) == [[1, 2, 3]]
    tokenizer.num_words = 3
    assert tokenizer.texts_to_sequences(["a b c d"]) == [[1, 2]]
    tokenizer.oov_token = "c"
    assert tokenizer.texts_to_sequences(["a b c d"]) == [[1, 2, 3, 3]]


def test_rare_words_may_be_deleted():
    tokenizer = Tokenizer(oov_token="?")
    tokenizer.fit_on_texts(["a a b c c", "c d"])
    for word in [word for word, count in tokenizer.word_counts.items() if count < 2]:
        del tokenizer.word_index[word], tokenizer.word_docs[word], tokenizer.word_counts[word]
    assert tokenizer.texts_to_sequences(["a b c d"]) == [[3, 1, 2, 1]]
    tokenizer.word_index["new"] = 9
    assert tokenizer.encode(["new d"]).tolist() == [[9, 1]]
    for change in (
        lambda index: index.pop("new"),
        lambda index: index.update(a=30),
        lambda index: index.setdefault("b", 4),
        lambda index: index.__ior__({"c": 20}),
        lambda index: index.popitem(),
    ):
        change(tokenizer.word_index)
        index = tokenizer.word_index
        assert tokenizer.encode(["a b c new"]).tolist() == [
            [index.get(word, 1) for word in ["a", "b", "c", "new"]]
        ]
    tokenizer.word_index.clear()
    assert tokenizer.texts_to_sequences(["a"]) == [[None]]
    tokenizer.fit_on_texts(["e"])
    assert list(tokenizer.word_counts.items()) == [("a", 2), ("c", 3), ("e", 1)]
    assert tokenizer.word_index == {"?": 1, "c": 2, "a": 3, "e": 4}


def test_word_index_may_be_assigned():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["a b"])
    tokenizer.word_index = {"b": 5, "x": -2, 7: 1}
    assert tokenizer.texts_to_sequences(["a b x"]) == [[5, -2]]
    tokenizer.lower = False
    assert tokenizer.texts_to_sequences([["b", 7]]) == [[5, 1]]
    tokenizer.word_index = {"b": 2.5, "x": 2**40}
    assert tokenizer.texts_to_sequences(["a b x"]) == [[2.5, 2**40]]


def test_tokens_need_not_be_str():
    tokenizer = Tokenizer(lower=False)
    tokenizer.fit_on_texts([[1, 2, 2], ["a", (3,)], "a b"])
    assert tokenizer.word_index == {2: 1, "a": 2, 1: 3, (3,): 4, "b": 5}
    assert tokenizer.texts_to_sequences([[1, "b", 9], "a"]) == [[3, 5], [2]]
    assert tokenizer.encode([[1, "b", 9], "a"]).tolist() == [[3, 5], [2]]


def test_analyzer_takes_the_place_of_all_settings():
    tokenizer = Tokenizer(analyzer=lambda text: (part for part in text.split("-")))
    tokenizer.fit_on_texts(["A b-A b-c", ["X"]])
    assert tokenizer.word_index == {"A b": 1, "c": 2, "x": 3}
    assert tokenizer.texts_to_sequences(["c-q-A b", ["X"]]) == [[2, 1], [3]]


def test_split_none_is_pythons():
    tokenizer = Tokenizer(split=None)
    tokenizer.fit_on_texts(["a-b\u00a0c  d"])
    assert tokenizer.word_index == {"ab": 1, "c": 2, "d": 3}
    with pytest.raises(ValueError, match="`split` must be a non-empty string or None"):
        Tokenizer(split="").fit_on_texts(["a"])


def test_an_oov_token_without_a_fit():
    assert Tokenizer(oov_token="?").texts_to_sequences(["a"]) == [[None]]
    with pytest.raises(ValueError, match="fit_on_texts first"):
        Tokenizer(oov_token="?").encode(["a"])


@pytest.mark.parametrize(
    "method",
    ["fit_on_texts", "texts_to_sequences", "texts_to_sequences_generator", "encode", "texts_to_matrix"],
)
def test_what_is_no_list_of_texts(method):
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["a b"])
    slow = Tokenizer(split="ab")
    slow.fit_on_texts(["a b"])
    call = getattr(tokenizer, method)
    with pytest.raises(
        TypeError, match=r"must be a list of texts; did you mean \[text\]\? Received: one str"
    ):
        call("a str")
    with pytest.raises(TypeError, match="Received: one bytes"):
        call(b"bytes")
    with pytest.raises(TypeError, match="must be a list of texts. Received: int"):
        call(3)
    with pytest.raises(TypeError, match=r"Received: shape \(1, 2\)"):
        call(np.array([["a", "b"]]))
    for bad, said in (
        (float("nan"), "missing: nan"),
        (None, "missing: None"),
        (b"x", "a bytes"),
        (("a",), "a tuple"),
    ):
        with pytest.raises(TypeError, match=rf"texts\[1\] is {said}"):
            list(call(["a", bad]) or [])
        with pytest.raises(TypeError, match=rf"texts\[1\] is {said}"):
            list(getattr(slow, method)(["a", bad]) or [])
    assert tokenizer.document_count == 1


def test_other_misuse():
    with pytest.raises(TypeError, match="unknown arguments of Tokenizer: bogus"):
        Tokenizer(bogus=1)
    with pytest.warns(UserWarning, match="num_words"):
        assert Tokenizer(nb_words=3).num_words == 3
    with pytest.raises(ValueError, match="Specify a dimension"):
        Tokenizer().texts_to_matrix(["a"])
    with pytest.raises(ValueError, match="before using tfidf"):
        Tokenizer(num_words=3).sequences_to_matrix([[1]], "tfidf")
    with pytest.raises(ValueError, match="Unknown vectorization mode: 'bad'"):
        Tokenizer(num_words=3).sequences_to_matrix([[1]], "bad")
    with pytest.raises(ValueError, match="negative id, -1"):
        Tokenizer(num_words=3).sequences_to_matrix([[-1]])
    with pytest.raises(ValueError, match="does not hold a tokenizer"):
        tokenizer_from_json('{"config": {}}')
    with pytest.raises(TypeError, match="`input_text` must be one str"):
        text_to_word_sequence(["a"])


def test_hashing():
    assert [hashing_trick(text, 50, "md5") for text in GOLDEN["texts"]] == GOLDEN["hashed"]
    assert one_hot("a b a", 30)[0] == hash("a") % 29 + 1
    assert hashing_trick("a b", 10, len, analyzer=str.split) == [2, 2]
    with pytest.raises(ValueError, match="`n` must be an integer >= 2. Received: n=1"):
        one_hot("a", 1)
    with pytest.raises(ValueError, match="Received: hash_function='sha'"):
        hashing_trick("a", 5, "sha")


def test_fails_cleanly_without_memory():
    texts = corpus(3, 50)
    expected = Tokenizer()
    expected.fit_on_texts(texts)
    failures = 0
    for number in range(1, 100):
        tokenizer = Tokenizer()
        _core._memory_fail_at(number, False)
        try:
            tokenizer.fit_on_texts(texts)
            encoded = tokenizer.encode(texts)
        except MemoryError:
            failures += 1
            continue
        finally:
            _core._memory_fail_at(0, False)
        assert encoded == expected.encode(texts)
    assert failures > 10


def test_import_is_light():
    code = "import sys, embedcnn.preprocessing; sys.exit('torch' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
