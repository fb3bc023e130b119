"""Cache files: what is written is mapped back, and a stale or damaged file is noticed."""

import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest

from embedcnn import _core, vectors
from embedcnn.vectors import StaleCacheError, VectorFileError, WordVectors
from embedcnn.vectors.cache import HEADER, PAGE


@pytest.fixture
def wv():
    words = [f"word{i}" for i in range(300)] + ["ünï", "a b", ""]
    return WordVectors(words, np.random.default_rng(0).normal(size=(303, 7)).astype(np.float32))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_round_trip(tmp_path, wv, dtype):
    wv = vectors.load(wv, dtype=dtype)
    path = tmp_path / "x.embedcnn"
    wv.save(path)
    back = WordVectors.load(path, verify=True)
    assert back.index_to_key == wv.index_to_key and back.vectors.dtype == dtype
    np.testing.assert_array_equal(back.vectors, wv.vectors)
    assert back.key_to_index["ünï"] == 300 and "absent" not in back and back[""].shape == (7,)
    assert not back.vectors.flags.writeable and not back.vectors.flags.owndata
    assert vectors.load(path, words=["a b", "no"]).index_to_key == ["a b"]
    assert os.listdir(tmp_path) == ["x.embedcnn"]
    with pytest.raises(ValueError, match="read-only"):
        back.vectors[0, 0] = 1


def test_empty(tmp_path):
    WordVectors([], np.empty((0, 3), np.float32)).save(tmp_path / "empty")
    back = WordVectors.load(tmp_path / "empty", verify=True)
    assert len(back) == 0 and back.vector_size == 3 and "x" not in back


def test_damage_is_noticed(tmp_path, wv):
    path = tmp_path / "x"
    wv.save(path)
    whole = path.read_bytes()
    for length in [0, 1, 7, 8, 100, PAGE - 1, PAGE, PAGE + 1, *range(PAGE, len(whole), 997), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(VectorFileError):
            WordVectors.load(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(VectorFileError, match="bytes instead of"):
        WordVectors.load(path)
    fields = HEADER.unpack_from(whole)
    places = list(zip(fields[9:19:2], fields[10:19:2], strict=True))
    index = [at for begin, size in places[:3] for at in range(begin, begin + size, max(1, size // 40))]
    for at in [*range(HEADER.size + 40), PAGE - 1, PAGE - 8, *index]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        with pytest.raises(VectorFileError):
            WordVectors.load(path)
    begin, size = places[3]
    for at in range(begin, begin + size, size // 20):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        damaged = WordVectors.load(path)  # the vectors are looked at only when asked
        with pytest.raises(VectorFileError, match="vectors do not match"):
            damaged.verify()
        with pytest.raises(VectorFileError, match="vectors do not match"):
            WordVectors.load(path, verify=True)


def test_cache_of_a_text_file_is_made_used_and_renewed(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("a 1 2\nb 3 4\n")
    cache = tmp_path / "glove.txt.embedcnn"
    first = vectors.load(path, cache=True)
    assert cache.exists() and first["b"].tolist() == [3, 4]
    made = cache.stat().st_ino
    assert vectors.load(path, cache=True)["a"].tolist() == [1, 2]
    assert cache.stat().st_ino == made, "a fresh cache is used, not made again"
    assert vectors.load(path, words=["b"], cache=True).index_to_key == ["b"]
    assert vectors.load(path, dtype="float16", cache=True).vectors.dtype == np.float16
    vectors.load(path, cache=True)
    path.write_text("a 5 6\nb 7 8\n")
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 10**9))
    with pytest.raises(StaleCacheError, match="make it again"):
        WordVectors.load(cache)
    assert vectors.load(path, cache=True)["b"].tolist() == [7, 8]
    cache.write_bytes(cache.read_bytes()[:5000])
    assert vectors.load(path, cache=True)["b"].tolist() == [7, 8]
    path.unlink()
    assert WordVectors.load(cache)["a"].tolist() == [5, 6], "a cache whose source is gone is good"


def test_a_failed_save_leaves_the_old_file(tmp_path, wv, monkeypatch):
    path = tmp_path / "x"
    wv.save(path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        wv.normalized().save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["x"]


def test_pickle(tmp_path, wv):
    wv.save(tmp_path / "x")
    for one in (wv, WordVectors.load(tmp_path / "x")):
        back = pickle.loads(pickle.dumps(one))
        assert back.index_to_key == wv.index_to_key
        np.testing.assert_array_equal(back["word7"], wv["word7"])


def test_checksum_is_xxh64():
    assert _core.checksum(b"") == 0xEF46DB3751D8E999
    assert _core.checksum(b"abc") == 0x44BC2CF5AD770999
    assert _core.checksum(b"Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1


@pytest.mark.skipif(
    not os.path.exists("/proc/self/smaps_rollup"), reason="needs Linux's /proc/self/smaps_rollup"
)
def test_a_second_process_shares_the_pages(tmp_path):
    """A process that reads the whole cache beside another one has next to nothing of it for itself."""
    words = [f"w{i}" for i in range(50_000)]
    numbers = np.random.default_rng(0).random((50_000, 100), np.float32)
    WordVectors(words, numbers).save(tmp_path / "large")
    WordVectors(["a"], numbers[:1]).save(tmp_path / "small")
    first = WordVectors.load(tmp_path / "large", verify=True)  # mapped as long as the other runs
    code = (
        "import sys\nfrom embedcnn.vectors import WordVectors\n"
        "def private():\n"
        "    lines = open('/proc/self/smaps_rollup').read().splitlines()\n"
        "    return sum(int(line.split()[1]) for line in lines if line.startswith('Private_'))\n"
        "WordVectors.load(sys.argv[2], verify=True)['a']\nbefore = private()\n"
        "wv = WordVectors.load(sys.argv[1], verify=True)\nwv['w49999']\nprint(private() - before)\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "large", tmp_path / "small"]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    assert first.vectors.nbytes == 20_000_000
    assert int(out.stdout) < 5_000  # KiB
