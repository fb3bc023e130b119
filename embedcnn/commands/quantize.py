"""`embedcnn quantize`: a fastText model becomes a small one."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_target, is_fasttext
from embedcnn.commands.train_fasttext import LABEL, has_lines
from embedcnn.data.lines import existing_file

EPILOG = """\
Rows become codes of a product quantiser, one byte for each --dsub floats; --cutoff keeps those of the largest
norms, and --retrain lets these learn on. The file is fastText's .ftz, which fastText reads, too. With --test
it is said how well labels are predicted before and after.

With --fold nothing is quantised: rows get one float for each label (one in all where there are two), which
predict the same labels, with probabilities within 1e-6, many times as fast as rows of 100 floats. The file is
a .bin, and all processes that predict with it share its table.

examples:
  embedcnn quantize model.bin --out model.ftz
  embedcnn quantize model.bin --out model.ftz --cutoff 100000 --retrain train.txt --test test.txt
  embedcnn quantize model.bin --out small.bin --fold
"""


def add_command(commands: Any) -> None:
    """Adds `quantize`."""
    parser = commands.add_parser(
        "quantize",
        help="a fastText model becomes a small one",
        description="Make a fastText model small by product quantisation.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a file of fastText's, .bin")
    parser.add_argument("--out", metavar="FILE", required=True, help="write the small model there (.ftz)")
    parser.add_argument(
        "--cutoff",
        type=options.count(1),
        default=0,
        metavar="N",
        help="keep N words and n-grams (default: all)",
    )
    parser.add_argument(
        "--retrain",
        type=options.file,
        metavar="FILE",
        help="labelled lines from which those that --cutoff kept learn on",
    )
    parser.add_argument(
        "--epochs", type=options.count(1), metavar="N", help="of --retrain (default: the model's own)"
    )
    parser.add_argument(
        "--learning-rate",
        type=options.number(0, zero=False),
        metavar="X",
        help="of --retrain (default: 0.1)",
    )
    parser.add_argument(
        "--dsub", type=options.count(1), metavar="N", help="floats that share a byte (default: 2)"
    )
    parser.add_argument("--qnorm", action="store_true", help="the norm of each row has a byte of its own")
    parser.add_argument(
        "--qout", action="store_true", help="the output matrix, too: worth it for thousands of labels"
    )
    parser.add_argument(
        "--fold", action="store_true", help="one float for each label instead of codes: the same predictions"
    )
    parser.add_argument(
        "--test", type=options.file, metavar="FILE", help="labelled lines to measure both models on"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is no model")
    options.add_common_options(parser, products=False)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `quantize`."""
    from embedcnn import fasttext  # start-up

    check_usage(arguments)
    options.use_runtime(arguments)
    model = fasttext.load_model(arguments.model)
    if model.args["model"] != "supervised":
        raise CommandError(f"{arguments.model!r} has word vectors, and no labels to predict")
    before = measured(model, arguments.test)
    if arguments.fold:
        model.fold()
    else:
        model.quantize(
            input=arguments.retrain,
            qout=arguments.qout,
            cutoff=arguments.cutoff,
            retrain=arguments.retrain is not None,
            epoch=arguments.epochs,
            lr=arguments.learning_rate,
            dsub=arguments.dsub or 2,
            qnorm=arguments.qnorm,
        )
    model.save_model(arguments.out)
    for name, path, score in (
        ("before", arguments.model, before),
        ("after", arguments.out, measured(model, arguments.test)),
    ):
        print(f"{name:6}  {os.path.getsize(path) / 1e6:9.2f} MB{score}  {path}")
    return 0


def check_usage(arguments: argparse.Namespace) -> None:
    """Refuses, before any work, what cannot be done."""
    if not is_fasttext(arguments.model):
        existing_file(arguments.model)
        raise CommandError(f"{arguments.model!r} is no model of fastText's, which alone are quantised here")
    given = {
        "--cutoff": arguments.cutoff,
        "--retrain": arguments.retrain,
        "--dsub": arguments.dsub,
        "--qnorm": arguments.qnorm,
        "--qout": arguments.qout,
    }
    for name, value in given.items():
        if arguments.fold and value:
            raise CommandError(f"--fold: quantises nothing, so there is no use for {name}; give one of both")
    if arguments.fold and os.fspath(arguments.out).endswith(".ftz"):
        raise CommandError("--fold: writes a .bin; .ftz is the name of what is quantised")
    if arguments.retrain is not None and not arguments.cutoff:
        raise CommandError("--retrain: is for what --cutoff has kept; give --cutoff, too")
    for name in ("epochs", "learning_rate"):
        if getattr(arguments, name) is not None and arguments.retrain is None:
            raise CommandError(f"--{name.replace('_', '-')}: is for --retrain")
    for path in (arguments.retrain, arguments.test):
        if path is not None and not has_lines(str(existing_file(path))):
            raise CommandError(f"{path!r} must have lines that begin with {LABEL}, as fastText's files")
    if os.path.exists(arguments.out) and os.path.samefile(arguments.model, arguments.out):
        raise CommandError(f"--out: {arguments.out!r} is the model; choose another name")
    force = arguments.force or is_fasttext(arguments.out)
    if warning := check_target(arguments.out, force, [arguments.retrain, arguments.test]):
        print(f"embedcnn: {warning}", file=sys.stderr)


def measured(model: Any, test: str | None) -> str:
    """How well a model predicts the labels of a file, in words."""
    if test is None:
        return ""
    lines, precision, recall = model.test(test)
    return f"  precision {precision:.4f}  recall {recall:.4f}  of {lines:,} lines"
