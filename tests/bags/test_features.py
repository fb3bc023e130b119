"""NgramFeatures against a slow and obvious reference, scikit-learn's counts, and the laws of its ids."""

import pickle
import re
from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pytest
from draws import examples
from hypothesis import given, settings

import embedcnn
from embedcnn.bags import Bags, NgramFeatures
from embedcnn.bags.names import as_arrays

TEXTS = [
    "The cat sat on the mat. The end!",
    "A dog -- the dog, really -- sat.<br /><br />It's a dog's life (isn't it?)",
    "",
    "the the the",
    "Ünïcode: ÄÖÜ straße, naïve café… “quoted” ΣΊΣΥΦΟΣ",
    "中文字符 and ひらがな mixed 🎉🎉!",
    "x",
    "<br> a <br/> b < br > c <b> <i",
    "tabs\tand\nnewlines\u00a0no-break \x00control\x1f",
]
WORDS = ["the", "cat", "dog", "a", "sat", ".", "isn't", "Él", "中文", "<br />", "supercalifragilistic", "☃"]


def plain_tokens(text):
    """Tokens of ASCII text: words and single marks."""
    return re.findall(r"\w+|[^\w\s]", re.sub(r"<br ?/?>", " ", text.lower(), flags=re.ASCII))


def tokens_of(features, texts):
    """The tokens by the core's own rules, without line breaks of HTML."""
    made = []
    for tokens in features._settings()[0].tokens(list(texts)):
        text = "\x00".join(tokens) if features.tokenizer == "words" else None
        if text is not None:
            text = re.sub("(?<![^\x00])<\x00br(\x00/)?\x00>(?![^\x00])", "\x01", text)
            tokens = [token for token in text.split("\x00") if token and token != "\x01"]
        made.append(tokens)
    return made


def grams_of(tokens, features):
    """(kind, n-gram) of a document in the order of occurrence, kind by kind."""
    found = []
    first, last = features.words or (1, 0)
    for length in range(first, last + 1):
        for start in range(len(tokens) - length + 1):
            found.append((length, " ".join(tokens[start : start + length])))
    if features.chars:
        first, last = features.chars
        for token in tokens:
            framed = f"<{token}>"
            for start in range(len(framed)):
                for end in range(start + first, min(start + last, len(framed)) + 1):
                    found.append((99, framed[start:end]))
    return found


def reference(features, texts):
    """(names with their kind in the order of ids, [{id: count}]) as the docstring says."""
    documents = [grams_of(tokens, features) for tokens in tokens_of(features, texts)]
    counts, first = Counter(), {}
    for document in documents:
        for gram in document:
            counts[gram] += 1
            first.setdefault(gram, len(first))
    kept = [gram for gram in counts if counts[gram] >= features.min_count]
    kept.sort(key=lambda gram: (gram[0], -counts[gram], first[gram]))
    if features.max_features is not None:
        best = sorted(kept, key=lambda gram: (-counts[gram], gram[0], first[gram]))[: features.max_features]
        kept = [gram for gram in kept if gram in set(best)]
    ids = {gram: number for number, gram in enumerate(kept)}
    rows = [Counter(ids[gram] for gram in document if gram in ids) for document in documents]
    return kept, rows


def rows_of(bags):
    pairs = [bags[i : i + 1] for i in range(len(bags))]
    assert all((np.diff(one.ids) > 0).all() for one in pairs)
    return [dict(zip(one.ids.tolist(), one.counts.tolist(), strict=True)) for one in pairs]


def same(one, other):
    for name in ("offsets", "ids", "counts"):
        left, right = getattr(one, name), getattr(other, name)
        assert left.dtype == right.dtype and np.array_equal(left, right), name
    assert one.size == other.size


