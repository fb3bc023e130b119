"""``embedcnn train --model fasttext``: lines and other formats, what is measured, what is refused."""

import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from cli_data import PAIRS

from embedcnn import vectors
from embedcnn.cli import main
from embedcnn.fasttext import autotune, load_model, train_unsupervised
from embedcnn.fasttext.training import Corpus


@pytest.fixture
def lines(tmp_path):
    """A file of fastText's lines."""
    path = tmp_path / "pets.txt"
    path.write_text("".join(f"__label__{label} {text}\n" for text, label in PAIRS))
    return str(path)


def test_lines_become_a_model_that_is_measured(tmp_path, lines, capsys):
    out = str(tmp_path / "model.bin")
    given = ["--word-ngrams", "2", "--char-ngrams", "2,4", "--buckets", "500", "--loss", "ova", "--seed", "3"]
    assert (
        main(
            ["train", lines, "--model", "fasttext", "--valid", lines, "--epochs", "20", "--out", out, *given]
        )
        == 0
    )
    shown = capsys.readouterr().out
    assert f"recall 100.0% of one label on the {len(PAIRS)} texts" in shown and f"saved {out}" in shown
    model = load_model(out)
    kept = {
        name: model.args[name] for name in ("epoch", "wordNgrams", "minn", "maxn", "bucket", "loss", "dim")
    }
    labels = len({label for _, label in PAIRS})
    assert kept == {
        "epoch": 20, "wordNgrams": 2, "minn": 2, "maxn": 4, "bucket": 500, "loss": "ova", "dim": labels,
    }  # fmt: skip
    assert main(["predict", out, PAIRS[0][0]]) == 0
    assert PAIRS[0][1] in capsys.readouterr().out


def test_other_formats_become_lines(tmp_path, capsys):
    path = tmp_path / "pets.csv"
    path.write_text("text,label\n" + "".join(f'"{text}",{label} one\n' for text, label in PAIRS))
    out = str(tmp_path / "model.bin")
    assert (
        main(["train", str(path), "--model", "fasttext", "--dimensions", "5", "--quiet", "--out", out]) == 0
    )
    model = load_model(out)
    assert model.get_dimension() == 5 and f"__label__{PAIRS[0][1]}_one" in model.labels


