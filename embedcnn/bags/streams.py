"""Texts from wherever they are, block by block, and arrays that grow on disk where memory is short."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import numpy as np

from ..data.lines import text_lines
from ..preprocessing.texts import FILL_GAPS, text_blocks

SPILL = 1 << 30
"""Bytes of arrays that are kept in memory while texts stream in."""


def blocks_of(texts: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """(number of the first text, texts) of a list or column at once, of anything else block by block.

    A path (os.PathLike, or the str of a file that there is) stands for its lines. Raises TypeError for
    another str, and what holds no texts.
    """
    if isinstance(texts, os.PathLike) or (isinstance(texts, str) and os.path.isfile(texts)):
        texts = text_lines(os.fspath(texts))
    return text_blocks(texts, remedy=FILL_GAPS)


class Spool:
    """Arrays of the same dtypes, put one behind the other: in memory up to `limit` bytes, then in temporary
    files that vanish with them.

    >>> spool = Spool((np.int32, np.float32), limit=8)
    >>> for part in range(3):
    ...     spool.append(np.arange(part, dtype=np.int32), np.ones(part, np.float32))
    >>> numbers, ones = spool.arrays()
    >>> numbers.tolist(), type(ones).__name__
    ([0, 0, 1], 'memmap')
    """

    def __init__(self, dtypes: Sequence[Any], limit: int) -> None:
        self._dtypes = [np.dtype(dtype) for dtype in dtypes]
        self._parts: list[list[np.ndarray]] = [[] for _ in dtypes]
        self._files: list[IO[bytes]] = []
        self._bytes = 0
        self._limit = limit

    def append(self, *arrays: np.ndarray) -> None:
        """Puts an array behind those of each dtype."""
        for parts, array, dtype in zip(self._parts, arrays, self._dtypes, strict=True):
            parts.append(array.astype(dtype, copy=False))
            self._bytes += array.nbytes
        if self._bytes > self._limit:
            self._write()

    def _write(self) -> None:
        if not self._files:
            self._files = [tempfile.TemporaryFile() for _ in self._dtypes]  # noqa: SIM115  # closed in arrays
        for parts, file in zip(self._parts, self._files, strict=True):
            for part in parts:
                part.tofile(file)
            parts.clear()
        self._bytes = 0

    def arrays(self) -> list[np.ndarray]:
        """All that was appended, read-only: an array of each dtype, mapped from a file if it was spilled."""
        if self._files:
            self._write()
        found: list[np.ndarray] = []
        for number, dtype in enumerate(self._dtypes):
            parts = self._parts[number]
            if self._files:
                file = self._files[number]
                file.flush()
                size = os.fstat(file.fileno()).st_size
                array = np.memmap(file, dtype, "r") if size else np.zeros(0, dtype)
                file.close()  # the mapping keeps it
            else:
                array = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, dtype), *parts])
            array.flags.writeable = False
            found.append(array)
        self._files = []
        return found


class BagSpool:
    """Bags of successive texts, put together: (offsets, ids, counts)."""

    def __init__(self, limit: int) -> None:
        self._offsets = [np.zeros(1, np.int64)]
        self._pairs = Spool((np.int32, np.float32), limit)

    def append(self, offsets: np.ndarray, ids: np.ndarray, counts: np.ndarray) -> None:
        """Bags of further texts."""
        self._offsets.append(offsets[1:] + self._offsets[-1][-1])
        self._pairs.append(ids, counts)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The three arrays, read-only."""
        offsets = np.concatenate(self._offsets)
        offsets.flags.writeable = False
        ids, counts = self._pairs.arrays()
        return offsets, ids, counts


class CodeSpool:
    """The codes that a census of the core kept, taken from it whenever they fill `limit` bytes."""

    def __init__(self, census: Any, limit: int) -> None:
        self._census, self._limit = census, limit
        self._spool = Spool((np.int32, np.int64), 0)
        self._sizes: list[tuple[int, int]] = []

    def make_room(self, last: bool = False) -> None:
        """Takes what the census holds if that is too much, or, at the end, if there is more already."""
        if self._sizes if last else self._census.kept_bytes() > self._limit:
            codes, ends = self._census.take()
            self._spool.append(codes, ends)
            self._sizes.append((len(codes), len(ends)))

    def bags(self, limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The bags of all texts, once the census is ranked."""
        made = BagSpool(limit)
        self.make_room(last=True)
        if not self._sizes:
            made.append(*self._census.bags())
            return made.arrays()
        codes, ends = self._spool.arrays()
        first, second = 0, 0
        for code_count, end_count in self._sizes:
            block = codes[first : first + code_count], ends[second : second + end_count]
            made.append(*self._census.bags(*block))
            first, second = first + code_count, second + end_count
        return made.arrays()


def read_blocks(
    core: Any, texts: Iterable[Any], limit: int, done: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The bags of texts by the core's features; `done` checks what it returned."""
    made = BagSpool(limit)
    for first, block in blocks_of(texts):
        made.append(*done(core.read(block, first), block, first))
    return made.arrays()
