"""Functions (y_true, y_pred) of the user's as losses: made of `embedcnn.ops` they have gradients.

Such a function is called once on symbolic tensors, for each shape, and becomes a program of the core, which
is found by its name here because lowering stands above. Any other gets arrays, and gives gradients or none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..base.class_numbers import ClassError
from ..base.named_objects import named_object

TRACED = "embedcnn.lowering.functions:Traced"


class OwnFunction:
    """A function of targets and predictions; called on arrays it gives losses, or (losses, gradients)."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function = function
        self._traced: Any = None
        self._is_traced: bool | None = None  # None: not known before the first call

    def __reduce__(self) -> Any:  # a copy begins without programs
        return OwnFunction, (self.function,)

    def __call__(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """Losses, or (losses, gradients of their sum in y_pred)."""
        if self._is_traced is None:
            self._traced = named_object(TRACED)(self._of_one_rank)
            try:
                made = self._run(y_true, y_pred)
            except ClassError:
                raise
            except Exception:  # a function of arrays may fail in any way here: it then gets arrays
                made = None
            self._is_traced = made is not None
            if made is not None:
                return made
        if self._is_traced:
            return self._run(y_true, y_pred)
        return self.function(y_true, y_pred)

    def _run(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """What the program gives; None where the function gives gradients itself."""
        losses, gradients = self._traced.result_and_gradients(
            [np.asarray(y_true), np.asarray(y_pred)], names=["y", "y_pred"]
        )
        if isinstance(losses, list):
            return None
        rows, gradient = y_pred.shape[:-1], gradients[1]
        if losses.ndim > 1 and losses.shape == (*rows, 1) != y_pred.shape:
            losses = losses[..., 0]
        if 0 < losses.ndim < len(rows) and losses.shape == rows[: losses.ndim]:  # a mean over steps too
            steps = rows[losses.ndim :]
            losses = np.broadcast_to(losses.reshape(*losses.shape, *[1] * len(steps)), rows)
            gradient = gradient * np.float32(np.prod(steps))
        return losses, gradient

    def _of_one_rank(self, y_true: Any, y_pred: Any) -> Any:
        """The function's result as Keras calls it: targets (B,) beside predictions (B, 1) as (B, 1), and
        predictions (B, T, 1) beside targets (B, T) as (B, T).
        """
        if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
            if y_true.ndim == 1:
                y_true = named_object("embedcnn.ops:expand_dims")(y_true, -1)
            else:
                y_pred = named_object("embedcnn.ops:squeeze")(y_pred, -1)
        return self.function(y_true, y_pred)
