"""`embedcnn train`: labelled texts to a saved classifier, with its accuracy on texts held out."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from embedcnn.commands import arguments as options
from embedcnn.commands.train_fasttext import FASTTEXT_OPTIONS, train_fasttext
from embedcnn.commands.train_fasttext import add_options as add_fasttext_options
from embedcnn.commands.train_lm import add_options, refuse, train_language_model
from embedcnn.commands.train_text import train_text_classifier

if TYPE_CHECKING:
    from embedcnn.classifier.recipe import Settings

DEFAULT_OUT = "model.embedcnn"

EPILOG = f"""\
Without DATA the model learns to tell from which of 10 packages of Python's library a sentence is.

{options.DATA_HELP}
Unless --model says otherwise, linear models of n-grams of words and characters are trained, in seconds, and
those whose mean is best on texts that they did not learn are kept; a mean of embeddings of words, and with
--vectors a CNN, stand beside them where they pay. Two lines say what was chosen, and what each part scored.
--filters, --widths, --recurrent-units, --blend and --no-blend are for --model cnn, and mean it; --dropout and
--word-dropout are for a CNN and --model avg.

A tenth of the texts is held out to measure the accuracy. Of the rest another tenth (of --model cnn and avg a
twentieth) decides when to stop. With --valid FILE all of DATA is learnt, and FILE does both: measure anew
with embedcnn test on other texts.

With --vectors, words start from vectors that others have trained (GloVe, word2vec, fastText). With --freeze
too they stay as they are, and all words of that file are kept in the model: words that training never saw are
understood.

Ctrl-C ends the training early, and the best model so far is saved. The same seed gives the same file.

examples:
  embedcnn train
  embedcnn train reviews.csv --text-column review --label-column stars --report
  embedcnn train reviews.csv --baseline --time 60
  embedcnn train train.tsv --valid dev.tsv --vectors glove.6B.100d.txt --freeze --out reviews.embedcnn
  embedcnn train questions.txt --encoding latin-1 --widths 1,2,3 --filters 200 --seed 7
  embedcnn train --model fasttext lines.txt --word-ngrams 2 --valid dev.txt --out model.bin
  embedcnn train --model lm book.txt --epochs 20 --out writer.embedcnn
  embedcnn train --model lm book.txt --epochs 20 --out writer.embedcnn --resume
  embedcnn train --model lm book.txt --level word --length 35 --carry-state --out words.embedcnn
"""


def add_command(commands: Any) -> None:
    """Adds `train`."""
    from embedcnn.classifier.recipe import Settings  # start-up

    default = Settings()
    parser = commands.add_parser(
        "train",
        help="train a text classifier and save it",
        description="Train a text classifier on labelled texts, measure it and save it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser)
    options.add_data_options(parser)
    group = parser.add_argument_group("the model")
    add_model_options(group, default)
    add_noise_options(group, default)
    group = parser.add_argument_group("the training")
    add_training_options(group, default)
    add_fasttext_options(parser)
    add_options(parser)
    options.add_common_options(group)
    parser.set_defaults(run=run)


def add_files(parser: argparse.ArgumentParser) -> None:
    """What is read, what is written, what is said."""
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        type=options.data_file,
        help="labelled texts, see below; -: standard input (default: text of Python's own)",
    )
    parser.add_argument(
        "--valid",
        metavar="DATA",
        type=options.data_file,
        help="texts that decide when to stop and on which the model is measured",
    )
    parser.add_argument(
        "--out", default=DEFAULT_OUT, metavar="FILE", help=f"the saved model (default: {DEFAULT_OUT})"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE even if it is no model")
    parser.add_argument(
        "--report", action="store_true", help="also precision, recall, F1 and the confusion matrix"
    )
    parser.add_argument(
        "--baseline",
        action="store_true",
        help="also the accuracy of TF-IDF and a linear SVM of scikit-learn on the same texts",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no predictions")


def add_model_options(group: Any, default: Settings) -> None:
    """What the model is made of."""
    from embedcnn.classifier.encoders import TOKENIZERS  # start-up
    from embedcnn.classifier.recipe import DIMENSIONS  # start-up

    group.add_argument(
        "--model",
        choices=("cnn", "avg", "bag", "fasttext", "lm"),
        help="cnn: convolutions, the largest value of each; avg: the mean of the embeddings of words and "
        "n-grams of words; bag: linear models of n-grams of words and characters; fasttext: fastText's "
        "model, of any amount of text; lm: a language model of the characters or words of a book, DATA "
        "(default: bag, and beside it the others as far as they pay)",
    )
    group.add_argument(
        "--vectors", type=options.file, metavar="FILE", help="word vectors to start from, in any usual format"
    )
    group.add_argument("--freeze", action="store_true", help="leave the vectors of --vectors as they are")
    add_number(group, "--filters", options.count(1, 100_000), default.filters, "filters of each width")
    group.add_argument(
        "--widths",
        type=options.widths,
        metavar="N,N",
        help=f"words that a filter looks at (default: {','.join(map(str, default.widths))})",
    )
    add_number(
        group,
        "--recurrent-units",
        options.count(0, 100_000),
        default.recurrent_units,
        "units of a GRU in both directions, which the filters look at in the place of the words (without "
        "--model 32 where texts are few and --vectors given)",
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
        "longest n-grams of words that a mean counts beside the words (none with --freeze); linear parts "
        "have longer ones in long texts, unless it is given",
    )
    group.add_argument(
        "--max-words",
        type=options.count(1),
        metavar="N",
        help="keep only the N most frequent words; of linear parts, the N most frequent n-grams",
    )
    group.add_argument(
        "--tokenizer",
        choices=tuple(TOKENIZERS),
        help="words: of any language, in lower case (linear parts also count punctuation marks); whitespace: "
        "what stands between blanks; chars: characters; char_ngrams: runs of 1 to 3 characters, for scripts "
        "without spaces such as Thai (default: words)",
    )


def add_noise_options(group: Any, default: Settings) -> None:
    """What keeps a network from learning by heart."""
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


def add_training_options(group: Any, default: Settings) -> None:
    """How long it learns, and how."""
    from embedcnn.classifier.recipe import RATES  # start-up

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
    group.add_argument(
        "--time",
        dest="seconds",
        type=options.number(0, zero=False),
        metavar="SECONDS",
        help="search so long for what is best: more linear parts, a CNN, other settings (the result then "
        "depends on the machine; default: one try of what usually pays)",
    )
    add_number(group, "--batch-size", options.count(1), default.batch_size, "texts in a step")
    group.add_argument(
        "--learning-rate",
        type=options.number(0, zero=False),
        metavar="N",
        help=f"Adam's learning rate (default: {RATES['cnn']:g}; avg: {RATES['avg']:g})",
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


def add_number(group: Any, name: str, kind: Any, default: float, about: str) -> None:
    """A numeric option whose help tells the default, which stands where it is not given."""
    group.add_argument(name, type=kind, metavar="N", help=f"{about} (default: {default:g})")


def run(arguments: argparse.Namespace) -> int:
    """Runs `train`."""
    if arguments.model == "fasttext":
        return train_fasttext(arguments)
    refuse(arguments, FASTTEXT_OPTIONS, "is for --model fasttext")
    return train_language_model(arguments) if arguments.model == "lm" else train_text_classifier(arguments)
