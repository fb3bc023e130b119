"""Texts to ids: embedcnn against Keras's Tokenizer and Hugging Face's tokenizers, in the same run.

    python benchmarks/tokenizer.py [TEXTS] [--threads N] [--repeats N] [--json FILE]

TEXTS: a file with one text a line, also .xz; of lines with TABs the last column counts. Without it: made-up
text with the word frequencies of natural language. Peers that are not installed are left out. Each time is
the best of the repeats. Goals: fit and encode 20x Keras, 15x tokenizers, 300 MB/s; lists 8x, padding 10x
Keras.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import lzma
import os
import platform
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import embedcnn
from embedcnn.preprocessing.sequence import pad_sequences
from embedcnn.preprocessing.text import Tokenizer


def read_lines(path: str) -> list[str]:
    data = Path(path).read_bytes()
    if path.endswith(".xz"):
        data = lzma.decompress(data)
    return [line for line in data.decode("utf-8-sig").split("\n") if line]


def read_texts(path: str) -> list[str]:
    return [line.split("\t")[-1] for line in read_lines(path)]


def made_up_texts(count: int = 5000) -> list[str]:
    """Words by Zipf's law, 230 a text, with capitals and punctuation."""
    source = random.Random(1)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = [
        "".join(source.choices(letters, range(26, 0, -1), k=source.randrange(1, 12))) for _ in range(60000)
    ]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    marks = [""] * 12 + [",", ".", "!", "'s"]
    return [
        " ".join(word + source.choice(marks) for word in source.choices(words, weights, k=230)).capitalize()
        for _ in range(count)
    ]


def best(run: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def fitted(make: Callable[[], Any], texts: list[str]) -> Any:
    tokenizer = make()
    tokenizer.fit_on_texts(texts)
    return tokenizer


def keras_tokenizer() -> Any:
    try:
        from keras.src.legacy.preprocessing.text import Tokenizer as KerasTokenizer
    except ImportError:
        return None
    return KerasTokenizer


def keras_pad() -> Any:
    try:
        from keras.utils import pad_sequences as keras_pad_sequences
    except ImportError:
        return None
    return keras_pad_sequences


def hugging_face(texts: list[str]) -> tuple[Callable[[], Any], Callable[[], Any]] | None:
    """(training, encoding) at word level, with lower-casing and punctuation cut off as Keras does."""
    try:
        from tokenizers import Tokenizer as WordTokenizer
        from tokenizers import models, normalizers, pre_tokenizers, trainers
    except ImportError:
        return None

    def make() -> Any:
        tokenizer = WordTokenizer(models.WordLevel(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.WordLevelTrainer(
            vocab_size=1_000_000, special_tokens=["[UNK]"], show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
        return tokenizer

    ready = make()
    return make, lambda: ready.encode_batch(texts)


def measure(texts: list[str], repeats: int) -> list[dict[str, Any]]:
    ours = fitted(Tokenizer, texts)
    sequences = ours.texts_to_sequences(texts)
    theirs, their_pad, face = keras_tokenizer(), keras_pad(), hugging_face(texts)
    theirs_fitted = fitted(theirs, texts) if theirs else None
    if theirs_fitted:
        assert theirs_fitted.texts_to_sequences(texts) == sequences, "the ids differ from Keras's"
    few = max(1, repeats // 3)
    rows = []

    def row(name: str, run: Callable[[], Any], **peers: Callable[[], Any] | None) -> None:
        entry: dict[str, Any] = {"name": name, "embedcnn": best(run, repeats)}
        entry.update({peer: best(other, few) for peer, other in peers.items() if other})
        rows.append(entry)

    row(
        "fit",
        lambda: fitted(Tokenizer, texts),
        keras=theirs and (lambda: fitted(theirs, texts)),
        tokenizers=face and face[0],
    )
    row(
        "encode to Ragged",
        lambda: ours.encode(texts),
        keras=theirs_fitted and (lambda: theirs_fitted.texts_to_sequences(texts)),
        tokenizers=face and face[1],
    )
    row(
        "fit + texts_to_sequences (lists)",
        lambda: fitted(Tokenizer, texts).texts_to_sequences(texts),
        keras=theirs and (lambda: fitted(theirs, texts).texts_to_sequences(texts)),
    )
    for maxlen in (None, 500, 100):
        row(
            f"pad_sequences(maxlen={maxlen})",
            lambda maxlen=maxlen: pad_sequences(sequences, maxlen=maxlen),
            keras=their_pad and (lambda maxlen=maxlen: their_pad(sequences, maxlen=maxlen)),
        )
    ragged = ours.encode(texts)
    row("Ragged.to_padded(500)", lambda: ragged.to_padded(500))
    return rows


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "embedcnn": embedcnn.__version__}
    for name in ("numpy", "keras", "tokenizers"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} logical cores"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", nargs="?", help="a file with one text a line")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    os.environ.setdefault("RAYON_NUM_THREADS", str(options.threads))  # what tokenizers uses
    embedcnn.set_num_threads(options.threads)
    texts = read_texts(options.texts) if options.texts else made_up_texts()
    size = sum(len(text.encode()) for text in texts)
    print(f"{machine()}; {options.threads} threads; {versions()}")
    print(f"{len(texts)} texts, {size / 1e6:.1f} MB\n")
    rows = measure(texts, options.repeats)
    for entry in rows:
        seconds = entry["embedcnn"]
        line = f"{entry['name']:34}{seconds * 1e3:9.1f} ms{size / 1e6 / seconds:8.0f} MB/s"
        for peer in ("keras", "tokenizers"):
            if peer in entry:
                line += f"   {peer} {entry[peer] * 1e3:.0f} ms = {entry[peer] / seconds:.1f}x"
        print(line)
    if options.json:
        report = {
            "machine": machine(),
            "threads": options.threads,
            "versions": versions(),
            "bytes": size,
            "rows": rows,
        }
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
