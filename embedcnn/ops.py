"""Every operation of the core alone, as a function of NumPy arrays, and its gradient by :func:`vjp`.

For tests, for a training loop of one's own and for joining other frameworks. A model does not come through
here: it runs all its operations in one call. Arrays are float32 (others are converted), ids any integers; a
ragged batch of ids is a tuple ``(ids [n], offsets [B + 1])``. A ``mask`` [B, T] of bool is True where a token
counts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedcnn.calls import Call

__all__ = [
    "activation",
    "average_pool",
    "concatenate",
    "conv1d",
    "conv1d_mask",
    "cross_entropy",
    "dense",
    "dropout",
    "embedding_lookup",
    "global_average_pool",
    "global_max_pool",
    "layer_normalization",
    "max_pool",
    "merge",
    "softmax",
    "squared_error",
    "token_conv_pool",
    "token_mean",
    "vjp",
]

Padding = Literal["valid", "same", "causal"]


def _operation(make: Callable[..., Call]) -> Callable[..., Any]:
    """Turns a function that describes its call into one that runs it; vjp uses the description too."""

    @functools.wraps(make)
    def run(*args: Any, **kwargs: Any) -> Any:
        return make(*args, **kwargs).run()

    run.call = make  # type: ignore[attr-defined]
    return run


def vjp(
    op: Callable[..., Any], *args: Any, d_out: ArrayLike | None = None, **kwargs: Any
) -> tuple[Any, dict[str, Any]]:
    """The result of ``op(*args, **kwargs)`` and the gradients of ``sum(result * d_out)``.

    ``d_out`` has the shape of the result (all ones where it is None). The gradients come as a dict from
    argument name to float32 array of the argument's shape (a list of them for a list of arrays); that of a
    table of embeddings as ``(rows int32 [U], values float32 [U, D])``. Ids, targets and masks have none.
    Raises ValueError for shapes that do not fit and TypeError for a function that is no operation of this
    module.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x, kernel = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)
    >>> out, gradients = ops.vjp(ops.dense, x, kernel)
    >>> out.shape, gradients["kernel"].shape, gradients["x"].tolist()
    ((2, 4), (3, 4), [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]])

    Source: ``jax.vjp``, ``torch.func.vjp``.
    """
    call = getattr(op, "call", None)
    if call is None:
        raise TypeError(f"op = {op!r} is not an operation of embedcnn.ops")
    return call(*args, **kwargs).run_with_gradients(d_out)


@_operation
def embedding_lookup(ids: Any, embeddings: ArrayLike, mask_zero: bool = False) -> Any:
    """The rows of a table for ids [B, T] or ragged: float32 [B, T, D], zeros where a token is masked.

    With ``mask_zero`` the id 0 is padding. Raises ValueError for an id outside the table.

    >>> from embedcnn import ops
    >>> ops.embedding_lookup([[2, 0]], [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], mask_zero=True).tolist()
    [[[3.0, 3.0], [0.0, 0.0]]]

    Source: Keras ``Embedding``, ``torch.nn.functional.embedding``.
    """
    call = Call(outputs=(2,))
    call.add_ids("ids", ids)
    table = call.add_parameter("embeddings", embeddings, 2)
    call.operations = [
        ("lookup", (0,), (1,), (table,), {"mask_zero": mask_zero}),
        ("embed", (1,), (2,), (), {}),
    ]
    return call


@_operation
def token_conv_pool(
    ids: Any,
    embeddings: ArrayLike,
    kernels: Sequence[ArrayLike],
    biases: Sequence[ArrayLike] | None = None,
    padding: Padding = "valid",
    activation: str = "linear",
    mask_zero: bool = False,
) -> Any:
    """Embedding, convolutions of several widths, activation, max over time, concatenated: float32 [B, sum F].

    ``ids`` [B, T] or ragged; ``embeddings`` [V, D]; each of ``kernels`` [K, D, F] and of ``biases`` [F].
    Computes ``embeddings[distinct ids] @ kernel`` once for each distinct id of the batch. The activation must
    be one that never falls. Raises ValueError for any other, and for texts shorter than a kernel where
    nothing is masked.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> table = np.eye(3, dtype=np.float32)
    >>> kernel = np.array([[[1.0], [2.0], [3.0]], [[10.0], [20.0], [30.0]]])  # K 2, D 3, F 1
    >>> ops.token_conv_pool([[0, 1, 2], [2, 2, 0]], table, [kernel]).tolist()
    [[32.0], [33.0]]

    Source: Y. Kim (2014), "Convolutional neural networks for sentence classification".
    """
    if biases is not None and len(biases) != len(kernels):
        raise ValueError(
            f"biases has {len(biases)} arrays; allowed is one for each of the {len(kernels)} kernels"
        )
    call = Call(outputs=(2,))
    call.add_ids("ids", ids)
    table = call.add_parameter("embeddings", embeddings, 2)
    numbers = []
    for number, kernel in enumerate(kernels):
        numbers.append(call.add_parameter(f"kernels[{number}]", kernel, 3))
        if biases is not None:
            numbers.append(call.add_parameter(f"biases[{number}]", biases[number], 1))
    attributes = {"use_bias": biases is not None, "padding": padding, "activation": activation}
    call.operations = [
        ("lookup", (0,), (1,), (table,), {"mask_zero": mask_zero}),
        ("token_conv_pool", (1,), (2,), tuple(numbers), attributes),
    ]
    return call


@_operation
def token_mean(ids: Any, embeddings: ArrayLike, mask_zero: bool = False) -> Any:
    """The mean of a text's embeddings: float32 [B, D] for ids [B, T] or ragged; a text without tokens: zeros.

    >>> from embedcnn import ops
    >>> ops.token_mean([[1, 2, 0]], [[9.0], [1.0], [2.0]], mask_zero=True).tolist()
    [[1.5]]

    Source: ``torch.nn.EmbeddingBag``; Keras ``Embedding`` and ``GlobalAveragePooling1D``.
    """
    call = Call(outputs=(2,))
    call.add_ids("ids", ids)
    table = call.add_parameter("embeddings", embeddings, 2)
    call.operations = [
        ("lookup", (0,), (1,), (table,), {"mask_zero": mask_zero}),
        ("token_mean", (1,), (2,), (), {}),
    ]
    return call


@_operation
def conv1d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: int = 1,
    padding: Padding = "valid",
    dilation_rate: int = 1,
    mask: ArrayLike | None = None,
) -> Any:
    """Convolution over time of x [B, T, C] with kernel [K, C, F]: float32 [B, T_out, F].

    With a ``mask`` each text is convolved as though it stood alone, from its first to its last unmasked
    token; where it has no window the result is zero. Raises ValueError for T shorter than the kernel without
    a mask, and for strides and dilation both above 1.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> x = np.arange(4.0).reshape(1, 4, 1)
    >>> ops.conv1d(x, np.ones((2, 1, 1)), bias=[0.5]).ravel().tolist()
    [1.5, 3.5, 5.5]
    >>> ops.conv1d(x, np.ones((2, 1, 1)), padding="causal").ravel().tolist()
    [0.0, 1.0, 3.0, 5.0]

    Source: Keras ``keras.ops.conv`` and ``Conv1D``.
    """
    call = Call(outputs=(1,))
    call.add_floats("x", np.asarray(x), mask)
    numbers = [call.add_parameter("kernel", kernel, 3)]
    if bias is not None:
        numbers.append(call.add_parameter("bias", bias, 1))
    attributes = {"strides": strides, "dilation_rate": dilation_rate, "padding": padding}
    call.operations = [("conv1d", (0,), (1,), tuple(numbers), attributes)]
    return call


def conv1d_mask(
    mask: ArrayLike, kernel_size: int, strides: int = 1, padding: Padding = "valid", dilation_rate: int = 1
) -> NDArray[np.bool_]:
    """Which steps of a masked convolution's output hold a window: bool [B, T_out] for a mask [B, T].

    >>> from embedcnn import ops
    >>> ops.conv1d_mask([[False, True, True, True, False]], kernel_size=2).tolist()
    [[False, True, True, False]]

    A text shorter than the kernel has one window, a text without any token none.
    """
    given = np.asarray(mask, np.bool_)
    if given.ndim != 2 or given.shape[1] == 0:
        raise ValueError(f"mask has shape {given.shape}; allowed is [B, T] with T >= 1")
    width, wide = given.shape[1], (kernel_size - 1) * dilation_rate + 1
    begin = given.argmax(1)
    length = np.where(given.any(1), width - given[:, ::-1].argmax(1) - begin, 0)
    if padding == "valid":
        width_out = max((width - wide) // strides + 1, 1)
        windows = np.where(length > 0, np.maximum((length - wide) // strides + 1, 1), 0)
    else:
        width_out = -(-width // strides)
        windows = -(-length // strides)
    first = np.minimum(begin // strides, width_out - np.minimum(windows, 1))[:, None]
    step = np.arange(width_out)[None, :]
    return (step >= first) & (step < first + windows[:, None])


def _elementary(name: str, x: ArrayLike, mask: ArrayLike | None = None, **attributes: Any) -> Call:
    call = Call(outputs=(1,))
    call.add_floats("x", x, mask)
    call.operations = [(name, (0,), (1,), (), attributes)]
    return call


@_operation
def global_max_pool(x: ArrayLike, mask: ArrayLike | None = None) -> Any:
    """The largest of each channel over the unmasked steps of x [B, T, C]: float32 [B, C]; no step: zeros.

    The first step wins a tie, NaN wins over numbers.

    >>> from embedcnn import ops
    >>> ops.global_max_pool([[[1.0, 9.0], [2.0, 3.0]]], mask=[[True, False]]).tolist()
    [[1.0, 9.0]]

    Source: Keras ``GlobalMaxPooling1D``.
    """
    return _elementary("global_max_pool", x, mask)


@_operation
def global_average_pool(x: ArrayLike, mask: ArrayLike | None = None) -> Any:
    """The mean of each channel over the unmasked steps of x [B, T, C]: float32 [B, C]; no step: zeros.

    >>> from embedcnn import ops
    >>> ops.global_average_pool([[[1.0], [2.0], [6.0]]]).tolist()
    [[3.0]]

    Source: Keras ``GlobalAveragePooling1D``.
    """
    return _elementary("global_average_pool", x, mask)


def _pool1d(
    name: str, x: ArrayLike, pool_size: int, strides: int | None, padding: str, mask: ArrayLike | None
) -> Call:
    settings = {"pool_size": pool_size, "strides": pool_size if strides is None else strides}
    return _elementary(name, x, mask, padding=padding, **settings)


@_operation
def max_pool(
    x: ArrayLike,
    pool_size: int = 2,
    strides: int | None = None,
    padding: Literal["valid", "same"] = "valid",
    mask: ArrayLike | None = None,
) -> Any:
    """The largest of each channel over windows of the unmasked steps of x [B, T, C]: float32 [B, T_out, C].

    ``strides`` None means ``pool_size``. A window without an unmasked step gives zeros.

    >>> from embedcnn import ops
    >>> ops.max_pool([[[1.0], [2.0], [6.0], [4.0]]]).tolist()
    [[[2.0], [6.0]]]

    Source: Keras ``MaxPooling1D``.
    """
    return _pool1d("max_pool", x, pool_size, strides, padding, mask)


@_operation
def average_pool(
    x: ArrayLike,
    pool_size: int = 2,
    strides: int | None = None,
    padding: Literal["valid", "same"] = "valid",
    mask: ArrayLike | None = None,
) -> Any:
    """The mean of each channel over windows of the unmasked steps of x [B, T, C]: float32 [B, T_out, C].

    ``strides`` None means ``pool_size``. Places that padding="same" adds do not count; a window without an
    unmasked step gives zeros.

    >>> from embedcnn import ops
    >>> ops.average_pool([[[1.0], [2.0], [6.0], [4.0]]]).tolist()
    [[[1.5], [5.0]]]

    Source: Keras ``AveragePooling1D``.
    """
    return _pool1d("average_pool", x, pool_size, strides, padding, mask)


@_operation
def layer_normalization(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    mask: ArrayLike | None = None,
) -> Any:
    """Each row of x [B, C] or [B, T, C] with mean 0 and variance 1, times gamma [C], plus beta [C].

    >>> from embedcnn import ops
    >>> ops.layer_normalization([[1.0, 3.0]], epsilon=1e-12).tolist()
    [[-1.0, 1.0]]

    Source: Keras ``LayerNormalization``; Ba, Kiros and Hinton (2016).
    """
    settings = {"scale": gamma is not None, "center": beta is not None, "epsilon": epsilon}
    call = _elementary("layer_normalization", x, mask, **settings)
    given = {"gamma": gamma, "beta": beta}
    numbers = [call.add_parameter(name, value, 1) for name, value in given.items() if value is not None]
    call.operations[0] = ("layer_normalization", (0,), (1,), tuple(numbers), settings)
    return call


@_operation
def dense(x: ArrayLike, kernel: ArrayLike, bias: ArrayLike | None = None) -> Any:
    """x @ kernel + bias for x [B, C] or [B, T, C], kernel [C, units]: float32 [..., units].

    >>> from embedcnn import ops
    >>> ops.dense([[1.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]], bias=[10.0, 20.0]).tolist()
    [[11.0, 22.0]]

    Source: Keras ``Dense`` (which takes the activation too), ``torch.nn.functional.linear``.
    """
    call = _elementary("dense", x)
    numbers = [call.add_parameter("kernel", kernel, 2)]
    if bias is not None:
        numbers.append(call.add_parameter("bias", bias, 1))
    call.operations = [("dense", (0,), (1,), tuple(numbers), {})]
    return call


@_operation
def activation(x: ArrayLike, activation: str = "relu") -> Any:
    """An activation function by Keras's name, of x [B, C] or [B, T, C]; ``gelu_tanh`` is
    gelu(approximate=True).

    >>> from embedcnn import ops
    >>> ops.activation([[-1.0, 2.0]], "relu").tolist()
    [[0.0, 2.0]]

    Source: ``keras.activations``.
    """
    return _elementary("activation", x, activation=activation)


@_operation
def softmax(x: ArrayLike) -> Any:
    """exp(x) / sum(exp(x)) over the last axis of x [B, C] or [B, T, C].

    >>> from embedcnn import ops
    >>> ops.softmax([[0.0, 0.0]]).tolist()
    [[0.5, 0.5]]

    Source: ``keras.activations.softmax``.
    """
    return _elementary("softmax", x)


@_operation
def dropout(x: ArrayLike, rate: float, seed: int = 0, step: int = 0, layer: int = 0) -> Any:
    """x [B, C] or [B, T, C] with a share ``rate`` of its values set to 0 and the others divided by 1 - rate.

    Which values depends on (seed, step, layer, example, position in the text, channel) only.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> sorted(set(ops.dropout(np.ones((8, 8)), 0.5).ravel().tolist()))
    [0.0, 2.0]

    Source: Keras ``Dropout``, ``torch.nn.functional.dropout``.
    """
    call = _elementary("dropout", x, rate=float(rate), layer=int(layer))
    call.seed, call.step, call.training = int(seed), int(step), True
    return call


@_operation
def merge(inputs: Sequence[ArrayLike], kind: str = "add") -> Any:
    """Several arrays of one shape, merged value by value.

    ``kind`` is "add", "subtract" (of two), "multiply", "average", "maximum" or "minimum".
    Of equal maxima the first gets the gradient.

    >>> from embedcnn import ops
    >>> ops.merge([[[1.0, 5.0]], [[2.0, 3.0]]], "maximum").tolist()
    [[2.0, 5.0]]

    Source: Keras ``Add``, ``Subtract``, ``Multiply``, ``Average``, ``Maximum``, ``Minimum``.
    """
    call = Call(outputs=(len(inputs),))
    for number, array in enumerate(inputs):
        call.add_floats(f"inputs[{number}]", array)
    call.operations = [("merge", tuple(range(len(inputs))), (len(inputs),), (), {"kind": kind})]
    return call


@_operation
def concatenate(arrays: Sequence[ArrayLike]) -> Any:
    """Several [B, C_i] (or [B, T, C_i]) side by side: float32 [B, sum C_i].

    >>> from embedcnn import ops
    >>> ops.concatenate([[[1.0]], [[2.0, 3.0]]]).tolist()
    [[1.0, 2.0, 3.0]]

    Source: Keras ``Concatenate``, ``torch.cat(dim=-1)``.
    """
    call = Call(outputs=(len(arrays),))
    for number, array in enumerate(arrays):
        call.add_floats(f"arrays[{number}]", array)
    call.operations = [("concatenate", tuple(range(len(arrays))), (len(arrays),), (), {})]
    return call


@_operation
def cross_entropy(
    y: ArrayLike,
    x: ArrayLike,
    kind: Literal["sparse_categorical", "categorical", "binary"] = "sparse_categorical",
    from_logits: bool = True,
    label_smoothing: float = 0.0,
    sample_weight: ArrayLike | None = None,
) -> Any:
    """The mean cross entropy of logits (or probabilities) x [B, C] against y, a float.

    ``y`` holds labels [B] (sparse_categorical), probabilities [B, C] (categorical), or numbers from 0 to 1
    [B, C] (binary). Raises ValueError for a label outside [0, C).

    >>> from embedcnn import ops
    >>> round(ops.cross_entropy([1], [[0.0, 0.0]]), 4)
    0.6931

    Source: ``keras.losses.SparseCategoricalCrossentropy`` and its siblings.
    """
    call = _elementary("cross_entropy", x)
    attributes = {"kind": kind, "from_logits": from_logits, "label_smoothing": float(label_smoothing)}
    call.operations = [("cross_entropy", (0,), (1,), (), attributes)]
    call.targets = np.asarray(y) if kind == "sparse_categorical" else np.ascontiguousarray(y, np.float32)
    call.sample_weight = None if sample_weight is None else np.ascontiguousarray(sample_weight, np.float32)
    return call


@_operation
def squared_error(y: ArrayLike, x: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
    """The mean of (x - y)^2 over examples and channels, a float, for x and y [B, C].

    >>> from embedcnn import ops
    >>> ops.squared_error([[1.0, 2.0]], [[1.0, 4.0]])
    2.0

    Source: ``keras.losses.MeanSquaredError``.
    """
    call = _elementary("squared_error", x)
    call.targets = np.ascontiguousarray(y, np.float32)
    call.sample_weight = None if sample_weight is None else np.ascontiguousarray(sample_weight, np.float32)
    return call
