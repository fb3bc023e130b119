"""`embedcnn filter`: the documents of a corpus that a model is sure enough about."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from embedcnn.commands import arguments as options
from embedcnn.commands.corpus_run import (
    Piece,
    described,
    fingerprint,
    opened_output,
    run_corpus,
)
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_output
from embedcnn.commands.text_models import TextModel, label_number, open_models
from embedcnn.data.corpus import CORPUS_FORMATS, Place, TextBlock, corpus_blocks
from embedcnn.data.lines import existing_file
from embedcnn.data.records import record_format

MOST_NAMED = 20

EPILOG = """\
A document is a line, of text or of JSON. It passes where the probability of --label is --threshold or more,
and comes out as it stood; others are left out. With several models, which read the text once, it must pass
all of them: give --label and --threshold once for all, or once for each.

Files are read in this order, in constant memory; those ending in .gz, .bz2, .xz and .zst are unpacked, and
the output is packed where its name ends so. A folder as --out gets a file of the same name for each input;
one whose name ends in / is made where there is none.
Lines that cannot be read are left out, the first are named and all are counted; the exit status is 1 then.

A run that was killed goes on where it was when it is started again with the same arguments: what it has
written so far stands in OUT.partial, and how far it came in OUT.partial.json. --restart begins anew.

