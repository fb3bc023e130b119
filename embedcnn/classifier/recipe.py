"""The text classifier of `embedcnn train`: encoder, vocabulary, model and training loop in plain embedcnn.

The model is the CNN of Kim (2014): embeddings, convolutions of a few widths, the largest value of each filter
over time, dropout, one dense layer. Its probabilities are averaged with those of a model of the mean of the
words and pairs of words, which trains in a moment and errs on other texts (`blend`). Copy the functions
below as a start for models of your own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embedcnn.base.checked import checked
from embedcnn.base.random_seeds import set_sequence
from embedcnn.classifier.batches import ShuffledBatches, label_weights, text_weights
from embedcnn.classifier.callbacks import BATCH, AveragedTraining, TrainingBar
from embedcnn.classifier.encoders import make_encoder
from embedcnn.data.labelled import LabelledTexts, split
from embedcnn.training.prediction import check_predictions

KINDS = {"avg": "mean of words", "cnn": "CNN"}  # what people are told of a model
DIMENSIONS = {"cnn": 300, "avg": 32}  # of an embedding, by model
RATES = {"cnn": 5e-4, "avg": 1e-3}  # of Adam, by model that stands alone
BUCKETS_PER_WORD, MOST_BUCKETS = 8, 2**19  # of word n-grams
RECURRENT_DROPOUT = 0.2  # of the embeddings' numbers, in front of a GRU
LARGEST_SMOOTHED = 256  # classes; smoothing needs one-hot targets, texts x classes numbers


@dataclass(frozen=True)
class Settings:
    """What `train_classifier` may be told; the defaults suit a few thousand sentences.

    `model`: "cnn", or "avg", the mean of the words and of their n-grams up to `word_ngrams` (fastText's
    classifier). `recurrent_units`: of a GRU in both directions, whose outputs a CNN takes in the place of the
    embeddings; 0: there is none. `dimensions` None: 300 for a CNN, 32 for a mean. `blend`: average a CNN
    with a mean. `class_weight` "balanced": each label weighs the same in all, however many texts it has.
    Neither n-grams nor blending with a frozen table.

    >>> Settings(widths=(2, 3)).filters
    300
    """

    model: str = "cnn"
    filters: int = 300
    widths: tuple[int, ...] = (1, 2, 3)
    recurrent_units: int = 0
    dimensions: int | None = None
    word_ngrams: int = 2
    dropout: float = 0.5
    word_dropout: float = 0.1
    label_smoothing: float = 0.1
    batch_size: int = 50
    learning_rate: float = RATES["cnn"]
    epochs: int = 40
    patience: int = 5
    blend: bool = True
    class_weight: str | None = None
    seed: int = 0


def hold_out(labelled: LabelledTexts, fraction: float, seed: int) -> tuple[LabelledTexts, LabelledTexts]:
    """(rest, held-out part), stratified; classes with fewer than three texts stay in the rest whole.

    ValueError where no class has three texts.

    >>> texts = LabelledTexts([f"text {i}" for i in range(21)], ["even", "odd"] * 10 + ["rare"])
    >>> rest, held = hold_out(texts, 0.2, seed=0)
    >>> len(rest), held.labels.count("rare")
    (17, 0)
    """
    counts = Counter(labelled.labels)
    enough = [i for i, label in enumerate(labelled.labels) if counts[label] >= 3]
    if not enough:
        raise ValueError(
            f"{labelled.path or 'the data'}: no label has three texts, too few to hold some out; "
            "give more texts, or --valid"
        )
    rest, held = split(labelled.subset(enough), fraction, seed)
    rare = labelled.subset([i for i, label in enumerate(labelled.labels) if counts[label] < 3])
    weights = None
    if rest.weights is not None and rare.weights is not None:
        weights = np.concatenate([rest.weights, rare.weights])
    texts, labels = rest.texts + rare.texts, rest.labels + rare.labels
    return LabelledTexts(texts, labels, labelled.path, weights=weights), held


@checked
def build_classifier(
    encoder: Any,
    labels: Sequence[str],
    settings: Settings,
    table: np.ndarray | None = None,
    freeze: bool = False,
) -> Any:
    """A compiled Model from token ids to one probability per label; it carries encoder and labels, so it
    predicts texts.

    `table` (words, dimensions) float32 starts the embeddings. ValueError for an unknown `settings.model`.

    >>> encoder = make_encoder(["it purrs", "it barks"])
    >>> model = build_classifier(encoder, ["cat", "dog"], Settings(filters=4, dimensions=3))
    >>> model.predict(["it purrs"]).shape
    (1, 2)
    """
    from embedcnn import layers, losses, models, optimizers  # at start-up nothing is built

    set_sequence(settings.seed)
    tokens = layers.Input((None,), dtype="int32", name="tokens")
    if settings.model == "cnn":
        features = largest_values(tokens, encoder.vocabulary_size(), settings, table, freeze)
    elif settings.model == "avg":
        features = means(tokens, encoder.vocabulary_size(), settings, table, freeze)
    else:
        raise ValueError(f"model: expected 'cnn' or 'avg'. Received: {settings.model!r}")
    kind = suffix(settings)
    features = layers.Dropout(settings.dropout, name=f"dropout{kind}")(features)
    outputs = layers.Dense(len(labels), activation="softmax", name=f"labels{kind}")(features)
    model = models.Model(tokens, outputs, name=f"text_classifier{kind}")
    model.text_encoder = encoder
    model.labels = list(labels)
    loss: Any = "sparse_categorical_crossentropy"
    if one_hot(len(labels), settings):
        loss = losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing)
    model.compile(optimizers.Adam(settings.learning_rate), loss, metrics=["accuracy"])
    return model


def title_of(settings: Settings) -> str:
    """What people are told of a model.

    >>> title_of(Settings()), title_of(Settings(recurrent_units=32))
    ('CNN', 'CNN over a GRU')
    """
    return KINDS[settings.model] + (" over a GRU" if settings.recurrent_units else "")


def suffix(settings: Settings) -> str:
    """What the names of a mean end with: it and a CNN may stand in the same model, see `blend`."""
    return "" if settings.model == "cnn" else f"_{settings.model}"


def embedding(tokens: Any, words: int, settings: Settings, table: np.ndarray | None, freeze: bool) -> Any:
    """The words' embeddings, from `table` where there is one."""
    from embedcnn import layers  # at start-up nothing is built

    name = f"words{suffix(settings)}"
    if table is not None:
        return layers.Embedding(words, table.shape[1], weights=[table], trainable=not freeze, name=name)(
            tokens
        )
    return layers.Embedding(words, settings.dimensions or DIMENSIONS[settings.model], name=name)(tokens)


