"""`embedcnn predict`: labels of texts: from the command line, from files, or from standard input as they
come.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from functools import partial
from typing import IO, Any, cast

import numpy as np

from embedcnn.base.replacement import replacing
from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_name, load_text_model
from embedcnn.data.lines import checked_encoding, existing_file
from embedcnn.data.records import RECORD_FORMATS, TextRecord, file_records, stream_records
from embedcnn.graph.nesting import leaf_layers
from embedcnn.layers import BagOfNgrams
from embedcnn.training.prediction import check_predictions

READ_BYTES = 1 << 16
BATCH = 256  # texts that a model of tokens predicts at once

EPILOG = """\
Each text gives one line: the label, a tab, its probability; with --top K the next likely ones follow, tabs
between. Standard input is answered as it comes, line by line; an empty line is a text without words.

--input reads files in place of texts: lines of text, a CSV or TSV table (--text-column), JSON lines, each
also packed as .gz, .bz2, .xz or .zst. Answers keep their order, file after file, in constant memory. What
cannot be read has an answer too, a line that begins with "!error" (with --json an object with "error"); the
exit status is 1 then.

examples:
  embedcnn predict model.embedcnn "parse the message headers" "draw a circle"
  embedcnn predict model.embedcnn --top 3 "parse the message headers"
  embedcnn predict model.embedcnn - < texts.txt > labels.tsv
  embedcnn predict model.embedcnn --input new.csv.gz --text-column review --out labels.tsv
  embedcnn predict model.embedcnn --input a.jsonl b.jsonl --json --out answers.jsonl
  tail -f log.txt | embedcnn predict model.embedcnn --json
"""


def add_command(commands: Any) -> None:
    """Adds `predict`."""
    parser = commands.add_parser(
        "predict",
        help="labels of texts",
        description="Predict the label of each text.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a file that embedcnn train or model.save has written")
    parser.add_argument(
        "texts", metavar="TEXT", nargs="*", help="the texts; none or a single -: lines of standard input"
    )
    parser.add_argument(
        "--input", metavar="FILE", nargs="+", action="extend", help="files with the texts, in this order"
    )
    parser.add_argument("--out", metavar="FILE", help="write the answers there (default: standard output)")
    parser.add_argument(
        "--format",
        choices=RECORD_FORMATS,
        help="of --input or standard input (default: by the file's name; lines)",
    )
    parser.add_argument(
        "--text-column",
        metavar="NAME",
        help="where the text stands: a column's name or number from 0, or a key of JSON lines (default: "
        "text, sentence, review, content or question)",
    )
    parser.add_argument(
        "--top", type=options.count(1), default=1, metavar="K", help="the K most likely labels (default: 1)"
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line: text, and labels with probabilities"
    )
    parser.add_argument(
        "--encoding", default="utf-8", metavar="NAME", help="of files and standard input (default: utf-8)"
    )
    options.add_common_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `predict`."""
    check_usage(arguments)
    options.use_runtime(arguments)
    options.show_inexact_products()
    model = load_text_model(arguments.model)
    damaged = 0
    with ExitStack() as stack:
        out: IO[str] = sys.stdout
        if arguments.out is not None:
            binary = stack.enter_context(replacing(arguments.out))
            out = stack.enter_context(open(binary.fileno(), "w", encoding="utf-8", closefd=False))
        bar = stack.enter_context(progress(arguments))
        for name, records in sources(arguments):
            if bar is not None:
                bar.update(len(records))
            damaged += write_answers(out, model, name, records, arguments.top, arguments.json)
    if damaged:
        print(f"embedcnn: {damaged} record{'s' * (damaged > 1)} could not be read", file=sys.stderr)
    return 1 if damaged else 0


def check_usage(arguments: argparse.Namespace) -> None:
    """Refuses options that would do nothing, and says so where a text is the name of a file."""
    if arguments.input and arguments.texts:
        raise CommandError(f"--input: give files or texts, not both. Received: text {arguments.texts[0]!r}")
    if arguments.out is not None:
        check_name(arguments.out)
        read = [arguments.model, *(arguments.input or ())]
        if any(same_file(path, arguments.out) for path in read):
            raise CommandError(f"--out: {arguments.out!r} is read too; choose another name")
    for path in arguments.input or ():
        existing_file(path)
    for name in ("format", "text_column"):
        if getattr(arguments, name) is not None and arguments.texts not in ([], ["-"]):
            raise CommandError(f"--{name.replace('_', '-')}: is for --input and standard input")
    if arguments.texts not in ([], ["-"]):
        for text in arguments.texts:
            if len(text) < 4096 and os.path.isfile(text):
                print(
                    f"embedcnn: {text!r} is taken as a text, though a file has that name; --input reads it",
                    file=sys.stderr,
                )


