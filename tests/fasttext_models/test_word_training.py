"""Word vectors: steps against NumPy, the same bits on any threads, what is learnt, files, mistakes."""

import bz2
import gzip
import lzma

import numpy as np
import pytest
import reference_words

import embedcnn
from embedcnn import _core, vectors
from embedcnn.fasttext import load_model, train_supervised, train_unsupervised
from embedcnn.fasttext.model import FastText

RANDOM = np.random.default_rng(5)
NAMES = [f"w{number}" for number in range(30)]


def some_lines(count, longest=12, seed=0):
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, len(NAMES) + 1)
    return [
        [NAMES[i] for i in random.choice(len(NAMES), random.integers(0, longest), p=shares / shares.sum())]
        for _ in range(count)
    ]


def groups_text(lines=1500, seed=1):
    """Words of one group stand together, those of another never beside them."""
    random = np.random.default_rng(seed)
    return [
        " ".join(f"{group}{number}" for number in random.integers(0, 6, 8))
        for group in random.choice(["red", "blue", "green"], lines)
    ]


@pytest.mark.parametrize("tree", [False, True])
@pytest.mark.parametrize("bags", [False, True])
@pytest.mark.parametrize(
    ("lines", "settings"),
    [
        (some_lines(40), {}),
        (some_lines(40), {"chars": (2, 3)}),
        (some_lines(200, 100), {"sample": 1e-2, "rate": 0.02}),  # two streams
        (
            [[*NAMES, "__label__x"] * 45] + some_lines(5),
            {"window": 2, "rate": 0.02, "least": 0.01},
        ),  # a long line
        ([["w1", "w2"]] * 30, {"rate": 0.5, "window": 1}),
        (some_lines(60), {"rate": 0.01, "negatives": 12}),  # more are drawn for a chunk
        (some_lines(20), {"rate": 0.05, "negatives": 70}),  # one step after the other
    ],
)
def test_steps_are_those_of_numpy(rung, threads, tree, bags, lines, settings):
    given = {
        "window": 3,
        "rate": 0.05,
        "least": 0.0,
        "sample": 0.0,
        "chars": (0, 0),
        "exponent": 0.75,
        "negatives": 5,
        **settings,
    }
    text = "".join(" ".join(line) + "\n" for line in lines).encode()
    corpus = _core.FastTextCorpus(text, b"__label__", 2, 0)
    words, _, _ = corpus.sizes()
    data, ends, counts = corpus.dictionary()
    begins = [0, *ends[:-1].tolist()]
    names = [data.tobytes()[begin:end].decode() for begin, end in zip(begins, ends.tolist(), strict=True)]
    numbers = {name: number for number, name in enumerate(names[:words])}
    buckets = 50 if given["chars"][1] else 0
    rows_of = [
        [
            number,
            *(
                words + gram
                for gram in (
                    embedcnn.text.subword_ids(name, *given["chars"], buckets)
                    if buckets and name != "</s>"
                    else []
                )
            ),
        ]
        for number, name in enumerate(names[:words])
    ]
    rows = np.zeros((words + buckets, 16), np.float32)
    rows[:, :10] = RANDOM.normal(scale=0.3, size=(words + buckets, 10))
    output = np.zeros((words, 16), np.float32)
    output[:, :10] = RANDOM.normal(scale=0.3, size=(words, 10))
    exact = rows.astype(np.float64), output.astype(np.float64)
    tokens = [[numbers.get(name) for name in [*line, "</s>"]] for line in lines]
    reference_words.train(
        tokens, counts[:words], rows_of, *exact, given["window"], given["negatives"], given["exponent"],
        given["sample"], given["rate"], given["least"], 2, 9, bags, tree,
    )  # fmt: skip
    ended, loss = corpus.train_words(
        rows, output, 10, given["chars"], buckets, bags, tree, given["window"], given["negatives"],
        given["exponent"], given["sample"], given["rate"], given["least"], 2, 9,
        embedcnn.get_num_threads(), None,
    )  # fmt: skip
    assert ended and np.isfinite(loss)
    np.testing.assert_allclose(rows, exact[0], atol=3e-5)
    np.testing.assert_allclose(output, exact[1], atol=3e-5)


@pytest.mark.parametrize("loss", ["ns", "hs"])
@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_the_same_bits_on_any_threads(model, loss):
    text = [" ".join(line) for line in some_lines(2500, 15)]
    made = [
        train_unsupervised(
            text,
            model,
            dim=20,
            minn=2,
            maxn=3,
            bucket=100,
            epoch=2,
            t=1e-2,
            loss=loss,
            thread=thread,
            verbose=0,
            seed=3,
        )  # fmt: skip
        for thread in (1, 2, 5)
    ]
    for other in made[1:]:
        assert (other.get_input_matrix() == made[0].get_input_matrix()).all()
        assert (other.get_output_matrix() == made[0].get_output_matrix()).all()
    again = train_unsupervised(
        text, model, dim=20, minn=2, maxn=3, bucket=100, epoch=2, t=1e-2, loss=loss, verbose=0, seed=4
    )
    assert (again.get_input_matrix() != made[0].get_input_matrix()).any()


