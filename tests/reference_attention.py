"""attention_pool in float64, and what dropout keeps of attention: slow and obvious."""

import numpy as np
import reference
from reference import Sequence


def kept_shares(q: Sequence, k: Sequence, heads, rate, seed, step, layer):
    """What dropout of attention multiplies shares [B, heads, T, S] with: keyed by the places in the spans."""
    texts, rows, columns = (*q.values.shape[:2], k.values.shape[1])
    starts = [reference.starts_of(one.mask, texts) for one in (q, k)]
    kept = np.zeros((texts, heads, rows, columns))
    for b, h, t in np.ndindex(texts, heads, rows):
        if t < starts[0][b]:
            continue
        key = seed
        for counter in (step, layer, b, h, t - starts[0][b]):
            key = reference.random_key(key, counter)
        for place in range(starts[1][b], columns):
            if reference.random_u32(key, place - starts[1][b]) >= int(rate * 2**32):
                kept[b, h, t, place] = 1 / (1 - rate)
    return kept


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
