"""A text that was read for training, and what all trainings on one have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from embedcnn import _core

from ..runtime import get_num_threads
from . import autotune
from .progress import TrainingProgress
from .settings import Settings
from .start_vectors import StartVectors

Watch = Callable[[int, int, float, float], Any]


class TextCorpus:
    """A text that was read; its tokens are numbers of words. ValueError for one without words."""

    def __init__(self, text: Any, settings: Settings, vectors: StartVectors | None = None) -> None:
        self.vectors = vectors
        self.core = _core.FastTextCorpus(
            text,
            settings.label.encode(),
            settings.minCount,
            settings.minCountLabel,
            vectors.bytes if vectors else None,
            vectors.ends if vectors else None,
            settings.thread or 0,
        )
        self.words, self.labels, self.tokens = self.core.sizes()
        if settings.verbose > 0:
            print(f"Read {self.tokens // 1000000}M words", file=sys.stderr)
            print(f"Number of words:  {self.words}", file=sys.stderr)
            if settings.model == "supervised":
                print(f"Number of labels: {self.labels}", file=sys.stderr)
        if not self.words:
            raise ValueError(
                f"`input` has no word that occurs {settings.minCount} times: give a smaller `minCount`"
            )

    def place_vectors(self, rows: np.ndarray) -> None:
        """Writes the vectors that the training starts from into their rows."""
        if self.vectors:
            self.vectors.place(self.core, self.words, rows)

    def place_output(self, output: np.ndarray) -> None:
        """Writes the rows of the output that the training starts from."""
        if self.vectors:
            self.vectors.place_output(self.core, self.words, output)

    def count_of(self, number: int) -> int:
        """How often the word of this number occurs; the most frequent one has number 0."""
        return int(self.core.dictionary()[2][number])

    def run(
        self,
        settings: Settings,
        steps: Callable[[Watch | None], tuple[bool, float]],
        watch: Watch | None = None,
        last_rate: float = 0.0,
    ) -> None:
        """Runs `steps`, which is given what to call now and then: `watch`, or what shows the progress.

        Raises autotune.Diverged where the loss has overflown, autotune.Interrupted where `watch` has ended
        it.
        """
        progress = TrainingProgress(settings.thread or get_num_threads())
        shown = progress if settings.verbose > 1 and watch is None else None
        with progress:
            ended, loss = steps(shown or watch)
            if not np.isfinite(loss):
                raise autotune.Diverged(
                    f"`lr` must be smaller for this text: the loss is {loss}. Received: lr={settings.lr:g}"
                )
            if not ended:
                raise autotune.Interrupted
        if settings.verbose > 0:
            total = self.tokens * settings.epoch
            progress.show(total, total, last_rate, loss, end="\n")
