"""Files, folders and arrays as data sets."""

import gzip
import os
import tracemalloc

import numpy as np
import pytest

from embedcnn.data import (
    CsvDataset,
    JsonLinesDataset,
    TextLineDataset,
    TsvDataset,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
)


def test_lines_of_several_files(write):
    paths = [
        write("a.txt", "\ufeffone\r\n\ntwo\u0085"),
        write("b.txt.gz", gzip.compress(b"three\n")),
        write("c", ""),
    ]
    lines = TextLineDataset(paths)
    assert list(lines) == list(lines.prefetch(1)) == ["one", "", "two\u0085", "three"]
    assert list(TextLineDataset(write("d", gzip.compress(b"x")), "GZIP")) == ["x"]
    assert list(TextLineDataset(write("e", b"caf\xe9"), encoding="latin-1")) == ["café"]


def test_lines_in_constant_memory_and_no_file_left(write):
    path = write("large.txt", "some words on a line\n" * 300_000)
    files = os.listdir("/proc/self/fd")
    tracemalloc.start()
    assert TextLineDataset(path).reduce(0, lambda total, _: total + 1) == 300_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000 < path.stat().st_size
    elements = iter(TextLineDataset(path).shuffle(10))
    next(elements)
    del elements
    assert os.listdir("/proc/self/fd") == files


def test_tables(write):
    path = write("a.csv", 'id,text,label\n1,"a, b",x\n2,"c\nd",y\n')
    assert list(CsvDataset(path)) == [("1", "a, b", "x"), ("2", "c\nd", "y")]
    assert list(CsvDataset([path, path], ["label", 1]))[1:3] == [("y", "c\nd"), ("x", "a, b")]
    assert list(CsvDataset(path, -1, header=False)) == ["label", "x", "y"]
    assert list(TsvDataset(write("a.tsv", 'text\tlabel\n"q" r\t1\n'), "text")) == ['"q" r']
    lines = write("a.jsonl", '{"t": "a", "n": 1}\n{"n": [2], "t": "b"}\n')
    assert list(JsonLinesDataset(lines)) == [{"t": "a", "n": 1}, {"t": "b", "n": [2]}]
    assert list(JsonLinesDataset(lines, "n")) == [1, [2]]
    assert list(JsonLinesDataset(lines, ["n", "t"])) == [(1, "a"), ([2], "b")]


def test_file_mistakes(write, tmp_path):
    path = write("a.csv", "text,label\na,1\nb\n")
    with pytest.raises(FileNotFoundError, match="there is no file '.*gone'"):
        TextLineDataset([path, tmp_path / "gone"])
    cases = [
        (
            lambda: TextLineDataset(path, "ZIP"),
            "`compression_type` must be None, '', 'GZIP'.*Received: compression_type='ZIP'",
        ),
        (lambda: TextLineDataset([]), "`filenames` must be at least one path"),
        (lambda: TextLineDataset(3), "`filenames` must be a path or a list of paths. Received: filenames=3"),
        (lambda: list(CsvDataset(path)), r"a\.csv, line 3: 1 fields, but 2 in the lines before"),
        (
            lambda: list(CsvDataset(path, "x")),
            r"columns: no such column .* Received: 'x'; allowed: \['text', 'label'\]",
        ),
        (
            lambda: list(CsvDataset(path, "text", header=False)),
            "columns: 'text' is a name, but .* no header line",
        ),
        (
            lambda: CsvDataset(path, []),
            r"`columns` must be None, a column or a list of columns. Received: columns=\[\]",
        ),
        (lambda: CsvDataset(path, header="yes"), "`header` must be True or False. Received: header='yes'"),
        (lambda: JsonLinesDataset(path, [0]), r"`columns` must be keys \(str\). Received: columns=0"),
        (lambda: list(JsonLinesDataset(path)), r"a\.csv, line 1: not valid JSON"),
        (
            lambda: list(JsonLinesDataset(write("b", '{"a": 1}\n{}'), "a")),
            r"b, line 2: no key 'a'. Received: \[\]",
        ),
        (lambda: list(TextLineDataset(write("c", b"a\n\xff"))), r"c, line 2, byte offset 2: byte 0xff"),
    ]
    for action, message in cases:
        with pytest.raises((ValueError, TypeError), match=message):
            action()


@pytest.fixture
def folder(write, tmp_path):
    for name, count in (("neg", 6), ("pos", 4)):
        for i in range(count):
            write(f"set/{name}/{i}.txt", f"{name} text {i}\n")
    return tmp_path / "set"


def read(dataset):
    return [(text, np.asarray(label).tolist()) for text, label in dataset.unbatch()]


def test_directory(folder, capsys):
    data = text_dataset_from_directory(folder, batch_size=4, shuffle=False)
    assert capsys.readouterr().out == "Found 10 files belonging to 2 classes.\n"
    assert data.class_names == ["neg", "pos"] and len(data) == 3
    assert read(data)[5:7] == [("neg text 5\n", 0), ("pos text 0\n", 1)]
    texts, labels = next(iter(data))
    assert texts.dtype == object and labels.dtype == np.int32

    def options(**arguments):
        return text_dataset_from_directory(folder, shuffle=False, verbose=False, **arguments)

    assert options(class_names=["pos", "neg"]).class_names == ["pos", "neg"]
    assert read(options(class_names=["pos", "neg"]))[0] == ("pos text 0\n", 0)
    assert read(options(label_mode="binary"))[9] == ("pos text 3\n", [1.0])
    assert read(options(label_mode="categorical"))[9] == ("pos text 3\n", [0.0, 1.0])
    assert next(iter(options(label_mode=None, max_length=5))).tolist()[0] == "neg t"
    assert [label for _, label in read(options(labels=list(range(10))))] == list(range(10))
    assert len(options(batch_size=None)) == 10