def same_file(one: str, other: str) -> bool:
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def sources(arguments: argparse.Namespace) -> Iterator[tuple[str, list[TextRecord]]]:
    """(name of the source, records) in groups."""
    encoding = checked_encoding(arguments.encoding)
    if arguments.input:
        for path in arguments.input:
            for group in ahead(file_records(path, arguments.format, encoding, arguments.text_column)):
                yield path, group
    elif arguments.texts in ([], ["-"]):
        if sys.stdin is None or sys.stdin.closed:
            raise CommandError("standard input is closed; give texts, or --input FILE")
        name, source = "standard input", cast(io.BufferedReader, sys.stdin.buffer)
        read = partial(source.read1, READ_BYTES)
        format = arguments.format or "lines"
        for group in stream_records(read, format, encoding, arguments.text_column, name):
            yield name, group
    else:
        yield "the command line", [TextRecord(i, text) for i, text in enumerate(arguments.texts, 1)]


def ahead(groups: Iterator[list[TextRecord]]) -> Iterator[list[TextRecord]]:
    """The same groups; another thread reads the next one while the last one is answered."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, groups, None)
        while (group := following.result()) is not None:
            following = pool.submit(next, groups, None)
            yield group


def progress(arguments: argparse.Namespace) -> Any:
    """A bar over the texts of files, on a terminal that does not show the answers; else nothing."""
    hidden = not arguments.input or not sys.stderr.isatty()
    if hidden or (arguments.out is None and sys.stdout.isatty()):
        return nullcontext()
    from tqdm import tqdm  # takes longer to import than a text to label

    return tqdm(unit=" texts")


def write_answers(
    out: IO[str], model: Any, name: str, records: list[TextRecord], top: int, as_json: bool
) -> int:
    """A line for each record, in order; how many of them are damaged."""
    texts = [record.text for record in records if record.text is not None]
    found = np.zeros((0, len(model.labels)), np.float32)
    if texts:
        found = model.predict(texts, batch_size=texts_at_once(model, len(texts)), verbose=0)
    check_predictions(model.name, found)
    lines = answers(texts, found, model.labels, top, as_json)
    if len(texts) < len(records):
        given = iter(lines)
        lines = [fault(name, record, as_json) if record.error else next(given) for record in records]
    if lines:
        out.write("\n".join(lines) + "\n")
    out.flush()
    return len(records) - len(texts)


def texts_at_once(model: Any, count: int) -> int:
    """How many texts of `count` the model predicts in one batch: all, where n-grams give numbers at once and
    no tokens are kept.
    """
    readers = [layer for layer in leaf_layers(model.layers) if layer.reads_texts]
    return count if readers and all(isinstance(layer, BagOfNgrams) for layer in readers) else BATCH


def fault(name: str, record: TextRecord, as_json: bool) -> str:
    """The line for a record that could not be read."""
    if as_json:
        return json.dumps({"error": record.error, "file": name, "line": record.line}, ensure_ascii=False)
    return f"!error\t{name}, line {record.line}: {record.error}"


def answers(texts: list[str], found: np.ndarray, labels: list[str], top: int, as_json: bool) -> list[str]:
    """One line for each text, from its probabilities.

    >>> answers(["it purrs"], np.array([[0.75, 0.25]]), ["cat", "dog"], 2, as_json=False)
    ['cat\\t0.7500\\tdog\\t0.2500']
    """
    if top == 1 and not as_json:
        best = found.argmax(axis=1)
        likely = found[np.arange(len(found)), best].tolist()
        return [f"{labels[i]}\t{value:.4f}" for i, value in zip(best.tolist(), likely, strict=True)]
    order = np.argsort(-found, axis=1, kind="stable")[:, :top]
    chosen = [
        [(labels[i], value) for i, value in zip(*pair, strict=True)]
        for pair in zip(order.tolist(), np.take_along_axis(found, order, axis=1).tolist(), strict=True)
    ]
    if not as_json:
        return ["\t".join(f"{label}\t{value:.4f}" for label, value in row) for row in chosen]
    lines = []
    for text, row in zip(texts, chosen, strict=True):
        listed = [{"label": label, "probability": round(value, 6)} for label, value in row]
        lines.append(json.dumps({"text": text, "labels": listed}, ensure_ascii=False))
    return lines