def largest_values(
    tokens: Any, words: int, settings: Settings, table: np.ndarray | None, freeze: bool
) -> Any:
    """The features of a CNN: the largest value of each filter."""
    from embedcnn import layers  # at start-up nothing is built

    embedded = embedding(tokens, words, settings, table, freeze)
    if settings.recurrent_units:
        dropped = layers.SpatialDropout1D(RECURRENT_DROPOUT, name="dropped_words")(embedded)
        gru = layers.GRU(settings.recurrent_units, return_sequences=True)
        embedded = layers.Bidirectional(gru, name="both_directions")(dropped)
    pooled = []
    for width in settings.widths:
        convolution = layers.Conv1D(
            settings.filters, width, padding="same", activation="tanh", name=f"width_{width}"
        )
        pooled.append(layers.GlobalMaxPooling1D(name=f"largest_{width}")(convolution(embedded)))
    return layers.Concatenate(name="features")(pooled) if len(pooled) > 1 else pooled[0]


def means(tokens: Any, words: int, settings: Settings, table: np.ndarray | None, freeze: bool) -> Any:
    """The mean of the embeddings of words and n-grams; beside it that of a given `table`.

    A frozen table stands alone: it knows words that training never saw, and what is learnt beside it would
    drown them.
    """
    from embedcnn import layers  # at start-up nothing is built

    parts = []
    if settings.word_ngrams > 1 and not freeze:
        buckets = min(MOST_BUCKETS, 1 << (BUCKETS_PER_WORD * words - 1).bit_length())
        ngrams = layers.HashedNgrams(words, buckets, settings.word_ngrams, name="word_ngrams")
        dimensions = settings.dimensions or DIMENSIONS["avg"]
        hashed = layers.Embedding(ngrams.size, dimensions, name="words_and_ngrams")(ngrams(tokens))
        parts.append(layers.GlobalAveragePooling1D(name="mean_ngrams")(hashed))
    if table is not None or not parts:
        embedded = embedding(tokens, words, settings, table, freeze)
        parts.append(layers.GlobalAveragePooling1D(name="mean_words")(embedded))
    return layers.Concatenate(name="means")(parts) if len(parts) > 1 else parts[0]


def one_hot(classes: int, settings: Settings) -> bool:
    """Whether targets are one-hot rows, which label smoothing needs."""
    return settings.label_smoothing > 0 and classes <= LARGEST_SMOOTHED


def targets(label_ids: np.ndarray, classes: int, settings: Settings) -> np.ndarray:
    """Label numbers as the model's loss takes them."""
    return np.eye(classes, dtype=np.float32)[label_ids] if one_hot(classes, settings) else label_ids


def label_ids(labelled: LabelledTexts, names: Sequence[str]) -> np.ndarray:
    """Positions of the labels in `names`, int32; ValueError for a label that is not among them."""
    positions = {name: position for position, name in enumerate(names)}
    unknown = sorted(set(labelled.labels) - set(positions))
    if unknown:
        listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise ValueError(f"{labelled.path}: the label {unknown[0]!r} is not one of the model's: {listed}")
    return np.array([positions[label] for label in labelled.labels], np.int32)


