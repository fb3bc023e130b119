"""Vocabulary, CharVocabulary, TextEncoder (against Keras's TextVectorization) and fastText's n-grams."""

import copy
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedcnn.text import CharVocabulary, TextEncoder, Vocabulary, ngrams, subword_ids, word_hash

GOLDEN = json.loads((Path(__file__).parent / "golden" / "encoder.json").read_text())
tokens_of_any_kind = st.lists(
    st.text(st.characters(exclude_categories=()) | st.sampled_from("\\\n\rnr\u2028\x85"), max_size=6),
    unique=True,
).map(lambda tokens: [token for token in tokens if token not in ("", "[UNK]")])


@given(tokens_of_any_kind)
def test_vocabulary_survives_files_pickles_and_copies(tokens):
    vocabulary = Vocabulary(tokens, lower=False, filters="-")
    settings = vocabulary.settings
    for other in (
        Vocabulary.from_text(vocabulary.to_text(), **settings),
        pickle.loads(pickle.dumps(vocabulary)),
        copy.deepcopy(vocabulary),
    ):
        assert other == vocabulary
        assert other.tokens == ["", "[UNK]", *tokens]
        assert other.encode([tokens, ["never seen\0"]]).tolist() == [list(range(2, 2 + len(tokens))), [1]]
    assert vocabulary.to_text().count("\n") == len(vocabulary)


def test_vocabulary_file(tmp_path):
    vocabulary = Vocabulary(["a\nb", "c\\n", "d\r", "\ud800", "é"])
    path = tmp_path / "vocabulary.txt"
    path.write_text("old")
    vocabulary.save(path)
    assert path.read_bytes().split(b"\n")[2:5] == [rb"a\nb", rb"c\\n", rb"d\r"]
    assert Vocabulary.load(path) == vocabulary
    assert Vocabulary.load(str(path), lower=False).settings["lower"] is False
    assert os.listdir(tmp_path) == ["vocabulary.txt"]
    for text, message in (
        ("\n", "at least 2 lines"),
        ("\n[UNK]\na\\x\n", "line 3 holds"),
        ("\n\n", "already words"),
    ):
        with pytest.raises(ValueError, match=message):
            Vocabulary.from_text(text)
    with pytest.raises(FileNotFoundError):
        Vocabulary.load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        vocabulary.save(tmp_path / "none" / "file")


def test_vocabulary_from_texts():
    texts = ["The cat, the DOG", "a dog a a", ["<s>", "bird", "[UNK]"]]
    vocabulary = Vocabulary.from_texts(texts, specials=["<s>"])
    assert vocabulary.tokens == ["", "[UNK]", "<s>", "a", "the", "dog", "cat", "bird", "[unk]"]
    assert vocabulary.encode(["the fish", ["<S>", "", "bird"]]).tolist() == [[4, 1], [2, 0, 7]]
    assert Vocabulary.from_texts(texts, min_frequency=2).tokens == ["", "[UNK]", "a", "the", "dog"]
    assert Vocabulary.from_texts(texts, max_tokens=3).tokens == ["", "[UNK]", "a"]
    assert Vocabulary.from_texts(["A-b"], lower=False, filters="", split="-").tokens[2:] == ["A", "b"]
    assert Vocabulary.from_texts(text for text in texts).tokens[2:5] == ["a", "the", "dog"]
    assert [vocabulary["dog"], vocabulary["?"], "dog" in vocabulary, "?" in vocabulary] == [5, 1, True, False]
    assert list(vocabulary) == vocabulary.tokens
    assert Vocabulary(vocabulary.tokens, specials=["<s>"]) == Vocabulary(vocabulary) == vocabulary
    assert vocabulary.decode(vocabulary.encode(texts)) == ["the cat the dog", "a dog a a", "<s> bird [unk]"]
    assert vocabulary.decode(np.array([[0, 3], [0, 0]])) == ["a", ""]
    assert vocabulary.decode([]) == ""


