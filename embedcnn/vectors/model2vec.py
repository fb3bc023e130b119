"""Folders of Model2Vec and of static sentence-transformers: a table in model.safetensors and the words of its
rows in tokenizer.json.

The table may have a weight for each token, and fewer rows than tokens, with the row of each (`mapping`).
"""

from __future__ import annotations

import errno
import json
import os
from typing import Any

import numpy as np

from .arrays import checked
from .errors import VectorFileError
from .word_vectors import WordVectors

FOLDERS = ("", "0_StaticEmbedding")
TABLES = ("embeddings", "embedding.weight")
MOST_BYTES = 2**30
"""Of a tokenizer.json, whose largest have some 20 MB."""


def load_folder(path: str) -> WordVectors:
    """The vectors of a folder; IsADirectoryError for another one, VectorFileError for what does not fit."""
    for inside in FOLDERS:
        table, tokenizer = (
            os.path.join(path, inside, name) for name in ("model.safetensors", "tokenizer.json")
        )
        if os.path.isfile(table) and os.path.isfile(tokenizer):
            words = _tokens(tokenizer)
            return checked(table, _matrix(table, len(words)), words)
    raise IsADirectoryError(
        errno.EISDIR,
        "a folder must be one of Model2Vec, with model.safetensors and tokenizer.json in it",
        path,
    )


def _tokens(path: str) -> list[str]:
    """The tokens by their ids."""
    if os.path.getsize(path) > MOST_BYTES:
        raise VectorFileError(path, f"larger than {MOST_BYTES} bytes")
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        vocabulary: Any = found["model"]["vocab"]
        if isinstance(vocabulary, list):  # of a Unigram model: tokens and their scores
            vocabulary = {str(entry[0]): number for number, entry in enumerate(vocabulary)}
        ids = {str(token): int(number) for token, number in vocabulary.items()}
        ids |= {str(one["content"]): int(one["id"]) for one in found.get("added_tokens") or ()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise VectorFileError(path, f"not the tokenizer of a model: {error!r}") from error
    tokens = sorted(ids, key=ids.__getitem__)
    strange = next((number for number, token in enumerate(tokens) if ids[token] != number), None)
    if strange is not None:
        raise VectorFileError(
            path, f"the ids of its {len(tokens)} tokens have a gap, or one twice, at {strange}"
        )
    return tokens


def _matrix(path: str, tokens: int) -> np.ndarray:
    """A row for each token."""
    from safetensors import SafetensorError, safe_open  # as slow as NumPy to import

    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            table = next((name for name in TABLES if name in names), None)
            if table is None:
                raise VectorFileError(path, f"a table named {' or '.join(TABLES)} expected, found {names}")
            parts = {name: file.get_tensor(name) for name in (table, "weights", "mapping") if name in names}
    except (SafetensorError, TypeError, OSError) as error:
        raise VectorFileError(path, f"not a readable file of safetensors: {error}") from error
    matrix, weights, rows = parts[table], parts.get("weights"), parts.get("mapping")
    if matrix.ndim != 2 or matrix.dtype.kind not in "fi":
        raise VectorFileError(
            path, f"a matrix of numbers expected, found {matrix.dtype} of shape {matrix.shape}"
        )
    if rows is not None:
        if (
            rows.shape != (tokens,)
            or rows.dtype.kind not in "iu"
            or rows.min() < 0
            or rows.max() >= len(matrix)
        ):
            raise VectorFileError(
                path, f"`mapping` must be a row of {len(matrix)} for each of {tokens} tokens"
            )
        matrix = matrix[rows]
    if weights is not None:
        if weights.shape != (tokens,) or len(matrix) != tokens:
            raise VectorFileError(
                path, f"`weights` must be a number for each of {tokens} tokens: {weights.shape}"
            )
        matrix = matrix.astype(np.float32) * weights.astype(np.float32)[:, None]
    return matrix
