"""Margins to probabilities: the slope of a softmax or sigmoid that fits margins of texts not trained on.

Platt (1999) fits slope and intercept of a sigmoid by maximum likelihood; here the margins keep their zero,
where a linear model decides, so one number is found: by Newton's method on the mean log loss, convex in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.arrays import check_finite, numbers

STEPS = 100
SMALLEST, LARGEST = 1e-3, 1e3


def slope(margins: Any, targets: Any, sample_weight: Any = None, multi_label: bool = False) -> float:
    """The factor k that makes softmax(k margins) most likely; of one column, or with `multi_label`, sigmoid.

    `margins`: (texts, units) of texts that were not trained on; `targets`: of the same shape, how much each
    text is of each class, from 0 to 1. As where all margins are right a larger factor would always be better,
    each target counts as though two texts more had been drawn, of all classes alike (Platt's correction).
    Raises ValueError for shapes that do not fit, and without texts.

    >>> margins = np.linspace(-2, 2, 1001)[:, None]
    >>> round(slope(margins, 1 / (1 + np.exp(-1.5 * margins))), 1)
    1.5
    """
    margins = np.asarray(numbers("margins", margins), np.float64)
    targets = np.asarray(numbers("targets", targets), np.float64)
    if margins.ndim != 2 or not len(margins):
        raise ValueError(f"`margins` must have shape (texts, units). Received: shape {margins.shape}")
    if targets.shape != margins.shape:
        raise ValueError(
            f"`targets` must have the shape of `margins`, {margins.shape}. Received: shape {targets.shape}"
        )
    check_finite("margins", margins)
    weights = np.ones(len(margins)) if sample_weight is None else numbers("sample_weight", sample_weight)
    if weights.shape != (len(margins),):
        raise ValueError(
            f"`sample_weight` must have shape ({len(margins)},). Received: shape {weights.shape}"
        )
    unsure = 2 / (weights.sum() + 2)
    alone = multi_label or margins.shape[1] == 1
    targets = (1 - unsure) * targets + unsure / (2 if alone else margins.shape[1])
    moments = _of_sigmoid if alone else _of_softmax
    low, high, found = SMALLEST, LARGEST, 1.0
    for _ in range(STEPS):
        gradient, curvature = moments(found * margins, margins, targets, weights)
        low, high = (found, high) if gradient < 0 else (low, found)
        step = found - gradient / curvature if curvature > 0 else high
        if not low < step < high:
            step = np.sqrt(low * high)
        if abs(step - found) <= 1e-9 * found:
            break
        found = float(step)
    return found


def _of_sigmoid(logits: Any, margins: Any, targets: Any, weights: Any) -> tuple[float, float]:
    """First and second derivative of the log loss with respect to the slope."""
    p = 0.5 * (1 + np.tanh(0.5 * logits))
    gradient = ((p - targets) * margins).sum(axis=1) @ weights
    return float(gradient), float((p * (1 - p) * margins**2).sum(axis=1) @ weights)


def _of_softmax(logits: Any, margins: Any, targets: Any, weights: Any) -> tuple[float, float]:
    """The same of the softmax: the mean of the margins under p against that under the targets."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    mean = (p * margins).sum(axis=1)
    total = targets.sum(axis=1)
    gradient = (total * mean - (targets * margins).sum(axis=1)) @ weights
    variance = (p * margins**2).sum(axis=1) - mean**2
    return float(gradient), float((total * variance) @ weights)
