"""The parts of a BagClassifier trained: each by the solver that its settings name, with margins of documents
that were held out, and made into parts of a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..base.arguments import finite_number, integer, optional
from ..base.columns import several
from ..layers.bag_parts import LinearPart
from .labels import Labelled
from .product_form import ProductModel, product_form
from .solvers import LinearModel, dual_descent, stratified_folds
from .weighting import Part


@dataclass(frozen=True, kw_only=True)
class ProductPart:
    """fastText's classifier as a part of a BagClassifier: trained by gradient steps with a softmax (each
    label alone, where a text may have several), as `product_form` does.

    `epochs`: passes over the texts; `learning_rate`: of the first step; `dim`: floats a feature, None: as
    many as there are classes. Raises ValueError for other numbers.

    >>> ProductPart(epochs=10).learning_rate
    0.5
    """

    epochs: int = 5
    learning_rate: float = 0.5
    dim: int | None = None

    def __post_init__(self) -> None:
        integer("epochs", self.epochs, 1)
        finite_number("learning_rate", self.learning_rate, above=0)
        optional(integer, "dim", self.dim, 2, 4096)


class Trained(NamedTuple):
    """A part's model, and margins (texts, columns) by models that had not seen the text; None without."""

    model: LinearModel | ProductModel
    out_of_fold: np.ndarray | None


def checked_parts(parts: Any) -> list[Part | ProductPart]:
    """The settings of the parts as a list; TypeError or ValueError for anything else."""
    given = Part() if parts is None else parts
    chosen: list[Any] = [given] if isinstance(given, (Part, ProductPart)) else several("parts", given)
    for number, part in enumerate(chosen):
        if not isinstance(part, (Part, ProductPart)):
            raise TypeError(f"`parts` must hold Part and ProductPart. Received: parts[{number}]={part!r}")
    if not chosen:
        raise ValueError("`parts` must hold at least one Part or ProductPart. Received: none")
    return chosen


def train(
    bags: Any,
    found: Labelled,
    parts: Sequence[Part | ProductPart],
    kinds: Any,
    folds: int,
    sample_weight: Any,
    class_weight: Any,
    start: Sequence[LinearModel | ProductModel] | None,
    seed: int,
) -> list[Trained]:
    """The parts, in their order; `folds` 0: without margins of held-out documents."""
    classes = None if found.codes is None else len(found.classes)
    common = {"classes": classes, "class_weight": class_weight, "seed": seed}
    fold_of = stratified_folds(found.targets, folds, seed) if folds else None
    trained: dict[int, Trained] = {}
    convex = [number for number, part in enumerate(parts) if isinstance(part, Part)]
    if convex:
        models = dual_descent(
            bags,
            found.targets,
            [part for part in parts if isinstance(part, Part)],
            kinds=kinds,
            folds=fold_of,
            sample_weight=sample_weight,
            start=None if start is None else [start[number] for number in convex],  # type: ignore[misc]
            **common,
        )
        trained |= {n: Trained(model, model.out_of_fold) for n, model in zip(convex, models, strict=True)}
    for number, part in enumerate(parts):
        if isinstance(part, ProductPart):
            settings = {"loss": "one_vs_all" if found.multi_label else "softmax", **vars(part), **common}
            model = product_form(
                bags,
                found.targets,
                sample_weight=sample_weight,
                start=None if start is None else start[number],  # type: ignore[arg-type]
                **settings,
            )
            held_out = None if fold_of is None else _held_out(bags, found, fold_of, sample_weight, settings)
            trained[number] = Trained(model, held_out)
    return [trained[number] for number in range(len(parts))]


def _held_out(bags: Any, found: Labelled, fold_of: np.ndarray, weights: Any, settings: Any) -> np.ndarray:
    """Margins of each fold by a product form of the others."""
    margins = np.zeros((len(found.targets), found.columns), np.float32)
    for fold in range(int(fold_of.max()) + 1):
        others, own = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        some = None if weights is None else np.asarray(weights)[others]
        model = product_form(bags[others], found.targets[others], sample_weight=some, **settings)
        margins[own] = model.decision_function(bags[own])
    return margins


def linear_part(
    model: LinearModel | ProductModel, slope: float = 1.0, share: float = 1.0, name: str = "part"
) -> LinearPart:
    """A trained part for `portfolio_model` and `layers.BagOfNgrams`, its margins times `slope`.

    >>> from types import SimpleNamespace
    >>> bags = SimpleNamespace(offsets=[0, 1, 2, 4], ids=[0, 1, 0, 2], counts=[1, 2, 1, 1], size=3)
    >>> [model] = dual_descent(bags, [1, 0, 1])
    >>> linear_part(model, 2.0).form.norm
    'l2'
    """
    factor = np.float32(slope)
    if isinstance(model, ProductModel):
        weights = model.folded * factor
        return LinearPart(weights, np.zeros(weights.shape[1]), None, "mean", False, share, name)
    scale = model.scale[:, 0] if model.scale.shape[1] == 1 else model.scale
    norm, sublinear = "l2" if model.part.norm else "none", model.part.sublinear
    return LinearPart(model.weights * factor, model.bias * factor, scale, norm, sublinear, share, name)
