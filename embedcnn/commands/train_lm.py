"""``embedcnn train --model lm``: a language model of the characters of a book."""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any

from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_target

LANGUAGE_MODEL_OPTIONS = ("units", "layers", "length")
CLASSIFIER_OPTIONS = (
    *("valid", "format", "text_column", "label_column", "vectors", "freeze", "filters", "widths"),
    *("word_ngrams", "max_words", "word_dropout", "label_smoothing", "patience", "blend", "report"),
)
DIMENSIONS, UNITS, LAYERS, LENGTH, BATCH_SIZE, EPOCHS, LEARNING_RATE = 256, 512, 1, 100, 128, 10, 0.002
HELD_OUT = 0.05
SAMPLE = 200


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of language models."""
    group = parser.add_argument_group(
        "with --model lm",
        f"DATA is one text, read character by character. Defaults there: {DIMENSIONS} dimensions, {EPOCHS} "
        f"epochs, {BATCH_SIZE} windows in a step, learning rate {LEARNING_RATE:g}, no dropout. The last "
        f"{HELD_OUT:.0%} of the text are not learnt, but measured.",
    )
    for name, default, about in (
        ("--units", UNITS, "units of an LSTM layer"),
        ("--layers", LAYERS, "LSTM layers"),
        ("--length", LENGTH, "characters of a window"),
    ):
        group.add_argument(name, type=options.count(1), metavar="N", help=f"{about} (default: {default})")


def refuse(arguments: argparse.Namespace, names: tuple[str, ...], why: str) -> None:
    """CommandError for the first of these options that was given."""
    for name in names:
        if getattr(arguments, name) not in (None, False):
            raise CommandError(f"--{name.replace('_', '-')}: {why}")


def text_to_learn(arguments: argparse.Namespace) -> str:
    """The book, or text that Python carries."""
    if arguments.data is None:
        from embedcnn.datasets import standard_library_sentences

        return "\n".join(standard_library_sentences().texts)
    from embedcnn.data import read_text

    return read_text(arguments.data, arguments.encoding)


def train_language_model(arguments: argparse.Namespace) -> int:
    """Runs ``train --model lm``."""
    from embedcnn import utils
    from embedcnn.language_model import CharLanguageModel

    refuse(arguments, CLASSIFIER_OPTIONS, "has no meaning with --model lm")
    options.use_runtime(arguments)
    print(options.first_line())
    note = check_target(arguments.out, arguments.force)
    text = text_to_learn(arguments)
    length = arguments.length or LENGTH
    held = text[len(text) - int(len(text) * HELD_OUT) :]
    if len(held) <= length:
        raise CommandError(
            f"the text has {len(text)} characters, too few: a twentieth must fill a window of --length "
            f"{length}"
        )
    print(f"{len(text)} characters, {len(set(text))} of them different; the last {len(held)} are held out")
    if note:
        print(note)
    sys.stdout.flush()
    utils.set_random_seed(arguments.seed)
    writer = CharLanguageModel(
        text,
        arguments.dimensions or DIMENSIONS,
        arguments.units or UNITS,
        arguments.layers or LAYERS,
        arguments.dropout or 0.0,
        arguments.learning_rate or LEARNING_RATE,
        arguments.seed,
    )
    interrupted = fit(arguments, writer, text, length)
    writer.save(arguments.out)
    return 130 if interrupted else show(arguments, writer, held, length)


def fit(arguments: argparse.Namespace, writer: Any, text: str, length: int) -> bool:
    """Trains; whether Ctrl-C ended it."""
    try:
        writer.fit(
            text,
            length,
            min(arguments.batch_size or BATCH_SIZE, max(1, int(len(text) * (1 - HELD_OUT)) // length)),
            arguments.epochs or EPOCHS,
            validation_split=HELD_OUT,
            verbose=0 if arguments.quiet else 1,
        )
    except KeyboardInterrupt:
        print(f"\nstopped by Ctrl-C; the model so far is saved in {arguments.out}")
        return True
    return False


def show(arguments: argparse.Namespace, writer: Any, held: str, length: int) -> int:
    """What the model is worth, and what it writes."""
    found = writer.evaluate(held, length)
    if not math.isfinite(found["loss"]):
        raise CommandError("the loss became infinite or no number; try a smaller --learning-rate")
    print(
        f"{found['loss']:.3f} nats, {found['bits_per_character']:.3f} bits per character on the text held "
        f"out (perplexity {found['perplexity']:.2f})"
    )
    if not arguments.quiet:
        prompt = held[:20]
        print(prompt + writer.generate(prompt, SAMPLE, temperature=0.7, seed=arguments.seed))
    print(
        f'saved {arguments.out}; now try: embedcnn generate {arguments.out} --prompt "a beginning of yours"'
    )
    return 0
