"""`embedcnn train`: labelled texts to a saved classifier, with its accuracy on texts held out."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import Any

from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_target
from embedcnn.commands.report import accuracy, rarest_line, report_lines
from embedcnn.commands.train_lm import LANGUAGE_MODEL_OPTIONS, add_options, refuse, train_language_model
from embedcnn.data.labelled import LabelledTexts

DEFAULT_OUT = "model.embedcnn"
HELD_OUT, DEVELOPMENT = 0.1, 0.05
SHOWN = 5

EPILOG = f"""\
Without DATA the model learns to tell from which of 10 packages of Python's library a sentence is.

{options.DATA_HELP}
Without --valid a tenth of the texts is held out to measure the accuracy, and a twentieth of the rest decides
when to stop. With --valid FILE all of DATA is learnt, and FILE does both: measure anew with embedcnn test on
other texts.

With --vectors, words start from vectors that others have trained (GloVe, word2vec, fastText). With --freeze
too they stay as they are, and all words of that file are kept in the model: words that training never saw are
understood.

Ctrl-C ends the training early, and the best model so far is saved. The same seed gives the same file.

examples:
  embedcnn train
  embedcnn train reviews.csv --text-column review --label-column stars --report
  embedcnn train train.tsv --valid dev.tsv --vectors glove.6B.100d.txt --freeze --out reviews.embedcnn
  embedcnn train questions.txt --encoding latin-1 --widths 1,2,3 --filters 200 --seed 7
  embedcnn train --model lm book.txt --epochs 20 --out writer.embedcnn
  embedcnn train --model lm book.txt --epochs 20 --out writer.embedcnn --resume
  embedcnn train --model lm book.txt --level word --length 35 --carry-state --out words.embedcnn
