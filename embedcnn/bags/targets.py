"""What linear models of bags learn: labels, soft labels or several labels a document as columns of numbers
in [0, 1], the weights of classes, and the folds of a cross-validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..base.arguments import integer, optional
from ..base.arrays import numbers
from ..base.random_seeds import checked_seed, generator
from ..training.sample_weights import balanced_weights

BLOCK = 1 << 22


class Targets(NamedTuple):
    """How much each document is of each column, and what the columns are."""

    shares: np.ndarray | None
    """float32 (documents, K) in [0, 1]: one column for two classes, that of the second. None where y was a
    number of more than two classes, which would be nearly all zeros."""
    classes: np.ndarray | None
    """int32 (documents,) where y was a class number for each document."""
    columns: int
    """K"""

    @property
    def core(self) -> Any:
        """As the core takes them."""
        return (self.classes, self.columns) if self.shares is None else self.shares

    def rows(self, begin: int, end: int) -> np.ndarray:
        """The shares of some documents, float32 (end - begin, K)."""
        if self.shares is not None:
            return self.shares[begin:end]
        assert self.classes is not None
        return (self.classes[begin:end, None] == np.arange(self.columns)).astype(np.float32)


def blocks(rows: int, columns: int) -> Iterator[slice]:
    """All rows of a matrix in blocks of BLOCK numbers: what is made of them never takes more memory."""
    step = max(1, BLOCK // max(1, columns))
    return (slice(begin, min(begin + step, rows)) for begin in range(0, rows, step))


def checked_targets(y: Any, documents: int, classes: int | None = None) -> Targets:
    """`y` as columns; TypeError or ValueError where it does not fit.

    Integers (documents,) are classes 0, 1 ...; floats (documents,) in [0, 1] how much a document is of the
    second of two; a matrix (documents, K) in [0, 1] has a column for each label (several labels, soft
    labels).
    """
    array = numbers("y", y)
    if array.ndim not in (1, 2) or len(array) != documents:
        raise ValueError(
            f"`y` must have the shape ({documents},) or ({documents}, labels). Received: {array.shape}"
        )
    if not documents:
        raise ValueError("`bags` must hold at least one document. Received: none")
    if array.ndim == 1 and array.dtype.kind in "iub":
        return _of_classes(array, optional(integer, "classes", classes, 2))
    if classes is not None:
        raise ValueError(
            f"`classes` needs class numbers as `y`. Received: classes={classes} and {array.dtype}"
        )
    if array.size == 0 or not np.all((array >= 0) & (array <= 1)):
        raise ValueError(
            "`y` must be class numbers (integers), or numbers in [0, 1]. Received: "
            f"{array.dtype} of shape {array.shape} outside of it"
        )
    columns = np.array(array.reshape(documents, -1), np.float32)
    columns.flags.writeable = False
    return Targets(columns, None, columns.shape[1])


def _of_classes(classes: np.ndarray, known: int | None) -> Targets:
    count = int(classes.max()) + 1 if known is None else known
    if classes.min() < 0 or (known is None and np.all(classes == classes[0])):
        raise ValueError(
            "`y` must name at least two classes, from 0 on. Received: "
            f"{'only ' if classes.min() == classes.max() else ''}{classes.min()} to {classes.max()}"
        )
    if classes.max() >= count:
        raise ValueError(f"`y` must be classes in [0, {count}). Received: {classes.max()}")
    numbers = classes.astype(np.int32)
    second = (numbers[:, None] == 1).astype(np.float32) if count == 2 else None
    for array in (numbers, second):
        if array is not None:
            array.flags.writeable = False  # the core borrows it
    return Targets(second, numbers, 1 if count == 2 else count)


def class_table(targets: Targets, class_weight: Any) -> np.ndarray:
    """The weight of each class, or of each column of a matrix, float64.

    `class_weight`: "balanced", or a dict of class (column) to weight; those that it leaves out have 1.
    """
    count = targets.columns if targets.classes is None else max(2, targets.columns)
    if isinstance(class_weight, str) and class_weight == "balanced":
        if targets.classes is None:
            raise ValueError("class_weight='balanced' needs one class for each document. Received: a matrix")
        return balanced_weights(targets.classes, count).astype(np.float64)
    if not isinstance(class_weight, dict):
        raise TypeError(
            f"class_weight must be None, 'balanced', or a dict of class to weight. Received: {class_weight!r}"
        )
    table = np.ones(count)
    for name, weight in class_weight.items():
        if not isinstance(weight, (int, float, np.number)) or not 0 < weight < np.inf:
            raise ValueError(f"class_weight[{name!r}] must be a finite number > 0. Received: {weight!r}")
        table[integer("class_weight", name, 0, count - 1)] = weight
    return table


def column_weights(targets: Targets, class_weight: Any) -> tuple[np.ndarray, np.ndarray]:
    """What a document of the class, and one of the rest, counts in each column, float64 (K,) each.

    As in LIBLINEAR: with more than two classes, a class's weight counts for its own documents in its own
    column, and the rest counts 1.
    """
    columns = targets.columns
    if class_weight is None:
        return np.ones(columns), np.ones(columns)
    table = class_table(targets, class_weight)
    return (table, np.ones(columns)) if len(table) == columns else (table[1:], table[:1])


def stratified_folds(y: Any, folds: int, seed: int = 0) -> np.ndarray:
    """A fold for each document, int32 in [0, folds), so that all folds have nearly as many of each class.

    `y`: what `dual_descent` takes; of a matrix or of soft labels, the largest column counts as the class.

    >>> folds = stratified_folds([0, 1, 0, 1, 0, 1], 3)
    >>> sorted(folds[::2].tolist()), sorted(folds[1::2].tolist())
    ([0, 1, 2], [0, 1, 2])
    """
    array = numbers("y", y)
    folds = integer("folds", folds, 2, max(2, len(array)))
    classes = array.argmax(axis=1) if array.ndim == 2 else array
    if classes.dtype.kind == "f":
        classes = classes > 0.5
    shuffled = generator(checked_seed("seed", seed)).permutation(len(classes))
    order = shuffled[np.argsort(classes[shuffled], kind="stable")]
    chosen = np.empty(len(classes), np.int32)
    chosen[order] = np.arange(len(order)) % folds
    return chosen
