"""Word vectors that a training starts from (`pretrainedVectors`)."""

from __future__ import annotations

import os

import numpy as np

from embedcnn import _core

from .settings import Settings


class StartVectors:
    """Word vectors to start from."""

    def __init__(self, path: str | os.PathLike[str], settings: Settings) -> None:
        from ..vectors import load  # start-up

        found = load(path)
        self.words = [word.encode("utf-8", "surrogateescape") for word in found.index_to_key]
        self.rows = np.asarray(found.vectors, np.float32)
        self.dim = self.rows.shape[1]
        if settings.dim not in (None, self.dim):
            none = ", or None" if settings.model == "supervised" else ""
            raise ValueError(
                f"`dim` must be that of pretrainedVectors, {self.dim}{none}. Received: dim={settings.dim}"
            )
        self.bytes = np.frombuffer(b"".join(self.words), np.uint8)
        self.ends = np.cumsum([len(word) for word in self.words], dtype=np.int64)

    def place(self, corpus: _core.FastTextCorpus, words: int, rows: np.ndarray) -> None:
        """Writes the vectors of the words of a corpus into their rows."""
        data, ends, _ = corpus.dictionary()
        found, begin, kept = {}, 0, data.tobytes()
        for number, end in enumerate(ends[:words].tolist()):
            found[kept[begin:end]] = number
            begin = end
        places = np.array([found.get(word, -1) for word in self.words], np.int64)
        known = places >= 0
        rows[places[known], : self.dim] = self.rows[known]
