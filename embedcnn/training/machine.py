"""What this machine can do, measured in a moment: floating-point operations a second in a large matrix
product, and bytes a second in a copy. A profile compares a step with both, and measures both each time: other
work on the machine slows all alike.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .. import runtime
from ..base.programs import make_program

SIZE = 640  # of a square product: a few milliseconds
ROUNDS = 6
SMALLEST, LARGEST = 1 << 20, 1 << 27  # bytes of a copy
TAKEN = 1 << 25  # bytes of a round at least: some milliseconds


def product_speed() -> float:
    """Floating-point operations a second, of threads and number format as they are set now."""
    dense: tuple[Any, ...] = ("dense", (0,), (1,), (0,), {})
    program = make_program([("x", "float32", None, (SIZE,))], [("w", (SIZE, SIZE))], [dense], (1,))
    ones = np.ones((SIZE, SIZE), np.float32)
    program.bind(0, ones, False, [], np.zeros(1, np.int64))
    return 2.0 * SIZE**3 / min(_seconds(lambda: program.forward([ones])) for _ in range(ROUNDS))


def copy_speed(size: float) -> float:
    """Bytes a second, those read and those written, when so many are copied by all threads: arrays that fit
    the caches are faster.
    """
    threads = runtime.get_num_threads()
    count = max(1, int(min(max(size, SMALLEST), LARGEST)) // 8 // threads)  # half is read, half written
    pairs = [(np.zeros(count, np.float32), np.ones(count, np.float32)) for _ in range(threads)]
    times = max(1, TAKEN // (8 * count * threads))

    def copy(pair: tuple[np.ndarray, np.ndarray]) -> None:
        for _ in range(times):
            np.copyto(*pair)

    with ThreadPoolExecutor(threads) as pool:
        best = min(_seconds(lambda: list(pool.map(copy, pairs))) for _ in range(ROUNDS))
    return 8.0 * count * threads * times / best


def _seconds(call: Any) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
