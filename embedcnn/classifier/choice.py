"""The default of `embedcnn train`: linear parts, and with them a mean of embeddings and a CNN where they pay.

Linear parts are judged out of fold (linear.py). A tenth of the texts is held out to tell for how many epochs
the others train, and whether a mean with them is surer of the right labels; what is chosen is then trained on
all texts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embedcnn.base.arguments import finite_number, optional
from embedcnn.base.checked import checked
from embedcnn.base.random_seeds import set_sequence
from embedcnn.classifier.batches import label_weights, text_weights
from embedcnn.classifier.callbacks import BATCH
from embedcnn.classifier.encoders import make_encoder, table_from_vectors
from embedcnn.classifier.linear import (
    SMALLEST,
    Linear,
    accuracy,
    log_loss,
    probabilities,
    slope_of,
    train_linear,
)
from embedcnn.classifier.recipe import (
    Settings,
    Training,
    label_ids,
    mean_settings,
    suffix,
    title_of,
    train_classifier,
)
from embedcnn.data.labelled import LabelledTexts

TENTH = 10  # one of so many texts is held out
LEFT = 3  # a try starts where so many times the last of its kind are left: training anew comes behind it
FEWEST = 20  # texts held out, fewer say nothing
# Standard errors by which a network must pay. Beside linear parts a mean seldom does; a CNN knows vectors.
ERRORS = {"avg": 2.0, "cnn": 0.0}
LARGE = 8_000_000  # characters in all, above which the mean costs more than it gives
CNN: dict[str, Any] = {"filters": 100, "patience": 3, "blend": False}
# With vectors, and few texts: a GRU reads what the filters see. On MR, folds 0 and 1, the mean with linear
# parts has 82.3 % instead of 81.2, and the choice by a tenth takes 6.4 s instead of 2.4.
RECURRENT: dict[str, Any] = {"recurrent_units": 32, "widths": (1, 2)}
RECURRENT_RATE = 2  # times a CNN's learning rate
MOST_RECURRENT = 2_000_000  # characters in all
# What a longer search tries in the place of the first settings, in this order.
VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cnn", {"widths": (2, 3, 4)}),
    ("avg", {"dimensions": 64}),
    ("avg", {"word_ngrams": 3}),
    ("cnn", {"filters": 300, "patience": 5}),
    ("avg", {"dropout": 0.5, "patience": 10}),
    ("cnn", {"word_dropout": 0.1, "patience": 5}),
)


@dataclass(frozen=True)
class Given:
    """What `train_portfolio` was told of networks."""

    settings: Settings
    tokenizer: str
    max_words: int | None
    vectors: Any
    freeze: bool
    show_progress: bool


@dataclass(frozen=True, eq=False)
class Network:
    """A mean or a CNN, trained on nine tenths: its probabilities for the texts held out, and how to train it
    again; `slope`: what its logits are multiplied by, as label smoothing makes it less sure than it may be.
    """

    kind: str
    settings: Settings
    training: Training
    slope: float
    held: np.ndarray
    loss: float


@checked
def train_portfolio(
    train: LabelledTexts,
    development: LabelledTexts | None = None,
    settings: Settings | None = None,
    *,
    tokenizer: str = "words",
    max_words: int | None = None,
    longest: int | None = None,
    vectors: Any = None,
    freeze: bool = False,
    networks: bool = True,
    seconds: float | None = None,
    show_progress: bool = False,
) -> Training:
    """Train what suits the texts: a mean of linear parts, of a mean of words, and of a CNN, as far as they
    pay.

    `development` texts take the place of the tenth that is held out. A CNN is tried with `vectors`, a file of
    word vectors (`freeze`: they stay as they are). `longest`: n-grams of words up to this length; None: by
    the length of the texts. Without `networks` linear parts stand alone. With `seconds` more linear parts,
    other settings and a CNN without vectors are tried while there is time: results then depend on the
    machine. After Ctrl-C the result is what there is so far: the linear parts, or nothing (`model` None).
    ValueError where `development` has a label that `train` lacks.

    >>> pets = LabelledTexts(["it purrs", "it barks", "purrs", "barks"] * 5, ["cat", "dog", "cat", "dog"] * 5)
    >>> result = train_portfolio(pets)
    >>> result.model.predict_labels(["what purrs there"]), len(result.choice)
    (['cat'], 2)
    """
    settings = settings or Settings()
    if development is not None:
        label_ids(development, train.label_names)
    seconds = optional(finite_number, "seconds", seconds, least=0)
    end = None if seconds is None else time.monotonic() + seconds
    try:
        linear = train_linear(train, settings, tokenizer, max_words, longest, seconds is not None)
    except KeyboardInterrupt:
        return Training(None, {}, 0, True)
    given = Given(settings, tokenizer, max_words, vectors, freeze, show_progress)
    search = Search(train, development, linear, given)
    try:
        if networks:
            search.run(end)
        return search.finish()
    except KeyboardInterrupt:
        return Training(linear.model, {}, 0, True, search.lines([]))


class Search:
    """Networks beside the linear parts: trained, compared on the texts held out, trained anew on all."""

    def __init__(
        self,
        train: LabelledTexts,
        development: LabelledTexts | None,
        linear: Linear,
        given: Given,
    ) -> None:
        self.train, self.linear, self.given = train, linear, given
        seed, class_weight = given.settings.seed, given.settings.class_weight
        self.keeps_all = development is not None  # then networks learn all of `train` from the start
        if development is None:
            is_held = held_out(train.label_ids, seed)
            self.rest = train.subset(np.flatnonzero(~is_held).tolist())
            self.held = train.subset(np.flatnonzero(is_held).tolist())
            self.of_linear = linear.out_of_fold[is_held]
        else:
            self.rest, self.held = train, development
            self.of_linear = _predicted(linear.model, development)
        self.y = label_ids(self.held, train.label_names)
        # By these texts' own numbers: by those of all, one label alone would not be right in exactly half.
        by_label = label_weights(self.y, len(train.label_names), class_weight)
        self.weights = text_weights(by_label, self.y, self.held.weights)
        self.networks: dict[str, Network] = {}
        self.took: dict[str, float] = {}  # seconds of the last try, by kind
        self.tables: dict[str, tuple[Any, np.ndarray | None, bool]] = {}  # encoder, table, frozen; by kind
        self.coverage: tuple[str, ...] = ()

    def prepare(self, texts: LabelledTexts) -> None:
        """The vocabularies of `texts`, and the tables of vectors: the mean starts from them too unless they
        are frozen.

        Words of the texts held out are none of them: nothing would be learnt of their rows.
        """
        given = self.given
        encoder = make_encoder(texts.texts, given.max_words, given.tokenizer)
        self.tables = {"avg": (encoder, None, False), "cnn": (encoder, None, False)}
        if given.vectors is None:
            return
        if given.freeze:
            encoder = make_encoder(texts.texts, given.max_words, given.tokenizer)
        table = table_from_vectors(encoder, given.vectors, given.freeze, given.settings.seed)
        self.coverage = (table.coverage(given.vectors),)
        self.tables["cnn"] = encoder, table.matrix, given.freeze
        if not given.freeze:
            self.tables["avg"] = self.tables["cnn"]

    def run(self, end: float | None) -> None:
        """Trains the networks that this much text, vectors or time left allow."""
        self.prepare(self.rest)
        if len(self.held) < FEWEST:
            return
        if end is not None or sum(map(len, self.train.texts)) <= LARGE:
            self.try_network("avg", {})
        if end is not None or self.given.vectors is not None:
            self.try_network("cnn", self.first_cnn())
        for kind, changes in VARIANTS if end is not None else ():
            if end is not None and time.monotonic() + LEFT * self.took[kind] < end:
                self.try_network(kind, changes)

    def first_cnn(self) -> dict[str, Any]:
        """What the first CNN has of its own: a GRU where vectors say what words mean and texts are few."""
        settings = self.given.settings
        if settings.recurrent_units or settings.widths != Settings.widths:  # the caller's own
            return {}
        if self.given.vectors is None or sum(map(len, self.train.texts)) > MOST_RECURRENT:
            return {}
        rate = self.settings_of("cnn", {}).learning_rate
        return {**RECURRENT, "learning_rate": RECURRENT_RATE * rate}

    def try_network(self, kind: str, changes: dict[str, Any]) -> None:
        """Trains one on the rest; keeps it where it is the best of its kind. KeyboardInterrupt at Ctrl-C."""
        begin = time.monotonic()
        network = self.train_network(kind, self.settings_of(kind, changes))
        self.took[kind] = time.monotonic() - begin
        if network is not None and (kind not in self.networks or network.loss < self.networks[kind].loss):
            self.networks[kind] = network

    def train_network(self, kind: str, settings: Settings, callbacks: Sequence[Any] = ()) -> Network | None:
        """One trained on the rest; None where its loss was no number. KeyboardInterrupt at Ctrl-C."""
        encoder, table, freeze = self.tables[kind]
        training = train_classifier(
            self.rest, self.held, settings, encoder, table, freeze, self.given.show_progress, callbacks
        )
        if training.interrupted:
            raise KeyboardInterrupt
        if not training.best_epoch:
            return None
        logits = np.log(np.maximum(_predicted(training.model, self.held), SMALLEST))
        slope = slope_of(logits, self.y, self.weights)
        held = probabilities(slope * logits)
        return Network(kind, settings, training, slope, held, log_loss(held, self.y, self.weights))

    def settings_of(self, kind: str, changes: dict[str, Any]) -> Settings:
        """Of a network: they learn faster than a CNN that stands alone, and rest less on single words."""
        given = self.given.settings
        if kind == "avg":
            return replace(mean_settings(given), **{"dimensions": given.dimensions, **changes})
        changed = {
            "patience": min(given.patience, CNN["patience"]),
            "learning_rate": 2 * given.learning_rate,
            "word_dropout": min(3 * given.word_dropout, 0.9),
        }
        return replace(given, **{**CNN, **changed, "model": kind, **changes})

    def finish(self) -> Training:
        """The mean of what is chosen, trained on all texts."""
        chosen = self.choose()
        models = [self.linear.model]
        interrupted = False
        if chosen and not self.keeps_all:
            self.prepare(self.train)
        for network in chosen:
            training = network.training
            if not self.keeps_all and not interrupted:
                settings = replace(network.settings, epochs=training.best_epoch)
                again = train_classifier(
                    self.train, None, settings, *self.tables[network.kind], self.given.show_progress
                )
                interrupted = again.interrupted
                training = training if interrupted or not again.best_epoch else again
            models.append(_sharpened(training.model, network))
        history = chosen[-1].training.history if chosen else {}
        epoch = chosen[-1].training.best_epoch if chosen else 0
        return Training(
            _mean_of(models, self.given.settings.seed), history, epoch, interrupted, self.lines(chosen)
        )

    def choose(self) -> list[Network]:
        """Those that, added one by one, make the probabilities of the right labels larger, beyond chance."""
        chosen: list[Network] = []
        while True:
            left = [one for one in self.networks.values() if one not in chosen]
            left.sort(key=lambda one: log_loss(self.mean([*chosen, one]), self.y, self.weights))
            paying = [one for one in left if self.pays([*chosen, one], chosen)]
            if not paying:
                return chosen
            chosen.append(paying[0])

    def pays(self, new: list[Network], old: list[Network]) -> bool:
        """Whether the mean with `new` networks is no less accurate than with `old`, and surer beyond chance.

        That is, its log loss is less by ERRORS standard errors; accuracy alone would need thousands of texts
        to tell. A second network shares the half of the first, and must only be surer.
        """
        with_new, with_old = self.mean(new), self.mean(old)
        gain = _of_labels(with_new, self.y) - _of_labels(with_old, self.y)
        gain = gain if self.weights is None else gain * self.weights
        errors = 0.0 if old else ERRORS[new[-1].kind]
        is_surer = float(gain.mean()) > errors * float(gain.std()) / len(gain) ** 0.5
        found = [accuracy(of, self.y, self.weights) for of in (with_new, with_old)]
        return is_surer and found[0] >= found[1]

    def mean(self, networks: list[Network]) -> np.ndarray:
        """Half the linear parts, half the mean of networks: for the texts held out."""
        if not networks:
            return self.of_linear
        return self.of_linear / 2 + sum(one.held for one in networks) / (2 * len(networks))

    def lines(self, chosen: list[Network]) -> tuple[str, ...]:
        """What was chosen, and what each part scored."""
        linear = self.linear
        balanced = self.given.settings.class_weight is not None
        kind = "" if not balanced else "balanced accuracy"
        what = f", {kind} (mean recall of the labels)" if kind else ""
        scored = "; ".join(f"{name} {score:.1%}" for name, score in linear.scores)
        first = f"linear parts, out of fold{what}: {scored}"
        names = " + ".join(linear.chosen)
        if len(linear.chosen) == len(linear.scores) > 1:
            names = f"all {len(linear.chosen)} parts"
        parts = [f"linear ({names}; {linear.accuracy:.1%}{' ' * bool(kind)}{kind} out of fold)"]
        parts += [title_of(one.settings) for one in chosen]
        second = f"chosen: {' and '.join(parts)}"
        if self.tables and len(self.held) < FEWEST:
            second += f"; {self.judging()}: too few to tell whether anything else pays"
        if self.networks:
            found = [("linear", self.of_linear)]
            found += [(title_of(one.settings), one.held) for one in self.networks.values()]
            found += [("together", self.mean(chosen))] if chosen else []
            listed = ", ".join(f"{name} {accuracy(of, self.y, self.weights):.1%}" for name, of in found)
            second += f"; on {self.judging()}, which chooses{', ' * bool(kind)}{kind}: {listed}"
        return (*self.coverage, first, second)

    def judging(self) -> str:
        """What the texts are that choose: others than those held out to measure the result."""
        count = f"{len(self.held)} text{'s' * (len(self.held) != 1)}"
        return f"the file given ({count})" if self.keeps_all else f"a tenth of the training texts ({count})"


def held_out(y: np.ndarray, seed: int) -> np.ndarray:
    """Which texts judge the networks, bool (texts,): a tenth of each class; a single text of one stays."""
    from embedcnn.bags import stratified_folds  # at start-up nothing is built

    if len(y) < TENTH:
        return np.zeros(len(y), bool)
    return (stratified_folds(y, TENTH, seed) == 0) & (np.bincount(y)[y] > 1)


def _predicted(model: Any, labelled: LabelledTexts) -> np.ndarray:
    """Probabilities, float64 (texts, labels)."""
    return model.predict(labelled.texts, batch_size=BATCH, verbose=0).astype(np.float64)


def _of_labels(of: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities of the right labels, float64 (texts,)."""
    return np.log(np.maximum(of[np.arange(len(y)), y], SMALLEST))


def _sharpened(model: Any, network: Network) -> Any:
    """The model, its logits times the network's slope."""
    layer = model.get_layer(f"labels{suffix(network.settings)}")
    layer.set_weights([np.float32(network.slope) * weight for weight in layer.get_weights()])
    return model


def _mean_of(models: list[Any], seed: int) -> Any:
    """Half the first, half the mean of the others; their Model, from texts to probabilities."""
    from embedcnn.bags import averaged  # at start-up nothing is built

    if len(models) == 1:
        return models[0]
    set_sequence(seed)
    return averaged(models, [len(models) - 1.0] + [1.0] * (len(models) - 1))
