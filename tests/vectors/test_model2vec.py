"""vectors.load with folders as Model2Vec writes them (its model2vec/persistence/persistence.py):
embeddings, and what may be beside them.
"""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

import embedcnn
from embedcnn import vectors
from embedcnn.vectors import VectorFileError, build_matrix

TOKENS = ["[PAD]", "[UNK]", "the", "cat", "##s"]
TABLE = np.arange(15, dtype=np.float32).reshape(5, 3)


def folder(path, vocab=None, added=(), **tensors):
    path.mkdir(exist_ok=True)
    ids = {token: number for number, token in enumerate(TOKENS)} if vocab is None else vocab
    tokenizer = {"version": "1.0", "added_tokens": list(added), "model": {"type": "WordPiece", "vocab": ids}}
    (path / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    (path / "config.json").write_text('{"normalize": true}', encoding="utf-8")
    save_file(tensors or {"embeddings": TABLE}, path / "model.safetensors")
    return path


def test_a_folder(tmp_path):
    found = vectors.load(folder(tmp_path / "m"))
    assert found.index_to_key == TOKENS and np.array_equal(found.vectors, TABLE)
    assert vectors.load(tmp_path / "m", words=["cat", "dog"], dtype="float16").index_to_key == ["cat"]
    assert len(vectors.load(str(tmp_path / "m"), limit=2)) == 2
    matrix = build_matrix({"cat": 1, "the": 2}, str(tmp_path / "m")).matrix
    assert np.array_equal(matrix[1:], TABLE[[3, 2]])


def test_weights_and_rows_that_tokens_share(tmp_path):
    rows, weights = np.array([0, 0, 1, 2, 1], np.int64), np.array([0, 1, 2, 3, 4], np.float64)
    path = folder(tmp_path / "m", embeddings=TABLE[:3].astype(np.float16), mapping=rows, weights=weights)
    found = vectors.load(path)
    np.testing.assert_allclose(found.vectors, TABLE[:3][rows] * weights[:, None])
    assert found.vectors.dtype == np.float32


def test_other_layouts(tmp_path):
    inner = folder(tmp_path / "0_StaticEmbedding", **{"embedding.weight": TABLE})
    assert np.array_equal(vectors.load(inner.parent)["cat"], TABLE[3])
    scores = [[token, -1.5] for token in TOKENS]
    assert vectors.load(folder(tmp_path / "u", vocab=scores)).index_to_key == TOKENS
    added = [{"id": 4, "content": "<new>"}]
    ids = {token: number for number, token in enumerate(TOKENS[:4])}
    assert vectors.load(folder(tmp_path / "a", ids, added)).index_to_key[4] == "<new>"


def test_a_table_of_an_embedding(tmp_path):
    found = vectors.load(folder(tmp_path / "m"))
    layer = embedcnn.layers.Embedding.from_pretrained(found.vectors)
    assert np.array_equal(layer(np.array([[2, 3]]))[0], TABLE[2:4])


ROWS = np.array([0, 1, 2, 3, 9])
BAD = {
    "no table": ({"other": TABLE}, {}, "a table named embeddings or embedding.weight expected, found"),
    "a vector": ({"embeddings": TABLE[0]}, {}, "a matrix of numbers expected"),
    "fewer rows": ({"embeddings": TABLE[:3]}, {}, "5 words for 3 vectors"),
    "rows that are not there": ({"embeddings": TABLE, "mapping": ROWS}, {}, "`mapping` must be a row of 5"),
    "other weights": (
        {"embeddings": TABLE, "weights": np.ones(3)},
        {},
        "`weights` must be a number for each of 5",
    ),
    "not finite": ({"embeddings": TABLE * np.inf}, {}, "not finite"),
    "a gap": ({"embeddings": TABLE}, {"vocab": {"a": 0, "b": 2}}, "have a gap"),
    "no numbers": ({"embeddings": TABLE}, {"vocab": {"a": "b"}}, "not the tokenizer of a model"),
    "a list of numbers": ({"embeddings": TABLE}, {"vocab": [1, 2]}, "not the tokenizer of a model"),
}


@pytest.mark.parametrize("name", BAD)
def test_folders_that_are_refused(name, tmp_path):
    tensors, settings, message = BAD[name]
    with pytest.raises(VectorFileError, match=message):
        vectors.load(folder(tmp_path / "m", **settings, **tensors))


def test_damaged_and_missing_parts(tmp_path):
    with pytest.raises(IsADirectoryError, match="must be one of Model2Vec"):
        vectors.load(tmp_path)
    path = folder(tmp_path / "m")
    with pytest.raises(ValueError, match="cache=, format= and keys= are for files"):
        vectors.load(path, cache=True)
    (path / "model.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(VectorFileError, match="not a readable file of safetensors"):
        vectors.load(path)
    (path / "tokenizer.json").write_text("[" * 100_000)
    with pytest.raises(VectorFileError, match="not the tokenizer of a model"):
        vectors.load(path)