SETTINGS = [
    {},
    {"words": (1, 1)},
    {"words": (2, 2)},
    {"words": (1, 5)},
    {"words": (3, 4), "min_count": 2},
    {"words": None, "chars": (1, 3)},
    {"words": (1, 2), "chars": (3, 5)},
    {"words": (2, 3), "chars": (2, 2), "max_features": 25},
    {"tokenizer": "whitespace"},
    {"tokenizer": "chars", "words": (1, 3)},
    {"min_count": 2},
    {"max_features": 7},
    {"max_features": 1000, "min_count": 2, "chars": (2, 4)},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_fitted_features_are_the_reference(settings):
    features = NgramFeatures(**settings)
    bags = features.fit_transform(TEXTS)
    kept, rows = reference(features, TEXTS)
    assert features.get_feature_names_out().tolist() == [name for _, name in kept]
    assert rows_of(bags) == rows
    same(bags, features.transform(TEXTS))
    same(bags, NgramFeatures(**settings).fit(TEXTS).transform(TEXTS))
    ends = [(kind, first, end) for kind, first, end in features.kinds]
    lengths = [99 if name == "chars" else int(name.split()[1]) for name, _, _ in ends]
    for length, (_, first, end) in zip(lengths, ends, strict=True):
        assert {kind for kind, _ in kept[first:end]} <= {length}


@pytest.mark.parametrize("text", TEXTS[:4] + [TEXTS[7]])
def test_tokens_of_plain_text(text):
    features = NgramFeatures(words=(1, 1))
    bags = features.fit_transform([text])
    expected = Counter(plain_tokens(text.replace("< br >", "<br>")))
    assert dict(zip(features.get_feature_names_out(), bags.counts, strict=True)) == expected


def test_words_of_all_scripts():
    features = NgramFeatures(words=(1, 1)).fit(TEXTS[4:6])
    names = features.get_feature_names_out().tolist()
    assert names[:6] == ["🎉", "ünïcode", ":", "äöü", "straße", ","]
    assert {"…", "“", "quoted", "”", "σίσυφος", "中", "文", "ひ", "mixed"} <= set(names)


def test_unknown_n_grams_count_for_nothing():
    features = NgramFeatures(words=(1, 2)).fit(["a b c"])
    bags = features.transform(["b a z b c", "z"])
    assert rows_of(bags) == [{0: 1, 1: 2, 2: 1, 4: 1}, {}]


def test_lists_of_tokens():
    features = NgramFeatures(words=(1, 2), chars=(2, 2))
    bags = features.fit_transform([["New York", "is", ""], "is"])
    assert features.get_feature_names_out()[:5].tolist() == ["is", "new york", "", "new york is", "is "]
    same(bags, features.transform([["New York", "is", ""], "is"]))
    with pytest.raises(TypeError, match=r"texts\[0\]\[1\] is a int"):
        features.transform([["a", 1]])


@pytest.mark.parametrize("settings", [{}, {"words": (1, 3), "chars": (2, 4), "min_count": 2}], ids=str)
def test_ids_depend_neither_on_blocks_nor_on_threads(settings):
    generator = np.random.default_rng(5)
    weights = 1 / np.arange(1, 5001)
    texts = [
        " ".join(f"w{word}" for word in generator.choice(5000, size, p=weights / weights.sum()))
        for size in generator.integers(0, 120, 3000)
    ]
    whole = NgramFeatures(**settings)
    expected = whole.fit_transform(texts)
    for threads in (1, 2, 3, 8):
        with_threads = NgramFeatures(**settings)
        embedcnn.set_num_threads(threads)
        try:
            same(expected, with_threads.fit_transform(texts))
            same(expected, with_threads.transform(iter(texts)))
        finally:
            embedcnn.set_num_threads(0)
    streamed = NgramFeatures(**settings)
    census = streamed._settings()
    census = embedcnn._core.BagCensus(*census, True)
    for start in range(0, len(texts), 701):
        census.add(texts[start : start + 701])
    state = as_arrays(census.rank(streamed.min_count, 2**29), streamed.words)
    assert all(np.array_equal(state[name], array) for name, array in whole.state().items())
    same(expected, Bags(*census.bags(), whole.size))
    codes, ends = census.take()
    same(expected, Bags(*census.bags(codes, ends), whole.size))
    with pytest.raises(ValueError, match="not what this census gave"):
        census.bags(codes[:-1], ends)


def test_a_census_that_keeps_no_codes_gives_no_bags():
    features = NgramFeatures()
    census = embedcnn._core.BagCensus(*features._settings(), False)
    for _ in range(2):
        census.add([f"w{number} " * 400 for number in range(3000)])  # more than a round
    census.rank(1, 2**29)
    for gives in (census.bags, census.take):
        with pytest.raises(RuntimeError, match="keeps no codes"):
            gives()


def test_what_others_may_write_to_is_copied():
    """The core checks arrays once, and reads them without the lock of the interpreter."""
    offsets, ids, counts = np.array([0, 2]), np.array([0, 1], np.int32), np.ones(2, np.float32)
    views = [array.view() for array in (offsets, ids, counts)]
    for view in views:
        view.flags.writeable = False
    documents = embedcnn._core.bag_documents(*views, 2)
    ids[:] = [10**9, -(10**9)]
    offsets[:] = 10**9
    values = embedcnn._core.bag_values(documents, False, np.array([2, 3], np.float32), False)
    assert values.tolist() == [2, 3]


def test_the_order_of_texts_moves_ties_only():
    texts = TEXTS[:4] * 3
    one = NgramFeatures(words=(1, 3)).fit(texts)
    other = NgramFeatures(words=(1, 3)).fit(texts[::-1])
    bags, turned = one.transform(texts), other.transform(texts)
    assert sorted(one.get_feature_names_out()) == sorted(other.get_feature_names_out())
    totals = np.bincount(bags.ids, bags.counts, one.size), np.bincount(turned.ids, turned.counts, one.size)
    assert np.array_equal(*totals)


@pytest.mark.parametrize("settings", [{"words": (1, 2)}, {"words": None, "chars": (2, 3)}], ids=str)
def test_hashed_features(settings):
    exact = NgramFeatures(**settings)
    bags = exact.fit_transform(TEXTS)
    hashed = NgramFeatures(**settings, buckets=2**20)
    buckets = hashed.fit_transform(TEXTS)
    same(buckets, hashed.transform(TEXTS))
    assert hashed.size == len(hashed.kinds) * 2**20
    assert np.array_equal(buckets.offsets, bags.offsets), "n-grams collide in this few texts"
    pairs = {}
    for row in range(len(bags)):
        kinds = [
            np.searchsorted([end for _, _, end in one.kinds], ids, side="right")
            for one, ids in ((exact, bags[row : row + 1].ids), (hashed, buckets[row : row + 1].ids))
        ]
        assert np.array_equal(*kinds)
        pairs[row] = sorted(bags[row : row + 1].counts), sorted(buckets[row : row + 1].counts)
    assert all(one == other for one, other in pairs.values())
    few = NgramFeatures(**settings, buckets=3).transform(TEXTS)
    assert few.size == 3 * len(hashed.kinds) and few.ids.max() < few.size
    assert few.counts.sum() == bags.counts.sum()


def test_hashed_features_have_no_names():
    hashed = NgramFeatures(buckets=10)
    assert hashed.state() == {} and hashed.fit(["a"]) is hashed
    with pytest.raises(ValueError, match="no names"):
        hashed.names_of([1])


def test_scikit_learn_counts_the_same():
    text = pytest.importorskip("sklearn.feature_extraction.text")
    vectorizer = text.CountVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", min_df=1)
    texts = TEXTS[:1] + [re.sub("<br ?/?>", " ", TEXTS[1])] + TEXTS[2:4]
    theirs = vectorizer.fit_transform(texts)
    features = NgramFeatures(words=(1, 2))
    ours = features.fit_transform(TEXTS[:4]).to_scipy()
    places = [vectorizer.vocabulary_[name] for name in features.get_feature_names_out()]
    assert ours.shape == theirs.shape
    assert np.array_equal(ours.toarray(), theirs.toarray()[:, places])


@pytest.mark.parametrize("settings", SETTINGS[::3] + [{"buckets": 100}], ids=str)
def test_state_configuration_and_pickling(settings):
    features = NgramFeatures(**settings)
    bags = features.fit_transform(TEXTS)
    copy = NgramFeatures.from_config(features.get_config())
    copy.set_state(features.state())
    assert copy.kinds == features.kinds
    same(bags, copy.transform(TEXTS))
    again = pickle.loads(pickle.dumps(features))
    same(bags, again.transform(TEXTS))
    assert not pickle.loads(pickle.dumps(NgramFeatures())).fitted


def test_states_that_are_none():
    features = NgramFeatures(words=(1, 2), chars=(2, 3)).fit(TEXTS)
    state = features.state()
    empty = NgramFeatures(words=(1, 2), chars=(2, 3))
    wrong = [
        ({}, "must hold"),
        ({**state, "more": state["singles"]}, "must hold"),
        ({**state, "singles": np.array([10**6])}, "features of"),
        ({**state, "singles": np.array([1, 2])}, "shape"),
        ({**state, "word_ends": state["word_ends"][::-1]}, "ascending"),
        ({**state, "word_ends": state["word_ends"] + 1}, "at most"),
        ({**state, "gram_ends": state["gram_ends"] + 1}, "at most"),
        ({**state, "words_2": state["words_2"][:-1]}, "no n-grams of 2"),
        ({**state, "words_2": state["words_2"] + 1}, "outside"),
        ({**state, "words_2": state["words_2"] * 0}, "same n-gram"),
        ({**state, "word_ends": state["word_ends"].astype(np.int32)}, "must be an array of 1 axes"),
    ]
    for broken, message in wrong:
        with pytest.raises((ValueError, TypeError), match=message):
            empty.set_state(broken)
        assert not empty.fitted
    with pytest.raises(ValueError, match="no state"):
        NgramFeatures(buckets=3).set_state(state)


def test_nothing_to_learn_from():
    for texts in ([], ["", " "], iter(())):
        features = NgramFeatures(words=(1, 2), chars=(2, 3))
        bags = features.fit_transform(texts)
        assert features.size == 0 == len(bags.ids) and features.get_feature_names_out().tolist() == []
        assert len(features.transform(["a b", "c"])) == 2


def test_fitting_again_forgets():
    features = NgramFeatures(words=(1, 1)).fit(["a b"])
    features.fit(["c"])
    assert features.get_feature_names_out().tolist() == ["c"]


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=12).map(" ".join), max_size=8),
    st.tuples(st.integers(1, 5), st.integers(1, 5)).map(sorted),
    st.none() | st.tuples(st.integers(1, 6), st.integers(1, 6)).map(sorted),
    st.sampled_from(["words", "whitespace", "chars"]),
    st.integers(1, 3),
    st.none() | st.integers(1, 30),
)
def test_any_texts(texts, words, chars, tokenizer, min_count, max_features):
    features = NgramFeatures(
        words=words, chars=chars, tokenizer=tokenizer, min_count=min_count, max_features=max_features
    )
    bags = features.fit_transform(texts)
    kept, rows = reference(features, texts)
    assert features.get_feature_names_out().tolist() == [name for _, name in kept]
    assert rows_of(bags) == rows
    same(bags, features.transform(texts))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"words": (0, 2)}, "1 <= a <= b <= 5"),
        ({"words": (1, 6)}, "1 <= a <= b <= 5"),
        ({"words": 2}, "pair of integers"),
        ({"words": (1, True)}, "pair of integers"),
        ({"words": None}, "both be None"),
        ({"chars": (3, 2)}, "1 <= a <= b <= 64"),
        ({"tokenizer": "word"}, "did you mean 'words'"),
        ({"min_count": 0}, "min_count"),
        ({"max_features": 0}, "max_features"),
        ({"buckets": 0}, "buckets"),
        ({"buckets": 9, "min_count": 2}, "chosen by their counts"),
    ],
    ids=str,
)
def test_settings_that_are_none(arguments, message):
    with pytest.raises(ValueError, match=message):
        NgramFeatures(**arguments)


