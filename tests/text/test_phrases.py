"""Phrases: gensim's results, files, copies, mistakes."""

import copy
import json
import math
import pickle
import re
from pathlib import Path

import pytest

from embedcnn import _core
from embedcnn.text import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phrases

GOLDEN = json.loads(Path(__file__).parent.joinpath("golden", "phrases.json").read_text("utf-8"))
SENTENCES = [line.split() for line in GOLDEN["sentences"]]


def made(settings):
    phrases = Phrases(SENTENCES, **settings)
    phrases.add_vocab(line.split() for line in GOLDEN["more"])
    return phrases


def found(phrases, sentences):
    return {
        "joined": [phrases[sentence] for sentence in sentences],
        "analyzed": [[list(pair) for pair in phrases.analyze_sentence(sentence)] for sentence in sentences],
        "found": phrases.find_phrases(sentences),
    }


def pairs(values):
    return [list(item) for item in values.items()]


@pytest.mark.parametrize("name", list(GOLDEN["cases"]))
def test_results_are_those_of_gensim(name):
    case = GOLDEN["cases"][name]
    settings = case["settings"]
    assert pairs(Phrases(SENTENCES, **settings).vocab) == case["vocab"]
    phrases = made(settings)
    assert pairs(phrases.vocab) == case["vocab_of_more"]
    assert phrases.corpus_word_count == case["words"]
    assert found(phrases, SENTENCES) == case["counted"]
    assert pairs(phrases.export_phrases()) == case["exported"]
    for frozen in (phrases.freeze(), FrozenPhrases(phrases)):
        assert found(frozen, SENTENCES) == case["frozen"]
        assert pairs(frozen.phrasegrams) == case["exported"]
    joined = phrases[SENTENCES]
    twice = Phrases(joined, **settings)
    assert found(twice, list(joined)) == case["twice"]
    assert pairs(twice.export_phrases()) == case["twice_exported"]
    assert found(twice.freeze(), list(joined)) == case["twice_frozen"]


def test_the_connectors_are_those_of_gensim():
    assert sorted(ENGLISH_CONNECTOR_WORDS) == GOLDEN["connectors"]


def test_a_function_may_score():
    def default(worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count):
        assert corpus_word_count == phrases.corpus_word_count
        return (bigram_count - min_count) / (worda_count * wordb_count) * len_vocab

    settings = GOLDEN["cases"]["default"]["settings"]
    phrases = made({**settings, "scoring": default})
    assert found(phrases, SENTENCES) == GOLDEN["cases"]["default"]["counted"]
    assert pairs(phrases.freeze().phrasegrams) == GOLDEN["cases"]["default"]["exported"]
    never = made({**settings, "scoring": lambda *counts: math.nan})
    assert never["new york"] == ["new", "york"]

    def fails(*counts):
        raise KeyError("no score")

    for use in (lambda one: one["new york"], Phrases.export_phrases, Phrases.freeze):
        with pytest.raises(KeyError, match="no score"):
            use(made({**settings, "scoring": fails}))
    with pytest.raises(TypeError):
        made({**settings, "scoring": lambda *counts: "high"})["new york"]


def test_a_function_that_scores_cannot_count():
    def counts_more(*counts):
        phrases.add_vocab([["new", "york"]])
        return 1.0

    phrases = made({"min_count": 1, "threshold": 0.5, "scoring": counts_more})
    with pytest.raises(RuntimeError, match="counted while"):
        phrases["new york"]
    assert phrases.vocab == made({"min_count": 1}).vocab


def test_texts_lists_tuples_and_iterators_are_sentences(tmp_path):
    lists = Phrases(SENTENCES, min_count=1, threshold=1)
    path = tmp_path / "text.txt"
    path.write_text("\n".join(GOLDEN["sentences"]) + "\n", "utf-8")
    with open(path, encoding="utf-8") as file:
        of_file = Phrases(file, min_count=1, threshold=1)
    for other in (
        of_file,
        Phrases(GOLDEN["sentences"], min_count=1, threshold=1),
        Phrases(map(tuple, SENTENCES), min_count=1, threshold=1),
        Phrases((iter(words) for words in SENTENCES), min_count=1, threshold=1),
    ):
        assert other.vocab == lists.vocab
    assert lists["the new york times"] == lists[("the", "new", "york", "times")]
    assert lists[iter(["new", "york"])] == ["new_york"]
    assert lists[[]] == [] and lists[""] == []
    joined = lists[SENTENCES]
    assert list(joined) == list(joined) == [lists[words] for words in SENTENCES]
    assert list(lists[iter(SENTENCES)]) == list(joined)
    assert [len(words) for words in lists[[["a"], [], ["new", "york"]]]] == [1, 0, 1]


def test_many_sentences_are_counted_block_by_block():
    many = SENTENCES * 400 + [["long", "line"] * 150_000]
    phrases = Phrases(many, min_count=1, threshold=1)
    once = Phrases(SENTENCES, min_count=1, threshold=1).vocab
    assert all(phrases.vocab[word] == 400 * count for word, count in once.items())
    assert phrases.vocab["long_line"] == 150_000 and phrases.vocab["line_long"] == 149_999
    assert len(list(phrases[many])) == len(many)


