"""Training fastText's models beside fastText: the shape of filters, rows of 100 floats, bits on any threads.

    python benchmarks/fasttext_training.py --data FOLDER [--python PYTHON] [--rounds N]
        [--only filter unigrams bigrams bits] [--rates 0.5 1] [--megabytes 200] [--json FILE]

FOLDER holds imdb.train.tsv.xz and imdb.test.tsv.xz (label, ..., text by tabs); texts are lower-cased and cut
at blanks. PYTHON is an interpreter that has fastText 0.9.3; without it embedcnn is measured alone. Every run
is a process of its own, contestants alternate, and medians are reported, of seconds on the wall and of the
processor's (which say more beside other work).

- filter: n-grams of 3 words, 2 million buckets, minCount 5, 3 epochs, two labels, IMDB's texts again and
  again with a fifth of the words replaced by drawn ones, at least so many megabytes. The whole run from the
  file, two threads, of each at the best of its rates: without dim, beside dim 256. Goals: 12 x, 45 MB/s,
  accuracy on IMDB's test texts within 0.3 points.
- unigrams, bigrams: dim 100, lr 0.1 and 0.5, training alone: 3 epochs less one. Goals: on one thread each
  12 x and 6 x, on two 6 x and 4 x, accuracy (3 epochs) within 0.5 points.
- bits: the same file on 1 to 8 threads, with dim and without.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import peers

ROUND = dict[str, Any]
FASTTEXT = """
import json, sys, time, fasttext
fasttext.FastText.eprint = lambda *a, **k: None
path, test, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
begin, cpu = time.perf_counter(), time.process_time()
model = fasttext.train_supervised(path, verbose=0, **settings)
took = dict(wall=time.perf_counter() - begin, processor=time.process_time() - cpu)
if test:
    took["accuracy"] = 100 * model.test(test)[1]
