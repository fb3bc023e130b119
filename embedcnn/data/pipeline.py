"""The base of `Dataset`: passes, epochs, number of elements.

A data set is a recipe: `start(path)` makes an iterator over one pass. Iterating counts epochs, and the
epoch's number is the path's first part, so that the order of epoch k is a function of (seed, k) and training
can resume anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from embedcnn.base.named_objects import named_object
from embedcnn.data.streams import Path
from embedcnn.data.structure import map_leaves

if TYPE_CHECKING:
    from embedcnn.data.dataset import Dataset

INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2


class DatasetIterator:
    """One pass over a `Dataset`; `close()` (or leaving a with block, or dropping it) ends its threads and
    files.

    >>> from embedcnn.data import Dataset
    >>> with iter(Dataset.range(100).prefetch(4)) as numbers:
    ...     next(numbers)
    0
    """

    def __init__(self, elements: Iterator[Any]) -> None:
        self._elements = elements
        self._lock = threading.Lock()

    def __iter__(self) -> DatasetIterator:
        return self

    def __next__(self) -> Any:
        with self._lock:  # threads may share an iterator, as in tf.data
            return next(self._elements)

    def close(self) -> None:
        """End this pass: no further element, threads ended, files closed."""
        close = getattr(self._elements, "close", None)
        if close is not None:
            close()
        self._elements = iter(())

    def __enter__(self) -> DatasetIterator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Pipeline:
    """Passes over elements; see `Dataset`."""

    def __init__(
        self,
        start: Callable[[Path], Iterator[Any]],
        cardinality: int = UNKNOWN_CARDINALITY,
        rows: Any = None,
        lasting: bool = False,
    ) -> None:
        self._start = start
        self._cardinality = cardinality
        # (table, data set of row numbers) where every element is a row of a table in memory
        self._rows = rows
        # whether nobody writes into the arrays of an element once it was given out: no need to copy them
        self.lasting = lasting
        # of the result of `map`: how to make it with its function changed
        self._guarded: Callable[[Any], Dataset] | None = None
        self.ignored_errors: list[str] = []
        """What `ignore_errors` left out in its last complete pass, a message for each element."""
        self._epoch = self._takes = 0
        self._lock = threading.Lock()

    def start(self, path: Path) -> Iterator[Any]:
        """One pass, without counting an epoch (used by the data sets built on this one)."""
        return self._start(path)

    def _derive(
        self,
        start: Callable[[Path], Iterator[Any]],
        cardinality: int = UNKNOWN_CARDINALITY,
        lasting: bool = False,
    ) -> Dataset:
        result = named_object("embedcnn.data.dataset:Dataset")(start, cardinality, lasting=lasting)
        result.ignored_errors = self.ignored_errors
        return result

    def _reorder(self, operation: Callable[[Pipeline], Dataset]) -> Dataset:
        """An operation that looks at no element: on a table's row numbers where there is a table."""
        if self._rows is None:
            return operation(self)
        table, index = self._rows
        return named_object("embedcnn.data.dataset:rows_of")(table, operation(index))

    def __iter__(self) -> DatasetIterator:
        with self._lock:
            epoch = self._epoch
            self._epoch += 1
        return self.iterate(epoch)

    def iterate(self, epoch: int) -> DatasetIterator:
        """An iterator over epoch `epoch` (from 0); the count of epochs stays. ValueError for a negative
        epoch.

        >>> from embedcnn.data import Dataset
        >>> numbers = Dataset.range(8).shuffle(8, seed=3)
        >>> first, second = list(numbers), list(numbers)
        >>> first != second, list(numbers.iterate(epoch=1)) == second
        (True, True)
        """
        return DatasetIterator(self.start((checked_epoch(epoch),)))

    @property
    def epoch(self) -> int:
        """The number of the next epoch; set it to resume. The order of epoch k depends on (seed, k) alone.

        Every data set counts its own passes: one derived from it starts at 0 again, but each further `take`
        one later, so that `for x in shuffled.take(1)` shows something else each time, as in tf.data.
        """
        return self._epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch = checked_epoch(value)

    def as_numpy_iterator(self) -> DatasetIterator:
        """An iterator whose numbers are NumPy's; texts stay str. TypeError for windows. tf.data's name.

        >>> from embedcnn.data import Dataset
        >>> [type(x).__name__ for x in Dataset.from_tensors(2.5).as_numpy_iterator()]
        ['float64']
        """

        def convert(value: Any) -> Any:
            if isinstance(value, Pipeline):
                raise TypeError("as_numpy_iterator: elements are windows; flat_map them into batches first")
            return np.asarray(value)[()] if isinstance(value, bool | int | float | list) else value

        return DatasetIterator(map_leaves(convert, element) for element in iter(self))

    def cardinality(self) -> int:
        """Number of elements, INFINITE_CARDINALITY (-1) or UNKNOWN_CARDINALITY (-2). tf.data's name.

        >>> from embedcnn.data import Dataset
        >>> Dataset.range(10).batch(4).cardinality(), Dataset.range(3).repeat().cardinality()
        (3, -1)
        """
        return self._cardinality

    def __len__(self) -> int:
        if self._cardinality == INFINITE_CARDINALITY:
            raise TypeError("the data set is infinite; len() needs a finite one, as .take(n)")
        if self._cardinality == UNKNOWN_CARDINALITY:
            raise TypeError("the number of elements is unknown before they are read; count them with .reduce")
        return self._cardinality

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        count = {INFINITE_CARDINALITY: "infinitely many", UNKNOWN_CARDINALITY: "an unknown number of"}
        return f"<Dataset of {count.get(self._cardinality, self._cardinality)} elements>"


def checked_epoch(epoch: int) -> int:
    """A non-negative int."""
    return checked_integer(epoch, "epoch", 0)


def checked_integer(value: Any, argument: str, least: int, meaning: str = "") -> int:
    """An int of at least `least`, or ValueError that names the argument."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(
            f"`{argument}` must be an integer of at least {least}{meaning}. Received: {argument}={value!r}"
        )
    return int(value)


def checked_callable(function: Any, argument: str) -> Any:
    """A callable, or TypeError that names the argument."""
    if not callable(function):
        raise TypeError(f"`{argument}` must be a function. Received: {argument}={function!r}")
    return function


def checked_source(value: Any, argument: str) -> Any:
    """A Dataset, or TypeError that names the argument."""
    if not isinstance(value, Pipeline):
        raise TypeError(f"{argument} must be a Dataset. Received: {type(value).__name__}")
    return value
