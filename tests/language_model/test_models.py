"""CharLanguageModel, its windows, and the commands that train one and let it write."""

import math

import numpy as np
import pytest

import embedcnn
from embedcnn import CharLanguageModel
from embedcnn.cli import main
from embedcnn.language_model import text_windows
from embedcnn.text import CharVocabulary

TEXT = "the quick brown fox jumps over the lazy dog. " * 60
SMALL = {"embedding_dim": 8, "units": 24, "learning_rate": 0.02, "seed": 1}


def test_windows():
    ids = np.arange(11)
    x, y = text_windows(ids, 3)
    assert x.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]] and (y == x + 1).all()
    x, y = text_windows(ids, 3, stride=2)
    assert x[:, 0].tolist() == [0, 2, 4, 6] and (y == x + 1).all()
    assert text_windows(ids, 10)[0].shape == (1, 10)
    with pytest.raises(ValueError, match="more than length = 11 tokens to fill one window. Received: 11"):
        text_windows(ids, 11)
    with pytest.raises(ValueError, match="`stride`"):
        text_windows(ids, 3, stride=0)


def test_it_learns_measures_writes_and_is_saved(tmp_path):
    writer = CharLanguageModel(TEXT, layer_count=2, **SMALL)
    before = writer.evaluate(TEXT, 20)
    assert before["loss"] == pytest.approx(math.log(len(writer.vocabulary)), rel=0.05)
    history = writer.fit(TEXT, 20, 16, epochs=12, validation_split=0.1, verbose=0)
    assert history.history["val_loss"][-1] < 0.5 < history.history["val_loss"][0]
    after = writer.evaluate(TEXT, 20)
    assert after["bits_per_character"] == pytest.approx(after["loss"] / math.log(2))
    assert after["perplexity"] == pytest.approx(math.exp(after["loss"]))
    assert writer.generate("the quick brown ", 9, temperature=0) == "fox jumps"
    writer.save(tmp_path / "writer")
    again = CharLanguageModel.load(tmp_path / "writer")
    assert again.generate("the ", 30, seed=3) == writer.generate("the ", 30, seed=3)
    assert "".join(again.stream("the ", 30, seed=3)) == writer.generate("the ", 30, seed=3)


def test_the_same_seed_gives_the_same_bits():
    weights = []
    for _ in range(2):
        embedcnn.utils.set_random_seed(4)
        writer = CharLanguageModel(TEXT, dropout=0.2, **SMALL)
        writer.fit(TEXT, 20, 16, epochs=2, verbose=0)
        weights.append([weight.tobytes() for weight in writer.model.get_weights()])
    assert weights[0] == weights[1]


def test_misuse(tmp_path):
    with pytest.raises(ValueError, match="`text` must hold at least one character"):
        CharLanguageModel("")
    with pytest.raises(ValueError, match="`layer_count`"):
        CharLanguageModel("ab", layer_count=0)
    writer = CharLanguageModel(CharVocabulary("abc"), **SMALL)
    with pytest.raises(ValueError, match=r"text\[1\] = 'x' is none of the 3 characters"):
        writer.fit("axa" * 50)
    with pytest.raises(ValueError, match="more than length = 100 tokens"):
        writer.fit("abc")
    with pytest.raises(ValueError, match="`validation_split`"):
        writer.fit("abc" * 90, validation_split=1.0)
    model = embedcnn.Sequential([embedcnn.Input((3,)), embedcnn.layers.Dense(2)])
    model.save(tmp_path / "other")
    with pytest.raises(ValueError, match="holds no language model of characters"):
        CharLanguageModel.load(tmp_path / "other")


def test_commands(tmp_path, capsys):
    book, out = tmp_path / "book.txt", str(tmp_path / "writer")
    book.write_text(TEXT, encoding="utf-8")
    options = ["--units", "24", "--dimensions", "8", "--length", "20", "--batch-size", "16", "--epochs", "3"]
    train = ["train", "--model", "lm", str(book), "--out", out, *options, "--learning-rate", "0.02"]
    assert main(train) == 0
    printed = capsys.readouterr().out
    assert f"{len(TEXT)} characters" in printed and "bits per character" in printed
    assert main(["generate", out, "--prompt", "the q", "--length", "12", "--temperature", "0"]) == 0
    written = capsys.readouterr().out
    assert written.startswith("the q") and len(written.rstrip("\n")) == 17
    for arguments, text in [
        (
            ["train", "--model", "lm", str(book), "--filters", "3"],
            "--filters: has no meaning with --model lm",
        ),
        (["train", "--model", "lm", str(book), "--freeze"], "--freeze: has no meaning with --model lm"),
        (["train", "--units", "3"], "--units: is for --model lm"),
        (["train", "--model", "lm", str(book), "--length", "500"], "too few: a twentieth"),
        (["generate", out, "--prompt", "Quick"], "give --unknown "),
        (["generate", out, "--prompt", ""], "--prompt must be a text"),
        (["generate", str(book), "--prompt", "a"], "book.txt"),
    ]:
        assert main([*arguments, "--out", out] if arguments[0] == "train" else arguments) == 1
        assert text in capsys.readouterr().err
