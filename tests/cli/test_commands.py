"""``embedcnn test``, ``predict``, ``info`` and the top level."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_data import PAIRS

from embedcnn import (
    __version__,
    get_float32_matmul_precision,
    get_num_threads,
    set_num_threads,
    show_config,
)
from embedcnn.bags import BagClassifier
from embedcnn.cli import main
from embedcnn.commands.text_models import SavedModel

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-c", "import sys; from embedcnn.cli import main; sys.exit(main(sys.argv[1:]))"]


def run(*arguments, data=b"", **options):
    """The program in a process of its own."""
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], input=data, capture_output=True, timeout=120, **options
    )


def test_test(model, pets, capsys):
    assert main(["test", str(model), str(pets), "--report"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        f"text: column 'text', label: column 'label'\ntexts     {len(PAIRS)}\naccuracy  1.0000\n"
    )
    assert re.search(r"^cat +1\.000 +1\.000 +1\.000 +18$", printed, re.MULTILINE)
    assert re.search(r"^dog +0 +18$", printed, re.MULTILINE)


def test_test_refuses_unknown_labels(model, tmp_path, capsys):
    path = tmp_path / "other.csv"
    path.write_text("text,label\na b,cat\nc d,bird\n")
    assert main(["test", str(model), str(path)]) == 1
    assert "'bird' is not one of the model's: cat, dog" in capsys.readouterr().err


def test_predict_texts(model, capsys):
    assert main(["predict", str(model), "it purrs", "it barks", "--top", "2"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["cat", "dog"]
    for row in rows:
        assert len(row) == 4 and float(row[1]) + float(row[3]) == pytest.approx(1, abs=2e-4)


def test_predict_with_a_bag_of_ngrams(tmp_path, capsys):
    classifier = BagClassifier(chars=(3, 3)).fit([text for text, _ in PAIRS], [label for _, label in PAIRS])
    classifier.save(tmp_path / "bag")
    texts = [text for text, _ in PAIRS] * 50
    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n")
    (tmp_path / "more.csv").write_text("text\nit purrs\n")
    given = ["predict", tmp_path / "bag", "--input", tmp_path / "texts.txt", tmp_path / "more.csv"]
    assert main([*map(str, given), "--top", "2", "--out", str(tmp_path / "out.tsv")]) == 0
    rows = [line.split("\t") for line in (tmp_path / "out.tsv").read_text().splitlines()]
    assert [row[0] for row in rows] == [*(label for _, label in PAIRS * 50), "cat"]
    found = classifier.predict_proba(texts).max(axis=1)
    assert [float(row[1]) for row in rows[:-1]] == pytest.approx(found.tolist(), abs=1e-4)
    assert main(["info", str(tmp_path / "bag")]) == 0
    assert "ngrams (BagOfNgrams)" in capsys.readouterr().out


def test_explain(model, tmp_path, capsys):
    assert main(["explain", str(model), "it purrs", "it barks", "--label", "cat"]) == 0
    shown = capsys.readouterr().out
    assert "it purrs\n'cat': margin +" in shown and "it barks\n'cat': margin -" in shown
    assert "(word)" in shown and "(words 1)" in shown  # a CNN and a mean
    found = run("explain", model, "--json", data="it purrs\nit barks — “loudly”\n".encode())
    assert found.returncode == 0, found.stderr
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert [(row["text"], row["label"]) for row in rows] == [
        ("it purrs", "cat"), ("it barks — “loudly”", "dog"),
    ]  # fmt: skip
    for row in rows:
        total = row["bias"] + row["rest"] + sum(share["share"] for share in row["shares"])
        assert total == pytest.approx(row["margin"], abs=1e-4)
    assert main(["explain", str(model), "it purrs", "--label", "cow"]) == 1
    assert "has no label 'cow'; it has cat, dog" in capsys.readouterr().err
    found = run("explain", model, data=b"it b\xe4rks\n")
    assert found.returncode == 1 and b"line 1: byte 0xe4 is not valid utf-8" in found.stderr


def test_predict_standard_input(model):
    found = run("predict", model, "-", "--json", data="it purrs\r\n\nit barks — “loudly”".encode())
    assert found.returncode == 0, found.stderr
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert [row["text"] for row in rows] == ["it purrs", "", "it barks — “loudly”"]
    assert [row["labels"][0]["label"] for row in rows][::2] == ["cat", "dog"]


def test_predict_answers_each_line_at_once(model):
    with subprocess.Popen(
        [*PROGRAM, "predict", str(model)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        for text, label in ((b"it purrs\n", b"cat"), (b"it barks\n", b"dog")):
            process.stdin.write(text)
            assert process.stdout.readline().startswith(label)
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_predict_invalid_bytes(model):
    found = run("predict", model, data=b"it purrs\nit b\xe4rks\nit purrs\n")
    assert found.returncode == 1
    answers = found.stdout.decode().splitlines()
    assert answers[0].startswith("cat\t") and answers[2].startswith("cat\t")
    assert answers[1] == "!error\tstandard input, line 2: byte 0xe4 is not valid utf-8"
    assert found.stderr.decode() == "embedcnn: 1 record could not be read\n"
    assert run("predict", model, "--encoding", "latin-1", data=b"it b\xe4rks\n").returncode == 0


def test_broken_pipe_is_quiet(model):
    with subprocess.Popen(
        [*PROGRAM, "predict", str(model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        process.stdin.write(b"it purrs\n" * 1000)
        process.stdin.close()
        error = process.stderr.read()
        process.wait(timeout=60)
    assert process.returncode == 1 and error == b""


def test_damaged_models(model, tmp_path, capsys):
    whole = model.read_bytes()
    cases = {
        "cut": whole[: len(whole) // 2],
        "text": b"hello",
        "flipped": whole[:400] + bytes([whole[400] ^ 255]) + whole[401:],
    }
    for name, content in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert main(["predict", str(path), "x"]) == 1
        error = capsys.readouterr().err
        assert error.startswith("embedcnn: error: ") and name in error and error.count("\n") == 1
    assert main(["predict", str(tmp_path / "none"), "x"]) == 1
    assert "there is no model file" in capsys.readouterr().err


def test_debug_shows_the_traceback(tmp_path):
    with pytest.raises(Exception, match="there is no model file"):
        main(["predict", str(tmp_path / "none"), "x", "--debug"])


def test_info(model, capsys):
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    for part in (
        "version",
        "compiler",
        "OpenMP",
        "threads",
        "matrix products",
        "highest: fp32, high: ",
        "NumPy",
        __version__,
        show_config()["instruction_set"],
    ):
        assert part in printed
    assert main(["info", str(model)]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^labels +2: cat, dog$", printed, re.MULTILINE) and "Conv1D" in printed


@pytest.mark.parametrize(
    "command",
    [[], ["train"], ["tune"], ["test"], ["predict"], ["explain"], ["report"], ["info"], ["vectors"]],
)
def test_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert len(capsys.readouterr().out) > 200


def test_python_dash_m():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "embedcnn", "--version"]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert found.stdout == f"embedcnn {__version__}\n"
    assert subprocess.run(command[:-1], capture_output=True, env=environment, timeout=60).returncode == 2


def test_threads_are_the_command_s_not_the_process_s(model, monkeypatch, capsys):
    used, likeliest = [], SavedModel.likeliest

    def record(*arguments):
        used.append(get_num_threads())
        return likeliest(*arguments)

    monkeypatch.setattr(SavedModel, "likeliest", record)
    for before in (0, 3):
        set_num_threads(before)
        of_the_process = get_num_threads()
        assert main(["predict", str(model), "it purrs", "--threads", "2"]) == 0
        assert used.pop() == 2 and get_num_threads() == of_the_process
    set_num_threads(0)


@pytest.mark.parametrize("precision", [None, "highest", "high", "medium"])
def test_precision(precision, model, capsys):
    chosen = [] if precision is None else ["--precision", precision]
    assert main(["predict", str(model), "it purrs", *chosen]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("cat\t")
    used = show_config()["matmul_formats"][precision or "high"]
    assert (f"products in {used}" in printed.err) == (used != "fp32")
    assert get_float32_matmul_precision() == "highest"


def test_predict_takes_options_anywhere(model, capsys):
    """The example of its own help."""
    assert main(["predict", str(model), "--top", "2", "it purrs", "it barks"]) == 0
    after = capsys.readouterr().out
    assert main(["predict", str(model), "it purrs", "--top", "2", "it barks"]) == 0
    assert capsys.readouterr().out == after and len(after.splitlines()) == 2
    assert main(["predict", str(model), "--top", "2", "--", "-5 degrees"]) == 0
    with pytest.raises(SystemExit):
        main(["predict", str(model), "it purrs", "--bogus"])


def test_predict_reads_files(model, tmp_path, capsys):
    table = tmp_path / "new.csv"
    table.write_text("id,review\n1,it purrs\n2\n3,it barks\n")
    lines = tmp_path / "more.txt"
    lines.write_bytes(b"it purrs\nb\xffad\n")
    out = tmp_path / "answers.tsv"
    assert main(["predict", str(model), "--input", str(table), str(lines), "--out", str(out)]) == 1
    answers = out.read_text().splitlines()
    assert [line.split("\t")[0] for line in answers] == ["cat", "!error", "dog", "cat", "!error"]
    assert "2 records could not be read" in capsys.readouterr().err
    assert main(["predict", str(model), "--json", "--input", str(lines), "--format", "lines"]) == 1
    fault = json.loads(capsys.readouterr().out.splitlines()[1])
    assert fault == {"error": "byte 0xff is not valid utf-8", "file": str(lines), "line": 2}


def test_predict_says_when_a_text_is_the_name_of_a_file(model, pets, capsys):
    assert main(["predict", str(model), str(pets)]) == 0
    assert "--input reads it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--input", "{file}"], "not both"),
        (["x", "--format", "csv"], "--format: is for --input"),
        (["x", "--encoding", "latin-1"], "--encoding: is for --input and standard input"),
        (["--text-column", "body"], "--text-column: is for tables and JSON lines"),
        (["x", "--restart"], "--restart: is for --input with --out"),
        (["--input", "missing.csv"], "there is no file 'missing.csv'"),
        (["x", "--out", ""], "--out: the name of a file"),
        (["x", "--out", "no/such/folder.tsv"], "there is no folder 'no/such'"),
        (["--input", "{file}", "--text-column", "body"], "--text-column: no such column"),
        (["--input", "{file}", "--out", "{file}"], "is read too; choose another name"),
        (["x", "--out", "{model}"], "is read too; choose another name"),
    ],
)
def test_predict_misuse(model, pets, capsys, arguments, message):
    before = model.read_bytes(), pets.read_bytes()
    assert main(["predict", str(model), *(word.format(file=pets, model=model) for word in arguments)]) == 1
    assert message in capsys.readouterr().err
    assert (model.read_bytes(), pets.read_bytes()) == before


def test_predict_without_standard_input(model, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["predict", str(model)]) == 1
    assert "standard input is closed" in capsys.readouterr().err


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&-"])
def test_commands_whose_output_is_closed(model, tmp_path, closed):
    """What they print goes nowhere; files are written as ever."""
    line = f'exec "$0" -m embedcnn predict "$1" "it purrs" --out "$2" {closed}'
    quiet = subprocess.run(["sh", "-c", line, sys.executable, model, tmp_path / "out"], cwd=ROOT, timeout=120)
    assert quiet.returncode == 0 and (tmp_path / "out").read_text()
    line = f'exec "$0" -m embedcnn predict "$1" "it purrs" {closed}'
    said = subprocess.run(
        ["sh", "-c", line, sys.executable, model], cwd=ROOT, timeout=120, stderr=subprocess.PIPE
    )
    assert said.returncode == 0 and not said.stderr


def test_what_is_said_of_standard_input_and_of_arguments():
    failed = run("train", "-", data=b"")
    assert failed.returncode == 1 and b"error: standard input: the file is empty" in failed.stderr
    rows = "".join(f"text {number},label {number}\n" for number in range(60))
    failed = run("train", "-", "--format", "csv", data=f"one,two\n{rows}".encode())
    assert failed.stderr.decode().endswith("looks like a label (few distinct values); give --label-column\n")
    failed = run("train", "-", "--format", "csv", data=b"text,label\na,cat\nb,dog\n,cat\n")
    assert b"warning: standard input: 1 empty text" in failed.stderr and b"/dev/" not in failed.stderr
