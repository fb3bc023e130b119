"""The linear parts of the default classifier: which n-grams suit the texts, and which parts to average.

Nothing of this needs a part of the texts held out: each part is also trained on two thirds of them, three
times, and the margins of the last third say how good it is and how sure (`out_of_fold`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embedcnn.base.checked import checked
from embedcnn.base.random_seeds import set_sequence
from embedcnn.classifier.batches import label_weights, text_weights
from embedcnn.data.labelled import LabelledTexts

if TYPE_CHECKING:
    from embedcnn.bags import NgramFeatures, Part
    from embedcnn.classifier.recipe import Settings

FOLDS = 3
TOLERANCE = 0.1  # of the solver: accuracies are those of a tenth of it, in half the time
LONG = 1000  # characters of a text in the mean, from which on its words are enough
SAMPLE = 1000  # texts that are looked at for this
WEIGHTINGS = {"tf-idf": "tfidf", "naive Bayes": "naive_bayes"}
MANY = 1000  # texts, from which on n-grams that occur once are left out
MANY_LABELS = 20  # above it at most MOST_PARTS stay: each has numbers for every n-gram and label
MOST_PARTS = 2
SMALLEST = 1e-12  # of a probability, before its logarithm


@dataclass(frozen=True)
class Candidate:
    """One linear part: what it is called, and its Part, whose kinds of features are these n-grams."""

    name: str
    part: Part


@dataclass(frozen=True)
class Plan:
    """Which n-grams are counted, and which linear parts of them are tried."""

    words: tuple[int, int]
    chars: tuple[int, int] | None
    parts: tuple[Candidate, ...]


def make_plan(
    texts: Sequence[str],
    tokenizer: str = "words",
    longest: int | None = None,
    more: bool = False,
    labels: int = 2,
) -> Plan:
    """The n-grams and linear parts for texts like these.

    Short texts: words, pairs of words and characters, by tf-idf and by naive-Bayes ratios. Long ones: words
    to triples of words, as characters add nothing there. Texts whose tokens are characters (`tokenizer`, or
    Chinese and Japanese): characters to triples. `longest`: longest n-grams of words in place of these;
    `more`: also parts that seldom pay. Of long texts with many `labels` only the largest part of each kind.

    >>> [one.name for one in make_plan(["a short text"]).parts][:2]
    ['words 1-2, tf-idf', 'words 1-2 and characters, tf-idf']
    """
    step = max(1, len(texts) // SAMPLE)
    sample = [text for text in texts[::step] if text.strip()]
    characters = tokenizer in ("chars", "char_ngrams") or _are_characters(sample)
    is_long = sum(map(len, sample)) > LONG * max(1, len(sample))
    last = longest or (3 if characters or is_long else 2)
    if characters or is_long:
        pairs = min(2, last)
        found = [
            _candidate("tf-idf", pairs),
            _candidate("naive Bayes", pairs),
            _candidate("naive Bayes", last),
        ]
        seldom = [_candidate("tf-idf", last), _candidate("naive Bayes", last, cost=3)]
    else:
        kinds = [(weighting, chars) for weighting in WEIGHTINGS for chars in (False, True)]
        found = [_candidate(weighting, last, chars) for weighting, chars in kinds]
        seldom = [_candidate("naive Bayes", 1, True), _candidate("naive Bayes", last, True, 3)]
    if more:
        found += seldom
    elif labels > MANY_LABELS and (characters or is_long):  # parts of words alone cost little beside chars
        found = list({one.part.weighting: one for one in found}.values())  # the last of each
    distinct = {one.name: one for one in found}  # with `longest` of 1 or 2 some are the same
    return Plan((1, last), None if characters or is_long else (3, 5), tuple(distinct.values()))


def _candidate(weighting: str, longest: int, chars: bool = False, cost: float = 1.0) -> Candidate:
    """A part over words to n-grams of `longest` words, and characters."""
    from embedcnn.bags import Part  # at start-up nothing is built

    kinds = [f"words {n}" for n in range(1, longest + 1)] + ["chars"] * chars
    name = "words 1" + f"-{longest}" * (longest > 1) + " and characters" * chars + f", {weighting}"
    part = Part(weighting=WEIGHTINGS[weighting], kinds=tuple(kinds), cost=cost)
    return Candidate(name + ("" if cost == 1 else f", cost {cost:g}"), part)


def _are_characters(sample: Sequence[str]) -> bool:
    """Whether most letters are Chinese or Japanese, which the tokenizer takes one by one."""
    joined = "".join(sample)
    single = len(re.findall(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]", joined))
    return 2 * single > len(re.findall(r"\w", joined))


@dataclass(frozen=True, eq=False)
class Linear:
    """What `train_linear` returns.

    `model`: the mean of the chosen parts, trained on all texts; `out_of_fold`: its probabilities for these
    texts, float64 (texts, labels), by models that had not seen them; `scores`: (name, accuracy out of fold)
    of every part; `chosen`: names of those in the model; `accuracy`: that of the model, out of fold.
    """

    model: Any
    out_of_fold: np.ndarray
    scores: tuple[tuple[str, float], ...]
    chosen: tuple[str, ...]
    accuracy: float


@checked
def train_linear(
    train: LabelledTexts,
    settings: Settings,
    tokenizer: str = "words",
    max_features: int | None = None,
    longest: int | None = None,
    more: bool = False,
) -> Linear:
    """Train the linear parts on `train` and choose those whose mean is best out of fold.

    Raises ValueError where the texts hold no n-gram.

    >>> from embedcnn.classifier import Settings
    >>> pets = LabelledTexts(["it purrs", "it barks", "purrs", "barks"] * 5, ["cat", "dog", "cat", "dog"] * 5)
    >>> train_linear(pets, Settings()).model.predict_labels(["what purrs there"])
    ['cat']
    """
    from embedcnn import bags as ngrams  # at start-up nothing is built

    y, classes = train.label_ids, len(train.label_names)
    plan = make_plan(train.texts, tokenizer, longest, more, classes)
    features, counts = _counted(train, plan, tokenizer, max_features)
    weights = text_weights(label_weights(y, classes, settings.class_weight), y, train.weights)
    solver: dict[str, Any] = {
        "kinds": features.kinds,
        "class_weight": settings.class_weight,
        "sample_weight": train.weights,
        "tolerance": TOLERANCE,
        "seed": settings.seed,
    }
    folds = ngrams.stratified_folds(y, min(FOLDS, len(y)), settings.seed)
    slopes, parts = _judged(counts, y, classes, weights, plan, folds, solver)
    scores = tuple(
        (one.name, accuracy(part, y, weights)) for one, part in zip(plan.parts, parts, strict=True)
    )
    chosen = best_subset(parts, y, weights, None if classes <= MANY_LABELS else MOST_PARTS)
    mean = np.mean([parts[i] for i in chosen], axis=0)
    models = ngrams.dual_descent(counts, y, [plan.parts[i].part for i in chosen], **solver)
    linear = [
        ngrams.linear_part(model, slopes[i], name=plan.parts[i].name)
        for i, model in zip(chosen, models, strict=True)
    ]
    set_sequence(settings.seed)  # of the model, should it be trained further
    return Linear(
        ngrams.portfolio_model(features, linear, train.label_names),
        mean,
        scores,
        tuple(plan.parts[i].name for i in chosen),
        accuracy(mean, y, weights),
    )


def _judged(
    counts: Any,
    y: np.ndarray,
    classes: int,
    weights: np.ndarray | None,
    plan: Plan,
    folds: np.ndarray,
    solver: dict[str, Any],
) -> tuple[list[float], list[np.ndarray]]:
    """(slopes, probabilities out of fold, float64 (texts, labels)) of the parts of the plan.

    With few labels all are solved at once, for the sake of threads; else one by one, and only probabilities
    outlive a part.
    """
    from embedcnn.bags import dual_descent  # at start-up nothing is built

    at_once = len(plan.parts) if classes <= MANY_LABELS else 1
    slopes, parts = [], []
    for begin in range(0, len(plan.parts), at_once):
        group = [one.part for one in plan.parts[begin : begin + at_once]]
        for model in dual_descent(counts, y, group, folds=folds, final=False, **solver):
            margins = np.asarray(model.out_of_fold, np.float64)
            slopes.append(slope_of(margins, y, weights))
            parts.append(probabilities(slopes[-1] * margins))
    return slopes, parts


def _counted(
    train: LabelledTexts, plan: Plan, tokenizer: str, max_features: int | None
) -> tuple[NgramFeatures, Any]:
    """The features, and the bags of the texts."""
    from embedcnn.bags import NgramFeatures  # at start-up nothing is built

    cut = "chars" if tokenizer == "char_ngrams" else tokenizer
    least = 2 if len(train) >= MANY else 1
    for min_count in (least, 1):
        features = NgramFeatures(
            words=plan.words,
            chars=plan.chars,
            tokenizer=cut,
            min_count=min_count,
            max_features=max_features,
        )
        bags = features.fit_transform(train.texts)
        if features.size:
            return features, bags
    raise ValueError(f"{train.path or 'the data'}: there is no word in the {len(train)} texts")


def slope_of(margins: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> float:
    """How sure the margins are, see bags.calibration."""
    from embedcnn.bags.calibration import slope  # at start-up nothing is built

    if margins.shape[1] == 1:
        return slope(margins, y[:, None], weights)
    return slope(margins, y, weights)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax of the rows; of one column the sigmoid, as the second of two columns.

    >>> probabilities(np.zeros((1, 1))).tolist()
    [[0.5, 0.5]]
    """
    if logits.shape[1] == 1:
        logits = np.concatenate([-logits / 2, logits / 2], axis=1)
    found = np.exp(logits - logits.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)


