"""Training: what is counted and read of a text, steps against NumPy, the same bits on any threads."""

from types import SimpleNamespace

import numpy as np
import pytest

from embedcnn import _core
from embedcnn.fasttext import FastText, autotune, load_model, train_supervised
from embedcnn.fasttext.files import LOSSES, packed_dictionary

TEXT = (
    "__label__a the cat\tsat on\x0bthe mat  \r\n"
    "\n"
    "__label__b no dog né __label__a __label__rare cat\n"
    "__label__b the end </s> of it __label__a and on\n"
    "   \n"
    "no label here\n"
    "__label__a \x00 the the the cat </s>\n"
    "__label__b last dog"
).encode() + b" \xff\xfe\xe9"


def corpus_of(text: bytes, least: int = 1, least_label: int = 0, **given) -> _core.FastTextCorpus:
    return _core.FastTextCorpus(text, b"__label__", least, least_label, **given)


def names_of(corpus: _core.FastTextCorpus) -> list[tuple[bytes, int]]:
    data, ends, counts = corpus.dictionary()
    begins = [0, *ends[:-1].tolist()]
    cut = [data.tobytes()[begin:end] for begin, end in zip(begins, ends.tolist(), strict=True)]
    return list(zip(cut, counts.tolist(), strict=True))


def test_a_dictionary_is_counted_as_fasttext_counts_it():
    corpus = corpus_of(TEXT, 2, 2)
    words, labels, tokens = corpus.sizes()
    # as fastText 0.9.3 with minCount=2, minCountLabel=2
    assert names_of(corpus) == [
        (b"</s>", 9), (b"the", 6), (b"cat", 3), (b"on", 2), (b"no", 2), (b"dog", 2),
        (b"__label__a", 4), (b"__label__b", 3),
    ]  # fmt: skip
    assert (words, labels, tokens) == (6, 2, 43)


def test_the_section_is_that_of_a_file():
    corpus = corpus_of(TEXT)
    words, _, tokens = corpus.sizes()
    names = names_of(corpus)
    assert corpus.section() == packed_dictionary(names[:words], names[words:], tokens)


def reference_lines(model: FastText, text: bytes) -> list[tuple[list[int], list[int], int]]:
    """Lines as the model reads them, each from what is left of the text."""
    found, at = [], 0
    while at < len(text):
        ids, labels, tokens, used = model._model.line(text[at:], 0)
        found.append((ids.tolist(), labels.tolist(), tokens))
        at += used
    return found


@pytest.mark.parametrize("least", [1, 2])
@pytest.mark.parametrize(
    ("chars", "word_ngrams", "buckets"), [((0, 0), 1, 0), ((0, 0), 3, 50), ((2, 4), 1, 30), ((1, 2), 4, 1000)]
)
def test_lines_have_the_ids_that_a_model_reads(least, chars, word_ngrams, buckets):
    corpus = corpus_of(TEXT, least, least)
    words, labels, _ = corpus.sizes()
    args = {"dim": 1, "minn": chars[0], "maxn": chars[1], "wordNgrams": word_ngrams, "bucket": buckets}
    rows, output = np.zeros((words + buckets, 1), np.float32), np.zeros((labels, 1), np.float32)
    model = FastText._from_parts(args, corpus.section(), rows, output)
    tokens, id_ends, ids, _, label_ends, numbers = corpus.lines(chars, word_ngrams, buckets, False)
    cut_ids = np.split(ids, id_ends[:-1])
    cut_labels = np.split(numbers, label_ends[:-1])
    mine = [(cut_ids[i].tolist(), cut_labels[i].tolist(), int(tokens[i])) for i in range(len(tokens))]
    assert mine == reference_lines(model, TEXT)
    _, pair_ends, distinct, counts, _, _ = corpus.lines(chars, word_ngrams, buckets, True)
    for line, (pairs, times) in enumerate(
        zip(np.split(distinct, pair_ends[:-1]), np.split(counts, pair_ends[:-1]), strict=True)
    ):
        expected = np.unique(cut_ids[line], return_counts=True)
        assert pairs.tolist() == expected[0].tolist() and times.tolist() == expected[1].tolist()


