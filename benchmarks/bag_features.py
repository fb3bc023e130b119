"""Texts to a sparse matrix of words and pairs of words: bags.Vectorizer beside scikit-learn's vectorizers.

    python benchmarks/bag_features.py [TEXTS] [--threads N] [--rounds N] [--processor-time] [--json FILE]

TEXTS: a file with one text a line, also .xz; of lines with TABs the last column counts (IMDB's training part:
25,000 reviews, 33 MB). Without it: made-up texts of that size. All make a CSR matrix of values that are
normalised; scikit-learn has its own tokens, which leave out punctuation and words of one letter, so that it
makes fewer columns: that is in its favour. All take turns, round after round; each time is the best of the
rounds. `--processor-time`: of one thread, instead of time on the wall, for a machine that is not idle. Goal,
2 threads: 8 x HashingVectorizer, 100 MB/s.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import peers
import tokenizer

GOALS = "goal: 8 x HashingVectorizer, 100 MB/s"
PAIRS = (1, 2)


def contestants(texts: list[str]) -> dict[str, Callable[[], Any]]:
    """What makes a matrix of the texts, by name."""
    from embedcnn.bags import NgramFeatures, Vectorizer

    fitted = Vectorizer(ngram_range=PAIRS).fit(texts)
    with_characters = NgramFeatures(words=PAIRS, chars=(3, 5))
    found: dict[str, Callable[[], Any]] = {
        "Vectorizer, hashed": lambda: Vectorizer(
            ngram_range=PAIRS, n_features=2**20, use_idf=False
        ).fit_transform(texts),
        "Vectorizer, tf-idf": lambda: Vectorizer(ngram_range=PAIRS).fit_transform(texts),
        "the same, transform": lambda: fitted.transform(texts),
        "NgramFeatures, words and characters": lambda: with_characters.fit_transform(texts),
    }
    try:
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
    except ImportError:
        return found
    theirs = TfidfVectorizer(ngram_range=PAIRS).fit(texts)
    return {
        **found,
        "HashingVectorizer": lambda: HashingVectorizer(ngram_range=PAIRS).fit_transform(texts),
        "TfidfVectorizer": lambda: TfidfVectorizer(ngram_range=PAIRS).fit_transform(texts),
        "TfidfVectorizer, transform": lambda: theirs.transform(texts),
    }


PEERS = {
    "Vectorizer, hashed": "HashingVectorizer",
    "Vectorizer, tf-idf": "TfidfVectorizer",
    "the same, transform": "TfidfVectorizer, transform",
}


def measure(texts: list[str], rounds: int, clock: Callable[[], float]) -> list[dict[str, Any]]:
    """Seconds of each contestant, and how many times its peer's that is."""
    runs = contestants(texts)
    times = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            begin = clock()
            run()
            times[name] = min(times[name], clock() - begin)
    size = sum(map(len, texts)) / 1e6
    rows: list[dict[str, Any]] = []
    for name, seconds in times.items():
        row: dict[str, Any] = {
            "name": name,
            "seconds": round(seconds, 3),
            "mb_per_s": round(size / seconds, 1),
        }
        if PEERS.get(name) in times:
            row["times_peer"] = round(times[PEERS[name]] / seconds, 1)
        rows.append(row)
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", nargs="?")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processor-time", action="store_true")
    parser.add_argument("--json")
    options = parser.parse_args(arguments)

    import embedcnn

    embedcnn.set_num_threads(1 if options.processor_time else options.threads)
    texts = tokenizer.read_texts(options.texts) if options.texts else tokenizer.made_up_texts(25_000)
    clock = time.process_time if options.processor_time else time.perf_counter
    rows = measure(texts, options.rounds, clock)
    for row in rows:
        ratio = f"{row['times_peer']:6.1f} x {PEERS[row['name']]}" if "times_peer" in row else ""
        print(f"{row['name']:36} {row['seconds']:8.3f} s {row['mb_per_s']:8.1f} MB/s {ratio}", flush=True)
    print(GOALS)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(
                {"machine": peers.machine(), "threads": embedcnn.get_num_threads(), "rows": rows},
                file,
                indent=1,
            )


if __name__ == "__main__":
    main()
