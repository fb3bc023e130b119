"""`embedcnn train --model lm`: a language model of the characters, or words, of a book."""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import shlex
import sys
from typing import Any

from embedcnn.callbacks import BackupAndRestore, Callback
from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_target, is_model

LANGUAGE_MODEL_OPTIONS = ("level", "units", "layers", "length", "carry_state", "resume")
CLASSIFIER_OPTIONS = (
    *("valid", "format", "text_column", "label_column", "vectors", "freeze", "filters", "widths"),
    "recurrent_units",
    *("word_ngrams", "word_dropout", "label_smoothing", "patience", "blend", "report", "tokenizer"),
    *("class_weight", "empty", "missing_labels", "baseline", "seconds"),
)
OPTION_OF = {"seconds": "time"}
DIMENSIONS, UNITS, LAYERS, LENGTH, BATCH_SIZE, EPOCHS, LEARNING_RATE = 256, 512, 1, 100, 128, 10, 0.002
MAX_WORDS = 10_000
HELD_OUT = 0.05
NOTHING_DONE = (
    "{} is the model of a training that came to its end after {} epochs: nothing is done; --epochs with a "
    "larger number goes on"
)
SAMPLE = {"characters": 200, "words": 50}
BACKUP_STEPS = 100
"""A backup costs about as much as a step of a large model."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of language models."""
    group = parser.add_argument_group(
        "with --model lm",
        f"DATA is one text, read character by character. Defaults there: {DIMENSIONS} dimensions, {EPOCHS} "
        f"epochs, {BATCH_SIZE} windows in a step, learning rate {LEARNING_RATE:g}, no dropout. The last "
        f"{HELD_OUT:.0%} of the text are not learnt, but measured. A backup in the folder FILE.backup, every "
        f"{BACKUP_STEPS} steps and after each epoch, goes when the training has come to its end.",
    )
    group.add_argument(
        "--level",
        choices=("char", "word"),
        help=f"what the model reads and writes one by one (default: char); of words and punctuation marks "
        f"the --max-words most frequent, {MAX_WORDS} unless given",
    )
    for name, default, about in (
        ("--units", UNITS, "units of an LSTM layer"),
        ("--layers", LAYERS, "LSTM layers"),
        ("--length", LENGTH, "characters (words) of a window"),
    ):
        group.add_argument(name, type=options.count(1), metavar="N", help=f"{about} (default: {default})")
    group.add_argument(
        "--carry-state",
        action="store_true",
        help="read the text in parallel streams, and go on from window to window (truncated backpropagation "
        "through time); else windows are shuffled",
    )
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on with the backup of a training of FILE that was killed, to the same bits; where it came "
        "to its end, go on to a larger number of --epochs",
    )


def refuse(arguments: argparse.Namespace, names: tuple[str, ...], why: str) -> None:
    """CommandError for the first of these options that was given."""
    for name in names:
        value = getattr(arguments, name)
        if value is False and name == "blend":
            raise CommandError(f"--no-{name}: {why}")
        if value not in (None, False):
            raise CommandError(f"--{OPTION_OF.get(name, name.replace('_', '-'))}: {why}")


def text_to_learn(arguments: argparse.Namespace) -> str:
    """The book, or text that Python carries."""
    if arguments.data is None:
        from embedcnn.datasets import standard_library_sentences  # start-up

        return "\n".join(standard_library_sentences().texts)
    from embedcnn.data import read_text  # start-up

    return read_text(arguments.data, arguments.encoding or "utf-8")


