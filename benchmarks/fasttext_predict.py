"""Predicting with fastText's files, filtering a corpus, and models that processes share.

    python benchmarks/fasttext_predict.py [--python PYTHON] [--texts TEXTS] [--rounds N] [--json FILE]
        [--only bigrams languages filter shared]

PYTHON is an interpreter that has fastText 0.9.3; without it embedcnn is measured alone. TEXTS: tab-separated
lines, the text last, also .xz (IMDB: 25,000 reviews, 33 MB); without it made-up reviews of that size. Every
contestant is a process of its own that waits for its turn; they alternate, and medians are reported, of
seconds on the wall and of the processor's (which say more beside other work). Lists are predicted, on one
thread but where it says two.

- bigrams: words and pairs, 2 million buckets, 100 floats a row, trained by fastText (or made) on these texts:
  its list predict, beside ours on its rows as they are (mapped), folded when it is loaded, and on the small
  file that `fold` makes. Goals: mapped 2.2 x, folded 12 x, labels equal; two threads 1.6 x one; of the small
  file each process has 40 bytes a word of its own.
- languages: 1.6 million rows of 256 floats, 2,000 labels, n-grams of 2 to 5 characters, sentences of 100
  bytes; made. Goal: 3 x.
- filter: `embedcnn filter` over JSON lines, two threads, Python's start included and not. Goal: 80 MB/s.
- shared: a model of 2 GB in our own format in two processes: milliseconds to open, memory that the second one
  has of its own. Goals: 100 ms, 20 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import peers
import tokenizer

LANGUAGES = {"rows": 1_600_000, "dim": 256, "labels": 2000, "words": 100_000}


# -- contestants: `FILE --serve WHO MODEL TEXTS ANSWERS` -----------------------------------------------------
FASTTEXT = """
import sys, time, fasttext
model = fasttext.load_model(sys.argv[1])
texts = open(sys.argv[2], encoding="utf-8").read().split("\\n")[:-1]
print("ready", flush=True)
for _ in sys.stdin:
    begin = time.perf_counter(), time.process_time()
    found = model.predict(texts)[0]
    print(time.perf_counter() - begin[0], time.process_time() - begin[1], flush=True)
    open(sys.argv[3], "w", encoding="utf-8").write("\\n".join(one[0] if len(one) else "" for one in found))
"""


def own_bytes() -> int:
    """Memory of this process that no other one can share: not the pages of a mapped file."""
    return int(re.findall(r"Anonymous: +(\d+)", Path("/proc/self/smaps_rollup").read_text())[0]) * 1024


def serve(who: str, path: str, texts_path: str, answers: str) -> None:
    """Predicts all texts for each line of standard input."""
    from embedcnn import fasttext

    before = own_bytes()
    model = fasttext.load_model(path, fold=who == "folded")
    own = (own_bytes() - before) / len(model.words)
    texts = Path(texts_path).read_text(encoding="utf-8").split("\n")[:-1]
    print("ready", own, flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter(), time.process_time()
        found = model.predict(texts)[0]
        print(time.perf_counter() - begin[0], time.process_time() - begin[1], flush=True)
        shown = [one[0] if len(one) else "" for one in found]
        Path(answers).write_text("\n".join(shown), encoding="utf-8")


class Contestant:
    """A process that predicts a file of lines when it is told to."""

    def __init__(self, who: str, model: Path, texts: Path, threads: int, python: str | None = None) -> None:
        self.answers = texts.with_suffix(f".{who}-{threads}")
        given = [str(model), str(texts), str(self.answers)]
        command = [python, "-c", FASTTEXT] if python else [sys.executable, __file__, "--serve", who]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [*command, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.seconds: list[float] = []
        self.processor: list[float] = []
        ready, *own = self._said().split()
        assert ready == "ready"
        self.own = round(float(own[0]), 1) if own else None

    def _said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def turn(self) -> None:
        """One run over all texts."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        seconds, processor = map(float, self._said().split())
        self.seconds.append(seconds)
        self.processor.append(processor)

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()


