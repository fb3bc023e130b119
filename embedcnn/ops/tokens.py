"""Operations on ids: look up embeddings, alone or fused with what follows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from embedcnn.base.checked import checked
from embedcnn.ops.call import Call, Padding, operation


def _look_up(
    call: Call, ids: Any, embeddings: ArrayLike, mask_zero: bool, ngrams: int = 1, buckets: int = 0
) -> int:
    """Appends the lookup, behind n-grams where there are buckets for them; the number of its tokens."""
    call.add_ids("ids", ids)
    table = call.add_parameter("embeddings", embeddings, 2)
    read = 0
    if ngrams != 1 or buckets:
        sizes = {"n": ngrams, "input_dim": len(call.parameters[table]) - buckets, "buckets": buckets}
        call.operations.append(("ngrams", (0,), (1,), (), sizes))
        read = 1
    call.operations.append(("lookup", (read,), (read + 1,), (table,), {"mask_zero": mask_zero}))
    return read + 1


@operation
@checked
def embedding_lookup(
    ids: Any, embeddings: ArrayLike, mask_zero: bool = False, ngrams: int = 1, buckets: int = 0
) -> Any:
    """The rows of a table for ids [B, T] or ragged: float32 [B, T, D], zeros where a token is masked. As
    keras.layers.Embedding, torch.nn.functional.embedding.

    With `mask_zero` the id 0 is padding. With `ngrams` n the rows of the n-grams of 2 to n tokens follow
    those of the tokens, hashed into the last `buckets` rows. Raises ValueError for an id outside the table.

    >>> from embedcnn import ops
    >>> ops.embedding_lookup([[2, 0]], [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], mask_zero=True).tolist()
    [[[3.0, 3.0], [0.0, 0.0]]]
    """
    call = Call()
    tokens = _look_up(call, ids, embeddings, mask_zero, ngrams, buckets)
    call.operations.append(("embed", (tokens,), (tokens + 1,), (), {}))
    call.outputs = (tokens + 1,)
    return call


@operation
@checked
def token_conv(
    ids: Any,
    embeddings: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: int = 1,
    padding: Padding = "valid",
    dilation_rate: int = 1,
    mask_zero: bool = False,
) -> Any:
    """Embedding and one convolution: float32 [B, T_out, F] for ids [B, T] or ragged, kernel [K, D, F]. As
    keras.layers.Conv1D over keras.layers.Embedding.

    Computes `embeddings[distinct ids] @ kernel` once for each distinct id of the batch. Masks and errors as
    for `conv1d`.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> table = np.eye(3, dtype=np.float32)
    >>> kernel = np.array([[[1.0], [2.0], [3.0]], [[10.0], [20.0], [30.0]]])  # K 2, D 3, F 1
    >>> ops.token_conv([[0, 1, 2]], table, kernel).ravel().tolist()
    [21.0, 32.0]
    """
    call = Call(outputs=(2,))
    call.add_ids("ids", ids)
    table = call.add_parameter("embeddings", embeddings, 2)
    numbers = call.add_weights(bias, kernel=(kernel, 3))
    attributes = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    call.operations = [
        ("lookup", (0,), (1,), (table,), {"mask_zero": mask_zero}),
        ("token_conv", (1,), (2,), numbers, attributes),
    ]
    return call


@operation
@checked
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
    Source: Y. Kim (2014), "Convolutional neural networks for sentence classification".

    `ids` [B, T] or ragged; `embeddings` [V, D]; each of `kernels` [K, D, F] and of `biases` [F]. Computes
    `embeddings[distinct ids] @ kernel` once for each distinct id of the batch. The activation must be one
    that never falls. Raises ValueError for any other, and for texts shorter than a kernel where nothing is
    masked.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> table = np.eye(3, dtype=np.float32)
    >>> kernel = np.array([[[1.0], [2.0], [3.0]], [[10.0], [20.0], [30.0]]])  # K 2, D 3, F 1
    >>> ops.token_conv_pool([[0, 1, 2], [2, 2, 0]], table, [kernel]).tolist()
    [[32.0], [33.0]]
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


@operation
@checked
def token_mean(
    ids: Any, embeddings: ArrayLike, mask_zero: bool = False, ngrams: int = 1, buckets: int = 0
) -> Any:
    """The mean of a text's embeddings: float32 [B, D] for ids [B, T] or ragged; a text without tokens: zeros.
    As torch.nn.EmbeddingBag, fastText's classifier, keras.layers.GlobalAveragePooling1D over an Embedding.

    `ngrams` and `buckets` as in `embedding_lookup`: those of n-grams count too.

    >>> from embedcnn import ops
    >>> ops.token_mean([[1, 2, 0]], [[9.0], [1.0], [2.0]], mask_zero=True).tolist()
    [[1.5]]
    """
    call = Call()
    tokens = _look_up(call, ids, embeddings, mask_zero, ngrams, buckets)
    call.operations.append(("token_bag", (tokens,), (tokens + 1,), (), {}))
    call.outputs = (tokens + 1,)
    return call


@operation
def embedding_bag(
    ids: Any,
    embeddings: ArrayLike,
    mode: Literal["mean", "sum", "sqrtn", "max"] = "mean",
    per_sample_weights: ArrayLike | None = None,
    padding_idx: int | None = None,
) -> Any:
    """The rows of a text's ids reduced to one: float32 [B, D] for ids [B, T] or ragged; no token: zeros. As
    torch.nn.functional.embedding_bag, keras_rs.layers.EmbedReduce.

    `per_sample_weights` [B, T] weigh the rows, not with "max": the mean divides by their sum, "sqrtn" by the
    root of the sum of their squares. Tokens of `padding_idx` are left out. Raises ValueError for an id
    outside the table.

    >>> from embedcnn import ops
    >>> table = [[9.0], [1.0], [2.0]]
    >>> ops.embedding_bag([[1, 2, 0]], table, padding_idx=0).tolist()
    [[1.5]]
    >>> ops.embedding_bag([[1, 2]], table, "sum", per_sample_weights=[[1.0, 10.0]]).tolist()
    [[21.0]]
    """
    call = Call()
    call.add_ids("ids", ids)
    table = call.add_parameter("embeddings", embeddings, 2)
    read = [1 if per_sample_weights is None else 2]
    if per_sample_weights is not None:
        weights = np.asarray(per_sample_weights, np.float32)
        if weights.ndim != 2:
            raise ValueError(f"per_sample_weights has shape {weights.shape}; allowed is [B, T]")
        call.add_floats("per_sample_weights", weights)
        read.append(1)
    settings = {} if padding_idx is None else {"mask_id": padding_idx}
    call.operations.append(("lookup", (0,), (read[0],), (table,), settings))
    call.operations.append(("token_bag", tuple(read), (read[0] + 1,), (), {"mode": mode}))
    call.outputs = (read[0] + 1,)
    return call
