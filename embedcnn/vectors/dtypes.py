"""Word vectors in another floating-point type."""

from __future__ import annotations

import numpy as np

from .word_vectors import WordVectors


def converted(vectors: WordVectors, dtype: str) -> WordVectors:
    """The vectors in another dtype; ValueError where a number does not fit."""
    with np.errstate(over="ignore"):
        matrix = vectors.vectors.astype(dtype)
    lost = np.isinf(matrix) & np.isfinite(vectors.vectors)
    if lost.any():
        row = int(np.argwhere(lost)[0][0])
        word = vectors.key_to_index.word(row)
        raise ValueError(f"{int(lost.sum())} numbers are too large for {dtype}; the first is in {word!r}")
    result = WordVectors(vectors.key_to_index, matrix, subwords=vectors.subwords)
    result.source = vectors.source
    return result