def test_a_model_is_tested(tmp_path, lines, capsys):
    out = str(tmp_path / "model.bin")
    train = ["train", lines, "--model", "fasttext", "--epochs", "20", "--quiet"]
    assert main([*train, "--out", out]) == 0
    model = load_model(out)
    count, precision, recall = model.test(lines)
    capsys.readouterr()
    assert main(["test", out, lines, "--report"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == [f"texts      {count}", f"precision  {precision:.4f}", f"recall     {recall:.4f}"]
    scores = model.test_label(lines)
    rows = {row.split()[3]: row.split()[:3] for row in shown[5:]}
    assert rows == {
        label: [f"{one[name]:.4f}" for name in ("precision", "recall", "f1score")]
        for label, one in scores.items()
    }
    assert main(["test", out, lines, "--text-column", "1"]) == 1
    assert main(["test", out, lines, "--format", "fasttext", "--empty", "keep"]) == 1
    errors = capsys.readouterr().err
    for option in ("--text-column", "--empty"):
        assert f"{option}: has no meaning for lines that begin with __label__" in errors


def formats(folder):
    """The same texts in every format, each with the options that it needs."""
    (folder / "pets.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in PAIRS))
    rows = (f'{{"said": "{text}", "kind": "{label}"}}\n' for text, label in PAIRS)
    (folder / "pets.jsonl").write_text("".join(rows))
    for number, (text, label) in enumerate(PAIRS):
        (folder / "folders" / label).mkdir(parents=True, exist_ok=True)
        (folder / "folders" / label / f"{number}.txt").write_text(text)
    columns = ["--text-column", "said", "--label-column", "kind"]
    return [(folder / "pets.csv", []), (folder / "pets.jsonl", columns), (folder / "folders", [])]


def test_other_formats_are_measured_as_lines(tmp_path, lines, capsys):
    out = str(tmp_path / "model.bin")
    train = ["train", lines, "--model", "fasttext", "--epochs", "3", "--quiet"]
    for number, (path, options) in enumerate([(lines, []), *formats(tmp_path)]):
        assert main([*train, "--valid", str(path), *options, "--out", out]) == 0
        said = next(line for line in capsys.readouterr().out.splitlines() if "of --valid" in line)
        assert main(["test", out, str(path), "--report", *options]) == 0
        rows = capsys.readouterr().out.splitlines()
        shown = [row for row in rows if not row.startswith("text")]  # without what a table has where
        if number == 0:
            expected = said, shown
            assert f"on the {len(PAIRS)} texts of --valid" in said and len(shown) > 4
        assert (said, shown) == expected
    table, options = formats(tmp_path)[1]
    train[1] = str(table)
    search = ["--valid", str(table), *options, "--autotune", "1", "--seed", "1"]
    assert main([*train, *search, "--out", out]) == 0
    assert "recall 100.0%" in capsys.readouterr().out
    (tmp_path / "empty.csv").write_text("text,label\n")
    train[1] = lines
    assert main([*train, "--valid", str(tmp_path / "empty.csv"), "--out", out]) == 1
    assert "empty.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--filters", "3"], "--filters: has no meaning with --model fasttext"),
        (["--units", "3"], "--units: is for --model lm"),
        (["--no-blend"], "--no-blend: has no meaning with --model fasttext"),
        (["--precision", "high"], "--precision: has no meaning with --model fasttext"),
        (["--buckets", "9"], "--buckets: are for n-grams; give --word-ngrams or --char-ngrams, too"),
        (["--time", "3"], "--time: has no meaning with --model fasttext"),
        (["--autotune", "3"], "--autotune: needs --valid"),
        (["--char-ngrams", "3"], "--char-ngrams: two numbers"),
        (["--empty", "keep"], "--empty: has no meaning for lines that begin with __label__"),
        (["--encoding", "latin-1"], "--encoding: has no meaning for lines"),
        (["--out", "model.ftz"], "--out: 'model.ftz' is the name of a quantised model"),
        (["--model", "bag", "--min-count", "3"], "--min-count: is for --model fasttext"),
    ],
)
def test_options_that_would_do_nothing_are_refused(tmp_path, lines, capsys, given, message):
    arguments = ["train", lines, "--model", "fasttext", "--out", str(tmp_path / "model.bin"), *given]
    assert main(arguments) != 0
    assert message in capsys.readouterr().err


def test_a_search_leaves_what_is_given(tmp_path, lines, monkeypatch):
    """Even where it is fastText's default; what is not given is searched."""
    tried, train = [], Corpus.train

    def counted(corpus, settings, *others):
        tried.append(settings)
        return train(corpus, settings, *others)

    monkeypatch.setattr(Corpus, "train", counted)
    monkeypatch.setattr(autotune, "time", SimpleNamespace(monotonic=lambda: len(tried)))
    given = ["train", lines, "--model", "fasttext", "--out", str(tmp_path / "m.bin"), "--quiet"]
    searched = {"epoch", "lr", "bucket", "wordNgrams", "minn"}
    for options, fixed in (
        ([], {}),
        (["--epochs", "5", "--learning-rate", "0.1"], {"epoch": 5, "lr": 0.1}),
        (["--word-ngrams", "1", "--char-ngrams", "2,3"], {"wordNgrams": 1, "minn": 2, "maxn": 3}),
    ):
        tried.clear()
        assert main([*given, "--valid", lines, "--autotune", "9", *options]) == 0
        assert len(tried) == 10 and tried[0].lr == fixed.get("lr", 0.5)
        for name in searched | set(fixed):
            assert (len({getattr(one, name) for one in tried}) > 1) == (name not in fixed), name
        assert all(getattr(one, name) == value for one in tried for name, value in fixed.items())


