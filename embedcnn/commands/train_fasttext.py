"""`embedcnn train --model fasttext`: a model in fastText's format of labelled texts, however many."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from embedcnn.base.pipes import is_pipe
from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_target, is_fasttext
from embedcnn.commands.train_lm import LANGUAGE_MODEL_OPTIONS, refuse

FASTTEXT_OPTIONS = ("loss", "min_count", "char_ngrams", "buckets", "autotune")
OTHER_OPTIONS = (
    *(
        "filters",
        "widths",
        "recurrent_units",
        "blend",
        "freeze",
        "dropout",
        "word_dropout",
        "label_smoothing",
        "patience",
    ),
    *("batch_size", "max_words", "tokenizer", "class_weight", "baseline", "seconds", "report", "precision"),
)
READING = {  # how fastText reads lines, in the words of the options that say how to read DATA
    "format": "fasttext",
    "encoding": "utf-8",
    "empty": "skip",
    "missing_labels": "skip",
    "text_column": None,
    "label_column": None,
}
LABEL = "__label__"
LEARNING_RATE = 0.5


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of fastText's models."""
    group = parser.add_argument_group(
        "with --model fasttext",
        "FILE is what fastText reads, .bin. All of DATA is learnt, and --valid only measured. Lines that "
        f"begin with {LABEL} are read as fastText does. Defaults there: a float for each label in a row "
        f"(--dimensions N: rows of N), 5 epochs, learning rate {LEARNING_RATE:g}, --word-ngrams 1.",
    )
    group.add_argument(
        "--loss",
        choices=("softmax", "ova", "hs", "ns"),
        help="softmax: labels exclude each other; ova: each is decided alone; hs: a tree of labels, for very "
        "many; ns: against a few that are drawn (default: softmax)",
    )
    group.add_argument(
        "--min-count", type=options.count(1), metavar="N", help="leave rarer words out (default: 1)"
    )
    group.add_argument(
        "--char-ngrams",
        type=options.widths,
        metavar="MIN,MAX",
        help="characters of the shortest and the longest n-gram of a word (default: none)",
    )
    group.add_argument(
        "--buckets", type=options.count(1), metavar="N", help="rows for n-grams (default: 2000000)"
    )
    group.add_argument(
        "--autotune",
        type=options.number(0, zero=False),
        metavar="SECONDS",
        help="search so long for the settings that are best on --valid, of those that are not given",
    )


def train_fasttext(arguments: argparse.Namespace) -> int:
    """Runs `train --model fasttext`."""
    refuse(arguments, LANGUAGE_MODEL_OPTIONS, "is for --model lm")
    refuse(arguments, OTHER_OPTIONS, "has no meaning with --model fasttext")
    if arguments.data is None:
        raise CommandError("DATA: --model fasttext needs a file of labelled texts")
    if arguments.autotune is not None and arguments.valid is None:
        raise CommandError("--autotune: needs --valid")
    has_ngrams = arguments.char_ngrams or (arguments.word_ngrams or 1) > 1 or arguments.autotune
    if arguments.buckets is not None and not has_ngrams:
        raise CommandError("--buckets: are for n-grams; give --word-ngrams or --char-ngrams, too")
    if arguments.out.endswith(".ftz"):
        raise CommandError(
            f"--out: {arguments.out!r} is the name of a quantised model; train a .bin, then "
            "`embedcnn quantize` it"
        )
    options.use_runtime(arguments)
    print(options.first_line())
    read_too = [arguments.data, arguments.valid, arguments.vectors]
    note = check_target(arguments.out, arguments.force or is_fasttext(arguments.out), read_too)
    if note:
        print(note)
    sys.stdout.flush()
    if all(is_lines(arguments, path) for path in (arguments.data, arguments.valid) if path is not None):
        refuse_reading(arguments, f"for lines that begin with {LABEL}")
    text = read(arguments, arguments.data)
    valid = None if arguments.valid is None else lines_of(arguments, arguments.valid)
    begin = time.perf_counter()
    model = trained_as_told(arguments, text, valid)
    took = time.perf_counter() - begin
    size = f" ({os.path.getsize(arguments.data) / 1e6 / took:.0f} MB/s)" if "labels" not in text else ""
    print(f"{len(model.words)} words, {len(model.labels)} labels; trained in {took:.1f} s{size}")
    if valid is not None:
        count, precision, recall = model.test(valid)
        print(f"precision {precision:.1%}, recall {recall:.1%} of one label on the {count} texts of --valid")
    model.save_model(arguments.out)
    print(f'saved {arguments.out}; now try: embedcnn predict {arguments.out} "a text of yours"')
    return 0