def duel(contestants: dict[str, Contestant], texts: Path, rounds: int) -> dict[str, Any]:
    """Medians of each contestant's seconds, MB/s, and how many labels differ from the first one's."""
    for _ in range(rounds):
        for one in contestants.values():
            one.turn()
    for one in contestants.values():
        one.close()
    size = texts.stat().st_size / 1e6
    first = next(iter(contestants.values())).answers.read_text(encoding="utf-8").split("\n")
    result: dict[str, Any] = {}
    for name, one in contestants.items():
        found = one.answers.read_text(encoding="utf-8").split("\n")
        seconds, processor = statistics.median(one.seconds), statistics.median(one.processor)
        result[name] = {
            "s": round(seconds, 3),
            "processor_s": round(processor, 3),
            "mb_s": round(size / seconds, 1),
            "labels_differ": sum(a != b for a, b in zip(first, found, strict=True)),
            "own_bytes_a_word": one.own,
        }
    return result


# -- what they predict with ----------------------------------------------------------------------------------
def made_model(path: Path, rows: int, dim: int, labels: int, words: list[str], **settings: Any) -> None:
    """A file of random numbers."""
    from embedcnn.fasttext import FastText
    from embedcnn.fasttext.files import packed_dictionary

    rng = np.random.default_rng(0)
    entries = [(b"</s>", 10**6), *((word.encode(), 10) for word in words)]
    names = [(f"__label__{number}".encode(), 10) for number in range(labels)]
    table = rng.standard_normal((rows, dim), np.float32)
    output = rng.standard_normal((labels, dim), np.float32)
    args = {"dim": dim, "bucket": rows - len(entries), **settings}
    FastText._from_parts(args, packed_dictionary(entries, names, 10**7), table, output).save_model(path)


def is_good(text: str) -> bool:
    """The label of a review: whether it says so. Made-up ones have other words: as their lengths are even."""
    return "good" in text or ("the" not in text and len(text) % 2 == 0)


def bigrams(folder: Path, reviews: list[str], python: str | None, rounds: int) -> dict[str, Any]:
    """The model of words and pairs."""
    texts, model = folder / "reviews.txt", folder / "bigrams.bin"
    lines = [" ".join(line.lower().split()) for line in reviews]
    texts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if python:
        labelled = folder / "labelled.txt"
        rows = (f"__label__{int(is_good(line))} {line}\n" for line in lines)
        labelled.write_text("".join(rows), encoding="utf-8")
        train = (
            "import sys, fasttext\nfasttext.train_supervised(sys.argv[1], wordNgrams=2, epoch=1, thread=2, "
            "verbose=0).save_model(sys.argv[2])"
        )
        subprocess.run([python, "-c", train, labelled, model], check=True)
    else:
        words = list(dict.fromkeys(word for line in lines for word in line.split()))
        made_model(model, 2_000_000 + len(words) + 1, 100, 2, words, wordNgrams=2)
    contestants = {"fastText": Contestant("fastText", model, texts, 1, python)} if python else {}
    contestants |= {who: Contestant(who, model, texts, 1) for who in ("mapped", "folded")}
    contestants["folded, 2 threads"] = Contestant("folded", model, texts, 2)
    small = folder / "small.bin"
    folding = [sys.executable, "-m", "embedcnn", "quantize", model, "--out", small, "--fold"]
    subprocess.run(folding, check=True, capture_output=True)
    contestants["small file"] = Contestant("small", small, texts, 1)
    return duel(contestants, texts, rounds)


def languages(folder: Path, python: str | None, rounds: int) -> dict[str, Any]:
    """The model of many languages."""
    rng = np.random.default_rng(1)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyzáéíóúçñüøå"))
    words = list(
        dict.fromkeys("".join(rng.choice(letters, rng.integers(2, 12))) for _ in range(LANGUAGES["words"]))
    )
    texts, model = folder / "sentences.txt", folder / "languages.bin"
    lines = (" ".join(words[i] for i in rng.integers(0, len(words), 14))[:100] for _ in range(4000))
    texts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    size = (LANGUAGES["rows"], LANGUAGES["dim"], LANGUAGES["labels"])
    made_model(model, *size, words, minn=2, maxn=5)
    contestants = {"fastText": Contestant("fastText", model, texts, 1, python)} if python else {}
    contestants["mapped"] = Contestant("mapped", model, texts, 1)
    return duel(contestants, texts, rounds)


