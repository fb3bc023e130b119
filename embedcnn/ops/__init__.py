"""The operations of the core alone, as functions of NumPy arrays, and their gradients by :func:`vjp`.

For tests, for a training loop of one's own and for joining other frameworks. A model does not come through
here: it runs all its operations in one call. Arrays are float32 (others are converted), ids any integers; a
ragged batch of ids is a tuple `(ids [n], offsets [B + 1])`. A `mask` [B, T] of bool is True where a token
counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from embedcnn.ops.attention import attention_pool
from embedcnn.ops.losses import cross_entropy, dense_cross_entropy, loss, squared_error
from embedcnn.ops.normalization import (
    batch_normalization,
    layer_normalization,
    unit_normalization,
    weight_normalization,
)
from embedcnn.ops.recurrent import gru, lstm, simple_rnn
from embedcnn.ops.shapes import dot, flatten, masking, permute, repeat, unflatten
from embedcnn.ops.steps import (
    average_pool,
    conv1d,
    conv1d_mask,
    conv_pool,
    depthwise_conv1d,
    global_average_pool,
    global_max_pool,
    global_sum_pool,
    max_pool,
)
from embedcnn.ops.tokens import embedding_bag, embedding_lookup, token_conv, token_conv_pool, token_mean
from embedcnn.ops.values import (
    activation,
    concatenate,
    dense,
    dropout,
    log_softmax,
    merge,
    noise,
    rectifier,
    softmax,
)

__all__ = [
    "activation",
    "attention_pool",
    "average_pool",
    "batch_normalization",
    "concatenate",
    "conv1d",
    "conv1d_mask",
    "conv_pool",
    "cross_entropy",
    "dense",
    "dense_cross_entropy",
    "depthwise_conv1d",
    "dot",
    "dropout",
    "embedding_bag",
    "embedding_lookup",
    "flatten",
    "global_average_pool",
    "global_max_pool",
    "global_sum_pool",
    "gru",
    "layer_normalization",
    "log_softmax",
    "loss",
    "lstm",
    "masking",
    "max_pool",
    "merge",
    "noise",
    "permute",
    "rectifier",
    "repeat",
    "simple_rnn",
    "softmax",
    "squared_error",
    "token_conv",
    "token_conv_pool",
    "token_mean",
    "unflatten",
    "unit_normalization",
    "vjp",
    "weight_normalization",
]


def vjp(
    op: Callable[..., Any], *args: Any, d_out: ArrayLike | None = None, **kwargs: Any
) -> tuple[Any, dict[str, Any]]:
    """The result of `op(*args, **kwargs)` and the gradients of `sum(result * d_out)`. As jax.vjp,
    torch.func.vjp.

    `d_out` has the shape of the result (all ones where it is None); of several results it is a list. The
    gradients come as a dict from argument name to float32 array of the argument's shape (a list of them for
    a list of arrays); that of a table of embeddings as `(rows int32 [U], values float32 [U, D])`. Ids,
    targets and masks have none. Raises ValueError for shapes that do not fit and TypeError for a function
    that is no operation of this module.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x, kernel = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)
    >>> out, gradients = ops.vjp(ops.dense, x, kernel)
    >>> out.shape, gradients["kernel"].shape, gradients["x"].tolist()
    ((2, 4), (3, 4), [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]])
    """
    call = getattr(op, "call", None)
    if call is None:
        raise TypeError(f"`op` must be an operation of embedcnn.ops. Received: op={op!r}")
    return call(*args, **kwargs).run_with_gradients(d_out)
