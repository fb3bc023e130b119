"""What users give as numbers, as arrays: nested lists, tensors of PyTorch; and arrays that begin with a cache
line. It imports nothing of ours.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

MAPPED_BYTES = 256 << 20
"""Members of model files from this size on are not read but mapped: all processes share one copy."""

LINE = 64
"""Bytes of a cache line. NumPy's own arrays begin 16 bytes behind one, so that each vector of 64 bytes lies
across two lines: an update by Adam takes up to a third longer."""


def aligned_zeros(shape: Sequence[int], dtype: Any = np.float32) -> np.ndarray:
    """Zeros that begin with a cache line. As of np.zeros, pages take memory once they are written.
    MemoryError that says how many bytes are needed where no machine has them.
    """
    shape = tuple(shape)
    size = np.dtype(dtype).itemsize * math.prod(shape)
    if size > sys.maxsize - LINE:
        raise MemoryError(f"an array of shape {shape} needs {size:,} bytes")
    room = np.zeros(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size].view(dtype).reshape(shape)


def aligned_copy(array: np.ndarray) -> np.ndarray:
    """A copy in C order that begins with a cache line."""
    copy = aligned_zeros(array.shape, array.dtype)
    copy[...] = array
    return copy


def numbers(argument: str, value: Any) -> np.ndarray:
    """`value` as an array of numbers; TypeError or ValueError that names `argument` otherwise.

    Parameters of PyTorch are tensors that require gradients: they are detached from these. Its bfloat16,
    which NumPy does not have, is read as float32.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    array = rectangular(argument, value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{argument}: numbers were expected. Received an array of dtype {array.dtype}")
    return array


def rectangular(argument: str, value: Any) -> np.ndarray:
    """`value` as an array of any dtype; ValueError that names `argument` for rows of unequal length."""
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{argument}: rows of unequal length cannot form an array") from None


def check_finite(argument: str, matrix: np.ndarray) -> None:
    """ValueError that names the first element which is NaN or infinite. Looks at blocks: no second matrix in
    memory.
    """
    block = max(1, (1 << 20) // max(1, matrix.shape[1]))
    for start in range(0, len(matrix), block):
        rows = matrix[start : start + block]
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(rows.sum()):
                continue
        wrong = np.argwhere(~np.isfinite(rows))
        if len(wrong):
            row, column = (int(part) for part in wrong[0])
            raise ValueError(
                f"{argument}[{start + row}, {column}] = {rows[row, column]}: only finite numbers are allowed"
            )
