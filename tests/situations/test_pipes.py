"""Data through a pipe, `embedcnn train <(zcat texts.gz)`, a FIFO or standard input: every reader reads it
once, or says that it is a pipe; none loses a part of it or waits for ever.
"""

import gzip
import io
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import data, models, vectors
from embedcnn.text import Vocabulary

ROWS = "".join(
    f"{'good' if n % 2 else 'bad'}\tthe film number {n} was {'fine' if n % 2 else 'dull'}\n"
    for n in range(6000)
)
COMMAS = "label,text\n" + ROWS.replace("\t", ",")
OBJECTS = "".join(f'{{"text": "film {n}", "label": {n % 2}}}\n' for n in range(3000))
FASTTEXT = "".join(f"__label__{n % 2} film {n}\n" for n in range(3000))


@pytest.fixture
def fifo(tmp_path):
    """Makes a FIFO that gives these bytes once."""

    def make(content, name="pipe"):
        path = tmp_path / name
        os.mkfifo(path)

        def write():
            with open(path, "wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())

        threading.Thread(target=write, daemon=True).start()
        return path

    return make


@pytest.mark.parametrize(
    ("content", "options", "count"),
    [
        (ROWS, {}, 6000),
        (ROWS, {"format": "tsv"}, 6000),
        (COMMAS, {"format": "csv"}, 6000),
        (OBJECTS, {}, 3000),
        (FASTTEXT, {}, 3000),
    ],
)
def test_labelled_texts(fifo, tmp_path, content, options, count):
    found = data.read_labelled(fifo(content), **options)
    path = tmp_path / "file"
    path.write_text(content)
    expected = data.read_labelled(path, **options)
    assert len(found) == count
    assert found.texts == expected.texts and found.labels == expected.labels


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_a_compressed_pipe_is_unpacked(fifo, suffix):
    packed = data.lines.OPENERS[data.lines.SUFFIXES[f".{suffix}"]]
    buffer = io.BytesIO()
    with packed(buffer, "wb") as file:
        file.write(ROWS.encode())
    assert len(data.read_labelled(fifo(buffer.getvalue(), f"rows.tsv.{suffix}"))) == 6000


def test_the_name_of_the_pipe_stands_in_errors(fifo):
    path = fifo("x\ty\n\n1\t2\n")
    with pytest.raises(ValueError, match=f"{path}, line 2: the line is blank"):
        data.read_labelled(path, empty="error")


def test_texts(fifo):
    assert data.read_text(fifo(ROWS)) == ROWS


DATASETS = {
    "lines": (data.TextLineDataset, ROWS, {}, 6000),
    "csv": (data.CsvDataset, COMMAS, {}, 6000),
    "tsv": (data.TsvDataset, ROWS, {"header": False}, 6000),
    "json": (data.JsonLinesDataset, OBJECTS, {}, 3000),
}


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_of_a_pipe_has_one_pass(fifo, name):
    kind, content, options, count = DATASETS[name]
    path = fifo(content)
    dataset = kind(path, **options)
    assert len(list(dataset)) == count
    with pytest.raises(ValueError, match=f"{path} is a pipe, which gives its lines only once"):
        list(dataset)
    kept = kind(fifo(content, "second"), **options).cache()
    assert len(list(kept)) == len(list(kept)) == count


WORDS = "".join(f"word{n} {n}.5 {n}.25\n" for n in range(5000))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["glove", "word2vec", "word2vec_binary"])
def test_vectors(fifo, tmp_path, kind, packed):
    (tmp_path / "words").write_text(WORDS)
    whole = vectors.load(tmp_path / "words")
    vectors.write(whole, tmp_path / "file", kind)
    content = (tmp_path / "file").read_bytes()
    content = gzip.compress(content) if packed else content
    found = vectors.load(fifo(content))
    assert found.index_to_key == whole.index_to_key
    assert np.array_equal(found.vectors, whole.vectors)
    chosen = vectors.load(fifo(content, "second"), words=["word4999", "word3"])
    assert chosen.index_to_key == ["word3", "word4999"]