@dataclass(frozen=True, eq=False)
class Training:
    """What `train_classifier` and `train_portfolio` return: the model, losses and accuracies per epoch, and
    how it ended; `choice`: lines that say what a portfolio is made of, and what its parts scored.
    """

    model: Any
    history: dict[str, list[float]]
    best_epoch: int
    interrupted: bool
    choice: tuple[str, ...] = ()


@checked
def train_classifier(
    train: LabelledTexts,
    development: LabelledTexts | None,
    settings: Settings,
    encoder: Any = None,
    table: np.ndarray | None = None,
    freeze: bool = False,
    show_progress: bool = False,
    callbacks: Sequence[Any] = (),
) -> Training:
    """Train on `train`; `development` decides which epoch is best and when to stop. None: all
    `settings.epochs` are trained, and the last is taken. `callbacks` see the losses of the average too.

    Ctrl-C ends the training early: the result then says `interrupted`, and `best_epoch` is 0 where not
    even one epoch was complete. ValueError where `development` has a label that `train` lacks.

    >>> pets = LabelledTexts(["it purrs", "it barks", "purrs", "barks"] * 5, ["cat", "dog", "cat", "dog"] * 5)
    >>> result = train_classifier(pets, pets, Settings(filters=4, dimensions=8, learning_rate=0.05, epochs=5))
    >>> result.model.predict_labels(["what purrs there"])
    ['cat']
    """
    encoder = make_encoder(train.texts) if encoder is None else encoder
    names = train.label_names
    y = train.label_ids
    judged = None if development is None else label_ids(development, names)
    words = None
    if settings.blend and settings.model == "cnn" and not freeze:
        words = train_classifier(train, development, mean_settings(settings), encoder)
        if words.interrupted or not words.best_epoch:
            return words
    model = build_classifier(encoder, names, settings, table, freeze)
    judge = build_classifier(encoder, names, settings, table, freeze)
    by_label = label_weights(y, len(names), settings.class_weight)
    weights = text_weights(by_label, y, train.weights)
    held_weights = None
    if development is not None and judged is not None:
        held_weights = text_weights(by_label, judged, development.weights)
    averaged = AveragedTraining(
        judge,
        None if development is None else encoder(development.texts),
        None if judged is None else targets(judged, len(names), settings),
        settings.patience,
        held_weights,
    )
    title = title_of(settings) + ("" if development is not None else " on all texts")
    watching = [averaged, *callbacks, *([TrainingBar(title)] if show_progress else [])]
    interrupted = False
    try:
        model.fit(
            ShuffledBatches(
                encoder(train.texts),
                targets(y, len(names), settings),
                settings,
                weights,
            ),
            epochs=settings.epochs,
            callbacks=watching,
            verbose=0,
        )
    except KeyboardInterrupt:
        interrupted = True
    history = {} if model.history is None else model.history.history
    if words is not None and averaged.best_epoch:
        judge = blend(judge, words.model)
    return Training(judge, history, averaged.best_epoch, interrupted)


def mean_settings(settings: Settings) -> Settings:
    """Those of the mean of words and n-grams that a CNN is blended with."""
    return replace(
        settings,
        model="avg",
        recurrent_units=0,
        blend=False,
        dimensions=None,
        dropout=0.3,
        word_dropout=0.0,
        learning_rate=10 * settings.learning_rate,
        epochs=min(settings.epochs, 40),
        patience=min(settings.patience, 5),
    )


def blend(first: Any, second: Any) -> Any:
    """A Model whose probabilities are the mean of two classifiers' of the same encoder and labels.

    >>> encoder = make_encoder(["it purrs", "it barks"])
    >>> parts = [build_classifier(encoder, ["cat", "dog"], Settings(model=kind)) for kind in ("cnn", "avg")]
    >>> one, other = (part.predict(["it purrs"], verbose=0)[0, 0] for part in parts)
    >>> bool(abs(blend(*parts).predict(["it purrs"], verbose=0)[0, 0] - (one + other) / 2) < 1e-6)
    True
    """
    from embedcnn import layers, models  # at start-up nothing is built
    from embedcnn.graph.nesting import inline  # at start-up nothing is built

    tokens = layers.Input((None,), dtype="int32", name="tokens")
    mean = layers.Average(name="mean_probability")(inline(first, [tokens]) + inline(second, [tokens]))
    model = models.Model(tokens, mean, name="text_classifier")
    model.text_encoder, model.labels = first.text_encoder, first.labels
    return model


def confusion(model: Any, labelled: LabelledTexts) -> tuple[np.ndarray, np.ndarray]:
    """(counts, probabilities): counts[true, predicted] int64, and the probabilities (texts, labels) behind
    them.

    ValueError where the texts have a label that the model does not know.
    """
    true = label_ids(labelled, model.labels)
    probabilities = model.predict(labelled.texts, batch_size=BATCH, verbose=0)
    size = len(model.labels)
    check_predictions(model.name, probabilities)
    cells = true.astype(np.int64) * size + probabilities.argmax(axis=1)
    return np.bincount(cells, minlength=size * size).reshape(size, size), probabilities
