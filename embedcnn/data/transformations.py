"""The operations of `Dataset` that take one element at a time, with tf.data's names, arguments and
semantics.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from embedcnn.base.checked import checked
from embedcnn.data import streams
from embedcnn.data.cache_file import filed
from embedcnn.data.ignored_errors import ignore
from embedcnn.data.pipeline import (
    INFINITE_CARDINALITY,
    UNKNOWN_CARDINALITY,
    Pipeline,
    checked_callable,
    checked_integer,
    checked_source,
)
from embedcnn.data.streams import Path, opened
from embedcnn.data.structure import call, map_leaves
from embedcnn.data.workers import AUTOTUNE, PREFETCHED, add_position, parallel_map, run_ahead
from embedcnn.runtime import processors

if TYPE_CHECKING:
    from embedcnn.data.dataset import Dataset


class Transformations(Pipeline):
    """map, filter, shuffle and their like; see `Dataset`."""

    @checked
    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Dataset:
        """Apply `map_func` to every element (a tuple is unpacked into its arguments).

        `num_parallel_calls` threads (AUTOTUNE: as many as processors) help where `map_func` leaves the
        GIL. The order is kept unless `deterministic=False`. An error of `map_func` reaches the caller
        with a note of the element's position.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(4).map(lambda x: x * x, num_parallel_calls=2))
        [0, 1, 4, 9]
        """
        checked_callable(map_func, "map_func")
        return self._mapped(map_func, checked_workers(num_parallel_calls), deterministic is not False)

    def _mapped(self, map_func: Callable[..., Any], count: int, ordered: bool) -> Dataset:
        def start(path: Path) -> Iterator[Any]:
            with opened(self, path) as elements:
                numbered = partial(streams.at_position, path, map_func)
                yield from parallel_map(enumerate(elements), numbered, count, ordered, "map")

        if count == 0:
            start = lambda path: streams.mapped(self, path, map_func)  # noqa: E731
        result = self._derive(start, self._cardinality)
        result._guarded = lambda guard: self._mapped(guard(map_func), count, ordered)
        return result

    @checked
    def ignore_errors(self, log_warning: bool = False, errors: type[Exception] = Exception) -> Dataset:
        """Leave out the elements for which the `map` right before raised one of `errors`. tf.data's name.

        `ignored_errors` of the result are the messages of its last complete pass, one for each element that
        it left out; `log_warning=True` warns at the end of each such pass. The first error is raised where
        no element is left. ValueError unless `map` made the data set.

        >>> from embedcnn.data import Dataset
        >>> numbers = Dataset.from_tensor_slices(["1", "two", "3"]).map(int).ignore_errors()
        >>> list(numbers), len(numbers.ignored_errors)
        ([1, 3], 1)
        """
        if not (isinstance(errors, type) and issubclass(errors, Exception)):
            raise ValueError(f"`errors` must be a type of exceptions. Received: errors={errors!r}")
        if self._guarded is None:
            raise ValueError(f"ignore_errors must come right behind map. Received: {self!r}")
        return ignore(self, self._guarded, errors, log_warning)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """Keep the elements for which `predicate` is true.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(6).filter(lambda x: x % 2))
        [1, 3, 5]
        """
        checked_callable(predicate, "predicate")
        return self._derive(lambda path: streams.filtered(self, path, predicate))

    def flat_map(self, map_func: Callable[..., Dataset]) -> Dataset:
        """The elements of the data sets that `map_func` makes of every element, one data set after the
        other.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(4).flat_map(lambda n: Dataset.range(n)))
        [0, 0, 1, 0, 1, 2]
        """
        return self._interleave(map_func, 1, 1, 0, "flat_map")

    def interleave(
        self,
        map_func: Callable[..., Dataset],
        cycle_length: int | None = None,
        block_length: int = 1,
        num_parallel_calls: int | None = None,
    ) -> Dataset:
        """Like `flat_map` with `cycle_length` data sets open at once, `block_length` elements of each in
        turn.

        The order does not depend on `num_parallel_calls`, the number of data sets read by threads.
        `cycle_length=None`: as many as processors, so that the order depends on the machine; name a number
        where that matters.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(1, 4).interleave(lambda n: Dataset.from_tensors(n).repeat(2), cycle_length=2))
        [1, 2, 1, 2, 3, 3]
        """
        automatic = cycle_length in (None, AUTOTUNE)
        cycle = processors() if automatic else checked_integer(cycle_length, "cycle_length", 1)
        block = checked_integer(block_length, "block_length", 1)
        return self._interleave(map_func, cycle, block, checked_workers(num_parallel_calls), "interleave")

    def _interleave(
        self, map_func: Callable[..., Dataset], cycle: int, block: int, ahead: int, operation: str
    ) -> Dataset:
        checked_callable(map_func, "map_func")

        def inner(element: Any) -> Any:
            return checked_source(call(map_func, element), f"{operation}: the result of map_func")

        return self._derive(
            lambda path: streams.interleaved(self, path, inner, cycle, block, ahead, operation)
        )

    def concatenate(self, dataset: Dataset) -> Dataset:
        """This data set, then `dataset`.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(2).concatenate(Dataset.range(5, 7)))
        [0, 1, 5, 6]
        """
        other = checked_source(dataset, "`dataset`")
        counts = (self._cardinality, other._cardinality)
        total = sum(counts) if min(counts) >= 0 else UNKNOWN_CARDINALITY
        total = INFINITE_CARDINALITY if INFINITE_CARDINALITY in counts else total
        return self._derive(lambda path: streams.chained(self, other, path), total)

    def take(self, count: int) -> Dataset:
        """The first `count` elements (-1: all); no element behind them is made.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(10).take(3))
        [0, 1, 2]
        """
        count = checked_integer(count, "count", -1, " (-1: all)")
        size = self._cardinality if count == -1 else limited(self._cardinality, count)
        taken = self._reorder(
            lambda d: d._derive(lambda path: streams.taken(d, path, count), size, d.lasting)
        )
        with self._lock:
            taken.epoch, self._takes = self._takes, self._takes + 1
        return taken

    def skip(self, count: int) -> Dataset:
        """All but the first `count` elements (-1: none at all).

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(5).skip(3))
        [3, 4]
        """
        count = checked_integer(count, "count", -1, " (-1: skip all)")
        size = self._cardinality if self._cardinality < 0 else max(0, self._cardinality - count)
        size = 0 if count == -1 else size
        return self._reorder(
            lambda d: d._derive(lambda path: streams.skipped(d, path, count), size, d.lasting)
        )

    def repeat(self, count: int | None = None) -> Dataset:
        """`count` passes one after the other (None or -1: without end); shuffles below choose a new order
        each time.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(2).repeat(2))
        [0, 1, 0, 1]
        """
        times = -1 if count is None else checked_integer(count, "count", -1, " (-1: without end)")
        size = self._cardinality
        if times == 0 or size == 0:
            size = 0
        elif times == -1 and size != UNKNOWN_CARDINALITY:
            size = INFINITE_CARDINALITY
        elif times == -1:
            size = UNKNOWN_CARDINALITY
        elif size > 0:
            size *= times
        return self._reorder(
            lambda d: d._derive(lambda path: streams.repeated(d, path, times), size, d.lasting)
        )

    def shard(self, num_shards: int, index: int) -> Dataset:
        """Every `num_shards`-th element, from `index` on: one part for each of several processes.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(7).shard(3, 1))
        [1, 4]
        """
        shards = checked_integer(num_shards, "num_shards", 1)
        at = checked_integer(index, "index", 0)
        if at >= shards:
            raise ValueError(f"`index` must be an integer below num_shards ({shards}). Received: index={at}")
        size = self._cardinality if self._cardinality < 0 else len(range(at, self._cardinality, shards))
        return self._reorder(
            lambda d: d._derive(lambda path: streams.sharded(d, path, shards, at), size, d.lasting)
        )

    @checked
    def shuffle(
        self, buffer_size: int | None = None, seed: int | None = None, reshuffle_each_iteration: bool = True
    ) -> Dataset:
        """Shuffle through a buffer of `buffer_size` elements; only a buffer as large as the data set mixes
        it fully.

        `buffer_size=None` takes the whole data set. The order of epoch k is a function of (`seed`, k),
        and the same in all epochs with `reshuffle_each_iteration=False`. `seed=None` draws a seed from
        Python's `random` when the data set is made.

        >>> from embedcnn.data import Dataset
        >>> numbers = Dataset.range(6).shuffle(6, seed=1)
        >>> sorted(numbers), list(numbers) == list(numbers)
        ([0, 1, 2, 3, 4, 5], False)
        """
        if buffer_size is None:
            if self._cardinality < 0:
                raise ValueError(f"buffer_size: needed where the number of elements is not known ({self!r})")
            buffer_size = max(1, self._cardinality)
        size = checked_integer(buffer_size, "buffer_size", 1)
        key = checked_seed(seed)

        def operation(d: Pipeline) -> Dataset:
            return d._derive(
                lambda path: streams.shuffled(
                    Fixed(d, path), path if reshuffle_each_iteration else (), size, key
                ),
                self._cardinality,
                d.lasting,
            )

        return self._reorder(operation)

    @checked
    def cache(self, filename: str | os.PathLike[str] = "") -> Dataset:
        """Keep all elements from the first complete pass on: in memory, or in the file `filename`; arrays
        are handed out read-only.

        A file that exists is read, whoever wrote it: other processes too start with it. It is mapped into
        memory, not read as a whole; it takes arrays of numbers or texts, numbers, texts and bytes (TypeError
        for others). ValueError for a file that is something else. Random choices below the cache are those
        of one pass for ever: shuffle behind it.

        >>> from embedcnn.data import Dataset
        >>> calls = []
        >>> numbers = Dataset.range(2).map(lambda x: calls.append(x) or x).cache()
        >>> list(numbers), list(numbers), calls
        ([0, 1], [0, 1], [0, 1])
        """
        if not isinstance(filename, (str, os.PathLike)):
            raise TypeError(f"`filename` must be a path, or '' for memory. Received: filename={filename!r}")
        name = os.fspath(filename)
        source = partial(self.start, ())  # the same pass whichever epoch comes first
        if name:
            return self._derive(lambda path: filed(source, name), self._cardinality, self.lasting)
        kept: list[list[Any]] = []
        lock = threading.Lock()

        def start(path: Path) -> Iterator[Any]:
            if kept:
                yield from kept[0]
                return
            seen: list[Any] = []
            with opened(self, ()) as elements:
                for element in elements:
                    seen.append(map_leaves(frozen, element))
                    yield seen[-1]
            with lock:
                kept[:] = [seen]

        return self._derive(start, self._cardinality, self.lasting)

    def prefetch(self, buffer_size: int = AUTOTUNE) -> Dataset:
        """Make up to `buffer_size` elements ahead in a thread (AUTOTUNE: 2; 0: none).

        Nothing is gained where the elements lie ready in memory.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(3).prefetch(AUTOTUNE))
        [0, 1, 2]
        """
        size = checked_integer(buffer_size, "buffer_size", -1, " (-1: AUTOTUNE)")
        size = PREFETCHED if size == AUTOTUNE else size
        if size == 0:
            return self._derive(self.start, self._cardinality, self.lasting)
        return self._derive(
            lambda path: run_ahead(partial(self.start, path), size), self._cardinality, self.lasting
        )

    def enumerate(self, start: int = 0) -> Dataset:
        """(position, element), counted from `start`.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.from_tensor_slices(["a", "b"]).enumerate(5))
        [(5, 'a'), (6, 'b')]
        """
        first = checked_integer(start, "start", 0)
        return self._derive(lambda path: streams.counted(self, path, first), self._cardinality)

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any]) -> Any:
        """`reduce_func(state, element)` over all elements, from `initial_state`; the last state.

        >>> from embedcnn.data import Dataset
        >>> Dataset.range(5).reduce(0, lambda total, x: total + x)
        10
        """
        checked_callable(reduce_func, "reduce_func")
        if self._cardinality == INFINITE_CARDINALITY:
            raise ValueError("reduce: the data set is infinite; take(n) of it")
        state = initial_state
        with iter(self) as elements:
            for position, element in enumerate(elements):
                try:
                    state = reduce_func(state, element)
                except Exception as error:
                    add_position(error, "reduce", position)
                    raise
        return state

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """`transformation_func(self)`, which must be a Dataset.

        >>> from embedcnn.data import Dataset
        >>> list(Dataset.range(9).apply(lambda d: d.skip(7)))
        [7, 8]
        """
        result = checked_callable(transformation_func, "transformation_func")(self)
        return checked_source(result, "apply: the result of transformation_func")


class Fixed:
    """A source read in one given pass, whatever the path."""

    def __init__(self, source: streams.Source, path: Path) -> None:
        self.source = source
        self.path = path

    def start(self, path: Path) -> Iterator[Any]:
        return self.source.start(self.path)


def frozen(value: Any) -> Any:
    """An array as a read-only view: what is kept must not be changed by who gets it."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def limited(cardinality: int, count: int) -> int:
    """Number of elements of `take(count)`."""
    if cardinality == INFINITE_CARDINALITY or count == 0:
        return count
    return cardinality if cardinality == UNKNOWN_CARDINALITY else min(cardinality, count)


def checked_seed(seed: int | None) -> int:
    """The seed, or one drawn from Python's global generator (so that `random.seed` governs it)."""
    if seed is None:
        return random.getrandbits(63)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise ValueError(f"`seed` must be an integer or None. Received: seed={seed!r}")
    return int(seed)


def checked_workers(num_parallel_calls: int | None) -> int:
    """Number of threads; 0 for None."""
    if num_parallel_calls is None:
        return 0
    if num_parallel_calls == AUTOTUNE:
        return processors()
    return checked_integer(num_parallel_calls, "num_parallel_calls", 1, " (None: no thread, -1: AUTOTUNE)")
