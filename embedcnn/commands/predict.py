"""``embedcnn predict``: labels of texts, from the command line or from standard input as they come."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import load_text_model
from embedcnn.data.lines import checked_encoding

READ_BYTES = 1 << 16

EPILOG = """\
Each text gives one line: the label, a tab, its probability; with --top K the next likely ones follow, tabs
between. Standard input is answered as it comes, line by line; an empty line is a text without words.

examples:
  embedcnn predict model.embedcnn "parse the message headers" "draw a circle"
  embedcnn predict model.embedcnn --top 3 "parse the message headers"
  embedcnn predict model.embedcnn - < texts.txt > labels.tsv
  tail -f log.txt | embedcnn predict model.embedcnn --json
"""


def add_command(commands: Any) -> None:
    """Adds ``predict``."""
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
        "--top", type=options.count(1), default=1, metavar="K", help="the K most likely labels (default: 1)"
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line: text, and labels with probabilities"
    )
    parser.add_argument(
        "--encoding", default="utf-8", metavar="NAME", help="encoding of standard input (default: utf-8)"
    )
    options.add_common_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs ``predict``."""
    options.use_runtime(arguments)
    options.show_inexact_products()
    encoding = checked_encoding(arguments.encoding)
    model = load_text_model(arguments.model)
    standard_input = arguments.texts in ([], ["-"])
    for texts in incoming_lines(encoding) if standard_input else [arguments.texts]:
        for text, row in zip(texts, model.predict(texts, batch_size=256, verbose=0), strict=True):
            print(answer(text, row, model.labels, arguments.top, arguments.json))
        sys.stdout.flush()
    return 0


def answer(text: str, row: np.ndarray, labels: list[str], top: int, as_json: bool) -> str:
    """One line for one text.

    >>> answer("it purrs", np.array([0.75, 0.25]), ["cat", "dog"], 2, as_json=False)
    'cat\\t0.7500\\tdog\\t0.2500'
    """
    best = np.argsort(-row, kind="stable")[:top]
    if as_json:
        found = [{"label": labels[i], "probability": round(float(row[i]), 6)} for i in best]
        return json.dumps({"text": text, "labels": found}, ensure_ascii=False)
    return "\t".join(f"{labels[i]}\t{row[i]:.4f}" for i in best)


def incoming_lines(encoding: str) -> Iterator[list[str]]:
    """Standard input in groups of whole lines: what has come so far, at once; CommandError for invalid
    bytes."""
    import codecs

    decoder = codecs.getincrementaldecoder(encoding)()
    rest, done = "", 0
    while True:
        data = sys.stdin.buffer.read1(READ_BYTES)
        try:
            rest += decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            before = rest + bytes(error.object[: error.start]).decode(encoding, "replace")
            line, byte = done + before.count("\n") + 1, error.object[error.start]
            raise CommandError(
                f"standard input, line {line}: byte 0x{byte:02x} is not valid {encoding}; give --encoding"
            ) from None
        *lines, rest = rest.split("\n")
        if not data and rest:
            lines, rest = [*lines, rest], ""
        done += len(lines)
        if lines:
            yield [line.removesuffix("\r").removeprefix("\ufeff") for line in lines]
        if not data:
            return
