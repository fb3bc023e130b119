"""``embedcnn train --model fasttext``: lines and other formats, what is measured, what is refused."""

import pytest
from cli_data import PAIRS

from embedcnn.cli import main
from embedcnn.fasttext import load_model


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
    train = ["train", lines, "--model", "fasttext", "--epochs", "20", "--buckets", "500", "--quiet"]
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
    table = tmp_path / "pets.csv"
    table.write_text("text,label\nit purrs,cat\n")
    assert main(["test", out, str(table)]) == 1
    assert main(["test", out, lines, "--text-column", "1"]) == 1
    assert main(["test", out, lines, "--format", "fasttext", "--empty", "keep"]) == 1
    assert f"DATA: '{table}' must have lines that begin with __label__" in (errors := capsys.readouterr().err)
    for option in ("--text-column", "--empty"):
        assert f"{option}: has no meaning with a model of fastText's" in errors


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--filters", "3"], "--filters: has no meaning with --model fasttext"),
        (["--units", "3"], "--units: is for --model lm"),
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