def test_threads_of_word_vectors(tmp_path, lines, monkeypatch):
    asked = []

    def record(*arguments, thread, **options):
        asked.append(thread)
        raise ValueError("enough")

    monkeypatch.setattr("embedcnn.fasttext.train_unsupervised", record)
    for options in ([], ["--threads", "3"]):
        assert main(["vectors", "train", lines, str(tmp_path / "w"), *options]) == 1
    assert asked == [None, 3]


@pytest.mark.parametrize(("name", "options"), [("w.bin", []), ("w.vec", []), ("w.cache", ["--to", "cache"])])
def test_word_vectors_of_a_text(tmp_path, capsys, name, options):
    text = tmp_path / "text.txt"
    text.write_text("cats and kittens purr\ndogs and puppies bark\n" * 40)
    settings = [
        "--dim",
        "6",
        "--epochs",
        "2",
        "--chars",
        "0",
        "0",
        "--sample",
        "0",
        "--quiet",
        "--model",
        "cbow",
    ]
    assert main(["vectors", "train", str(text), str(tmp_path / name), *settings, *options]) == 0
    assert "8 words x 6" in capsys.readouterr().out
    read = vectors.load(tmp_path / name)
    made = train_unsupervised(text, "cbow", dim=6, epoch=2, maxn=0, minn=0, t=0, verbose=0)
    for word in ("cats", "bark", "</s>"):
        np.testing.assert_allclose(read[word], made[word], rtol=1e-6)
    assert main(["vectors", "nearest", str(tmp_path / name), "cats", "--count", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_tree_and_fewer_words_are_options(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("cats and kittens purr\ndogs and puppies bark\nand\n" * 40)
    options = ["--loss", "hs", "--max-words", "2", "--chars", "0", "0", "--dim", "6", "--sample", "0"]
    assert main(["vectors", "train", str(text), str(tmp_path / "w.bin"), "--quiet", *options]) == 0
    made = train_unsupervised(text, dim=6, maxn=0, t=0, loss="hs", max_words=2, verbose=0)
    assert sorted(made.words) == ["</s>", "and"]
    np.testing.assert_array_equal(vectors.load(tmp_path / "w.bin")["and"], made["and"])


def test_a_mistake_in_training_word_vectors_is_one_line(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("too rare\n")
    assert main(["vectors", "train", str(text), str(tmp_path / "w.bin"), "--quiet"]) == 1
    assert "--min-count" in capsys.readouterr().err and not (tmp_path / "w.bin").exists()
    assert main(["vectors", "train", str(tmp_path / "none.txt"), str(tmp_path / "w.bin")]) == 1
    assert "none.txt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("none/w.bin", [], "OUTPUT: there is no folder"),
        (".", [], "OUTPUT.*is a folder"),
        ("text.txt", [], "choose another name"),
        ("w.bin", ["--chars", "3", "2"], "--chars must"),
        ("w.bin", ["--chars", "0", "0", "--buckets", "9"], "--buckets are for n-grams"),
        ("w.bin", ["--loss", "hs", "--negatives", "5"], "--negatives is for --loss ns"),
        ("w.bin", ["--max-words", "5", "--vectors", "v.txt"], "--max-words and --vectors: one of both"),
    ],
)
def test_options_of_word_vectors_are_named_before_any_work(tmp_path, capsys, output, options, message):
    text = tmp_path / "text.txt"
    text.write_text("cats and kittens purr\n" * 40)
    assert main(["vectors", "train", str(text), str(tmp_path / output), *options]) == 1
    said = capsys.readouterr().err
    assert re.search(message, said) and len(said.splitlines()) == 1
    assert text.read_text() == "cats and kittens purr\n" * 40 and not (tmp_path / "w.bin").exists()


def test_word_vectors_of_standard_input(tmp_path):
    command = [sys.executable, "-m", "embedcnn", "vectors", "train", "-", str(tmp_path / "w.vec")]
    options = ["--dim", "4", "--chars", "0", "0", "--threads", "1", "--quiet"]
    text = b"cats and kittens purr\n" * 40
    subprocess.run([*command, *options], input=text, check=True)
    assert sorted(vectors.load(tmp_path / "w.vec").index_to_key) == ["</s>", "and", "cats", "kittens", "purr"]
