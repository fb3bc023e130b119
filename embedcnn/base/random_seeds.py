"""Seeds: where initializers, dropout and shuffling get theirs when the user gives none.

`embedcnn.utils.set_random_seed(n)` makes the sequence of seeds, and with it everything drawn, repeatable.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np


class Sequence:
    """A sequence of seeds, which starts from true randomness unless it is set."""

    def __init__(self, seed: int | None = None) -> None:
        self.set(seed)

    def set(self, seed: int | None) -> None:
        """Starts it anew."""
        self.generator = np.random.Generator(np.random.PCG64(seed))


_sequence: ContextVar[Sequence | None] = ContextVar("sequence of seeds", default=None)
_of_the_process: Sequence | None = None


def _current() -> Sequence:
    """That of `own_sequence`, else the process's, made when it is first asked for."""
    global _of_the_process
    own = _sequence.get()
    if own is not None:
        return own
    if _of_the_process is None:
        _of_the_process = Sequence()
    return _of_the_process


@contextmanager
def own_sequence(seed: int) -> Iterator[None]:
    """Inside, this thread draws from a sequence of its own, whatever others do; theirs stays as it is.

    >>> with own_sequence(1):
    ...     first = next_seed()
    >>> with own_sequence(1):
    ...     next_seed() == first
    True
    """
    token = _sequence.set(Sequence(seed))
    try:
        yield
    finally:
        _sequence.reset(token)


def set_sequence(seed: int) -> None:
    """Starts the sequence of seeds anew."""
    _current().set(seed)


def next_seed() -> int:
    """A seed in [0, 2**31): the next of the sequence, which starts from true randomness if unset."""
    return int(_current().generator.integers(0, 2**31))


def checked_seed(argument: str, seed: object) -> int:
    """`seed` as an int in [0, 2**63); ValueError that names `argument` otherwise."""
    if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise ValueError(f"`{argument}` must be an integer in [0, 2**63). Received: {argument}={seed!r}")
    return int(seed)


class ElementAtWork:
    """What a thread of a pipeline works on: the path of the pass and the position of the element, in which
    what is random depends on these alone, not on the thread and what others did before.
    """

    __slots__ = ("asked", "asked_at", "place")

    def __init__(self) -> None:
        self.place: tuple[tuple[int, ...], int] | None = None
        self.asked_at: tuple[tuple[int, ...], int] | None = None
        self.asked = 0  # how often for random numbers there


class _Here(threading.local):
    def __init__(self) -> None:
        self.work = ElementAtWork()


here = _Here()


def step_of_element() -> int | None:
    """A step for random numbers of the element at work, another one at each call; None outside of one."""
    work = here.work
    if work.place is None:
        return None
    if work.asked_at is not work.place:
        work.asked, work.asked_at = 0, work.place
    work.asked += 1
    digest = hashlib.blake2b(repr((work.place, work.asked)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 2


class SeedGenerator:
    """A sequence of seeds of one's own: what is given it as `seed` draws anew at each call, the same numbers
    in each run. Without a `seed` it starts with the next of the process (utils.set_random_seed). As
    keras.random.SeedGenerator.

    Raises ValueError unless `seed` is None or an integer in [0, 2**63).

    >>> one, other = SeedGenerator(1), SeedGenerator(1)
    >>> first = one.next()
    >>> first == other.next(), first == one.next()
    (True, False)
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.seed = next_seed() if seed is None else checked_seed("seed", seed)
        if name is not None and (not isinstance(name, str) or not name):
            raise ValueError(f"`name` must be a non-empty string or None. Received: name={name!r}")
        self.name = "seed_generator" if name is None else name
        self._drawn = 0

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A new generator from what `get_config` gave, at its start."""
        return cls(**config)

    def next(self) -> int:
        """The next seed, in [0, 2**63)."""
        self._drawn += 1
        return int(generator(self.seed, self._drawn).integers(0, 2**63))


def layer_key(seed: int | None, call: int) -> int:
    """What keys the random numbers of a layer in the core: its seed, else the number of its call."""
    return call if seed is None else -1 - seed % 2**20


def generator(*keys: int) -> np.random.Generator:
    """The random generator of these keys: the same keys give the same numbers on every machine."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(keys)))
