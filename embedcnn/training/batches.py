"""Batches of an epoch, from arrays in memory or from an iterable.

What costs time to make (elements of an iterable, ids of raw texts) is made by a thread that is up to AHEAD
batches in front of the step, which computes without the interpreter's lock. Batches come in the same order
and with the same bits as without the thread. Whoever takes batches closes the iterator: that ends the thread.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import numpy as np

from ..base.arguments import warn_user
from ..base.processes import NOTHING, part_of
from ..base.random_seeds import generator
from ..data.indexed_batches import IndexedBatches, is_indexed
from ..data.workers import run_ahead
from ..ragged import Ragged
from ..text.rows import TextRows
from .kept_ids import KeptIds
from .parts import like
from .sample_weights import Weights, take_weights

Batch = tuple[list[Any], list[np.ndarray], Weights, int]
"""Inputs, targets, weights and the number of examples."""

Share = tuple[int, int] | None
"""(rank, size): the part of each batch that is this process's; None: all of it."""

AHEAD = 32  # batches that wait, besides the one in the making: many at a time disturb the step less often
NO_BATCHES = (
    "x gave no batches: it is empty, a generator that has already ended, or a Dataset with too few elements "
    "for one batch and drop_remainder=True"
)
MARKED, MARKED_BYTES = 10_000, 1 << 26  # texts, and bytes of an array, whose checksum tells data apart
REFILL = 8  # so few must be left before the thread wakes up again
AHEAD_BYTES = 1 << 26  # of large batches, as of images, as many wait as fit into this; two at least


class Part(tuple[list[Any], list[np.ndarray], Weights, int]):
    """A part of a batch; by its `mark` processes find out whether they have parts of the same one."""

    mark = 0


def marked(batch: Batch, mark: int) -> Batch:
    """The part of a batch with this mark."""
    made = Part(batch)
    made.mark = mark
    return made


def warn_if_short(name: str, batches: int, expected: int | None) -> None:
    """A warning where data gave fewer batches than they were asked for."""
    if expected is not None and batches < expected:
        warn_user(f"{name} ran out of data: {batches} batches, but {expected} were expected")


class ArrayBatches:
    """Batches of arrays or texts that are in memory, shuffled by (seed, epoch) or in order."""

    def __init__(
        self,
        inputs: list[Any],
        targets: list[np.ndarray],
        weights: Weights,
        batch_size: int,
        seed: int | None,
        limit: int | None = None,
        share: Share = None,
    ) -> None:
        self.inputs, self.targets, self.weights, self.seed = inputs, targets, weights, seed
        self.share = share
        self.mark = 0 if share is None else _mark_of([*inputs, *targets, *_listed(weights)])
        self.count = len(inputs[0])
        self.first_pass = 0  # of epochs of `limit` batches
        self._taken: int | None = None
        self.batch_size, self.limit = batch_size, limit
        self.steps: int | None = math.ceil(self.count / batch_size)

    def keep_ids(self) -> None:
        """Keeps the ids of raw texts from the first pass: more will follow."""
        kept = [KeptIds(part) if isinstance(part, TextRows) else part for part in self.inputs]
        self.inputs = like(self.inputs, kept)

    def epoch(self, number: int) -> Generator[Batch, None, None]:
        """The batches of an epoch; its number (of the model's life) decides the order. Epochs of `limit`
        batches go on where the last one ended; one ends early where all data were seen, as in Keras.
        """
        if self.limit is None or self.steps is None:
            return self._started(self._batches(self._order(number)))
        if self._taken is None:
            self.first_pass, self._taken = number, 0
        passes, first = divmod(self._taken, self.steps)
        rest = self._batches(self._order(self.first_pass + passes), first)
        return self._started(self._counted(first_batches(rest, self.limit)))

    def _order(self, number: int) -> np.ndarray | None:
        return None if self.seed is None else generator(self.seed, number).permutation(self.count)

    def _counted(self, batches: Generator[Batch, None, None]) -> Generator[Batch, None, None]:
        with closing(batches):
            for batch in batches:
                assert self._taken is not None
                self._taken += 1
                yield batch

    def once(self) -> Generator[Batch, None, None]:
        """The batches in order, `limit` of them at most."""
        return self._started(first_batches(self._batches(None), self.limit))

    def go_on(self, seed: int, first_pass: int, taken: int) -> None:
        """Goes on where a backup was: the model's seed and the number of the epoch, or of the pass over the
        data, decide the order.
        """
        self.seed = None if self.seed is None else seed
        if taken:
            self.first_pass, self._taken = first_pass, taken

    def close(self) -> None:
        """Nothing stays open between epochs."""

    def _started(self, batches: Generator[Batch, None, None]) -> Generator[Batch, None, None]:
        encodes = any(
            isinstance(part, TextRows) or isinstance(part, KeptIds) and not part.complete
            for part in self.inputs
        )
        return ahead(lambda: batches) if encodes and self.count > self.batch_size else batches

    def _batches(self, order: np.ndarray | None, first: int = 0) -> Generator[Batch, None, None]:
        stop = first * self.batch_size
        while stop < self.count:
            start, stop = stop, min(stop + self.batch_size, self.count)  # predict lets the size grow
            index: Any = slice(start, stop) if order is None else order[start:stop]
            if self.share is None:
                yield self._taken_at(index, stop - start)
                continue
            part = part_of(stop - start, *self.share)
            if order is None:
                index = slice(start + part.start, start + part.stop)
            else:
                mark = int(index[0])
                index = index[part]
            count = part.stop - part.start
            yield marked(self._taken_at(index, count), start if order is None else mark)

    def _taken_at(self, index: Any, count: int) -> Batch:
        if not count:
            return NOTHING
        inputs = like(self.inputs, (take(part, index) for part in self.inputs))
        targets = like(self.targets, (None if part is None else part[index] for part in self.targets))
        return inputs, targets, take_weights(self.weights, index), count