"""


def add_command(commands: Any) -> None:
    """Adds `train`."""
    from embedcnn.classifier.recipe import DIMENSIONS, TOKENIZERS, Settings  # start-up

    default = Settings()
    parser = commands.add_parser(
        "train",
        help="train a text classifier and save it",
        description="Train a text classifier on labelled texts, measure it and save it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "data", metavar="DATA", nargs="?", help="labelled texts, see below (default: text of Python's own)"
    )
    parser.add_argument(
        "--valid", metavar="DATA", help="texts that decide when to stop and on which the model is measured"
    )
    parser.add_argument(
        "--out", default=DEFAULT_OUT, metavar="FILE", help=f"the saved model (default: {DEFAULT_OUT})"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE even if it is no model")
    parser.add_argument(
        "--report", action="store_true", help="also precision, recall, F1 and the confusion matrix"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no predictions")
    options.add_data_options(parser)
    group = parser.add_argument_group("the model")
    group.add_argument(
        "--model",
        choices=("cnn", "avg", "lm"),
        default=default.model,
        help="cnn: convolutions, the largest value of each; avg: the mean of the embeddings of words and "
        "n-grams of words; lm: a language model of the characters or words of a book, DATA (default: cnn)",
    )
    group.add_argument("--vectors", metavar="FILE", help="word vectors to start from, in any usual format")
    group.add_argument("--freeze", action="store_true", help="leave the vectors of --vectors as they are")
    add_number(group, "--filters", options.count(1, 100_000), default.filters, "filters of each width")
    group.add_argument(
        "--widths",
        type=options.widths,
        metavar="N,N",
        help=f"words that a filter looks at (default: {','.join(map(str, default.widths))})",
    )
    group.add_argument(
        "--dimensions",
        type=options.count(1, 100_000),
        metavar="N",
        help=f"numbers of an embedding (default: {DIMENSIONS['cnn']}, or those of --vectors; avg: "
        f"{DIMENSIONS['avg']})",
    )
    add_number(
        group,
        "--word-ngrams",
        options.count(1, 64),
        default.word_ngrams,
        "longest n-grams of words that a mean counts beside the words; none with --freeze",
    )
    group.add_argument(
        "--max-words", type=options.count(1), metavar="N", help="keep only the N most frequent words"
    )
    group.add_argument(
        "--tokenizer",
        choices=tuple(TOKENIZERS),
        help="words: of any language, without punctuation, in lower case; whitespace: what stands between "
        "blanks; chars: characters; char_ngrams: runs of 1 to 3 characters, for scripts without spaces "
        "(default: words)",
    )
    add_number(
        group, "--dropout", options.number(0, 1), default.dropout, "share of features left out in a step"
    )
    add_number(
        group,
        "--word-dropout",
        options.number(0, 1),
        default.word_dropout,
        "share of words taken for unknown in a step",
    )
    add_number(
        group,
        "--label-smoothing",
        options.number(0, 1),
        default.label_smoothing,
        "share of a target spread over all labels; none above 256 labels",
    )
    group = parser.add_argument_group("the training")
    add_number(group, "--epochs", options.count(1), default.epochs, "passes over the texts, at most")
    add_number(
        group, "--patience", options.count(1), default.patience, "epochs without improvement before it stops"
    )
    group.add_argument(
        "--blend",
        action=argparse.BooleanOptionalAction,
        help="average a CNN with a mean of words and n-grams, at little cost and for about a point of "
        "accuracy; never with --freeze",
    )
    add_number(group, "--batch-size", options.count(1), default.batch_size, "texts in a step")
    add_number(
        group, "--learning-rate", options.number(0, zero=False), default.learning_rate, "Adam's learning rate"
    )
    group.add_argument(
        "--class-weight",
        choices=("balanced",),
        help="balanced: every label weighs the same, however few texts it has (default: every text does)",
    )
    group.add_argument(
        "--seed",
        type=options.count(0, 2**31 - 1),
        default=default.seed,
        metavar="N",
        help=f"decides all that is random (default: {default.seed})",
    )
    add_options(parser)
    options.add_common_options(group)
    parser.set_defaults(run=run)


def add_number(group: Any, name: str, kind: Any, default: float, about: str) -> None:
    """A numeric option whose help tells the default, which stands where it is not given."""
    group.add_argument(name, type=kind, metavar="N", help=f"{about} (default: {default:g})")


def run(arguments: argparse.Namespace) -> int:
    """Runs `train`."""
    if arguments.model == "lm":
        return train_language_model(arguments)
    from embedcnn.classifier.recipe import make_encoder, train_classifier  # start-up

    check_usage(arguments)
    options.use_runtime(arguments)
    print(options.first_line())
    note = check_target(arguments.out, arguments.force)
    train, development, held, measured_on = parts(arguments)
    print(
        f"{len(train)} texts to learn, {len(development)} to decide when to stop, {len(held)} {measured_on}; "
        f"{len(train.label_names)} labels"
    )
    if note:
        print(note)
    sys.stdout.flush()
    encoder = make_encoder(train.texts, arguments.max_words, arguments.tokenizer or "words")
    table = start_table(arguments, encoder)
    result = train_classifier(
        train, development, settings_of(arguments), encoder, table, arguments.freeze, not arguments.quiet
    )
    if not result.best_epoch:
        raise_unfinished(result.interrupted)
    model = result.model
    model.save(arguments.out)
    if result.interrupted:
        print(
            f"\nstopped by Ctrl-C; the best model so far (epoch {result.best_epoch}) is saved in "
            f"{arguments.out}"
        )
        return 130
    show_results(arguments, model, held, measured_on, result.best_epoch)
    return 0


def check_usage(arguments: argparse.Namespace) -> None:
    """Refuses options that would do nothing."""
    if arguments.freeze and not arguments.vectors:
        raise CommandError("--freeze: there is nothing to freeze without --vectors")
    if arguments.vectors and arguments.dimensions is not None:
        raise CommandError("--dimensions: the file of --vectors decides them; leave one of the two out")
    refuse(arguments, LANGUAGE_MODEL_OPTIONS, "is for --model lm")
    if arguments.data is None:
        for name in ("valid", "format", "text_column", "label_column", "empty"):
            if getattr(arguments, name) is not None:
                raise CommandError(f"--{name.replace('_', '-')}: has no meaning without DATA")


def parts(arguments: argparse.Namespace) -> tuple[LabelledTexts, LabelledTexts, LabelledTexts, str]:
    """(to learn, to decide when to stop, to measure, what the last are)."""
    from embedcnn.classifier.recipe import hold_out, label_ids  # start-up

    if arguments.data is None:
        from embedcnn.datasets import standard_library_sentences  # start-up

        labelled = standard_library_sentences()
    else:
        labelled = options.read_data(arguments, arguments.data)
        if labelled.columns:
            print(labelled.columns)
    if arguments.valid is not None:
        valid = options.read_data(arguments, arguments.valid, min_labels=1)
        if valid.columns != labelled.columns and valid.columns:
            print(f"{arguments.valid}: {valid.columns}")
        label_ids(valid, labelled.label_names)
        return labelled, valid, valid, "of --valid, which also decide when to stop"
    if max(Counter(labelled.labels).values(), default=0) < 4:
        raise CommandError(
            f"{labelled.path}: no label has four texts, too few to hold some out to measure the accuracy and "
            "some to decide when to stop; give more texts, or --valid"
        )
    rest, held = hold_out(labelled, HELD_OUT, arguments.seed)
    train, development = hold_out(rest, DEVELOPMENT, arguments.seed)
    return train, development, held, "held out"


def settings_of(arguments: argparse.Namespace) -> Any:
    """The classifier's settings."""
    from dataclasses import fields

    from embedcnn.classifier.recipe import Settings  # start-up

    given = {field.name: getattr(arguments, field.name) for field in fields(Settings)}
    return Settings(**{name: value for name, value in given.items() if value is not None})


