"""Phrases of words counted and joined, beside gensim's.

    python benchmarks/phrases.py --data FOLDER [--gensim PYTHON] [--megabytes 12] [--rounds 3] [--json FILE]

FOLDER holds imdb.train.tsv.xz; of its texts the first so many megabytes are lists of lower-cased words.
PYTHON is an interpreter that has gensim 4. Each round is a process of its own on one thread, contestants
take turns; medians of seconds of the processor, and whether both have joined the same words.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from word_training import write_text

STEPS = ("count", "join", "freeze", "join by the frozen")
SCRIPT = """
import hashlib, json, sys, time
if sys.argv[1] == "gensim":
    from gensim.models.phrases import ENGLISH_CONNECTOR_WORDS, Phrases
else:
    from embedcnn.text import ENGLISH_CONNECTOR_WORDS, Phrases
sentences = [line.split() for line in open(sys.argv[2], encoding="utf-8")]
times = [time.process_time()]
phrases = Phrases(sentences, connector_words=ENGLISH_CONNECTOR_WORDS)
times.append(time.process_time())
joined = list(phrases[sentences])
times.append(time.process_time())
frozen = phrases.freeze()
times.append(time.process_time())
again = list(frozen[sentences])
times.append(time.process_time())
print(json.dumps([b - a for a, b in zip(times, times[1:])]))
print(hashlib.sha256(json.dumps([joined, again, frozen.phrasegrams]).encode()).hexdigest())
"""


def run(python: str, name: str, text: Path) -> tuple[list[float], str]:
    """Seconds of each step, and a digest of all results."""
    command = [python, "-c", SCRIPT, name, str(text)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, digest = done.stdout.split("\n")[-3:-1]
    return json.loads(seconds), digest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--gensim", metavar="PYTHON", help="an interpreter that has gensim")
    parser.add_argument("--megabytes", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    found: dict[str, list[list[float]]] = {}
    digests = set()
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        write_text(arguments.data, text, arguments.megabytes)
        for _ in range(arguments.rounds):
            for name, python in (("embedcnn", sys.executable), ("gensim", arguments.gensim)):
                if python:
                    seconds, digest = run(python, name, text)
                    found.setdefault(name, []).append(seconds)
                    digests.add(digest)
    medians: dict[str, Any] = {
        name: dict(zip(STEPS, map(statistics.median, zip(*rounds, strict=True)), strict=True))
        for name, rounds in found.items()
    }
    for step in STEPS:
        shown = [f"{name} {took[step]:.2f} s" for name, took in medians.items()]
        print(f"{step}: {', '.join(shown)}")
    print("the same words" if len(digests) == 1 else "OTHER WORDS")
    if arguments.json:
        arguments.json.write_text(json.dumps(medians, indent=2) + "\n")


if __name__ == "__main__":
    main()
