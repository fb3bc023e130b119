"""WordVectors: lookup, similarity and evaluation, against gensim's KeyedVectors; the embedding matrix."""

import warnings

import numpy as np
import pytest

from embedcnn import vectors
from embedcnn.vectors import WordVectors, build_matrix


@pytest.fixture(scope="module")
def pair():
    """The same vectors as gensim's object and as ours."""
    gensim = pytest.importorskip("gensim.models")
    rng = np.random.default_rng(5)
    words = [f"w{i}" for i in range(500)] + ["W3", "W4"]
    matrix = rng.normal(size=(502, 12)).astype(np.float32)
    theirs = gensim.KeyedVectors(12)
    theirs.add_vectors(words, matrix)
    return theirs, WordVectors(words, matrix)


def test_lookup(pair):
    _, wv = pair
    assert len(wv) == 502 and wv.vector_size == 12 and list(wv)[:2] == ["w0", "w1"]
    assert "w7" in wv and "nothing" not in wv and 7 not in wv and "\ud800" not in wv
    np.testing.assert_array_equal(wv["w7"], wv.vectors[7])
    np.testing.assert_array_equal(wv[["w7", "w1"]], wv.vectors[[7, 1]])
    assert wv[[]].shape == (0, 12)
    assert wv.get("nothing") is None and wv.get("nothing", 5) == 5
    for bad in ("nothing", ["w1", "nothing"]):
        with pytest.raises(KeyError, match="'nothing' has no vector"):
            wv[bad]
    with pytest.raises(TypeError):
        wv[3]
    with pytest.raises(TypeError):
        wv[["w1", 3]]


def test_key_to_index_is_a_mapping(pair):
    theirs, wv = pair
    index = wv.key_to_index
    assert dict(index) == theirs.key_to_index and index == theirs.key_to_index
    assert index.get("nothing") is None and index["w3"] == 3
    with pytest.raises(KeyError, match="nothing"):
        index["nothing"]


@pytest.mark.parametrize(
    "question",
    [
        {"positive": "w1"},
        {"positive": ["w1", "w2"], "negative": ["w3"]},
        {"positive": [("w1", 0.3), ("w2", -2.0)], "topn": 3},
        {"negative": ["w9"], "topn": 501},
        {"positive": ["w1"], "restrict_vocab": 50},
    ],
)
def test_most_similar_as_in_gensim(pair, question):
    theirs, wv = pair
    ours, wanted = wv.most_similar(**question), theirs.most_similar(**question)
    assert [word for word, _ in ours] == [word for word, _ in wanted]
    np.testing.assert_allclose([c for _, c in ours], [c for _, c in wanted], atol=1e-6)


def test_groups_and_distances_as_in_gensim(pair):
    theirs, wv = pair
    vector = np.arange(12, dtype=np.float32)
    direction = vector / np.linalg.norm(vector)
    assert wv.distance("w1", "w2") == pytest.approx(float(theirs.distance("w1", "w2")), abs=1e-6)
    for question in (("w1", ()), ("w1", ["w2", "w9"]), (vector, ())):
        np.testing.assert_allclose(wv.distances(*question), theirs.distances(*question), atol=1e-6)
    groups = ["w1", "w2", "w3"], ["w40", "w50"]
    assert wv.n_similarity(*groups) == pytest.approx(float(theirs.n_similarity(*groups)), abs=1e-6)
    for given in (
        {"keys": ["w1", "w2", "absent"]},
        {"keys": ["w1", vector], "weights": [0.5, -2.0], "pre_normalize": False},
        {"keys": ["w1", "w2"], "post_normalize": True},
    ):
        np.testing.assert_allclose(wv.get_mean_vector(**given), theirs.get_mean_vector(**given), atol=1e-6)
    for question in (
        {"positive": ["w1", "w2"], "negative": ["w3"]},
        {"positive": "w1", "topn": 3},
        {"positive": ["w1", direction], "negative": ["w2", "w3"], "topn": 20},
        {"positive": direction},
    ):
        ours, wanted = wv.most_similar_cosmul(**question), theirs.most_similar_cosmul(**question)
        assert [word for word, _ in ours] == [word for word, _ in wanted]
        np.testing.assert_allclose([c for _, c in ours], [c for _, c in wanted], rtol=1e-5)
    assert wv.most_similar_to_given("w1", groups[1]) == theirs.most_similar_to_given("w1", groups[1])
    assert wv.closer_than("w1", "w2") == theirs.closer_than("w1", "w2")
    assert wv.rank("w1", "w2") == theirs.rank("w1", "w2")
    assert wv.get_index("w3") == theirs.get_index("w3") == 3 and wv.get_index("absent", 5) == 5
    assert wv.has_index_for("w3") and not wv.has_index_for("absent")


