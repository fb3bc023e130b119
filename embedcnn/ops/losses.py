"""Losses: the mean over a batch, a float."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from embedcnn.base.checked import checked
from embedcnn.base.named_objects import named_object
from embedcnn.ops.call import elementary, operation


@operation
@checked
def cross_entropy(
    y: ArrayLike,
    x: ArrayLike,
    kind: Literal["sparse_categorical", "categorical", "binary"] = "sparse_categorical",
    from_logits: bool = True,
    label_smoothing: float = 0.0,
    sample_weight: ArrayLike | None = None,
) -> Any:
    """The mean cross entropy of logits (or probabilities) x [B, C] against y, a float. As
    keras.losses.SparseCategoricalCrossentropy and its siblings.

    `y` holds labels [B] (sparse_categorical), probabilities [B, C] (categorical), or numbers from 0 to 1
    [B, C] (binary). Raises ValueError for a label outside [0, C).

    >>> from embedcnn import ops
    >>> f"{ops.cross_entropy([1], [[0.0, 0.0]]):.4f}"
    '0.6931'
    """
    call = elementary("cross_entropy", x)
    attributes = {"kind": kind, "from_logits": from_logits, "label_smoothing": float(label_smoothing)}
    call.operations = [("cross_entropy", (0,), (1,), (), attributes)]
    call.targets = np.asarray(y) if kind == "sparse_categorical" else np.ascontiguousarray(y, np.float32)
    call.sample_weight = None if sample_weight is None else np.ascontiguousarray(sample_weight, np.float32)
    return call


@operation
def dense_cross_entropy(
    y: ArrayLike,
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    sample_weight: ArrayLike | None = None,
    most_rows: int = 0,
) -> Any:
    """`cross_entropy(y, dense(x, kernel, bias))` without all logits in memory, a float. As
    torch.nn.functional.cross_entropy of linear. Source: Cut Your Losses (Wijmans and others 2025).

    `y` holds labels [B], or [B, T] for x [B, T, C]; `kernel` [C, classes]. The logits are made for at
    most `most_rows` rows at a time (0: about 64 MB). Raises ValueError for a label outside [0, classes).

    >>> from embedcnn import ops
    >>> f"{ops.dense_cross_entropy([1], [[2.0]], [[0.0, 0.0]]):.4f}"
    '0.6931'
    """
    call = elementary("dense_cross_entropy", x)
    numbers = call.add_weights(bias, kernel=(kernel, 2))
    attributes = {"label_smoothing": float(label_smoothing), "most_rows": int(most_rows)}
    call.operations = [("dense_cross_entropy", (0,), (1,), numbers, attributes)]
    call.targets = np.asarray(y)
    call.sample_weight = None if sample_weight is None else np.ascontiguousarray(sample_weight, np.float32)
    return call


@operation
def loss(y: ArrayLike, x: ArrayLike, loss: Any = "mse", sample_weight: ArrayLike | None = None) -> Any:
    """Any loss of `embedcnn.losses` (name, class or instance), reduced over predictions x [B, C], a float.

    Raises ValueError for unknown names, TypeError for losses that are Python functions.

    >>> from embedcnn import ops
    >>> ops.loss([[0.0, 0.0]], [[0.5, 3.0]], "huber")
    1.3125
    """
    chosen = named_object("embedcnn.losses:get")(loss)
    if chosen.operation == "given_loss":
        raise TypeError(f"loss={loss!r} is a Python function, which the core cannot run alone")
    call = elementary(chosen.operation, x)
    call.operations = [(chosen.operation, (0,), (1,), (), chosen.attributes())]
    call.targets = np.asarray(y) if chosen.target == "classes" else np.ascontiguousarray(y, np.float32)
    call.sample_weight = None if sample_weight is None else np.ascontiguousarray(sample_weight, np.float32)
    return call


@operation
def squared_error(y: ArrayLike, x: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
    """The mean of (x - y)^2 over examples and channels, a float, for x and y [B, C]. As
    keras.losses.MeanSquaredError.

    >>> from embedcnn import ops
    >>> ops.squared_error([[1.0, 2.0]], [[1.0, 4.0]])
    2.0
    """
    call = elementary("squared_error", x)
    call.targets = np.ascontiguousarray(y, np.float32)
    call.sample_weight = None if sample_weight is None else np.ascontiguousarray(sample_weight, np.float32)
    return call
