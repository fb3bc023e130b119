"""``embedcnn train --model lm`` and ``generate``: words, carried states, kills, Ctrl-C, streaming."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import embedcnn
from embedcnn import LanguageModel, WordLanguageModel, show_config
from embedcnn.cli import main
from embedcnn.commands import train_lm

TEXT = "The cat sat on the mat. “Well,” said the dog, “it's a hat!”\n\nThe dog ate the hat. " * 40
OPTIONS = [
    "--units",
    "16",
    "--dimensions",
    "8",
    "--length",
    "10",
    "--batch-size",
    "8",
    "--learning-rate",
    "0.02",
]
ROOT = Path(embedcnn.__file__).parents[1]


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def train(book, out, *more):
    return main(["train", "--model", "lm", str(book), "--out", str(out), *OPTIONS, *more])


def test_the_first_line_tells_the_precision(book, tmp_path, capsys):
    for precision in ("highest", "high"):
        assert train(book, tmp_path / "m", "--epochs", "1", "--quiet", "--precision", precision) == 0
        first = capsys.readouterr().out.splitlines()[0]
        assert first.endswith(f"matrix products in {show_config()['matmul_formats'][precision]}")
    assert train(book, tmp_path / "m", "--epochs", "1", "--quiet") == 0
    assert capsys.readouterr().out.splitlines()[0] == first, "the command's own choice is high"


def test_it_shows_what_it_learns(book, tmp_path, capsys):
    assert train(book, tmp_path / "m", "--epochs", "3") == 0
    printed = capsys.readouterr()
    assert "bits_per_character: " in printed.err and "val_perplexity: " in printed.err
    assert "characters/s" in printed.err and printed.err.count("Epoch ") == 3
    assert sum(line.startswith("    ") for line in printed.out.splitlines()) == 3, "a sample after each epoch"
    assert not (tmp_path / "m.backup").exists()


def test_info_and_what_a_language_model_is_not_for(book, tmp_path, capsys):
    assert train(book, tmp_path / "m", "--epochs", "1", "--quiet") == 0
    capsys.readouterr()
    assert main(["info", str(tmp_path / "m")]) == 0
    printed = capsys.readouterr().out
    assert f"{len(set(TEXT))} characters" in printed and "parameters" in printed and "labels" not in printed
    assert main(["predict", str(tmp_path / "m"), str(book)]) == 1
    assert "is a language model, without labels; `embedcnn generate` is for it" in capsys.readouterr().err


@pytest.mark.parametrize("carry", [[], ["--carry-state"]])
def test_words(book, tmp_path, capsys, carry):
    out = tmp_path / "m"
    assert train(book, out, "--level", "word", "--epochs", "10", "--max-words", "12", *carry) == 0
    printed = capsys.readouterr()
    assert "words, 12 of them different" in printed.out and "nats per word" in printed.out
    assert "words/s" in printed.err
    writer = LanguageModel.load(out)
    assert isinstance(writer, WordLanguageModel) and len(writer.vocabulary) == 14
    assert main(["generate", str(out), "--prompt", "The cat", "--length", "4", "--temperature", "0"]) == 0
    assert capsys.readouterr().out.startswith("The cat ")
    assert main(["generate", str(out), "--prompt", "A bird"]) == 1
    assert "give --unknown '[UNK]'" in capsys.readouterr().err
    assert main(["generate", str(out), "--prompt", "A bird", "--unknown", "[UNK]", "--length", "3"]) == 0


SCRIPT = """
import os, signal, sys
from embedcnn.cli import main
from embedcnn.commands import train_lm

train_lm.BACKUP_STEPS = 7
seen = 0

def on_train_batch_end(self, batch, logs=None):
    global seen
    seen += 1
    if seen == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL if sys.argv[2] == "kill" else signal.SIGINT)