def test_word_movers_distance_as_in_gensim(pair):
    pytest.importorskip("ot")
    theirs, wv = pair
    one, other = ["w1", "w2", "w2", "w9", "absent"], ["w7", "w9", "w30", "w1", "w44", "w45"]
    for first, second in ((one, other), (other, one), (one, one), (["w1"], ["w2"]), (one, ["absent"])):
        for norm in (True, False):
            wanted = float(theirs.wmdistance(first, second, norm=norm))
            assert wv.wmdistance(first, second, norm) == pytest.approx(wanted, abs=1e-5)


def small():
    words = ["a", "b", "c", "d"]
    return WordVectors(words, np.array([[1, 0], [1, 0.2], [0, 1], [0, 0]], np.float32))


def test_groups_and_distances_by_formulas():
    """The same without gensim, in float64."""
    wv = small()
    units = np.array([[1, 0], [1 / 1.04**0.5, 0.2 / 1.04**0.5], [0, 1], [0, 0]])
    np.testing.assert_allclose(wv.distances("b"), 1 - units @ units[1], atol=1e-6)
    np.testing.assert_allclose(wv.distances([0, 3]), 1 - units @ [0, 1], atol=1e-6)
    assert wv.n_similarity(["a", "c"], ["c", "absent"]) == pytest.approx(0.5**0.5, abs=1e-6)
    mean = wv.get_mean_vector(["b", "c"], weights=[3, -1], pre_normalize=False)
    np.testing.assert_allclose(mean, [0.75, -0.1], atol=1e-6)
    scores = (1 + units @ units[0]) / 2 / ((1 + units @ units[2]) / 2 + 1e-6)
    np.testing.assert_allclose(wv.most_similar_cosmul("a", "c", topn=None), scores, rtol=1e-5)
    assert [word for word, _ in wv.most_similar_cosmul(["a"], ["c"])] == ["b", "d"]
    assert wv.most_similar_cosmul("a", topn=0) == []
    assert (
        wv.most_similar_cosmul("c", restrict_vocab=2)[0][0] == "b"
    )  # gensim takes it, too, but searches all
    assert wv.closer_than("a", "c") == ["b"] and wv.rank("a", "c") == 2 and wv.rank("a", "b") == 1


def test_word_movers_distance_by_hand():
    pytest.importorskip("scipy")
    wv = small()
    assert wv.wmdistance(["a"], ["c"]) == pytest.approx(2**0.5)
    assert wv.wmdistance(["a", "a", "c"], ["a", "c", "c"]) == pytest.approx(2**0.5 / 3)
    assert wv.wmdistance(["b", "c"], ["a"], norm=False) == pytest.approx((0.2 + 2**0.5) / 2, abs=1e-6)
    assert wv.wmdistance(["a"], ["absent"]) == float("inf") == wv.wmdistance([], ["a"])
    assert wv.wmdistance(["a", "b"], ["a", "b"]) == 0


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda wv: wv.distance("a", "absent"), KeyError, "'absent' has no vector"),
        (lambda wv: wv.distances([1, 2, 3]), ValueError, r"shape \(3,\); \(2,\) is expected"),
        (lambda wv: wv.get_mean_vector([]), ValueError, "0 keys, at least one"),
        (lambda wv: wv.get_mean_vector(["a"], weights=[1, 2]), ValueError, "each of the 1 keys"),
        (lambda wv: wv.get_mean_vector(["absent"], ignore_missing=False), KeyError, "absent"),
        (lambda wv: wv.n_similarity(["a"], ["absent"]), ValueError, "each group needs a word"),
        (lambda wv: wv.most_similar_cosmul(), ValueError, "both empty"),
        (lambda wv: wv.get_index("absent"), KeyError, "absent"),
    ],
)
def test_questions_that_have_no_answer(call, kind, message):
    with pytest.raises(kind, match=message):
        call(small())