class IterableBatches:
    """Batches (x, y[, sample_weight]) from an iterable, prepared one by one.

    Iterators that are opened here are closed here; a generator that the user passed stays the user's.
    """

    def __init__(
        self,
        source: Any,
        prepare: Callable[[Any], Batch],
        limit: int | None,
        seed: int | None = None,
        share: Share = None,
    ) -> None:
        source = IndexedBatches(source, seed) if is_indexed(source) else source
        self.source, self.limit = source, limit
        self.seed = None
        self._prepare = prepare if share is None else lambda item: cut(prepare(item), share)
        self._own = (lambda batch: batch) if getattr(source, "lasting", False) else owned
        self._running: Iterator[Any] | None = None
        self._passes: int | None = None
        self.first_pass = 0  # of epochs of `limit` batches
        self.steps = known_length(source) if limit is None else limit

    def epoch(self, number: int) -> Generator[Batch, None, None]:
        """One pass; or `limit` batches, which go on where the last epoch ended. An epoch that comes to the
        end of the data is over, as in Keras; the next one starts again.
        """
        return ahead(lambda: self._whole_pass(number) if self.limit is None else self._some(number))

    def once(self) -> Generator[Batch, None, None]:
        """One pass from the beginning, `limit` batches at most."""
        return ahead(lambda: first_batches(self._whole_pass(0), self.limit))

    def go_on(self, seed: int, first_pass: int, taken: int) -> None:
        """Goes on where a backup was. Epochs of `limit` batches run on through the passes: those taken in
        the epochs before are skipped.
        """
        if isinstance(self.source, IndexedBatches) and self.source.seed is not None:
            self.source.seed = seed
        if self.limit is not None and taken:
            self.first_pass = self._passes = first_pass
            for _ in range(taken):
                self._next()

    def close(self) -> None:
        """Closes what epochs of `limit` batches left open."""
        running, self._running = self._running, None
        self._close(running)

    def _whole_pass(self, number: int) -> Generator[Batch, None, None]:
        elements = self._open(number)
        try:
            for item in elements:
                yield self._own(self._prepare(item))
        finally:
            self._close(elements)

    def _some(self, number: int) -> Generator[Batch, None, None]:
        assert self.limit is not None
        if self._passes is None:
            self.first_pass = self._passes = number
        for number in range(self.limit):
            item = self._next(may_start=not number)
            if item is None:
                return
            yield self._own(self._prepare(item))

    def _next(self, may_start: bool = True) -> Any:
        """The next element; None at the end of a pass, unless the next pass `may_start`."""
        for _ in range(2 if may_start else 1):
            if self._running is None:
                assert self._passes is not None
                self._running = self._open(self._passes)
                self._passes += 1
            item = next(self._running, None)
            if item is not None:
                return item
            self.close()
        return None

    def _open(self, number: int) -> Iterator[Any]:
        """A pass over the source; sources that number their passes are told which one this is."""
        if hasattr(self.source, "set_epoch"):
            self.source.set_epoch(number)
        return self.source.iterate(number) if hasattr(self.source, "iterate") else iter(self.source)

    def _close(self, elements: Any) -> None:
        if elements is not None and elements is not self.source and hasattr(elements, "close"):
            elements.close()


def _listed(weights: Weights) -> list[Any]:
    return [one for one in (weights if isinstance(weights, tuple) else [weights]) if one is not None]