def test_words_may_have_blanks_and_lone_surrogates():
    strange = ["new york", "\ud800", "x\ty"]
    phrases = Phrases([strange] * 3, min_count=1, threshold=0.1)
    assert phrases[strange] == ["new york_\ud800", "x\ty"]
    assert pickle.loads(pickle.dumps(phrases)).vocab == phrases.vocab


@pytest.mark.parametrize("frozen", [False, True])
def test_a_file_and_copies_keep_all(tmp_path, frozen):
    for case in GOLDEN["cases"].values():
        phrases = made(case["settings"])
        one = phrases.freeze() if frozen else phrases
        one.save(tmp_path / "phrases")
        for other in (
            type(one).load(tmp_path / "phrases"),
            copy.deepcopy(one),
            pickle.loads(pickle.dumps(one)),
        ):
            assert type(other) is type(one) and repr(other) == repr(one)
            assert found(other, SENTENCES) == found(one, SENTENCES)
            assert other.connector_words == one.connector_words
            if not frozen:
                assert other.vocab == one.vocab and other.corpus_word_count == one.corpus_word_count
                other.add_vocab(SENTENCES)
                again = made(case["settings"])
                again.add_vocab(SENTENCES)
                assert other.vocab == again.vocab


def test_other_files_are_refused(tmp_path):
    phrases = made({"min_count": 1, "threshold": 1})
    path = tmp_path / "phrases"
    phrases.save(path)
    with pytest.raises(ValueError, match="Phrases of version 1, not FrozenPhrases"):
        FrozenPhrases.load(path)
    whole = path.read_bytes()
    for damaged in (
        whole[:-3],
        whole[: whole.rindex(b"\n", 0, -1) + 1],
        whole + b"1\tmore\n",
        whole.replace(b"\tnew\n", b"\n"),
        whole.replace(b"\n5\t", b"\n-5\t"),
        whole.replace(b"\n5\t", b"\nfive\t"),
        whole.replace(b'"sizes"', b'"sized"'),
        re.sub(rb'("sizes": ?\[\d+, ?)\d+', rb"\g<1>9223372036854775807", whole),
        re.sub(rb'("sizes": ?\[\d+, ?\d+, ?)\d+', rb"\g<1>9223372036854775807", whole),
    ):
        assert damaged != whole
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged"):
            Phrases.load(path)
    for other in (pickle.dumps(phrases), b"", b"{}\n", b"[1]\n"):
        path.write_bytes(other)
        with pytest.raises(ValueError, match="no file that `save`"):
            Phrases.load(path)
    with pytest.raises(ValueError, match="function"):
        made({"scoring": lambda *counts: 1.0}).save(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_count": 0}, "min_count.*0"),
        ({"threshold": 0}, "threshold.*0"),
        ({"scoring": "npmi"}, "threshold.*10"),
        ({"scoring": "pmi", "threshold": 1}, "scoring.*'pmi'"),
        ({"max_vocab_size": 0}, "max_vocab_size"),
        ({"delimiter": ""}, "delimiter"),
        ({"delimiter": "\n"}, "delimiter"),
        ({"delimiter": b"_"}, "delimiter"),
        ({"connector_words": "the of"}, "connector_words"),
        ({"connector_words": ["the", 3]}, "connector_words.*3"),
        ({"sentences": "new york"}, "sentences.*'new york'"),
        ({"sentences": b"new york"}, "sentences"),
        ({"sentences": 3}, "sentences"),
        ({"sentences": [["new"], ["york", 3]]}, r"sentences\[1\]\[1\] = 3"),
        ({"sentences": [["new"], ["york", ""]]}, r"sentences\[1\]\[1\] = ''"),
        ({"sentences": [["new"], ["york\n", "", "x"]]}, r"sentences\[1\]\[0\]"),
        ({"sentences": [["new"], 3]}, r"sentences\[1\] = 3"),
        ({"sentences": [["new"], b"york"]}, r"sentences\[1\]"),
    ],
)
def test_mistakes_are_named(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Phrases(**{"sentences": SENTENCES, **settings})


def test_the_core_refuses_what_does_not_fit():
    import numpy as np

    core = _core.Phrases(b"_", b"", 100, False)
    for words, values, sizes in (
        (b"a", np.ones(0, np.int64), (0, 1)),
        (b"a\n", np.ones(2, np.int64), (0, 1)),
        (b"a\n", np.ones(1), (0, 1)),
        (b"a\n", -np.ones(1, np.int64), (0, 1)),
        (b"a\n", np.ones(1, np.int64), (-1, 1)),
        (b"a\n", np.ones(1, np.int64), (0, 0)),
        (b"\n", np.ones(1, np.int64), (0, 1)),
    ):
        with pytest.raises(ValueError, match="fit together"):
            core.restore(words, values, *sizes)
    scored = _core.Phrases(b"_", b"", 100, True)
    with pytest.raises(RuntimeError):
        scored.count(b"a\n\n")
    with pytest.raises(TypeError):
        core.merge(core)
    with pytest.raises(ValueError, match="of scores"):
        core.export(core, 1.0, 1.0, 0)
    with pytest.raises(ValueError, match="delimiter"):
        _core.Phrases(b"", b"", 100, False)
