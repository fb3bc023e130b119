"""Attention over the steps of a text, as a function of arrays."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from .call import Call, operation


@operation
def attention_pool(x: ArrayLike, scores: ArrayLike, mask: ArrayLike | None = None) -> Any:
    """The mean over the unmasked steps of x [B, T, C], weighted by the softmax of scores [B, T, 1] over these
    steps: float32 [B, C]; no step: zeros. Source: Yang and others (2016), Hierarchical attention networks.

    >>> from embedcnn import ops
    >>> ops.attention_pool([[[1.0], [2.0], [6.0]]], [[[0.0], [0.0], [9.0]]], mask=[[1, 1, 0]]).tolist()
    [[1.5]]
    """
    call = Call(operations=[("attention_pool", (0, 1), (2,), (), {})], outputs=(2,))
    call.add_floats("x", x, mask)
    call.add_floats("scores", scores, mask)
    return call
