"""Files compressed with Zstandard; without the package, the error that names it."""

import sys

import numpy as np
import pytest

from embedcnn import vectors
from embedcnn.base.zstandard_files import ZstdStream
from embedcnn.vectors import VectorFileError

TEXT = b"".join(b"word%d %d.5 -%d\n" % (i, i, i) for i in range(5000))


@pytest.fixture
def load(tmp_path):
    def load_bytes(data, **options):
        path = tmp_path / "vectors.txt.zst"
        path.write_bytes(data)
        return vectors.load(path, **options)

    return load_bytes


def test_without_the_package_the_error_names_it(load, monkeypatch):
    for name in ("compression", "compression.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"vectors\.txt\.zst is compressed .*'embedcnn\[zstd\]'"):
        load(b"\x28\xb5\x2f\xfd\x00")


def test_what_is_read_is_what_was_packed(load, pack_zst):
    found = load(pack_zst(TEXT))
    assert found.index_to_key == [f"word{i}" for i in range(5000)]
    expected = [[i + 0.5, -i] for i in range(5000)]
    np.testing.assert_array_equal(found.vectors, np.array(expected, np.float32))
    assert load(pack_zst(TEXT), words=["word7"])["word7"].tolist() == [7.5, -7]


def test_several_frames_one_after_the_other(load, pack_zst):
    cut = len(TEXT) // 3
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    found = load(pack_zst(TEXT[:cut]) + pack_zst(b"") + pack_zst(TEXT[cut:]))
    assert len(found) == 5000
    if "zstandard" in sys.modules:
        assert len(load(pack_zst(TEXT[:cut]) + skippable + pack_zst(TEXT[cut:]))) == 5000


def test_a_file_that_is_cut_short_is_noticed_wherever_it_ends(load, pack_zst):
    packed = pack_zst(TEXT)
    for length in [4, 5, 9, 20, *range(100, len(packed), 1500), len(packed) - 5, len(packed) - 1]:
        with pytest.raises(VectorFileError, match="zst data is damaged"):
            load(packed[:length])
    lines = TEXT.splitlines(keepends=True)
    whole = pack_zst(b"".join(lines[:100]))
    with pytest.raises(VectorFileError, match="zst data is damaged"):  # the lines so far are complete
        load(whole + pack_zst(b"".join(lines[100:]))[:-1])


def test_damaged_bytes_are_noticed(load, pack_zst):
    packed = pack_zst(TEXT)
    for data in (packed[:4] + b"\xff" * 40, packed + b"no frame"):
        with pytest.raises(VectorFileError, match="zst data is damaged"):
            load(data)
    with pytest.raises(
        VectorFileError, match=r"zst data is damaged|line \d+: "
    ):  # what comes out may be seen first
        load(packed[:50] + b"\0" * 50 + packed[100:])


def test_what_expands_enormously_is_taken_in_small_pieces(pack_zst):
    """100 MB of zeros are a few kilobytes; no more than what one piece of them stands for is held at once."""
    package = pytest.importorskip("zstandard", reason="the package zstandard is not installed")
    import io

    stream = ZstdStream(package.ZstdDecompressor(), io.BytesIO(pack_zst(bytes(10**8))))
    total = largest = 0
    while piece := stream.read(1 << 16):
        total += len(piece)
        largest = max(largest, len(stream.unpacked))
    assert total == 10**8
    assert largest <= 40 << 20
