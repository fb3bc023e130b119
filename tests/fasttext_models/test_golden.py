"""Models that fastText 0.9.3 made (make_golden.py), and what it said of them: labels, probabilities, vectors,
n-grams, lines, neighbours; and the very bytes of its files.

Of one-vs-all and negative sampling fastText's probabilities are steps of a table, 1/32 of a logit each, so
many are equal: there it has an order that follows from its heap, and here labels come in theirs.
"""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from embedcnn import _core
from embedcnn.fasttext import load_model

HERE = Path(__file__).parent / "golden"
GOLDEN = json.loads((HERE / "expected.json").read_text())
TEXTS, ASKED, MODELS = GOLDEN["texts"], GOLDEN["asked"], GOLDEN["models"]
SUPERVISED = [name for name in MODELS if "labels" in MODELS[name]]
STEP = 1 / 32 / 4
"""The most that a step of the table changes a probability."""


def is_stepped(model) -> bool:
    return model.args["loss"] in ("ova", "ns")


def ordered(model, labels, shares):
    """By probability; equal ones, as printed, in the order of the labels."""
    shares = np.minimum(np.array(shares, np.float64), 1)
    pairs = sorted(zip(-shares.round(6), map(model.labels.index, labels), strict=True))
    return [label for _, label in pairs], [-share for share, _ in pairs]


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("name", SUPERVISED)
def test_predictions(name, fold):
    model, said = load_model(HERE / name, fold=fold), MODELS[name]
    for key, settings in (("best", {}), ("all", {"k": -1}), ("two", {"k": 2, "threshold": 0.2})):
        found, shares = model.predict(TEXTS, **settings)
        for labels, share, wanted, close in zip(found, shares, *said[key], strict=True):
            (numbers, values), (expected, near) = ordered(model, labels, share), ordered(model, wanted, close)
            if not is_stepped(model):
                assert numbers == expected
            np.testing.assert_allclose(values, near, atol=STEP if is_stepped(model) else 1e-5)
    assert model.predict(TEXTS[0]) == (tuple(model.predict(TEXTS[:1])[0][0]), model.predict(TEXTS[:1])[1][0])


@pytest.mark.parametrize("name", SUPERVISED)
def test_measures(name):
    model, said = load_model(HERE / name), MODELS[name]
    found = model.test(HERE / "test.txt", k=2)
    assert found[0] == said["test"][0]
    labels = model.test_label(HERE / "test.txt")
    assert list(labels) == said["labels"][0]
    if not is_stepped(model):
        np.testing.assert_allclose(found, said["test"], atol=1e-7)
        for label, measures in labels.items():
            assert measures == pytest.approx(said["test_label"][label], nan_ok=True, abs=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_words_vectors_and_lines(name):
    model, said = load_model(HERE / name), MODELS[name]
    words, counts = model.get_words(include_freq=True)
    assert [words, counts.tolist()] == said["words"] and model.words == words
    if "labels" in said:
        assert [model.labels, model.get_labels(include_freq=True)[1].tolist()] == said["labels"]
    else:
        assert model.labels == words
    assert [model.get_word_id(word) for word in ASKED] == said["word_ids"]
    assert [word in model for word in ASKED] == [number >= 0 for number in said["word_ids"]]
    for word, vector in zip(ASKED, said["word_vectors"], strict=True):
        np.testing.assert_allclose(model[word], vector, atol=5e-6)
    for text, vector in zip(TEXTS, said["sentence_vectors"], strict=True):
        if name == "cbow.bin" and "__label__" in text:
            continue  # fastText reads a label's row, behind the end of the matrix
        np.testing.assert_allclose(model.get_sentence_vector(text), vector, atol=5e-6)
    assert [list(model.get_line(text)) for text in TEXTS] == said["lines"]
    assert list(model.get_line(TEXTS)) == [list(side) for side in zip(*said["lines"], strict=True)]
    for word, (_, rows) in zip(ASKED, said["subwords"], strict=True):
        grams, found = model.get_subwords(word)
        assert found.tolist() == rows and len(grams) == len(rows)
        known = model.get_word_id(word) >= 0
        assert [model.get_subword_id(gram) for gram in grams[known:]] == rows[known:]


@pytest.mark.parametrize("name", [name for name in MODELS if "nearest" in MODELS[name]])
def test_neighbours_and_matrices(name):
    model, said = load_model(HERE / name), MODELS[name]
    for found, wanted in (
        (model.get_nearest_neighbors("w1", k=5), said["nearest"]),
        (model.get_analogies("w1", "w2", "w3", k=4), said["analogies"]),
    ):
        assert [word for _, word in found] == [word for _, word in wanted]
        np.testing.assert_allclose(
            [cosine for cosine, _ in found], [cosine for cosine, _ in wanted], atol=5e-6
        )
    rows, output = model.get_input_matrix(), model.get_output_matrix()
    assert rows.shape[1] == output.shape[1] == model.get_dimension()
    ids = model._model.line(b"w1 w2", 1)[0]
    np.testing.assert_allclose(rows[ids].mean(0), model._model.mean(ids), atol=5e-6)
    np.testing.assert_array_equal(model.get_input_vector(3), rows[3])


@pytest.mark.parametrize("name", MODELS)
def test_files_are_written_as_they_were(name, tmp_path):
    model, data = load_model(HERE / name), (HERE / name).read_bytes()
    assert model.is_quantized() == name.endswith(".ftz")
    copies = [model, pickle.loads(pickle.dumps(model)), load_model(data)]
    for copy in copies:
        copy.save_model(tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == data
        assert copy.args == model.args and copy.words == model.words
    if model.is_quantized():
        with pytest.raises(ValueError, match="quantised"):
            model.get_input_matrix()


def test_a_cut_off_model_knows_fewer_ngrams():
    whole, cut = load_model(HERE / "characters0.ftz"), load_model(HERE / "characters1.ftz")
    assert cut._facts["kept"] > 0 and cut._facts["rows"] == 270
    assert len(cut.get_subwords("unseen")[0]) < len(whole.get_subwords("unseen")[0])
    assert any(cut.get_subword_id(gram) == -1 for gram in whole.get_subwords("unseen")[0])


def test_bits_do_not_depend_on_threads_and_blocks():
    texts = TEXTS * 200
    for name in ("characters.bin", "hs.bin", "pairs.bin"):
        model = load_model(HERE / name, fold=False)
        expected = [share.tobytes() for text in TEXTS for share in model.predict([text], k=-1)[1]] * 200
        for threads in (1, 2, 3, 8):
            _core.set_num_threads(threads)
            try:
                assert [share.tobytes() for share in model.predict(texts, k=-1)[1]] == expected
            finally:
                _core.set_num_threads(0)
