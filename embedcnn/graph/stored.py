"""Tables stored in fewer bits than they are computed with: float16, bfloat16, int8 with a scale a row.

A StoredVariable is a Variable whose `value` holds the stored rows; all else of it is float32. Halves can
learn: rows that a step touches are computed in float32 and rounded, by chance ("stochastic") or as the
nearest of a float32 master that is kept of each touched row ("master").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.arrays import aligned_zeros, numbers
from .variables import Variable, mark_changed

if TYPE_CHECKING:
    from ..layers.base import Layer

STORAGE_DTYPES = ("float32", "float16", "bfloat16", "int8")
ROUNDINGS = ("stochastic", "master")
ARRAY_DTYPES = {"float16": np.float16, "bfloat16": np.uint16, "int8": np.int8}
"""What NumPy has of them: bfloat16 as its bits."""
LARGEST_HALF = 65504.0
LARGEST = {"float16": LARGEST_HALF, "bfloat16": 255 * 2.0**120}
"""The largest numbers of halves; what is not nearer to it than to the next power of two is beyond them."""
_AT_ONCE = 1 << 22  # values that are converted in one go


def encoded(dtype: str, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, int]:
    """The rows of a float32 matrix as they are stored, rounded to nearest, the scales of int8, and how many
    finite numbers were beyond the range of halves and became their largest. Halves keep what is infinite or
    NaN; a matrix for int8 has only finite numbers (`first_unfit` tells).

    >>> rows, scales, _ = encoded("int8", np.array([[1.0, -2.0], [0.0, 0.0]], np.float32))
    >>> rows.tolist(), decoded("int8", rows, scales)[:, 1].tolist()
    ([[64, -127], [0, 0]], [-2.0, 0.0])
    """
    rows = aligned_zeros(matrix.shape, ARRAY_DTYPES[dtype], scattered=True)
    scales = np.zeros(len(matrix), np.float32) if dtype == "int8" else None
    overflow = 0
    step = max(1, _AT_ONCE // max(1, matrix.shape[1]))
    for first in range(0, len(matrix), step):
        part = np.ascontiguousarray(matrix[first : first + step], np.float32)
        if scales is not None:
            scale = scales[first : first + step] = np.abs(part).max(axis=1, initial=0) / np.float32(127)
            stored: Any = np.rint(part / np.where(scale > 0, scale, 1)[:, None]).clip(-127, 127)
        elif dtype == "bfloat16":
            bits = part.view(np.uint32)
            stored = (bits + (0x7FFF + (bits >> 16 & 1))) >> 16
            if not _all_within(dtype, part):
                stored[np.isnan(part)] = 0x7FC0
                over = _beyond(dtype, part)
                overflow += int(np.count_nonzero(over))
                stored[over] -= 1  # infinity to what lies before it
        else:
            stored = part
            if not _all_within(dtype, part):
                over = _beyond(dtype, part)
                overflow += int(np.count_nonzero(over))
                stored = np.where(over, np.copysign(np.float32(LARGEST_HALF), part), part)
        rows[first : first + step] = stored
    return rows, scales, overflow


def _least_beyond(dtype: str) -> float:
    """What lies in the middle between the largest number and the power of two after it."""
    return 65520.0 if dtype == "float16" else 511 * 2.0**119


def _all_within(dtype: str, part: np.ndarray) -> bool:
    """Whether all numbers are finite and in the range of halves."""
    limit = _least_beyond(dtype)
    return not part.size or bool(part.max() < limit and part.min() > -limit)  # False of NaN


def _beyond(dtype: str, part: np.ndarray) -> np.ndarray:
    """Which numbers are finite and beyond the range of halves."""
    return np.isfinite(part) & (np.abs(part) >= _least_beyond(dtype))


def first_unfit(dtype: str, matrix: np.ndarray) -> tuple[int, int, int] | None:
    """How many numbers of a matrix cannot be stored in this dtype, and row and column of the first; None
    where all can. Finite ones beyond the range of halves cannot, in int8 those that are not finite.

    >>> first_unfit("float16", np.array([[1.0, 7e4], [8e4, np.inf]], np.float32))
    (2, 0, 1)
    """
    count, first = 0, (0, 0)
    step = max(1, _AT_ONCE // max(1, matrix.shape[1]))
    for begin in range(0, len(matrix), step):
        part = np.asarray(matrix[begin : begin + step], np.float32)
        if dtype == "int8":
            unfit = ~np.isfinite(part)
        elif _all_within(dtype, part):
            continue
        else:
            unfit = _beyond(dtype, part)
        found = int(np.count_nonzero(unfit))
        if found and not count:
            row, column = (int(place) for place in np.unravel_index(np.argmax(unfit), unfit.shape))
            first = begin + row, column
        count += found
    return (count, *first) if count else None


def refuse_unfit(dtype: str, matrix: np.ndarray, name: str) -> None:
    """ValueError that names the first number of a matrix which cannot be stored in this dtype."""
    found = first_unfit(dtype, matrix)
    if found is None:
        return
    count, row, column = found
    place = f"{name}[{row}, {column}] = {matrix[row, column]:g}"
    if dtype == "int8":
        raise ValueError(f"{place}: a table of int8 holds finite numbers only; {count} are not")
    remedy = "Use storage_dtype='bfloat16', or scale them" if dtype == "float16" else "Scale them"
    raise ValueError(
        f"{count} numbers are beyond the range of {dtype}, {LARGEST[dtype]:g}; the first is {place}. {remedy}"
    )


def decoded(dtype: str, rows: np.ndarray, scales: np.ndarray | None = None) -> np.ndarray:
    """Stored rows as float32."""
    if dtype == "bfloat16":
        return (rows.astype(np.uint32) << 16).view(np.float32)
    values = rows.astype(np.float32)
    if scales is not None:
        values *= scales[:, None]
    return values


class StoredVariable(Variable):
    """A table in fewer bits; `numpy()`, `assign` and `get_weights` have it in float32.

    >>> import embedcnn
    >>> table = embedcnn.layers.Embedding(4, 2, storage_dtype="float16").embeddings
    >>> table.dtype, table.numpy().dtype.name, table.nbytes
    ('float16', 'float32', 16)
    """

    __slots__ = ("mastered", "masters", "rounding", "scales", "storage_dtype")

    def __init__(
        self,
        name: str,
        rows: np.ndarray,
        scales: np.ndarray | None,
        layer: Layer,
        dtype: str,
        rounding: str,
        shared: bool = False,
    ) -> None:
        super().__init__(name, rows, layer, shared=shared)
        self.storage_dtype, self.rounding, self.scales = dtype, rounding, scales
        self.masters: np.ndarray | None = None
        self.mastered: np.ndarray | None = None

    @property
    def dtype(self) -> str:
        """In what it is stored."""
        return self.storage_dtype

    @property
    def trainable(self) -> bool:
        """Whether it learns: halves of a layer that does; int8 never."""
        return self.storage_dtype != "int8" and super().trainable

    @property
    def nbytes(self) -> int:
        """The memory of the stored rows and their scales."""
        return self.value.nbytes + (0 if self.scales is None else self.scales.nbytes)

    def numpy(self) -> np.ndarray:
        """The table in float32, a new array."""
        return decoded(self.storage_dtype, self.value, self.scales)

    def read(self) -> np.ndarray:
        """The table in float32, a new array."""
        return self.numpy()

    def learnt(self, rows: np.ndarray) -> np.ndarray:
        """Some rows of halves in float32: their masters where they have one."""
        read = self.of_rows(self.value[rows])
        if self.masters is None or self.mastered is None:
            return read
        return np.where(self.mastered[rows][:, None] != 0, self.masters[rows], read)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.numpy(), dtype=dtype or np.float32)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.storage_dtype}>"

    def assign(self, value: Any) -> Variable:
        """Stores `value`, rounded to nearest; ValueError, with nothing written, unless it has the variable's
        shape and its numbers are in the range of float16 or bfloat16, for int8 finite.
        """
        self.refuse_in_call("assign")
        array = numbers(f"{self.path}", value)
        if array.shape != self.shape:
            raise ValueError(
                f"The shape of {self.path} is {self.shape}. Received a value of shape {array.shape}"
            )
        array = np.asarray(array, np.float32)
        self.refuse_unfit(array)
        self.replace(self.as_stored(array))
        return self

    def refuse_unfit(self, array: np.ndarray, name: str | None = None) -> None:
        """ValueError where a number cannot be stored; rows that are stored so already can."""
        if array.dtype != ARRAY_DTYPES[self.storage_dtype]:
            refuse_unfit(self.storage_dtype, array, name or self.path)

    def as_stored(self, array: np.ndarray) -> np.ndarray:
        """Numbers as they will be kept (`refuse_unfit` comes before), or rows that are stored so already, as
        `snapshot` gives them; forgets the masters, which were those of the rows before.
        """
        if array is self.value:
            return array
        rows = array
        if array.dtype != ARRAY_DTYPES[self.storage_dtype]:
            rows, self.scales, _ = encoded(self.storage_dtype, np.asarray(array, np.float32))
        self.forget_masters()
        return rows

    def as_rows(self, rows: np.ndarray) -> np.ndarray:
        """Some rows in float32 as the table keeps them, rounded to nearest; of halves."""
        return encoded(self.storage_dtype, rows)[0]

    def of_rows(self, rows: np.ndarray) -> np.ndarray:
        """Some rows as the table keeps them in float32; of halves."""
        return decoded(self.storage_dtype, rows)

    def forget_masters(self) -> None:
        """Forgets the masters: the rows are about to be others."""
        mark_changed()  # before too: a signal may come between
        self.masters = self.mastered = None
        mark_changed()

    def snapshot(self) -> np.ndarray:
        """The present value in float32, safe from later steps; the rows themselves (then shared) where none
        learns.
        """
        if self.trainable:
            return self.numpy()
        if not self.shared:
            self.shared = True
            mark_changed()
        return self.value

    def with_rows(self, rows: np.ndarray) -> None:
        """Adds rows behind the table; ValueError for numbers that it cannot hold."""
        self.refuse_unfit(rows, "vectors")
        more, scales, _ = encoded(self.storage_dtype, rows)
        if self.scales is not None and scales is not None:
            self.scales = np.concatenate([self.scales, scales])
        self.forget_masters()
        self.replace(np.concatenate([self.value, more]))

    def in_core(self, learns: bool) -> tuple[Any, ...]:
        """`stored` of `_core.Program.bind`; makes the masters where they are needed first."""
        if learns and self.rounding == "master" and self.masters is None:
            self.masters = np.zeros(self.shape, np.float32)  # pages that are written only take memory
            self.mastered = np.zeros(self.shape[0], np.uint8)
        return self.storage_dtype, self.value, self.scales, self.mastered if learns else None
