"""Windows over arrays: series of numbers, or the ids of one long text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from embedcnn.base.arguments import integer, optional
from embedcnn.base.arrays import rectangular
from embedcnn.base.checked import checked
from embedcnn.data.dataset import Dataset
from embedcnn.data.pipeline import checked_integer
from embedcnn.data.streams import Path, opened


@checked
def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> Dataset:
    """Batches of windows over `data`, shape (batch, sequence_length, ...), with the targets of their first
    positions.

    A window starts every `sequence_stride` rows and takes every `sampling_rate`-th row; incomplete windows
    are left out. `targets[i]` belongs to the window that starts at row i; None gives windows alone.
    `batch_size=None` gives single windows. `shuffle` mixes all windows anew each epoch. `start_index` and
    `end_index` (excluded) bound the rows used. ValueError where no complete window fits. The name and
    arguments are Keras's.

    >>> numbers = np.arange(6)
    >>> for x, y in timeseries_dataset_from_array(numbers, numbers * 10, sequence_length=3, batch_size=2):
    ...     print(x.tolist(), y.tolist())
    [[0, 1, 2], [1, 2, 3]] [0, 10]
    [[2, 3, 4], [3, 4, 5]] [20, 30]
    """
    rows = data if isinstance(data, np.ndarray) and data.ndim else rectangular("data", data)
    if rows.ndim == 0 or rows.dtype == object or not len(rows):
        raise ValueError(
            f"`data` must be an array of numbers with at least one dimension. Received: data={data!r}"
        )
    goals = None if targets is None else rectangular("targets", targets)
    seed = optional(integer, "seed", seed, 0)
    length = checked_integer(sequence_length, "sequence_length", 1)
    rate = checked_integer(sampling_rate, "sampling_rate", 1)
    size = None if batch_size is None else checked_integer(batch_size, "batch_size", 1)
    first, last = bounds(len(rows), start_index, end_index)
    count = last - first - (length - 1) * rate
    if goals is not None and goals.ndim == 0:
        raise ValueError(f"`targets` must be one target per row. Received: targets={targets!r}")
    if goals is not None:
        count = min(count, len(goals[first:last]))
    if count < 1:
        raise ValueError(
            f"sequence_length: a window of {length} rows, {rate} apart, does not fit into the {last - first} "
            f"rows from {first} to {last}" + ("" if goals is None else f" with {len(goals)} targets")
        )
    starts = Dataset.range(first, first + count, checked_integer(sequence_stride, "sequence_stride", 1))
    starts = starts.shuffle(seed=seed) if shuffle else starts
    batches = starts if size is None else starts.batch(size)
    offsets = np.arange(length) * rate

    def start(path: Path) -> Iterator[Any]:
        with opened(batches, path) as positions:
            for at in positions:
                x = rows[np.asarray(at)[..., np.newaxis] + offsets]
                yield x if goals is None else (x, goals[at])

    return Dataset(start, batches.cardinality())


def bounds(count: int, start_index: int | None, end_index: int | None) -> tuple[int, int]:
    """First row and the row behind the last, or ValueError."""
    first = 0 if start_index is None else checked_integer(start_index, "start_index", 0)
    last = count if end_index is None else checked_integer(end_index, "end_index", 1)
    if first >= count:
        raise ValueError(
            f"`start_index` must be an integer below the number of rows, {count}. "
            f"Received: start_index={first}"
        )
    if not first < last <= count:
        raise ValueError(f"`end_index` must be an integer in ({first}, {count}]. Received: end_index={last}")
    return first, last