def trained_as_told(arguments: argparse.Namespace, text: dict[str, Any], valid: str | bytes | None) -> Any:
    """The model; `valid`: the lines of --valid, on which --autotune compares. What an option says is not
    searched, even where it is the default.
    """
    from embedcnn.fasttext import autotune  # start-up
    from embedcnn.fasttext.settings import Settings  # start-up
    from embedcnn.fasttext.training import trained  # start-up

    given = settings_of(arguments)
    wanted = None
    if arguments.autotune is not None:
        wanted = autotune.wanted(valid, "f1", 1, arguments.autotune, "")
    verbose = 0 if arguments.quiet else 2 if sys.stderr.isatty() else 1
    settings = Settings(**{"lr": LEARNING_RATE, **given}, verbose=verbose)
    try:
        return trained(
            text["input"], settings, set(given), arguments.vectors, wanted, labels=text.get("labels")
        )
    except RuntimeError:
        raise CommandError(
            f"--autotune: no model was trained in {arguments.autotune:g} seconds; give it more"
        ) from None


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings of fastText's that options give."""
    shortest_longest = arguments.char_ngrams or (0, 0)
    if len(shortest_longest) != 2:
        raise CommandError(f"--char-ngrams: two numbers are needed, as 3,6. Received: {shortest_longest}")
    given = {
        "epoch": arguments.epochs,
        "dim": arguments.dimensions,
        "lr": arguments.learning_rate,
        "wordNgrams": arguments.word_ngrams,
        "loss": arguments.loss,
        "minCount": arguments.min_count,
        "bucket": arguments.buckets,
        "seed": arguments.seed,
    }
    if arguments.char_ngrams:
        given["minn"], given["maxn"] = shortest_longest
    return {name: value for name, value in given.items() if value is not None}


def has_lines(path: str) -> bool:
    """Whether a file has fastText's lines, as they are."""
    if is_pipe(path) or os.path.isdir(path):
        return False
    with open(path, "rb") as file:
        return file.read(4096).lstrip().startswith(LABEL.encode())


def is_lines(arguments: argparse.Namespace, path: str) -> bool:
    """Whether a file is read as fastText does."""
    return arguments.format in (None, "fasttext") and has_lines(path)


def refuse_reading(arguments: argparse.Namespace, where: str) -> None:
    """Refuses options of reading that fastText's lines do not have."""
    for name, only in READING.items():
        if getattr(arguments, name) not in (None, only):
            raise CommandError(f"--{name.replace('_', '-')}: has no meaning {where}")


def read(arguments: argparse.Namespace, path: str, min_labels: int = 2) -> dict[str, Any]:
    """DATA as train_supervised takes it: the file itself, or texts and labels of other formats."""
    if is_lines(arguments, path):
        return {"input": path}
    found = options.read_data(arguments, path, min_labels)
    if found.columns:
        print(found.columns)
    labels = ["_".join(str(label).split()) for label in found.labels]
    return {"input": found.texts, "labels": labels}


def lines_of(arguments: argparse.Namespace, path: str) -> str | bytes:
    """Labelled texts to measure a model on: the path of fastText's lines, or lines made of other formats."""
    from embedcnn.fasttext.texts import text_of  # start-up

    found = read(arguments, path, min_labels=1)
    return text_of(found["input"], found["labels"], LABEL) if "labels" in found else path
