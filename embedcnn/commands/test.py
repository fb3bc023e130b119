"""`embedcnn test`: how often a model is right."""

from __future__ import annotations

import argparse
from typing import Any

from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import is_fasttext, load_text_model
from embedcnn.commands.report import accuracy, report_lines
from embedcnn.commands.train_fasttext import LABEL, is_lines, lines_of, refuse_reading

EPILOG = f"""\
{options.DATA_HELP}
examples:
  embedcnn test model.embedcnn new.csv
  embedcnn test model.embedcnn new.csv --report      precision, recall, F1, confusion matrix
"""


def add_command(commands: Any) -> None:
    """Adds `test`."""
    parser = commands.add_parser(
        "test",
        help="measure a model on labelled texts",
        description="Predict the label of each text and compare it with the true one.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a file that embedcnn train or model.save has written, or fastText's .bin or .ftz",
    )
    parser.add_argument(
        "data", metavar="DATA", type=options.data_file, help="labelled texts, see below; -: standard input"
    )
    parser.add_argument(
        "--report", action="store_true", help="also precision, recall, F1 and the confusion matrix"
    )
    options.add_data_options(parser)
    options.add_common_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `test`."""
    from embedcnn.classifier.recipe import confusion  # start-up

    options.use_runtime(arguments)
    options.show_inexact_products()
    if is_fasttext(arguments.model):
        return _test_fasttext(arguments)
    model = load_text_model(arguments.model)
    labelled = options.read_data(arguments, arguments.data, min_labels=1)
    if labelled.columns:
        print(labelled.columns)
    counts, _ = confusion(model, labelled)
    print(f"texts     {counts.sum()}")
    print(f"accuracy  {accuracy(counts):.4f}")
    if arguments.report:
        print("\n" + "\n".join(report_lines(counts, model.labels)))
    return 0


def _test_fasttext(arguments: argparse.Namespace) -> int:
    """What `fasttext test` says of labelled texts; with --report, what `test-label` says, too."""
    from embedcnn.fasttext import load_model  # start-up

    if is_lines(arguments, arguments.data):
        refuse_reading(arguments, f"for lines that begin with {LABEL}")
    lines = lines_of(arguments, arguments.data)
    model = load_model(arguments.model)
    if model.args["model"] != "supervised":
        raise CommandError(f"{arguments.model!r} has word vectors, and no labels to predict")
    count, precision, recall = model.test(lines)
    print(f"texts      {count}\nprecision  {precision:.4f}\nrecall     {recall:.4f}")
    if arguments.report:
        print(f"\n{'precision':>10}{'recall':>10}{'F1':>10}  label")
        for label, scores in model.test_label(lines).items():
            columns = (scores["precision"], scores["recall"], scores["f1score"])
            print("".join(f"{value:10.4f}" for value in columns) + f"  {label}")
    return 0
