"""Labels as users give them, to classes and the targets that solvers take: one label a text, several, or soft
ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..base.arguments import boolean
from ..base.columns import as_list, is_missing


class Labelled(NamedTuple):
    """`classes` (K,), as np.unique sorts them, or a table's columns; `codes` int64 (texts,) where each text
    has one label, else `matrix` float32 (texts, K); whether labels are decided each alone; whether they were
    given so, as a matrix of 0 and 1.
    """

    classes: np.ndarray
    codes: np.ndarray | None
    matrix: np.ndarray | None
    multi_label: bool
    is_matrix: bool = False

    @property
    def targets(self) -> np.ndarray:
        """What the solvers take as y: codes, or the matrix; of soft labels of two classes the second's."""
        if self.codes is not None:
            return self.codes
        assert self.matrix is not None
        soft_pair = self.matrix.shape[1] == 2 and not self.multi_label
        return self.matrix[:, 1] if soft_pair else self.matrix

    @property
    def judged(self) -> np.ndarray:
        """The targets beside margins: numbers in [0, 1] of their shape, one column for two classes; codes of
        more classes as they are.
        """
        if self.codes is not None and len(self.classes) > 2:
            return self.codes
        targets = self.targets
        return targets.reshape(len(targets), -1)

    @property
    def columns(self) -> int:
        """How many columns margins have."""
        several = self.matrix is not None and self.multi_label
        return 1 if len(self.classes) == 2 and not several else len(self.classes)


def labelled(y: Any, multi_label: bool | None = None, classes: Any = None) -> Labelled:
    """What `y` says of each text.

    One label a text: str, int or whole floats, (N,) or (N, 1). Several: a list or set of labels for each
    text, or a matrix (N, K) of 0 and 1 (int, bool; of scipy.sparse also floats). Soft: a matrix (N, K) of
    floats in [0, 1]. The columns of a table of pandas name the labels. `multi_label` says what a matrix is
    where its dtype does not; `classes`: all labels there are, where y may lack some (default: those of y).
    Raises TypeError and ValueError that name the place.

    >>> labelled(["b", "a", "b"]).codes.tolist(), labelled([["a"], [], ["b", "a"]]).matrix.tolist()
    ([1, 0, 1], [[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    """
    if multi_label is not None:
        boolean("multi_label", multi_label)
    if isinstance(y, (str, bytes)) or not (hasattr(y, "__len__") or hasattr(y, "__array__")):
        raise TypeError(f"`y` must hold a label for each text. Received: {type(y).__name__}")
    if hasattr(y, "toarray"):  # of scipy.sparse: there is no reason to keep soft labels so
        y, multi_label = y.toarray(), True if multi_label is None else multi_label
    shape: tuple[int, ...] = getattr(y, "shape", ())
    if len(shape) == 2 and (shape[1] != 1 or multi_label):
        return _of_matrix(
            _in_order(y, classes), multi_label, _column_names(y) if classes is None else classes
        )
    rows = as_list(y)
    rows = [row.tolist() if isinstance(row, np.ndarray) else row for row in rows]
    if rows and all(isinstance(row, (list, tuple, set, frozenset)) for row in rows):
        if all(not isinstance(one, (str, bytes)) for row in rows for one in row) and _is_matrix(rows):
            return _of_matrix(np.asarray([list(row) for row in rows]), multi_label, classes)
        if multi_label is False:
            raise ValueError("`y` holds lists of labels, which are several. Received: multi_label=False")
        return _of_lists([list(row) for row in rows], classes)
    if multi_label:
        raise ValueError(
            "`y` must hold a list of labels for each text, or be a matrix. Received: multi_label=True and "
            f"y[0] = {rows[0] if rows else None!r}"
        )
    return _of_single(rows, classes)


def _column_names(y: Any) -> list[Any] | None:
    """The names of a table's columns; None where it has none but numbers from 0."""
    names = getattr(y, "columns", None)
    names = None if names is None or callable(names) else list(names)
    return None if names == list(range(len(names or ()))) else names


def _in_order(y: Any, classes: Any) -> np.ndarray:
    """The values of a matrix or table, its named columns in the order of `classes`."""
    names = _column_names(y)
    if names is None or classes is None or list(classes) == list(range(len(names))):
        return np.asarray(y)
    known = np.asarray(as_list(classes)).tolist()
    if set(names) != set(known) or len(names) != len(known):
        raise ValueError(f"`y` must have the columns {known}. Received: {names}")
    return np.asarray(y)[:, [names.index(name) for name in known]]


def _is_matrix(rows: list[Any]) -> bool:
    """Whether rows of numbers are those of a matrix of 0 and 1, or of floats: lists of equal length of it."""
    if not all(isinstance(row, (list, tuple)) for row in rows) or len({len(row) for row in rows}) != 1:
        return False
    if not rows[0] or len(rows[0]) < 2:
        return False
    values = {value for row in rows for value in row}
    return any(isinstance(value, (float, np.floating)) for value in values) or values <= {0, 1}