@pytest.mark.parametrize("kind", ["npy", "npz", "cache", "cached"])
def test_vectors_that_need_a_file(fifo, tmp_path, kind):
    whole = vectors.load({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    path, options = tmp_path / "file", {}
    if kind == "npy":
        np.save(path.with_suffix(".npy"), whole.vectors)
        path, options = path.with_suffix(".npy"), {"keys": ["a", "b"]}
    elif kind == "npz":
        np.savez(path.with_suffix(".npz"), vectors=whole.vectors, words=np.array(["a", "b"]))
        path = path.with_suffix(".npz")
    elif kind == "cache":
        vectors.write(whole, path, "cache")
    else:
        path.write_text(WORDS)
        options = {"cache": True}
    with pytest.raises(vectors.VectorFileError, match="pipe"):
        vectors.load(fifo(path.read_bytes()), **options)


def test_models_and_vocabularies(fifo, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "model")
    model.save_weights(tmp_path / "weights")
    loaded = models.load_model(fifo((tmp_path / "model").read_bytes()))
    assert np.array_equal(loaded.get_weights()[0], model.get_weights()[0])
    for number, name in enumerate(("model", "weights")):
        loaded.set_weights([part * 0 for part in loaded.get_weights()])
        loaded.load_weights(fifo((tmp_path / name).read_bytes(), f"weights{number}"))
        assert np.array_equal(loaded.get_weights()[0], model.get_weights()[0])
    Vocabulary(["a", "b"]).save(tmp_path / "vocabulary")
    read = Vocabulary.load(fifo((tmp_path / "vocabulary").read_bytes(), "words"))
    assert read.tokens == Vocabulary.load(tmp_path / "vocabulary").tokens


def in_shell(line, folder):
    main = f"{sys.executable} -c 'import sys; from embedcnn.cli import main; sys.exit(main())'"
    shell = ["bash", "-c", line.replace("EMBEDCNN", main)]
    root = os.path.dirname(os.path.dirname(keras.__file__))
    environment = os.environ | {"PYTHONPATH": root}
    return subprocess.run(shell, cwd=folder, capture_output=True, text=True, timeout=300, env=environment)


def test_the_command_line(tmp_path):
    """`train <(cat t.tsv)` learns all texts, `test` measures all, vectors come through a pipe."""
    few = "".join(ROWS.splitlines(keepends=True)[:1000])
    (tmp_path / "t.tsv").write_text(few)
    (tmp_path / "words").write_text("film 1 2\nfine 0 1\ndull 1 0\n")
    options = "--epochs 1 --filters 4 --quiet --out m"
    done = in_shell(
        f"EMBEDCNN train <(cat t.tsv) --valid <(cat t.tsv) {options} --vectors <(cat words)", tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "1000 texts to learn, 1000 to decide" in done.stdout and "3 of " in done.stdout
    done = in_shell("EMBEDCNN test <(cat m) <(cat t.tsv)", tmp_path)
    assert "texts     1000" in done.stdout, done.stderr
    done = in_shell("EMBEDCNN vectors info <(cat words); cat t.tsv | EMBEDCNN test m /dev/stdin", tmp_path)
    assert "words       3" in done.stdout and "texts     1000" in done.stdout, done.stderr
    done = in_shell(
        f"cat t.tsv | EMBEDCNN train - --valid t.tsv {options} && cat t.tsv | EMBEDCNN test m -", tmp_path
    )
    assert "1000 texts to learn" in done.stdout and "texts     1000" in done.stdout, done.stderr
    done = in_shell("mkfifo out; EMBEDCNN train t.tsv --out out", tmp_path)
    assert done.returncode == 1 and "--out: 'out' is a pipe" in done.stderr
