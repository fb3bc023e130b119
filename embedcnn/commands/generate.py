"""`embedcnn generate`: a language model writes on from a prompt, to the terminal as it goes."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from embedcnn.commands import arguments as options

EPILOG = """\
examples:
  embedcnn train --model lm book.txt --out writer.embedcnn
  embedcnn generate writer.embedcnn --prompt "Prince Andrew" --length 500 --temperature 0.7
  embedcnn generate writer.embedcnn --prompt "Well, " --top-k 5 --seed 1 --stop "."
  embedcnn generate writer.embedcnn --prompt - < chapter.txt
  embedcnn generate words.embedcnn --prompt "The Zeppelin" --unknown "[UNK]" --length 100
"""


def add_command(commands: Any) -> None:
    """Adds `generate`."""
    parser = commands.add_parser(
        "generate",
        help="a language model writes a text",
        description="Write on from a prompt with a language model.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a file that embedcnn train --model lm has written")
    parser.add_argument(
        "--prompt", required=True, metavar="TEXT", help="where the text begins; -: standard input"
    )
    parser.add_argument(
        "--length",
        type=options.count(1),
        default=300,
        metavar="N",
        help="characters, or words (default: 300)",
    )
    parser.add_argument(
        "--temperature",
        type=options.number(0),
        default=1.0,
        metavar="X",
        help="below 1 likelier, above 1 more surprising, 0 always the likeliest (default: 1)",
    )
    parser.add_argument(
        "--top-k", type=options.count(1), metavar="K", help="choose among the K likeliest only"
    )
    parser.add_argument(
        "--top-p",
        type=options.share,
        metavar="P",
        help="choose among the likeliest that together reach this probability",
    )
    parser.add_argument(
        "--seed", type=options.count(0), metavar="N", help="the same number gives the same text"
    )
    parser.add_argument("--stop", metavar="TEXT", help="end where this comes (it is not shown)")
    parser.add_argument(
        "--unknown",
        metavar="C",
        help="a character (or word, as [UNK]) that stands for those of the prompt which it never read",
    )
    options.add_common_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `generate`."""
    from embedcnn.language_model.models import LanguageModel  # start-up

    options.use_runtime(arguments)
    options.show_inexact_products()
    writer = LanguageModel.load(arguments.model)
    names = ("temperature", "top_k", "top_p", "seed", "stop", "unknown")
    prompt = given(arguments.prompt)
    pieces = writer.stream(prompt, arguments.length, **{name: getattr(arguments, name) for name in names})
    sys.stdout.write(prompt)
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
    return 0


def given(prompt: str) -> str:
    """The prompt, or standard input without the end of its last line, in UTF-8."""
    from embedcnn.data import read_text  # start-up

    return read_text(options.data_file(prompt)).removesuffix("\n") if prompt == "-" else prompt
