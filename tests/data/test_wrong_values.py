"""Data sets made with wrong values, and their methods; each is read to its end."""

from __future__ import annotations

import numpy as np
import pytest
from wrong_values import Case, faults, pairs

from embedcnn import data

FILES = (FileNotFoundError,)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("a b\nc d\n")
    (tmp_path / "t.csv").write_text("text,label\na,x\nb,y\n")
    (tmp_path / "t.jsonl").write_text('{"a":1}\n')


def read(made):
    return [element for _, element in zip(range(5), iter(made), strict=False)]


NUMBERS = data.Dataset.from_tensor_slices((np.arange(6.0), np.arange(6)))
LABELLED = data.LabelledTexts(["a", "b", "c", "d"], ["x", "y", "x", "y"])
SPAN = {"targets": ("sequence_length",), "data": ("sequence_length",), "sampling_rate": ("sequence_length",)}
METHODS = {
    "batch": {"batch_size": 2},
    "shuffle": {"buffer_size": 3},
    "repeat": {"count": 2},
    "take": {"count": 2},
    "skip": {"count": 1},
    "map": {"map_func": lambda *element: element},
    "filter": {"predicate": lambda *element: True},
    "prefetch": {"buffer_size": 1},
    "padded_batch": {"batch_size": 2},
    "shard": {"num_shards": 2, "index": 0},
    "enumerate": {},
    "window": {"size": 2},
    "concatenate": {"dataset": NUMBERS},
}
CASES = {
    "TextLineDataset": Case(data.TextLineDataset, {"filenames": "t.txt"}, read, errors=FILES),
    "CsvDataset": Case(
        data.CsvDataset,
        {"filenames": "t.csv"},
        read,
        errors=FILES,
        also={"delimiter": ("fields",), "columns": ("column",)},
    ),
    "JsonLinesDataset": Case(
        data.JsonLinesDataset, {"filenames": "t.jsonl"}, read, errors=FILES, also={"columns": ("key",)}
    ),
    "read_text": Case(data.read_text, {"path": "t.txt"}, errors=FILES),
    "text_streams": Case(
        data.text_streams, {"ids": np.arange(20), "batch_size": 2, "length": 3}, arrays=("ids",)
    ),
    "text_windows": Case(data.text_windows, {"ids": np.arange(20), "length": 3}, arrays=("ids",)),
    "timeseries": Case(
        data.timeseries_dataset_from_array,
        {"data": np.arange(20.0), "targets": np.arange(20.0), "sequence_length": 3},
        read,
        lists=("data", "targets"),
        also=SPAN,
        allowed={"targets": (None,)},
    ),
    "split": Case(data.split, {"labelled": LABELLED}),
    **{name: Case(getattr(NUMBERS, name), given, read) for name, given in METHODS.items()},
}


@pytest.mark.parametrize(("case", "argument"), pairs(CASES))
def test_wrong_values_are_named(case, argument):
    case.run()
    assert not faults(case, argument)
