"""`embedcnn tune`: a study, or a grid, of settings on labelled texts, to the best classifier, saved."""

from __future__ import annotations

import argparse
import ast
from typing import Any

from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_target
from embedcnn.commands.train_lm import refuse
from embedcnn.commands.train_text import announce, files_read, parts, show_results, to_measure

EPILOG = f"""\
{options.DATA_HELP}
The linear models of `embedcnn train` are trained once; beside them a mean of words or a CNN, again and again
with other settings, is judged on a tenth of what is learnt, and given up where it falls behind (Optuna, the
extra `tune`). The first try is what `embedcnn train` does. The best stand in the model, trained on all.

With --storage FILE the study is kept: the same command goes on with it, also after it was killed. Ctrl-C ends
the study, and saves the best so far.

With --grid, once or more, every combination of the values given is trained and judged by cross-validation,
without Optuna: settings of embedcnn.sklearn.TextCNNClassifier.

examples:
  embedcnn tune reviews.csv --time 300 --out reviews.embedcnn
  embedcnn tune reviews.csv --time 300 --storage reviews.db --report
  embedcnn tune reviews.csv --grid filters=50,100 --grid learning_rate=0.0005,0.001 --folds 5
"""


def add_command(commands: Any) -> None:
    """Adds `tune`."""
    from embedcnn.classifier.encoders import TOKENIZERS  # start-up

    parser = commands.add_parser(
        "tune",
        help="search settings of a text classifier and save the best",
        description="Search settings of a text classifier on labelled texts, measure the best and save it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "data", metavar="DATA", type=options.data_file, help="labelled texts, see below; -: standard input"
    )
    parser.add_argument(
        "--valid",
        metavar="DATA",
        type=options.data_file,
        help="texts that judge the tries, and on which the best is measured",
    )
    parser.add_argument(
        "--out", default="model.embedcnn", metavar="FILE", help="the saved model (default: model.embedcnn)"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE even if it is no model")
    parser.add_argument(
        "--report", action="store_true", help="also precision, recall, F1 and the confusion matrix"
    )
    parser.add_argument("--quiet", action="store_true", help="no line for each try, no predictions")
    options.add_data_options(parser)
    group = parser.add_argument_group("the search")
    group.add_argument(
        "--time",
        dest="seconds",
        type=options.number(0, zero=False),
        metavar="SECONDS",
        help="how long, the training of the best included (default: 60, or as long as --trials take)",
    )
    group.add_argument("--trials", type=options.count(1), metavar="N", help="end after so many more tries")
    group.add_argument(
        "--storage", type=options.file, metavar="FILE", help="an SQLite file that keeps the study"
    )
    group.add_argument("--study", metavar="NAME", help="its name in this file (default: embedcnn)")
    group.add_argument(
        "--vectors", type=options.file, metavar="FILE", help="word vectors to start from, in any usual format"
    )
    group.add_argument("--freeze", action="store_true", help="leave the vectors of --vectors as they are")
    group.add_argument("--max-words", type=options.count(1), metavar="N", help="as embedcnn train")
    group.add_argument(
        "--tokenizer", choices=tuple(TOKENIZERS), default="words", help="as embedcnn train (default: words)"
    )
    group.add_argument(
        "--grid", action="append", metavar="NAME=V,V", help="try these values, in the place of a study"
    )
    group.add_argument("--folds", type=options.count(2), metavar="N", help="of --grid (default: 3)")
    group.add_argument(
        "--seed",
        type=options.count(0, 2**31 - 1),
        default=0,
        metavar="N",
        help="decides all that is random (default: 0)",
    )
    options.add_common_options(group)
    parser.set_defaults(run=run, model=None, class_weight=None)


def run(arguments: argparse.Namespace) -> int:
    """Runs `tune`."""
    if arguments.freeze and not arguments.vectors:
        raise CommandError("--freeze: there is nothing to freeze without --vectors")
    if arguments.grid:
        names = ("seconds", "trials", "storage", "study", "valid")
        refuse(arguments, names, "has no meaning with --grid; leave one of the two out")
    else:
        refuse(arguments, ("folds",), "is for --grid")
    if arguments.storage is None:
        refuse(arguments, ("study",), "is the name of a study in --storage")
    grid = grid_of(arguments.grid or [])
    options.use_runtime(arguments)
    print(options.first_line())
    note = check_target(arguments.out, arguments.force, [*files_read(arguments), arguments.storage])
    learnt, valid, held, measured_on = parts(arguments)
    announce(f"{len(learnt)} texts to learn, {len(held)} {to_measure(measured_on)}", learnt, note)
    model, interrupted = searched(arguments, grid, learnt) if grid else studied(arguments, learnt, valid)
    model.save(arguments.out)
    if interrupted:
        print(f"\nstopped by Ctrl-C; the best model so far is saved in {arguments.out}")
        return 130
    show_results(arguments, model, held, measured_on)
    print(f'saved {arguments.out}; now try: embedcnn predict {arguments.out} "a text of yours"')
    return 0


def studied(arguments: argparse.Namespace, learnt: Any, valid: Any) -> tuple[Any, bool]:
    """The model of a study, and whether Ctrl-C ended it."""
    from embedcnn.classifier.recipe import Settings  # start-up
    from embedcnn.tuning.study import tune  # start-up

    seconds = 60.0 if arguments.seconds is None and arguments.trials is None else arguments.seconds
    found = tune(
        learnt,
        valid,
        Settings(seed=arguments.seed),
        seconds=seconds,
        trials=arguments.trials,
        storage=arguments.storage,
        study_name=arguments.study or "embedcnn",
        tokenizer=arguments.tokenizer,
        max_words=arguments.max_words,
        vectors=arguments.vectors,
        freeze=arguments.freeze,
        show_progress=not arguments.quiet,
    )
    for line in found.choice:
        print(line)
    return found.model, found.interrupted


def searched(arguments: argparse.Namespace, grid: dict[str, list[Any]], learnt: Any) -> tuple[Any, bool]:
    """The model of a grid."""
    from embedcnn.sklearn.estimators import TextCNNClassifier  # start-up
    from embedcnn.tuning.grid import grid_search  # start-up

    estimator = TextCNNClassifier(
        vectors=arguments.vectors,
        freeze=arguments.freeze,
        max_tokens=arguments.max_words,
        tokenizer=arguments.tokenizer,
        random_state=arguments.seed,
    )
    found = grid_search(
        estimator,
        grid,
        learnt.texts,
        learnt.labels,
        folds=arguments.folds or 3,
        seed=arguments.seed,
        show_progress=not arguments.quiet,
    )
    print(found)
    return found.best.model_, False


def grid_of(given: list[str]) -> dict[str, list[Any]]:
    """The values of each setting of --grid: numbers, True, False, None, words, or tuples.

    >>> grid_of(["filters=50,100", "kernel_sizes=(1,2),(2,3,4)"])
    {'filters': [50, 100], 'kernel_sizes': [(1, 2), (2, 3, 4)]}
    """
    grid = {}
    for one in given:
        name, equals, values = one.partition("=")
        if not equals or not name or not values:
            raise CommandError(f"--grid: expected NAME=VALUE,VALUE. Received: {one!r}")
        if name in grid:
            raise CommandError(f"--grid: {name} stands there twice; give all its values at once")
        try:
            read = ast.literal_eval(f"[{values}]")
        except (ValueError, SyntaxError):  # words
            read = values.split(",")
        grid[name] = read
    return grid
