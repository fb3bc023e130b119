"""Batches, buckets and windows, as generators over the elements of a source (see streams)."""

from __future__ import annotations

import operator
import sys
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from embedcnn.data.streams import Path, Source, opened
from embedcnn.data.structure import call, leaves, map_leaves, stack, stack_leaf
from embedcnn.data.workers import add_position

Stack = Callable[[Sequence[Any], int], Any]


def batched(source: Source, path: Path, size: int, drop: bool, together: Stack) -> Iterator[Any]:
    """`size` elements put together; the last batch may be smaller unless `drop`."""
    position = 0
    size = min(size, sys.maxsize)
    with opened(source, path) as elements:
        while len(some := list(islice(elements, size))) == size:
            yield together(some, position)
            position += size
    if some and not drop:
        yield together(some, position)


def gathered(table: Any, index: Source, path: Path, size: int, drop: bool) -> Iterator[Any]:
    """Batches of rows of a table: one gather per leaf instead of one slice per row."""

    def gather(rows: Sequence[int], _: int) -> Any:
        where = np.array(rows, np.int64)
        return map_leaves(
            lambda leaf: (
                leaf[where] if isinstance(leaf, np.ndarray) else stack_leaf([leaf[row] for row in rows], 0)
            ),
            table,
        )

    return batched(index, path, size, drop, gather)


def first_size(part: Any) -> int | None:
    """The first dimension of a leaf; None for a number or a text."""
    if isinstance(part, str | bytes) or not hasattr(part, "__len__") or getattr(part, "shape", None) == ():
        return None
    return len(part)


def unbatched(source: Source, path: Path) -> Iterator[Any]:
    """The rows of every element, one by one."""
    with opened(source, path) as elements:
        for position, element in enumerate(elements):
            parts = leaves(element)
            sizes = {first_size(part) for part in parts}
            size = sizes.pop() if len(sizes) == 1 else None
            if size is None:
                found = [getattr(part, "shape", type(part).__name__) for part in parts]
                raise ValueError(
                    f"unbatch: element {position} has no common first dimension; its parts are {found}"
                )
            for row in range(size):
                yield map_leaves(operator.itemgetter(row), element)


def bucketed(
    source: Source,
    path: Path,
    length: Callable[..., Any],
    boundaries: Sequence[int],
    sizes: Sequence[int],
    together: Callable[[Sequence[Any], int, int], Any],
    drop: bool,
) -> Iterator[Any]:
    """Batches of elements of similar length; bucket i holds boundaries[i - 1] <= length < boundaries[i]."""
    buckets: list[list[Any]] = [[] for _ in sizes]
    with opened(source, path) as elements:
        for position, element in enumerate(elements):
            try:
                number = bisect_right(boundaries, int(call(length, element)))
            except Exception as error:
                add_position(error, "bucket_by_sequence_length", position)
                raise
            bucket = buckets[number]
            bucket.append(element)
            if len(bucket) == sizes[number]:
                buckets[number] = []
                yield together(bucket, position, number)
    if not drop:
        for number, bucket in enumerate(buckets):
            if bucket:
                yield together(bucket, 0, number)


def windowed(
    source: Source, path: Path, size: int, shift: int, stride: int, drop: bool
) -> Iterator[list[Any]]:
    """Lists of `size` elements, `stride` apart; the next window starts `shift` elements later."""
    span = (size - 1) * stride + 1
    buffer: deque[Any] = deque()
    with opened(source, path) as elements:
        while True:
            while len(buffer) < span:
                try:
                    buffer.append(next(elements))
                except StopIteration:
                    break
            if not buffer or (drop and len(buffer) < span):
                return
            yield list(buffer)[::stride]
            missing = shift - len(buffer)
            for _ in range(min(shift, len(buffer))):
                buffer.popleft()
            for _ in range(missing):
                if next(elements, opened) is opened:  # any object that is no element
                    return


def by_leaf(elements: list[Any]) -> Any:
    """A window's elements as one structure of lists, as tf.data has one data set per leaf."""
    if isinstance(elements[0], tuple):
        return tuple(by_leaf([element[i] for element in elements]) for i in range(len(elements[0])))
    if isinstance(elements[0], dict):
        return {key: by_leaf([element[key] for element in elements]) for key in elements[0]}
    return elements


__all__ = ["batched", "bucketed", "by_leaf", "gathered", "stack", "unbatched", "windowed"]