print(json.dumps(took))
"""


# -- texts ---------------------------------------------------------------------------------------------------
def lines_of(folder: Path, part: str) -> list[list[str]]:
    """Words of each text, the label first, in an order of their own: IMDB is sorted by label."""
    with lzma.open(folder / f"imdb.{part}.tsv.xz", "rt", encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    random.Random(0).shuffle(rows)
    return [[f"__label__{row[0]}", *row[-1].lower().split()] for row in rows]


def write(path: Path, lines: list[list[str]]) -> None:
    path.write_text("".join(" ".join(line) + "\n" for line in lines), encoding="utf-8", newline="\n")


def write_filter(path: Path, lines: list[list[str]], megabytes: int) -> None:
    """The texts again and again; a fifth of the words is drawn from all texts, or made up."""
    rng = np.random.default_rng(1)
    known = np.array([word for line in lines for word in line[1:]])
    letters = np.array(list("etaoinshrdlucmfwypvbgkqjxz"))
    made = np.array(["".join(rng.choice(letters, rng.integers(3, 11))) for _ in range(100_000)])
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        while file.tell() < megabytes * 1_000_000:
            for number in rng.permutation(len(lines)).tolist():
                line = list(lines[number])
                places = 1 + np.nonzero(rng.random(len(line) - 1) < 0.2)[0]
                rare = made[np.minimum(rng.pareto(0.8, len(places)) * 50, len(made) - 1).astype(np.int64)]
                drawn = np.where(
                    rng.random(len(places)) < 0.7, known[rng.integers(0, len(known), len(places))], rare
                )
                for place, word in zip(places.tolist(), drawn.tolist(), strict=True):
                    line[place] = word
                file.write(" ".join(line) + "\n")


# -- contestants ---------------------------------------------------------------------------------------------
def run_ours(path: str, test: str, settings: dict[str, Any], out: str = "") -> ROUND:
    """One training in this process."""
    from embedcnn.fasttext import train_supervised

    begin, cpu = time.perf_counter(), time.process_time()
    model = train_supervised(path, verbose=0, **settings)
    took: ROUND = {"wall": time.perf_counter() - begin, "processor": time.process_time() - cpu}
    if test:
        took["accuracy"] = 100 * model.test(test)[1]
    if out:
        model.save_model(out)
    return took


def once(python: str | None, path: Path, test: Path | None, out: str = "", **settings: Any) -> ROUND:
    """One training in a process of its own: fastText where `python` is given."""
    given = [str(path), str(test or ""), json.dumps(settings)]
    command = [python, "-c", FASTTEXT, *given] if python else [sys.executable, __file__, "--run", *given, out]
    environment = {**os.environ, "OMP_NUM_THREADS": str(settings.get("thread", 1))}
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(ran.stdout.splitlines()[-1])


def alternating(
    python: str | None, rounds: int, path: Path, test: Path | None, shapes: dict[str, dict[str, Any]]
) -> dict[str, ROUND]:
    """Medians of each contestant; names that begin with fastText need `python`."""
    runs: dict[str, list[ROUND]] = {name: [] for name in shapes if python or not name.startswith("fastText")}
    for number in range(rounds):
        for name, settings in shapes.items():
            if name in runs:
                of_whom = python if name.startswith("fastText") else None
                runs[name].append(once(of_whom, path, None if number else test, **settings))
    return {
        name: {
            **{clock: statistics.median(one[clock] for one in found) for clock in ("wall", "processor")},
            "accuracy": found[0].get("accuracy"),
        }
        for name, found in runs.items()
    }


# -- what is measured ----------------------------------------------------------------------------------------
def measure_filter(arguments: argparse.Namespace, folder: Path) -> ROUND:
    """Whole runs, each contestant at its best rate."""
    path, test = folder / "filter.txt", folder / "test.txt"
    write_filter(path, lines_of(arguments.data, "train"), arguments.megabytes)
    write(test, lines_of(arguments.data, "test"))
    shape = {"wordNgrams": 3, "bucket": 2_000_000, "minCount": 5, "epoch": 3, "thread": 2}
    best: dict[str, dict[str, Any]] = {}
    first: dict[str, ROUND] = {}
    for rate in arguments.rates:
        for name, dim in (("ours", {}), ("fastText", {"dim": 256})):
            if name == "ours" or arguments.python:
                settings = {**shape, **dim, "lr": rate}
                tried = once(arguments.python if dim else None, path, test, **settings)
                print(f"filter, {name}, lr {rate:g}: {tried['accuracy']:.2f} %", flush=True)
                if name not in first or tried["accuracy"] > first[name]["accuracy"]:
                    first[name], best[name] = tried, settings
    found = (
        alternating(arguments.python, arguments.rounds, path, None, best) if arguments.rounds > 1 else first
    )
    size = path.stat().st_size / 1e6
    for name, one in found.items():
        one["accuracy"], one["lr"] = first[name]["accuracy"], best[name]["lr"]
        one["mb_s"] = size / one["wall"]
        print(
            f"filter, {name}: {one['wall']:.2f} s, {one['processor']:.2f} s of the processor, "
            f"{one['mb_s']:.1f} MB/s, {one['accuracy']:.2f} %"
        )
    if arguments.python:
        show_ratios("filter", found["fastText"], found["ours"])
    return {"megabytes": size, **found}


def measure_rows(arguments: argparse.Namespace, folder: Path, ngrams: int, rate: float) -> ROUND:
    """Training alone, rows of 100 floats, on one thread and on two."""
    path, test = folder / "train.txt", folder / "test.txt"
    write(path, lines_of(arguments.data, "train"))
    write(test, lines_of(arguments.data, "test"))
    result: ROUND = {}
    for threads in (1, 2):
        shape = {"wordNgrams": ngrams, "bucket": 2_000_000, "dim": 100, "lr": rate, "thread": threads}
        shapes = {
            f"{who} {epochs}": {**shape, "epoch": epochs} for epochs in (1, 3) for who in ("ours", "fastText")
        }
        found = alternating(arguments.python, arguments.rounds, path, test, shapes)
        alone = {
            who: {
                clock: found[f"{who} 3"][clock] - found[f"{who} 1"][clock] for clock in ("wall", "processor")
            }
            | {"accuracy": found[f"{who} 3"]["accuracy"]}
            for who in ("ours", "fastText")
            if f"{who} 3" in found
        }
        for who, one in alone.items():
            took = f"{one['wall']:.2f} s, {one['processor']:.2f} s of the processor; {one['accuracy']:.2f} %"
            print(f"{ngrams}-grams, {threads} threads, {who}: 2 epochs {took}", flush=True)
        if arguments.python:
            show_ratios(f"{ngrams}-grams, {threads} threads", alone["fastText"], alone["ours"])
        result[f"{threads} threads"] = alone
    return result


def show_ratios(what: str, theirs: ROUND, ours: ROUND) -> None:
    """How many times as fast, and how much better."""
    wall, processor = (theirs[clock] / ours[clock] for clock in ("wall", "processor"))
    points = ours["accuracy"] - theirs["accuracy"]
    print(f"{what}: {wall:.1f} x, {processor:.1f} x of the processor, {points:+.2f} points", flush=True)


def measure_bits(arguments: argparse.Namespace, folder: Path) -> ROUND:
    """Whether files are the same on 1 to 8 threads."""
    path = folder / "train.txt"
    write(path, lines_of(arguments.data, "train")[:5000])
    result: ROUND = {}
    for name, dim in (("folded", {}), ("dim 100", {"dim": 100})):
        sums = set()
        for threads in range(1, 9):
            out = folder / "model.bin"
            settings = {"wordNgrams": 2, "bucket": 200_000, "epoch": 2, "lr": 0.5, **dim, "thread": threads}
            once(None, path, None, str(out), **settings)
            sums.add(hashlib.sha256(out.read_bytes()).hexdigest())
        result[name] = len(sums) == 1
        print(f"bits, {name}: {'the same' if len(sums) == 1 else 'DIFFERENT'} on 1 to 8 threads")
    return result


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ("filter", "unigrams", "bigrams", "bits")
    parser.add_argument("--data", type=Path, required=True, help="folder of imdb.train.tsv.xz and .test.")
    parser.add_argument("--python", help="a Python that can import fasttext")
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="*", default=[0.5, 1])
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    peers.warn_if_busy()
    results: ROUND = {"machine": peers.machine()}
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.only:
            if name == "filter":
                results[name] = measure_filter(arguments, Path(folder))
            elif name == "bits":
                results[name] = measure_bits(arguments, Path(folder))
            else:
                ngrams, rate = (1, 0.1) if name == "unigrams" else (2, 0.5)
                results[name] = measure_rows(arguments, Path(folder), ngrams, rate)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run_ours(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]), sys.argv[5])))
    else:
        main()