def accuracy(of: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The share of rows whose largest probability is that of label `y`."""
    return float(np.average(of.argmax(axis=1) == y, weights=weights))


def log_loss(of: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The mean of -log of the probability of label `y`."""
    return float(np.average(-np.log(np.maximum(of[np.arange(len(y)), y], SMALLEST)), weights=weights))


def best_subset(
    parts: Sequence[np.ndarray],
    y: np.ndarray,
    weights: np.ndarray | None = None,
    most: int | None = None,
) -> tuple[int, ...]:
    """Which of these probabilities to average: of all subsets as accurate as the best, the largest. With
    `most`: the best itself of those of so many at most, as one more is a large table for no accuracy.

    As accurate: within one standard error of the paired difference, as several parts err less on other texts
    than the one that happens to be the best here. Of equally large ones the most accurate, then that with the
    least log loss.

    >>> good, bad = np.array([[0.7, 0.3], [0.3, 0.7]] * 9), np.array([[0.1, 0.9], [0.4, 0.6]] * 9)
    >>> best_subset([bad, good], np.array([0, 1] * 9))
    (1,)
    """
    weights = np.ones(len(y)) if weights is None else weights
    found = []
    for size in range(1, (most or len(parts)) + 1):
        for subset in itertools.combinations(range(len(parts)), size):
            mean = np.mean([parts[i] for i in subset], axis=0)
            right = weights * (mean.argmax(axis=1) == y)
            found.append((float(right.sum()), -log_loss(mean, y, weights), right, subset))
    best = max(found, key=lambda one: one[:2])
    if most is not None:
        return best[3]

    def is_as_good(right: np.ndarray) -> bool:
        lost = best[2] - right
        return float(lost.sum()) <= float(lost.std()) * len(y) ** 0.5

    good = [one for one in found if is_as_good(one[2])]
    largest = max(len(one[3]) for one in good)
    return max((one for one in good if len(one[3]) == largest), key=lambda one: one[:2])[3]