def _mark_of(parts: list[Any]) -> int:
    """By this processes find out whether they were given the same data: a checksum, of large data one of how
    they begin and end and of rows all through them.
    """
    mark = 0
    for part in parts:
        if isinstance(part, TextRows):
            looked = [part.texts[row] for row in _looked_at(len(part.texts), MARKED)]
            mark = zlib.crc32(repr(looked).encode(), mark)
            continue
        for array in (part.ids, part.offsets) if isinstance(part, Ragged) else (part,):
            most = 1 + MARKED_BYTES * len(array) // (1 + array.nbytes)
            some = array if most >= len(array) else array[_looked_at(len(array), most)]
            mark = zlib.crc32(np.ascontiguousarray(some).reshape(-1).view(np.uint8).data, mark)
    return mark


def _looked_at(count: int, most: int) -> np.ndarray:
    """`most` of `count` rows, or all: a third at the beginning, at the end and spread in between."""
    if count <= most:
        return np.arange(count)
    ends = most // 3
    between = np.linspace(ends, count - ends, most - 2 * ends, endpoint=False).astype(np.int64)
    return np.concatenate([np.arange(ends), between, np.arange(count - ends, count)])


def cut(batch: Batch, share: tuple[int, int]) -> Batch:
    """The part of a batch that is that of (rank, size)."""
    inputs, targets, weights, count = batch
    part = part_of(count, *share)
    mark = zlib.crc32(b"".join(np.ascontiguousarray(one).tobytes() for one in targets), count)
    if part.start == part.stop:
        return marked(NOTHING, mark)
    taken = [_cut_ragged(one, part) if isinstance(one, tuple) else one[part] for one in inputs]
    own = taken, [one[part] for one in targets], take_weights(weights, part), part.stop - part.start
    return marked(own, mark)


def _cut_ragged(ragged: tuple[np.ndarray, np.ndarray], part: slice) -> tuple[np.ndarray, np.ndarray]:
    ids, offsets = ragged
    own = offsets[part.start : part.stop + 1]
    return ids[own[0] : own[-1]], own - own[0]


def ahead(start: Callable[[], Generator[Batch, None, None]]) -> Generator[Batch, None, None]:
    """The batches of `start()`, made by a thread of their own."""

    return run_ahead(start, AHEAD, REFILL, room)


def room(batch: Batch) -> int:
    """How many batches like this one may wait."""
    size = sum(part.nbytes for part in batch[0] if isinstance(part, np.ndarray))
    return AHEAD if size * AHEAD <= AHEAD_BYTES else max(2, AHEAD_BYTES // size)


def first_batches(batches: Generator[Batch, None, None], limit: int | None) -> Generator[Batch, None, None]:
    """`limit` batches at most (None: all); closing this closes the batches."""
    try:
        yield from islice(batches, limit)
    finally:
        batches.close()


def known_length(source: Any) -> int | None:
    """The number of batches of an iterable, None where it is not known; ValueError where there is no end."""
    if getattr(source, "cardinality", None) is not None and source.cardinality() == -1:
        raise ValueError(
            "x is a data set without end: say how many batches to take, with `steps_per_epoch`, "
            "`validation_steps` or `steps`"
        )
    try:
        return len(source)
    except TypeError:
        return None


def owned(batch: Batch) -> Batch:
    """A batch that shares no memory with what the iterable gave, which may fill the same array again."""
    inputs, targets, weights, count = batch
    copied = (tuple(map(np.copy, part)) if isinstance(part, tuple) else np.copy(part) for part in inputs)
    made: Batch = (
        like(inputs, copied),
        like(targets, (None if part is None else np.copy(part) for part in targets)),
        _copied(weights),
        count,
    )
    return marked(made, batch.mark) if isinstance(batch, Part) else made


def _copied(weights: Weights) -> Weights:
    if isinstance(weights, tuple):
        return tuple(None if part is None else part.copy() for part in weights)
    return None if weights is None else weights.copy()


def take(prepared: Any, index: Any) -> Any:
    """The examples of `index` (an array or a slice) of a prepared input, in the form that programs take."""
    if isinstance(prepared, TextRows):
        return raw(prepared.encoded(index))
    if isinstance(prepared, KeptIds):
        return raw(prepared.take(index))
    if isinstance(prepared, Ragged):
        return raw(prepared[index])
    return prepared[index]


def raw(prepared: Any) -> Any:
    """A prepared input in the form that programs take: (ids, offsets) for Ragged."""
    if isinstance(prepared, Ragged):
        return (prepared.ids, prepared.offsets)
    return prepared
