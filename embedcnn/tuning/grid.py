"""grid_search: every combination of some settings of an estimator, judged by cross-validation.

For those of embedcnn.sklearn and embedcnn.bags, and anything with their shape; neither scikit-learn nor
Optuna is needed. One training at a time, each with all threads.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..bags.labels import labelled
from ..bags.targets import stratified_folds
from ..base.arguments import integer, unknown_name
from ..base.checked import checked
from ..base.random_seeds import checked_seed


@dataclass(frozen=True)
class Cell:
    """One combination: its `params`, the score of each fold, and how long all took."""

    params: dict[str, Any]
    scores: tuple[float, ...]
    seconds: float

    @property
    def mean(self) -> float:
        """The mean over the folds; -inf where one is no number."""
        mean = float(np.mean(self.scores))
        return mean if math.isfinite(mean) else -math.inf

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return float(np.std(self.scores, ddof=1) / len(self.scores) ** 0.5)


@dataclass(frozen=True)
class Grid:
    """What `grid_search` found: `cells`, the best first, and `best`, trained on all with the first's
    settings; print it for a table.
    """

    cells: tuple[Cell, ...]
    best: Any = field(repr=False)

    @property
    def best_params(self) -> dict[str, Any]:
        """The settings with the best mean score."""
        return self.cells[0].params

    @property
    def best_score(self) -> float:
        """Their mean score over the folds."""
        return self.cells[0].mean

    def __str__(self) -> str:
        rows = [("score", "± error", "seconds", *self.best_params)]
        for cell in self.cells:
            values = (str(value) for value in cell.params.values())
            rows.append((f"{cell.mean:.4f}", f"{cell.error:.4f}", f"{cell.seconds:.1f}", *values))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(one.rjust(width) for one, width in zip(row, widths, strict=True)) for row in rows)
        return "\n".join(lines)


@checked
def grid_search(
    estimator: Any,
    grid: Mapping[str, Sequence[Any]],
    X: Any,
    y: Any,
    *,
    folds: int = 3,
    seed: int = 0,
    show_progress: bool = False,
) -> Grid:
    """Trains `estimator` with each combination of `grid` on all folds but one, scores it on that one, and
    trains the best on all.

    `grid`: values for each parameter to try. `X`, `y`: as the estimator's `fit` takes them. Folds hold an
    equal share of each class where y has one label a text. Of combinations with the same mean the first
    wins. Raises ValueError for unknown parameters, no values and fewer than two folds. In the place of
    sklearn.model_selection.GridSearchCV.

    >>> from embedcnn.bags import BagClassifier
    >>> texts, labels = ["it purrs", "purrs all day", "it barks", "barks at night"] * 6, list("ccdd") * 6
    >>> found = grid_search(BagClassifier(), {"words": [(2, 2), (1, 2)], "folds": [0]}, texts, labels)
    >>> found.best_score, found.best.predict(["who purrs there"]).tolist()
    (1.0, ['c'])
    """
    names = _checked(estimator, grid)
    checked_seed("seed", seed)
    rows = X if isinstance(X, np.ndarray) else list(X)
    targets = y if isinstance(y, np.ndarray) else list(y)
    if len(rows) != len(targets):
        raise ValueError(
            f"`y` must have an entry for each of the {len(rows)} texts. Received: {len(targets)}"
        )
    number = _numbers(targets, integer("folds", folds, 2, max(2, len(rows))), seed)
    cells = []
    combinations = list(itertools.product(*(grid[name] for name in names)))
    for place, values in enumerate(combinations):
        params = dict(zip(names, values, strict=True))
        begin = time.monotonic()
        scores = [_score(estimator, params, rows, targets, number == fold) for fold in np.unique(number)]
        cells.append(Cell(params, tuple(scores), time.monotonic() - begin))
        if show_progress:
            print(f"{place + 1}/{len(combinations)} {params}: {cells[-1].mean:.4f}", flush=True)
    cells.sort(key=lambda cell: -cell.mean)
    best = _with(estimator, cells[0].params)
    best.fit(rows, targets)
    return Grid(tuple(cells), best)


def _checked(estimator: Any, grid: Mapping[str, Sequence[Any]]) -> list[str]:
    """The names of the grid's parameters."""
    known = estimator.get_params()
    if not isinstance(grid, Mapping) or not grid:
        raise ValueError(f"`grid` must be a dict of parameter to values to try. Received: grid={grid!r}")
    for name, values in grid.items():
        if name not in known:
            raise unknown_name("grid parameter", name, known)
        if isinstance(values, (str, bytes)) or not hasattr(values, "__len__") or not len(values):
            raise ValueError(f"grid[{name!r}] must be a list of values to try. Received: {values!r}")
    return list(grid)


def _numbers(targets: Any, folds: int, seed: int) -> np.ndarray:
    """The fold of each text, int64 (texts,): an equal share of each class where there are classes."""
    try:
        codes = labelled(targets).codes
    except (TypeError, ValueError):  # numbers to predict
        codes = None
    if codes is not None:
        return stratified_folds(codes, folds, seed)
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    return generator.permutation(len(targets)) % folds


def _with(estimator: Any, params: dict[str, Any]) -> Any:
    """A new estimator with these settings."""
    return type(estimator)(**{**estimator.get_params(), **params})


def _score(estimator: Any, params: dict[str, Any], rows: Any, targets: Any, held: np.ndarray) -> float:
    """The score on the texts that are held out, after training on the others."""
    others, these = np.flatnonzero(~held), np.flatnonzero(held)
    trained = _with(estimator, params).fit(_taken(rows, others), _taken(targets, others))
    return float(trained.score(_taken(rows, these), _taken(targets, these)))


def _taken(values: Any, index: np.ndarray) -> Any:
    return values[index] if isinstance(values, np.ndarray) else [values[i] for i in index]
