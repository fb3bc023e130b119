"""`embedcnn explain`: why a model gives texts their labels, coloured on a terminal."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import load_text_model, number_of_label

EPILOG = """\
Each text is shown with its words coloured (blue speaks for the label, orange against it) over the largest
shares of words and n-grams in the margin, the log odds of the label. Shares of n-grams and of means of words
are exact; those of a CNN or LSTM are what is lost without the word.

examples:
  embedcnn explain model.embedcnn "a film with wit"
  embedcnn explain model.embedcnn --label neg "a film with wit"
  embedcnn explain model.embedcnn --json - < texts.txt
"""


def add_command(commands: Any) -> None:
    """Adds `explain`."""
    parser = commands.add_parser(
        "explain",
        help="why texts have their labels",
        description="Show what the words of each text add to the decision.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a file that embedcnn train or model.save has written")
    parser.add_argument(
        "texts", metavar="TEXT", nargs="*", help="the texts; none or a single -: lines of standard input"
    )
    parser.add_argument("--label", metavar="NAME", help="explain this label (default: the predicted one)")
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line: text, label, margin, bias, rest, and the shares with their places",
    )
    options.add_common_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `explain`."""
    options.use_runtime(arguments)
    options.show_inexact_products()
    model = load_text_model(arguments.model)
    label = None
    if arguments.label is not None:
        label = model.labels[number_of_label(arguments.model, model.labels, arguments.label)]
    for number, text in enumerate(given(arguments.texts)):
        found = model.explain(text, label)
        if arguments.json:
            print(json.dumps(found.to_dict(), ensure_ascii=False))
        else:
            if number:
                print()
            found.show()
    return 0


def given(texts: list[str]) -> Iterator[str]:
    """The texts of the command line, or the lines of standard input, in UTF-8."""
    if texts not in ([], ["-"]):
        yield from texts
        return
    if sys.stdin is None or sys.stdin.closed:
        raise CommandError("standard input is closed; give texts")
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.rstrip(b"\r\n").decode("utf-8")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise CommandError(f"standard input, line {number}: byte {byte:#x} is not valid utf-8") from None
