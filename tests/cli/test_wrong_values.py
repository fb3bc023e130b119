"""Wrong values of options, and wrong files: a line that says which, exit status 2 for a value that no command
line can have, else 1; never a traceback, never a part of an output.
"""

import argparse
import contextlib
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from cli import option_table

from embedcnn.cli import main, make_parser
from embedcnn.fasttext import autotune
from embedcnn.fasttext.training import Corpus

ROWS = option_table.rows()
INTEGERS = ("-1", "1.5", "x", "", "nan")
NUMBERS = ("-1", "nan", "x", "", "inf")


def actions(parser, command=""):
    """(command, action) for each option with a value."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from actions(below, f"{command} {name}".strip())
        elif action.option_strings and action.nargs != 0:
            yield command, action


def wrong_values():
    """(row, option, value) for each option of numbers or names, in a command line that has it."""
    lines = {row.name: row for row in reversed(ROWS)}
    for command, action in actions(make_parser()):
        option = action.option_strings[0]
        row = lines.get(f"{command} {option}") or lines[f"{command} --debug"]
        kind = getattr(action.type, "__qualname__", "").partition(".")[0]
        values = INTEGERS if kind == "count" else NUMBERS if kind in ("number", "share") else ()
        values = ("2,2", "0", "x", "", "101") if kind == "widths" else values
        for value in ("klingon",) if action.choices else values:
            yield row, option, value


@pytest.mark.parametrize(
    ("row", "option", "value"),
    list(wrong_values()),
    ids=lambda part: part.command if isinstance(part, option_table.Row) else part,
)
def test_a_wrong_value_is_wrong_usage(row, option, value, option_files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = row.words(option_files, False)
    given = f"{option}={value}" if option != "--chars" else option
    more = [value, value] if option == "--chars" else []
    with pytest.raises(SystemExit) as stopped:
        main([*words, given, *more])
    said = capsys.readouterr().err.splitlines()[-1]
    assert stopped.value.code == 2 and f"argument {option}: " in said
    assert (
        f"Received: {value}" in said or f"Received: {value!r}" in said or f"invalid choice: {value!r}" in said
    )
    assert list(tmp_path.iterdir()) == []


HUGE = [
    f"train {{cnn}} {option}" for option in ("--max-words", "--patience", "--batch-size", "--learning-rate")
] + [
    *("train {fast} --min-count", "train {fast} --buckets", "train {lm} --units", "train {lm} --length"),
    *("train {lm} --layers", "train {lm} --batch-size", "train {fast} --autotune"),
    *("quantize {fasttext} --out out.ftz --cutoff", "quantize {fasttext} --out out.ftz --dsub"),
    *("predict {bag} purrs --top", "generate {writer} --prompt The --length 3 --top-k"),
    *("generate {writer} --prompt The --length 3 --seed", "generate {writer} --prompt The --temperature"),
    *("report {bag} {pets} --html out --explained", "report {bag} {pets} --html out --mistakes"),
    *("vectors info {vectors} --limit", "vectors nearest {vectors} purrs --count"),
    *(
        "vectors eval {vectors} --pairs {pairs} --restrict-vocab",
        "vectors convert {vectors} out --dimensions",
    ),
]
"""Command lines that end with an option whose values have no largest one."""


@pytest.mark.parametrize("line", HUGE)
def test_a_huge_number_is_taken_or_refused(line, option_files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    short = {name: text.format(**option_files) for name, text in option_table.SHORT.items()}
    more = ["--valid", option_files["lines"]] if "--autotune" in line else []
    words = [*shlex.split(line.format(**option_files, **short)), "1e-9" if more else str(10**30), *more]
    with contextlib.suppress(SystemExit):
        status = main(words)
        said = capsys.readouterr().err
        assert status in (0, 1)
        if status:
            assert list(tmp_path.iterdir()) == [] and len(said.splitlines()) == 1
            assert said.startswith(("embedcnn: error: ", "embedcnn vectors: "))


INPUTS = """
train {x} --out out --model bag --quiet
train {x} --out out --model cnn --epochs 1 --filters 2 --quiet
train {x} --out out --model fasttext --quiet
train {x} --out out --model lm --epochs 1 --units 4 --length 5 --quiet
train {pets} --valid {x} --out out --model bag --quiet
train {lines} --valid {x} --out out --model fasttext --quiet
train {pets} --vectors {x} --out out --model cnn --epochs 1 --filters 2 --quiet
train {lines} --vectors {x} --out out --model fasttext --quiet
tune {x} --out out --grid epochs=1 --folds 2 --quiet
test {x} {pets}
test {bag} {x}
test {fasttext} {x}
predict {x} purrs --out out
predict {bag} --model {x} --input {texts} --out out
filter {x} --label cat --input {texts} --out out
explain {x} purrs
report {x} {pets} --html out
report {bag} {x} --html out
quantize {x} --out out.ftz
quantize {fasttext} --out out.ftz --cutoff 300 --retrain {x}
quantize {fasttext} --out out.ftz --test {x}
generate {x} --prompt The --length 3
info {x}
export {x} --out out.onnx
vectors info {x}
vectors convert {x} out
vectors trim {x} out --words {vocabulary}
vectors nearest {x} cat
vectors eval {x} --pairs {pairs}
vectors eval {vectors} --pairs {x}
vectors eval {vectors} --analogies {x}
""".strip().splitlines()
CORPORA = """
predict {bag} --input {x} --out out
predict {bag} --input {texts} {x} --out out
predict {bag} --input {texts} {x} --out out --format csv
filter {bag} --label cat --input {x} --out out
filter {bag} --label cat --input {texts} {x} --out out --format jsonl
""".strip().splitlines()
"""These answer every record, damaged ones too, and have nothing against a file without any."""


@pytest.fixture(scope="session")
def wrong_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrong")
    random = np.random.default_rng(0)
    written = {
        "empty": b"",
        "binary": random.integers(0, 256, 5000).astype(np.uint8).tobytes(),
        "zeros": bytes(3000),
        "broken.gz": b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"abc" * 30,
        "broken.zip": b"PK\x03\x04" + bytes(100),
    }
    for name, content in written.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    (folder / "nothing").symlink_to(folder / "nowhere")
    return {name: str(folder / name) for name in (*written, "folder", "nothing", "missing")}


def run(line, files, x, folder, monkeypatch, capsys):
    """The exit status of a command line, and what it said on standard error."""
    monkeypatch.chdir(folder)
    capsys.readouterr()
    status = main(shlex.split(line.format(**files, x=x)))
    return status, capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("line", INPUTS)
def test_a_wrong_file_is_one_line(line, option_files, wrong_files, tmp_path, monkeypatch, capsys):
    for name, path in wrong_files.items():
        status, said = run(line, option_files, path, tmp_path, monkeypatch, capsys)
        assert status == 1, name
        assert len(said) == 1 and said[0].startswith(("embedcnn: error: ", "embedcnn vectors: ")), said
        assert list(tmp_path.iterdir()) == [], name


@pytest.mark.parametrize("line", CORPORA)
def test_a_corpus_is_answered_as_a_whole_or_not_at_all(
    line, option_files, wrong_files, tmp_path, monkeypatch, capsys
):
    for name, path in wrong_files.items():
        status, said = run(line, option_files, path, tmp_path, monkeypatch, capsys)
        left = [path.name for path in tmp_path.iterdir()]
        if any("error: " in one for one in said):
            assert status == 1 and len(said) == 1 and left == [], name
        else:
            assert left == ["out"], name
            (tmp_path / "out").unlink()
            assert status == 1 or not any("damaged" in one or "could not" in one for one in said)


OUTPUTS = """
train {pets} --model bag --quiet --out {x}
tune {pets} --grid epochs=1 --grid filters=2 --folds 2 --quiet --out {x}
predict {bag} purrs --out {x}
predict {bag} --input {texts} --out {x}
filter {bag} --label cat --input {texts} --out {x}
report {bag} {pets} --html {x}
quantize {fasttext} --out {x}
export {bag} --out {x}
vectors train {book} {x} --quiet --min-count 1 --dim 3
vectors convert {vectors} {x}
vectors trim {vectors} {x} --words {vocabulary}
""".strip().splitlines()


@pytest.mark.parametrize("line", OUTPUTS)
def test_an_output_that_cannot_be_is_said_before_any_work(line, option_files, tmp_path, monkeypatch, capsys):
    wrong = ["no/such", f"{option_files['pets']}/below", "''"]
    folders = [] if "--input" in line else ["folder"]
    (tmp_path / "folder").mkdir()
    read = [
        option_files[name] for name in ("pets", "bag", "texts", "book", "vectors") if f"{{{name}}}" in line
    ]
    overwritten = read[-1:] if line.startswith(("train", "tune", "filter", "vectors", "report")) else []
    before = [Path(path).read_bytes() for path in read]
    for path in [*wrong, *folders, *overwritten]:
        status, said = run(line, option_files, path, tmp_path, monkeypatch, capsys)
        assert status == 1 and len(said) == 1, (path, said)
        assert re.search(r"--out: |--html: |OUTPUT: ", said[0]), said
        assert [one.name for one in tmp_path.rglob("*")] == ["folder"]
    assert [Path(path).read_bytes() for path in read] == before


def test_a_search_without_time_has_no_model(option_files, tmp_path, monkeypatch, capsys):
    def interrupted(*arguments):
        raise autotune.Interrupted

    monkeypatch.setattr(Corpus, "train", interrupted)
    line = "train {lines} --model fasttext --valid {lines} --out out --quiet --autotune 1e-12"
    status, said = run(line, option_files, "", tmp_path, monkeypatch, capsys)
    assert status == 1 and said == [
        "embedcnn: error: --autotune: no model was trained in 1e-12 seconds; give it more"
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["data", "valid", "vectors", "model"])
def test_force_does_not_write_over_what_is_read(option, option_files, tmp_path, monkeypatch, capsys):
    read = tmp_path / "read"
    read.write_bytes(Path(option_files["vectors" if option == "vectors" else "lines"]).read_bytes())
    before = read.read_bytes()
    line = {
        "data": "train {x} --format fasttext --model bag --force --out {x}",
        "valid": "train {lines} --valid {x} --format fasttext --model bag --force --out {x}",
        "vectors": "train {lines} --model fasttext --vectors {x} --force --out {x}",
        "model": "train {x} --model lm --force --out {x}",
    }[option]
    status, said = run(line, option_files, str(read), tmp_path, monkeypatch, capsys)
    assert status == 1 and f"--out: {str(read)!r} is read too" in said[-1]
    assert read.read_bytes() == before
