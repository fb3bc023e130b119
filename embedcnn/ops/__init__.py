"""Operations as functions: of arrays, and those with the names of keras.ops of symbolic tensors too.

On arrays they are for tests, for a training loop of one's own and for joining other frameworks; gradients by
:func:`vjp`. On symbolic tensors they add to the graph of a model, which runs all its operations in one call:
so layers, losses and metrics of one's own are written. Arrays are float32 (others are converted), ids any
integers; a ragged batch of ids is a tuple `(ids [n], offsets [B + 1])`. A `mask` [B, T] of bool is True where
a token counts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from embedcnn.base.named_objects import named_object
from embedcnn.graph.operators import OPERATIONS
from embedcnn.ops.attention import attention_pool
from embedcnn.ops.elementwise import (
    add,
    cast,
    clip,
    divide,
    equal,
    floor_divide,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    mod,
    multiply,
    not_equal,
    power,
    subtract,
    where,
)
from embedcnn.ops.functions import (
    abs,
    ceil,
    cos,
    erf,
    exp,
    expm1,
    floor,
    isnan,
    log,
    log1p,
    logical_not,
    negative,
    ones_like,
    reciprocal,
    relu,
    round,
    rsqrt,
    sigmoid,
    sign,
    sin,
    sqrt,
    square,
    stop_gradient,
    tanh,
    trunc,
    zeros_like,
)
from embedcnn.ops.indexing import (
    arange,
    convert_to_numpy,
    convert_to_tensor,
    full,
    one_hot,
    ones,
    shape,
    take,
    take_along_axis,
    zeros,
)
from embedcnn.ops.losses import cross_entropy, dense_cross_entropy, loss, squared_error
from embedcnn.ops.normalization import (
    batch_normalization,
    layer_normalization,
    unit_normalization,
    weight_normalization,
)
from embedcnn.ops.products import einsum, matmul
from embedcnn.ops.rearranging import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    get_item,
    pad,
    repeat,
    reshape,
    split,
    squeeze,
    stack,
    swapaxes,
    tile,
    transpose,
    unstack,
)
from embedcnn.ops.recurrent import gru, lstm, simple_rnn
from embedcnn.ops.reductions import (
    all,
    any,
    argmax,
    argmin,
    cumsum,
    logsumexp,
    max,
    mean,
    min,
    normalize,
    std,
    sum,
    var,
)
from embedcnn.ops.shapes import dot, flatten, masking, permute, repeat_vector, unflatten
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
    dense,
    dropout,
    log_softmax,
    merge,
    noise,
    rectifier,
    softmax,
)

FUNCTIONS = "embedcnn.lowering.functions:vjp"
"""What runs a function that is made of operations: it stands above, with the lowering of models."""

__all__ = [
    "abs",
    "activation",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "attention_pool",
    "average_pool",
    "batch_normalization",
    "broadcast_to",
    "cast",
    "ceil",
    "clip",
    "concatenate",
    "conv1d",
    "conv1d_mask",
    "conv_pool",
    "convert_to_numpy",
    "convert_to_tensor",
    "cos",
    "cross_entropy",
    "cumsum",
    "dense",
    "dense_cross_entropy",
    "depthwise_conv1d",
    "divide",
    "dot",
    "dropout",
    "einsum",
    "embedding_bag",
    "embedding_lookup",
    "equal",
    "erf",
    "exp",
    "expand_dims",
    "expm1",
    "flatten",
    "flip",
    "floor",
    "floor_divide",
    "full",
    "get_item",
    "global_average_pool",
    "global_max_pool",
    "global_sum_pool",
    "greater",
    "greater_equal",
    "gru",
    "isnan",
    "layer_normalization",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "loss",
    "lstm",
    "masking",
    "matmul",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "merge",
    "min",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "noise",
    "normalize",
    "not_equal",
    "one_hot",
    "ones",
    "ones_like",
    "pad",
    "permute",
    "power",
    "reciprocal",
    "rectifier",
    "relu",
    "repeat",
    "repeat_vector",
    "reshape",
    "round",
    "rsqrt",
    "shape",
    "sigmoid",
    "sign",
    "simple_rnn",
    "sin",
    "softmax",
    "split",
    "sqrt",
    "square",
    "squared_error",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tanh",
    "tile",
    "token_conv",
    "token_conv_pool",
    "token_mean",
    "transpose",
    "trunc",
    "unflatten",
    "unit_normalization",
    "unstack",
    "var",
    "vjp",
    "weight_normalization",
    "where",
    "zeros",
    "zeros_like",
]

OPERATIONS.update({name: globals()[name] for name in __all__ if name in globals()})


def vjp(op: Callable[..., Any], *args: Any, d_out: ArrayLike | None = None, **kwargs: Any) -> tuple[Any, Any]:
    """The result of `op(*args, **kwargs)` and the gradients of `sum(result * d_out)`. As jax.vjp,
    torch.func.vjp.

    `op` is an operation of this module or a function made of them, whose first axis of arrays and results is
    that of the examples. `d_out` has the shape of the result (all ones where it is None); of several results
    it is a list. The gradients come as a dict from argument name to float32 array of the argument's shape (a
    list of them for a list of arrays); that of a table of embeddings as `(rows int32 [U], values float32
    [U, D])`; ids, targets and masks have none. Of a function they come as a tuple, one for each argument.
    Raises ValueError for shapes that do not fit, TypeError for a function that is not made of operations.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x, kernel = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)
    >>> out, gradients = ops.vjp(ops.dense, x, kernel)
    >>> out.shape, gradients["kernel"].shape, gradients["x"].tolist()
    ((2, 4), (3, 4), [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]])
    >>> out, (d_x,) = ops.vjp(lambda x: ops.mean(ops.square(x), axis=-1), x)
    >>> out.tolist(), d_x.round(3).tolist()[0]
    ([1.0, 1.0], [0.6669999957084656, 0.6669999957084656, 0.6669999957084656])
    """
    call = getattr(op, "call", None)
    if call is not None:
        return call(*args, **kwargs).run_with_gradients(d_out)
    if not callable(op):
        raise TypeError(f"`op` must be an operation of embedcnn.ops, or a function. Received: op={op!r}")
    return named_object(FUNCTIONS)(functools.partial(op, **kwargs) if kwargs else op, args, d_out)
