"""Linear models of bags: dual coordinate descent on a convex loss, and margins of documents that were held
out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.arguments import finite_number, integer
from ..base.checked import checked
from ..base.random_seeds import checked_seed
from ..runtime import _core
from .product_form import ProductModel, product_form
from .targets import Targets, checked_targets, column_weights, stratified_folds
from .weighting import (
    Arrays,
    Part,
    base_scale,
    checked_bags,
    checked_weights,
    inverse_document_frequencies,
    used_features,
)

__all__ = ["LinearModel", "ProductModel", "dual_descent", "product_form", "stratified_folds"]


@dataclass(frozen=True)
class LinearModel:
    """A trained part: margins are tf * `scale` / norm times `weights`, summed, plus `bias`; K columns.

    As the sign of a naive-Bayes ratio would only turn the sign of a weight, `scale` is never negative.
    """

    part: Part
    weights: np.ndarray
    """float32 (size, K); K = 1 for two classes."""
    bias: np.ndarray
    """float32 (K,)."""
    scale: np.ndarray
    """float32 (size, 1), or (size, K) for naive-Bayes ratios; zero for features that the part does not use.
    """
    out_of_fold: np.ndarray | None
    """float32 (documents, K): margins of each document by a model trained without its fold."""
    epochs: int
    """The most that a column needed."""
    converged: bool

    @property
    def folded(self) -> np.ndarray:
        """weights * scale, float32 (size, K): what a tf counts before the norm."""
        return self.weights * self.scale

    def decision_function(self, bags: Any) -> np.ndarray:
        """Margins, float32 (documents, K)."""
        arrays = checked_bags(bags)
        if arrays.size != len(self.weights):
            raise ValueError(f"`bags` must have {len(self.weights)} features. Received: {arrays.size}")
        squares = self.scale**2 if self.part.norm else None
        return _core.bag_margins(arrays.core, self.part.sublinear, self.folded, squares, self.bias)


@checked
def dual_descent(
    bags: Any,
    y: Any,
    parts: Part | Sequence[Part] = Part(),  # noqa: B008 (it cannot change)
    *,
    kinds: Sequence[tuple[str, int, int]] | None = None,
    folds: int | Any = None,
    final: bool = True,
    classes: int | None = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    intercept: float = 1.0,
    tolerance: float = 0.01,
    max_epochs: int = 1000,
    start: Sequence[LinearModel] | None = None,
    seed: int = 0,
) -> list[LinearModel]:
    """Linear models (parts of a portfolio), each class against the rest: |w|**2 / 2 + the sum of cost *
    loss is least.

    Convex, so there is neither a learning rate nor an early stop to choose. Solved side by side: a problem
    for each part, class and fold, one a thread; results do not depend on the number of threads. As
    sklearn.svm.LinearSVC and LogisticRegression(solver="liblinear"), whose decisions it has once it has
    converged. (Hsieh et al. 2008; Yu, Huang and Lin 2011.)

    Parameters
    ----------
    bags : Bags of N documents, or anything with `offsets`, `ids`, `counts` and `size`
    y : integers (N,) from 0 on: classes; floats (N,) in [0, 1]: how much a document is of the second of two
        classes;
        (N, K) in [0, 1]: a column for each label, several labels a document or soft labels
    parts : what to train, a Part or several
    kinds : `features.kinds`, where parts name some: (name, first id, end)
    folds : a number, or each document's fold (N,): gives `out_of_fold`, margins by models trained without the
        document's fold (naive-Bayes ratios too; document frequencies are those of all documents)
    final : False: only `out_of_fold` is wanted, the weights are zero
    classes : how many there are, where y is class numbers; None: the largest + 1
    sample_weight : (N,) how often each document counts, in the loss, in document frequencies and in ratios
    class_weight : "balanced", or a dict of class to weight, which counts in the loss (as in LinearSVC)
    intercept : the constant feature whose weight is the bias (LinearSVC's intercept_scaling); 0: no bias
    tolerance : the spread of the dual's projected gradients at which it ends (LIBLINEAR's eps)
    max_epochs : at most so many passes; `converged` says whether they were enough
    start : the models of an earlier call: |w - its weights|**2 / 2 in place of |w|**2 / 2, with its scale,
        so that
        training on new documents continues from it
    seed : of the order in which documents are visited, and of the folds

    Returns
    -------
    A LinearModel for each part

    Raises
    ------
    ValueError, TypeError : arguments of another shape, range or kind

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> bags = SimpleNamespace(offsets=[0, 1, 2, 4], ids=[0, 1, 0, 2], counts=[1, 2, 1, 1], size=3)
    >>> [model] = dual_descent(bags, [1, 0, 1])
    >>> (model.decision_function(bags)[:, 0] > 0).tolist()
    [True, False, True]
    """
    arrays = checked_bags(bags)
    targets = checked_targets(y, arrays.documents, classes)
    chosen = [parts] if isinstance(parts, Part) else list(parts)
    for number, part in enumerate(chosen):
        if not isinstance(part, Part):
            raise TypeError(f"`parts` must be Part or a list of Part. Received: parts[{number}]={part!r}")
    starts: list[Any] = [None] * len(chosen) if start is None else list(start)
    for begun in starts:
        if not isinstance(begun, (LinearModel, type(None))):
            raise TypeError(f"`start` must be a list of LinearModel. Received one of {type(begun).__name__}")
    if len(starts) != len(chosen):
        raise ValueError(
            f"`start` must have a model for each part. Received: {len(starts)} for {len(chosen)}"
        )
    weights = checked_weights("sample_weight", sample_weight, arrays.documents)
    if weights is not None and not weights.any():
        raise ValueError("`sample_weight` must hold a number above 0. Received: only zeros")
    fold_of, count = _folds(folds, y, arrays.documents, seed)
    if not final and not count:
        raise ValueError("`final` must be True where no folds are asked for. Received: final=False")
    settings = (
        float(finite_number("intercept", intercept, least=0)),
        float(finite_number("tolerance", tolerance, above=0)),
        integer("max_epochs", max_epochs, 1),
        checked_seed("seed", seed),
    )
    work = _Work(arrays, targets, weights, column_weights(targets, class_weight), count, final, settings)
    made = [work.add(part, begun, kinds) for part, begun in zip(chosen, starts, strict=True)]
    outcomes = _core.dual_descent(arrays.core, targets.core, weights, fold_of, count, work.specifications)
    return work.finish(made, outcomes)


def _folds(folds: Any, y: Any, documents: int, seed: int) -> tuple[np.ndarray | None, int]:
    """Each document's fold and how many there are."""
    if folds is None:
        return None, 0
    if np.ndim(folds) == 0:
        return stratified_folds(y, folds, seed), int(folds)
    array = np.asarray(folds)
    if array.shape != (documents,) or array.dtype.kind not in "iu" or not 0 <= array.min() < array.max():
        raise ValueError(
            f"`folds` must be a number or {documents} integers, at least two different ones from 0 on. "
            f"Received: {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.int32), int(array.max()) + 1


class _Work:
    """The parts of one call of the core, with the arrays that it fills."""

    def __init__(
        self,
        arrays: Arrays,
        targets: Targets,
        weights: np.ndarray | None,
        of_columns: tuple[np.ndarray, np.ndarray],
        folds: int,
        final: bool,
        settings: tuple[float, float, int, int],
    ) -> None:
        self.arrays, self.targets, self.weights, self.of_columns = arrays, targets, weights, of_columns
        self.folds, self.final, self.settings = folds, final, settings
        self.specifications: list[tuple[Any, ...]] = []
        self._inverse_frequencies: np.ndarray | None = None

    def add(self, part: Part, start: LinearModel | None, kinds: Any) -> LinearModel:
        """Describes a part to the core; returns the model whose arrays it is going to fill."""
        size, columns = self.arrays.size, self.targets.columns
        intercept, tolerance, max_epochs, seed = self.settings
        if start is not None and start.weights.shape != (size, columns):
            raise ValueError(
                f"`start` must have weights of shape ({size}, {columns}). Received: {start.weights.shape}"
            )
        ranges = used_features(part, kinds, size)
        base = self._base(part, ranges)[:, None] if start is None else start.scale
        ratios = part.weighting == "naive_bayes" and start is None
        model = LinearModel(
            part,
            np.zeros((size, columns), np.float32),
            np.zeros(columns, np.float32),
            np.zeros((size, columns), np.float32) if ratios and self.final else base,
            np.zeros((self.arrays.documents, columns), np.float32) if self.folds else None,
            0,
            False,
        )
        self.specifications.append(
            (part.sublinear, base, ranges[0][0], max(end for _, end in ranges))
            + (part.loss == "logistic", float(part.cost), *self.of_columns, intercept)
            + (float(part.damping) if ratios else -1.0, part.norm, tolerance, max_epochs, seed)
            + ((None, None) if start is None else (start.weights, start.bias))
            + (model.weights if self.final else None, model.scale if ratios and self.final else None)
            + (model.bias, model.out_of_fold)
        )
        return model

    def _base(self, part: Part, ranges: list[tuple[int, int]]) -> np.ndarray:
        if part.weighting != "counts" and self._inverse_frequencies is None:
            self._inverse_frequencies = inverse_document_frequencies(self.arrays, self.weights)
        return base_scale(part, ranges, self.arrays.size, self._inverse_frequencies)

    def finish(self, made: list[LinearModel], outcomes: list[tuple[int, float]]) -> list[LinearModel]:
        """The models with what the core says of their problems, as many a part."""
        each = len(outcomes) // max(1, len(made))
        tolerance = self.settings[1]
        models = []
        for number, model in enumerate(made):
            of_part = outcomes[number * each : (number + 1) * each]
            models.append(
                LinearModel(
                    model.part,
                    model.weights,
                    model.bias,
                    model.scale,
                    model.out_of_fold,
                    max(epochs for epochs, _ in of_part),
                    all(violation <= tolerance for _, violation in of_part),
                )
            )
        return models
