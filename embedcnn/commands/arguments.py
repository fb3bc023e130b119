"""Types of arguments, and the options that tell how a file of labelled texts is to be read."""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from embedcnn.commands.errors import without_devices
from embedcnn.data.empty_texts import EMPTY_RULES, MISSING_LABEL_RULES
from embedcnn.data.labelled import LabelledTexts
from embedcnn.data.readers import FORMATS, read_labelled
from embedcnn.runtime import (
    get_float32_matmul_precision,
    get_num_threads,
    set_float32_matmul_precision,
    set_num_threads,
    show_config,
)

PRECISIONS = ("highest", "high", "medium")
DATA_HELP = """\
DATA is one of
  a CSV or TSV file     with a text and a label column; usual names (text, sentence, review; label, class,
                        ...) are found, else the longest column is the text and the one with the fewest
                        distinct values the label
  a JSON-lines file     one object per line, as {"text": "a fine film", "label": "good"}
  a fastText file       lines as "__label__good a fine film"
  a folder              one sub-folder per label, with .txt files in it
Files ending in .gz, .bz2, .xz and .zst are unpacked.
"""


def count(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """An argparse type: an integer from `minimum` to `maximum`.

    >>> count(1)("12")
    12
    """

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected an integer. Received: {text!r}") from None
        if value < minimum or (maximum is not None and value > maximum):
            allowed = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
            raise argparse.ArgumentTypeError(f"expected an integer of {allowed}. Received: {text}")
        return value

    return parse


def number(minimum: float, below: float = math.inf, zero: bool = True) -> Callable[[str], float]:
    """An argparse type: a number from `minimum` (left out unless `zero`) to `below` (left out).

    >>> number(0, below=1)("0.5")
    0.5
    """

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a number. Received: {text!r}") from None
        if not (minimum <= value < below) or (value == minimum and not zero):
            left = "[" if zero else "("
            raise argparse.ArgumentTypeError(
                f"expected a number in {left}{minimum:g}, {below:g}). Received: {text}"
            )
        return value

    return parse


def share(text: str) -> float:
    """An argparse type: a number above 0, 1 at most.

    >>> share("1")
    1.0
    """
    value = number(0, zero=False)(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"expected a number in (0, 1]. Received: {text}")
    return value


def widths(text: str) -> tuple[int, ...]:
    """An argparse type: widths of convolutions, as "1,2,3".

    >>> widths("2,3")
    (2, 3)
    """
    parse = count(1, 100)
    found = tuple(parse(part) for part in text.split(","))
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"expected different widths. Received: {text!r}")
    return found


def file(name: str) -> str:
    """An argparse type: the name of a file, which "$NAME" is not where nobody has set it.

    >>> file("pets.csv")
    'pets.csv'
    """
    if not name:
        raise argparse.ArgumentTypeError("expected the name of a file. Received: ''")
    return name


def data_file(name: str) -> str:
    """An argparse type: a file of DATA; "-" is standard input.

    >>> data_file("-"), data_file("pets.csv")
    ('/dev/stdin', 'pets.csv')
    """
    return "/dev/stdin" if name == "-" else file(name)


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Options for reading labelled texts."""
    group = parser.add_argument_group("how to read DATA")
    group.add_argument(
        "--format", choices=FORMATS, help="what the file is (default: by its name, then its first line)"
    )
    group.add_argument(
        "--encoding",
        metavar="NAME",
        help="encoding of the texts, as latin-1 (default: utf-8)",
    )
    group.add_argument("--text-column", metavar="NAME", help="column of the text: name, or number from 0")
    group.add_argument("--label-column", metavar="NAME", help="column of the label: name, or number from 0")
    group.add_argument(
        "--empty",
        choices=EMPTY_RULES,
        help="blank lines and empty texts: skip leaves them out and says how many, error stops, keep takes "
        "the texts as texts without words (default: skip)",
    )
    group.add_argument(
        "--missing-labels",
        choices=MISSING_LABEL_RULES,
        help="texts without a label: error stops, skip leaves them out and says how many (default: error)",
    )


def add_common_options(parser: argparse.ArgumentParser, products: bool = True) -> None:
    """Options that every command which computes has; `products`: matrix products too."""
    parser.add_argument(
        "--threads",
        type=count(1, 64),
        metavar="N",
        help="threads (default: as many as cores); results do not depend on it",
    )
    if products:
        parser.add_argument(
            "--precision",
            choices=PRECISIONS,
            help="of matrix products: float32, or bf16x3 or bf16 where the processor has it (default: high)",
        )
    add_debug(parser)


def add_debug(parser: argparse.ArgumentParser) -> None:
    """--debug behind a command: it may also stand in front of it."""
    parser.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
    )


def add_models(parser: argparse.ArgumentParser) -> None:
    """MODEL, and --model for more of them over one read of the text."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        help="a file that embedcnn train or model.save has written, or fastText's .bin or .ftz",
    )
    parser.add_argument(
        "--model",
        dest="more_models",
        metavar="FILE",
        action="append",
        help="one more model, which reads the same texts; may be given several times",
    )


def add_restart(parser: argparse.ArgumentParser) -> None:
    """--restart, for what goes on where it was killed."""
    parser.add_argument(
        "--restart", action="store_true", help="begin anew where a killed run left something to go on with"
    )


def shows_progress(out: str | None) -> bool:
    """Whether progress is shown: on a terminal, where the output is not written to it too."""
    return sys.stderr.isatty() and not (out is None and sys.stdout.isatty())


def file_name(path: str) -> str:
    """A file as it is called in what people read."""
    return without_devices(path)


def read_data(arguments: argparse.Namespace, path: str, min_labels: int = 2) -> LabelledTexts:
    """The labelled texts of a file, read as the options say. Says on standard error what was left out."""
    names = ("encoding", "format", "text_column", "label_column", "empty", "missing_labels")
    given = {name: getattr(arguments, name) for name in names}
    options = {name: value for name, value in given.items() if value is not None}
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        labelled = read_labelled(path, min_labels=min_labels, **options)
    for warning in found:
        print(f"embedcnn: warning: {without_devices(str(warning.message))}", file=sys.stderr)
    return labelled


def use_runtime(arguments: argparse.Namespace) -> None:
    """Applies --threads and --precision."""
    if arguments.threads is not None:
        set_num_threads(arguments.threads)
    set_float32_matmul_precision(getattr(arguments, "precision", None) or "high")


@contextmanager
def own_runtime() -> Iterator[None]:
    """--threads and --precision are a command's, not the process's: behind it both are what they were.

    >>> with own_runtime():
    ...     set_num_threads(1)
    """
    precision, threads = get_float32_matmul_precision(), get_num_threads()
    try:
        yield
    finally:
        set_float32_matmul_precision(precision)
        if get_num_threads() != threads:
            set_num_threads(0)
        if get_num_threads() != threads:
            set_num_threads(threads)


def first_line() -> str:
    """Version, instruction set, threads, and what matrix products are computed in."""
    config: dict[str, Any] = show_config()
    threads = "1 thread" if config["threads"] == 1 else f"{config['threads']} threads"
    products = config["matmul_formats"][config["float32_matmul_precision"]]
    return (
        f"embedcnn {config['version']}, {config['instruction_set']}, {threads}, matrix products in {products}"
    )


def show_inexact_products() -> None:
    """The first line for commands whose output is for programs: on standard error, only where it matters."""
    config: dict[str, Any] = show_config()
    if config["matmul_formats"][config["float32_matmul_precision"]] != "fp32":
        print(first_line(), file=sys.stderr)
