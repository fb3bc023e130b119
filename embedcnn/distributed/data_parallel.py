"""DataParallel, and which distribution holds: the names that users call."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from ..base import processes
from ..base.checked import checked
from ..runtime import processors, set_num_threads
from .communicators import Communicator, MPICommunicator, of_mpi
from .ranks import Ranks


class DataParallel:
    """The processes of `mpirun` train one model, each with its part of every batch. As
    keras.distribution.DataParallel; `rank` and `size` are Horovod's.

    `communicator`: an intracommunicator of mpi4py, or a `Communicator`; None: all processes of mpirun.
    `auto_shard_dataset` True: every rank is given the same data, as by the same script, and takes its part of
    each batch, whose size is that of all ranks together: what differs is refused, by a checksum of arrays
    and of the targets of batches; False: each rank is given data of its own, a batch is what all ranks have,
    and ranks that run out of data wait for the others. What metrics keep is summed
    over the ranks, those of one's own too; a penalty of a table is, in `evaluate`, the mean of what each rank
    has read of it. Ranks of one machine share its
    processors, unless OMP_NUM_THREADS or their affinity say how many threads each has.

    Raises ImportError without mpi4py (extra `mpi`), TypeError for what is no communicator.

    >>> distribution = DataParallel(Communicator())
    >>> distribution.rank, distribution.size
    (0, 1)
    """

    @checked
    def __init__(self, communicator: Any = None, auto_shard_dataset: bool = True) -> None:
        own = isinstance(communicator, Communicator)
        self.communicator: Communicator = communicator if own else of_mpi(communicator)
        self.auto_shard_dataset = auto_shard_dataset
        self.rank, self.size = self.communicator.rank, self.communicator.size
        self.together: Ranks | None = None
        """What training asks of it; None where this process is alone."""
        if self.size > 1:
            self.together = Ranks(self.communicator, auto_shard_dataset)
            if isinstance(self.communicator, MPICommunicator):
                _share_processors(self.communicator)
                _end_together(self.communicator, self.together)

    @property
    def bytes_sent(self) -> int:
        """What this rank has handed to the others so far, in bytes."""
        return 0 if self.together is None else self.together.sent

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Within, and in this thread alone, this distribution holds. As its namesake in Keras.

        >>> with DataParallel(Communicator()).scope():
        ...     distribution().size
        1
        """
        token = processes.set_scope(self)
        try:
            yield
        finally:
            processes.reset_scope(token)

    def __repr__(self) -> str:
        return f"<DataParallel rank={self.rank}, size={self.size}>"


def set_distribution(value: DataParallel | None) -> None:
    """From now on models are trained so (None: by this process alone). As
    keras.distribution.set_distribution.

    Raises TypeError for what is no DataParallel.

    >>> set_distribution(None)
    """
    if value is not None and not isinstance(value, DataParallel):
        raise TypeError(f"`value` must be a DataParallel or None. Received: value={value!r}")
    processes.set_distribution(value)


def distribution() -> DataParallel | None:
    """The distribution that holds; None before `set_distribution`. As keras.distribution.distribution.

    >>> distribution() is None
    True
    """
    found = processes.distribution()
    return found if isinstance(found, DataParallel) else None


def rank() -> int:
    """The number of this process among those that train together, 0 where it is alone. As horovod.rank.

    >>> rank()
    0
    """
    found = distribution()
    return 0 if found is None else found.rank


def size() -> int:
    """How many processes train together, 1 where this one is alone. As horovod.size.

    >>> size()
    1
    """
    found = distribution()
    return 1 if found is None else found.size


def _share_processors(communicator: MPICommunicator) -> None:
    """Ranks that may all run on the same processors take their part of them; results do not depend on it."""
    neighbours = communicator.neighbours()
    if neighbours > 1 and "OMP_NUM_THREADS" not in os.environ:
        set_num_threads(max(1, min(64, processors() // neighbours)))


def _end_together(communicator: MPICommunicator, ranks: Ranks) -> None:
    """An exception that nobody catches ends all ranks, which might wait for this one; a program that is over
    says so.
    """
    shown = sys.excepthook

    def show_and_abort(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        shown(kind, error, trace)
        if not ranks.all_know:
            communicator.abort()

    sys.excepthook = show_and_abort
    atexit.register(ranks.end)