def start_table(arguments: argparse.Namespace, encoder: Any) -> Any:
    """The matrix of --vectors, with a line that tells how many words it covers."""
    from embedcnn.classifier.recipe import table_from_vectors  # start-up

    if not arguments.vectors:
        return None
    table = table_from_vectors(encoder, arguments.vectors, arguments.freeze, arguments.seed)
    more = f"; {table.added} more words of the file are kept for prediction" if arguments.freeze else ""
    share = table.found / max(1, table.words)
    print(
        f"{table.found} of {table.words} training words ({share:.1%}) have a vector of "
        f"{table.matrix.shape[1]} numbers in {arguments.vectors}{more}"
    )
    sys.stdout.flush()
    return table.matrix


def raise_unfinished(interrupted: bool) -> None:
    """There is no epoch whose weights are worth keeping."""
    if interrupted:
        print("\nstopped by Ctrl-C before the first epoch was complete; nothing is saved", file=sys.stderr)
        raise SystemExit(130)
    raise CommandError(
        "the loss became infinite or no number; nothing is saved. Try a smaller --learning-rate"
    )


def show_results(
    arguments: argparse.Namespace, model: Any, held: LabelledTexts, measured_on: str, epoch: int
) -> None:
    """Accuracy, report, some predictions, and what to do with the model."""
    from embedcnn.classifier.recipe import confusion  # start-up

    counts, probabilities = confusion(model, held)
    print(
        f"accuracy {accuracy(counts):.1%} on the {len(held)} texts {measured_on} (weights of epoch {epoch})"
    )
    print(rarest_line(counts, model.labels))
    if arguments.report:
        print("\n" + "\n".join(report_lines(counts, model.labels)) + "\n")
    if not arguments.quiet:
        print("some of them: predicted (probability) / true label / text")
        for i in range(0, len(held), max(1, len(held) // SHOWN))[:SHOWN]:
            best = int(probabilities[i].argmax())
            text = held.texts[i] if len(held.texts[i]) <= 70 else held.texts[i][:67] + "..."
            mark = " " if model.labels[best] == held.labels[i] else "x"
            found = f"{model.labels[best]} ({probabilities[i, best]:.2f})"
            print(f"  {mark} {found} / {held.labels[i]} / {' '.join(text.split())}")
    print(f'saved {arguments.out}; now try: embedcnn predict {arguments.out} "a text of yours"')
