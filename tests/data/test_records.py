"""Records for prediction: all of them, in order, the damaged ones as errors in their place."""

import gzip
import io

import pytest

from embedcnn.data.records import file_records, record_format, stream_records


def read(data: bytes, format: str = "lines", encoding: str = "utf-8", column=None, chunk: int = 7):
    """(line, text, whether it is damaged) of all records, read in small pieces."""
    stream = io.BytesIO(data)
    groups = stream_records(lambda: stream.read(chunk), format, encoding, column, "stream")
    return [(record.line, record.text, record.error is not None) for group in groups for record in group]


@pytest.mark.parametrize("chunk", [1, 2, 7, 1000])
def test_lines_with_every_kind_of_end(chunk):
    data = "\ufeffone\r\n\ntwo\u2028still\x0ctwo\nlast".encode()
    found = read(data, chunk=chunk)
    assert found == [
        (1, "one", False),
        (2, "", False),
        (3, "two\u2028still\x0ctwo", False),
        (4, "last", False),
    ]
    assert read(b"", chunk=chunk) == [] and read(b"\n", chunk=chunk) == [(1, "", False)]


def test_bad_bytes_are_an_error_in_their_place():
    assert read(b"good\nb\xffad\ngood") == [(1, "good", False), (2, None, True), (3, "good", False)]
    assert read(b"b\xe4d", encoding="latin-1") == [(1, "bäd", False)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp037"])
def test_encodings_whose_line_end_is_no_single_byte(encoding):
    assert read("it purrs\nü\n".encode(encoding), encoding=encoding) == [
        (1, "it purrs", False),
        (2, "ü", False),
    ]


def test_json_lines():
    data = b'{"text": "a"}\n[1]\n{"tex\n{"label": 1}\n{"text": 3}\n' + b'{"text": ' + b"[" * 100_000 + b"\n"
    assert [text for _, text, _ in read(data, "jsonl")] == ["a", None, None, None, None, None]
    assert read(b'{"body": "x", "text": "y"}', "jsonl", column="body") == [(1, "x", False)]


def test_a_table_with_faults_is_read_to_its_end():
    data = b'id,Review\n1,"two, and\na line"\n2\n3,"broken"x\n4,b\xffad\n5,last\n'
    found = read(data, "csv")
    assert found == [
        (2, "two, and\na line", False),
        (4, None, True),
        (5, None, True),
        (6, None, True),
        (7, "last", False),
    ]


@pytest.mark.parametrize(
    ("data", "format", "column", "texts"),
    [
        (b"sep=;\nid;text\n1;a, b\n", "csv", None, ["a, b"]),
        (b"id|text\n1|a, b\n", "csv", None, ["a, b"]),
        (b"just one column\nanother\n", "csv", None, ["just one column", "another"]),
        (b"1\ta text\n2\tanother\n", "tsv", 1, ["a text", "another"]),
        (b'id\ttext\n1\tsays "hi"\n', "tsv", 1, ['says "hi"']),
        (b"x,y\n1,2\n", "csv", "y", ["2"]),
        (b"text\n" + b"w" * 200_000 + b"\n", "csv", None, ["w" * 200_000]),
    ],
)
def test_which_column_is_the_text(data, format, column, texts):
    assert [text for _, text, _ in read(data, format, column=column)] == texts


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("body", "no such column.*'body'"),
        (2, r"column 2 is outside \[0, 2\)"),
        (None, "which column is the text"),
    ],
)
def test_a_table_without_such_a_column(column, message):
    with pytest.raises(ValueError, match=message):
        read(b"x,y\n1,2\n", "csv", column=column)


def test_formats_by_name_and_packed_files(tmp_path):
    path = tmp_path / "new.TSV.gz"
    path.write_bytes(gzip.compress(b"label\ttext\ncat\tit purrs\n"))
    assert [[record.text for record in group] for group in file_records(path)] == [["it purrs"]]
    assert record_format("a.ndjson.zst") == "jsonl" and record_format("a") == "lines"
    with pytest.raises(ValueError, match="Received: format='xml'"):
        read(b"", "xml")
