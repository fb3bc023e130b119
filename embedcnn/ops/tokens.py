"""Operations on ids: look up embeddings, alone or fused with what follows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from embedcnn.ops.call import Call, Padding, operation


@operation
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


@operation
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


@operation
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
