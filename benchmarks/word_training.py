"""Training word vectors beside fastText and gensim: skip-gram, bags of words, n-grams of characters.

    python benchmarks/word_training.py --data FOLDER [--python PYTHON] [--gensim PYTHON] [--pairs FILE]
        [--megabytes 12] [--rounds 1] [--epochs 5] [--json FILE]

FOLDER holds imdb.train.tsv.xz; of its texts the first so many megabytes are lower-cased, with letters and
digits kept. PYTHON are interpreters that have fastText 0.9.3, and gensim 4, which trains words alone; without
them embedcnn is measured alone. Every run is a process of its own on one thread, contestants alternate, and
medians are reported: seconds of the processor for the whole call. FILE is wordsim353.tsv as gensim brings
it: how similar the words of a pair are, as people say; the correlation of ranks with the cosines (Spearman).
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BEGIN = """
import json, sys, time
path, model, settings, out = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
"""
SETTINGS = {"dim": 100, "ws": 5, "minCount": 5, "neg": 5, "t": 1e-4, "lr": 0.05, "thread": 1, "verbose": 0}
OURS = """
from embedcnn import vectors
from embedcnn.fasttext import train_unsupervised
begin = time.process_time()
made = train_unsupervised(path, model, **settings)
print(time.process_time() - begin)
vectors.write(made.word_vectors(), out, "word2vec_binary")
"""
FASTTEXT = """
import fasttext
begin = time.process_time()
made = fasttext.train_unsupervised(path, model, **settings)
print(time.process_time() - begin)
with open(out, "w") as file:
    words = made.get_words()
    file.write(f"{len(words)} {made.get_dimension()}\\n")
    for word in words:
        file.write(word + " " + " ".join(map(str, made[word])) + "\\n")
"""
GENSIM = """
from gensim.models import Word2Vec
begin = time.process_time()
made = Word2Vec(corpus_file=path, vector_size=settings["dim"], window=settings["ws"], workers=1,
                min_count=settings["minCount"], negative=settings["neg"], sample=settings["t"],
                alpha=settings["lr"], ns_exponent=0.5, sg=int(model == "skipgram"), epochs=settings["epoch"])
print(time.process_time() - begin)
made.wv.save_word2vec_format(out, binary=True)
"""


def write_text(folder: Path, path: Path, megabytes: float) -> None:
    """The words of IMDB's training texts."""
    left = int(megabytes * 1e6)
    with (
        lzma.open(folder / "imdb.train.tsv.xz", "rt", encoding="utf-8", newline="\n") as file,
        open(path, "w") as out,
    ):
        for line in file:
            text = re.sub(r"[^a-z0-9' ]|<br />", " ", line.rstrip("\n").split("\t")[-1].lower())
            left -= out.write(" ".join(text.split()) + "\n")
            if left < 0:
                return


def correlation(path: Path, pairs: str) -> float:
    """Spearman's, with what people say of pairs of words."""
    from embedcnn import vectors

    return float(vectors.load(path).evaluate_word_pairs(pairs)[1].statistic)


def run(python: str, script: str, text: Path, model: str, settings: dict[str, Any], out: Path) -> float:
    """Processor seconds of one training in a process of its own."""
    command = [python, "-c", BEGIN + script, str(text), model, json.dumps(settings), str(out)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def measured(arguments: argparse.Namespace, folder: Path, model: str, chars: int) -> dict[str, Any]:
    """Seconds of each contestant, and how well its vectors do."""
    contestants = [("embedcnn", sys.executable, OURS), ("fastText", arguments.python, FASTTEXT)]
    contestants += [("gensim", arguments.gensim, GENSIM)] * (not chars)
    settings = {**SETTINGS, "epoch": arguments.epochs, "minn": min(chars, 3), "maxn": chars}
    seconds: dict[str, list[float]] = {}
    shares: dict[str, float] = {}
    out = folder / "vectors.bin"
    for _ in range(arguments.rounds):
        for name, python, script in contestants:
            if python:
                took = run(python, script, folder / "text.txt", model, settings, out)
                seconds.setdefault(name, []).append(took)
                if arguments.pairs:
                    shares[name] = correlation(out, arguments.pairs)
    return {"seconds": {name: statistics.median(some) for name, some in seconds.items()}, "spearman": shares}


def shown(found: dict[str, Any]) -> str:
    """A line of results."""
    parts = []
    for name, took in found["seconds"].items():
        ratio = "" if name == "embedcnn" else f" ({took / found['seconds']['embedcnn']:.1f} x)"
        well = f", Spearman {found['spearman'][name]:.3f}" if name in found["spearman"] else ""
        parts.append(f"{name} {took:.2f} s{ratio}{well}")
    return "; ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--python", metavar="PYTHON", help="an interpreter that has fastText")
    parser.add_argument("--gensim", metavar="PYTHON", help="an interpreter that has gensim")
    parser.add_argument("--pairs", metavar="FILE", help="wordsim353.tsv")
    parser.add_argument("--megabytes", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        write_text(arguments.data, Path(folder, "text.txt"), arguments.megabytes)
        for model in ("skipgram", "cbow"):
            for chars in (0, 6):
                case = f"{model}, {'n-grams of 3 to 6 characters' if chars else 'words alone'}"
                results[case] = measured(arguments, Path(folder), model, chars)
                print(f"{case}: {shown(results[case])}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