def test_other_questions_as_in_gensim(pair):
    theirs, wv = pair
    vector = np.ones(12, np.float32)
    assert [w for w, _ in wv.similar_by_vector(vector)] == [w for w, _ in theirs.similar_by_vector(vector)]
    assert [w for w, _ in wv.similar_by_word("w1", 5)] == [w for w, _ in theirs.similar_by_word("w1", 5)]
    assert wv.similar_by_word("w1", 5) == wv.most_similar("w1", topn=5)
    assert wv.similarity("w1", "w2") == pytest.approx(float(theirs.similarity("w1", "w2")), abs=1e-6)
    for words in (["w1", "w2", "w3"], ["w10", "w20", "w30", "w40", "absent"]):
        assert wv.doesnt_match(words) == theirs.doesnt_match([word for word in words if word in wv])
    np.testing.assert_allclose(
        wv.most_similar("w1", topn=None), theirs.most_similar("w1", topn=None), atol=1e-6
    )
    assert wv.most_similar("w1", topn=0) == []
    np.testing.assert_allclose(np.linalg.norm(wv.normalized().vectors, axis=1), 1, atol=1e-6)
    with pytest.raises(ValueError, match="both empty"):
        wv.most_similar()
    with pytest.raises(KeyError, match="absent"):
        wv.most_similar("absent")
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        wv.similar_by_vector(np.ones(3))


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("dummy", [True, False])
def test_evaluation_as_in_gensim(pair, tmp_path, fold, dummy):
    theirs, wv = pair
    rng = np.random.default_rng(1)
    names = np.array([f"w{i}" for i in range(60)] + ["W3", "absent"])
    questions = tmp_path / "questions.txt"
    lines = [" ".join(rng.choice(names, 4)) for _ in range(60)]
    # Questions that have an answer: the expected word is the one that gensim finds.
    for a, b, c in (rng.choice(names[:60], 3, replace=False) for _ in range(40)):
        lines.append(" ".join([a, b, c, theirs.most_similar([b, c], [a], topn=1)[0][0]]))
    questions.write_text(
        ": one\n" + "\n".join(lines[:50]) + "\n: two\nbad line\n" + "\n".join(lines[50:]) + "\n"
    )
    options = {"case_insensitive": fold, "dummy4unknown": dummy}
    ours, wanted = (one.evaluate_word_analogies(questions, **options) for one in (wv, theirs))
    assert ours[0] == wanted[0] > 0.1 and ours[1] == wanted[1]
    pairs = tmp_path / "pairs.tsv"
    rows = [f"{a}\t{b}\t{rng.integers(5)}" for a, b in rng.choice(names, (80, 2))]
    pairs.write_text("# comment\n" + "\n".join(rows) + "\nbad\n")
    ours, wanted = (one.evaluate_word_pairs(pairs, **options) for one in (wv, theirs))
    for got, expected in zip(ours[:2], wanted[:2], strict=True):
        assert got.statistic == pytest.approx(float(expected[0]), abs=1e-6)
        assert got.pvalue == pytest.approx(float(expected[1]), rel=1e-4)
    assert ours[2] == pytest.approx(wanted[2])


def test_reduce_keeps_what_varies():
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(100, 2)) @ rng.normal(size=(2, 6)) + 5
    wv = WordVectors([str(i) for i in range(100)], plane.astype(np.float32))
    low = wv.reduce(2).vectors
    centred = plane - plane.mean(axis=0)
    np.testing.assert_allclose(low @ low.T, centred @ centred.T, atol=1e-3)
    for bad in (0, 7):
        with pytest.raises(ValueError, match=rf"must be an integer in \[1, 6\]. Received: dimensions={bad}"):
            wv.reduce(bad)


