"""Sums of random rows of a table of 2 GB (4,194,304 rows of 128 float32): the share of what memory gives to a
plain read of as many random rows, which asks for them ahead (random_rows.c), and against PyTorch's
EmbeddingBag.

    python benchmarks/gather_sum.py [--threads 2] [--json gather_sum.json]

1,000 bags of 100 rows, fresh ones each time. All alternate turn by turn in one process, timed whole: embedcnn
by `Model.predict_on_batch` of one EmbeddingBag, checks of the ids included. They read the same array (NumPy
asks for huge pages), and PyTorch once more one that it has allocated itself. Of several distances of the
plain read the best counts. The same rows in bfloat16 (256 bytes) and int8 (128 bytes and a scale) are summed
from where they are stored, beside PyTorch's EmbeddingBag in bfloat16. Needs a C compiler. Goals: 80 % of the
read, 2 times PyTorch.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shlex
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import peers

ROWS, WIDTH, BAGS, LENGTH, BATCHES = 1 << 22, 128, 1000, 100, 10
AHEAD = (8, 16, 32)
STORED = ("bfloat16", "int8")
GOAL_SHARE, GOAL_TORCH = 0.8, 2.0


def reader(threads: int):
    """A function (table, ids, ahead) that reads the rows."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "random_rows.so"
        source = Path(__file__).with_name("random_rows.c")
        compiler = shlex.split(os.environ.get("CC", "cc"))
        flags = ["-std=c11", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared"]
        subprocess.run([*compiler, *flags, str(source), "-o", str(library)], check=True)
        function = ctypes.CDLL(str(library)).read_rows
    function.restype = ctypes.c_double
    integer = ctypes.c_int64
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, integer, integer, ctypes.c_int]
    return lambda table, ids, ahead: function(table.ctypes.data, ids.ctypes.data, ids.size, ahead, threads)


def bag_model(table: np.ndarray, **settings):
    import embedcnn
    from embedcnn import layers

    bag = layers.EmbeddingBag(ROWS, WIDTH, mode="sum", trainable=False, weights=[table], **settings)
    return embedcnn.Sequential([embedcnn.Input((LENGTH,), dtype="int32"), bag])


def contestants(table: np.ndarray, ids: list[np.ndarray], threads: int):
    """{name: a function of the number of a batch}."""
    models = {"embedcnn": bag_model(table)}
    for dtype in STORED:
        models[f"embedcnn, {dtype}"] = bag_model(table, storage_dtype=dtype)
    read = reader(threads)
    found = {f"read, {ahead} ahead": lambda i, ahead=ahead: read(table, ids[i], ahead) for ahead in AHEAD}
    for name, model in models.items():
        found[name] = lambda i, model=model: model.predict_on_batch(ids[i])
    if peers.installed("torch"):
        import torch

        wide = [torch.from_numpy(one.astype(np.int64)) for one in ids]
        own = torch.nn.EmbeddingBag(ROWS, WIDTH, mode="sum")
        with torch.no_grad():
            own.weight.copy_(torch.from_numpy(table))
        shared = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(table), mode="sum")

        def embedding_bag(module, i: int):
            with torch.inference_mode():
                return module(wide[i]).float().numpy()

        found["PyTorch"] = lambda i: embedding_bag(own, i)
        found["PyTorch, shared"] = lambda i: embedding_bag(shared, i)
        half = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(table).bfloat16(), mode="sum")
        found["PyTorch, bfloat16"] = lambda i: embedding_bag(half, i)
        assert np.allclose(found["embedcnn"](0), found["PyTorch"](0), atol=1e-3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--processor-time", action="store_true", help="not that of the clock")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    peers.warn_if_busy()
    peers.set_threads(arguments.threads)
    clock = time.process_time if arguments.processor_time else time.perf_counter
    rng = np.random.default_rng(0)
    table = np.empty((ROWS, WIDTH), np.float32)
    for part in np.array_split(table, 64):
        part[:] = rng.random(part.shape, np.float32)
    ids = [rng.integers(0, ROWS, (BAGS, LENGTH)).astype(np.int32) for _ in range(BATCHES)]
    running = contestants(table, ids, arguments.threads)
    times: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(arguments.turns):
        for name, run in running.items():
            for i in range(BATCHES):
                begin = clock()
                run(i)
                times[name].append(clock() - begin)
    middle = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in middle.items():
        row = seconds / (BAGS * LENGTH)
        print(f"  {name:<20}{row * 1e9:8.1f} ns a row, {4 * WIDTH / row / 1e9:6.1f} GB/s")
    share = min(middle[name] for name in middle if name.startswith("read")) / middle["embedcnn"]
    result = {"title": "gather-sum of random rows of 512 B from 2 GB", "share_of_read": round(share, 3)}
    print(f"embedcnn has {share:.0%} of the read (goal {GOAL_SHARE:.0%})")
    if "PyTorch" in middle:
        result["ratio"] = round(middle["PyTorch"] / middle["embedcnn"], 2)
        result["ratio_shared"] = round(middle["PyTorch, shared"] / middle["embedcnn"], 2)
        print(
            f"embedcnn is {result['ratio']} x PyTorch's EmbeddingBag (goal {GOAL_TORCH:g} x), "
            f"{result['ratio_shared']} x over the same array"
        )
        for dtype in STORED:
            ratio = middle["PyTorch"] / middle[f"embedcnn, {dtype}"]
            result[f"ratio_{dtype}"] = round(ratio, 2)
            print(f"from {dtype} it is {ratio:.2f} x PyTorch's EmbeddingBag of float32")
        ratio = middle["PyTorch, bfloat16"] / middle["embedcnn, bfloat16"]
        result["ratio_both_bfloat16"] = round(ratio, 2)
        print(f"both from bfloat16: {ratio:.2f} x")
    peers.write_json(arguments.json, [result])


if __name__ == "__main__":
    main()