def test_texts_that_are_none():
    features = NgramFeatures()
    with pytest.raises(ValueError, match="call fit"):
        features.transform(["a"])
    for call in (features.fit, features.fit_transform):
        with pytest.raises(TypeError, match=r"\[text\]"):
            call("one text")
        with pytest.raises(TypeError, match=r"texts\[1\]"):
            call(["a", None])
        with pytest.raises(TypeError, match=r"texts\[1\]"):
            call(["a", 3])
    with pytest.raises(IndexError, match="must be in"):
        features.fit(["a"]).names_of([7])


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_some_of_the_features(settings):
    features = NgramFeatures(**settings)
    bags = features.fit_transform(TEXTS)
    keep = np.random.default_rng(1).random(features.size) < 0.4
    chosen = features.select(keep)
    names = features.get_feature_names_out()[keep]
    assert chosen.get_feature_names_out().tolist() == names.tolist()
    dense = np.zeros((len(bags), features.size), np.float32)
    dense[np.repeat(np.arange(len(bags)), np.diff(bags.offsets)), bags.ids] = bags.counts
    rows = [{i: row[i] for i in np.flatnonzero(row)} for row in dense[:, keep]]
    assert rows_of(chosen.transform(TEXTS)) == rows


def test_features_that_cannot_be_chosen():
    features = NgramFeatures().fit(["a b"])
    for keep in ([True], [1, 1, 1], np.ones((3, 1), bool)):
        with pytest.raises(ValueError, match="keep"):
            features.select(keep)
    with pytest.raises(ValueError, match="hashed"):
        NgramFeatures(buckets=3).select([True, True, True])