@pytest.mark.parametrize("format", ["glove", "word2vec", "word2vec_binary", "npz", "cache"])
def test_written_files_read_back(pair, tmp_path, format):
    _, wv = pair
    path = tmp_path / "out"
    vectors.write(wv, path, format)
    back = vectors.load(path)
    assert back.index_to_key == wv.index_to_key
    np.testing.assert_array_equal(back.vectors, wv.vectors)
    if format != "cache":
        with pytest.raises(ValueError, match="cannot be written as"):
            vectors.write(WordVectors(["a\n\0"], np.ones((1, 2), np.float32)), path, format)


def test_objects(pair):
    theirs, wv = pair
    assert vectors.load(theirs).index_to_key == wv.index_to_key
    assert vectors.load(theirs, words=["w5"])["w5"].tolist() == wv["w5"].tolist()
    assert vectors.load({"a": [1, 2]})["a"].dtype == np.float32
    with pytest.raises(ValueError, match="words.1. = 'a' occurs twice"):
        WordVectors(["a", "a"], np.ones((2, 2), np.float32))
    with pytest.raises(ValueError, match="1 keys, but vectors has 2 rows"):
        WordVectors(["a"], np.ones((2, 2), np.float32))


KNOWN = {"cat": [1.0, 2.0], "dog": [3.0, 4.0], "Paris": [5.0, 6.0]}


def test_build_matrix():
    m = build_matrix({"cat": 1, "DOG": 2, "paris": 3, "xyzzy": 4}, KNOWN)
    assert m.matrix.dtype == np.float32 and m.matrix.flags.c_contiguous and m.shape == (5, 2)
    assert m.matrix[:4].tolist() == [[0, 0], [1, 2], [3, 4], [5, 6]] and m.matrix[4].any()
    assert m.coverage == 0.75 and m.missing == ["xyzzy"] and m.found == ["cat", "DOG", "paris"]
    assert np.asarray(m) is m.matrix and np.array(m) is not m.matrix
    strict = build_matrix(["<pad>", "DOG"], KNOWN, lowercase_fallback=False, oov="zeros")
    assert strict.missing == ["DOG"] and not strict.matrix.any()
    tokens = type("Vocabulary", (), {"tokens": ["<pad>", "cat"]})()
    assert build_matrix(tokens, KNOWN).matrix.tolist() == [[0, 0], [1, 2]]
    assert build_matrix(["cat"], KNOWN, pad_id=None).matrix.tolist() == [[1, 2]]
    assert build_matrix({"cat": 1, "dog": 2}, KNOWN, num_words=2).shape == (2, 2)
    assert build_matrix({}, KNOWN).matrix.tolist() == [[0, 0]]


def test_rows_of_missing_words():
    words = {f"u{i}": i + 1 for i in range(4000)}
    normal = build_matrix(words, KNOWN, scale=0.6, seed=1).matrix[1:]
    assert abs(normal.std() - 0.6) < 0.02 and abs(normal.mean()) < 0.03
    uniform = build_matrix(words, KNOWN, oov="uniform", scale=0.25).matrix[1:]
    assert np.abs(uniform).max() <= 0.25 and abs(uniform.std() - 0.25 / 3**0.5) < 0.01
    turned = build_matrix({word: 4001 - i for word, i in words.items()}, KNOWN, scale=0.6, seed=1).matrix[1:]
    np.testing.assert_array_equal(normal, turned[::-1])
    assert not np.array_equal(normal, build_matrix(words, KNOWN, seed=2).matrix[1:])
    mean = build_matrix({"cat": 1, "dog": 2, "u": 3}, KNOWN, oov="mean").matrix
    assert mean[3].tolist() == [2, 3]
    own = build_matrix(
        {"cat": 1, "abc": 2}, KNOWN, oov=lambda word, size, generator: [len(word)] * size
    ).matrix
    assert own[2].tolist() == [3, 3]


