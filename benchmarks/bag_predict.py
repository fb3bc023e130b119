"""Labels for a file of reviews by a portfolio of linear models over n-grams: `embedcnn predict`, file in,
file out.

    python benchmarks/bag_predict.py [--train TRAIN --texts TEXTS] [--threads N] [--repeats N] [--json FILE]

TRAIN and TEXTS: tab-separated lines, the label first and the text last, also .xz (IMDB: 25,000 reviews each,
33 MB). Without them: made-up reviews of that size. The model: words 1 to 3 of at least two occurrences,
tf-idf beside damped naive-Bayes weights (bags.BagClassifier), folded into one table. Each time is the best of
the repeats: the whole command, the command in a process that has started (what a longer file adds), and
`model.predict` on a list. The first one holds the start of Python and of the model. Goal: 60 MB/s, files in
and out, on 2 threads.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peers
import tokenizer

GOAL = 60


def read_labelled(path: str) -> tuple[list[str], list[str]]:
    """(texts, labels)."""
    lines = [line.split("\t") for line in tokenizer.read_lines(path)]
    return [line[-1] for line in lines], [line[0] for line in lines]


def made_up(count: int = 25_000, seed: int = 1) -> tuple[list[str], list[str]]:
    """Reviews by Zipf's law, of which every second one has words of its label."""
    texts = tokenizer.made_up_texts(count)
    labels = ["good" if (number * 7 + seed) % 3 else "bad" for number in range(count)]
    return [f"{text} {label} film" for text, label in zip(texts, labels, strict=True)], labels


def best(run: Callable[[], Any], repeats: int) -> float:
    """Seconds of the fastest run."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def measure(
    train: tuple[list[str], list[str]], texts: list[str], threads: int, repeats: int
) -> dict[str, Any]:
    """Trains the model and times prediction in each way."""
    import embedcnn
    from embedcnn.bags import BagClassifier, Part
    from embedcnn.cli import main

    embedcnn.set_num_threads(threads)
    parts = [Part(), Part(weighting="naive_bayes", cost=3)]
    classifier = BagClassifier(words=(1, 3), min_count=2, parts=parts, folds=0)
    begin = time.perf_counter()
    classifier.fit(*train)
    result: dict[str, Any] = {"train_s": round(time.perf_counter() - begin, 2)}
    with tempfile.TemporaryDirectory() as folder:
        model, source, out = (str(Path(folder, name)) for name in ("model", "texts.txt", "out.tsv"))
        classifier.save(model)
        Path(source).write_text("\n".join(texts) + "\n", encoding="utf-8")
        megabytes = Path(source).stat().st_size / 1e6
        command = ["predict", model, "--input", source, "--out", out, "--threads", str(threads)]
        ways = {
            "whole command": lambda: subprocess.run([sys.executable, "-m", "embedcnn", *command], check=True),
            "command, started": lambda: main(command),
            "model.predict": lambda: classifier.model.predict(texts, batch_size=len(texts), verbose=0),
        }
        for name, run in ways.items():
            seconds = best(run, repeats)
            result[name] = {"s": round(seconds, 3), "mb_s": round(megabytes / seconds, 1)}
    result |= {"megabytes": round(megabytes, 1), "texts": len(texts), "threads": threads}
    result["features"] = classifier.model.get_layer("ngrams").features.size
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", metavar="TRAIN")
    parser.add_argument("--texts", metavar="TEXTS")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    train = read_labelled(arguments.train) if arguments.train else made_up()
    texts = read_labelled(arguments.texts)[0] if arguments.texts else made_up(seed=2)[0]
    result = measure(train, texts, arguments.threads, arguments.repeats)
    print(f"{result['texts']:,} texts, {result['megabytes']} MB, {result['features']:,} features, "
          f"{result['threads']} threads; trained in {result['train_s']} s")  # fmt: skip
    for name in ("whole command", "command, started", "model.predict"):
        print(f"{name:18} {result[name]['s']:6.3f} s  {result[name]['mb_s']:7.1f} MB/s")
    met = "met" if result["command, started"]["mb_s"] >= GOAL else "MISSED"
    print(f"goal {GOAL} MB/s, files in and out: {met}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"machine": peers.machine(), **result}, indent=1))


if __name__ == "__main__":
    main()
