"""``embedcnn quantize``, and what other commands say of fastText's models."""

import pytest
from cli_data import PAIRS

from embedcnn import fasttext
from embedcnn.bags import BagClassifier
from embedcnn.cli import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a model of fastText's, the lines that it was trained on, and another model."""
    folder = tmp_path_factory.mktemp("quantize")
    (folder / "pets.txt").write_text("".join(f"__label__{label} {text}\n" for text, label in PAIRS))
    given = {"wordNgrams": 2, "bucket": 5000, "dim": 4, "epoch": 30, "lr": 0.5, "verbose": 0}
    fasttext.train_supervised(folder / "pets.txt", **given).save_model(folder / "pets.bin")
    BagClassifier().fit([text for text, _ in PAIRS], [label for _, label in PAIRS]).save(folder / "bag")
    return folder


def test_sizes_and_accuracy_before_and_after(files, tmp_path, capsys):
    small = tmp_path / "pets.ftz"
    given = ["quantize", str(files / "pets.bin"), "--out", str(small), "--cutoff", "300", "--qnorm"]
    given += ["--retrain", str(files / "pets.txt"), "--epochs", "3", "--learning-rate", "0.5"]
    assert main([*given, "--test", str(files / "pets.txt")]) == 0
    before, after = capsys.readouterr().out.splitlines()
    assert before.split()[:2] == ["before", "0.08"] and before.endswith(str(files / "pets.bin"))
    assert after.split()[0] == "after" and "precision 1.0000  recall 1.0000  of 36 lines" in after
    assert small.stat().st_size < 0.15 * (files / "pets.bin").stat().st_size
    loaded = fasttext.load_model(small)
    assert loaded.is_quantized() and loaded.predict("it purrs")[0] == ("__label__cat",)
    assert main(["predict", str(small), "it barks"]) == 0
    assert capsys.readouterr().out.startswith("__label__dog\t")
    assert main(["quantize", str(files / "pets.bin"), "--out", str(small), "--dsub", "1"]) == 0
    out, said = capsys.readouterr()
    assert "precision" not in out and "will be replaced" in said


def test_a_folded_model_predicts_the_same(files, tmp_path, capsys):
    small = tmp_path / "small.bin"
    given = ["quantize", str(files / "pets.bin"), "--out", str(small), "--fold"]
    assert main([*given, "--test", str(files / "pets.txt")]) == 0
    before, after = capsys.readouterr().out.splitlines()
    assert "precision 1.0000" in before and "precision 1.0000" in after
    assert small.stat().st_size < 0.35 * (files / "pets.bin").stat().st_size
    one, other = fasttext.load_model(files / "pets.bin"), fasttext.load_model(small)
    assert other.get_dimension() == 1 and other.predict("it purrs")[0] == one.predict("it purrs")[0]
    assert abs(other.predict("it purrs")[1] - one.predict("it purrs")[1]) < 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}/missing", "--out", "{out}"], "there is no file"),
        (["{folder}/bag", "--out", "{out}"], "is no model of fastText's, which alone are quantised here"),
        (["{folder}/pets.txt", "--out", "{out}"], "is no model of fastText's"),
        (["{folder}/pets.bin", "--out", "{folder}/pets.bin"], "is the model; choose another name"),
        (["{folder}/pets.bin", "--out", "{folder}/pets.txt"], "choose another name, or --force"),
        (["{folder}/pets.bin", "--out", "{folder}"], "is a folder"),
        (["{folder}/pets.bin", "--out", "{out}", "--retrain", "{folder}/pets.txt"], "give --cutoff, too"),
        (["{folder}/pets.bin", "--out", "{out}", "--epochs", "2"], "--epochs: is for --retrain"),
        (
            ["{folder}/pets.bin", "--out", "{out}", "--learning-rate", "2"],
            "--learning-rate: is for --retrain",
        ),
        (["{folder}/pets.bin", "--out", "{out}", "--test", "missing"], "there is no file 'missing'"),
        (
            ["{folder}/pets.bin", "--out", "{out}", "--test", "{folder}/bag"],
            "must have lines that begin with",
        ),
        (["{folder}/pets.bin", "--out", "{out}", "--dsub", "9"], "dsub"),
        (["{folder}/pets.bin", "--out", "{out}", "--fold"], "--fold: writes a .bin"),
        (["{folder}/pets.bin", "--out", "{out}", "--fold", "--dsub", "2"], "there is no use for --dsub"),
        (["{folder}/pets.bin", "--out", "{out}", "--fold", "--cutoff", "9"], "there is no use for --cutoff"),
    ],
)
def test_misuse(files, tmp_path, capsys, arguments, message):
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    out = tmp_path / "small.ftz"
    assert main(["quantize", *(word.format(folder=files, out=out) for word in arguments)]) == 1
    assert message in capsys.readouterr().err
    assert not out.exists() and {path.name: path.read_bytes() for path in files.iterdir()} == before


def test_info(files, tmp_path, capsys):
    assert main(["info", str(files / "pets.bin")]) == 0
    shown = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert shown["labels"] == "2: __label__cat, __label__dog" and "wordNgrams=2" in shown["settings"]
    assert shown["file"].endswith("(0.1 MB)")
    assert main(["explain", str(files / "pets.bin"), "it purrs"]) == 1
    assert "is a model of fastText's, for `embedcnn predict`" in capsys.readouterr().err


def test_a_small_model_is_not_quantised_again(files, tmp_path, capsys):
    small = str(tmp_path / "small.ftz")
    assert main(["quantize", str(files / "pets.bin"), "--out", small]) == 0
    assert main(["quantize", small, "--out", str(tmp_path / "smaller.ftz")]) == 1
    assert "quantised already" in capsys.readouterr().err
