"""Margins to probabilities: the slope of a softmax or sigmoid that fits margins of texts not trained on.

Platt (1999) fits slope and intercept of a sigmoid by maximum likelihood; here the margins keep their zero,
where a linear model decides, so one number is found: by Newton's method on the mean log loss, convex in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.arrays import check_finite, numbers
from .targets import blocks

STEPS = 100
SMALLEST, LARGEST = 1e-3, 1e3


def slope(margins: Any, targets: Any, sample_weight: Any = None, multi_label: bool = False) -> float:
    """The factor k that makes softmax(k margins) most likely; of one column, or with `multi_label`, sigmoid.

    `margins`: (texts, units) of texts that were not trained on; `targets`: of the same shape, how much each
    text is of each class, from 0 to 1, or (texts,) integers, the class of each. As where all margins are
    right a larger factor would always be better, each target counts as though two texts more had been drawn,
    of all classes alike (Platt's correction). Raises ValueError for shapes that do not fit, and without
    texts.

    >>> margins = np.linspace(-2, 2, 1001)[:, None]
    >>> round(slope(margins, 1 / (1 + np.exp(-1.5 * margins))), 1)
    1.5
    """
    margins, targets = numbers("margins", margins), numbers("targets", targets)
    if margins.ndim != 2 or not len(margins):
        raise ValueError(f"`margins` must have shape (texts, units). Received: shape {margins.shape}")
    is_class = targets.ndim == 1 and targets.dtype.kind in "iu" and margins.shape[1] > 1 and not multi_label
    if targets.shape != (margins.shape[:1] if is_class else margins.shape):
        raise ValueError(
            f"`targets` must have the shape of `margins`, {margins.shape}. Received: shape {targets.shape}"
        )
    if is_class and not (targets.min() >= 0 and targets.max() < margins.shape[1]):
        given = f"{targets.min()} to {targets.max()}"
        raise ValueError(f"`targets` must be classes in [0, {margins.shape[1]}). Received: {given}")
    check_finite("margins", margins)
    weights = np.ones(len(margins)) if sample_weight is None else numbers("sample_weight", sample_weight)
    if weights.shape != (len(margins),):
        raise ValueError(
            f"`sample_weight` must have shape ({len(margins)},). Received: shape {weights.shape}"
        )
    low, high, found = SMALLEST, LARGEST, 1.0
    for _ in range(STEPS):
        gradient, curvature = _moments(found, margins, targets, weights, multi_label)
        low, high = (found, high) if gradient < 0 else (low, found)
        step = found - gradient / curvature if curvature > 0 else high
        if not low < step < high:
            step = np.sqrt(low * high)
        if abs(step - found) <= 1e-9 * found:
            break
        found = float(step)
    return found


def _moments(
    factor: float, margins: np.ndarray, targets: np.ndarray, weights: np.ndarray, multi_label: bool
) -> tuple[float, float]:
    """First and second derivative of the log loss with respect to the slope, at `factor`: sums over
    blocks of texts.
    """
    units = margins.shape[1]
    alone = multi_label or units == 1
    unsure = 2 / (weights.sum() + 2)
    first = second = 0.0
    for block in blocks(len(margins), units):
        own, wanted = margins[block].astype(np.float64), targets[block].astype(np.float64)
        if targets.ndim == 1:
            wanted = (targets[block, None] == np.arange(units)).astype(np.float64)
        wanted = (1 - unsure) * wanted + unsure / (2 if alone else units)
        of_block = (_of_sigmoid if alone else _of_softmax)(factor * own, own, wanted, weights[block])
        first, second = first + of_block[0], second + of_block[1]
    return first, second


def _of_sigmoid(logits: Any, margins: Any, targets: Any, weights: Any) -> tuple[float, float]:
    """Those of a sigmoid for each column."""
    p = 0.5 * (1 + np.tanh(0.5 * logits))
    gradient = ((p - targets) * margins).sum(axis=1) @ weights
    return float(gradient), float((p * (1 - p) * margins**2).sum(axis=1) @ weights)


def _of_softmax(logits: Any, margins: Any, targets: Any, weights: Any) -> tuple[float, float]:
    """Those of the softmax: the mean of the margins under p against that under the targets."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    mean = (p * margins).sum(axis=1)
    total = targets.sum(axis=1)
    gradient = (total * mean - (targets * margins).sum(axis=1)) @ weights
    variance = (p * margins**2).sum(axis=1) - mean**2
    return float(gradient), float((total * variance) @ weights)
