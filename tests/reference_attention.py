"""attention_pool in float64: slow and obvious."""

import numpy as np
from reference import Sequence


def attention_pool(x: Sequence, scores: Sequence):
    """sum of a[t] x[t] with a = softmax(scores) over the unmasked steps; none: zeros."""
    mask = np.ones(x.values.shape[:2], bool) if x.mask is None else x.mask
    weights = np.zeros(mask.shape)
    for row, (own, score) in enumerate(zip(mask, scores.values[..., 0], strict=True)):
        if own.any():
            raised = np.exp(score[own] - score[own].max())
            weights[row, own] = raised / raised.sum()
    out = np.einsum("bt,btc->bc", weights, x.values)

    def backward(d_out):
        d_x = weights[..., None] * d_out[:, None, :]
        along = np.einsum("bc,btc->bt", d_out, x.values)
        d_scores = weights * (along - (weights * along).sum(1, keepdims=True))
        return d_x, d_scores[..., None]

    return out, backward