train_lm.Sampler.on_train_batch_end = on_train_batch_end
sys.exit(main(sys.argv[3:]))
"""


def run(at, how, book, out, *more, script=SCRIPT):
    arguments = ["train", "--model", "lm", str(book), "--out", str(out), "--epochs", "3", "--quiet", *OPTIONS]
    return subprocess.run(
        [sys.executable, "-c", script, str(at), how, *arguments, *more],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", [[], ["--carry-state", "--dropout", "0.2"], ["--level", "word", "--layers", "2"]]
)
def test_a_killed_training_goes_on_to_the_same_file(book, tmp_path, more):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(0, "kill", book, whole, *more).returncode == 0
    steps = LanguageModel.load(whole).model.optimizer.steps
    for at in (steps // 2, steps // 4):
        result = run(at, "kill", book, killed, *more, "--resume")
        assert result.returncode == -signal.SIGKILL and not killed.exists()
        assert (tmp_path / "killed.backup" / "latest.backup").exists()
    result = run(0, "kill", book, killed, *more, "--resume")
    assert result.returncode == 0 and "going on with the backup" in result.stdout
    assert killed.read_bytes() == whole.read_bytes()
    assert not (tmp_path / "killed.backup").exists()


@pytest.mark.parametrize(
    "more", [pytest.param([], marks=pytest.mark.slow), ["--carry-state", "--dropout", "0.2"]]
)
def test_a_short_book_is_backed_up_after_each_epoch(book, tmp_path, more):
    rarely = SCRIPT.replace("BACKUP_STEPS = 7", "BACKUP_STEPS = 10**6")
    assert rarely != SCRIPT
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(0, "kill", book, whole, *more).returncode == 0
    steps = LanguageModel.load(whole).model.optimizer.steps // 3  # of an epoch
    assert run(steps, "kill", book, killed, *more, script=rarely).returncode == -signal.SIGKILL
    assert not (tmp_path / "killed.backup").exists()  # the first epoch did not come to its end
    assert run(2 * steps + 1, "kill", book, killed, *more, script=rarely).returncode == -signal.SIGKILL
    result = run(steps + 1, "kill", book, killed, *more, "--resume", script=rarely)
    assert result.returncode == 0, result.stderr  # no more than the last epoch was left
    assert "going on with the backup" in result.stdout
    assert killed.read_bytes() == whole.read_bytes()


def test_what_a_backup_is_kept_from(book, tmp_path, capsys):
    out = tmp_path / "m"
    result = run(9, "kill", book, out)
    assert result.returncode == -signal.SIGKILL
    backup = tmp_path / "m.backup" / "latest.backup"
    before = backup.read_bytes()
    assert train(book, out, "--quiet") == 1
    assert (
        "the backup of a training that did not come to its end; go on with --resume"
        in capsys.readouterr().err
    )
    other = tmp_path / "other.txt"
    other.write_text(TEXT[::-1], encoding="utf-8")
    for text, more, wrong in (
        (other, [], "DATA"),
        (book, ["--learning-rate", "0.1"], "--learning-rate"),
        (book, ["--precision", "highest"], "--precision"),
    ):
        assert train(text, out, "--quiet", "--resume", *more) == 1
        assert f"the backup is of a training with another {wrong}" in capsys.readouterr().err
    assert backup.read_bytes() == before
    assert train(book, out, "--quiet", "--epochs", "1", "--force") == 0
    assert not backup.exists() and out.exists()
    other_out = tmp_path / "other"
    assert train(book, other_out, "--quiet", "--epochs", "1", "--resume") == 0
    assert "the training begins anew" in capsys.readouterr().out


@pytest.mark.parametrize("more", [[], ["--carry-state", "--dropout", "0.2"], ["--level", "word"]])
def test_a_training_that_came_to_its_end_goes_on_to_more_epochs(book, tmp_path, capsys, more):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(book, whole, "--quiet", "--epochs", "3", *more) == 0
    assert train(book, parts, "--quiet", "--epochs", "1", *more) == 0
    before = parts.read_bytes(), parts.stat().st_mtime_ns
    capsys.readouterr()
    assert train(book, parts, "--quiet", "--epochs", "1", "--resume", *more) == 0
    said = capsys.readouterr().out
    assert f"{parts} is the model of a training that came to its end after 1 epochs: nothing is done" in said
    assert (parts.read_bytes(), parts.stat().st_mtime_ns) == before
    for wrong, name in ((["--units", "7"], "--units"), (["--seed", "9"], "--seed")):
        for epochs in ("1", "3"):  # even where nothing would be left to do
            assert train(book, parts, "--quiet", "--epochs", epochs, "--resume", *more, *wrong) == 1
            assert f"is of a training with another {name}" in capsys.readouterr().err.replace(
                "--dimensions, ", ""
            )
    assert parts.read_bytes() == before[0]
    assert train(book, parts, "--quiet", "--epochs", "3", "--resume", *more) == 0
    assert f"going on with the model {parts} after its 1 epochs" in capsys.readouterr().out
    models = [LanguageModel.load(path).model for path in (parts, whole)]
    weights = [[weight.tobytes() for weight in model.get_weights()] for model in models]
    assert weights[0] == weights[1]
    assert [(model.epochs_trained, model.optimizer.steps) for model in models] == [
        (3, models[1].optimizer.steps)
    ] * 2


def test_ctrl_c_keeps_the_last_whole_step(book, tmp_path):
    out = tmp_path / "m"
    result = run(11, "interrupt", book, out)
    assert result.returncode == 130, result.stderr
    assert f"the model so far is saved in {out}; the same command with --resume goes on" in result.stdout
    assert LanguageModel.load(out).model.optimizer.steps == 11
    again = run(0, "interrupt", book, out, "--resume")
    assert again.returncode == 0
    whole = tmp_path / "whole"
    assert run(0, "interrupt", book, whole).returncode == 0
    assert out.read_bytes() == whole.read_bytes()


def test_generate_writes_as_it_goes(book, tmp_path, monkeypatch):
    """Every character is flushed when it is there, not at the end."""
    out = tmp_path / "m"
    assert train(book, out, "--epochs", "1", "--quiet") == 0

    class Terminal:
        def __init__(self):
            self.shown, self.waiting = [], ""

        def write(self, text):
            self.waiting += text

        def flush(self):
            if self.waiting:
                self.shown.append(self.waiting)
            self.waiting = ""

    def written(*more):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        assert main(["generate", str(out), "--prompt", "The ", "--length", "12", "--seed", "3", *more]) == 0
        monkeypatch.undo()
        return terminal.shown

    shown = written()
    assert len(shown) == 13 and shown[0].startswith("The ") and len(shown[0]) == 5
    assert shown == written() != written("--temperature", "3")
    greedy = LanguageModel.load(out).generate("The ", 12, temperature=0)
    for more in (["--temperature", "0"], ["--top-k", "1"], ["--top-p", "1e-9"]):
        assert "".join(written(*more)) == f"The {greedy}\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--max-words", "9"], "--max-words: has no meaning with --model lm, but for --level word"),
        (["--level", "word", "--length", "200"], "too few: a twentieth must fill a window of --length 200"),
        (["--level", "word", "--filters", "3"], "--filters: has no meaning with --model lm"),
        (["--recurrent-units", "3"], "--recurrent-units: has no meaning with --model lm"),
        (["--no-blend"], "--no-blend: has no meaning with --model lm"),
        (["--time", "3"], "--time: has no meaning with --model lm"),
    ],
)
def test_misuse(book, tmp_path, capsys, more, message):
    assert train(book, tmp_path / "m", *more) == 1
    assert message in capsys.readouterr().err
    assert train_lm.BACKUP_STEPS == 100 and not (tmp_path / "m.backup").exists()


@pytest.mark.parametrize("option", ["--resume", "--carry-state", "--level=word"])
def test_what_is_for_language_models_only(option, capsys):
    assert main(["train", option]) == 1
    assert "is for --model lm" in capsys.readouterr().err


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_prompt_of_standard_input(book, tmp_path, end):
    assert train(book, tmp_path / "m", "--epochs", "1", "--quiet") == 0
    command = [
        sys.executable,
        "-m",
        "embedcnn",
        "generate",
        str(tmp_path / "m"),
        "--length",
        "9",
        "--seed",
        "3",
    ]
    prompt = TEXT[:2000].rstrip()

    def written(*more, **given):
        return subprocess.run([*command, *more], capture_output=True, cwd=ROOT, encoding="utf-8", **given)

    wanted = written("--prompt", prompt).stdout
    assert written("--prompt", "-", input=prompt + end).stdout == wanted
    assert wanted.startswith(prompt) and len(wanted) == len(prompt) + 10
    nothing = written("--prompt", "-", input="")
    assert nothing.returncode == 1 and "standard input: the file is empty" in nothing.stderr


def test_errors_of_generate_name_its_options(book, tmp_path, capsys):
    assert train(book, tmp_path / "m", "--epochs", "1", "--quiet") == 0
    capsys.readouterr()
    for more, message in (
        (["--prompt", "The Q"], "--prompt: text[4] = 'Q' is none of"),
        (["--prompt", "The Q"], "give --unknown ' ' to replace such characters"),
        (["--prompt", ""], "--prompt must be a text of at least one character"),
        (["--prompt", "The", "--unknown", "Q"], "--unknown must be a character that the model knows"),
        (["--prompt", "The", "--stop", ""], "--stop must hold strings that are not empty"),
    ):
        assert main(["generate", str(tmp_path / "m"), *more]) == 1
        assert message in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["generate", str(tmp_path / "m"), "--prompt", "The", "--top-p", "1.5"])
    assert "--top-p: expected a number in (0, 1]. Received: 1.5" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["char", "word"])
def test_the_command_that_train_suggests_runs(book, tmp_path, capsys, level):
    book.write_text(TEXT[:2000].replace("a hat", "cold"), encoding="utf-8")  # not all letters, no "beginning"
    assert train(book, tmp_path / "m", "--epochs", "1", "--quiet", "--level", level) == 0
    command = shlex.split(capsys.readouterr().out.partition("now try: ")[2])
    assert command[0] == "embedcnn" and main(command[1:]) == 0
    assert capsys.readouterr().out.startswith(command[-1])


def test_errors_of_files_name_options(tmp_path, capsys):
    latin, table = tmp_path / "latin.txt", tmp_path / "table.csv"
    latin.write_bytes("déjà vu".encode("latin-1"))
    table.write_text("review,stars\nfine,1\nbad,0\n", encoding="utf-8")
    (tmp_path / "one.csv").write_text("review\nfine\nbad\n", encoding="utf-8")
    (tmp_path / "plain").write_text("no label here\n", encoding="utf-8")
    for arguments, message in (
        (["--model", "lm", str(latin)], "give the file's --encoding, as --encoding 'cp1252'"),
        ([str(latin)], "give the file's --encoding"),
        ([str(tmp_path / "plain")], "give --format, one of csv"),
        ([str(tmp_path / "one.csv")], "is --format right?"),
        ([str(table), "--text-column", "text"], "--text-column: no such column"),
        ([str(table), "--label-column", "5"], "--label-column: column 5 is outside"),
        (
            [str(table), "--text-column", "1", "--label-column", "1"],
            "--text-column and --label-column are the",
        ),
    ):
        assert main(["train", *arguments, "--out", str(tmp_path / "m")]) == 1
        assert message in capsys.readouterr().err