def drawn_text(lines: int, words: int, labels: int = 3, seed: int = 0) -> bytes:
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(lines):
        label = random.integers(labels)
        numbers = np.minimum(random.zipf(1.3, words), 500) + 7 * label * (random.random(words) < 0.3)
        drawn.append(f"__label__{label} " + " ".join(f"w{number}" for number in numbers))
    return ("\n".join(drawn) + "\n").encode()


@pytest.mark.parametrize(
    ("dim", "loss", "words"),
    [
        *[(None, "softmax", 40), (None, "ova", 40), (60, "ns", 300)],  # steps by one thread
        *[(64, "softmax", 1100), (100, "hs", 700)],  # rows that the team shares: SHARED_FLOATS a line
    ],
)
def test_threads_do_not_change_a_bit(tmp_path, dim, loss, words):
    path = tmp_path / "text"
    labels = 2 if dim is None and loss == "softmax" else 3
    path.write_bytes(drawn_text(8000 // words, words, labels))
    made = []
    for threads in (1, 2, 3, 8):
        model = train_supervised(
            path, dim=dim, loss=loss, lr=0.3, epoch=2, wordNgrams=2, bucket=1000, thread=threads, verbose=0
        )
        model.save_model(tmp_path / "model")
        made.append((tmp_path / "model").read_bytes())
    assert made[1:] == made[:1] * 3


def reference_training(corpus, text_settings, loss, rows, output, rate, epochs):
    """fastText's steps in float64: softmax, ova, hs over two labels."""
    rows, output = rows.astype(np.float64), output.astype(np.float64)
    tokens, id_ends, ids, _, label_ends, labels = corpus.lines(*text_settings, False)
    total, seen, pending, now = epochs * corpus.sizes()[2], 0, 0, rate
    for _ in range(epochs):
        for line in range(len(tokens)):
            own = ids[id_ends[line - 1] if line else 0 : id_ends[line]]
            of_line = labels[label_ends[line - 1] if line else 0 : label_ends[line]]
            if len(own) and len(of_line):
                mean = rows[own].mean(axis=0)
                logits = output @ mean
                if loss == "softmax":
                    shares = np.exp(logits - logits.max())
                    shares /= shares.sum()
                else:
                    at = np.clip((logits + 8) * 32, 0, 511).astype(int)
                    shares = 1 / (1 + np.exp(-(at / 32 - 8)))
                target = np.isin(np.arange(len(output)), of_line).astype(float)
                amounts = now * (target - shares)
                if loss == "hs":  # two labels: one node, of which the frequent one is the right child
                    amounts = np.array([now * (float(of_line[0] == 0) - shares[0]), 0.0])
                step = amounts @ output
                output += np.outer(amounts, mean)
                np.add.at(rows, own, step / len(own))
            pending += tokens[line]
            if pending > 20:
                seen, pending = seen + pending, 0
                now = rate * (1 - seen / total)
    return rows, output


@pytest.mark.parametrize("stride", [8, 48])
@pytest.mark.parametrize("loss", ["softmax", "ova", "hs"])
def test_steps_are_fasttexts(loss, stride):
    corpus = corpus_of(drawn_text(60, 12, 2 if loss == "hs" else 3))
    words, labels, _ = corpus.sizes()
    settings, epochs = ((2, 3), 2, 40), 3
    rows = np.zeros((words + 40, stride), np.float32)
    _core.fasttext_randomise(rows, 5, 3, 1)
    assert (np.abs(rows[:, :5]) <= 0.2).all() and rows[:, :5].std() > 0.1 and not rows[:, 5:].any()
    output = np.zeros((labels, stride), np.float32)
    expected = reference_training(corpus, settings, loss, rows, output, 0.5, epochs)
    done, mean_loss = corpus.train(
        rows, output, *settings, LOSSES[loss], 5, 0.5, 20, epochs, 0, None, 1, None
    )
    assert done and 0 < mean_loss < 3
    np.testing.assert_allclose(output, expected[1], atol=2e-3)
    np.testing.assert_allclose(rows, expected[0], atol=2e-3)


@pytest.mark.parametrize("loss", ["softmax", "ova", "hs", "ns"])
@pytest.mark.parametrize("stride", [4, 48])
def test_lines_that_were_read_before_are_learnt_alike(loss, stride):
    corpus = corpus_of(drawn_text(60, 12))
    words, labels, _ = corpus.sizes()
    random = np.random.default_rng(2)
    rows = np.zeros((words + 40, stride), np.float32)
    rows[:, :4] = random.standard_normal((words + 40, 4))
    output = np.zeros((labels, stride), np.float32)
    output[:, :4] = random.standard_normal((labels, 4))
    other_rows, other_output = rows.copy(), output.copy()
    _, id_ends, ids, _, label_ends, numbers = corpus.lines((0, 0), 2, 40, False)
    counts = corpus.dictionary()[2][words:]
    made = corpus.train(rows, output, (0, 0), 2, 40, LOSSES[loss], 5, 0.2, 2**31, 2, 7, None, 2, None)
    lines = ids, id_ends, numbers, label_ends
    again = _core.fasttext_train(
        other_rows, other_output, *lines, counts, LOSSES[loss], 5, 0.2, 2**31, 2, 7, 2, None
    )
    assert made[0] and again[0] and made[1] == pytest.approx(again[1], rel=1e-5)
    np.testing.assert_allclose(other_rows, rows, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(other_output, output, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="cut by ascending ends"):
        bad = ids + np.int32(len(rows))
        _core.fasttext_train(rows, output, bad, *lines[1:], counts, 3, 5, 0.2, 1, 1, 0, 1, None)


def test_folded_rows_learn_what_wide_ones_do():
    """With an output of orthogonal rows and no random start, width does not matter."""
    corpus = corpus_of(drawn_text(200, 12, 2))
    words, _, _ = corpus.sizes()
    single, one = np.zeros((words, 1), np.float32), np.full((1, 1), 0.5 * 2**0.5, np.float32)
    wide, two = np.zeros((words, 16), np.float32), np.zeros((2, 16), np.float32)
    two[0, 0] = two[1, 1] = 0.5
    for rows, output in ((single, one), (wide, two)):
        corpus.train(rows, output, (0, 0), 1, 0, LOSSES["softmax"], 5, 0.5, 100, 4, 0, None, 1, None)
    margins = wide @ (two[1] - two[0])
    np.testing.assert_allclose(single[:, 0] * one[0, 0], margins, rtol=1e-3, atol=1e-4)


TEXTS = ["good fine nice", "bad dull poor", "fine and good", "poor or bad"] * 20
LABELS = ["yes", "no"] * 40


@pytest.mark.parametrize("loss", ["softmax", "ova", "hs", "ns"])
@pytest.mark.parametrize("dim", [None, 1, 10])
def test_every_loss_learns_and_is_read_again(tmp_path, loss, dim):
    model = train_supervised(
        TEXTS, labels=LABELS, loss=loss, dim=dim, lr=0.5, epoch=30, maxn=3, bucket=999, verbose=0
    )
    assert model.get_dimension() == (dim or 2)
    assert model.predict(["nice", "dull"])[0] == [["__label__yes"], ["__label__no"]]
    model.save_model(tmp_path / "model.bin")
    again = load_model(tmp_path / "model.bin")
    assert again.predict(TEXTS[:4], k=2)[0] == model.predict(TEXTS[:4], k=2)[0]
    assert again.args["loss"] == loss and again.args["bucket"] == 999


def test_several_labels_a_text_and_labels_that_have_their_prefix():
    labels = [["yes", "__label__fine"], ["no"]] * 40
    model = train_supervised(TEXTS, labels=labels, loss="ova", lr=0.5, epoch=30, verbose=0)
    names, shares = model.predict("good fine", k=-1, threshold=0.5)
    assert set(names) == {"__label__yes", "__label__fine"} and (shares > 0.5).all()


def test_one_label_alone_and_the_last_line_without_its_end():
    model = train_supervised(["a b"], labels=["x"], verbose=0)
    assert model.predict("a")[0] == ("__label__x",)
    assert train_supervised(["a b"], labels=["x"], loss="ns", dim=3, verbose=0).labels == ["__label__x"]


def test_vectors_are_where_words_start(tmp_path):
    path = tmp_path / "words.vec"
    path.write_text("3 2\ngood 1 2\nunseen 3 4\nrare 5 6\n")
    settings = {"pretrainedVectors": path, "minCount": 2, "epoch": 0, "verbose": 0}
    model = train_supervised([*TEXTS, "rare"], labels=[*LABELS, "yes"], **settings)
    assert model.get_dimension() == 2 and {"rare", "unseen"} <= set(model.words)
    rows = model._sections[1]
    assert rows[model.words.index("unseen")].tolist() == [3, 4]
    assert rows[model.words.index("good")].tolist() == [1, 2]
    assert np.abs(rows[model.words.index("bad")]).max() <= 0.5
    with pytest.raises(ValueError, match="`dim` must be that of pretrainedVectors, 2"):
        train_supervised(TEXTS, labels=LABELS, dim=3, **settings)


def test_a_weight_is_a_learning_rate_of_its_line():
    settings = {"epoch": 3, "verbose": 0, "dim": 4}
    plain = train_supervised(TEXTS, lr=0.2, labels=LABELS, **settings)
    weighted = train_supervised(TEXTS, lr=0.1, labels=LABELS, sample_weight=np.full(80, 2.0), **settings)
    np.testing.assert_allclose(weighted._sections[1], plain._sections[1], rtol=1e-4, atol=1e-6)
    half = [1.0, 0.0] * 40
    model = train_supervised(TEXTS, labels=LABELS, lr=0.5, epoch=20, sample_weight=half, verbose=0)
    assert model.predict("bad dull")[0] == ("__label__yes",)


@pytest.fixture
def eight_trials(monkeypatch):
    """A search ends after them, however long they take: its clock counts trials, one second each."""
    ask, seconds = autotune._Walk.ask, []

    def counted(walk, done):
        seconds.append(done)
        return ask(walk, done)

    monkeypatch.setattr(autotune._Walk, "ask", counted)
    monkeypatch.setattr(autotune, "time", SimpleNamespace(monotonic=lambda: len(seconds)))
    yield {"autotuneDuration": 8.0}
    assert seconds


def test_a_search_finds_arguments_that_are_better(tmp_path, capfd, eight_trials):
    valid = tmp_path / "valid"
    valid.write_text("__label__yes nice\n__label__no dull\n\n__label__other good\nno label\n")
    settings = {"lr": 0.001, "epoch": 1, "autotuneValidationFile": valid, **eight_trials}
    model = train_supervised(TEXTS, labels=LABELS, minn=0, maxn=0, **settings)
    assert model.predict(["nice", "dull"])[0] == [["__label__yes"], ["__label__no"]]
    assert "Best score:  1.000000" in capfd.readouterr().err
    assert model.args["epoch"] == 1  # what is given is not searched


def test_a_search_keeps_to_a_size(tmp_path, eight_trials):
    words = [f"word{number}" for number in range(3000)]
    random = np.random.default_rng(4)
    texts = [" ".join(random.choice(words, 30)) + (" good" if i % 2 else " bad") for i in range(400)]
    valid = tmp_path / "valid"
    valid.write_text("__label__yes good\n__label__no bad\n")
    given = {"epoch": 5, "lr": 0.5, "wordNgrams": 2, "bucket": 5000, "minn": 0, "maxn": 0, "dim": 4}
    search = {"autotuneValidationFile": valid, "autotuneModelSize": "20K", **eight_trials}
    model = train_supervised(texts, labels=["no", "yes"] * 200, verbose=0, **given, **search)
    model.save_model(tmp_path / "model.ftz")
    assert model.is_quantized() and (tmp_path / "model.ftz").stat().st_size <= 20000
    assert model.predict(["good", "bad"])[0] == [["__label__yes"], ["__label__no"]]
    with pytest.raises(RuntimeError, match="no model of this size was found"):
        search["autotuneModelSize"] = "3K"
        train_supervised(texts, labels=["no", "yes"] * 200, verbose=0, **given, **search)


def test_what_is_shown(capfd):
    train_supervised(TEXTS, labels=LABELS, verbose=1)
    shown = capfd.readouterr().err
    assert "Number of words:  9" in shown and "Number of labels: 2" in shown and "Progress: 100.0%" in shown
    # a word takes more than ten nanoseconds: the time counted is that of the training
    assert float(shown.split("words/sec/thread:")[1].split()[0]) < 1e8
    train_supervised(TEXTS, labels=LABELS, verbose=0)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lr": 0}, "`lr` must be a finite number"),
        ({"lr": float("nan")}, "`lr` must be a finite number"),
        ({"dim": 0}, "`dim` must be"),
        ({"epoch": -1}, "`epoch` must be"),
        ({"epoch": 2.5}, "`epoch` must be"),
        ({"minCount": -1}, "`minCount` must be"),
        ({"minn": 4, "maxn": 2}, "`minn` must be at most maxn"),
        ({"wordNgrams": 0}, "`wordNgrams` must be"),
        ({"loss": "hinge"}, "loss='hinge'"),
        ({"bucket": 0, "wordNgrams": 2}, "`bucket` must be at least 1"),
        ({"thread": 0}, "`thread` must be"),
        ({"label": "a b"}, "`label` must be what labels begin with"),
        ({"label": ""}, "`label` must be what labels begin with"),
        ({"label": 3}, "`label` must be a str"),
        ({"seed": -1}, "`seed` must be"),
        ({"verbose": -1}, "`verbose` must be"),
        ({"minCount": 1000}, "no word that occurs 1000 times"),
        ({"minCountLabel": 1000}, "`input` has no labels.* and occur 1000 times"),
        ({"labels": None}, "`labels` must be given"),
        ({"labels": ["yes"]}, "as many as there are texts, 80. Received: 1"),
        ({"labels": ["a b"] * 80}, r"labels\[0\] must be a name without blanks"),
        ({"sample_weight": [1.0]}, "importance must have 80 numbers"),
        ({"sample_weight": [-1.0] * 80}, "`sample_weight` must be"),
        ({"autotuneMetric": "f2"}, "`autotuneMetric` must be"),
        ({"autotuneMetric": "precisionAtRecall:101"}, "`autotuneMetric` must be"),
        ({"autotuneDuration": 0}, "`autotuneDuration` must be"),
        ({"autotunePredictions": 0}, "`autotunePredictions` must be"),
        ({"autotuneModelSize": "2MB"}, "`autotuneModelSize` must be a number of bytes"),
        ({"lr": 1e30}, "`lr` must be smaller"),
    ],
)
def test_misuse_is_named(given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        train_supervised(TEXTS, **{"labels": LABELS, "verbose": 0, "wordNgrams": 1, **given})


def test_misuse_of_texts_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        train_supervised(tmp_path / "none", verbose=0)
    with pytest.raises(ValueError, match="a file names them in each of its lines"):
        train_supervised(str(tmp_path), labels=["a"])
    unlabelled = tmp_path / "unlabelled.txt"
    unlabelled.write_text("nice\ndull\n")
    with pytest.raises(
        ValueError, match=r"no labels: words that begin with '__label__' \(argument `label`\)$"
    ):
        train_supervised(unlabelled, verbose=0)
    with pytest.raises(TypeError, match="`input` must be the path of a file, or a list of texts"):
        train_supervised(b"text")
    with pytest.raises(TypeError, match=r"`input` must be a list of str. Received: input\[1\] = 3"):
        train_supervised(["a", 3], labels=["x", "y"])
    with pytest.raises(ValueError, match="begins with '__label__', as labels do"):
        train_supervised(["a __label__b"], labels=["x"])
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ValueError, match="no word"):
        train_supervised(tmp_path / "empty", verbose=0)


def test_words_that_are_given_need_not_be_utf8():
    given = [b"\xff", b"a\xc3", b"b", b"\xf0\x9f", b"\xe9"]
    data, ends = np.frombuffer(b"".join(given), np.uint8), np.cumsum([len(word) for word in given])
    corpus = corpus_of(b"__label__x b\n", words=data, word_ends=ends)
    assert {(word, 1) for word in given if word != b"b"} <= set(names_of(corpus))


@pytest.mark.parametrize("negatives, epochs", [(2**63 - 1, 1), (-1, 1), (5, 2**63 - 1)])
def test_sizes_that_would_overflow_are_refused(negatives, epochs):
    corpus = corpus_of(b"__label__a x\n__label__b y\n")
    rows, output = np.zeros((3, 16), np.float32), np.zeros((2, 16), np.float32)
    with pytest.raises(ValueError, match="negatives, rate_tokens or epochs"):
        corpus.train(rows, output, (0, 0), 1, 0, LOSSES["ns"], negatives, 0.1, 9, epochs, 1, None, 1, None)
