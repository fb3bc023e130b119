"""What each operation of a `Dataset` does, as generators over the elements of its source.

A source is anything with `start(path)`: an iterator over its elements in one pass. `path` says which
pass: the epoch, then the rounds of every `repeat` on the way. Random choices are a function of (seed, path)
alone.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Protocol

from embedcnn.base.random_seeds import here
from embedcnn.data.structure import call
from embedcnn.data.workers import add_position, run_ahead

Path = tuple[int, ...]


class Source(Protocol):
    """Something that can be read again and again."""

    def start(self, path: Path) -> Iterator[Any]: ...


def close_elements(elements: Any) -> None:
    """Close an iterator that can be closed."""
    close = getattr(elements, "close", None)
    if close is not None:
        close()


class opened:  # noqa: N801 - used as a function: with opened(source, path) as elements
    """One pass over a source that is closed at the end of the block."""

    __slots__ = ("elements",)

    def __init__(self, source: Source, path: Path) -> None:
        self.elements = source.start(path)

    def __enter__(self) -> Iterator[Any]:
        return self.elements

    def __exit__(self, *_: object) -> None:
        close_elements(self.elements)


def generator_for(seed: int, path: Path) -> random.Random:
    """Python's generator, whose `random()` is the same in all versions, keyed by seed and pass."""
    digest = hashlib.blake2b(repr((seed, path)).encode(), digest_size=16).digest()
    return random.Random(int.from_bytes(digest, "little"))


def mapped(source: Source, path: Path, function: Callable[..., Any]) -> Iterator[Any]:
    """function(element)."""
    with opened(source, path) as elements:
        for position, element in enumerate(elements):
            work = here.work
            before, work.place = work.place, (path, position)
            try:
                value = call(function, element)
            except Exception as error:
                add_position(error, "map", position)
                raise
            finally:
                work.place = before
            yield value


def at_position(path: Path, function: Callable[..., Any], numbered: tuple[int, Any]) -> Any:
    """function(element) of a numbered element: random numbers are those of this pass and position."""
    work = here.work
    before, work.place = work.place, (path, numbered[0])
    try:
        return call(function, numbered[1])
    finally:
        work.place = before


def filtered(source: Source, path: Path, predicate: Callable[..., Any]) -> Iterator[Any]:
    """Elements for which the predicate is true."""
    with opened(source, path) as elements:
        for position, element in enumerate(elements):
            try:
                keep = bool(call(predicate, element))
            except Exception as error:
                add_position(error, "filter", position)
                raise
            if keep:
                yield element


def shuffled(source: Source, path: Path, size: int, seed: int) -> Iterator[Any]:
    """A buffer of `size` elements from which a random one leaves whenever the next comes in."""
    generator = generator_for(seed, path)
    with opened(source, path) as elements:
        buffer = list(islice(elements, min(size, sys.maxsize)))
        for element in elements:
            index = int(generator.random() * size)
            buffer[index], element = element, buffer[index]
            yield element
    while buffer:
        yield from drawn(buffer, generator, SHUFFLED_AT_ONCE)


SHUFFLED_AT_ONCE = 256


def drawn(buffer: list[Any], generator: random.Random, count: int) -> list[Any]:
    """Up to `count` random elements, taken out of the buffer."""
    draw = generator.random
    elements = []
    for left in range(len(buffer), max(0, len(buffer) - count), -1):
        index = int(draw() * left)
        elements.append(buffer[index])
        buffer[index] = buffer[left - 1]
    del buffer[len(buffer) - len(elements) :]
    return elements


def repeated(source: Source, path: Path, count: int) -> Iterator[Any]:
    """`count` passes (-1: without end, but an empty pass ends them)."""
    turn = 0
    while turn != count:
        empty = True
        with opened(source, (*path, turn)) as elements:
            for element in elements:
                empty = False
                yield element
        if empty:
            return
        turn += 1


def taken(source: Source, path: Path, count: int) -> Iterator[Any]:
    """The first `count` elements (-1: all); no element beyond them is made."""
    if count == 0:
        return
    with opened(source, path) as elements:
        for index, element in enumerate(elements, start=1):
            yield element
            if index == count:
                return


def skipped(source: Source, path: Path, count: int) -> Iterator[Any]:
    """All but the first `count` elements (-1: none)."""
    if count == -1:
        return
    with opened(source, path) as elements:
        for index, element in enumerate(elements):
            if index >= count:
                yield element


def sharded(source: Source, path: Path, count: int, index: int) -> Iterator[Any]:
    """Every `count`-th element, from `index` on."""
    with opened(source, path) as elements:
        for position, element in enumerate(elements):
            if position % count == index:
                yield element


def chained(first: Source, second: Source, path: Path) -> Iterator[Any]:
    """One source after the other."""
    for source in (first, second):
        with opened(source, path) as elements:
            yield from elements


def zipped(sources: tuple[Source, ...], path: Path) -> Iterator[tuple[Any, ...]]:
    """Tuples of elements, until the shortest source ends."""
    open_sources: list[opened] = []
    try:
        for source in sources:
            open_sources.append(opened(source, path))
        yield from zip(*(one.elements for one in open_sources), strict=False)
    finally:
        for one in open_sources:
            one.__exit__()


def counted(source: Source, path: Path, start: int) -> Iterator[tuple[int, Any]]:
    """(position, element)."""
    with opened(source, path) as elements:
        yield from enumerate(elements, start)


def random_numbers(path: Path, seed: int) -> Iterator[int]:
    """Integers of 32 bits without end."""
    generator = generator_for(seed, path)
    while True:
        yield generator.getrandbits(32)


def interleaved(
    source: Source,
    path: Path,
    inner: Callable[[Any], Source],
    cycle: int,
    block: int,
    ahead: int,
    operation: str,
) -> Iterator[Any]:
    """Elements of `cycle` inner sources in turn, `block` at a time; the first `ahead` of them run in
    threads.
    """
    slots: list[Iterator[Any] | None] = [None] * cycle
    opened_count, live, at, sent, exhausted = 0, 0, 0, 0, False

    def open_slot(element: Any) -> Iterator[Any]:
        nonlocal opened_count
        here = (*path, opened_count)
        opened_count += 1
        try:
            found = inner(element)
        except Exception as error:
            add_position(error, operation, opened_count - 1)
            raise
        if at < ahead:
            return run_ahead(lambda: found.start(here), max(block, 2))
        return found.start(here)

    def close_slot(index: int) -> None:
        one, slots[index] = slots[index], None
        close_elements(one)

    with opened(source, path) as elements:
        try:
            while live or not exhausted:
                if slots[at] is None:
                    if not exhausted:
                        try:
                            element = next(elements)
                        except StopIteration:
                            exhausted = True
                            continue
                        slots[at] = open_slot(element)
                        live += 1
                    else:
                        at, sent = (at + 1) % cycle, 0
                    continue
                try:
                    value = next(slots[at])  # type: ignore[arg-type]
                except StopIteration:
                    close_slot(at)
                    live, sent = live - 1, block  # the next slot has its turn
                else:
                    yield value
                    sent += 1
                if sent == block:
                    at, sent = (at + 1) % cycle, 0
        finally:
            for index in range(cycle):
                close_slot(index)
