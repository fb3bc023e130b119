"""`embedcnn report`: how right a model is, where it errs and why, as one page of HTML."""

from __future__ import annotations

import argparse
import os
from typing import Any

from embedcnn.commands import arguments as options
from embedcnn.commands.model_file import check_name, check_unread, load_text_model

EPILOG = f"""\
The page needs no network: accuracy, precision and recall of each label, confusions, curves, the words that
decide, and the surest mistakes, explained. It holds texts of DATA.

{options.DATA_HELP}
examples:
  embedcnn report model.embedcnn new.csv --html report.html
"""


def add_command(commands: Any) -> None:
    """Adds `report`."""
    parser = commands.add_parser(
        "report",
        help="a page on how right a model is, and why",
        description="Measure a model on labelled texts and write a page of HTML.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a file that embedcnn train or model.save has written")
    parser.add_argument(
        "data", metavar="DATA", type=options.data_file, help="labelled texts, see below; -: standard input"
    )
    parser.add_argument("--html", metavar="FILE", required=True, help="write the page there")
    parser.add_argument(
        "--explained",
        type=options.count(0),
        default=200,
        metavar="N",
        help="explain so many texts to find the words that decide (default: 200)",
    )
    parser.add_argument(
        "--mistakes",
        type=options.count(0),
        default=10,
        metavar="N",
        help="show so many of the surest mistakes (default: 10)",
    )
    options.add_data_options(parser)
    options.add_common_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `report`."""
    from embedcnn.classifier.recipe import label_ids  # start-up
    from embedcnn.inspection.reporting import report  # start-up

    check_name(arguments.html, "--html")
    check_unread(arguments.html, [arguments.model, arguments.data], "--html")
    options.use_runtime(arguments)
    options.show_inexact_products()
    model = load_text_model(arguments.model)
    labelled = options.read_data(arguments, arguments.data, min_labels=1)
    label_ids(labelled, model.labels)  # says which label of the file the model does not know
    title = f"{os.path.basename(arguments.model)} on {os.path.basename(labelled.path or arguments.data)}"
    made = report(model, labelled.texts, labelled.labels, title, arguments.explained, arguments.mistakes)
    made.save(arguments.html)
    print(made)
    print(f"saved {arguments.html}")
    return 0
