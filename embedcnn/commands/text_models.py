"""Models as the commands over texts use them: labels, the likeliest of them for each text, and how likely one
of them is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import is_fasttext, load_text_model, number_of_label
from embedcnn.fasttext import corpora, load_model
from embedcnn.graph.nesting import leaf_layers
from embedcnn.layers import BagOfNgrams
from embedcnn.training.prediction import check_predictions

BATCH = 256  # texts that a model of tokens predicts at once
PREFIX = "__label__"


class TextModel(Protocol):
    """What a command asks of a model."""

    path: str
    labels: list[str]

    def likeliest(self, texts: Sequence[str], count: int) -> tuple[np.ndarray, np.ndarray]:
        """(numbers of labels, probabilities) of the `count` likeliest labels, each (texts, count); -1 where a
        text has no more.
        """

    def probability(self, texts: Sequence[str], label: int) -> np.ndarray:
        """How likely a label is, (texts,)."""


class SavedModel:
    """A model that model.save has written."""

    def __init__(self, path: str) -> None:
        self.path, self._model = path, load_text_model(path)
        self.labels = [str(label) for label in self._model.labels]

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Of all labels, (texts, labels); ValueError where the model gives NaN."""
        if not texts:
            return np.zeros((0, len(self.labels)), np.float32)
        found = self._model.predict(texts, batch_size=self._at_once(len(texts)), verbose=0)
        check_predictions(self._model.name, found)
        return found

    def _at_once(self, count: int) -> int:
        """How many texts of `count` are one batch: all, where n-grams give numbers at once and no tokens are
        kept.
        """
        readers = [layer for layer in leaf_layers(self._model.layers) if layer.reads_texts]
        return count if readers and all(isinstance(layer, BagOfNgrams) for layer in readers) else BATCH

    def likeliest(self, texts: Sequence[str], count: int) -> tuple[np.ndarray, np.ndarray]:
        found = self.probabilities(texts)
        if count == 1:
            order = found.argmax(axis=1)[:, None]
        else:
            order = np.argsort(-found, axis=1, kind="stable")[:, :count]
        return order, np.take_along_axis(found, order, axis=1)

    def probability(self, texts: Sequence[str], label: int) -> np.ndarray:
        return self.probabilities(texts)[:, label]


class FastTextFile:
    """A model in fastText's own format."""

    def __init__(self, path: str) -> None:
        self.path, self._model = path, load_model(path)
        self.labels = self._model.labels
        if self._model.args["model"] != "supervised" or not self.labels:
            raise CommandError(f"{path!r} has word vectors, and no labels to predict")

    def likeliest(self, texts: Sequence[str], count: int) -> tuple[np.ndarray, np.ndarray]:
        return corpora.likeliest(self._model, texts, count)

    def probability(self, texts: Sequence[str], label: int) -> np.ndarray:
        return corpora.probability(self._model, texts, label)


def open_model(path: str) -> TextModel:
    """A model of either kind, by how the file begins."""
    return FastTextFile(path) if is_fasttext(path) else SavedModel(path)


def open_models(first: str | None, more: Sequence[str] | None) -> list[TextModel]:
    """The models of MODEL and of each --model, in this order."""
    paths = [*([first] if first is not None else []), *(more or [])]
    if not paths:
        raise CommandError("which model? Give MODEL, or --model FILE")
    return [open_model(path) for path in paths]


def label_number(model: TextModel, label: str) -> int:
    """The number of a label of a model, which may be given without fastText's prefix; CommandError where it
    has no such label.
    """
    if label not in model.labels and PREFIX + label in model.labels:
        label = PREFIX + label
    return number_of_label(model.path, model.labels, label)