@pytest.mark.parametrize("loss", ["ns", "hs"])
@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.parametrize("maxn", [0, 4])
def test_neighbours_are_words_of_the_same_company(model, maxn, loss):
    made = train_unsupervised(
        groups_text(), model, dim=12, maxn=maxn, bucket=500, t=0, lr=0.1, loss=loss, epoch=8, verbose=0
    )
    right = 0
    for group in ("red", "blue", "green"):
        for number in range(6):
            near = made.get_nearest_neighbors(f"{group}{number}", k=5)
            right += sum(word.startswith(group) for _, word in near)
    assert right > 0.95 * 90


def test_files_lists_and_lists_of_words_are_the_same(tmp_path):
    lines = some_lines(300)
    path = tmp_path / "text.txt"
    path.write_text("".join(" ".join(line) + "\n" for line in lines))
    settings = {"dim": 8, "maxn": 0, "t": 0.1, "verbose": 0, "minCount": 1}
    made = [
        train_unsupervised(given, **settings)
        for given in (path, str(path), [" ".join(line) for line in lines], lines, iter(lines))
    ]
    for one in made:
        assert one.words == made[0].words
        assert (one.get_input_matrix() == made[0].get_input_matrix()).all()


def test_a_file_keeps_the_model_and_fastText_has_its_settings(tmp_path):
    made = train_unsupervised(
        groups_text(300), "cbow", dim=7, minn=2, maxn=3, bucket=60, ws=4, neg=3, verbose=0
    )
    made.save_model(tmp_path / "m.bin")
    read = load_model(tmp_path / "m.bin")
    assert isinstance(read, FastText) and read.words == made.words
    expected = {
        "model": "cbow",
        "loss": "ns",
        "dim": 7,
        "ws": 4,
        "neg": 3,
        "minn": 2,
        "maxn": 3,
        "bucket": 60,
    }
    assert {name: read.args[name] for name in expected} == expected
    for word in ("red1", "unseen"):
        np.testing.assert_array_equal(read[word], made[word])
        np.testing.assert_allclose(vectors.load(tmp_path / "m.bin")[word], made[word], rtol=1e-6)
        np.testing.assert_allclose(made.word_vectors()[word], made[word], rtol=1e-6)
    plain = train_unsupervised(groups_text(300), dim=7, maxn=0, verbose=0).word_vectors()
    assert "unseen" not in plain and plain.most_similar("red1", topn=1)


def test_words_that_are_rare_or_labels_are_left_out():
    text = ["__label__a one two one two", "two one three one", "one two __label__a"] * 3
    made = train_unsupervised(text, dim=4, maxn=0, minCount=4, t=0, verbose=0)
    assert sorted(made.words) == ["</s>", "one", "two"]


def test_a_training_of_no_epochs_keeps_the_vectors_it_began_with(tmp_path):
    given = vectors.WordVectors(["red1", "blue2", "elsewhere"], RANDOM.normal(size=(3, 5)).astype(np.float32))
    vectors.write(given, tmp_path / "given.txt", "word2vec")
    settings = {"dim": 5, "maxn": 0, "verbose": 0, "pretrainedVectors": tmp_path / "given.txt"}
    made = train_unsupervised(groups_text(200), epoch=0, **settings)
    for word in given:
        np.testing.assert_array_equal(made[word], given[word])
    trained = train_unsupervised(groups_text(200), epoch=2, t=0, **settings)
    assert (trained["red1"] != given["red1"]).all()
    np.testing.assert_array_equal(trained["elsewhere"], given["elsewhere"])


def test_a_tree_of_one_word_or_of_two():
    for text, words in ((["one one one"] * 9, 1), (["one two"] * 9, 3)):
        least = 10 if words == 1 else 5
        made = train_unsupervised(text, dim=4, maxn=0, minCount=least, loss="hs", t=0, verbose=0)
        assert len(made.words) == words
        assert np.isfinite(made.get_output_matrix()).all()


def test_a_model_of_a_tree_is_kept_and_says_so(tmp_path):
    made = train_unsupervised(groups_text(300), dim=4, maxn=0, loss="hs", verbose=0)
    made.save_model(tmp_path / "m.bin")
    read = load_model(tmp_path / "m.bin")
    assert read.args["loss"] == "hs"
    np.testing.assert_array_equal(read["red1"], made["red1"])


def test_frequent_words_are_thinned_out():
    text = groups_text(400)
    whole = train_unsupervised(text, dim=4, maxn=0, t=1, verbose=0).get_input_matrix()
    none = train_unsupervised(text, dim=4, maxn=0, t=0, verbose=0).get_input_matrix()
    thin = train_unsupervised(text, dim=4, maxn=0, t=1e-3, verbose=0).get_input_matrix()
    assert (whole == none).all()
    assert (thin != none).any()


