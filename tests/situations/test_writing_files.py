"""Files where users write them: over an old file with its mode and owner, a device, a pipe, a folder that is
read-only; and writers in containers that share a folder.
"""

import os
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import models, vectors
from embedcnn.base import replacement
from embedcnn.text import Vocabulary
from embedcnn.vectors.writing import OUTPUT_FORMATS

WORDS = vectors.WordVectors(["a", "b"], np.array([[1, 2], [3, 4]], np.float32))


def model():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


WRITERS = {
    "model": lambda path: model().save(path),
    "weights": lambda path: model().save_weights(path),
    "vocabulary": lambda path: Vocabulary(["a", "b"]).save(path),
    **{name: lambda path, name=name: vectors.write(WORDS, path, name) for name in OUTPUT_FORMATS},
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_pipe_gets_what_a_file_gets(tmp_path, writer):
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    WRITERS[writer](tmp_path / "file")
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    WRITERS[writer](pipe)
    reader.join()
    assert len(got[0]) == (tmp_path / "file").stat().st_size
    if writer != "model":  # an archive in a pipe has the sizes of its members behind them
        assert got[0] == (tmp_path / "file").read_bytes()
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    "writer",
    [pytest.param(name, marks=[pytest.mark.slow] * (name not in ("model", "word2vec"))) for name in WRITERS],
)
def test_a_device_stays_one(tmp_path, writer):
    WRITERS[writer](os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; from situations.test_writing_files import WRITERS\n"
        f"WRITERS[{writer!r}]('/dev/stdout')"
    )
    root = os.path.dirname(os.path.dirname(keras.__file__))
    done = subprocess.run(
        [sys.executable, "-c", code, root, f"{root}/tests"], capture_output=True, check=True
    )
    (tmp_path / "got").write_bytes(done.stdout)
    if writer == "model":
        assert models.load_model(tmp_path / "got").count_params() == 3
    elif writer not in ("weights", "vocabulary"):
        assert vectors.load(tmp_path / "got").index_to_key == ["a", "b"]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o640])
def test_mode_and_owner_stay(tmp_path, writer, mode):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    if os.getuid() == 0:
        os.chown(path, 1234, 1235)
    before = path.stat()
    WRITERS[writer](path)
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert path.read_bytes() != b"old"


@pytest.mark.parametrize("writer", WRITERS)
def test_a_read_only_file_is_refused(tmp_path, writer):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=f"read-only: '{path}'"):
        WRITERS[writer](path)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_messages_name_the_target(tmp_path, monkeypatch):
    """Not the temporary file."""
    real = open

    def full(name, *arguments, **options):
        if str(name).endswith(".tmp"):
            raise OSError(28, "No space left on device", str(name))
        return real(name, *arguments, **options)

    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/file'$"):
        WRITERS["model"](tmp_path / "file")
    long = tmp_path / ("x" * 300)
    monkeypatch.undo()
    with pytest.raises(OSError, match=f": '{long}'$"):
        WRITERS["model"](long)


def test_a_cache_in_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "words"
    path.write_text("a 1 2\nb 3 4\n")

    def refused(*_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("embedcnn.vectors.reading.save_cache", refused)
    with pytest.warns(UserWarning, match="no cache is kept, .* cannot be written"):
        found = vectors.load(path, cache=True)
    assert found.index_to_key == ["a", "b"]


def test_a_writer_that_lives_elsewhere_keeps_its_file(tmp_path):
    """Process numbers mean nothing in another container; a lock does. Here the writer has the number of no
    living process."""
    target = tmp_path / "file"
    temporary = tmp_path / ".file.999999.5.tmp"
    code = (
        "import fcntl, os, sys; file = open(sys.argv[1], 'wb'); fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(temporary)], **pipes) as writer:
        writer.stdout.readline()
        with replacement.replacing(target) as file:
            file.write(b"new")
        assert temporary.exists()
        writer.communicate(b"")
    replacement.remove_stale(target)
    assert os.listdir(tmp_path) == ["file"]


def test_without_locks_age_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(replacement, "fcntl", None)
    young, old = tmp_path / ".file.1.1.tmp", tmp_path / ".file.1.2.tmp"
    for path in (young, old):
        path.write_text("half")
    os.utime(old, (0, 0))
    WRITERS["vocabulary"](tmp_path / "file")
    assert sorted(os.listdir(tmp_path)) == [young.name, "file"]


def test_two_writers_of_one_process_number(tmp_path, monkeypatch):
    """Each container may have a process 1: their temporary files have different names all the same."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with replacement.replacing(tmp_path / "file") as one, replacement.replacing(tmp_path / "file") as other:
        assert one.name != other.name
        one.write(b"one")
        other.write(b"other")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("writer", WRITERS)
def test_an_empty_name(writer):
    with pytest.raises(FileNotFoundError, match="must not be empty"):
        WRITERS[writer]("")
