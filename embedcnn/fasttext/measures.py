"""How well a fastText model predicts the labels of a file. FastText has these methods."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..base.arguments import finite_number, integer
from ..base.checked import checked
from . import files
from .words import WordQueries

__all__ = ["Measures"]


class Measures(WordQueries):
    """Methods over labelled lines; a class of its own only to keep files short."""

    @checked
    def test(
        self, path: str | os.PathLike[str] | bytes, k: int = 1, threshold: float = 0.0
    ) -> tuple[int, float, float]:
        """How well the labels of a file are predicted: (lines, precision, recall) at `k` labels a line.

        Parameters
        ----------
        path : a file of labelled lines, or its bytes; lines without a label, or of which the model knows
            nothing, are left out
        k : how many labels are predicted at most, -1: all
        threshold : probability, from which on they are

        Examples
        --------
        >>> import tempfile
        >>> from embedcnn.fasttext.model import _example
        >>> path = os.path.join(tempfile.mkdtemp(), "test.txt")
        >>> _ = open(path, "w").write("__label__yes good\\n__label__no good good\\n")
        >>> _example().test(path)
        (2, 0.5, 0.5)
        """
        lines, (gold, predicted, right) = self._measured(path, k, threshold)
        return lines, _share(right.sum(), predicted.sum()), _share(right.sum(), gold.sum())

    @checked
    def test_label(
        self, path: str | os.PathLike[str] | bytes, k: int = 1, threshold: float = 0.0
    ) -> dict[str, dict[str, float]]:
        """Of each label, how well it is predicted: {label: {"precision", "recall", "f1score"}}, nan where it
        was not predicted, or does not occur.

        >>> import tempfile
        >>> from embedcnn.fasttext.model import _example
        >>> path = os.path.join(tempfile.mkdtemp(), "test.txt")
        >>> _ = open(path, "w").write("__label__yes good\\n__label__no good good\\n")
        >>> _example().test_label(path)["__label__yes"]
        {'precision': 0.5, 'recall': 1.0, 'f1score': 0.6666...}
        """
        _, counts = self._measured(path, k, threshold)
        return {
            label: {
                "precision": _share(right, predicted),
                "recall": _share(right, gold),
                "f1score": _share(2 * right, gold + predicted),
            }
            for label, gold, predicted, right in zip(self.labels, *counts.tolist(), strict=True)
        }

    def _measured(self, path: Any, k: int, threshold: float) -> tuple[int, np.ndarray]:
        k, threshold = integer("k", k), float(finite_number("threshold", threshold))
        return self._checked().measure(files.contents(path), k, threshold)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
