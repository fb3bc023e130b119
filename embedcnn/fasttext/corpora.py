"""Texts of any kind to arrays of labels: what the commands over corpora ask of a fastText model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .model import FastText

PLACES = 1 << 20
"""Labels of answers that are made at once: thousands of them for each text would fill the memory."""


def likeliest(model: FastText, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
    """(numbers in `model.labels`, probabilities as `model.predict` gives them), int32 and float32 (texts, k),
    the likeliest first; -1 and 0 where a text has no more labels. A newline is a blank. `k`: -1 is all.

    >>> from embedcnn.fasttext.model import _example
    >>> numbers, shares = likeliest(_example(), ["so\\ngood", "bad"], 2)
    >>> numbers.tolist(), shares.shape
    ([[1, 0], [0, 1]], (2, 2))
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    spans = np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1) if len(ends) else np.zeros((0, 2), int)
    numbers, shares, counts = model._checked().predict_spans(b"".join(encoded), spans, k, 0.0)
    missing = np.arange(numbers.shape[1]) >= counts[:, None]
    numbers[missing], shares[missing] = -1, 0
    return numbers, shares


def probability(model: FastText, texts: Sequence[str], label: int) -> np.ndarray:
    """How likely the label of this number is, float32 (texts,), as `model.predict` gives it.

    >>> from embedcnn.fasttext.model import _example
    >>> probability(_example(), ["good", "bad"], 1).round(3)
    array([0.818, 0.119], dtype=float32)
    """
    found = np.zeros(len(texts), np.float32)
    step = max(1, PLACES // len(model.labels))
    for begin in range(0, len(texts), step):
        numbers, shares = likeliest(model, texts[begin : begin + step], -1)
        found[begin : begin + step] = np.where(numbers == label, shares, 0).max(axis=1)
    return found