def test_vocabulary_misuse():
    with pytest.raises(TypeError, match=r"did you mean \[text\]"):
        Vocabulary.from_texts("a str")
    with pytest.raises(TypeError, match=r"texts\[1\]\[0\] is a int; expected str"):
        Vocabulary.from_texts(["a", [3]])
    with pytest.raises(TypeError, match=r"texts\[0\]\[1\] is a NoneType"):
        Vocabulary().encode([["a", None]])
    with pytest.raises(TypeError, match=r"texts\[0\] is a float"):
        Vocabulary().encode([0.5])
    with pytest.raises(TypeError, match="tokens is one str"):
        Vocabulary("abc")
    with pytest.raises(TypeError, match=r"words\[2\] is a int"):
        Vocabulary([1])
    with pytest.raises(ValueError, match=r"words\[3\] = 'a' is already words\[2\]"):
        Vocabulary(["a", "a"])
    with pytest.raises(ValueError, match="`max_tokens` must be at least 2"):
        Vocabulary.from_texts(["a"], max_tokens=1)
    with pytest.raises(ValueError, match="`split` must be one character. Received: split='ab'"):
        Vocabulary(split="ab")
    with pytest.raises(IndexError, match=r"ids\[1\] = 7 is outside \[0, 2\)"):
        Vocabulary().decode([1, 7])
    with pytest.raises(TypeError, match="`token` must be a str"):
        Vocabulary()[0]


@given(st.text(st.characters(exclude_categories=()), min_size=1))
def test_characters(text):
    characters = CharVocabulary(text)
    assert characters.tokens == sorted(set(text))
    ids = characters.encode(text)
    assert ids.dtype == np.int32
    assert ids.tolist() == [characters.tokens.index(character) for character in text]
    assert characters.decode(ids) == text
    assert [characters[character] for character in text] == ids.tolist()
    assert CharVocabulary(characters.tokens) == characters == pickle.loads(pickle.dumps(characters))


def test_unseen_characters():
    characters = CharVocabulary("abc?")
    with pytest.raises(ValueError, match=r"text\[1\] = 'x' is none of the 4 characters"):
        characters.encode("axz")
    assert CharVocabulary("abc?", unknown="?").encode("axz").tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match="Received: unknown='!'"):
        CharVocabulary("abc", unknown="!")
    with pytest.raises(ValueError, match="none of the 0 characters"):
        CharVocabulary("").encode("a")
    assert "a" in characters
    assert "x" not in characters
    assert "ab" not in characters
    with pytest.raises(KeyError):
        characters["ab"]
    with pytest.raises(TypeError, match="expected one str"):
        characters.encode(["a"])
    with pytest.raises(IndexError, match=r"ids\[1\] = 4 is outside \[0, 4\)"):
        characters.decode([0, 4])
    with pytest.raises(TypeError, match="vector of integers"):
        characters.decode([0.5])
    with pytest.raises(ValueError, match="'ab' is not one character"):
        CharVocabulary(["ab"])
    with pytest.raises(TypeError, match="Received: text=5"):
        CharVocabulary(5)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: json.dumps(case["arguments"]))
def test_encoder_is_keras_text_vectorization(case):
    encoder = TextEncoder(**case["arguments"])
    encoder.adapt(GOLDEN["texts"])
    assert encoder.get_vocabulary() == case["vocabulary"]
    assert encoder.vocabulary_size() == len(case["vocabulary"])
    ids = encoder([*GOLDEN["texts"], "cat dog zzz [UNK]"])
    if encoder.output_sequence_length is None:
        ids = ids.to_padded(padding="post")
    assert ids.dtype == np.int32
    expected = np.array(case["ids"])
    assert ids.tolist() == expected.reshape(len(expected), -1).tolist()
    vocabulary = Vocabulary.from_text(encoder.vocabulary.to_text())
    config = json.loads(json.dumps(encoder.get_config()))
    for other in (
        TextEncoder.from_config(config, vocabulary),
        pickle.loads(pickle.dumps(encoder)),
        copy.copy(encoder),
    ):
        assert other.encode(GOLDEN["texts"]) == encoder.encode(GOLDEN["texts"])
        assert other.get_config() == encoder.get_config()


