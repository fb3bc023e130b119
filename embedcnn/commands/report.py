"""Accuracy, precision, recall, F1 and the confusion matrix as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

WIDEST_MATRIX = 20  # labels; a larger matrix fits no terminal


def accuracy(counts: np.ndarray) -> float:
    """The share on the diagonal of counts[true, predicted].

    >>> accuracy(np.array([[3, 1], [0, 4]]))
    0.875
    """
    return float(np.trace(counts) / max(1, counts.sum()))


def scores(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(precision, recall, F1) per label, float64; 0 where nothing was predicted or nothing is true.

    >>> [part.round(2).tolist() for part in scores(np.array([[3, 1], [0, 4]]))]
    [[1.0, 0.8], [0.75, 1.0], [0.86, 0.89]]
    """
    right = np.diag(counts).astype(np.float64)
    precision = right / np.maximum(1, counts.sum(axis=0))
    recall = right / np.maximum(1, counts.sum(axis=1))
    both = precision + recall
    return precision, recall, np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)


def balanced_accuracy(counts: np.ndarray) -> float:
    """The mean recall of the labels that have texts.

    >>> balanced_accuracy(np.array([[90, 0], [8, 2]])), balanced_accuracy(np.array([[9, 0], [1, 0]]))
    (0.6, 0.5)
    """
    return float(scores(counts)[1][counts.sum(axis=1) > 0].mean())


def rarest_line(counts: np.ndarray, labels: Sequence[str], hint: str = "") -> str:
    """Recall of the label with the fewest texts, and the unweighted mean of F1: what an accuracy hides.

    `hint`: ends the line where that recall is 0 and other labels have more texts.

    >>> rarest_line(np.array([[90, 0], [8, 2]]), ["ham", "spam"])
    "recall 20.0% of the rarest label 'spam' (10 texts); macro F1 0.645"
    """
    texts = counts.sum(axis=1)
    present = np.flatnonzero(texts)
    rarest = int(present[texts[present].argmin()])
    _, recall, f1 = scores(counts)
    amount = "1 text" if texts[rarest] == 1 else f"{texts[rarest]} texts"
    macro = float(f1[(texts > 0) | (counts.sum(axis=0) > 0)].mean())
    more = f"; {hint}" if hint and recall[rarest] == 0 and texts[rarest] < texts.max() else ""
    return (
        f"recall {recall[rarest]:.1%} of the rarest label {labels[rarest]!r} ({amount}); macro F1 {macro:.3f}"
        + more
    )


def report_lines(counts: np.ndarray, labels: Sequence[str]) -> list[str]:
    """Precision, recall, F1 and number of texts per label, their unweighted mean, and the confusion matrix.

    >>> print("\\n".join(report_lines(np.array([[3, 1], [0, 4]]), ["cat", "dog"])))
    label   precision  recall      F1   texts
    cat         1.000   0.750   0.857       4
    dog         0.800   1.000   0.889       4
    (mean)      0.900   0.875   0.873       8
    <BLANKLINE>
    confusion matrix: rows are true labels, columns the predicted ones in the same order
    cat  3  1
    dog  0  4
    """
    parts = scores(counts)
    wide = max(6, *(len(label) for label in labels))
    lines = [f"{'label':<{wide}}  precision  recall      F1   texts"]
    for name, precision, recall, f1, texts in zip(labels, *parts, counts.sum(axis=1), strict=True):
        lines.append(f"{name:<{wide}}  {precision:9.3f}  {recall:6.3f}  {f1:6.3f}  {texts:6d}")
    means = [part.mean() for part in parts]
    lines.append(f"{'(mean)':<{wide}}  {means[0]:9.3f}  {means[1]:6.3f}  {means[2]:6.3f}  {counts.sum():6d}")
    if len(labels) <= WIDEST_MATRIX:
        wide, cell = max(map(len, labels)), len(str(counts.max()))
        lines += ["", "confusion matrix: rows are true labels, columns the predicted ones in the same order"]
        for name, row in zip(labels, counts, strict=True):
            lines.append(f"{name:<{wide}}  " + "  ".join(f"{value:{cell}d}" for value in row))
    return lines
