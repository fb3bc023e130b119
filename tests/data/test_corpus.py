"""Blocks of a corpus: the core's reading of JSON lines against json.loads, and what a block knows of its
file.
"""

import bz2
import gzip
import json
import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedcnn import _core
from embedcnn.data.corpus import Place, corpus_blocks
from embedcnn.data.readers import TEXT_NAMES
from embedcnn.data.records import file_records

NAMES = tuple(name.encode() for name in TEXT_NAMES)


def expected(line: bytes):
    """What json.loads finds in a line, None where it finds no text."""
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    found = next((name for name in TEXT_NAMES if name in value), None) if isinstance(value, dict) else None
    return value[found] if found is not None and isinstance(value[found], str) else None


def found(line: bytes):
    (text,), ends = _core.record_texts(line, NAMES)
    assert ends.tolist() == [len(line)]
    return text


texts = st.text(st.one_of(st.characters(codec=None), st.sampled_from('"\\/\b\f\n\r\t\ud83d\ude00é😀\x7f')))
keys = st.one_of(st.sampled_from(["text", "review", "label", "te\u00e9"]), texts)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8,
)


@given(
    st.lists(st.tuples(keys, values), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", "\t: ")]),
)
def test_valid_objects_as_json_loads(pairs, ascii_only, separators):
    """Every object: keys that come twice, escapes, lone surrogates, values of any kind."""
    parts = (
        json.dumps(key, ensure_ascii=ascii_only) + separators[1] + json.dumps(value, ensure_ascii=ascii_only)
        for key, value in pairs
    )
    line = ("{" + separators[0].join(parts) + "} ").encode("utf-8", "surrogatepass")
    assert found(line) == expected(line) if b"\n" not in line else True


LINES = [
    '{"text": "a\\u00e9\\ud83d\\ude00\\ud83d\\n\\"", "n": [1, -0.5e+3, {"text": "inner"}, [], {}, null]}',
    '{"review": "later", "text": "first", "x": true, "y": NaN, "z": -Infinity, "t": 1E5}',
    '{"te\\u0078t": "escaped key", "text ": "another"}',
    '{"text": "one", "text": "two", "review": 3}',
]


@given(st.sampled_from(LINES), st.integers(0, 80), st.one_of(st.none(), st.binary(max_size=2)))
def test_damaged_lines_are_refused(line, place, put):
    """A byte taken out, or others put in its place: what json.loads refuses is never taken."""
    data = line.encode()
    data = (data[:place] + (put or b"") + data[place + 1 :]).replace(b"\n", b" ")
    assert found(data) in (None, expected(data))
    assert found(data) == expected(data)


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[1]",
        '"text"',
        '{"text": 3}',
        '{"text": "a"} x',
        '{"text": "a",}',
        '{"text": "a" "b"}',
        '{"text": "a", "n": 01}',
        '{"text": "a", "n": 1.}',
        '{"text": "a", "n": -}',
        '{"text": "a", "n": +1}',
        '{"text": "a", "n": .5}',
        '{"text": "a", "n": 1e}',
        '{"text": "a", "n": tru}',
        '{"text": "a", "n": [1 2]}',
        '{"text": "a", "n": [1,]}',
        '{"text": "a", "n": {1: 2}}',
        '{"text": "a", "n": [}',
        '{"text": "a", "n": {]}',
        '{"text": "a\tb"}',
        '{"text": "\\x41"}',
        '{"text": "\\u12g4"}',
        '{"text": "\\u123"}',
        '{"text": "a',
        '{"text": "a\\',
        '{"text"',
        '{"text":',
        "{'text': 'a'}",
        "{text: 1}",
        '{"text": "a", "n": ' + "9" * 5000 + "}",
        '{"text": "a", "n": ' + "[" * 100_000,
        "",
        " ",
    ],
)
def test_what_json_loads_refuses(line):
    assert expected(line.encode()) is None and (line == "" or found(line.encode()) is None)


