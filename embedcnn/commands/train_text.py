"""What `embedcnn train` does with labelled texts: trains a classifier, measures and saves it."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import Any

from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_target
from embedcnn.commands.report import accuracy, balanced_accuracy, rarest_line, report_lines
from embedcnn.commands.train_lm import LANGUAGE_MODEL_OPTIONS, refuse
from embedcnn.data.labelled import LabelledTexts

HELD_OUT, DEVELOPMENT = 0.1, 0.05
HELD = "held out"
SHOWN = 5
CNN_OPTIONS = ("filters", "widths", "recurrent_units", "blend")
READING_OPTIONS = ("valid", "format", "encoding", "text_column", "label_column", "empty", "missing_labels")
NETWORK_OPTIONS = (
    *("vectors", "freeze", "dimensions", "dropout", "word_dropout", "label_smoothing", "epochs", "patience"),
    *("batch_size", "learning_rate"),
)


def train_text_classifier(arguments: argparse.Namespace) -> int:
    """Runs `train` but for language models."""
    check_usage(arguments)
    options.use_runtime(arguments)
    print(options.first_line())
    note = check_target(arguments.out, arguments.force, files_read(arguments))
    learnt, valid, held, measured_on = parts(arguments)
    single = arguments.model in ("cnn", "avg")
    begin = time.perf_counter()
    if single:
        result = train_network(arguments, learnt, valid, held, measured_on, note)
    else:
        announce(f"{len(learnt)} texts to learn, {len(held)} {to_measure(measured_on)}", learnt, note)
        result = train_parts(arguments, learnt, valid)
    took = f"trained in {time.perf_counter() - begin:.1f} s"
    if result.model is None or not (result.best_epoch or result.choice):
        raise_unfinished(result.interrupted, "first epoch was" if single else "linear parts were")
    for line in result.choice:
        print(line)
    model = result.model
    model.save(arguments.out)
    reached = f"weights of epoch {result.best_epoch}" if single else took
    if result.interrupted:
        far = f" (epoch {result.best_epoch})" if single else ""
        print(f"\nstopped by Ctrl-C; the best model so far{far} is saved in {arguments.out}")
        return 130
    show_results(arguments, model, held, f"{measured_on} ({reached})")
    if arguments.baseline:
        print(baseline_line(learnt, held))
    print(f'saved {arguments.out}; now try: embedcnn predict {arguments.out} "a text of yours"')
    return 0


def files_read(arguments: argparse.Namespace) -> list[str | None]:
    """The files that a training reads."""
    return [arguments.data, arguments.valid, arguments.vectors]


def check_usage(arguments: argparse.Namespace) -> None:
    """Refuses options that would do nothing; options of a CNN alone ask for one."""
    if arguments.model is None and any(getattr(arguments, name) is not None for name in CNN_OPTIONS):
        arguments.model = "cnn"
    if arguments.freeze and not arguments.vectors:
        raise CommandError("--freeze: there is nothing to freeze without --vectors")
    if arguments.vectors and arguments.dimensions is not None:
        raise CommandError("--dimensions: the file of --vectors decides them; leave one of the two out")
    refuse(arguments, LANGUAGE_MODEL_OPTIONS, "is for --model lm")
    if arguments.model == "bag":
        refuse(arguments, CNN_OPTIONS + NETWORK_OPTIONS, "has no meaning with --model bag")
    if arguments.model == "avg":
        refuse(arguments, CNN_OPTIONS, "has no meaning with --model avg")
    if arguments.model is not None and arguments.seconds is not None:
        raise CommandError("--time: is for the search that --model leaves out; leave one of the two out")
    refuse_what_no_network_has(arguments)
    if arguments.baseline:
        require_scikit_learn()
    if arguments.data is None:
        refuse(arguments, READING_OPTIONS, "has no meaning without DATA")


def refuse_what_no_network_has(arguments: argparse.Namespace) -> None:
    """Refuses options of networks that are not trained."""
    if arguments.freeze and arguments.blend:
        raise CommandError("--blend: a mean of words has no use for --freeze; leave one of the two out")
    if arguments.model in ("cnn", "avg"):
        if arguments.freeze:
            refuse(arguments, ("word_ngrams",), "no mean counts n-grams with --freeze")
        if arguments.model == "cnn" and arguments.blend is False:
            refuse(arguments, ("word_ngrams",), "is for the mean that --no-blend leaves out")
    elif arguments.model is None and not arguments.vectors and arguments.seconds is None:
        why = "is for a CNN, or --model avg; without --model a CNN is trained with --vectors or --time"
        refuse(arguments, ("dropout", "word_dropout"), why)


def parts(
    arguments: argparse.Namespace,
) -> tuple[LabelledTexts, LabelledTexts | None, LabelledTexts, str]:
    """(to learn, --valid or None, to measure, what the last are)."""
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
        decide = "" if arguments.model == "bag" else ", which also decide when to stop"
        return labelled, valid, valid, f"of --valid{decide}"
    if max(Counter(labelled.labels).values(), default=0) < 4:
        raise CommandError(
            f"{labelled.path}: no label has four texts, too few to hold some out to measure the accuracy and "
            "some to decide when to stop; give more texts, or --valid"
        )
    rest, held = hold_out(labelled, HELD_OUT, arguments.seed)
    return rest, None, held, HELD


def to_measure(measured_on: str) -> str:
    """What texts are, in the line before training: those held out choose nothing."""
    return "held out to measure" if measured_on == HELD else measured_on


def announce(counted: str, learnt: LabelledTexts, note: str | None) -> None:
    """Says what is going to be learnt, and what happens to --out."""
    print(f"{counted}; {len(learnt.label_names)} labels")
    if note:
        print(note)
    sys.stdout.flush()


def train_network(
    arguments: argparse.Namespace,
    learnt: LabelledTexts,
    valid: LabelledTexts | None,
    held: LabelledTexts,
    measured_on: str,
    note: str | None,
) -> Any:
    """The Training of --model cnn or avg; without --valid a part of what is to be learnt decides when to
    stop.
    """
    from embedcnn.classifier.encoders import make_encoder  # start-up
    from embedcnn.classifier.recipe import hold_out, train_classifier  # start-up

    train, development = hold_out(learnt, DEVELOPMENT, arguments.seed) if valid is None else (learnt, valid)
    counted = f"{len(train)} texts to learn, {len(development)} to decide when to stop"
    announce(f"{counted}, {len(held)} {to_measure(measured_on)}", train, note)
    encoder = make_encoder(train.texts, arguments.max_words, arguments.tokenizer or "words")
    table = start_table(arguments, encoder)
    return train_classifier(
        train, development, settings_of(arguments), encoder, table, arguments.freeze, not arguments.quiet
    )


def train_parts(arguments: argparse.Namespace, learnt: LabelledTexts, valid: LabelledTexts | None) -> Any:
    """The Training of --model bag, or of what pays."""
    from embedcnn.classifier.choice import train_portfolio  # start-up

    return train_portfolio(
        learnt,
        valid,
        settings_of(arguments),
        tokenizer=arguments.tokenizer or "words",
        max_words=arguments.max_words,
        longest=arguments.word_ngrams,
        vectors=arguments.vectors,
        freeze=arguments.freeze,
        networks=arguments.model != "bag",
        seconds=arguments.seconds,
        show_progress=not arguments.quiet,
    )


def settings_of(arguments: argparse.Namespace) -> Any:
    """The classifier's settings."""
    from dataclasses import fields

    from embedcnn.classifier.recipe import RATES, Settings  # start-up

    given = {field.name: getattr(arguments, field.name) for field in fields(Settings)}
    given["model"] = arguments.model if arguments.model in ("cnn", "avg") else None
    if given["learning_rate"] is None and arguments.model == "avg":
        given["learning_rate"] = RATES["avg"]
    return Settings(**{name: value for name, value in given.items() if value is not None})


