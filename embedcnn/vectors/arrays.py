"""Vectors in NumPy files: .npz with words and vectors, .npy with words given; nothing is unpickled."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.utf8_files import text_lines_of
from .errors import VectorFileError
from .mapped import MappedFile
from .word_vectors import WordVectors

__all__ = ["load_npy", "load_npz"]

MATRIX_NAMES = ("vectors", "matrix", "embeddings")
WORD_NAMES = ("words", "keys", "index_to_key", "vocab", "vocabulary")


def load_npz(path: str) -> WordVectors:
    """An archive that holds a matrix `vectors` and an array of str `words`."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = archive.files
            matrix_name = next((name for name in MATRIX_NAMES if name in names), None)
            words_name = next((name for name in WORD_NAMES if name in names), None)
            if matrix_name is None or words_name is None:
                raise VectorFileError(path, f"arrays 'vectors' and 'words' expected, found {sorted(names)}")
            return checked(path, archive[matrix_name], archive[words_name].tolist())
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile, zlib.error, SyntaxError) as error:
        if isinstance(error, (VectorFileError, FileNotFoundError)):
            raise
        raise VectorFileError(path, f"not a readable .npz file: {error}") from error


def load_npy(path: str, keys: Any, copy: bool = False) -> WordVectors:
    """A matrix, mapped unless `copy`, and its words: a list, or a text file with one word per line."""
    if keys is None:
        raise VectorFileError(path, "an .npy file holds no words: give them as keys=")
    words = read_keys(keys) if isinstance(keys, (str, bytes, os.PathLike)) else list(keys)
    try:
        if copy:
            return checked(path, np.load(path, allow_pickle=False), words)
        with open(path, "rb") as file:
            mapped = MappedFile(path, file.fileno())
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
        mapped.check()
    except (ValueError, EOFError, SyntaxError) as error:
        raise VectorFileError(path, f"not a readable .npy file: {error}") from error
    vectors = checked(path, matrix, words)
    if np.may_share_memory(vectors.vectors, matrix):  # not a copy in float32
        vectors._mapped = mapped
    return vectors


def read_keys(path: Any) -> list[str]:
    """One word per line (LF or CRLF), UTF-8."""
    return [line.rstrip("\n").removesuffix("\r") for line in text_lines_of(path)]


def checked(path: str, matrix: np.ndarray, words: Sequence[Any]) -> WordVectors:
    """The vectors, after a look at shapes, types and values."""
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise VectorFileError(
            path, f"a matrix of numbers expected, found shape {matrix.shape}, dtype {matrix.dtype}"
        )
    if matrix.dtype not in (np.float16, np.float32):
        with np.errstate(over="ignore"):
            matrix = matrix.astype(np.float32)
    if len(words) != len(matrix):
        raise VectorFileError(path, f"{len(words)} words for {len(matrix)} vectors")
    for row, word in enumerate(words):
        if not isinstance(word, str):
            raise VectorFileError(path, f"words[{row}] = {word!r} is no str")
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise VectorFileError(path, f"the vector of {words[row]!r} (row {row}) is not finite")
    try:
        return WordVectors(list(words), matrix)
    except ValueError as error:
        raise VectorFileError(path, str(error)) from error