def _of_single(rows: list[Any], classes: Any) -> Labelled:
    for number, label in enumerate(rows):
        if is_missing(label):
            raise ValueError(f"y[{number}] is missing: {label!r}. Leave out the texts that have no label")
    known = _known(rows if classes is None else as_list(classes))
    codes = _codes(rows, known, "y[{0}]")
    if classes is None and len(known) < 2:
        raise ValueError(
            f"`y` must hold at least two classes. Received: {len(known)} "
            f"class{'es' * (len(known) != 1)} in {len(rows)} texts"
        )
    return Labelled(known, codes, None, False)


def _of_lists(rows: list[list[Any]], classes: Any) -> Labelled:
    known = _known([one for row in rows for one in row] if classes is None else as_list(classes))
    if len(known) < 2:
        raise ValueError(f"`y` must hold at least two labels. Received: {known.tolist()}")
    matrix = np.zeros((len(rows), len(known)), np.float32)
    for number, row in enumerate(rows):
        matrix[number, _codes(row, known, f"y[{number}][{{0}}]")] = 1
    return Labelled(known, None, matrix, True)


def _of_matrix(matrix: np.ndarray, multi_label: bool | None, classes: Any) -> Labelled:
    if matrix.dtype.kind not in "fiub":
        raise TypeError(f"`y` must be a matrix of numbers. Received: dtype {matrix.dtype}")
    if matrix.ndim != 2 or matrix.shape[1] < 2:
        raise ValueError(
            f"`y` as a matrix must have a column for each of at least two labels. Received: {matrix.shape}"
        )
    wrong = ~((matrix >= 0) & (matrix <= 1))
    if wrong.any():
        row, column = (int(part) for part in np.argwhere(wrong)[0])
        raise ValueError(f"y[{row}, {column}] = {matrix[row, column]} is outside [0, 1]")
    known = np.arange(matrix.shape[1]) if classes is None else np.asarray(as_list(classes))
    if len(set(known.tolist())) < len(known):
        raise ValueError(f"the columns of `y` must have different names. Received: {known.tolist()}")
    if len(known) != matrix.shape[1]:
        raise ValueError(
            f"`classes` must name the {matrix.shape[1]} columns of `y`. Received: {len(known)} classes"
        )
    several = matrix.dtype.kind in "iub" if multi_label is None else multi_label
    matrix = matrix.astype(np.float32)
    if not several:
        sums = matrix.sum(axis=1)
        if len(sums) and np.abs(sums - 1).max() > 1e-3:
            row = int(np.abs(sums - 1).argmax())
            raise ValueError(
                f"y[{row}] sums to {sums[row]:g}: soft labels of a text sum to 1 (multi_label=True: each "
                "label is decided alone)"
            )
    return Labelled(known, None, matrix, several, several)


def _known(labels: list[Any]) -> np.ndarray:
    """The different labels, sorted; TypeError where they cannot be."""
    kinds = {str if isinstance(label, str) else type(label) for label in labels}
    numbers = all(issubclass(kind, (int, float, np.integer, np.floating, np.bool_)) for kind in kinds)
    if kinds != {str} and kinds and not numbers:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise TypeError(f"`y` must hold labels that are all str, or all integers. Received: {names}")
    broken = next((label for label in labels if not isinstance(label, str) and label % 1), None)
    if broken is not None:
        raise ValueError(
            "`y` must hold whole numbers where labels are numbers: cut a scale into classes, as "
            f"np.digitize(y, bounds); soft labels are a matrix (N, K). Received: {broken!r}"
        )
    return np.array(sorted(set(labels)))


def _codes(labels: list[Any], known: np.ndarray, place: str) -> np.ndarray:
    positions = {label: number for number, label in enumerate(known.tolist())}
    try:
        return np.array([positions[label] for label in labels], np.int64)
    except KeyError:
        number = next(number for number, label in enumerate(labels) if label not in positions)
        listed = ", ".join(map(repr, known.tolist()[:20])) + (", ..." if len(known) > 20 else "")
        raise ValueError(
            f"{place.format(number)} = {labels[number]!r} is not one of the classes: {listed}"
        ) from None


def chosen(probabilities: np.ndarray, classes: np.ndarray, several: bool, as_matrix: bool) -> np.ndarray:
    """The label of each row of probabilities, an array (N,); of `several`: a matrix (N, K) of 0 and 1, int64,
    or an array (N,) of lists of labels.
    """
    if not several:
        return classes[probabilities.argmax(axis=1)]
    if as_matrix:
        return (probabilities > 0.5).astype(np.int64)
    found = np.empty(len(probabilities), object)
    found[:] = [classes[row > 0.5].tolist() for row in probabilities]
    return found


def share_right(probabilities: np.ndarray, found: Labelled, sample_weight: Any = None) -> float:
    """The share of rows whose label (all of whose labels) is right; ValueError without rows."""
    if not len(probabilities):
        raise ValueError("`X` must hold at least one text to score. Received: none")
    if len(probabilities) != len(found.targets):
        raise ValueError(
            f"`y` must have a label for each of the {len(probabilities)} texts. Received: "
            f"{len(found.targets)}"
        )
    if found.codes is not None:
        right = probabilities.argmax(axis=1) == found.codes
    else:
        matrix = np.asarray(found.matrix)
        if found.multi_label:
            right = ((probabilities > 0.5) == (matrix > 0.5)).all(axis=1)
        else:
            right = probabilities.argmax(axis=1) == matrix.argmax(axis=1)
    return float(np.average(right, weights=sample_weight))
