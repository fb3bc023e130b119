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
from contextlib import ExitStack
from functools import partial
from typing import IO, Any, cast

import numpy as np

from embedcnn.base.replacement import replacing
from embedcnn.commands import arguments as options
from embedcnn.commands.corpus_run import Piece, described, fingerprint, opened_output, run_corpus
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_name, check_output
from embedcnn.commands.text_models import TextModel, open_models
from embedcnn.data.corpus import CORPUS_FORMATS, Place, corpus_blocks
from embedcnn.data.lines import SUFFIXES, checked_encoding, existing_file
from embedcnn.data.records import RECORD_FORMATS, TextRecord, file_records, record_format, stream_records

READ_BYTES = 1 << 16

EPILOG = """\
Each text gives one line: the label, a tab, its probability; with --top K the next likely ones follow, tabs
between, and behind them what each further --model says. Models of fastText (.bin, .ftz) are read as they are.
Standard input is answered as it comes, line by line; an empty line is a text without words.

--input reads files in place of texts: lines of text, a CSV or TSV table (--text-column), JSON lines, each
also packed as .gz, .bz2, .xz or .zst. Answers keep their order, file after file, in constant memory. What
cannot be read has an answer too, a line that begins with "!error" (with --json an object with "error"); the
exit status is 1 then. A folder as --out gets a file of answers for each input. A run that was killed goes on
where it was when it is started again with the same arguments: what it has written so far stands in
OUT.partial, and how far it came in OUT.partial.json.

examples:
  embedcnn predict model.embedcnn "parse the message headers" "draw a circle"
  embedcnn predict model.embedcnn --top 3 "parse the message headers"
  embedcnn predict model.embedcnn - < texts.txt > labels.tsv
  embedcnn predict model.embedcnn --input new.csv.gz --text-column review --out labels.tsv
  embedcnn predict model.embedcnn --input a.jsonl.gz b.jsonl.zst --json --out answers.jsonl.gz
  embedcnn predict --model topics.embedcnn --model quality.embedcnn --input docs.jsonl --out answers.tsv
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
    options.add_models(parser)
    parser.add_argument(
        "texts", metavar="TEXT", nargs="*", help="the texts; none or a single -: lines of standard input"
    )
    parser.add_argument(
        "--input", metavar="FILE", nargs="+", action="extend", help="files with the texts, in this order"
    )
    parser.add_argument(
        "--out", metavar="FILE|DIR", help="write the answers there (default: standard output)"
    )
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
    parser.add_argument("--encoding", metavar="NAME", help="of files and standard input (default: utf-8)")
    options.add_restart(parser)
    options.add_common_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `predict`."""
    check_usage(arguments)
    options.use_runtime(arguments)
    options.show_inexact_products()
    models = open_models(arguments.model, arguments.more_models)
    answer_all = answer_files if arguments.input else answer_stream
    damaged = answer_all(arguments, models)
    if damaged:
        print(f"embedcnn: {damaged} record{'s' * (damaged > 1)} could not be read", file=sys.stderr)
    return 1 if damaged else 0


def answer_files(arguments: argparse.Namespace, models: list[TextModel]) -> int:
    """Answers --input; how many records are damaged."""
    encoding = checked_encoding(arguments.encoding or "utf-8")
    suffix = ".jsonl" if arguments.json else ".tsv"
    out = opened_output(
        arguments.out,
        arguments.input,
        [os.path.basename(without_packing(path)) + suffix for path in arguments.input],
        {
            "command": "predict",
            "models": [[model.path, *fingerprint(model.path)] for model in models],
            "options": {
                name: getattr(arguments, name)
                for name in ("top", "json", "format", "text_column", "encoding")
            },
            "precision": arguments.precision or "high",
        },
        arguments.restart,
    )

    def read(path: str, place: Place) -> Iterator[Piece]:
        format = arguments.format or record_format(path)
        if format in CORPUS_FORMATS and encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
            for block in corpus_blocks(path, format, arguments.text_column, place):
                yield Piece(
                    block.records(), block.behind, block.packed_bytes, len(block.texts), len(block.raw)
                )
        else:
            yield from table_pieces(file_records(path, format, encoding, arguments.text_column), place)

    def answer(path: str, records: list[TextRecord], counts: dict[str, int]) -> bytes:
        lines, damaged = answered(models, path, records, arguments.top, arguments.json)
        counts["texts"] = counts.get("texts", 0) + len(records)
        counts["damaged"] = counts.get("damaged", 0) + damaged
        text = "".join(f"{line}\n" for line in lines)
        return text.encode("utf-8", "backslashreplace")  # as JSON has a lone surrogate

    shown = options.shows_progress(arguments.out)
    counts = run_corpus(arguments.input, read, answer, out, shown)
    if shown:
        print(f"embedcnn: {described(counts)}", file=sys.stderr)
    return counts.get("damaged", 0)


def table_pieces(groups: Iterator[list[TextRecord]], place: Place) -> Iterator[Piece]:
    """Records that no core reads; a place among them is how many there were."""
    done = 0
    for group in groups:
        before, done = done, done + len(group)
        if done > place.lines:
            left = group[max(0, place.lines - before) :]
            size = sum(len(record.text or "") for record in left)
            yield Piece(left, Place(0, done), 0, len(left), size)


def without_packing(path: str) -> str:
    """The name of a file without the suffix of its compression.

    >>> without_packing("a.jsonl.gz")
    'a.jsonl'
    """
    stem, suffix = os.path.splitext(path)
    return stem if suffix.lower() in SUFFIXES else path