def test_build_matrix_from_a_file(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("cat 1 2\nparis 3 4\nDog 5 6\n")
    m = build_matrix({"cat": 1, "PARIS": 2, "dog": 3}, path)
    assert m.matrix.tolist() == [[0, 0], [1, 2], [3, 4], [5, 6]] and m.coverage == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("cat", KNOWN), TypeError, "Received: vocabulary=str object"),
        (({"cat": -1}, KNOWN), ValueError, "-1 must be an integer from 0"),
        (({"cat": 1.0}, KNOWN), ValueError, "1.0 must be an integer"),
        (({"cat": 1, "dog": 1}, KNOWN), ValueError, "the id 1 to both 'cat' and 'dog'"),
        ((["a", "a"], KNOWN), ValueError, "holds 'a' twice"),
        (([3], KNOWN), TypeError, "holds 3"),
        ((["a", "b"], KNOWN, "ones"), ValueError, "Received: oov='ones'"),
        (
            (["a", "b"], KNOWN, "normal", -1.0),
            ValueError,
            "`scale` must be a finite number >= 0. Received: scale=-1.0",
        ),
        ((["a", "b"], KNOWN, lambda *_: [1]), ValueError, r"oov\('b'\) returned shape \(1,\)"),
        ((["a"], 5), TypeError, "int object"),
        ((["a"], {"a": [1], "b": [1, 2]}), ValueError, "one shape"),
    ],
)
def test_misuse_of_build_matrix(arguments, error, message):
    with pytest.raises(error, match=message):
        build_matrix(*arguments)


def test_commands(tmp_path, capsys):
    import argparse

    from embedcnn.commands.vectors import add_commands

    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())

    def run(*words):
        arguments = parser.parse_args(["vectors", *map(str, words)])
        return arguments.run(arguments), capsys.readouterr()

    text, out = tmp_path / "a.txt", tmp_path / "out"
    text.write_text("king 1 0.1\nqueen 0.9 0.2\nman 0 1\n")
    (tmp_path / "words").write_text("man\nking\nabsent\n")
    (tmp_path / "pairs").write_text("king\tqueen\t9\nking\tman\t1\nqueen\tman\t2\n")
    (tmp_path / "questions").write_text(": s\nman king queen king\n")
    assert "words       3" in run("info", text)[1].out
    assert run("nearest", text, "king", "--count", 1)[1].out.split()[1] == "queen"
    assert run("convert", text, out, "--to", "word2vec", "--dimensions", 1)[0] == 0
    assert vectors.load(out).vectors.shape == (3, 1)
    assert run("trim", text, out, "--words", tmp_path / "words", "--dtype", "float16")[0] == 0
    assert vectors.load(out, dtype="float16").index_to_key == ["king", "man"]
    status, said = run("eval", text, "--pairs", tmp_path / "pairs", "--analogies", tmp_path / "questions")
    assert status == 0 and "Spearman 1.0000" in said.out and "Total accuracy" in said.out
    status, said = run("info", tmp_path / "absent")
    assert status == 1 and "absent" in said.err
    status, said = run("nearest", text, "horse")
    assert status == 1 and said.err == "embedcnn vectors: the word 'horse' has no vector\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run("eval", text)[0] == 1


def test_errors_of_the_command_line_are_one_line_unless_debugged(tmp_path, capsys):
    from embedcnn.cli import main

    missing = str(tmp_path / "none.vec")
    assert main(["vectors", "info", missing]) == 1
    assert capsys.readouterr().err == f"embedcnn vectors: {missing!r}: no such file or directory\n"
    with pytest.raises(FileNotFoundError):
        main(["--debug", "vectors", "info", missing])


def test_in_a_notebook_words_are_text():
    found = WordVectors(["<b>", "b&c", *map(str, range(20))], np.zeros((22, 3), np.float32))._repr_html_()
    assert "&lt;b&gt;, b&amp;c, 0" in found and "<b>" not in found and "…" in found and "22" in found
