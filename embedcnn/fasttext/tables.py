"""The matrices of a model in training: rows as the core wants them, and as a file has them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from embedcnn import _core
from embedcnn.base.arrays import aligned_zeros

FLOATS_PER_LINE = 16
ROWS_AT_ONCE = 1 << 16
START = 0.5
"""What the output of a folded model starts with, on its diagonal."""


def stride_of(width: int) -> int:
    """Floats of a row in memory, so that it lies on as few cache lines as it can; at least two."""
    width = max(width, 2)
    if width <= FLOATS_PER_LINE:
        return 1 << (width - 1).bit_length()
    return -(-width // FLOATS_PER_LINE) * FLOATS_PER_LINE


def scattered(rows: int, stride: int) -> np.ndarray:
    """float32 zeros (rows, stride), in huge pages where the system has them: rows are read all over."""
    _check_memory(rows * stride * 4)
    return aligned_zeros((rows, stride), scattered=True)


def _check_memory(size: int) -> None:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return
    if size > total:
        raise MemoryError(
            f"the table of words and n-grams needs {size / 1e9:.1f} GB, this machine has {total / 1e9:.1f}: "
            "give a smaller `dim` (without one, rows have a float for each label) or `bucket`, "
            "or a larger `minCount`"
        )


class Tables:
    """Rows and output of a training; `width` floats of each row are used.

    Folded (`dim` None), a row has a float for each label, or one in all where two labels exclude each other,
    and the output starts as a multiple of the identity; else rows are random and the output zeros.
    """

    def __init__(self, rows: int, labels: int, dim: int | None, loss: str, seed: int, threads: int) -> None:
        self.folded, self.labels = dim is None, labels
        self.single = self.folded and labels == 2 and loss == "softmax"
        self.width = 1 if self.single else dim or labels
        self.rows = scattered(rows, 1 if self.single else stride_of(self.width))
        self.output = np.zeros((1 if self.single else labels, self.rows.shape[1]), np.float32)
        if self.folded:
            np.fill_diagonal(self.output, START * 2**0.5 if self.single else START)
        else:
            _core.fasttext_randomise(self.rows, self.width, seed, threads)

    def finished(self) -> tuple[np.ndarray, np.ndarray]:
        """(input, output) as a file has them; folded, the output is the identity. `rows` are used up."""
        if not self.folded:
            return packed(self.rows, self.width), np.ascontiguousarray(self.output[:, : self.width])
        identity = np.eye(self.labels, dtype=np.float32)
        if self.single:
            half = self.rows[:, 0] * (self.output[0, 0] / 2)
            return np.stack([-half, half], axis=1), identity
        width = self.width
        for first in range(0, len(self.rows), ROWS_AT_ONCE):
            block = self.rows[first : first + ROWS_AT_ONCE, :width]
            block[:] = block @ self.output[:, :width].T
        return packed(self.rows, width), identity


def packed(rows: np.ndarray, width: int) -> np.ndarray:
    """The first `width` columns, contiguous, in the memory of all."""
    if rows.shape[1] == width:
        return rows
    flat: Any = rows.reshape(-1)
    for first in range(0, len(rows), ROWS_AT_ONCE):
        block = rows[first : first + ROWS_AT_ONCE, :width].copy()
        flat[first * width : first * width + block.size] = block.reshape(-1)
    return flat[: len(rows) * width].reshape(len(rows), width)