@pytest.mark.parametrize(
    "settings", [*SETTINGS, {"buckets": 50, "chars": (2, 3)}, {"lowercase": False}], ids=str
)
@pytest.mark.parametrize("text", [*TEXTS, "İstanbul İİ <br> I"])
def test_places(settings, text):
    features = NgramFeatures(**settings)
    features.fit([*TEXTS, text])
    ids, starts, ends = features.places(text)
    bag = features.transform([text])
    assert Counter(ids.tolist()) == dict(zip(bag.ids.tolist(), bag.counts.tolist(), strict=True))
    if features.buckets is None:
        words = [kind.startswith("words") and features.tokenizer != "chars" for kind, _, _ in features.kinds]
        for number, start, end in zip(ids.tolist(), starts, ends, strict=True):
            kind = np.searchsorted([last for _, _, last in features.kinds], number, side="right")
            part = text[start:end].lower() if features.lowercase else text[start:end]
            name = features.names_of([number])[0]
            if words[kind] and "br" not in part:
                assert re.sub(r"[\s\x00]", "", part) == re.sub(r"[\s\x00]", "", name)


def test_case_is_kept_where_asked():
    features = NgramFeatures(words=(1, 1), lowercase=False).fit(["The the ÄÖ äö"])
    assert features.get_feature_names_out().tolist() == ["The", "the", "ÄÖ", "äö"]


