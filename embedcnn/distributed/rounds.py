"""Rounds: what all ranks do at the same time, and say so. Each round begins with one small message of every
rank: what it is about to do, a few numbers, and whether it goes on at all. So a rank that fails ends the
others in the same round, with its error, and ranks that have come to do different things find out.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence

import numpy as np

from .communicators import Bytes, Communicator

PLACES = 16  # float64 of the first message
HEAD = 3  # of these: how the rank goes on, what it does, how many numbers it has
GOES_ON, FAILED, ENDED = range(3)
SMALL = 1 << 18  # bytes of all ranks that go to each at once
KINDS = (
    *("begins to train", "takes a batch", "computes a loss", "sums gradients", "reads metrics"),
    *("averages statistics", "agrees on the end", "gives or takes a state", "has ended its program"),
    *("begins to evaluate", "begins single steps"),
)


class RankError(RuntimeError):
    """Another rank failed, ended or did something else, so that this one cannot go on."""


class Rounds:
    """The rounds of one communicator. `sent`: bytes that this rank has handed to it so far."""

    def __init__(self, communicator: Communicator) -> None:
        self.communicator = communicator
        self.rank, self.size = communicator.rank, communicator.size
        self.sent = 0
        self.over = False
        """Whether a rank has ended: nobody answers any more."""

    # -- the first message -------------------------------------------------------------------------------
    def numbers(self, kind: str, values: Sequence[float] = ()) -> list[list[float]]:
        """What each rank gives: any numbers. Raises RankError as `_check` says."""
        received = self._first(GOES_ON, KINDS.index(kind), values)
        self._check(received, kind)
        longest = int(received[:, 2].max())
        if longest <= PLACES - HEAD:
            return [row[HEAD : HEAD + int(row[2])].tolist() for row in received]
        lengths = [int(length) for length in received[:, 2]]
        more = self._all(np.asarray(values, np.float64).view(np.uint8), [8 * n for n in lengths])
        return [part.tolist() for part in np.split(more.view(np.float64), np.cumsum(lengths)[:-1])]

    def _first(self, state: int, kind: int, values: Sequence[float]) -> np.ndarray:
        if self.over:
            raise RankError("another rank has ended, so nothing can be done together any more")
        message = np.zeros(PLACES)
        message[:HEAD] = state, kind, len(values)
        message[HEAD : HEAD + len(values)] = values[: PLACES - HEAD]
        return self._message(message)

    def _message(self, message: np.ndarray) -> np.ndarray:
        found = self._all(message.view(np.uint8), [8 * PLACES] * self.size)
        return found.view(np.float64).reshape(-1, PLACES)

    def _all(self, sent: Bytes, sizes: Sequence[int]) -> Bytes:
        self.sent += sent.size
        return self.communicator.allgather(sent, sizes)

    def _check(self, received: np.ndarray, kind: str) -> None:
        """RankError where a rank has failed or ended, or where ranks do different things."""
        failed = np.flatnonzero(received[:, 0] == FAILED)
        if len(failed):
            texts = self._texts(received, b"")
            shown = "\n".join(f"rank {rank}:\n{texts[rank]}" for rank in failed)
            raise RankError(f"{len(failed)} of {self.size} ranks failed, so all end. {shown}")
        ended = np.flatnonzero(received[:, 0] == ENDED)
        if len(ended):
            self.over = True
            raise RankError(
                f"rank {ended[0]} has ended its program while rank {self.rank} {kind}: fit, evaluate and "
                "train_on_batch are called on every rank, as often on each"
            )
        kinds = received[:, 1].astype(int)
        if (kinds != kinds[0]).any():
            other = int(np.flatnonzero(kinds != kinds[0])[0])
            raise RankError(
                f"rank 0 {KINDS[kinds[0]]} while rank {other} {KINDS[kinds[other]]}: fit, evaluate and "
                "train_on_batch are called on every rank, in the same order and with the same arguments"
            )

    def _texts(self, received: np.ndarray, own: bytes) -> list[str]:
        sizes = [int(row[2]) if row[0] == FAILED else 0 for row in received]
        found = self._all(np.frombuffer(own, np.uint8), sizes)
        ends = np.cumsum(sizes)
        return [bytes(part).decode("utf-8", "replace") for part in np.split(found, ends[:-1])]

    def fail(self, error: BaseException) -> None:
        """Tells the others, in the place of the next round, that this rank has failed."""
        if self.over:
            return
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        text = "".join(lines)[-4000:].encode()
        if self.size == 1:
            return
        message = np.zeros(PLACES)
        message[:HEAD] = FAILED, 0, len(text)
        self._texts(self._message(message), text)

    def end(self) -> None:
        """Tells the others that this rank's program is over."""
        if not self.over:
            self.over = True
            message = np.zeros(PLACES)
            message[:HEAD] = ENDED, KINDS.index("has ended its program"), 0
            received = self._message(message)
            if (received[:, 0] == FAILED).any():
                self._texts(received, b"")

    # -- bytes -------------------------------------------------------------------------------------------
    def gather(self, kind: str, payload: bytes) -> list[bytes]:
        """The bytes of each rank."""
        sizes = [int(size) for (size,) in self.numbers(kind, [len(payload)])]
        found = self._all(np.frombuffer(payload, np.uint8), sizes)
        return [part.tobytes() for part in np.split(found, np.cumsum(sizes)[:-1])]

    def of_first(self, kind: str, payload: Bytes) -> Bytes:
        """The bytes of rank 0; what the others give does not count."""
        sizes = self.numbers(kind, [payload.size if self.rank == 0 else 0])
        everything = [int(size) for (size,) in sizes]
        return self._all(payload if self.rank == 0 else np.zeros(0, np.uint8), everything)

    # -- sums, within a round ----------------------------------------------------------------------------
    def sum_in_order(self, values: np.ndarray) -> np.ndarray:
        """The sum of float32 arrays of one size over the ranks, in their order, so that the bits are the same
        everywhere and at any time. Large ones are cut into pieces, of which each rank adds up one.
        """
        if self.size == 2 or values.nbytes * self.size <= SMALL:
            every = self._all(values.view(np.uint8), [values.nbytes] * self.size).view(np.float32)
            return _added(every.reshape(self.size, -1))
        bounds = [len(values) * rank // self.size for rank in range(self.size + 1)]
        sizes = [4 * (end - begin) for begin, end in zip(bounds, bounds[1:], strict=False)]
        self.sent += values.nbytes
        pieces = self.communicator.alltoall(values.view(np.uint8), sizes).view(np.float32)
        return self._all(_added(pieces).view(np.uint8), sizes).view(np.float32)

    def rows_of_all(self, rows: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        """The rows of all ranks, `counts` of each, in the order of ranks."""
        width = rows.itemsize * int(np.prod(rows.shape[1:], dtype=np.int64))
        found = self._all(rows.reshape(-1).view(np.uint8), [count * width for count in counts])
        return found.view(rows.dtype).reshape(-1, *rows.shape[1:])


def _added(parts: np.ndarray) -> np.ndarray:
    """The sum of rows, in their order."""
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total
