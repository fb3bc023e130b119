"""What a training starts from: word vectors (`pretrainedVectors`), or a whole model (`start_model`)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from embedcnn import _core

from .model import FastText
from .settings import Settings


class StartVectors:
    """Word vectors to start from."""

    def __init__(self, path: str | os.PathLike[str], settings: Settings) -> None:
        from ..vectors import load  # start-up

        found = load(path)
        self._take(found.index_to_key, np.asarray(found.vectors, np.float32))
        if settings.dim not in (None, self.dim):
            none = ", or None" if settings.model == "supervised" else ""
            raise ValueError(
                f"`dim` must be that of pretrainedVectors, {self.dim}{none}. Received: dim={settings.dim}"
            )

    def _take(self, words: list[str], rows: np.ndarray) -> None:
        self.words = [word.encode("utf-8", "surrogateescape") for word in words]
        self.rows = rows
        self.dim = rows.shape[1]
        self.bytes = np.frombuffer(b"".join(self.words), np.uint8)
        self.ends = np.cumsum([len(word) for word in self.words], dtype=np.int64)

    def place(self, corpus: _core.FastTextCorpus, words: int, rows: np.ndarray) -> None:
        """Writes the vectors of the words of a corpus into their rows."""
        self._place(corpus, words, rows, self.rows)

    def place_output(self, corpus: _core.FastTextCorpus, words: int, output: np.ndarray) -> None:
        """Rows of the output stay as they are: vectors say nothing of them."""

    def _place(self, corpus: _core.FastTextCorpus, words: int, rows: np.ndarray, given: np.ndarray) -> None:
        data, ends, _ = corpus.dictionary()
        found, begin, kept = {}, 0, data.tobytes()
        for number, end in enumerate(ends[:words].tolist()):
            found[kept[begin:end]] = number
            begin = end
        places = np.array([found.get(word, -1) for word in self.words], np.int64)
        known = places >= 0
        rows[places[known], : self.dim] = given[known]


class StartModel(StartVectors):
    """A model of word vectors that goes on learning: its rows of words, n-grams and output."""

    def __init__(self, model: Any, settings: Settings) -> None:
        if not isinstance(model, FastText) or model._is_supervised():
            raise TypeError(
                "`start_model` must be a model of word vectors, of train_unsupervised or load_model. "
                f"Received: {model!r}"
            )
        if "hs" in (settings.loss, model.args["loss"]):
            raise ValueError(
                '`start_model` must have and get loss="ns": the tree of "hs" is another one for other words. '
                f"Received: loss={settings.loss!r}, and a model with {model.args['loss']!r}"
            )
        for name in ("dim", "minn", "maxn", "bucket")[: 4 if settings.maxn or model.args["maxn"] else 1]:
            if getattr(settings, name) != model.args[name]:
                raise ValueError(
                    f"`{name}` must be that of start_model, {model.args[name]}. "
                    f"Received: {name}={getattr(settings, name)}"
                )
        words, rows = model.words, model.get_input_matrix()
        self._take(words, rows[: len(words)])
        self.grams: np.ndarray = rows[len(words) :]
        self.output: np.ndarray = model.get_output_matrix()

    def place(self, corpus: _core.FastTextCorpus, words: int, rows: np.ndarray) -> None:
        """Also those of n-grams."""
        super().place(corpus, words, rows)
        rows[words:, : self.dim] = self.grams

    def place_output(self, corpus: _core.FastTextCorpus, words: int, output: np.ndarray) -> None:
        """Writes what the words had learnt as neighbours."""
        self._place(corpus, words, output, self.output)