@pytest.mark.parametrize(
    "settings", [{"words": (1, 2), "chars": (2, 3)}, {"buckets": 9, "chars": (2, 2)}], ids=str
)
def test_running_out_of_memory(settings):
    expected = NgramFeatures(**settings).fit_transform(TEXTS)
    failed = 0
    for number in [*range(1, 60), *range(60, 4000, 61)]:
        features = NgramFeatures(**settings)
        embedcnn._core._memory_fail_at(number, False)
        try:
            bags = features.fit_transform(TEXTS)
            again = features.transform(TEXTS)
        except MemoryError:
            failed += 1
        else:
            same(expected, bags)
            same(expected, again)
        finally:
            embedcnn._core._memory_fail_at(0, False)
    assert 20 < failed < 120, "failures are seen, and what allocates ends"


def test_many_words_and_long_ones():
    """More words than a reader keeps the characters of, and one that alone is longer than all it keeps."""
    words = [f"{number}x{number * 7919 % 10007}" for number in range(20_000)]
    texts = [" ".join(words), " ".join(words[::3] + words[::-1]), "ab" * 60_000, words[5]]
    features = NgramFeatures(words=(1, 1), chars=(2, 4))
    bags = features.fit_transform(texts)
    same(bags, features.transform(texts))
    hashed = NgramFeatures(words=(1, 1), chars=(2, 4), buckets=5_000_000).transform(texts)
    assert bags.counts.sum() == hashed.counts.sum()
    assert np.array_equal(np.sort(bags[2:3].counts), np.sort(hashed[2:3].counts))
