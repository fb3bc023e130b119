"""The program `embedcnn`: parses the command line, runs a command, turns errors into one line.

Exit status: 0 done, 1 an error in data or files, or options that do not go together, 2 wrong usage: an option
or a value of one that there is not, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Collection, Sequence

from embedcnn import __version__
from embedcnn.base.named_objects import named_object
from embedcnn.base.processes import launched
from embedcnn.commands.arguments import own_runtime
from embedcnn.commands.errors import CommandError, message, without_devices

DESCRIPTION = "Train and use text models that stand on embeddings, on a plain CPU."
EPILOG = """\
examples:
  embedcnn train                          a first model, on text that comes with Python
  embedcnn train reviews.csv              a model of your own: a table with a text and a label column
  embedcnn test model.embedcnn new.csv    how good it is on other texts
  embedcnn predict model.embedcnn "a text with wit"
  embedcnn explain model.embedcnn "a text with wit"          which words say so
  embedcnn report model.embedcnn new.csv --html report.html  where it errs, and why
  embedcnn train --model lm book.txt      a model that writes
  embedcnn generate model.embedcnn --prompt "Well, "
  embedcnn COMMAND --help                 all about a command

exit status: 0 done, 1 an error in data or files, or options that do not go together, 2 wrong usage: an option
or a value of one that there is not, 130 stopped by Ctrl-C
"""

COMMANDS = {
    "train": "embedcnn.commands.train:add_command",
    "tune": "embedcnn.commands.tune:add_command",
    "test": "embedcnn.commands.test:add_command",
    "predict": "embedcnn.commands.predict:add_command",
    "filter": "embedcnn.commands.filter:add_command",
    "explain": "embedcnn.commands.explain:add_command",
    "report": "embedcnn.commands.html_report:add_command",
    "quantize": "embedcnn.commands.quantize:add_command",
    "export": "embedcnn.commands.export:add_command",
    "generate": "embedcnn.commands.generate:add_command",
    "info": "embedcnn.commands.info:add_command",
    "vectors": "embedcnn.commands.vectors:add_commands",
}
"""What adds each command: a process imports the one that it runs."""

OPTIONS = (
    "encoding",
    "format",
    "text_column",
    "label_column",
    "missing_labels",
    "prompt",
    "unknown",
    "stop",
    "opset",
)
"""Options whose values the library checks; it calls them by their names in Python."""


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of the whole program, or of one command of it.

    >>> make_parser().parse_args(["train", "--epochs", "3"]).epochs
    3
    """
    parser = argparse.ArgumentParser(
        prog="embedcnn",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"embedcnn {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, place in COMMANDS.items():
        if command in (None, name):
            named_object(place)(commands)
    return parser


def named_command(arguments: Sequence[str]) -> str | None:
    """The command that stands in front, where it does; None: a parser of all has to look.

    >>> named_command(["--debug", "predict", "model.embedcnn"]), named_command(["--help"])
    ('predict', None)
    """
    first = next((word for word in arguments if word != "--debug"), "")
    return first if first in COMMANDS else None


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments of a command; texts may stand before, between and behind its options.

    argparse takes a list that may be empty for empty as soon as an option follows MODEL.

    >>> parse(make_parser(), ["predict", "m.embedcnn", "--top", "3", "a text"]).texts
    ['a text']
    """
    parsed, rest = parser.parse_known_args(arguments)
    if not hasattr(parsed, "texts"):
        return parser.parse_args(arguments) if rest else parsed
    plain = rest.index("--") if "--" in rest else len(rest)
    unknown = [word for word in rest[:plain] if word.startswith("-") and word != "-"]
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    parsed.texts += rest[:plain] + rest[plain + 1 :]
    return parsed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with `arguments` (None: those of the process) and return its exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed (`>&-`), or a program without a terminal
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # as long as the process
    given = sys.argv[1:] if arguments is None else arguments
    parsed = parse(make_parser(named_command(given)), given)
    try:
        _refuse_ranks(named_command(given))
        with own_runtime():
            status = parsed.run(parsed)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("embedcnn: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader has gone, as in `embedcnn predict ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (
        CommandError,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        ImportError,
        MemoryError,
        RuntimeError,
    ) as error:
        if parsed.debug:
            raise
        text = without_devices(in_options(message(error), vars(parsed)))
        print(f"embedcnn: error: {text}", file=sys.stderr)
        return 1


def _refuse_ranks(command: str | None) -> None:
    """CommandError under `mpirun -n 2`: each process would do all of it, and write the same files."""
    ranks = launched()
    if ranks > 1 and command != "info":
        raise CommandError(
            f"mpirun started {ranks} processes, and a command is one: leave mpirun out (a command uses all "
            "cores), or train in Python with embedcnn.distributed"
        )


def in_options(text: str, given: Collection[str]) -> str:
    """What the library says of its arguments, in the words of the command line, where the command has them.

    >>> in_options("give the file's encoding=, as encoding='cp1252'", {"encoding"})
    "give the file's --encoding, as --encoding 'cp1252'"
    >>> in_options("no column looks like a label; give label_column=", {"label_column"})
    'no column looks like a label; give --label-column'
    """
    for name in OPTIONS:
        if name in given:
            option = "--" + name.replace("_", "-")
            text = text.replace(f"`{name}`", option)
            text = re.sub(rf"(?<![\w.`'\"-]){name}=(?=')", f"{option} ", text)
            text = re.sub(rf"(?<![\w.`'\"-]){name}=(?=\W|$)", option, text)
            text = re.sub(rf"(?<![\w.`'\"-]){name}: (?=no such|column|has no meaning|')", f"{option}: ", text)
    if "ragged" in given:
        text = text.replace("text=True", "--text")
    return text.replace("is delimiter= right?", "is --format right?") if "format" in given else text
