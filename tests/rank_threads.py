"""Ranks that are threads of one process: a communicator without MPI, so that tests see all of them."""

import threading

import numpy as np

from embedcnn.distributed import Communicator, DataParallel

PATIENCE = 60  # seconds until a rank that waits for others gives up: a test ends with an error, not never


class Threads(Communicator):
    """Rank `rank` of those that share `place`."""

    def __init__(self, rank, place):
        self.rank, self.size, self._place = rank, place.size, place

    def allgather(self, sent, sizes):
        place = self._place
        assert sent.dtype == np.uint8 and sent.size == sizes[self.rank], (sent.size, sizes, self.rank)
        place.sent[self.rank] = sent.copy()
        place.barrier.wait(PATIENCE)
        found = np.concatenate(place.sent)
        assert found.size == sum(sizes)
        place.barrier.wait(PATIENCE)
        return found


class _Place:
    def __init__(self, size):
        self.size, self.sent, self.barrier = size, [None] * size, threading.Barrier(size)


def on_ranks(size, work, **options):
    """What work(rank) gives on each of `size` ranks, each a thread; the first error of one, if there is any.
    `options` are those of DataParallel.
    """
    place, results, errors = _Place(size), [None] * size, [None] * size

    def run(rank):
        try:
            with DataParallel(Threads(rank, place), **options).scope():
                results[rank] = work(rank)
        except BaseException as error:  # noqa: BLE001
            errors[rank] = error
            place.barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if any(errors):
        raise next(error for error in errors if error and not isinstance(error, threading.BrokenBarrierError))
    return results


def errors_on_ranks(size, work, **options):
    """The errors of work(rank) on each rank, None where there is none; ranks may all raise."""

    def caught(rank):
        try:
            work(rank)
        except (Exception, KeyboardInterrupt) as error:
            return error
        return None

    return on_ranks(size, caught, **options)
