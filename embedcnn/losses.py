"""Losses by Keras's names. In models they run in the core; called on arrays they do the same in NumPy
(float64).
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from .activations import sigmoid, softmax
from .choices import one_of, unknown_name

_EPSILON = 1e-7


class Loss:
    """A loss: `loss(y_true, y_pred)` gives the mean over examples; a model runs it in the core.

    `target` says what y must be: "classes" (integers), "one_hot", "binary" or "values".
    """

    operation = ""
    target = ""

    def __init__(self, name: str, reduction: str = "sum_over_batch_size") -> None:
        self.name = name
        self.reduction = one_of("reduction", reduction, ("sum_over_batch_size",))

    def attributes(self) -> dict[str, Any]:
        """The attributes of the operation of the core."""
        return {}

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """The loss of each example (and step)."""
        raise NotImplementedError

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        losses = self.per_example(np.asarray(y_true), np.asarray(y_pred, dtype=np.float64))
        if sample_weight is not None:
            losses = losses * np.asarray(sample_weight, dtype=np.float64).reshape(
                -1, *[1] * (losses.ndim - 1)
            )
        return float(losses.mean())

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"name": self.name}

    def __repr__(self) -> str:
        arguments = ", ".join(
            f"{name}={value!r}" for name, value in self.get_config().items() if name != "name"
        )
        return f"{type(self).__name__}({arguments})"


class _CrossEntropy(Loss):
    operation = "cross_entropy"
    kind = ""

    def __init__(
        self, from_logits: bool, label_smoothing: float, axis: int, reduction: str, name: str
    ) -> None:
        super().__init__(name, reduction)
        if not isinstance(from_logits, (bool, np.bool_)):
            raise TypeError(f"`from_logits` must be True or False. Received: from_logits={from_logits!r}")
        if not isinstance(label_smoothing, (int, float)) or not 0 <= label_smoothing <= 1:
            raise ValueError(
                f"`label_smoothing` must be in [0, 1]. Received: label_smoothing={label_smoothing!r}"
            )
        if axis != -1:
            raise ValueError(f"`axis` must be -1 (the last axis). Received: axis={axis!r}")
        self.from_logits, self.label_smoothing = bool(from_logits), float(label_smoothing)

    def attributes(self) -> dict[str, Any]:
        smoothing = {"label_smoothing": self.label_smoothing} if self.label_smoothing else {}
        return {"kind": self.kind, "from_logits": self.from_logits, **smoothing}

    def get_config(self) -> dict[str, Any]:
        return {
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            **super().get_config(),
        }

    def _probabilities(self, y_pred: np.ndarray) -> np.ndarray:
        if self.kind == "binary":
            p = sigmoid(y_pred) if self.from_logits else y_pred
        else:
            p = softmax(y_pred) if self.from_logits else y_pred / y_pred.sum(axis=-1, keepdims=True)
        return np.clip(p, _EPSILON, 1 - _EPSILON)


class BinaryCrossentropy(_CrossEntropy):
    """-mean(y log p + (1 - y) log(1 - p)) for y in [0, 1] of the output's shape. As
    keras.losses.BinaryCrossentropy.

    `label_smoothing` s turns y into y (1 - s) + s / 2. Raises ValueError for s outside [0, 1].

    >>> round(BinaryCrossentropy()([[1.0], [0.0]], [[0.9], [0.2]]), 4)
    0.1643
    """

    target = kind = "binary"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str = "sum_over_batch_size",
        name: str = "binary_crossentropy",
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        y = y_true.reshape(y_pred.shape) * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        p = self._probabilities(y_pred)
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(axis=-1)


class CategoricalCrossentropy(_CrossEntropy):
    """-sum(y log p) for one-hot y of the output's shape. As keras.losses.CategoricalCrossentropy.

    `label_smoothing` s turns y into y (1 - s) + s / C. Raises ValueError for s outside [0, 1].

    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]]), 4)
    0.2231
    """

    kind = "categorical"
    target = "one_hot"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        y = y_true * (1 - self.label_smoothing) + self.label_smoothing / y_pred.shape[-1]
        return -(y * np.log(self._probabilities(y_pred))).sum(axis=-1)


class SparseCategoricalCrossentropy(_CrossEntropy):
    """-log p[y] for integer classes y in [0, C). As keras.losses.SparseCategoricalCrossentropy.

    >>> round(SparseCategoricalCrossentropy()([1], [[0.2, 0.8]]), 4)
    0.2231
    """

    kind = "sparse_categorical"
    target = "classes"

    def __init__(
        self,
        from_logits: bool = False,
        axis: int = -1,
        reduction: str = "sum_over_batch_size",
        name: str = "sparse_categorical_crossentropy",
    ) -> None:
        super().__init__(from_logits, 0.0, axis, reduction, name)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        classes = y_true.reshape(y_pred.shape[:-1]).astype(np.int64)
        return -np.log(np.take_along_axis(self._probabilities(y_pred), classes[..., None], axis=-1)[..., 0])

    def get_config(self) -> dict[str, Any]:
        return {"from_logits": self.from_logits, "name": self.name}


class MeanSquaredError(Loss):
    """mean((y - p)^2) over the last axis, for y of the output's shape. As keras.losses.MeanSquaredError.

    >>> MeanSquaredError()([[1.0, 0.0]], [[0.0, 0.0]])
    0.5
    """

    operation = "squared_error"
    target = "values"

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "mean_squared_error") -> None:
        super().__init__(name, reduction)

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return ((y_true.reshape(y_pred.shape) - y_pred) ** 2).mean(axis=-1)


CLASSES: dict[str, type[Loss]] = {
    cls.__name__: cls
    for cls in (BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy, MeanSquaredError)
}
NAMES: dict[str, type[Loss]] = {
    "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
}


def get(identifier: Any) -> Loss:
    """The loss of a name, class, configuration or instance; ValueError with a suggestion for unknown names.

    >>> get("mse")
    MeanSquaredError()
    """
    if isinstance(identifier, Loss):
        return identifier
    if inspect.isclass(identifier) and issubclass(identifier, Loss):
        return identifier()  # type: ignore[call-arg]
    if isinstance(identifier, dict) and identifier.get("class_name") in CLASSES:
        return CLASSES[identifier["class_name"]](**identifier.get("config", {}))
    if isinstance(identifier, str) and identifier in (NAMES | CLASSES):
        return (NAMES | CLASSES)[identifier]()  # type: ignore[call-arg]
    if callable(identifier):
        raise TypeError(
            f"loss={identifier!r}: the core has no gradient of a Python function. Allowed: "
            f"{', '.join(sorted(NAMES))}, or a "
            "loss of embedcnn.losses"
        )
    raise unknown_name("loss", identifier, NAMES)


def serialize(loss: Loss) -> dict[str, Any]:
    """The configuration of a loss, for `get`."""
    return {"class_name": type(loss).__name__, "config": loss.get_config()}
