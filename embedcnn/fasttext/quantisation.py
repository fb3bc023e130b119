"""A fastText model made small: the rows that matter least cut off, learnt on perhaps, then rows as codes of a
product quantiser (Joulin, Grave, Bojanowski, Douze, Jegou and Mikolov 2016).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from embedcnn import _core

from . import files
from .lines import END, encoded
from .tables import scattered, stride_of

SEED = 1234
OUTPUT_PART = 2
"""Floats of a part of the output matrix, whatever those of the input have."""


def section(rows: np.ndarray, part: int, with_norms: bool) -> bytes:
    """Rows as the section of a file: codes and centroids, of their directions and norms perhaps."""
    rows = np.ascontiguousarray(rows, np.float32)
    norms = None
    if with_norms:
        norms = row_norms(rows)
        rows = (rows / np.where(norms > 0, norms, 1)[:, None]).astype(np.float32)
    codes, centroids = _core.fasttext_quantise(rows, part, SEED)
    head = struct.pack("<??qqi", True, with_norms, *rows.shape, codes.size)
    written = [head, codes.tobytes(), _quantiser(rows.shape[1], part), centroids.tobytes()]
    if norms is not None:
        codes, centroids = _core.fasttext_quantise(norms[:, None], 1, SEED)
        written += [codes.tobytes(), _quantiser(1, 1), centroids.tobytes()]
    return b"".join(written)


def _quantiser(columns: int, part: int) -> bytes:
    parts = -(-columns // part)
    return struct.pack("<iiii", columns, parts, part, columns - (parts - 1) * part)


def row_norms(rows: np.ndarray) -> np.ndarray:
    """The length of each row, float32 (rows,)."""
    return np.sqrt(np.einsum("ij,ij->i", rows, rows)).astype(np.float32)


def cut_off(core: _core.FastTextModel, rows: np.ndarray, most: int) -> tuple[np.ndarray, bytes]:
    """(rows that are kept, the dictionary with their words and buckets): the `most` longest rows, and the end
    of the line.
    """
    facts = core.facts()
    norms = row_norms(rows)
    end = core.find(encoded("word", END))
    if 0 <= end < len(norms):
        norms[end] = np.inf
    order = np.argsort(-norms, kind="stable")[:most]
    words, ngrams = np.sort(order[order < facts["words"]]), order[order >= facts["words"]]
    entries, counts = core.entries(0, facts["words"] + facts["labels"])
    pairs = list(zip(entries, counts.tolist(), strict=True))
    dictionary = files.packed_dictionary(
        [pairs[word] for word in words],
        pairs[facts["words"] :],
        facts["tokens"],
        zip((ngrams - facts["words"]).tolist(), range(len(ngrams)), strict=True),
    )
    return np.concatenate([words, ngrams]), dictionary


def retrained(
    core: _core.FastTextModel,
    rows: np.ndarray,
    output: np.ndarray,
    text: Any,
    epochs: int,
    rate: float,
    threads: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, output) after more steps on labelled lines, whose ids `core` tells."""
    settings, facts, dim = core.settings(), core.facts(), rows.shape[1]
    lines = core.lines(text)
    if not len(lines[1]):
        raise ValueError("`input` has no line with a label of the model and something that it knows")
    _, counts = core.entries(facts["words"], facts["words"] + facts["labels"])
    table = scattered(len(rows), stride_of(dim))
    table[:, :dim] = rows
    matrix = np.zeros((len(output), table.shape[1]), np.float32)
    matrix[:, :dim] = output
    _, loss = _core.fasttext_train(
        table,
        matrix,
        *lines,
        counts,
        settings["loss"],
        settings["neg"],
        rate,
        settings["lrUpdateRate"],
        epochs,
        0,
        threads,
        None,
    )
    if not np.isfinite(loss):
        raise ValueError(f"`lr` must be smaller for this text: the loss is {loss}. Received: lr={rate:g}")
    return np.ascontiguousarray(table[:, :dim]), np.ascontiguousarray(matrix[:, :dim])