examples:
  embedcnn filter quality.embedcnn --label good --threshold 0.9 --input a.jsonl.gz b.jsonl.gz --out good.gz
  embedcnn filter spam.embedcnn --label spam --threshold 0.5 --drop --input mails.txt --out clean.txt
  embedcnn filter --model quality.embedcnn --label good --model topic.embedcnn --label physics \\
      --threshold 0.8 --input docs/*.jsonl --out kept/
  embedcnn filter quality.embedcnn --label good --tag quality --input docs.jsonl --out tagged.jsonl
  zcat docs.jsonl.gz | embedcnn filter quality.embedcnn --label good --format jsonl | wc -l
"""


class Condition(NamedTuple):
    """What a document must fulfil to pass: a label of a model, as likely as this."""

    model: TextModel
    label: int
    threshold: float


def add_command(commands: Any) -> None:
    """Adds `filter`."""
    parser = commands.add_parser(
        "filter",
        help="the documents of a corpus that a model is sure about",
        description="Keep, drop or tag the documents of a corpus by the probability of a label.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_models(parser)
    parser.add_argument(
        "--label", metavar="L", action="append", required=True, help="the label that a document must have"
    )
    parser.add_argument(
        "--threshold",
        type=options.share,
        metavar="P",
        action="append",
        help="and its least probability (default: 0.5)",
    )
    parser.add_argument(
        "--input",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="the corpus, in this order (default: standard input)",
    )
    parser.add_argument(
        "--out", metavar="FILE|DIR", help="write the documents there (default: standard output)"
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--drop", action="store_true", help="leave out the documents that pass; keep the others"
    )
    chosen.add_argument(
        "--tag",
        metavar="KEY",
        nargs="?",
        const="filter",
        help='leave nothing out: JSON gets "KEY": {"pass": true, "probabilities": [0.98]}, a line of text '
        "the same in front of it, tabs between (default: filter)",
    )
    parser.add_argument(
        "--format", choices=CORPUS_FORMATS, help="of the input (default: by the file's name; lines)"
    )
    parser.add_argument(
        "--text-column",
        metavar="KEY",
        help="the key of the text in JSON lines (default: text, sentence, review, content or question)",
    )
    options.add_restart(parser)
    options.add_common_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `filter`."""
    inputs = arguments.input or ["-"]
    paths = [options.data_file(path) for path in inputs]
    check_usage(arguments, paths)
    options.use_runtime(arguments)
    options.show_inexact_products()
    models = open_models(arguments.model, arguments.more_models)
    conditions = conditions_of(models, arguments.label, arguments.threshold or [0.5])
    formats = {path: arguments.format or record_format(path) for path in paths}
    out = opened_output(
        arguments.out,
        paths,
        [os.path.basename(path) for path in paths],
        {
            "command": "filter",
            "models": [[one.path, *fingerprint(one.path)] for one in models],
            "options": {
                name: getattr(arguments, name)
                for name in ("label", "threshold", "drop", "tag", "format", "text_column")
            },
            "precision": arguments.precision or "high",
        },
        arguments.restart,
    )

    def read(path: str, place: Place) -> Iterator[Piece]:
        for block in corpus_blocks(path, formats[path], arguments.text_column, place):
            yield Piece(block, block.behind, block.packed_bytes, len(block.texts), len(block.raw))

    def answer(path: str, block: TextBlock, counts: dict[str, int]) -> bytes:
        name_faults(path, block, counts.get("damaged", 0))
        passes, found = passed(block, conditions)
        good = np.array([text is not None for text in block.texts], bool)
        for name, number in (
            ("texts", len(good)),
            ("passed", int(passes.sum())),
            ("damaged", len(block.faults)),
        ):
            counts[name] = counts.get(name, 0) + number
        if arguments.tag is not None:
            return tagged(block, passes, found, good, arguments.tag if formats[path] == "jsonl" else None)
        return block.chosen(good & ~passes if arguments.drop else passes)

    counts = run_corpus(paths, read, answer, out, options.shows_progress(arguments.out))
    print(f"embedcnn: {described(counts)}", file=sys.stderr)
    return 1 if counts.get("damaged") else 0


def check_usage(arguments: argparse.Namespace, paths: list[str]) -> None:
    """Refuses, before any work, what cannot be done."""
    models = [*([arguments.model] if arguments.model is not None else []), *(arguments.more_models or [])]
    for name in ("label", "threshold"):
        given = getattr(arguments, name) or [None]
        if len(given) not in (1, len(models)):
            raise CommandError(
                f"--{name}: give one for all models, or one for each of the {len(models)}. Received: "
                f"{len(given)}"
            )
    for path in paths:
        existing_file(path)
        if arguments.format is None and record_format(path) not in CORPUS_FORMATS:
            raise CommandError(
                f"--input: {path!r} looks like a table; lines of text or JSON are filtered. Give --format to "
                "read it so"
            )
    formats = {arguments.format or record_format(path) for path in paths}
    if arguments.text_column is not None and "jsonl" not in formats:
        raise CommandError("--text-column: is for JSON lines; lines of text have no columns")
    if arguments.restart and arguments.out is None:
        raise CommandError("--restart: is for --out")
    check_output(arguments.out, [*models, *paths])


def conditions_of(models: list[TextModel], labels: list[str], thresholds: list[float]) -> list[Condition]:
    """One condition for each model."""
    labels = labels * len(models) if len(labels) == 1 else labels
    thresholds = thresholds * len(models) if len(thresholds) == 1 else thresholds
    return [
        Condition(model, label_number(model, label), threshold)
        for model, label, threshold in zip(models, labels, thresholds, strict=True)
    ]


def name_faults(path: str, block: TextBlock, before: int) -> None:
    """Says which lines could not be read: the first ones of a run by name."""
    for place, (line, fault) in enumerate(block.faults.items(), before):
        if place < MOST_NAMED:
            name = options.file_name(path)
            print(f"embedcnn: {name}, line {block.place.lines + 1 + line}: {fault}", file=sys.stderr)
        elif place == MOST_NAMED:
            print("embedcnn: more lines that cannot be read are only counted", file=sys.stderr)


def passed(block: TextBlock, conditions: list[Condition]) -> tuple[np.ndarray, np.ndarray]:
    """Which lines fulfil all conditions, bool (lines,), and their probabilities, (lines, conditions): NaN for
    those without a text.
    """
    texts: list[str] = block.texts if not block.faults else [t for t in block.texts if t is not None]  # type: ignore[assignment]
    found = np.full((len(block.texts), len(conditions)), np.nan)
    rows = np.setdiff1d(np.arange(len(block.texts)), list(block.faults))
    passes = np.zeros(len(block.texts), bool)
    passes[rows] = True
    for number, (model, label, threshold) in enumerate(conditions):
        found[rows, number] = model.probability(texts, label)
        passes &= found[:, number] >= threshold  # NaN is not
    return passes, found


def tagged(
    block: TextBlock, passes: np.ndarray, found: np.ndarray, good: np.ndarray, key: str | None
) -> bytes:
    """All lines that could be read, each with what was found: in its object of JSON under `key`, or before
    it.
    """
    lines: list[bytes] = []
    starts = np.concatenate([[0], block.ends[:-1]]).tolist()
    for i in np.flatnonzero(good).tolist():
        line = block.raw[starts[i] : block.ends[i]].rstrip(b"\r\n")
        values = [round(value, 6) for value in found[i].tolist()]
        if key is None:
            shown = "\t".join(["pass" if passes[i] else "fail", *(f"{value:.4f}" for value in values)])
            lines.append(shown.encode() + b"\t" + line)
            continue
        tag = json.dumps({key: {"pass": bool(passes[i]), "probabilities": values}}, ensure_ascii=False)
        lines.append(line.rstrip(b" \t\r")[:-1] + b", " + tag[1:].encode())
    return b"\n".join(lines) + b"\n" if lines else b""
