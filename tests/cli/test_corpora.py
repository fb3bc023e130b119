"""``embedcnn filter``, and ``predict --input`` over corpora: what comes out, and how a killed run goes on."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from cli_data import PAIRS

from embedcnn.bags import BagClassifier
from embedcnn.cli import main
from embedcnn.commands import corpus_run, filter, predict, resumable
from embedcnn.commands.text_models import SavedModel
from embedcnn.data.corpus import corpus_blocks
from embedcnn.fasttext import FastText
from embedcnn.fasttext.files import packed_dictionary

TEXTS = [text for text, _ in PAIRS]


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """A model of n-grams, trained on the pets."""
    path = tmp_path_factory.mktemp("bag") / "pets.embedcnn"
    BagClassifier().fit(TEXTS, [label for _, label in PAIRS]).save(path)
    return str(path)


@pytest.fixture
def corpus(tmp_path):
    """Two files of JSON lines, the second one packed; one line is damaged."""
    lines = [json.dumps({"id": i, "text": text}) for i, text in enumerate(TEXTS)]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines[:20], '{"text": "it pu', *lines[20:]]) + "\n")
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as file:
        file.write("\ufeff" + "\r\n".join(lines[::-1]))
    return [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl.gz")]


@pytest.fixture
def small_blocks(monkeypatch):
    """Every block is some lines, after each of which a killed run can go on."""
    monkeypatch.setattr(resumable, "SECONDS", 0)
    for module in (filter, predict):
        monkeypatch.setattr(module, "corpus_blocks", partial(corpus_blocks, block_bytes=200))


def contents(path):
    """A file, unpacked where its name says so."""
    return gzip.open(path).read() if str(path).endswith(".gz") else open(path, "rb").read()


def lines_of(path):
    return contents(path).decode().splitlines()


def test_documents_that_pass_come_out_as_they_stood(bag, corpus, tmp_path, capsys):
    out = tmp_path / "cats.jsonl"
    status = main(["filter", bag, "--label", "cat", "--input", *corpus, "--out", str(out)])
    cats = [i for i, (_, label) in enumerate(PAIRS) if label == "cat"]
    assert status == 1
    found = lines_of(out)
    assert [json.loads(line)["id"] for line in found] == cats + cats[::-1]
    assert found[0] == json.dumps({"id": 0, "text": TEXTS[0]})
    said = capsys.readouterr().err
    assert f"{corpus[0]}, line 21: not valid JSON" in said and "73 texts, 36 passed, 1 damaged" in said
    assert sorted(os.listdir(tmp_path)) == ["a.jsonl", "b.jsonl.gz", "cats.jsonl"]
    assert main(["filter", bag, "--label", "cat", "--drop", "--input", *corpus, "--out", str(out)]) == 1
    dogs = [i for i, (_, label) in enumerate(PAIRS) if label == "dog"]
    assert [json.loads(line)["id"] for line in lines_of(out)] == dogs + dogs[::-1]


def test_tags_of_several_models(bag, model, corpus, tmp_path):
    out = tmp_path / "tagged.jsonl"
    given = ["--model", str(model), "--label", "cat", "--label", "dog", "--threshold", "0.4", "--tag", "pets"]
    assert main(["filter", bag, *given, "--input", *corpus, "--out", str(out)]) == 1
    rows = [json.loads(line) for line in lines_of(out)]
    assert [row["text"] for row in rows] == TEXTS + TEXTS[::-1]
    expected = zip(
        SavedModel(bag).probability(TEXTS, 0), SavedModel(str(model)).probability(TEXTS, 1), strict=True
    )
    for row, (cat, dog) in zip(rows, expected, strict=False):
        assert row["pets"]["probabilities"] == pytest.approx([cat, dog], abs=1e-6)
        assert row["pets"]["pass"] == (cat >= 0.4 and dog >= 0.4)


def test_lines_of_text_from_standard_input(bag, tmp_path):
    data = b"\xef\xbb\xbfit purrs\r\n\nit b\xffrks\nit barks"

    def run(*more):
        command = [sys.executable, "-m", "embedcnn", "filter", bag, "--label", "dog", *more]
        return subprocess.run(command, input=data, capture_output=True, timeout=120)

    done = run("--threshold", "0.6", "--tag")
    assert b"standard input, line 3: byte 0xff is not valid utf-8" in done.stderr
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert [(row[0], row[2]) for row in rows if row[2]] == [("fail", "it purrs"), ("pass", "it barks")]
    assert len(rows) == 3 and done.returncode == 1
    full = run("--drop", "--out", "/dev/full")
    assert full.returncode == 1 and b"no space left on device" in full.stderr.lower()


def test_a_folder_gets_a_file_for_each_input(bag, corpus, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    assert main(["filter", bag, "--label", "cat", "--input", *corpus, "--out", str(folder)]) == 1
    assert sorted(os.listdir(folder)) == ["a.jsonl", "b.jsonl.gz"]
    assert len(lines_of(folder / "a.jsonl")) == len(lines_of(folder / "b.jsonl.gz")) == 18
    assert main(["predict", bag, "--input", *corpus, "--out", str(folder)]) == 1
    assert len(lines_of(folder / "a.jsonl.tsv")) == 37 and len(lines_of(folder / "b.jsonl.tsv")) == 36


def test_a_folder_that_is_not_there_is_made_where_its_name_says_so(bag, corpus, tmp_path, capsys):
    given = ["filter", bag, "--label", "cat", "--input", *corpus, "--out"]
    assert main([*given, str(tmp_path / "kept") + "/"]) == 1
    assert sorted(os.listdir(tmp_path / "kept")) == ["a.jsonl", "b.jsonl.gz"]
    assert (
        main(["filter", bag, "--label", "cow", "--input", *corpus, "--out", str(tmp_path / "none") + "/"])
        == 1
    )
    assert not (tmp_path / "none").exists()  # made behind all checks
    (tmp_path / "taken").write_text("x")
    for name in ("no/such", "taken"):
        capsys.readouterr()
        assert main([*given, str(tmp_path / name) + "/"]) == 1
        assert "--out: there is no folder" in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "x" and not (tmp_path / "no").exists()


def test_predict_with_several_models(bag, model, corpus, tmp_path, capsys):
    assert main(["predict", "--model", bag, "it purrs", "--model", str(model), "it barks"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(row[0], row[2]) for row in rows] == [("cat", "cat"), ("dog", "dog")]
    given = ["predict", bag, "--model", str(model), "--input", corpus[1]]
    assert main(given) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(row[0], row[2], len(row)) for row in rows] == [(label, label, 4) for _, label in PAIRS[::-1]]
    assert main([*given, "--json"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert [said["labels"][0]["label"] for said in first["models"]] == ["dog", "dog"]


@pytest.mark.parametrize("fails_at", [1, 4, 9])
@pytest.mark.parametrize(
    "command", [["filter", "--label", "cat", "--tag"], ["predict", "--top", "2"]], ids=["filter", "predict"]
)
@pytest.mark.parametrize("out", ["out.jsonl", "out.gz", "folder"])
def test_an_interrupted_run_goes_on(
    bag, corpus, tmp_path, capsys, monkeypatch, small_blocks, command, out, fails_at
):
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        if out == "folder":
            (tmp_path / name / out).mkdir()
    given = [command[0], bag, *command[1:], "--input", *corpus, "--out"]
    assert main([*given, str(tmp_path / "once" / out)]) == 1
    target = tmp_path / "again" / out
    asked = []
    original = SavedModel.probabilities

    def interrupted(self, texts):
        asked.append(texts)
        if len(asked) == fails_at:
            raise KeyboardInterrupt
        return original(self, texts)

    with monkeypatch.context() as patch:
        patch.setattr(SavedModel, "probabilities", interrupted)
        assert main([*given, str(target)]) == 130
    said = capsys.readouterr().err
    assert ("will go on from here" in said) == (fails_at > 1)
    assert main([*given, str(target)]) == 1
    assert ("going on where" in capsys.readouterr().err) == (fails_at > 1)

    def files(folder):
        return {str(path.relative_to(folder)): contents(path) for path in folder.rglob("*") if path.is_file()}

    assert files(tmp_path / "again") == files(tmp_path / "once")


def test_a_killed_run_goes_on(bag, tmp_path, capfd):
    """kill -9 between two blocks of a run that would take minutes."""
    path = tmp_path / "many.txt"
    path.write_text("".join(f"{TEXTS[i % len(TEXTS)]} {i}\n" for i in range(20_000)))
    script = (
        "import sys, time\n"
        "from functools import partial\n"
        "from embedcnn.cli import main\n"
        "from embedcnn.commands import filter, resumable\n"
        "from embedcnn.data.corpus import corpus_blocks\n"
        "resumable.SECONDS = 0\n"
        "filter.corpus_blocks = partial(corpus_blocks, block_bytes=1000)\n"
        "main(sys.argv[1:])\n"
    )
    given = ["filter", bag, "--label", "cat", "--input", str(path), "--out"]
    assert main([*given, str(tmp_path / "once.txt.gz")]) == 0
    process = subprocess.Popen([sys.executable, "-c", script, *given, str(tmp_path / "again.txt.gz")])
    journal = tmp_path / "again.txt.gz.partial.json"
    while not (journal.exists() and json.loads(journal.read_text())["place"][1] > 500):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "again.txt.gz").exists()
    capfd.readouterr()
    assert main([*given, str(tmp_path / "again.txt.gz")]) == 0
    assert "going on where an earlier run was stopped" in capfd.readouterr().err
    assert contents(tmp_path / "again.txt.gz") == contents(tmp_path / "once.txt.gz")


@pytest.fixture
def interrupted(bag, corpus, tmp_path, monkeypatch, small_blocks):
    """The arguments of a run that was interrupted, and its output."""
    given = ["filter", bag, "--label", "cat", "--input", *corpus, "--out", str(tmp_path / "out.jsonl")]

    def once(*_):
        if (tmp_path / "out.jsonl.partial.json").exists():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(filter, "name_faults", once)
        assert main(given) == 130
    return given, tmp_path / "out.jsonl"


def test_what_does_not_belong_to_a_run_is_left_alone(interrupted, corpus, capsys):
    given, out = interrupted
    left = (out.parent / "out.jsonl.partial").read_bytes()
    for other in (["--threshold", "0.9"], ["--input", corpus[0]], ["--precision", "highest"]):
        assert main([*given, *other]) == 1
        assert "other" in (said := capsys.readouterr().err) and "--restart" in said
    os.utime(corpus[0], (1, 1))
    assert main(given) == 1 and "with other inputs" in capsys.readouterr().err
    assert (out.parent / "out.jsonl.partial").read_bytes() == left and not out.exists()
    assert main([*given, "--restart"]) == 1 and len(lines_of(out)) == 36
    assert not (out.parent / "out.jsonl.partial.json").exists()


def test_predict_begins_anew(bag, corpus, tmp_path, capsys, monkeypatch, small_blocks):
    given = ["predict", bag, "--input", *corpus, "--out", str(tmp_path / "out.tsv")]
    original, asked = SavedModel.probabilities, []

    def interrupted(self, texts):
        asked.append(len(texts))
        if len(asked) == 4:
            raise KeyboardInterrupt
        return original(self, texts)

    monkeypatch.setattr(SavedModel, "probabilities", interrupted)
    assert main(given) == 130
    before = sum(asked)
    assert main([*given, "--restart"]) == 1 and sum(asked) - before == 72  # one is damaged
    assert "going on where" not in capsys.readouterr().err and len(lines_of(tmp_path / "out.tsv")) == 73
    assert main([*given[:-2], "--restart"]) == 1
    assert "--restart: is for --input with --out" in capsys.readouterr().err


def test_a_journal_or_output_that_was_damaged(interrupted, capsys):
    given, out = interrupted
    journal, partial_file = (out.parent / f"out.jsonl.partial{end}" for end in (".json", ""))
    stored = journal.read_text()
    for text in ("{", "[]", '{"run": 1}', stored.replace('"place": [', '"place": ["x", ')):
        journal.write_text(text)
        assert main(given) == 1 and "does not say how far" in capsys.readouterr().err
    journal.write_text(stored)
    partial_file.write_bytes(b"")
    assert main(given) == 1 and "is gone or was cut; --restart begins anew" in capsys.readouterr().err


def test_two_runs_do_not_write_one_file(interrupted, capsys):
    given, out = interrupted
    with open(out.parent / "out.jsonl.partial", "rb") as file:
        resumable.fcntl.flock(file, resumable.fcntl.LOCK_EX)
        assert main(given) == 1
    assert "is being written by another process" in capsys.readouterr().err


def test_a_disk_that_is_full_names_the_file(bag, corpus, tmp_path, capsys, monkeypatch):
    class Full:
        def __init__(self, file):
            pass

        def write(self, data):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(resumable, "packer", lambda target: Full)
    given = ["filter", bag, "--label", "cat", "--input", *corpus, "--out", str(tmp_path / "out.jsonl")]
    assert main(given) == 1
    assert "out.jsonl.partial': no space left on device" in capsys.readouterr().err


def test_a_packed_file_that_is_cut_short_is_one_damaged_line(bag, tmp_path, capsys):
    path = tmp_path / "cut.txt.gz"
    packed = gzip.compress("\n".join(TEXTS * 500).encode())
    path.write_bytes(packed[: len(packed) // 2])
    more = tmp_path / "more.txt"
    more.write_text("it purrs\n")
    out = tmp_path / "out.txt"
    assert main(["filter", bag, "--label", "cat", "--input", str(path), str(more), "--out", str(out)]) == 1
    assert "damaged or cut short" in capsys.readouterr().err
    assert len(lines_of(out)) > 100 and lines_of(out)[-1] == "it purrs"


def test_many_damaged_lines_are_counted(bag, tmp_path, capsys):
    path = tmp_path / "bad.jsonl"
    path.write_text("bad\n" * 1000 + '{"text": "it purrs"}\n')
    assert main(["filter", bag, "--label", "cat", "--input", str(path)]) == 1
    out, said = capsys.readouterr()
    assert out == '{"text": "it purrs"}\n' and "1,001 texts, 1 passed, 1,000 damaged" in said
    assert said.count("not valid JSON") == 20 and "only counted" in said


def test_progress_on_a_terminal(bag, corpus, tmp_path, monkeypatch, capsys, small_blocks):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(corpus_run, "REFRESH", 0)
    out = str(tmp_path / "out.tsv")
    assert main(["predict", bag, "--input", *corpus, "--out", out]) == 1
    said = capsys.readouterr().err
    assert " texts/s, " in said and " MB/s" in said and "0:00 left" in said
    assert "73 texts, 1 damaged" in said.rpartition("\r")[2]


def test_models_of_fasttext_beside_others(bag, tmp_path, capsys):
    """A text always has "</s>"; a model that does not know it has no answer without a word that it knows."""
    rows = np.array([[4, 0], [0, 4], [0, 0]], np.float32)
    for end in (b"</s>", b"fur"):
        words = [(b"purrs", 4), (b"barks", 3), (end, 7)]
        labels = [(b"__label__cat", 4), (b"__label__dog", 3)]
        parts = (
            {"dim": 2, "bucket": 0},
            packed_dictionary(words, labels, 14),
            rows,
            np.eye(2, dtype=np.float32),
        )
        FastText._from_parts(*parts).save_model(tmp_path / f"{len(end)}.bin")
    path = tmp_path / "new.jsonl"
    path.write_text('{"text": "it\\npurrs"}\n{"text": "it\\u0020barks"}\n{"text": "\\ud800"}\n')
    given = ["--input", str(path)]
    assert main(["predict", bag, "--model", str(tmp_path / "4.bin"), "--top", "2", *given]) == 0
    lines = [line.split("\t")[4:] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["__label__cat", "0.8808", "__label__dog", "0.1192"]
    assert lines[1][:2] == ["__label__dog", "0.8808"] and lines[2][1] == "0.5000"
    assert main(["predict", str(tmp_path / "3.bin"), *given]) == 0
    assert capsys.readouterr().out.splitlines()[2] == "\t0.0000"
    assert main(["predict", str(tmp_path / "3.bin"), "--json", *given]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[2])["labels"] == []
    for label in ("dog", "__label__dog"):
        assert main(["filter", str(tmp_path / "3.bin"), "--label", label, *given]) == 0
        assert capsys.readouterr().out == '{"text": "it\\u0020barks"}\n'


def test_fasttext_without_labels_or_damaged(tmp_path, capsys):
    words = packed_dictionary([(b"purrs", 4)], [], 4)
    vectors = np.zeros((1, 2), np.float32)
    path = tmp_path / "vectors.bin"
    FastText._from_parts(
        {"dim": 2, "bucket": 0, "model": "cbow", "loss": "ns"}, words, vectors, vectors
    ).save_model(path)
    assert main(["filter", str(path), "--label", "cat", "--input", __file__, "--format", "lines"]) == 1
    assert "has word vectors, and no labels to predict" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:-3])
    assert main(["predict", str(path), "it purrs"]) == 1
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "bird"], "has no label 'bird'; it has cat, dog"),
        (["--label", "cat", "--label", "dog"], "--label: give one for all models, or one for each of the 1"),
        (["--label", "cat", "--threshold", "0.1", "--threshold", "0.2"], "--threshold: give one"),
        (["--label", "cat", "--input", "missing.jsonl"], "there is no file 'missing.jsonl'"),
        (["--label", "cat", "--input", "{table}"], "looks like a table"),
        (["--label", "cat", "--out", "no/such/folder"], "there is no folder 'no/such'"),
        (["--label", "cat", "--out", "{first}"], "is read too; choose another name"),
        (["--label", "cat", "--out", "{folder}"], "is read too; choose another name"),
        (["--label", "cat", "--input", "{again}", "--out", "{other}"], "two inputs would be written to"),
        (["--label", "cat", "--model", "missing.embedcnn"], "there is no model file"),
        (["--label", "cat", "--restart"], "--restart: is for --out"),
        (["--label", "cat", "--format", "lines", "--text-column", "x"], "--text-column: is for JSON lines"),
    ],
)
def test_filter_misuse(bag, corpus, tmp_path, capsys, arguments, message):
    (tmp_path / "table.csv").write_text("text\nit purrs\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.jsonl").write_text("{}\n")
    names = {
        "first": corpus[0],
        "folder": str(tmp_path),
        "table": str(tmp_path / "table.csv"),
        "again": str(tmp_path / "other" / "a.jsonl"),
        "other": str(tmp_path / "new"),
    }
    (tmp_path / "new").mkdir()
    before = contents(corpus[0])
    assert main(["filter", bag, "--input", *corpus, *(word.format(**names) for word in arguments)]) == 1
    assert message in capsys.readouterr().err and contents(corpus[0]) == before


@pytest.mark.parametrize(
    "arguments", [[], ["--label", "cat", "--threshold", "1.5"], ["--label", "cat", "--drop", "--tag"]]
)
def test_filter_usage(bag, arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["filter", bag, *arguments])
    assert stopped.value.code == 2


def test_a_command_without_a_model(capsys):
    assert main(["filter", "--label", "cat", "--input", __file__]) == 1
    assert "which model? Give MODEL, or --model FILE" in capsys.readouterr().err
