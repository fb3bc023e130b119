"""Whatever is written to a file, an interrupted write leaves the old one, and nothing beside it."""

import os
import threading

import numpy as np
import pytest

from embedcnn import vectors
from embedcnn.base.replacement import replacing
from embedcnn.text import Vocabulary
from embedcnn.vectors import WordVectors
from embedcnn.vectors.writing import OUTPUT_FORMATS, write

WORDS = WordVectors(["a", "b"], np.array([[1, 2], [3, 4]], np.float32))
WRITERS = {
    "vocabulary": lambda path: Vocabulary(["a", "b"]).save(path),
    **{name: lambda path, name=name: write(WORDS, path, name) for name in OUTPUT_FORMATS},
}


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch, writer, call):
    path = tmp_path / "file"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            WRITERS[writer](path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]
    WRITERS[writer](path)
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() != b"old"


def test_a_new_file_has_the_rights_of_any_new_file(tmp_path):
    mask = os.umask(0o027)
    try:
        WORDS.save(tmp_path / "vectors")
        with open(tmp_path / "plain", "wb"):
            pass
    finally:
        os.umask(mask)
    assert (tmp_path / "vectors").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    WORDS.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert vectors.load(tmp_path / "real").index_to_key == ["a", "b"]


def test_threads_that_write_the_same_file(tmp_path):
    path = tmp_path / "file"
    failures = []

    def save(text):
        try:
            for _ in range(20):
                with replacing(path) as file:
                    file.write(text * 1000)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=save, args=(text,)) for text in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert path.read_bytes() in (b"a" * 1000, b"b" * 1000, b"c" * 1000)
    assert os.listdir(tmp_path) == ["file"]


def test_a_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"no such folder to write to: '.*none'$"),
        replacing(tmp_path / "none" / "file"),
    ):
        raise AssertionError("nothing is written")
    assert not (tmp_path / "none").exists()