def test_encoder_with_functions_filters_and_lists():
    encoder = TextEncoder(standardize=str.upper, split=lambda text: text.split("-"), ngrams=2)
    encoder.adapt(["a-b", ["a", "C"]])
    assert encoder.get_vocabulary(include_special_tokens=False) == ["a C", "a", "C", "B", "A B", "A"]
    config = encoder.get_config()
    assert config["standardize"] == {"function": "upper"}
    assert config["split"] == {"function": "text_encoder_split"}
    encoder = TextEncoder(filters="-'")
    encoder.adapt(["don't stop-now!"])
    assert sorted(encoder.get_vocabulary()[2:]) == ["don", "now", "stop", "t"]
    assert TextEncoder(vocabulary=["", "[UNK]", "a"]).get_vocabulary() == ["", "[UNK]", "a"]
    assert TextEncoder(vocabulary=["a"]).encode(text for text in ["a", "b a"]).tolist() == [[2], [1, 2]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_tokens": 1}, r"`max_tokens` must be an integer >= 2 or None\. Received: max_tokens=1"),
        ({"standardize": "upper"}, "Received: standardize='upper'"),
        ({"split": "sentences"}, "Received: split='sentences'"),
        ({"ngrams": 0}, "Received: ngrams=0"),
        ({"ngrams": (1, 0)}, r"Received: ngrams=\(1, 0\)"),
        ({"output_sequence_length": -1}, "an integer >= 0 or None. Received: output_sequence_length=-1"),
        ({"filters": "-", "split": None}, "must be empty unless split is 'whitespace'"),
        ({"max_tokens": 3, "vocabulary": ["a", "b"]}, "at most max_tokens=3 tokens. Received: 4 tokens"),
    ],
)
def test_encoder_misuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        TextEncoder(**arguments)


def test_encoder_before_adapt_and_with_one_text():
    with pytest.raises(ValueError, match="call adapt or set_vocabulary first"):
        TextEncoder().encode(["a"])
    for call in (TextEncoder().adapt, TextEncoder(vocabulary=["a"]), TextEncoder(vocabulary=["a"]).encode):
        with pytest.raises(TypeError, match=r"did you mean \[text\]\? Received: one str"):
            call("a str")
        with pytest.raises(TypeError, match=r"texts\[1\] is missing: None"):
            call(["a", None])


def plain_hash(word):
    value = 2166136261
    for byte in word.encode("utf-8", "surrogatepass"):
        value = ((value ^ (byte | (0xFFFFFF00 if byte >= 128 else 0))) * 16777619) % 2**32
    return value


def plain_subwords(word, minn, maxn, bucket):
    word = f"<{word}>"
    return [
        plain_hash(word[start : start + n]) % bucket
        for start in range(len(word))
        for n in range(minn, min(maxn, len(word) - start) + 1)
        if not (n == 1 and start in (0, len(word) - 1))
    ]


@given(st.text(st.characters(exclude_categories=()), max_size=8), st.integers(1, 4), st.integers(0, 4))
def test_subwords(word, minn, more):
    assert word_hash(word) == plain_hash(word)
    ids = subword_ids(word, minn, minn + more, 1000)
    assert ids.dtype == np.int32
    assert ids.tolist() == plain_subwords(word, minn, minn + more, 1000)


def test_subwords_as_gensim_hashes_them():
    fasttext = pytest.importorskip("gensim.models.fasttext")
    for word in ("where", "ÄÖü", "日本語", "a", "naïve"):
        hashes = [
            fasttext.ft_hash_bytes(part) % 2_000_000 for part in fasttext.compute_ngrams_bytes(word, 3, 6)
        ]
        assert sorted(subword_ids(word).tolist()) == sorted(hashes)


@given(
    st.lists(st.lists(st.sampled_from(["a", "bé", "日", "long-word"]), max_size=6), max_size=5),
    st.integers(1, 4),
)
def test_word_ngrams(lists, n):
    expected = []
    for words in lists:
        hashes = [(plain_hash(word) + 2**31) % 2**32 - 2**31 for word in words]  # as int32
        expected.append([])
        for start in range(len(words)):
            value = hashes[start]
            for end in range(start + 1, min(start + n, len(words))):
                value = (value * 116049371 + hashes[end]) % 2**64
                expected[-1].append(value % 997)
    assert ngrams(lists, n, 997).tolist() == expected
    assert ngrams([" ".join(words) for words in lists], n, 997).tolist() == expected


def test_ngram_misuse():
    with pytest.raises(ValueError, match=r"`n` must be an integer in \[1, 2147483647\]. Received: n=0"):
        ngrams(["a"], 0)
    for bucket in (0, 2**31):
        with pytest.raises(ValueError, match="`bucket` must be an integer in"):
            ngrams(["a b"], 2, bucket)
        with pytest.raises(ValueError, match="`bucket` must be an integer in"):
            subword_ids("a", bucket=bucket)
    for minn, maxn in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="`(minn|maxn)` must be an integer in"):
            subword_ids("a", minn, maxn)
    with pytest.raises(TypeError, match="did you mean"):
        ngrams("a b")
    with pytest.raises(TypeError):
        subword_ids(b"a")
    with pytest.raises(TypeError, match="expected str"):
        word_hash(3)
