"""Losses of a whole row of predictions, and losses that are Python functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..base.stored_objects import OfFunction
from .base import EPSILON, Loss, check_axis, checked_losses
from .own_function import OwnFunction
from .pairs import like_predictions


class KLDivergence(Loss):
    """sum(y log(y / p)), both clipped to [1e-7, 1]. As keras.losses.KLDivergence.

    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]), 4)
    0.1438
    """

    operation, kind = "row_loss", "kl_divergence"

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "kl_divergence") -> None:
        super().__init__(name, reduction)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        y, p = (np.clip(part, EPSILON, 1) for part in (like_predictions(y_true, y_pred), y_pred))
        return (y * np.log(y / p)).sum(axis=-1)


class CosineSimilarity(Loss):
    """-cos(y, p) over the last axis: -1 for the same direction, 1 for the opposite. As
    keras.losses.CosineSimilarity.

    >>> CosineSimilarity()([[0.0, 2.0]], [[0.0, 0.5]])
    -1.0
    """

    operation, kind = "row_loss", "cosine_similarity"
    not_stored = ("axis",)  # always the last

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
    ) -> None:
        super().__init__(name, reduction)
        check_axis(axis)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        y = like_predictions(y_true, y_pred).astype(np.float64)
        size = [np.maximum(np.sqrt((part**2).sum(axis=-1)), EPSILON) for part in (y, y_pred)]
        return -(y * y_pred).sum(axis=-1) / (size[0] * size[1])


class CategoricalHinge(Loss):
    """max(0, max((1 - y) p) - sum(y p) + 1) for one-hot y. As keras.losses.CategoricalHinge.

    >>> CategoricalHinge()([[0.0, 1.0]], [[0.75, 0.25]])
    1.5
    """

    operation, kind, target = "row_loss", "categorical_hinge", "one_hot"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "categorical_hinge"
    ) -> None:
        super().__init__(name, reduction)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        y = like_predictions(y_true, y_pred)
        return np.maximum(((1 - y) * y_pred).max(axis=-1) - (y * y_pred).sum(axis=-1) + 1, 0)


class FunctionLoss(OfFunction, Loss):
    """A loss from a Python function (y_true, y_pred) -> losses, made of operators and `embedcnn.ops`, or
    (losses, gradients) of NumPy arrays.

    `losses` has one value per example (and step), or is one number, their mean, or has the shape of y_pred.
    Of a function of operations the core computes gradients too. Else `gradients` has the shape of y_pred and
    holds the derivatives of `losses`; a function of arrays that gives losses alone can be evaluated, not
    trained with. Raises
    TypeError and ValueError where the function gives something else. A file
    keeps the function's name: load_model needs `custom_objects={name: function}`.

    >>> def squared(y_true, y_pred):
    ...     error = y_pred - y_true
    ...     return (error**2).mean(axis=-1), 2 * error / error.shape[-1]
    >>> FunctionLoss(squared)(np.zeros((1, 2)), np.ones((1, 2)))
    1.0
    >>> from embedcnn import ops
    >>> FunctionLoss(lambda t, p: ops.mean(ops.square(p - t), axis=-1))(np.zeros((1, 2)), np.ones((1, 2)))
    1.0
    """

    operation, target = "given_loss", "free"

    def __init__(
        self,
        function: Callable[[Any, Any], Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        if not callable(function):
            raise TypeError(f"`function` must be a function. Received: function={function!r}")
        known_as: str = getattr(function, "__name__", type(function).__name__)
        super().__init__(known_as if name is None else name, reduction)
        self.function, self._own = function, OwnFunction(function)

    def losses_and_gradients(
        self, y_true: np.ndarray, y_pred: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """What the function gives, checked: losses (B,) or (B, T), gradients like y_pred, or None."""
        result = self._own(y_true, y_pred)
        return checked_losses(f"loss function {self.name!r}", result, y_pred.shape, self.reduction)
