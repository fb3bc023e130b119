"""``embedcnn export``."""

import numpy as np
import pytest

pytest.importorskip("onnx.helper")
pytest.importorskip("onnxruntime")

from onnx_sessions import close, session  # noqa: E402

import embedcnn  # noqa: E402
from embedcnn import layers  # noqa: E402
from embedcnn.cli import main  # noqa: E402
from embedcnn.text import TextEncoder  # noqa: E402

TEXTS = ["a fine film", "dull", "a dull Film"]


def saved(path, **settings):
    encoder = TextEncoder(**{"standardize": "lower", **settings})
    encoder.adapt(TEXTS)
    words = embedcnn.Input((None,), dtype="int32", name="words")
    x = layers.GlobalMaxPooling1D()(layers.Embedding(encoder.vocabulary_size(), 4)(words))
    model = embedcnn.Model(words, layers.Dense(2, activation="softmax", name="scores")(x))
    model.text_encoder, model.labels = encoder, ["bad", "good"]
    model.save(path)
    return model


def test_export(tmp_path, capsys):
    model = saved(tmp_path / "m.embedcnn")
    out = str(tmp_path / "m.onnx")
    assert main(["export", str(tmp_path / "m.embedcnn"), "--out", out, "--text"]) == 0
    said = capsys.readouterr().out
    assert "takes  words: string (batch)" in said and "gives  scores: float (batch, 2)" in said
    (got,) = session(out).run(None, {"words": np.array(TEXTS, object)})
    close(got, model.predict(TEXTS, verbose=0))
    assert main(["export", str(tmp_path / "m.embedcnn"), "--out", out, "--ragged", "--opset", "21"]) == 0
    said = capsys.readouterr().out
    assert "takes  words: int64 (batch, words_steps)\ntakes  words_lengths: int64 (batch)" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["m.embedcnn", "--out", "m.embedcnn"], "is the model"),
        (["missing", "--out", "m.onnx"], "there is no model file"),
        (["m.embedcnn", "--out", "m.onnx", "--text"], "--text: `standardize` of the text encoder must be"),
        (["m.embedcnn", "--out", "m.onnx", "--opset", "3"], "--opset must be from 18"),
        (["m.embedcnn", "--out", "other.txt"], "--force"),
    ],
)
def test_refusals(given, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    saved("m.embedcnn", standardize="strip_punctuation")
    (tmp_path / "other.txt").write_text("mine")
    assert main(["export", *given]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "m.onnx").exists() and (tmp_path / "other.txt").read_text() == "mine"
