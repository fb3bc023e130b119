"""A report on a classifier of texts: how right it is, where it errs and why; page.py makes it HTML."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bags.shares import Explanation
from ..base.arguments import integer
from ..base.checked import checked
from ..base.columns import as_list
from ..base.named_objects import named_object
from ..base.replacement import replacing
from ..models.summary import lines as summary_lines
from ..training.prediction import check_predictions
from .curves import (
    PrecisionRecall,
    Reliability,
    label_numbers,
    precision_recall_curve,
    reliability_curve,
    scores_by_label,
)

if TYPE_CHECKING:
    from ..bags.shares import Explanation

BATCH = 256
MOST_READ = 3_000_000  # words that texts with a word hidden may have in all
MOST_CURVES = 6
SHOWN_WORDS = 10
SMALLEST = 1e-12


@dataclass(frozen=True)
class Mistake:
    """A text whose label is not the predicted one, how sure the model is of its own, and why."""

    true: Any
    predicted: Any
    probability: float
    explanation: Explanation


@dataclass(frozen=True, eq=False)
class Report:
    """What a model says of labelled texts: `print` it, `save` it as one page of HTML, or look at it in a
    notebook.

    `counts`: int64 (labels, labels), true by predicted; `words`: for each label the words that add most to
    its margin in `explained` of the texts, (word, sum of shares, how often); `mistakes`: the surest first.
    """

    title: str
    labels: list[Any]
    counts: np.ndarray
    log_loss: float
    reliability: Reliability
    curves: dict[Any, PrecisionRecall]
    words: dict[Any, list[tuple[str, float, int]]]
    explained: int
    mistakes: list[Mistake]
    summary: list[str]
    history: dict[str, list[float]] = field(default_factory=dict)

    @property
    def texts(self) -> int:
        """How many texts."""
        return int(self.counts.sum())

    @property
    def accuracy(self) -> float:
        """The share of texts whose label is the predicted one."""
        return float(np.trace(self.counts) / max(1, self.texts))

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """Between which the accuracy on all such texts lies, with 95 % (Wilson 1927: near 0 and 1, too)."""
        z, count = 1.96, max(1, self.texts)
        middle = (self.accuracy + z * z / (2 * count)) / (1 + z * z / count)
        spread = self.accuracy * (1 - self.accuracy) / count + z * z / (4 * count * count)
        half = z * spread**0.5 / (1 + z * z / count)
        return max(0.0, middle - half), min(1.0, middle + half)

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the labels that have texts."""
        return float(scores_by_label(self.counts)[1][self.counts.sum(axis=1) > 0].mean())

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the labels that have texts or were predicted."""
        used = self.counts.sum(axis=1) + self.counts.sum(axis=0) > 0
        return float(scores_by_label(self.counts)[2][used].mean())

    def __str__(self) -> str:
        low, high = self.accuracy_interval
        return "\n".join(
            [
                f"{self.title}: {self.texts} texts, {len(self.labels)} labels",
                f"accuracy {self.accuracy:.4f} ({low:.4f} to {high:.4f} with 95 %), "
                f"balanced {self.balanced_accuracy:.4f}, macro F1 {self.macro_f1:.4f}",
                f"log loss {self.log_loss:.4f}, calibration error {self.reliability.error:.4f}",
            ]
        )

    def html(self) -> str:
        """The report as a page of its own, without scripts, and without anything from the network."""
        page: str = named_object("embedcnn.inspection.page:page_of")(self)
        return page

    @checked
    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Writes the page to a file, which appears whole or not at all."""
        with replacing(filepath) as file:
            file.write(self.html().encode())

    def _repr_html_(self) -> str:
        """The page's content, for notebooks."""
        content: str = named_object("embedcnn.inspection.page:content_of")(self)
        return content


