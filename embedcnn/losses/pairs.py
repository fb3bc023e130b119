"""Targets and predictions as losses and metrics are called with them: arrays of numbers, shapes that fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.arrays import numbers


def numbers_of(y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays of numbers, predictions float64; TypeError or ValueError by name for what is none."""
    return numbers("y_true", y_true), numbers("y_pred", y_pred).astype(np.float64)


def check_rows(y_pred: np.ndarray, flat: bool = False) -> None:
    """ValueError unless predictions are rows, of at least one number for each example; `flat`: or numbers of
    examples, none of them too.
    """
    if y_pred.ndim == 0 or (y_pred.shape[-1] == 0 and (y_pred.ndim > 1 or not flat)):
        raise ValueError(
            "y_pred must have rows of at least one number, (examples, classes) say. Received: shape "
            f"{y_pred.shape}"
        )


def classes_of(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """The number of a class for each row of predictions, int64; ValueError for other shapes, and for what is
    no whole number.
    """
    check_rows(y_pred)
    rows = y_pred.shape[:-1]
    if y_true.shape not in (rows, (*rows, 1)) and (y_true.size != 1 or rows not in ((), (1,))):
        raise ValueError(
            f"y_true has the shape {y_true.shape}; expected {rows}, the number of a class for each row of "
            f"y_pred, {y_pred.shape}"
        )
    with np.errstate(invalid="ignore"):
        classes = y_true.reshape(rows).astype(np.int64)
    wrong = y_true.reshape(rows)[classes != y_true.reshape(rows)]
    if wrong.size:
        raise ValueError(f"y_true must hold whole numbers, those of classes. Received: {wrong.flat[0]}")
    return classes


def of_one_rank(y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predictions (N,) for targets (N, 1) as (N, 1): each is an example."""
    return y_true, y_pred[:, None] if y_pred.ndim == 1 and y_true.shape == (len(y_pred), 1) else y_pred


def like_predictions(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """y_true in the shape of y_pred: a missing last axis of one is added; ValueError for other shapes."""
    if y_true.shape == y_pred.shape:
        return y_true
    if (*y_true.shape, 1) == y_pred.shape or y_true.shape == (*y_pred.shape, 1):
        return y_true.reshape(y_pred.shape)
    raise ValueError(f"y_true has the shape {y_true.shape}; expected {y_pred.shape}, as y_pred")


def spread_weights(sample_weight: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Weights in the shape of what they weigh: (B,), (B, 1), (B, T), (B, T, 1) or one number, as Keras takes
    them; None stays None. ValueError for shapes that do not fit.
    """
    if sample_weight is None:
        return None
    given = weight = numbers("sample_weight", sample_weight).astype(np.float64)
    if not np.isfinite(weight).all():
        wrong = weight[~np.isfinite(weight)].flat[0]
        raise ValueError(f"`sample_weight` must hold finite numbers. Received: {wrong} among them")
    while weight.ndim > len(shape) and weight.shape[-1] == 1:
        weight = weight[..., 0]
    fits = weight.ndim <= len(shape) and weight.shape[:1] == shape[: min(weight.ndim, 1)]
    if not fits or any(own not in (1, size) for own, size in zip(weight.shape, shape, strict=False)):
        raise ValueError(f"sample_weight has the shape {given.shape}, which does not fit values of {shape}")
    return np.broadcast_to(weight.reshape((*weight.shape, *[1] * (len(shape) - weight.ndim))), shape)
