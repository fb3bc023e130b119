"""Reading word vectors: embedcnn against a plain Python loop and gensim, and the memory that it takes.

    python benchmarks/vectors.py [FILE | --part PART] [--rows N] [--dimensions D] [--repeat R] [--json OUT]
                                 [--skip-slow]

FILE is a GloVe text file. With PART, a smaller one (also compressed), the file is made of its lines, repeated
with suffixed words up to N; without either, of random numbers. It is written to a temporary folder and
deleted again. Times are the best of several runs (one for the slow peers); memory is the growth of the peak
resident size of a fresh process, and, for the cache, of the private memory of a second process that opens and
reads all of it (Linux). Goals, with two threads: 10 times the Python loop, 50 times gensim, 1 GB/s; peak <=
wanted matrix + 64 MB; the cache of N x 300 opened and 1,000 words looked up in 10 ms, with less than 5 MB of
private memory in the second process.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import importlib.metadata
import json
import lzma
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LOAD = """
import sys
import numpy, embedcnn.vectors as vectors
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
words = open(sys.argv[2], encoding="utf-8").read().split("\\n") if sys.argv[2] else None
before = peak()
wv = vectors.load(sys.argv[1], words=words)
print(peak() - before, wv.vectors.nbytes, len(wv))
"""


SECOND = """
import sys
import embedcnn.vectors as vectors
def private():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024
vectors.load(sys.argv[2]).verify()  # the code itself
words = open(sys.argv[3], encoding="utf-8").read().split("\\n")
before = private()
wv = vectors.load(sys.argv[1])
wv.verify()
for word in words:
    wv[word]
print(private() - before)
"""
CACHE_DIMENSIONS = 300


def write_repeated(path: Path, part: Path, rows: int) -> None:
    """The lines of a GloVe file again and again, with words that tell the repetitions apart."""
    opener = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}.get(part.suffix, open)
    with opener(part, "rb") as file:
        lines = [line.split(b" ", 1) for line in file]
    with open(path, "wb") as file:
        for row in range(rows):
            turn, place = divmod(row, len(lines))
            word, numbers = lines[place]
            file.write(word + (b"~%d " % turn if turn else b" ") + numbers)


def write_file(path: Path, rows: int, dimensions: int) -> None:
    """Random vectors with five digits behind the point, as in GloVe's files."""
    generator = np.random.default_rng(0)
    form = " %.5g" * dimensions
    with open(path, "w", encoding="utf-8") as file:
        for row in range(rows):
            numbers = generator.normal(scale=0.4, size=dimensions).round(5)
            file.write(f"word{row}{form % tuple(numbers)}\n")


def python_loop(path: Path) -> dict[str, np.ndarray]:
    """What tutorials show."""
    embeddings = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            values = line.rstrip("\n").split(" ")
            embeddings[values[0]] = np.asarray(values[1:], dtype="float32")
    return embeddings


def best_time(function, repeat: int) -> float:
    """Seconds of the fastest run."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def memory(path: Path, words: Path | None) -> tuple[int, int, int]:
    """(growth of the peak resident size, bytes of the matrix, words) of loading in a fresh process."""
    command = [sys.executable, "-c", LOAD, str(path), str(words or "")]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(out[0]), int(out[1]), int(out[2])


def measure(path: Path, folder: Path, arguments: argparse.Namespace) -> dict:
    """All figures for one file."""
    from embedcnn import vectors

    size = path.stat().st_size
    results: dict = {"bytes": size}
    whole = vectors.load(path)
    results["words"], results["dimensions"] = whole.vectors.shape
    results["embedcnn"] = best_time(lambda: vectors.load(path), arguments.repeat)
    start = time.process_time()
    vectors.load(path)
    results["processor_seconds"] = time.process_time() - start
    results["gb_per_second"] = size / results["embedcnn"] / 1e9
    if not arguments.skip_slow:
        results["python_loop"] = best_time(lambda: python_loop(path), 1)
        try:
            from gensim.models import KeyedVectors
        except ImportError:
            print("gensim is not installed: left out")
        else:
            results["gensim"] = best_time(
                lambda: KeyedVectors.load_word2vec_format(str(path), binary=False, no_header=True), 1
            )
    wanted = whole.index_to_key[:: max(1, len(whole) // 20_000)][:20_000]
    list_file = folder / "wanted.txt"
    list_file.write_text("\n".join(wanted), encoding="utf-8")
    results["wanted_words"] = best_time(lambda: vectors.load(path, words=wanted), arguments.repeat)
    results["memory_wanted"], results["matrix_wanted"], _ = memory(path, list_file)
    results["memory_whole"], results["matrix_whole"], _ = memory(path, None)
    cache, small = folder / "cache.embedcnn", folder / "small.embedcnn"
    wide = np.random.default_rng(0).random((len(whole), CACHE_DIMENSIONS), np.float32)
    vectors.WordVectors(whole.index_to_key, wide).save(cache)
    vectors.WordVectors(["a"], wide[:1]).save(small)
    del wide
    some = whole.index_to_key[:: max(1, len(whole) // 1000)][:1000]

    def open_and_look_up() -> None:
        mapped = vectors.load(cache)
        for word in some:
            mapped[word]

    results["cache_open_and_1000_words"] = best_time(open_and_look_up, max(3, arguments.repeat))
    results["cache_bytes"] = cache.stat().st_size
    first = vectors.load(cache)
    first.verify()  # the first process has seen all of it
    command = [sys.executable, "-c", SECOND, str(cache), str(small), str(list_file)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    results["cache_private_of_second_process"] = int(out)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--part", type=Path, help="repeat the lines of this GloVe file")
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--dimensions", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--skip-slow", action="store_true", help="leave out the Python loop and gensim")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    from embedcnn import _core

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = arguments.file
        if path is None:
            path = folder / "vectors.txt"
            if arguments.part is not None:
                write_repeated(path, arguments.part, arguments.rows)
            else:
                write_file(path, arguments.rows, arguments.dimensions)
        results = measure(path, folder, arguments)
    results["machine"] = f"{platform.machine()}, {platform.system()}, {_core.get_num_threads()} threads"
    results["versions"] = {"python": platform.python_version(), "numpy": np.__version__}
    if "gensim" in results:
        results["versions"]["gensim"] = importlib.metadata.version("gensim")
    print(f"{results['machine']}; {results['versions']}")
    print(f"{results['words']} x {results['dimensions']}, {results['bytes'] / 1e6:.0f} MB of text")
    print(f"embedcnn            {results['embedcnn']:8.3f} s   {results['gb_per_second']:.2f} GB/s")
    for peer in ("python_loop", "gensim"):
        if peer in results:
            ratio = results[peer] / results["embedcnn"]
            print(f"{peer:19} {results[peer]:8.3f} s   {ratio:.1f} times embedcnn's")
    print(f"20,000 wanted words {results['wanted_words']:8.3f} s")
    print(f"processor time      {results['processor_seconds']:8.3f} s for one load of the whole file")
    for kind in ("wanted", "whole"):
        grown, matrix = results[f"memory_{kind}"] / 2**20, results[f"matrix_{kind}"] / 2**20
        print(f"peak memory, {kind:6} {grown:8.1f} MiB for a matrix of {matrix:.1f} MiB")
    size, private = results["cache_bytes"] / 1e6, results["cache_private_of_second_process"] / 1e6
    print(
        f"cache of {size:.0f} MB: open, 1,000 words {1e3 * results['cache_open_and_1000_words']:.2f} ms; "
        f"a second process that reads all of it adds {private:.2f} MB of private memory"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
