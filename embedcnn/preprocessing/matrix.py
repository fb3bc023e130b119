"""Ragged ids to a matrix with a column for each id."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedcnn.ragged import Ragged

__all__ = ["count_matrix"]


def count_matrix(
    ragged: Ragged, columns: int, mode: str, weights: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.float64]:
    """How often every id below `columns` stands in every sequence, float64 (B, columns), by `mode`.

    Raises ValueError for a mode other than "binary", "count", "freq", "tfidf" (which needs `weights`, one
    for each column), and for negative ids.

    >>> count_matrix(Ragged([1, 1, 2], [0, 3]), 3, "freq").round(2)
    array([[0.  , 0.67, 0.33]])
    """
    if not isinstance(mode, str) or mode not in ("binary", "count", "freq", "tfidf"):
        raise ValueError(
            f'`mode`: Unknown vectorization mode: {mode!r} is none of "binary", "count", "freq", "tfidf"'
        )
    ids = ragged.ids
    if len(ids) and ids.min() < 0:
        raise ValueError(f"the sequences hold a negative id, {ids.min()}")
    rows = np.repeat(np.arange(len(ragged)), ragged.lengths)
    counted = ids < columns
    cells = rows[counted] * columns + ids[counted]
    matrix = (
        np.bincount(cells, minlength=len(ragged) * columns).astype(np.float64).reshape(len(ragged), columns)
    )
    if mode == "binary":
        np.minimum(matrix, 1, out=matrix)
    elif mode == "freq":
        matrix /= np.maximum(ragged.lengths, 1)[:, None]
    elif mode == "tfidf":
        present = matrix > 0
        np.log(matrix, out=matrix, where=present)
        np.add(matrix, 1, out=matrix, where=present)
        assert weights is not None
        matrix *= weights
    return matrix
