"""The commands `embedcnn vectors train | info | convert | trim | nearest | eval`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from embedcnn.base.utf8_files import text_lines_of

from ..fasttext.settings import MOST_LABELLED, MOST_WINDOW
from ..vectors.reading import FORMATS, load
from ..vectors.writing import OUTPUT_FORMATS, write
from .arguments import add_debug, count, data_file, file, number
from .errors import CommandError, message
from .model_file import check_name, check_unread

__all__ = ["add_commands"]


def add_commands(subparsers: Any) -> None:
    """Adds the command `vectors` with its subcommands to argparse's subparsers.

    Each subcommand sets `run`, a function of the parsed arguments that returns the exit status.

    >>> parser = argparse.ArgumentParser(prog="embedcnn")
    >>> add_commands(parser.add_subparsers())
    >>> parser.parse_args(["vectors", "info", "glove.txt"]).path
    'glove.txt'
    """
    about = "look into files of word vectors, convert and test them"
    parser = subparsers.add_parser("vectors", help=about, description=about.capitalize() + ".")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_train(commands)
    add_info(commands)
    add_convert(commands)
    add_trim(commands)
    add_nearest(commands)
    add_eval(commands)


def new_command(commands: Any, name: str, run: Any, about: str, example: str) -> argparse.ArgumentParser:
    """A subcommand that reads one file of vectors."""
    parser = commands.add_parser(
        name,
        help=about,
        description=about.capitalize() + ".",
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "path", help="file of vectors: GloVe, word2vec, fastText, .npz or cache, also compressed"
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="what the file is (default: found out from its content)"
    )
    parser.add_argument("--limit", type=count(0), metavar="N", help="read only the first N words")
    parser.add_argument("--unicode-errors", choices=("strict", "ignore", "replace"), default="strict")
    parser.add_argument(
        "--skip-bad-lines", action="store_true", help="leave out malformed lines, with a warning"
    )
    add_debug(parser)
    parser.set_defaults(run=guarded(run))
    return parser


def guarded(run: Any) -> Any:
    """The function, with errors of the user's as one line on stderr and exit status 1."""

    def guarded_run(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except (CommandError, OSError, ValueError, KeyError, ImportError) as error:
            if getattr(arguments, "debug", False):
                raise
            print(f"embedcnn vectors: {message(error)}", file=sys.stderr)
            return 1

    return guarded_run


def check_target(output: str, read: list[str | None]) -> None:
    """Refuses, before any work, an output that no file can be, or that is read too."""
    check_name(output, "OUTPUT")
    check_unread(output, read, "OUTPUT")


def read(arguments: argparse.Namespace, **options: Any) -> Any:
    """The vectors that the arguments name."""
    return load(
        arguments.path,
        limit=arguments.limit,
        format=arguments.format,
        unicode_errors=arguments.unicode_errors,
        on_bad_lines="skip" if arguments.skip_bad_lines else "error",
        **options,
    )


def add_train(commands: Any) -> None:
    about = "train vectors of the words of a text"
    parser = commands.add_parser(
        "train",
        help=about,
        description=about.capitalize() + ", by fastText's skip-gram or continuous bag of words.",
        epilog="example: embedcnn vectors train text.txt words.bin --dim 100 --epochs 5",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "text",
        type=data_file,
        help="file of lines, also compressed, or -: standard input; words between blanks: lower-case first",
    )
    parser.add_argument("output", help="file to write")
    parser.add_argument(
        "--to",
        choices=("fasttext_binary", *OUTPUT_FORMATS),
        help="its format (default: a model of fastText for a name that ends in .bin, else word2vec's text)",
    )
    parser.add_argument("--model", choices=("skipgram", "cbow"), default="skipgram")
    parser.add_argument(
        "--loss",
        choices=("ns", "hs"),
        default="ns",
        help="drawn words, or a tree of the words, on one thread",
    )
    for name, least, most, default, about in (
        ("--dim", 1, 65536, 100, "numbers of a vector"),
        ("--epochs", 0, MOST_LABELLED, 5, "passes over the text"),
        ("--window", 1, MOST_WINDOW, 5, "neighbours on each side, at most"),
        ("--min-count", 0, MOST_LABELLED, 5, "leave out words that are rarer"),
        ("--seed", 0, 2**63 - 1, 0, "decides all that is random"),
    ):
        kind = count(least, most)
        parser.add_argument(
            name, type=kind, default=default, metavar="N", help=f"{about} (default: {default})"
        )
    parser.add_argument(
        "--negatives",
        type=count(1, MOST_LABELLED),
        metavar="N",
        help="with --loss ns: words drawn against each (default: 5)",
    )
    parser.add_argument(
        "--max-words", type=count(1, MOST_LABELLED), metavar="N", help="leave out the rarest of more words"
    )
    parser.add_argument(
        "--buckets", type=count(1, MOST_LABELLED), metavar="N", help="rows of n-grams (default: 2000000)"
    )
    parser.add_argument(
        "--chars",
        type=count(0, 1000),
        nargs=2,
        default=(3, 6),
        metavar=("SHORTEST", "LONGEST"),
        help="n-grams of characters; 0 0: none, as word2vec (default: 3 6)",
    )
    parser.add_argument(
        "--sample",
        type=number(0),
        default=1e-4,
        metavar="SHARE",
        help="thin out words with a larger share of the text; 0: none (default: 1e-4)",
    )
    rate = number(0, zero=False)
    parser.add_argument("--learning-rate", type=rate, default=0.05, metavar="RATE", help="(default: 0.05)")
    parser.add_argument("--vectors", type=file, metavar="FILE", help="word vectors to start from")
    parser.add_argument(
        "--threads",
        type=count(1, 64),
        metavar="N",
        help="default: as many as cores; vectors do not depend on it",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    add_debug(parser)
    parser.set_defaults(run=guarded(run_train))


OPTION_OF = {
    "minCount": "--min-count",
    "lr": "--learning-rate",
    "dim": "--dim",
    "ws": "--window",
    "epoch": "--epochs",
    "neg": "--negatives",
    "bucket": "--buckets",
    "t": "--sample",
    "seed": "--seed",
    "minn": "--chars",
    "input": "TEXT",
}


def with_options(text: str) -> str:
    """What is said of an argument of Python's, said of the option that gives it.

    >>> with_options("`ws` must be an integer in [1, 1000]. Received: ws=1001")
    '--window must be an integer in [1, 1000]. Received: 1001'
    """
    for name, option in OPTION_OF.items():
        text = text.replace(f"`{name}`", option).replace(f"Received: {name}=", "Received: ")
    return text


def run_train(arguments: argparse.Namespace) -> int:
    from ..fasttext import train_unsupervised  # start-up

    check_target(arguments.output, [arguments.text, arguments.vectors])
    if arguments.loss == "hs" and arguments.negatives is not None:
        raise ValueError("--negatives is for --loss ns: with hs no words are drawn")
    if arguments.buckets is not None and not arguments.chars[1]:
        raise ValueError("--buckets are for n-grams, and --chars says that there are none")
    if arguments.max_words is not None and arguments.vectors:
        raise ValueError("--max-words and --vectors: one of both; all words of vectors stay")
    format = arguments.to or ("fasttext_binary" if arguments.output.endswith(".bin") else "word2vec")
    try:
        model = train_unsupervised(
            arguments.text,
            arguments.model,
            lr=arguments.learning_rate,
            dim=arguments.dim,
            ws=arguments.window,
            epoch=arguments.epochs,
            minCount=arguments.min_count,
            minn=arguments.chars[0],
            maxn=arguments.chars[1],
            neg=5 if arguments.negatives is None else arguments.negatives,
            loss=arguments.loss,
            bucket=arguments.buckets or 2000000,
            t=arguments.sample,
            thread=arguments.threads,
            pretrainedVectors=arguments.vectors or "",
            seed=arguments.seed,
            max_words=arguments.max_words,
            verbose=0 if arguments.quiet else 2,
        )
    except ValueError as error:
        raise ValueError(with_options(str(error))) from None
    if format == "fasttext_binary":
        model.save_model(arguments.output)
    else:
        write(model.word_vectors(), arguments.output, format)
    print(f"{arguments.output}: {len(model.words)} words x {model.get_dimension()}")
    return 0


def add_info(commands: Any) -> None:
    new_command(
        commands,
        "info",
        run_info,
        "show what a file of vectors holds",
        "embedcnn vectors info glove.6B.50d.txt",
    )


def run_info(arguments: argparse.Namespace) -> int:
    vectors = read(arguments)
    norms = vectors.norms()
    print(f"words       {len(vectors)}")
    print(f"dimensions  {vectors.vector_size}")
    print(f"dtype       {vectors.vectors.dtype}")
    print(f"memory      {vectors.vectors.nbytes / 2**20:.1f} MiB")
    if len(vectors):
        print(f"lengths     {norms.min():.4g} to {norms.max():.4g}, mean {norms.mean():.4g}")
        print("first words", " ".join(vectors.key_to_index.word(row) for row in range(min(10, len(vectors)))))
    if vectors.subwords is not None:
        grams = vectors.subwords
        print(f"n-grams     {grams.shortest} to {grams.longest} characters in {len(grams.vectors)} buckets")
    return 0


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", help="file to write")
    parser.add_argument(
        "--to",
        choices=OUTPUT_FORMATS,
        default="cache",
        help="its format (default: cache, which opens in milliseconds)",
    )
    parser.add_argument("--dtype", choices=("float32", "float16"), default="float32")


def add_convert(commands: Any) -> None:
    example = "embedcnn vectors convert GoogleNews-vectors-negative300.bin.gz news.embedcnn --dtype float16"
    parser = new_command(commands, "convert", run_convert, "write vectors in another format", example)
    add_output(parser)
    parser.add_argument(
        "--dimensions", type=count(1), metavar="D", help="reduce to D dimensions (principal components)"
    )
    parser.add_argument("--normalize", action="store_true", help="bring all vectors to length 1")


def run_convert(arguments: argparse.Namespace) -> int:
    check_target(arguments.output, [arguments.path])
    vectors = read(arguments, dtype=arguments.dtype)
    if arguments.dimensions is not None:
        vectors = vectors.reduce(arguments.dimensions)
    if arguments.normalize:
        vectors = vectors.normalized()
    write(load(vectors, dtype=arguments.dtype), arguments.output, arguments.to)
    print(f"{arguments.output}: {len(vectors)} words x {vectors.vector_size}")
    return 0


def add_trim(commands: Any) -> None:
    example = "embedcnn vectors trim glove.txt small.txt --words vocabulary.txt --to glove"
    parser = new_command(commands, "trim", run_trim, "keep only the words of a list", example)
    add_output(parser)
    parser.add_argument("--words", type=file, required=True, help="text file with one word per line")
    parser.add_argument("--lowercase", action="store_true", help="keep also the lower-case form of each word")


def run_trim(arguments: argparse.Namespace) -> int:
    check_target(arguments.output, [arguments.path, arguments.words])
    words = [word for word in (line.rstrip("\r\n") for line in text_lines_of(arguments.words)) if word]
    vectors = read(arguments, words=words, lowercase_fallback=arguments.lowercase, dtype=arguments.dtype)
    write(vectors, arguments.output, arguments.to)
    print(
        f"{arguments.output}: {len(vectors)} words x {vectors.vector_size}; {len(set(words))} words asked for"
    )
    return 0


def add_nearest(commands: Any) -> None:
    example = "embedcnn vectors nearest glove.txt king woman --minus man"
    parser = new_command(
        commands, "nearest", run_nearest, "show the words nearest to one or several words", example
    )
    parser.add_argument("words", nargs="+", metavar="word")
    parser.add_argument(
        "--minus", nargs="+", default=[], metavar="word", help="words whose direction is taken away"
    )
    parser.add_argument("--count", type=count(1), default=10, metavar="N", help="how many (default: 10)")


def run_nearest(arguments: argparse.Namespace) -> int:
    vectors = read(arguments)
    for word, cosine in vectors.most_similar(arguments.words, arguments.minus, topn=arguments.count):
        print(f"{cosine:7.4f}  {word}")
    return 0


def add_eval(commands: Any) -> None:
    example = "embedcnn vectors eval glove.txt --analogies questions-words.txt --pairs wordsim353.tsv"
    parser = new_command(
        commands, "eval", run_eval, "solve analogies, compare with people's judgement", example
    )
    parser.add_argument("--analogies", type=file, metavar="FILE", help="questions 'a b c d' in sections")
    parser.add_argument("--pairs", type=file, metavar="FILE", help="lines 'word TAB word TAB similarity'")
    parser.add_argument(
        "--restrict-vocab", type=count(1), default=300000, metavar="N", help="use the first N words only"
    )


def run_eval(arguments: argparse.Namespace) -> int:
    if not arguments.analogies and not arguments.pairs:
        raise ValueError("eval needs --analogies FILE or --pairs FILE")
    vectors = read(arguments)
    if arguments.analogies:
        _, sections = vectors.evaluate_word_analogies(
            arguments.analogies, restrict_vocab=arguments.restrict_vocab
        )
        if not sections[-1]["correct"] and not sections[-1]["incorrect"]:
            raise CommandError(f"--analogies: {arguments.analogies!r} has no question whose words are known")
        for section in sections:
            right, asked = len(section["correct"]), len(section["correct"]) + len(section["incorrect"])
            print(f"{right / asked if asked else 0:7.2%}  {right:6d} of {asked:6d}  {section['section']}")
    if arguments.pairs:
        pearson, spearman, unknown = vectors.evaluate_word_pairs(
            arguments.pairs, restrict_vocab=arguments.restrict_vocab
        )
        print(f"Pearson  {pearson.statistic:.4f} (p = {pearson.pvalue:.2g})")
        print(f"Spearman {spearman.statistic:.4f} (p = {spearman.pvalue:.2g})")
        print(f"pairs with unknown words {unknown:.1f} %")
    return 0
