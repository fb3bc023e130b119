"""Depthwise convolution 3 x 3 of images 56 x 56 x 128, B 64: its share of the memory's bandwidth, forward.

    python benchmarks/depthwise.py [--threads N] [--rounds N]

What must move is counted: the images once in and once out. The bandwidth is that of copies of as much, by as
many threads (NumPy, which gives the interpreter's lock up), in turns with the convolution. With one thread on
a busy machine, compare medians of many rounds.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time

import numpy as np
import peers

GOAL = 0.7


def program(shape, padding="valid"):
    """The operation over images of this shape, timed."""
    from embedcnn import _core

    rng = np.random.default_rng(0)
    values = [rng.normal(size=(3, 3, shape[2], 1)).astype(np.float32), np.zeros(shape[2], np.float32)]
    parameters = [(name, value.shape) for name, value in zip(("kernel", "bias"), values, strict=True)]
    operation = ("depthwise_conv2d", (0,), (1,), (0, 1), {"padding": padding})
    made = _core.Program([("x", "float32", None, shape)], parameters, [operation], (1,))
    for number, value in enumerate(values):
        made.bind(number, value, False, [], np.zeros(1, np.int64))
    made.set_timed(True)
    return made


def copy_seconds(out, images, threads):
    """Seconds in which this many threads copy the images."""
    parts = [slice(n * len(images) // threads, (n + 1) * len(images) // threads) for n in range(threads)]
    work = [threading.Thread(target=np.copyto, args=(out[part], images[part])) for part in parts]
    begin = time.perf_counter()
    for one in work:
        one.start()
    for one in work:
        one.join()
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    peers.warn_if_busy()
    peers.set_threads(arguments.threads)
    images = np.random.default_rng(0).random((64, 56, 56, 128), np.float32)
    made, out = program(images.shape[1:], "same"), np.zeros_like(images)
    convolved, copied = [], []
    for _ in range(arguments.rounds):
        copied.append(copy_seconds(out, images, arguments.threads))
        made.forward([images])
        convolved.append(made.costs[0][0][0] * 1e-9)
    moved = 2 * images.nbytes
    for name, seconds in (("copy", copied), ("convolution", convolved)):
        best, median = min(seconds) * 1e3, statistics.median(seconds) * 1e3
        rate = moved / best / 1e6
        print(f"  {name:<12}{best:8.2f} ms best {median:8.2f} ms median {rate:8.1f} GB/s")
    share = min(copied) / min(convolved)
    median = statistics.median(copied) / statistics.median(convolved)
    print(f"  {share:.0%} of the bandwidth (median {median:.0%}); goal {GOAL:.0%}")


if __name__ == "__main__":
    main()
