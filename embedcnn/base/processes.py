"""The processes that train together: what the parts below `distributed` ask for and know of them.

`embedcnn.distributed` sets the distribution; here is the place where training, callbacks and files find it.
With one process alone there is none, and nothing is asked of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, Protocol

Batch = tuple[list[Any], list[Any], Any, int]
"""Inputs, targets, weights and the number of examples; of no examples NOTHING."""

NOTHING: Batch = ([], [], None, 0)


class Together(Protocol):
    """What several processes do as one; every call is made by all of them (distributed/together.py)."""

    rank: int
    size: int
    shards: bool
    """Whether each takes its part of the batches that all are given."""

    def together(self) -> AbstractContextManager[None]:
        """Within, an error or a Ctrl-C of one process ends all."""

    def begin(self, model: Any, what: Mapping[str, Any]) -> None:
        """Gives all the state of the first; ValueError where they do not fit together."""

    def begin_once(self, model: Any) -> None:
        """The same before the first of single steps."""

    def steps(self, model: Any, batches: Iterable[Batch], trains: bool) -> Generator[Batch, None, None]:
        """The batches, as many for each process; NOTHING for one that has no more."""

    def train(self, model: Any, inputs: list[Any], targets: list[Any], weights: Any, compiled: Any) -> Any:
        """A training step of all on their parts of a batch: a BatchResult, None of no examples."""

    def test(self, model: Any, inputs: list[Any], targets: list[Any], weights: Any, compiled: Any) -> Any:
        """Its losses alone."""

    def any(self, flag: bool) -> bool:
        """Whether it is so for one of them."""

    def settle_statistics(self, model: Any) -> None:
        """Gives all the mean of their moving statistics."""

    def summed(self, tally: Any) -> dict[str, Any]:
        """The state of a tally, summed over all."""

    def of_first_members(self, read: Callable[[], Mapping[str, bytes] | None]) -> dict[str, bytes] | None:
        """What `read` of the first gives, for all."""


class Shares(Protocol):
    """Whose `present` is set: a distribution."""

    @property
    def together(self) -> Together | None:
        """None where there is one process alone."""


_scope: ContextVar[Shares | None] = ContextVar("distribution", default=None)
_of_the_process: Shares | None = None


def set_distribution(value: Shares | None) -> None:
    """Sets that of the process."""
    global _of_the_process
    _of_the_process = value


def set_scope(value: Shares | None) -> Any:
    """Sets that of this thread's context; `reset_scope` takes what this returns."""
    return _scope.set(value)


def reset_scope(token: Any) -> None:
    """As it was before."""
    _scope.reset(token)


def distribution() -> Shares | None:
    """The one that holds here."""
    return _scope.get() or _of_the_process


def present() -> Together | None:
    """The processes that train together; None where this one is alone."""
    found = _scope.get() or _of_the_process
    return None if found is None else found.together


def is_first() -> bool:
    """Whether this process is the one that prints and writes files."""
    found = present()
    return found is None or found.rank == 0


def tell(text: str) -> None:
    """Prints a line, of several processes once."""
    if is_first():
        print(text)


def share() -> tuple[int, int] | None:
    """(rank, size) where each process takes its part of the batches that all are given; else None."""
    found = present()
    return (found.rank, found.size) if found is not None and found.shards else None


def part_of(count: int, rank: int, size: int) -> slice:
    """The part of `count` examples that one of `size` processes takes: neighbours, nearly as many for each.

    >>> [part_of(5, rank, 2) for rank in range(2)]
    [slice(0, 2, None), slice(2, 5, None)]
    """
    return slice(count * rank // size, count * (rank + 1) // size)


def refuse(what: str, remedy: str) -> None:
    """NotImplementedError where several processes train together."""
    found = present()
    if found is not None:
        raise NotImplementedError(f"{what} does not work on {found.size} ranks together: {remedy}")


LAUNCHED = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "PMIX_SIZE")


def launched(environment: Mapping[str, str] | None = None) -> int:
    """How many processes mpirun has started this one with, by what it says in the environment; 1: alone.

    >>> launched({"PMI_SIZE": "4"}), launched({})
    (4, 1)
    """
    known: Mapping[str, str] = os.environ if environment is None else environment
    found: Sequence[str] = [known[name] for name in LAUNCHED if known.get(name, "").isdigit()]
    return max([1, *map(int, found)])