def start_table(arguments: argparse.Namespace, encoder: Any) -> Any:
    """The matrix of --vectors, with a line that tells how many words it covers."""
    from embedcnn.classifier.encoders import table_from_vectors  # start-up

    if not arguments.vectors:
        return None
    table = table_from_vectors(encoder, arguments.vectors, arguments.freeze, arguments.seed)
    print(table.coverage(arguments.vectors))
    sys.stdout.flush()
    return table.matrix


def raise_unfinished(interrupted: bool, what: str) -> None:
    """There are no weights worth keeping; `what` was not complete."""
    if interrupted:
        print(f"\nstopped by Ctrl-C before the {what} complete; nothing is saved", file=sys.stderr)
        raise SystemExit(130)
    raise CommandError(
        "the loss became infinite or no number; nothing is saved. Try a smaller --learning-rate"
    )


def show_results(arguments: argparse.Namespace, model: Any, held: LabelledTexts, measured_on: str) -> None:
    """Accuracy, report, and some predictions."""
    from embedcnn.classifier.recipe import confusion  # start-up

    counts, probabilities = confusion(model, held)
    print(f"accuracy {accuracy(counts):.1%} on the {len(held)} texts {measured_on}")
    if arguments.class_weight is not None:
        print(f"balanced accuracy (mean recall of the labels) {balanced_accuracy(counts):.1%}")
    hint = "" if arguments.class_weight else "--class-weight balanced gives rare labels more weight"
    print(rarest_line(counts, model.labels, hint))
    if arguments.report:
        print("\n" + "\n".join(report_lines(counts, model.labels)) + "\n")
    if not arguments.quiet:
        print("some of them (x: wrong): predicted (probability) / true label / text")
        for i in range(0, len(held), max(1, len(held) // SHOWN))[:SHOWN]:
            best = int(probabilities[i].argmax())
            text = held.texts[i] if len(held.texts[i]) <= 70 else held.texts[i][:67] + "..."
            mark = " " if model.labels[best] == held.labels[i] else "x"
            found = f"{model.labels[best]} ({probabilities[i, best]:.2f})"
            print(f"  {mark} {found} / {held.labels[i]} / {' '.join(text.split())}")


def require_scikit_learn() -> None:
    """CommandError where --baseline cannot do its work: before anything is trained."""
    from importlib.util import find_spec

    if find_spec("sklearn") is None:
        raise CommandError("--baseline: needs scikit-learn: pip install 'embedcnn[sklearn]'")


def baseline_line(learnt: LabelledTexts, held: LabelledTexts) -> str:
    """How good TF-IDF of words and pairs of words with a linear SVM is on the same texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    begin = time.perf_counter()
    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    try:
        model = LinearSVC().fit(features.fit_transform(learnt.texts), learnt.labels)
    except ValueError as error:  # no word of two letters in all the texts
        return f"baseline: scikit-learn cannot learn these texts ({error})"
    found = model.predict(features.transform(held.texts))
    right = sum(one == other for one, other in zip(found, held.labels, strict=True))
    took = time.perf_counter() - begin
    return f"baseline, TF-IDF + LinearSVC of scikit-learn: {right / len(held):.1%} ({took:.1f} s)"