def test_deep_lines_are_asked_of_python(tmp_path):
    path = tmp_path / "deep.jsonl"
    path.write_text('{"n": ' + "[" * 300 + "]" * 300 + ', "text": "deep"}\n')
    assert _core.record_texts(path.read_bytes(), NAMES)[0] == [None]
    assert next(corpus_blocks(path, "jsonl")).texts == ["deep"]


@pytest.mark.parametrize(
    "data", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"]
)
def test_bytes_that_are_no_text(data):
    assert _core.record_texts(b"good \xc3\xa9\n" + data + b"\n", None)[0] == ["good é", None]
    assert _core.record_texts(b'{"text": "a", "n": "' + data + b'"}', NAMES)[0] == [None]


def test_arguments_of_the_core():
    for names in ((), [b"text"], (b"x",) * 17):
        with pytest.raises(ValueError, match="1 to 16"):
            _core.record_texts(b"", names)
    with pytest.raises(TypeError, match="names\\[0\\] must be bytes"):
        _core.record_texts(b"", ("text",))
    with pytest.raises(TypeError):
        _core.record_texts("text", None)


DATA = '\ufeff{"text": "one"}\r\n\n{"text": "zwei é"}\n{"tex\n{"text": "' + "w" * 300 + '"}\n{"text": "last"}'
PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def packed(tmp_path, suffix, data):
    path = tmp_path / f"new.jsonl{suffix}"
    pack = PACKERS.get(suffix) or pytest.importorskip("zstandard").ZstdCompressor().compress
    path.write_bytes(pack(data))
    return path


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
@pytest.mark.parametrize("suffix", [*PACKERS, ".zst"])
def test_blocks_are_the_records_and_begin_anywhere(tmp_path, suffix, size):
    path = packed(tmp_path, suffix, DATA.encode())
    blocks = list(corpus_blocks(path, "jsonl", block_bytes=size))
    records = [record for block in blocks for record in block.records()]
    assert records == [record for group in file_records(path) for record in group]
    assert [record.text for record in records] == ["one", None, "zwei é", None, "w" * 300, "last"]
    for number, block in enumerate(blocks):
        again = list(corpus_blocks(path, "jsonl", place=block.place, block_bytes=size))
        assert [record for one in again for record in one.records()] == [
            record for one in blocks[number:] for record in one.records()
        ]
    assert list(corpus_blocks(path, "jsonl", place=blocks[-1].behind)) == []
    assert blocks[-1].behind == Place(len(DATA.encode()), 6)
    assert blocks[-1].packed_bytes == path.stat().st_size


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_a_file_that_is_cut_short_ends_there(tmp_path, suffix):
    lines = b"".join(b"line %d of many\n" % i for i in range(20_000))
    path = packed(tmp_path, suffix, lines)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    blocks = list(corpus_blocks(path, block_bytes=4096))
    assert [list(block.faults.values()) for block in blocks[:-1]] == [[]] * (len(blocks) - 1)
    assert len(blocks) > 2 or suffix == ".bz2"  # which unpacks 900 kB at once, or nothing
    assert "damaged or cut short" in blocks[-1].faults[0]
    assert list(corpus_blocks(path, place=blocks[-1].behind)) == []
    texts = [text for block in blocks[:-1] for text in block.texts]
    assert texts == [f"line {i} of many" for i in range(len(texts))]


def test_chosen_lines_are_as_they_stand(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes(b"a\r\n\nb \xff\nc")
    (block,) = corpus_blocks(path)
    assert block.texts == ["a", "", None, "c"] and "0xff" in block.faults[2]
    assert block.chosen(np.array([True, True, False, True])) == b"a\r\n\nc\n"
    assert block.chosen(np.zeros(4, bool)) == b""
    (tmp_path / "empty.txt").write_bytes(b"")
    assert list(corpus_blocks(tmp_path / "empty.txt")) == []


def test_misuse(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        next(corpus_blocks(tmp_path / "missing"))
    with pytest.raises(ValueError, match="`format` must be one of lines, jsonl"):
        next(corpus_blocks(tmp_path / "missing", "csv"))