def answer_stream(arguments: argparse.Namespace, models: list[TextModel]) -> int:
    """Answers the texts of the command line, or standard input as it comes; how many are damaged."""
    damaged = 0
    with ExitStack() as stack:
        out: IO[str] = sys.stdout
        if arguments.out is not None:
            binary = stack.enter_context(replacing(arguments.out))
            out = stack.enter_context(open(binary.fileno(), "w", encoding="utf-8", closefd=False))
        for name, records in sources(arguments):
            lines, wrong = answered(models, name, records, arguments.top, arguments.json)
            if lines:
                out.write("\n".join(lines) + "\n")
            out.flush()
            damaged += wrong
    return damaged


def check_usage(arguments: argparse.Namespace) -> None:
    """Refuses options that would do nothing, and says so where a text is the name of a file."""
    if arguments.more_models and arguments.model is not None and not os.path.exists(arguments.model):
        arguments.texts.insert(0, arguments.model)  # the models were named before it
        arguments.model = None
    if arguments.input and arguments.texts:
        raise CommandError(f"--input: give files or texts, not both. Received: text {arguments.texts[0]!r}")
    models = [*([arguments.model] if arguments.model is not None else []), *(arguments.more_models or ())]
    if arguments.out is not None and (not arguments.input or not os.path.isdir(arguments.out)):
        check_name(arguments.out)
    check_output(arguments.out, [*models, *(arguments.input or ())])
    if arguments.restart and (not arguments.input or arguments.out is None):
        raise CommandError("--restart: is for --input with --out")
    for path in arguments.input or ():
        existing_file(path)
    for name in ("format", "text_column", "encoding"):
        if getattr(arguments, name) is not None and arguments.texts not in ([], ["-"]):
            raise CommandError(f"--{name.replace('_', '-')}: is for --input and standard input")
    formats = [arguments.format or record_format(path) for path in arguments.input or ()]
    if arguments.text_column is not None and {*(formats or [arguments.format or "lines"])} == {"lines"}:
        raise CommandError("--text-column: is for tables and JSON lines; lines of text have no columns")
    if arguments.texts not in ([], ["-"]):
        for text in arguments.texts:
            if len(text) < 4096 and os.path.isfile(text):
                print(
                    f"embedcnn: {text!r} is taken as a text, though a file has that name; --input reads it",
                    file=sys.stderr,
                )


def sources(arguments: argparse.Namespace) -> Iterator[tuple[str, list[TextRecord]]]:
    """(name of the source, records) in groups."""
    encoding = checked_encoding(arguments.encoding or "utf-8")
    if arguments.texts in ([], ["-"]):
        if sys.stdin is None or sys.stdin.closed:
            raise CommandError("standard input is closed; give texts, or --input FILE")
        name, source = "standard input", cast(io.BufferedReader, sys.stdin.buffer)
        read = partial(source.read1, READ_BYTES)
        format = arguments.format or "lines"
        for group in stream_records(read, format, encoding, arguments.text_column, name):
            yield name, group
    else:
        yield "the command line", [TextRecord(i, text) for i, text in enumerate(arguments.texts, 1)]


def answered(
    models: list[TextModel], name: str, records: list[TextRecord], top: int, as_json: bool
) -> tuple[list[str], int]:
    """A line for each record, in order; how many of them are damaged."""
    texts = [record.text for record in records if record.text is not None]
    found = [(model.labels, *model.likeliest(texts, top)) for model in models]
    lines = json_answers(texts, [model.path for model in models], found) if as_json else answers(found)
    if len(texts) == len(records):
        return lines, 0
    given = iter(lines)
    lines = [fault(name, record, as_json) if record.error else next(given) for record in records]
    return lines, len(records) - len(texts)


def fault(name: str, record: TextRecord, as_json: bool) -> str:
    """The line for a record that could not be read."""
    if as_json:
        return json.dumps({"error": record.error, "file": name, "line": record.line}, ensure_ascii=False)
    return f"!error\t{name}, line {record.line}: {record.error}"


Found = tuple[list[str], np.ndarray, np.ndarray]
"""The labels of a model; for each text the numbers of the likeliest of them, and their probabilities."""


def answers(found: list[Found]) -> list[str]:
    """One line for each text, from what each model found.

    >>> answers([(["cat", "dog"], np.array([[0, 1]]), np.array([[0.75, 0.25]]))])
    ['cat\\t0.7500\\tdog\\t0.2500']
    """
    columns = [
        [
            f"{labels[i] if i >= 0 else ''}\t{value:.4f}"
            for i, value in zip(order.tolist(), values.tolist(), strict=True)
        ]
        for labels, numbers, likely in found
        for order, values in zip(numbers.T, likely.T, strict=True)
    ]
    return columns[0] if len(columns) == 1 else ["\t".join(row) for row in zip(*columns, strict=True)]


def json_answers(texts: list[str], paths: list[str], found: list[Found]) -> list[str]:
    """The same as JSON: text and labels, or what each of several models says.

    >>> json_answers(["it purrs"], ["pets"], [(["cat", "dog"], np.array([[0]]), np.array([[0.75]]))])
    ['{"text": "it purrs", "labels": [{"label": "cat", "probability": 0.75}]}']
    """
    listed = [
        [
            [
                {"label": labels[i], "probability": round(value, 6)}
                for i, value in zip(*row, strict=True)
                if i >= 0
            ]
            for row in zip(numbers.tolist(), likely.tolist(), strict=True)
        ]
        for labels, numbers, likely in found
    ]
    lines = []
    for number, text in enumerate(texts):
        said: dict[str, Any] = {"text": text}
        if len(found) == 1:
            said["labels"] = listed[0][number]
        else:
            said["models"] = [
                {"model": path, "labels": rows[number]} for path, rows in zip(paths, listed, strict=True)
            ]
        lines.append(json.dumps(said, ensure_ascii=False))
    return lines