def train_language_model(arguments: argparse.Namespace) -> int:
    """Runs `train --model lm`."""
    refuse(arguments, CLASSIFIER_OPTIONS, "has no meaning with --model lm")
    if arguments.data is None:
        refuse(arguments, ("encoding",), "has no meaning without DATA")
    if arguments.level != "word":
        refuse(arguments, ("max_words",), "has no meaning with --model lm, but for --level word")
    options.use_runtime(arguments)
    print(options.first_line())
    note = check_target(arguments.out, arguments.force, [arguments.data])
    backup = Backup(f"{arguments.out}.backup", save_freq=BACKUP_STEPS, double_checkpoint=True)
    ended = ended_training(arguments, backup)
    epochs = arguments.epochs or EPOCHS
    about_backup = check_backup(arguments, backup) if ended is None else ""
    text = text_to_learn(arguments)
    learnt, held = (
        text[: len(text) - int(len(text) * HELD_OUT)],
        text[len(text) - int(len(text) * HELD_OUT) :],
    )
    writer = make_writer(arguments, text)
    first_epoch = 0
    if ended is not None:
        check_same_model(ended, writer, arguments.out)
        if epochs <= ended.model.epochs_trained:
            print(NOTHING_DONE.format(arguments.out, ended.model.epochs_trained))
            return 0
        writer, first_epoch = ended, ended.model.epochs_trained
        note = f"going on with the model {arguments.out} after its {first_epoch} epochs"
    length = arguments.length or LENGTH
    unit = writer.model.text_encoder.unit
    read, kept = len(writer.encode(learnt)), len(writer.encode(held))
    if kept <= length:
        raise CommandError(
            f"the text has {read + kept} {unit}, too few: a twentieth must fill a window of --length {length}"
        )
    different = len(writer.vocabulary) - len(writer.model.text_encoder.unwritten)
    print(f"{read + kept} {unit}, {different} of them different; the last {kept} are held out")
    for line in (note, about_backup):
        if line:
            print(line)
    sys.stdout.flush()
    batch_size = min(arguments.batch_size or BATCH_SIZE, max(1, (read - 1) // length))
    watching = [Sampler(writer, held, arguments), SameTraining(arguments, text), backup]
    try:
        writer.fit(
            learnt,
            length,
            batch_size,
            epochs,
            initial_epoch=first_epoch,
            validation_data=held,
            carry_state=arguments.carry_state,
            callbacks=watching,
            verbose=0 if arguments.quiet else 1,
        )
    except KeyboardInterrupt:
        writer.save(arguments.out)
        again = "; the same command with --resume goes on" if os.path.exists(backup.path) else ""
        print(f"\nstopped by Ctrl-C; the model so far is saved in {arguments.out}{again}")
        return 130
    writer.save(arguments.out)
    return show(arguments, writer, held, length)


def make_writer(arguments: argparse.Namespace, text: str) -> Any:
    """The model, untrained."""
    from embedcnn import utils  # start-up
    from embedcnn.language_model.models import CharLanguageModel, WordLanguageModel  # start-up

    if not text:
        raise CommandError("the text is empty")
    if arguments.level != "word" and len(set(text)) < 2:
        raise CommandError(f"the text has one character alone, {text[0]!r}: there is nothing to learn")
    utils.set_random_seed(arguments.seed)
    settings = (
        arguments.dimensions or DIMENSIONS,
        arguments.units or UNITS,
        arguments.layers or LAYERS,
        arguments.dropout or 0.0,
        arguments.learning_rate or LEARNING_RATE,
        arguments.seed,
    )
    if arguments.level == "word":
        return WordLanguageModel(text, *settings, max_tokens=(arguments.max_words or MAX_WORDS) + 2)
    return CharLanguageModel(text, *settings)


def ended_training(arguments: argparse.Namespace, backup: Backup) -> Any:
    """The language model of a training that came to its end, which --resume means where there is no backup;
    None where there is none.
    """
    if not arguments.resume or os.path.exists(backup.path) or not is_model(arguments.out):
        return None
    from embedcnn.language_model.models import LanguageModel  # start-up

    writer = LanguageModel.load(arguments.out)
    epochs, optimizer = writer.model.epochs_trained, writer.model.optimizer
    whole = epochs and optimizer is not None and optimizer.steps % epochs == 0  # else Ctrl-C ended it
    return writer if whole else None


def check_same_model(ended: Any, fresh: Any, path: str) -> None:
    """CommandError unless a trained model is one of the same text, level, sizes and seed as a fresh one."""
    facts = [
        {
            "DATA or --level": writer.vocabulary.tokens,
            "--dimensions, --units or --layers": [weight.shape for weight in writer.model.weights],
            "--seed": writer.model.seed,
        }
        for writer in (ended, fresh)
    ]
    for name, value in facts[0].items():
        if facts[1][name] != value:
            raise CommandError(f"--resume: the model {path} is of a training with another {name}")


def check_backup(arguments: argparse.Namespace, backup: Backup) -> str:
    """What to say of a backup; CommandError where one would be lost."""
    exists = os.path.exists(backup.path)
    if arguments.resume:
        if exists:
            return f"going on with the backup {backup.path}"
        return f"there is no backup {backup.path}: the training begins anew"
    if exists and not arguments.force:
        raise CommandError(
            f"{backup.path!r} is the backup of a training that did not come to its end; go on with --resume, "
            "or begin anew with --force"
        )
    if exists:
        backup.remove()
    return ""


class Backup(BackupAndRestore):
    """A backup after each epoch too: one of a short text has fewer steps than lie between two backups."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._save()


class SameTraining(Callback):
    """Refuses to go on with the backup of a training of another text or with other settings."""

    def __init__(self, arguments: argparse.Namespace, text: str) -> None:
        names: tuple[str, ...] = ("level", "length", "batch_size", "dimensions", "units", "layers", "dropout")
        names += ("learning_rate", "carry_state", "max_words", "seed")
        self.settings = {f"--{name.replace('_', '-')}": getattr(arguments, name) for name in names}
        self.settings["--precision"] = arguments.precision or "high"  # other products, other bits
        self.settings["DATA"] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def get_state(self) -> dict[str, Any]:
        return self.settings

    def set_state(self, state: dict[str, Any]) -> None:
        for name, value in self.settings.items():
            if state.get(name, "high" if name == "--precision" else None) != value:  # backups before had none
                raise CommandError(f"--resume: the backup is of a training with another {name}")


class Sampler(Callback):
    """Shows after each epoch what the model writes by now."""

    def __init__(self, writer: Any, held: str, arguments: argparse.Namespace) -> None:
        self.writer, self.held, self.arguments = writer, held, arguments
        if arguments.quiet:
            self.ignored = ("on_epoch_end",)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        unit = self.writer.model.text_encoder.unit
        print(f"    {' '.join(self.sample(SAMPLE[unit] // 2).split())}", flush=True)

    def sample(self, length: int) -> str:
        """The beginning of the text held out, as the model would go on."""
        encoder = self.writer.model.text_encoder
        prompt = " ".join(self.held[:200].split(" ")[:5])[:60]
        unknown = None if encoder.unit == "characters" else "[UNK]"
        if encoder.unit == "words" and not len(encoder([prompt]).ids):
            prompt = self.writer.vocabulary.tokens[2]
        seed = self.arguments.seed
        return prompt + self.writer.generate(prompt, length, temperature=0.7, seed=seed, unknown=unknown)


def beginning(writer: Any, held: str) -> str:
    """A prompt whose characters or words the model knows: some words of the text held out."""
    prompt = " ".join(held[:200].split()[:3])[:30].strip()
    try:
        writer.model.text_encoder.encode_prompt(prompt)
    except ValueError:
        return str(writer.vocabulary.tokens[-1])
    return prompt


def show(arguments: argparse.Namespace, writer: Any, held: str, length: int) -> int:
    """What the model is worth, and what it writes."""
    unit = writer.model.text_encoder.unit
    streams = max(1, min(16, len(writer.encode(held)) // (2 * length)))
    found = writer.evaluate(
        held, length, streams if arguments.carry_state else BATCH_SIZE, carry_state=arguments.carry_state
    )
    if not math.isfinite(found["loss"]):
        raise CommandError("the loss became infinite or no number; try a smaller --learning-rate")
    bits = (
        f", {found['bits_per_character']:.3f} bits per character"
        if "bits_per_character" in found
        else " per word"
    )
    print(f"{found['loss']:.3f} nats{bits} on the text held out (perplexity {found['perplexity']:.2f})")
    if not arguments.quiet:
        print(Sampler(writer, held, arguments).sample(SAMPLE[unit]))
    command = ["embedcnn", "generate", arguments.out, "--prompt", beginning(writer, held)]
    print(f"saved {arguments.out}; now try: {shlex.join(command)}")
    return 0