def filtering(folder: Path, reviews: list[str], rounds: int) -> dict[str, Any]:
    """`embedcnn filter` over JSON lines."""
    import embedcnn
    from embedcnn.bags import BagClassifier, ProductPart
    from embedcnn.cli import main

    embedcnn.set_num_threads(2)
    labels = ["good" if is_good(text) else "other" for text in reviews]
    model, corpus, out = (str(folder / name) for name in ("filter.embedcnn", "corpus.jsonl", "kept.jsonl"))
    BagClassifier(words=(1, 2), buckets=1 << 21, parts=ProductPart(), folds=0).fit(reviews, labels).save(
        model
    )
    with open(corpus, "w", encoding="utf-8") as file:
        for number, text in enumerate(reviews * 3):
            file.write(
                json.dumps({"id": number, "meta": {"source": "made", "tags": ["a"]}, "text": text}) + "\n"
            )
    command = ["filter", model, "--label", "good", "--input", corpus, "--out", out, "--threads", "2"]
    ways = {
        "started": lambda: main(command),
        "whole command": lambda: subprocess.run(
            [sys.executable, "-m", "embedcnn", *command], check=True, capture_output=True
        ),
    }
    size = os.path.getsize(corpus) / 1e6
    result = {}
    for name, run in ways.items():
        times = [timed(run) for _ in range(rounds)]
        seconds, processor = (statistics.median(column) for column in zip(*times, strict=True))
        result[name] = {
            "s": round(seconds, 3),
            "processor_s": round(processor, 3),
            "mb_s": round(size / seconds, 1),
        }
    return result


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of the wall and of the processor, children included."""
    begin = time.perf_counter(), sum(os.times()[:4])
    run()
    return time.perf_counter() - begin[0], sum(os.times()[:4]) - begin[1]


OPEN = """
import re, sys, time, embedcnn
from embedcnn import models, bags
import embedcnn.models.model, safetensors.numpy
def own():
    text = open("/proc/self/smaps_rollup").read()
    return sum(int(n) for n in re.findall(r"Private_(?:Clean|Dirty): +(\\d+)", text)) / 1000
before, begin = own(), time.perf_counter()
model = models.load_model(sys.argv[1])
opened = time.perf_counter() - begin
model.predict(["some words that are there"] * 100, verbose=0)
print(1000 * opened, own() - before, flush=True)
sys.stdin.readline()
"""


def shared(folder: Path) -> dict[str, Any]:
    """A model of 2 GB in two processes."""
    import embedcnn
    from embedcnn.bags import LinearPart, NgramFeatures

    path = folder / "large.embedcnn"
    weights = np.zeros((1 << 29, 1), np.float32)
    weights[::4096] = 1
    part = LinearPart(weights, np.zeros(1), norm="none")
    layer = embedcnn.layers.BagOfNgrams(NgramFeatures(words=(1, 1), buckets=1 << 29), [part])
    model = embedcnn.Sequential([layer, embedcnn.layers.Activation("sigmoid")])
    model.predict(["a"], verbose=0)
    model.save(path)
    processes, found = [], []
    for _ in range(2):
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", OPEN, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )
        found.append([float(word) for word in processes[-1].stdout.readline().split()])  # type: ignore[union-attr]
    for process in processes:
        process.communicate(b"\n")
    return {
        "open_ms": round(found[1][0], 1),
        "own_mb": round(found[1][1], 1),
        "file_gb": round(path.stat().st_size / 1e9, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", metavar="PYTHON")
    parser.add_argument("--texts", metavar="TEXTS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--only", nargs="+", choices=("bigrams", "languages", "filter", "shared"))
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(*arguments.serve)
        return
    if arguments.texts:
        reviews = [line.split("\t")[-1] for line in tokenizer.read_lines(arguments.texts)]
    else:
        reviews = tokenizer.made_up_texts(25_000)
    work = {
        "bigrams": lambda folder: bigrams(folder, reviews, arguments.python, arguments.rounds),
        "languages": lambda folder: languages(folder, arguments.python, arguments.rounds),
        "filter": lambda folder: filtering(folder, reviews, arguments.rounds),
        "shared": shared,
    }
    result: dict[str, Any] = {"machine": peers.machine()}
    for name in arguments.only or work:
        with tempfile.TemporaryDirectory() as folder:
            result[name] = work[name](Path(folder))
        print(name)
        for what, value in result[name].items():
            print(f"  {what:18} {value}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
