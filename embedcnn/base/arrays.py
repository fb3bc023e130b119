"""What users give as numbers, as arrays: nested lists, tensors of PyTorch; and arrays that begin with a cache
line; what new weights start with. It imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import mmap
import sys
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

MAPPED_BYTES = 256 << 20
"""Members of model files from this size on are not read but mapped: all processes share one copy."""

LINE = 64
"""Bytes of a cache line. NumPy's own arrays begin 16 bytes behind one, so that each vector of 64 bytes lies
across two lines: an update by Adam takes up to a third longer."""


HUGE_PAGE = 2 << 20
PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
"""Shared memory, which Python maps unless told otherwise, has small pages only."""


class Pages(mmap.mmap):
    """Memory of no file, which cannot be cut short (mapped_pages.py)."""


def aligned_zeros(shape: Sequence[int], dtype: Any = np.float32, scattered: bool = False) -> np.ndarray:
    """Zeros that begin with a cache line. As of np.zeros, pages take memory once they are written.
    MemoryError that says how many bytes are needed where no machine has them.

    `scattered`: of rows that are read all over, in huge pages where the system has them and the array fills
    some: small ones, the processor must find anew for nearly each row.
    """
    shape = tuple(shape)
    size = np.dtype(dtype).itemsize * math.prod(shape)
    if size > sys.maxsize - LINE - HUGE_PAGE:
        raise MemoryError(f"an array of shape {shape} needs {size:,} bytes")
    if scattered and size >= 2 * HUGE_PAGE:
        room, line = _huge_pages(size), HUGE_PAGE
    else:
        room, line = np.zeros(size + LINE, np.uint8), LINE
    start = -room.ctypes.data % line
    return room[start : start + size].view(dtype).reshape(shape)


def table_zeros(shape: Sequence[int]) -> np.ndarray:
    """float32 zeros of rows that are read all over."""
    return aligned_zeros(shape, scattered=True)


def _huge_pages(size: int) -> np.ndarray:
    try:
        pages = Pages(-1, size + HUGE_PAGE, **PRIVATE)
    except OSError as error:
        raise MemoryError(f"{size:,} bytes: {error}") from None
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a wish: where it is refused, pages are small as ever
            pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.uint8)


def aligned_copy(array: np.ndarray, scattered: bool = False) -> np.ndarray:
    """A copy in C order that begins with a cache line, in huge pages where it is `scattered`."""
    copy = aligned_zeros(array.shape, array.dtype, scattered)
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


# -- what new weights start with -----------------------------------------------------------------------------
# each thread has its own: one that loads a model does not touch the weights that another makes
_budget: ContextVar[list[int] | None] = ContextVar("budget", default=None)


@contextlib.contextmanager
def deferred(size: int) -> Iterator[None]:
    """Within this context, and in this thread only, weights start as zeros, without drawing: a file is going
    to fill them.

    `size`: how many bytes the file holds for them; ValueError where a model asks for more.
    """
    token = _budget.set([size])
    try:
        yield
    finally:
        _budget.reset(token)


def deferred_value(shape: Sequence[int], dtype: Any) -> np.ndarray | None:
    """Zeros, where a file is going to fill them; else None."""
    budget = _budget.get()
    if budget is None:
        return None
    budget[0] -= np.dtype(dtype).itemsize * math.prod(shape)
    if budget[0] < 0:
        raise ValueError(f"config.json asks for a weight of shape {tuple(shape)}, more than the file holds")
    return aligned_zeros(shape, dtype)


def values_of_own(call: Callable[..., Any], shape: Sequence[int]) -> np.ndarray:
    """What a function of a shape and, where it takes one, a dtype makes, float32; ValueError for another
    shape, or what is no numbers.
    """
    parameters = inspect.signature(call).parameters.values()
    takes = any(one.name == "dtype" or one.kind is one.VAR_KEYWORD for one in parameters)
    values = np.asarray(call(tuple(shape), dtype="float32") if takes else call(tuple(shape)))
    if values.shape != tuple(shape) or values.dtype.kind not in "fiub":
        raise ValueError(
            f"{call!r} must make numbers of the shape {tuple(shape)}. Received: shape {values.shape}, "
            f"dtype {values.dtype}"
        )
    return aligned_copy(values.astype(np.float32))
