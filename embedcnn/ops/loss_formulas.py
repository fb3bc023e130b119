"""Keras's losses made of operations, for losses, layers and steps of one's own that call them on symbolic
tensors. In models they run as one operation each (csrc/ops/loss_*.c); the classes in losses/ are their
definition on arrays, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..graph.nodes import SymbolicTensor
from .activations import softplus
from .elementwise import cast, clip, divide, equal, maximum, where
from .functions import abs as absolute
from .functions import log, log1p, relu, sigmoid, sqrt, square
from .primitives import apply, shape_of
from .rearranging import expand_dims, reshape, squeeze
from .reductions import all as all_of
from .reductions import max as largest
from .reductions import mean
from .reductions import sum as summed
from .statistics import (
    binary_crossentropy,
    categorical_crossentropy,
    rows_of_classes,
    sparse_categorical_crossentropy,
)

EPSILON = 1e-7


def _signs(y: Any) -> Any:
    """Targets of a hinge: where all are 0 or 1, they mean -1 and 1."""
    return where(all_of(equal(y * (y - 1.0), 0.0)), 2.0 * y - 1.0, y)


def _huber(y: Any, p: Any, settings: dict[str, Any]) -> Any:
    size, delta = absolute(p - y), settings["delta"]
    return where(size <= delta, 0.5 * square(size), delta * (size - 0.5 * delta))


def _log_cosh(y: Any, p: Any, settings: dict[str, Any]) -> Any:
    size = absolute(p - y)
    return size + softplus(-2.0 * size) - 0.6931471805599453


def _binary(y: Any, p: Any, settings: dict[str, Any]) -> Any:
    smoothing = settings.get("label_smoothing", 0.0)
    y = y * (1.0 - smoothing) + 0.5 * smoothing if smoothing else y
    if "gamma" not in settings:
        return binary_crossentropy(y, p, settings["from_logits"])
    p = sigmoid(p) if settings["from_logits"] else p
    losses = binary_crossentropy(y, p) * (1.0 - (y * p + (1.0 - y) * (1.0 - p))) ** settings["gamma"]
    alpha = settings["alpha"]
    return losses * (y * alpha + (1.0 - y) * (1.0 - alpha)) if settings["balanced"] else losses


def _categorical(y: Any, p: Any, settings: dict[str, Any]) -> Any:
    smoothing = settings.get("label_smoothing", 0.0)
    y = y * (1.0 - smoothing) + smoothing / (shape_of(p)[-1] or 1) if smoothing else y
    if "gamma" not in settings:
        return categorical_crossentropy(y, p, settings["from_logits"])
    p = apply("softmax", [p], axis=[-1]) if settings["from_logits"] else divide(p, summed(p, -1, True))
    p = clip(p, EPSILON, 1.0 - EPSILON)
    return -summed(settings["alpha"] * y * (1.0 - p) ** settings["gamma"] * log(p), -1)


def _sparse(y: Any, p: Any, settings: dict[str, Any]) -> Any:
    if settings.get("label_smoothing"):
        return _categorical(rows_of_classes(y, p, int(shape_of(p)[-1] or 1)), p, settings)
    return sparse_categorical_crossentropy(y, p, settings["from_logits"])


def _kl_divergence(y: Any, p: Any, settings: dict[str, Any]) -> Any:
    y, p = clip(y, EPSILON, 1.0), clip(p, EPSILON, 1.0)
    return summed(y * (log(y) - log(p)), -1)


def _cosine(y: Any, p: Any, settings: dict[str, Any]) -> Any:
    sizes = [sqrt(maximum(summed(square(one), -1), EPSILON**2)) for one in (y, p)]
    return -summed(y * p, -1) / (sizes[0] * sizes[1])


def _categorical_hinge(y: Any, p: Any, settings: dict[str, Any]) -> Any:
    return relu(largest((1.0 - y) * p, -1) - summed(y * p, -1) + 1.0)


ELEMENTS: dict[str, Callable[[Any, Any, dict[str, Any]], Any]] = {
    "squared": lambda y, p, settings: square(y - p),
    "absolute": lambda y, p, settings: absolute(y - p),
    "absolute_percentage": lambda y, p, settings: 100.0 * absolute(y - p) / maximum(absolute(y), EPSILON),
    "squared_logarithmic": lambda y, p, settings: square(
        log1p(maximum(y, EPSILON)) - log1p(maximum(p, EPSILON))
    ),
    "huber": _huber,
    "log_cosh": _log_cosh,
    "poisson": lambda y, p, settings: p - y * log(p + EPSILON),
    "hinge": lambda y, p, settings: relu(1.0 - _signs(y) * p),
    "squared_hinge": lambda y, p, settings: square(relu(1.0 - _signs(y) * p)),
    "binary": _binary,
}
"""The losses of single predictions, whose mean over the last axis is that of an example."""
ROWS = {
    "categorical": _categorical,
    "sparse_categorical": _sparse,
    "kl_divergence": _kl_divergence,
    "cosine_similarity": _cosine,
    "categorical_hinge": _categorical_hinge,
}


def per_example(kind: str | None, settings: dict[str, Any], y_true: Any, y_pred: Any) -> Any:
    """The loss of each example (and step) of symbolic tensors, by the kind of a loss (None: squared)."""
    name = kind or "squared"
    if name == "sparse_categorical":
        return ROWS[name](y_true, y_pred, settings)
    y = cast(y_true, "float32")
    if len(shape_of(y)) < len(shape_of(y_pred)):
        y = expand_dims(y, -1)
    if name in ROWS:
        return ROWS[name](y, y_pred, settings)
    return mean(ELEMENTS[name](y, y_pred, settings), -1)


def reduced(losses: Any, sample_weight: Any, reduction: str) -> Any:
    """Losses times weights, as one number by the `reduction` of a loss."""
    if sample_weight is not None:
        weight = sample_weight
        while len(shape_of(weight)) > len(shape_of(losses)) and shape_of(weight)[-1] == 1:
            weight = squeeze(weight, -1)
        if isinstance(weight, SymbolicTensor) and len(shape_of(weight)) < len(shape_of(losses)):
            weight = reshape(weight, (-1, *[1] * (len(shape_of(losses)) - 1)))
        losses = losses * weight
        if reduction == "mean_with_sample_weight":
            return summed(losses) / summed(weight + 0.0 * losses)
    if reduction == "none":
        return losses
    return summed(losses) if reduction == "sum" else mean(losses)
