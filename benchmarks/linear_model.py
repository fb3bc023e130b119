"""Accuracy of the default of `embedcnn train` beside a linear model: TF-IDF of words and pairs, LinearSVC.

    python benchmarks/linear_model.py [--only MR TREC IMDB debian_ja] [--cache FOLDER] [--readme]

Needs scikit-learn, and for the sets of labelled_sets.py what is said there. Both learn all texts of the same
splits: MR folds 2 to 9 (folds 0 and 1 served to choose the recipe), the test parts of TREC and IMDB, splits 0
to 9 of the standard library's sentences (what `embedcnn train --seed s` holds out), and 5 folds of the other
sets. The standard error is that of the paired difference, over all texts. Seconds are of the processor, from
texts to the answers to the test texts; `--command` measures the whole command `embedcnn train` instead, on a
file of the first split's training texts.

Results are kept in linear_model.json beside this file, set by set; `--readme` puts their table into
README.md.
Goals: MR and TREC 1.5 points, the standard library 2, IMDB 1, MR with vectors 2.5; no other set below by more
than the larger of 0.3 points and one standard error.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import labelled_sets as sets
import numpy as np
import peers

from embedcnn.data.labelled import LabelledTexts

Split = tuple[LabelledTexts, LabelledTexts]
HERE = Path(__file__).resolve().parent
RESULTS = HERE / "linear_model.json"
MARKS = "<!-- accuracy: benchmarks/linear_model.py --readme -->", "<!-- end of accuracy -->"
VECTORS = "data/vectors/glove.6B.50d.top100k.txt.xz"
GOALS = {"MR": 1.5, "MR, GloVe": 2.5, "TREC": 1.5, "IMDB": 1.0, "standard library": 2.0}
ABOUT = {
    "MR": "sentences on films, 8 folds",
    "MR, GloVe": "the same, with GloVe vectors of 50 numbers",
    "TREC": "questions",
    "IMDB": "reviews of films",
    "standard library": "sentences of Python's docstrings, 10 splits",
    "newsgroups": "20 newsgroups",
    "reuters_r8": "Reuters R8, news",
    "reuters_r52": "Reuters R52, news",
    "tweets": "who wrote a tweet, Clinton or Trump",
    "friends": "which of six friends says a line of the series",
    "chinese_reviews": "reviews of shops, Chinese",
    "languages": "in which language a message of Plone is",
    "character_names": "category of a character of Unicode, by its name",
    **{
        f"debian_{code}": f"section of a Debian package by its description, {name}"
        for code, name in zip(
            sets.LANGUAGES, ("English", "German", "French", "Italian", "Japanese"), strict=False
        )
    },
}


def movie_splits() -> Iterator[Split]:
    texts, folds = sets.movie_sentences()
    for fold in range(2, 10):
        yield (
            texts.subset([i for i, of in enumerate(folds) if of != fold]),
            texts.subset([i for i, of in enumerate(folds) if of == fold]),
        )


def library_splits() -> Iterator[Split]:
    from embedcnn.classifier import hold_out
    from embedcnn.commands.train_text import HELD_OUT
    from embedcnn.datasets import standard_library_sentences

    sentences = standard_library_sentences()
    for split in range(10):
        yield hold_out(sentences, HELD_OUT, split)


def five_folds(texts: LabelledTexts) -> Iterator[Split]:
    from sklearn.model_selection import StratifiedKFold

    for rest, held in StratifiedKFold(5, shuffle=True, random_state=0).split(texts.texts, texts.labels):
        yield texts.subset(rest.tolist()), texts.subset(held.tolist())


def splits_of(name: str, cache: Path) -> Iterator[Split]:
    """The splits of a set: (train, test)."""
    fixed: dict[str, Callable[[], Iterator[Split]]] = {
        "MR": movie_splits,
        "MR, GloVe": movie_splits,
        "TREC": lambda: iter([(sets.questions("train"), sets.questions("test"))]),
        "IMDB": lambda: iter([(sets.reviews("train")[0], sets.reviews("test")[0])]),
        "standard library": library_splits,
    }
    return fixed[name]() if name in fixed else five_folds(sets.read_set(name, cache))


def linear(train: LabelledTexts, test: LabelledTexts) -> np.ndarray:
    """Which test texts the reference gets right."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = LinearSVC().fit(features.fit_transform(train.texts), train.labels)
    return model.predict(features.transform(test.texts)) == np.array(test.labels)


def ours(train: LabelledTexts, test: LabelledTexts, vectors: str | None = None) -> tuple[np.ndarray, str]:
    """Which test texts the default classifier gets right, and what it chose."""
    from embedcnn.classifier import train_portfolio

    training = train_portfolio(train, vectors=vectors)
    return np.array(training.model.predict_labels(test.texts)) == np.array(test.labels), training.choice[-1]


