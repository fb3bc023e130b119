"""Side by side with fastText itself, where it is installed: models that it trains now, and files of ours that
it reads. Golden values (test_golden.py) stand for it elsewhere.
"""

import random

import numpy as np
import pytest

from embedcnn.fasttext import load_model, train_supervised

fasttext = pytest.importorskip("fasttext")

KINDS = {
    "softmax": {"wordNgrams": 2, "bucket": 500},
    "hs": {"loss": "hs", "minn": 2, "maxn": 4, "bucket": 500},
    "ova": {"loss": "ova", "minn": 1, "maxn": 2, "bucket": 500},
}


def lines(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    words = [f"w{i}" for i in range(150)] + ["née", "日本", "😀", "a\u00a0b", "x</s>"]
    made = []
    for _ in range(count):
        label = draw.randrange(5)
        chosen = [words[min(int(draw.expovariate(0.03)) + 9 * label, 154)] for _ in range(draw.randrange(25))]
        made.append(f"__label__{label} " + draw.choice([" ", "  ", "\t"]).join(chosen))
    return made


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    (folder / "train.txt").write_text("\n".join(lines(1500, 1)) + "\n")
    (folder / "test.txt").write_text("\n".join(lines(300, 2)) + "\n")
    return folder


def same_predictions(ours, theirs, texts, exact):
    found, shares = ours.predict(texts, k=-1)
    wanted, expected = theirs.predict(texts, k=-1)
    for labels, share, others, near in zip(found, shares, wanted, expected, strict=True):
        near = dict(zip(others, np.minimum(near, 1), strict=True))
        assert set(labels) == set(near)
        np.testing.assert_allclose(share, [near[label] for label in labels], atol=1e-5 if exact else 0.008)
        if exact and share[0] - share[1] > 1e-5:
            assert labels[0] == others[0]


@pytest.mark.parametrize("quantised", [None, {}, {"qnorm": True, "cutoff": 400}])
@pytest.mark.parametrize("kind", KINDS)
def test_its_models(kind, quantised, texts, tmp_path):
    theirs = fasttext.train_supervised(
        str(texts / "train.txt"), dim=12, lr=0.5, thread=11, verbose=0, **KINDS[kind]
    )
    if quantised is not None:
        theirs.quantize(**quantised)
    theirs.save_model(str(tmp_path / "model"))
    theirs = fasttext.load_model(str(tmp_path / "model"))
    asked = [line.split(" ", 1)[1] for line in lines(200, 3)] + ["", "unseen", "a\0b \v w1"]
    for fold in (False, True):
        ours = load_model(tmp_path / "model", fold=fold)
        same_predictions(ours, theirs, asked, kind != "ova")
    for word in ("w1", "née", "unseen", "日本"):
        np.testing.assert_allclose(ours[word], theirs[word], atol=1e-5)
    for text in asked[:20]:
        np.testing.assert_allclose(
            ours.get_sentence_vector(text), theirs.get_sentence_vector(text), atol=1e-5
        )
        assert list(ours.get_line(text)) == [list(side) for side in theirs.get_line(text)]
    if kind != "ova":
        np.testing.assert_allclose(ours.test(texts / "test.txt"), theirs.test(str(texts / "test.txt")))
    ours.save_model(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "model").read_bytes()
    if quantised is None:
        ours.fold()
        ours.save_model(tmp_path / "folded")
        same_predictions(load_model(tmp_path / "folded"), theirs, asked, kind != "ova")
        same_predictions(ours, fasttext.load_model(str(tmp_path / "folded")), asked, kind != "ova")


@pytest.mark.parametrize("quantised", [None, {}, {"cutoff": 400, "qnorm": True, "qout": True}])
@pytest.mark.parametrize("dim", [None, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_it_reads_ours(kind, dim, quantised, texts, tmp_path):
    ours = train_supervised(texts / "train.txt", dim=dim, lr=0.5, verbose=0, **KINDS[kind])
    if quantised is not None:
        ours.quantize(**quantised)
    ours.save_model(tmp_path / "model")
    theirs = fasttext.load_model(str(tmp_path / "model"))
    assert theirs.labels == ours.labels and theirs.words == ours.words
    same_predictions(ours, theirs, [line.split(" ", 1)[1] for line in lines(200, 4)], kind != "ova")