def report(
    model: Any,
    texts: Sequence[str],
    labels: Any,
    title: str | None = None,
    explained: int = 200,
    mistakes: int = 10,
) -> Report:
    """A Report on a model with one of several labels for each text, `labels` being the true ones.

    `explained`: how many of the texts are explained to find the words that decide most (fewer where texts are
    long); `mistakes`: how many of the surest mistakes are explained. Raises ValueError for models without
    labels, or of several labels a text, for labels that the model does not know, and without texts.

    >>> from embedcnn.bags import BagClassifier
    >>> texts, labels = ["it purrs", "it barks", "purrs", "barks"] * 5, ["cat", "dog", "cat", "dog"] * 5
    >>> found = report(BagClassifier().fit(texts, labels).model, texts, labels, "pets")
    >>> found.accuracy, found.words["cat"][0][0], "<script" in found.html()
    (1.0, 'purrs', False)
    """
    model = model.model if hasattr(type(model), "model") else model
    texts = list(as_list(texts))
    names = _labels_of(model)
    truth = label_numbers("labels", labels, names)
    if len(truth) != len(texts) or not texts:
        raise ValueError(
            f"`labels` must hold one for each of the texts, at least one. Received: {len(truth)} labels, "
            f"{len(texts)} texts"
        )
    integer("explained", explained, 0)
    integer("mistakes", mistakes, 0)
    p = np.asarray(model.predict(texts, batch_size=BATCH, verbose=0), np.float64)
    check_predictions(model.name, p)
    p = np.hstack([1 - p, p]) if p.shape[1] == 1 else p
    predicted, size = p.argmax(axis=1), len(names)
    counts = np.bincount(truth * size + predicted, minlength=size * size).reshape(size, size)
    wrong = np.flatnonzero(predicted != truth)
    wrong = wrong[np.argsort(-p[wrong].max(axis=1), kind="stable")][:mistakes]
    words, read = _deciding_words(model, texts, predicted, names, explained)
    return Report(
        title or model.name,
        names,
        counts,
        float(-np.log(np.maximum(p[np.arange(len(p)), truth], SMALLEST)).mean()),
        reliability_curve(truth, p),
        _curves(truth, p, names),
        words,
        read,
        [_mistake(model, texts[i], names[truth[i]], names[predicted[i]], p[i].max()) for i in wrong.tolist()],
        summary_lines(model),
        {} if model.history is None else dict(model.history.history),
    )


def _mistake(model: Any, text: str, true: Any, predicted: Any, probability: float) -> Mistake:
    return Mistake(true, predicted, float(probability), model.explain(text, predicted))


def _labels_of(model: Any) -> list[Any]:
    if model.labels is None:
        raise ValueError(f"`model` must have labels: set model.labels. Received: {model.name!r} without")
    if model.outputs[0].shape[-1] > 1 and model._prediction._several_labels():
        raise ValueError(
            f"`model` must give each text one of its labels. Received: {model.name!r}, which may give several"
        )
    return list(model.labels)


def _curves(truth: np.ndarray, p: np.ndarray, names: list[Any]) -> dict[Any, PrecisionRecall]:
    """Precision and recall of the second of two labels, of more of the most frequent ones."""
    counts = np.bincount(truth, minlength=len(names))
    chosen = [1] if len(names) == 2 else np.argsort(-counts, kind="stable")[:MOST_CURVES].tolist()
    return {names[n]: precision_recall_curve(truth == n, p[:, n]) for n in chosen if counts[n]}


def _deciding_words(
    model: Any, texts: list[str], predicted: np.ndarray, names: list[Any], explained: int
) -> tuple[dict[Any, list[tuple[str, float, int]]], int]:
    """The words that add most to each label where it is predicted, in texts evenly chosen, and how many
    these are.
    """
    chosen = np.unique(np.linspace(0, len(texts) - 1, min(explained, len(texts))).astype(int))
    sums: dict[Any, dict[str, list[float]]] = {name: defaultdict(list) for name in names}
    left, read = MOST_READ, 0
    for number in chosen.tolist():
        left -= len(texts[number].split()) ** 2
        if left < 0:
            break
        label = names[predicted[number]]
        for word in model.explain(texts[number], label).words:
            sums[label][word.text.lower()].append(word.share)
        read += 1
    found = {}
    for label, words in sums.items():
        totals = sorted(((sum(shares), word, len(shares)) for word, shares in words.items()), reverse=True)
        found[label] = [(word, total, count) for total, word, count in totals[:SHOWN_WORDS] if total > 0]
    return found, read
