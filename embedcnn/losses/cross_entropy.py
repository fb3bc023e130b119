"""Cross entropies: binary, categorical, sparse categorical, and the focal forms of the first two.

`binary_cross_entropy` and `log_probabilities` are their one definition in float64, which losses, metrics and
tests share. Probabilities are clipped to [1e-7, 1 - 1e-7], as Keras does; logits are not (but by the focal
forms, which have no others).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..activations import log_softmax, sigmoid, softmax
from ..base.arguments import finite_number, integer, optional
from ..base.checked import checked
from .base import (
    EPSILON,
    Loss,
    check_axis,
    mean_over_last,
)
from .pairs import check_rows, classes_of, like_predictions


def _clipped(p: np.ndarray) -> np.ndarray:
    return np.clip(p, EPSILON, 1 - EPSILON)


def binary_cross_entropy(y: np.ndarray, x: np.ndarray, from_logits: bool) -> np.ndarray:
    """-(y log p + (1 - y) log(1 - p)) of each prediction; with p = sigmoid(x), max(x, 0) - x y + log(1 +
    exp(-|x|)).
    """
    if from_logits:
        return np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))
    p = _clipped(x)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def log_probabilities(x: np.ndarray, from_logits: bool) -> np.ndarray:
    """log p over the last axis: p = softmax(x), or the shares of x in its sum."""
    return log_softmax(x) if from_logits else np.log(_clipped(x / x.sum(axis=-1, keepdims=True)))


def categorical_cross_entropy(y: np.ndarray, x: np.ndarray, from_logits: bool) -> np.ndarray:
    """-sum(y log p) over the last axis, without what has no share: 0 log 0 is 0."""
    log_p = log_probabilities(x, from_logits)
    return -np.multiply(y, log_p, out=np.zeros(log_p.shape), where=y != 0).sum(axis=-1)


class _CrossEntropy(Loss):
    operation = "cross_entropy"
    not_stored = ("axis",)  # always the last

    @checked
    def __init__(
        self, from_logits: bool, label_smoothing: float, axis: int, reduction: str | None, name: str
    ) -> None:
        super().__init__(name, reduction)
        check_axis(axis)
        self.from_logits = from_logits
        self.label_smoothing = float(finite_number("label_smoothing", label_smoothing, least=0, most=1))

    def own_attributes(self) -> dict[str, Any]:
        smoothing = {"label_smoothing": self.label_smoothing} if self.label_smoothing else {}
        return {"kind": self.kind, "from_logits": self.from_logits, **smoothing}

    def _predicted(self, y_pred: np.ndarray) -> np.ndarray:
        """Probabilities; of the categorical kinds they sum to 1."""
        if self.kind == "binary":
            return sigmoid(y_pred) if self.from_logits else y_pred
        return softmax(y_pred) if self.from_logits else y_pred / y_pred.sum(axis=-1, keepdims=True)

    def _probabilities(self, y_pred: np.ndarray) -> np.ndarray:
        return _clipped(self._predicted(y_pred))

    def _smoothed(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        if self.kind != "binary":
            check_rows(y_pred)
        to = 0.5 if self.kind == "binary" else 1 / y_pred.shape[-1]
        return like_predictions(y_true, y_pred) * (1 - self.label_smoothing) + to * self.label_smoothing


class BinaryCrossentropy(_CrossEntropy):
    """-mean(y log p + (1 - y) log(1 - p)) for y in [0, 1] of the output's shape. As
    keras.losses.BinaryCrossentropy.

    `label_smoothing` s turns y into y (1 - s) + s / 2. Raises ValueError for s outside [0, 1].

    >>> round(BinaryCrossentropy()([[1.0], [0.0]], [[0.9], [0.2]]), 4)
    0.1643
    """

    target = kind = "binary"

    @checked
    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name)

    def per_element(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return binary_cross_entropy(self._smoothed(y_true, y_pred), y_pred, self.from_logits)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return mean_over_last(self.per_element(y_true, y_pred))


class CategoricalCrossentropy(_CrossEntropy):
    """-sum(y log p) for one-hot y of the output's shape. As keras.losses.CategoricalCrossentropy.

    `label_smoothing` s turns y into y (1 - s) + s / C. Raises ValueError for s outside [0, 1].

    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]]), 4)
    0.2231
    """

    kind = "categorical"
    target = "one_hot"

    @checked
    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return categorical_cross_entropy(self._smoothed(y_true, y_pred), y_pred, self.from_logits)


class SparseCategoricalCrossentropy(_CrossEntropy):
    """-log p[y] for integer classes y in [0, C). As keras.losses.SparseCategoricalCrossentropy.

    Examples (or steps) of the class `ignore_class`, which may lie outside [0, C), do not count.
    `label_smoothing` (PyTorch's; Keras has none here) as in CategoricalCrossentropy. Raises ValueError unless
    `ignore_class` is None or an integer.

    >>> round(SparseCategoricalCrossentropy()([1], [[0.2, 0.8]]), 4)
    0.2231
    >>> round(SparseCategoricalCrossentropy(ignore_class=-1)([1, -1], [[0.2, 0.8], [0.5, 0.5]]), 4)
    0.2231
    """

    kind = "sparse_categorical"
    target = "classes"

    @checked
    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name)
        self.ignore_class = optional(integer, "ignore_class", ignore_class, -(2**20), 2**20)

    def own_attributes(self) -> dict[str, Any]:
        ignored = {} if self.ignore_class is None else {"ignores": 1, "ignore_class": self.ignore_class}
        return {**super().own_attributes(), **ignored}

    def counted(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray | None:
        return None if self.ignore_class is None else classes_of(y_true, y_pred) != self.ignore_class

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        classes, counted = classes_of(y_true, y_pred), self.counted(y_true, y_pred)
        if counted is not None:
            classes = np.where(counted, classes, 0)
        number = y_pred.shape[-1]
        if classes.size and not (classes.min() >= 0 and classes.max() < number):
            wrong = classes[(classes < 0) | (classes >= number)].flat[0]
            raise ValueError(f"y_true: class {wrong} is outside [0, {number})")
        log_p = log_probabilities(y_pred, self.from_logits)
        losses = -np.take_along_axis(log_p, classes[..., None], axis=-1)[..., 0]
        if self.label_smoothing:
            losses = losses * (1 - self.label_smoothing) - log_p.mean(axis=-1) * self.label_smoothing
        return losses if counted is None else np.where(counted, losses, 0.0)


class BinaryFocalCrossentropy(_CrossEntropy):
    """Binary cross entropy times (1 - p_t)^gamma, p_t the probability of the truth (Lin et al. 2017). As
    keras.losses.BinaryFocalCrossentropy.

    With `apply_class_balancing` also times alpha for ones and 1 - alpha for zeros. Raises ValueError unless
    alpha and gamma are finite numbers >= 0.

    >>> round(BinaryFocalCrossentropy(gamma=2)([[1.0], [0.0]], [[0.9], [0.2]]), 5)
    0.00499
    """

    operation = "focal_cross_entropy"
    target = kind = "binary"

    @checked
    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name)
        self.apply_class_balancing = apply_class_balancing
        self.alpha = float(finite_number("alpha", alpha, least=0))
        self.gamma = float(finite_number("gamma", gamma, least=0))

    def own_attributes(self) -> dict[str, Any]:
        own = {"balanced": int(self.apply_class_balancing), "alpha": self.alpha, "gamma": self.gamma}
        return {**super().own_attributes(), **own}

    def per_element(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        y, p, q = self._smoothed(y_true, y_pred), self._predicted(y_pred), self._probabilities(y_pred)
        losses = -(y * np.log(q) + (1 - y) * np.log(1 - q)) * (1 - (y * p + (1 - y) * (1 - p))) ** self.gamma
        if self.apply_class_balancing:
            losses = losses * (y * self.alpha + (1 - y) * (1 - self.alpha))
        return losses

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return mean_over_last(self.per_element(y_true, y_pred))


class CategoricalFocalCrossentropy(_CrossEntropy):
    """-alpha sum(y (1 - p)^gamma log p) for one-hot y (Lin et al. 2017). As
    keras.losses.CategoricalFocalCrossentropy, with a single alpha.

    Raises ValueError unless alpha and gamma are finite numbers >= 0.

    >>> round(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]]), 5)
    0.00223
    """

    operation = "focal_cross_entropy"
    kind = "categorical"
    target = "one_hot"

    @checked
    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name)
        self.alpha = float(finite_number("alpha", alpha, least=0))
        self.gamma = float(finite_number("gamma", gamma, least=0))

    def own_attributes(self) -> dict[str, Any]:
        return {**super().own_attributes(), "alpha": self.alpha, "gamma": self.gamma}

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        y, p = self._smoothed(y_true, y_pred), self._probabilities(y_pred)
        return -(self.alpha * y * (1 - p) ** self.gamma * np.log(p)).sum(axis=-1)