def unpacked_vectors(folder: Path) -> str:
    """GloVe's file without compression, as it comes from its authors."""
    file = folder / "glove.6B.50d.top100k.txt"
    if not file.is_file():
        file.write_bytes(lzma.decompress((sets.SHARED / VECTORS).read_bytes()))
    return str(file)


def measure(name: str, cache: Path) -> dict[str, Any]:
    """Accuracies of both, their difference and its standard error, seconds, for one set."""
    vectors = unpacked_vectors(cache) if "GloVe" in name else None
    right: list[list[np.ndarray]] = [[], []]
    seconds: list[list[float]] = [[], []]
    sizes = [0, 0, 0]
    for number, (train, test) in enumerate(splits_of(name, cache)):
        begin = time.process_time()
        found, choice = ours(train, test, vectors)
        middle = time.process_time()
        beside = linear(train, test)
        seconds[0].append(middle - begin)
        seconds[1].append(time.process_time() - middle)
        right[0].append(found)
        right[1].append(beside)
        sizes = [len(train), len(test), len(train.label_names)]
        print(
            f"{name} {number}: embedcnn {100 * found.mean():.2f}, linear {100 * beside.mean():.2f}; {choice}",
            flush=True,
        )
    means = [100 * statistics.mean(float(one.mean()) for one in side) for side in right]
    pairs = np.concatenate(right[0]).astype(float) - np.concatenate(right[1])
    return {
        "train": sizes[0],
        "test": sizes[1],
        "labels": sizes[2],
        "splits": len(right[0]),
        "embedcnn": means[0],
        "linear": means[1],
        "difference": means[0] - means[1],
        "error": 100 * float(pairs.std() / np.sqrt(len(pairs))),
        "seconds": statistics.mean(seconds[0]),
        "linear_seconds": statistics.mean(seconds[1]),
    }


def command_seconds(name: str, cache: Path) -> float:
    """Processor seconds of `embedcnn train` on the training texts of the first split, start-up included."""
    train, _ = next(splits_of(name, cache))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.tsv"
        rows = [f"{label}\t{' '.join(text.split())}\n" for text, label in train]
        file.write_text("label\ttext\n" + "".join(rows), encoding="utf-8", newline="\n")
        command = [sys.executable, "-m", "embedcnn", "train", str(file), "--quiet", "--out", f"{folder}/m"]
        command += ["--vectors", unpacked_vectors(cache)] if "GloVe" in name else []
        environment = os.environ | {"PYTHONPATH": str(peers.ROOT)}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def goal_of(name: str, found: dict[str, Any]) -> float:
    """The least difference that is wanted."""
    return GOALS.get(name, -max(0.3, found["error"]))


def markdown(results: dict[str, Any]) -> str:
    """The table of all sets that were measured."""
    lines = [
        "| texts | learnt | labels | TF-IDF + LinearSVC | `embedcnn train` | difference |",
        "|---|---|---|---|---|---|",
    ]
    for name in ABOUT:
        if name not in results:
            continue
        one = results[name]
        missed = one["difference"] < goal_of(name, one)
        goal = f" (goal {goal_of(name, one):+.1f})" if missed else ""
        took = f"{one.get('command_seconds', one['seconds']):.1f} s"
        lines.append(
            f"| {name.replace('_', ' ')}: {ABOUT[name]} | {one['train']:,} | {one['labels']} "
            f"| {one['linear']:.1f} %, {one['linear_seconds']:.1f} s | **{one['embedcnn']:.1f} %**, {took} "
            f"| {one['difference']:+.1f} ± {one['error']:.1f}{goal} |"
        )
    return "\n".join(lines) + "\n"


def write_readme(table: str) -> None:
    file = HERE.parent / "README.md"
    text = file.read_text(encoding="utf-8")
    first, last = (text.index(mark) for mark in MARKS)
    file.write_text(f"{text[: first + len(MARKS[0])]}\n{table}{text[last:]}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=tuple(ABOUT), default=list(ABOUT))
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/embedcnn_labelled_sets")
    parser.add_argument("--command", action="store_true", help="measure the seconds of the whole command")
    parser.add_argument("--json", type=Path, default=RESULTS, help="file for the results")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    kept = json.loads(arguments.json.read_text())["results"] if arguments.json.is_file() else {}
    for name in arguments.only:
        if arguments.command:
            kept[name]["command_seconds"] = command_seconds(name, arguments.cache)
        else:
            kept[name] = kept.get(name, {}) | measure(name, arguments.cache)
        peers.write_json(str(arguments.json), kept)
    table = markdown(kept)
    if arguments.readme:
        write_readme(table)
    print(f"\n{table}")


if __name__ == "__main__":
    main()