def test_directory_split(folder):
    def options(**arguments):
        return text_dataset_from_directory(folder, verbose=False, seed=3, validation_split=0.3, **arguments)

    train, test = options(subset="both")
    assert len(read(train)) == 7 and sorted(read(train) + read(test)) == sorted(
        read(text_dataset_from_directory(folder, verbose=False))
    )
    assert sorted(read(options(subset="validation"))) == sorted(read(test))
    assert str(list(train)) != str(list(train))  # a new order in every epoch


def test_directory_mistakes(folder, tmp_path):
    cases = [
        ({"label_mode": "float"}, "`label_mode` must be one of"),
        ({"validation_split": 0.2}, "must be given together"),
        ({"validation_split": 2, "subset": "both"}, "`validation_split` must be a number in"),
        ({"validation_split": 0.2, "subset": "all"}, "`subset` must be 'training'"),
        ({"validation_split": 0.2, "subset": "both"}, "seed: needed with validation_split"),
        ({"validation_split": 0.01, "subset": "both", "seed": 1}, "leaves one part empty"),
        ({"class_names": ["pos"]}, "`class_names` must be the names of the sub-folders"),
        ({"labels": [1, 2]}, "`labels` must be one per file, 10. Received: labels=2"),
        ({"labels": None, "class_names": ["a"]}, "class_names: has a meaning with labels='inferred' only"),
        ({"batch_size": 0}, "`batch_size` must be an integer of at least 1"),
    ]
    for arguments, message in cases:
        with pytest.raises(ValueError, match=message):
            text_dataset_from_directory(folder, verbose=False, **arguments)
    with pytest.raises(ValueError, match="has no sub-folders"):
        text_dataset_from_directory(folder / "neg")
    with pytest.raises(FileNotFoundError, match="directory: there is no folder"):
        text_dataset_from_directory(tmp_path / "gone")


SERIES = [
    {"sequence_length": 4},
    {"sequence_length": 3, "sequence_stride": 2, "sampling_rate": 3, "batch_size": 2},
    {"sequence_length": 3, "sampling_rate": 2, "start_index": 3, "end_index": 15},
    {"sequence_length": 2, "batch_size": None, "start_index": 5},
]


def windows(arguments, rows=20):
    """The specification: every complete window."""
    first, last = arguments.get("start_index", 0), arguments.get("end_index", rows)
    length, rate = arguments["sequence_length"], arguments.get("sampling_rate", 1)
    found = []
    for start in range(first, last, arguments.get("sequence_stride", 1)):
        window = list(range(start, start + length * rate, rate))
        if window[-1] < last:
            found.append(window)
    return found


@pytest.mark.parametrize("arguments", SERIES)
def test_timeseries(arguments):
    data = np.arange(20)
    result = timeseries_dataset_from_array(data, data * 10, **arguments)
    pairs = list(result if arguments.get("batch_size", 1) is None else result.unbatch())
    assert [x.tolist() for x, _ in pairs] == windows(arguments)
    assert [int(y) for _, y in pairs] == [10 * window[0] for window in windows(arguments)]
    shuffled = timeseries_dataset_from_array(
        data, None, shuffle=True, seed=1, **{**arguments, "batch_size": 3}
    )
    assert sorted(x.tolist() for x in shuffled.unbatch()) == windows(arguments)


@pytest.mark.parametrize("arguments", SERIES)
def test_timeseries_against_keras(arguments):
    keras = pytest.importorskip("keras")
    pytest.importorskip("tensorflow")
    data = np.arange(40).reshape(20, 2)
    theirs = keras.utils.timeseries_dataset_from_array(data, data[:, 0], **arguments)
    ours = timeseries_dataset_from_array(data, data[:, 0], **arguments)
    for (x, y), (their_x, their_y) in zip(ours, theirs, strict=True):
        assert x.tolist() == their_x.numpy().tolist() and y.tolist() == their_y.numpy().tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sequence_length": 21}, "a window of 21 rows, 1 apart, does not fit into the 20 rows"),
        ({"sequence_length": 0}, "`sequence_length` must be an integer of at least 1"),
        ({"sequence_length": 2, "sampling_rate": 0}, "`sampling_rate` must be"),
        (
            {"sequence_length": 2, "start_index": 20},
            "`start_index` must be an integer below the number of rows, 20",
        ),
        (
            {"sequence_length": 2, "start_index": 5, "end_index": 5},
            r"`end_index` must be an integer in \(5, 20\]",
        ),
    ],
)
def test_timeseries_mistakes(arguments, message):
    with pytest.raises(ValueError, match=message):
        timeseries_dataset_from_array(np.arange(20), None, **arguments)
