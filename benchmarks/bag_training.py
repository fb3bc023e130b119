"""Training a classifier of word pairs (fastText's model) on IMDB: folded rows beside fastText.

    python benchmarks/bag_training.py --data FOLDER [--fasttext PYTHON] [--rates 0.1 0.3 0.5 1] [--json FILE]

FOLDER holds imdb.train.tsv.xz and imdb.test.tsv.xz (label, ..., text by tabs). PYTHON is an interpreter
that can `import fasttext` (0.9.3; default: this one). Both get the same file of tokens split by blanks: 5
epochs, words and pairs; fastText with dim 100 and 2,000,000 buckets. For every learning rate: test
accuracy; seconds of training alone, on one thread (fastText: those of 5 epochs less those of none); seconds
of the whole run from the file on two threads. Goals, each at its best rate, with test accuracies that
differ by at most 0.3 points: training alone 50 x, the whole run 12 x. `--processor-time` counts processor
seconds, where the machine is not idle.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peers

EPOCHS, DIM, BUCKETS = 5, 100, 2_000_000
TOKENS = re.compile(r"\w+|[^\w\s]")
FASTTEXT = """
import json, sys, time, fasttext
fasttext.FastText.eprint = lambda *a, **k: None
train, test, rate, threads, epochs, dim, buckets = sys.argv[1:]
begin, cpu = time.perf_counter(), time.process_time()
model = fasttext.train_supervised(train, lr=float(rate), epoch=int(epochs), wordNgrams=2, dim=int(dim),
    bucket=int(buckets), minCount=1, thread=int(threads), verbose=0)
took = dict(wall=time.perf_counter() - begin, processor=time.process_time() - cpu)
if test:
    took["accuracy"] = 100 * model.test(test)[1]
print(json.dumps(took))
"""


def write_tokens(folder: Path, part: str, out: Path) -> None:
    """Lines "__label__1 tokens ...", in an order of their own: IMDB is sorted by label."""
    with lzma.open(folder / f"imdb.{part}.tsv.xz", "rt", encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    random.Random(0).shuffle(rows)
    lines = (
        f"__label__{row[0]} {' '.join(TOKENS.findall(row[-1].replace('<br />', ' ').lower()))}\n"
        for row in rows
    )
    with open(out, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)


def read(path: Path) -> tuple[list[str], list[int]]:
    texts, labels = [], []
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            label, _, text = line.partition(" ")
            texts.append(text)
            labels.append(int(label[9:]))
    return texts, labels


def seconds(clock: str, begin: tuple[float, float]) -> float:
    return (time.process_time() - begin[1]) if clock == "processor" else (time.perf_counter() - begin[0])


def now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def ours(train: Path, test: Path, rates: list[float], clock: str) -> list[dict[str, float]]:
    import embedcnn
    from embedcnn.bags import NgramFeatures, product_form

    results = []
    for rate in rates:
        embedcnn.set_num_threads(2)
        whole = now()
        texts, labels = read(train)
        features = NgramFeatures(words=(1, 2), tokenizer="whitespace", lowercase=False)
        bags = features.fit_transform(texts)
        prepared = seconds(clock, whole)
        model = product_form(bags, labels, epochs=EPOCHS, learning_rate=rate)
        result = {"rate": rate, "whole": seconds(clock, whole), "prepare": prepared}
        embedcnn.set_num_threads(1)
        alone = []
        for _ in range(3):
            begin = now()
            product_form(bags, labels, epochs=EPOCHS, learning_rate=rate)
            alone.append(seconds(clock, begin))
        result["train"] = min(alone)
        held_out, wanted = read(test)
        margins = model.decision_function(features.transform(held_out))[:, 0]
        result["accuracy"] = 100 * float(((margins > 0) == (peers.np.array(wanted) == 1)).mean())
        results.append(result)
        print(f"embedcnn  {describe(result)}; features {prepared:.2f} s of it", flush=True)
    return results


def fasttext_once(python: str, *arguments: object) -> dict[str, float]:
    command = [python, "-c", FASTTEXT, *(str(argument) for argument in arguments)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


def theirs(python: str, train: Path, test: Path, rates: list[float], clock: str) -> list[dict[str, float]]:
    started = fasttext_once(python, train, "", 0.5, 1, 0, DIM, BUCKETS)[clock]
    results = []
    for rate in rates:
        one = fasttext_once(python, train, test, rate, 1, EPOCHS, DIM, BUCKETS)
        two = fasttext_once(python, train, "", rate, 2, EPOCHS, DIM, BUCKETS)
        results.append(
            {"rate": rate, "whole": two[clock], "train": one[clock] - started, "accuracy": one["accuracy"]}
        )
        print(f"fastText  {describe(results[-1])}", flush=True)
    return results


def describe(result: dict[str, float]) -> str:
    return (
        f"rate {result['rate']:g}: {result['accuracy']:.2f} %, training alone {result['train']:.2f} s, "
        f"whole run {result['whole']:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of imdb.train.tsv.xz and imdb.test.tsv.xz"
    )
    parser.add_argument("--fasttext", default=sys.executable, help="a Python that can import fasttext")
    parser.add_argument("--rates", type=float, nargs="*", default=[0.1, 0.3, 0.5, 1])
    parser.add_argument("--processor-time", action="store_true")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    clock = "processor" if arguments.processor_time else "wall"
    peers.warn_if_busy()
    with tempfile.TemporaryDirectory() as folder:
        train, test = Path(folder, "train.txt"), Path(folder, "test.txt")
        write_tokens(arguments.data, "train", train)
        write_tokens(arguments.data, "test", test)
        results = {
            "machine": peers.machine(),
            "clock": clock,
            "embedcnn": ours(train, test, arguments.rates, clock),
            "fasttext": theirs(arguments.fasttext, train, test, arguments.rates, clock),
        }
    best, peer = (max(results[name], key=lambda one: one["accuracy"]) for name in ("embedcnn", "fasttext"))
    training, whole = peer["train"] / best["train"], peer["whole"] / best["whole"]
    print(
        f"best rates, {clock} time: accuracy {best['accuracy'] - peer['accuracy']:+.2f} points, "
        f"training alone {training:.0f} x, whole run {whole:.1f} x"
    )
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
