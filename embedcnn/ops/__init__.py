"""Operations as functions: of arrays, and those with the names of keras.ops of symbolic tensors too.

On arrays they are for tests, for a training loop of one's own and for joining other frameworks; gradients by
:func:`vjp`. On symbolic tensors they add to the graph of a model, which runs all its operations in one call:
so layers, losses and metrics of one's own are written. Arrays are float32 (others are converted), ids any
integers; a ragged batch of ids is a tuple `(ids [n], offsets [B + 1])`. A `mask` [B, T] of bool is True where
a token counts.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np  # noqa: F401  # in examples, which are run with the names of this module
from numpy.typing import ArrayLike

from embedcnn.base.keras_names import no_such_name
from embedcnn.base.named_objects import named_object
from embedcnn.graph.operators import OPERATIONS
from embedcnn.ops import image as image
from embedcnn.ops.activations import (
    celu,
    elu,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    logaddexp,
    mish,
    relu6,
    selu,
    silu,
    soft_shrink,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    swish,
    tanh_shrink,
    threshold,
)
from embedcnn.ops.arrays import (
    array,
    diag,
    diagonal,
    dtype,
    empty,
    eye,
    full_like,
    identity,
    is_tensor,
    linspace,
    meshgrid,
    ndim,
    size,
    trace,
    tri,
    tril,
    triu,
)
from embedcnn.ops.attention import attention_pool
from embedcnn.ops.choices import (
    append,
    cbrt,
    cond,
    cumprod,
    dot_product_attention,
    fori_loop,
    hypot,
    isclose,
    median,
    select,
    while_loop,
)
from embedcnn.ops.depthwise import depthwise_conv, depthwise_conv2d, separable_conv, separable_conv2d
from embedcnn.ops.elementwise import (
    add,
    arctan2,
    cast,
    clip,
    divide,
    divide_no_nan,
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
    true_divide,
    where,
)
from embedcnn.ops.functions import (
    abs,
    absolute,
    arccos,
    arcsin,
    arctan,
    ceil,
    cos,
    cosh,
    erf,
    exp,
    exp2,
    expm1,
    floor,
    isfinite,
    isinf,
    isnan,
    log,
    log1p,
    log2,
    log10,
    logical_not,
    nan_to_num,
    negative,
    ones_like,
    reciprocal,
    relu,
    round,
    rsqrt,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    stop_gradient,
    tan,
    tanh,
    trunc,
    zeros_like,
)
from embedcnn.ops.images import conv, conv2d, conv2d_pool, conv2d_transpose, conv_transpose
from embedcnn.ops.indexing import (
    arange,
    convert_to_numpy,
    convert_to_tensor,
    full,
    one_hot,
    ones,
    shape,
    slice,
    take,
    take_along_axis,
    zeros,
)
from embedcnn.ops.loops import (
    map,
    scan,
    switch,
    vectorized_map,
)
from embedcnn.ops.losses import cross_entropy, dense_cross_entropy, loss, squared_error
from embedcnn.ops.named import named
from embedcnn.ops.normalization import (
    batch_normalization,
    layer_normalization,
    unit_normalization,
    weight_normalization,
)
from embedcnn.ops.of_arrays import (
    argpartition,
    array_split,
    bartlett,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    blackman,
    cdist,
    cholesky,
    corrcoef,
    correlate,
    det,
    diagflat,
    digitize,
    eigh,
    erfinv,
    gcd,
    geomspace,
    hamming,
    hanning,
    histogram,
    i0,
    inv,
    kaiser,
    kron,
    lcm,
    left_shift,
    logdet,
    logspace,
    lstsq,
    matrix_rank,
    nanargmax,
    nanargmin,
    nancumprod,
    nancumsum,
    nanmedian,
    nanpercentile,
    nanquantile,
    nextafter,
    nonzero,
    percentile,
    pinv,
    qr,
    quantile,
    right_shift,
    rot90,
    searchsorted,
    signbit,
    slogdet,
    solve,
    svd,
    unique,
    unravel_index,
    vander,
)
from embedcnn.ops.padding import (
    diff,
    hstack,
    moveaxis,
    pad,
    ravel,
    roll,
    vstack,
)
from embedcnn.ops.products import (
    dot,
    einsum,
    inner,
    matmul,
    outer,
    tensordot,
    vdot,
)
from embedcnn.ops.rarer import (
    allclose,
    arccosh,
    arcsinh,
    arctanh,
    copy,
    cross,
    deg2rad,
    dsplit,
    dstack,
    empty_like,
    erfc,
    fliplr,
    flipud,
    fmax,
    fmin,
    fmod,
    heaviside,
    hsplit,
    isneginf,
    isposinf,
    isreal,
    ldexp,
    logaddexp2,
    nanmax,
    nanmean,
    nanmin,
    nanprod,
    nanstd,
    nansum,
    nanvar,
    rad2deg,
    sinc,
    sparsemax,
    trapezoid,
    vsplit,
)
from embedcnn.ops.rearranging import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    get_item,
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
    amax,
    amin,
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
from embedcnn.ops.shapes import batch_dot, flatten, masking, permute, repeat_vector, unflatten
from embedcnn.ops.sorting import (
    argsort,
    in_top_k,
    isin,
    multi_hot,
    sort,
    top_k,
)
from embedcnn.ops.statistics import (
    average,
    binary_crossentropy,
    categorical_crossentropy,
    count_nonzero,
    moments,
    norm,
    prod,
    ptp,
    rms_normalization,
    sparse_categorical_crossentropy,
)
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
from embedcnn.ops.updates import (
    bincount,
    scatter,
    scatter_update,
    segment_max,
    segment_min,
    segment_prod,
    segment_sum,
    slice_update,
)
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

fabs = abs
FUNCTIONS = "embedcnn.lowering.functions:vjp"
"""What runs a function that is made of operations: it stands above, with the lowering of models."""

__all__ = [
    "abs", "absolute", "activation", "add", "all", "allclose", "amax", "amin", "any", "append", "arange",
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin",
    "argpartition", "argsort", "array", "array_split", "attention_pool", "average", "average_pool",
    "bartlett", "batch_dot", "batch_normalization", "binary_crossentropy", "bincount", "bitwise_and",
    "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "blackman", "broadcast_to", "cast", "categorical_crossentropy", "cbrt", "cdist", "ceil",
    "celu", "cholesky", "clip", "concatenate", "cond", "conv", "conv1d", "conv1d_mask", "conv2d",
    "conv2d_pool", "conv2d_transpose", "conv_pool", "conv_transpose", "convert_to_numpy",
    "convert_to_tensor", "copy", "corrcoef", "correlate", "cos", "cosh", "count_nonzero", "cross",
    "cross_entropy", "cumprod", "cumsum", "deg2rad", "dense", "dense_cross_entropy", "depthwise_conv",
    "depthwise_conv1d", "depthwise_conv2d", "det", "diag", "diagflat", "diagonal", "diff", "digitize",
    "divide", "divide_no_nan", "dot", "dot_product_attention", "dropout", "dsplit", "dstack", "dtype",
    "eigh", "einsum", "elu", "embedding_bag", "embedding_lookup", "empty", "empty_like", "equal", "erf",
    "erfc", "erfinv", "exp", "exp2", "expand_dims", "expm1", "eye", "fabs", "flatten", "flip", "fliplr",
    "flipud", "floor", "floor_divide", "fmax", "fmin", "fmod", "fori_loop", "full", "full_like", "gcd",
    "gelu", "geomspace", "get_item", "global_average_pool", "global_max_pool", "global_sum_pool", "glu",
    "greater", "greater_equal", "gru", "hamming", "hanning", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "heaviside", "histogram", "hsplit", "hstack", "hypot", "i0", "identity",
    "in_top_k", "inner", "inv", "is_tensor", "isclose", "isfinite", "isin", "isinf", "isnan", "isneginf",
    "isposinf", "isreal", "kaiser", "kron", "layer_normalization", "lcm", "ldexp", "leaky_relu",
    "left_shift", "less", "less_equal", "linspace", "log", "log10", "log1p", "log2", "log_sigmoid",
    "log_softmax", "logaddexp", "logaddexp2", "logdet", "logical_and", "logical_not", "logical_or",
    "logical_xor", "logspace", "logsumexp", "loss", "lstm", "lstsq", "map", "masking", "matmul",
    "matrix_rank", "max", "max_pool", "maximum", "mean", "median", "merge", "meshgrid", "min", "minimum",
    "mish", "mod", "moments", "moveaxis", "multi_hot", "multiply", "nan_to_num", "nanargmax", "nanargmin",
    "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile", "nanprod",
    "nanquantile", "nanstd", "nansum", "nanvar", "ndim", "negative", "nextafter", "noise", "nonzero",
    "norm", "normalize", "not_equal", "one_hot", "ones", "ones_like", "outer", "pad", "percentile",
    "permute", "pinv", "power", "prod", "ptp", "qr", "quantile", "rad2deg", "ravel", "reciprocal",
    "rectifier", "relu", "relu6", "repeat", "repeat_vector", "reshape", "right_shift", "rms_normalization",
    "roll", "rot90", "round", "rsqrt", "scan", "scatter", "scatter_update", "searchsorted", "segment_max",
    "segment_min", "segment_prod", "segment_sum", "select", "selu", "separable_conv", "separable_conv2d",
    "shape", "sigmoid", "sign", "signbit", "silu", "simple_rnn", "sin", "sinc", "sinh", "size", "slice",
    "slice_update", "slogdet", "soft_shrink", "softmax", "softplus", "softsign", "solve", "sort",
    "sparse_categorical_crossentropy", "sparse_plus", "sparse_sigmoid", "sparsemax", "split", "sqrt",
    "square", "squared_error", "squareplus", "squeeze", "stack", "std", "stop_gradient", "subtract", "sum",
    "svd", "swapaxes", "swish", "switch", "take", "take_along_axis", "tan", "tanh", "tanh_shrink",
    "tensordot", "threshold", "tile", "token_conv", "token_conv_pool", "token_mean", "top_k", "trace",
    "transpose", "trapezoid", "tri", "tril", "triu", "true_divide", "trunc", "unflatten", "unique",
    "unit_normalization", "unravel_index", "unstack", "vander", "var", "vdot", "vectorized_map", "vjp",
    "vsplit", "vstack", "weight_normalization", "where", "while_loop", "zeros", "zeros_like",
]  # fmt: skip

OPERATIONS.update({name: globals()[name] for name in __all__ if name in globals()})


def __getattr__(name: str) -> Any:
    """What to use in the place of an operation that is not here."""
    raise no_such_name("ops", name, __all__)


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


for _name in __all__:  # pickled, and shown, as what stands here
    _function = globals().get(_name)
    if inspect.isfunction(_function) and _name not in ("vjp",):
        globals()[_name] = named(_function)