def test_progress_is_shown_and_an_error_in_it_ends_the_training(capsys, monkeypatch):
    text = groups_text(9000)
    train_unsupervised(text, dim=4, maxn=0, epoch=1, verbose=2)
    said = capsys.readouterr().err
    assert "Number of words:  19" in said and "100.0%" in said

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("embedcnn.fasttext.progress.TrainingProgress.__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_unsupervised(text * 3, dim=100, maxn=0, epoch=40, verbose=2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "glove"}, "model.*skipgram"),
        ({"model": "supervised"}, "model"),
        ({"loss": "ova"}, "loss.*'ova'"),
        ({"loss": "softmax"}, "loss"),
        ({"wordNgrams": 2}, "wordNgrams.*2"),
        ({"dim": 0}, "dim"),
        ({"dim": None}, "dim"),
        ({"dim": 0}, r"65536\]\. Received"),
        ({"ws": 0}, "ws"),
        ({"ws": 1001}, "ws.*1001"),
        ({"neg": 0}, "neg"),
        ({"lr": 0}, "lr"),
        ({"lr": float("nan")}, "lr"),
        ({"min_lr": 0.1}, "min_lr.*0.05"),
        ({"min_lr": -1}, "min_lr"),
        ({"t": -1}, "t"),
        ({"ns_exponent": float("inf")}, "ns_exponent"),
        ({"ns_exponent": 11}, "ns_exponent.*-10.*10"),
        ({"minn": 5, "maxn": 3}, "minn"),
        ({"bucket": 0}, "bucket"),
        ({"epoch": -1}, "epoch"),
        ({"minCount": 1000}, "minCount"),
        ({"thread": 0}, "thread"),
        ({"seed": -1}, "seed"),
        ({"max_words": 0}, "max_words.*0"),
        ({"max_words": 2.5}, "max_words"),
        ({"input": []}, "no word"),
        ({"input": ["a", 3]}, r"input\[1\]"),
        ({"input": [["a", "b c"]]}, r"input\[0\]\[1\].*'b c'|input\[0\].*'b c'"),
        ({"input": 7}, "input"),
        ({"input": b"text"}, "input"),
    ],
)  # fmt: skip
def test_mistakes_are_named(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        train_unsupervised(**{"input": groups_text(20), "maxn": 3, "verbose": 0, **settings})


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_a_rate_that_overflows_is_named(loss):
    with pytest.raises(ValueError, match="`lr` must be smaller"):
        train_unsupervised(groups_text(300), dim=8, maxn=0, t=0, lr=1e20, loss=loss, verbose=0)


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.parametrize("negatives", [5, 20, 64])
@pytest.mark.parametrize("rate", [0.05, 0.1])
def test_many_drawn_words_do_not_let_vectors_grow(model, negatives, rate):
    shares = 1 / np.arange(1, 501)
    random = np.random.default_rng(3)
    words = random.choice(500, (1500, 20), p=shares / shares.sum())
    text = [[f"w{word}" for word in line] for line in words]
    made = train_unsupervised(text, model, dim=24, maxn=0, neg=negatives, lr=rate, epoch=2, t=1e-3, verbose=0)
    assert np.abs(made.get_input_matrix()).max() < 100
    assert np.abs(made.get_output_matrix()).max() < 100


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_a_packed_text_is_unpacked(tmp_path, suffix):
    opener = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}[suffix]
    text = groups_text(200)
    with opener(tmp_path / f"text{suffix}", "wt") as file:
        file.write("\n".join(text) + "\n")
    settings = {"dim": 4, "maxn": 0, "t": 0, "verbose": 0}
    made = train_unsupervised(tmp_path / f"text{suffix}", **settings)
    assert (made.get_input_matrix() == train_unsupervised(text, **settings).get_input_matrix()).all()
    packed = (tmp_path / f"text{suffix}").read_bytes()
    (tmp_path / f"half{suffix}").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ValueError, match="half.*damaged"):
        train_unsupervised(tmp_path / f"half{suffix}", **settings)


def test_what_ends_a_training_has_a_line_of_its_own(capsys, monkeypatch):
    def interrupted(self, *args):
        self.show(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr("embedcnn.fasttext.progress.TrainingProgress.__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_unsupervised(groups_text(9000) * 3, dim=100, maxn=0, epoch=40, verbose=2)
    assert capsys.readouterr().err.endswith("s\n")
    lines = ["__label__a x y", "__label__b z y"] * 30000
    with pytest.raises(KeyboardInterrupt):
        train_supervised([line[10:] for line in lines], labels=[line[9] for line in lines], epoch=500)
    assert capsys.readouterr().err.endswith("s\n")
