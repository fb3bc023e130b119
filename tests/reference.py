"""What every operation means, in float64 NumPy: slow, obvious; the specification of the C core.

An operation returns ``(output, backward)``; ``backward(d_output)`` returns the gradients of its array
arguments in their order. A sequence is a pair (values [B, T, C], mask [B, T] of bool, or None where every
position counts). Masked positions hold zeros and get no gradient. The gradients here are checked by
central differences (ops/test_reference.py).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from embedcnn.losses.cross_entropy import binary_cross_entropy, categorical_cross_entropy


class Sequence(NamedTuple):
    values: np.ndarray
    mask: np.ndarray | None = None


def beside(mask, values) -> np.ndarray:
    """A mask [B, T] with axes for each further one of the values."""
    return mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim))


def sequence(values, mask=None) -> Sequence:
    """The sequence [B, T, ...] with zeros at the masked positions."""
    values = np.asarray(values, np.float64)
    return Sequence(values if mask is None else values * beside(mask, values), mask)


def span(mask_row) -> tuple[int, int]:
    """The text: from the first unmasked position up to the one after the last; (0, 0) where all is masked."""
    unmasked = np.flatnonzero(mask_row)
    return (int(unmasked[0]), int(unmasked[-1]) + 1) if len(unmasked) else (0, 0)


def starts_of(mask, batch) -> list[int]:
    return [0] * batch if mask is None else [span(row)[0] for row in mask]


def padded(ids, offsets) -> tuple[np.ndarray, np.ndarray]:
    """Ragged ids as (ids [B, T], mask [B, T]); T is the longest text, at least 1."""
    lengths = np.diff(offsets)
    out = np.zeros((len(lengths), max(1, *lengths)), np.int64)
    mask = np.arange(out.shape[1])[None, :] < lengths[:, None]
    out[mask] = ids
    return out, mask


def lookup(ids, embeddings, mask=None, mask_zero=False, mask_id=-1):
    """Row ``id`` of the table for each token; with ``mask_zero`` the id 0 is padding, or ``mask_id``."""
    padding = 0 if mask_zero else mask_id
    if padding >= 0:
        mask = (ids != padding) if mask is None else mask & (ids != padding)
    out = sequence(embeddings[ids], mask)

    def backward(d_out):
        d_out = sequence(d_out, mask).values
        d_embeddings = np.zeros(embeddings.shape)
        np.add.at(d_embeddings, ids, d_out)
        return (d_embeddings,)

    return out, backward


MASK_64 = 2**64 - 1


def mixed(key, counter):
    """A key with a further counter (SplitMix64's finaliser), as csrc/base/random.h has it."""
    z = (key + 0x9E3779B97F4A7C15 * (counter + 1)) & MASK_64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK_64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK_64
    return z ^ (z >> 31)


def ngrams(ids, mask=None, n=2, input_dim=1, buckets=1):
    """(ids, mask): the tokens of each text, then its n-grams of 2, 3 ... tokens, hashed into ids from
    input_dim on; an n-gram with a 0 is 0. The texts of a mask are short ones with padding behind."""
    rows = []
    for number, row in enumerate(np.asarray(ids).tolist()):
        text = row if mask is None else row[: int(mask[number].sum())]
        out = list(text)
        for width in range(2, n + 1):
            for start in range(len(text) - width + 1):
                key = 0
                for token in text[start : start + width]:
                    key = mixed(key, token)
                bucket = ((key >> 32) * buckets) >> 32
                out.append(0 if 0 in text[start : start + width] else input_dim + bucket)
        rows.append(out)
    if mask is None:
        return np.array(rows), None
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return padded(np.concatenate([np.zeros(0, np.int64), *map(np.array, rows)]).astype(np.int64), offsets)


def touched_rows(ids, mask=None, mask_zero=False, mask_id=-1) -> np.ndarray:
    """The rows that a batch reads: the distinct unmasked ids, rising."""
    keep = np.ones(ids.shape, bool) if mask is None else mask
    return np.unique(ids[keep & (ids != (0 if mask_zero else mask_id))])


def windows_of_text(length, taps, stride, dilation, padding) -> list[list[int]]:
    """For each window of a text that stands alone the positions its taps read; -1: a zero outside."""
    wide = (taps - 1) * dilation + 1
    if length == 0:
        return []
    if padding == "valid":
        count, left = max((length - wide) // stride + 1, 1), 0
    else:
        count = -(-length // stride)
        left = wide - 1 if padding == "causal" else max((count - 1) * stride + wide - length, 0) // 2
    windows = []
    for number in range(count):
        reads = [number * stride - left + tap * dilation for tap in range(taps)]
        windows.append([at if 0 <= at < length else -1 for at in reads])
    return windows


def conv1d_windows(mask, batch, width, taps, stride, dilation, padding):
    """(T_out, for each text a list of (index in the output, positions read or -1))."""
    wide = (taps - 1) * dilation + 1
    if padding != "valid":
        width_out = -(-width // stride)
    elif mask is None:
        if width < wide:
            raise ValueError("a text is shorter than the kernel")
        width_out = (width - wide) // stride + 1
    else:
        width_out = max((width - wide) // stride + 1, 1)
    found = []
    for text in range(batch):
        begin, end = (0, width) if mask is None else span(mask[text])
        placed = []
        for number, reads in enumerate(windows_of_text(end - begin, taps, stride, dilation, padding)):
            index = min(begin // stride + number, width_out - 1)
            reads = [
                begin + at if at >= 0 and (mask is None or mask[text, begin + at]) else -1 for at in reads
            ]
            placed.append((index, reads))
        found.append(placed)
    return width_out, found


def block_kernel(kernel, groups):
    """A grouped kernel [K, C / groups, F] as one of all channels [K, C, F], with zeros, and the way back."""
    taps, part, filters = kernel.shape
    wide = np.zeros((taps, groups, part, groups, filters // groups))
    for group in range(groups):
        wide[:, group, :, group] = kernel.reshape(taps, part, groups, -1)[:, :, group]

    def narrow(d_wide):
        d_wide = d_wide.reshape(wide.shape)
        blocks = [d_wide[:, group, :, group] for group in range(groups)]
        return np.stack(blocks, 2).reshape(kernel.shape)

    return wide.reshape(taps, part * groups, filters), narrow


def conv1d(x: Sequence, kernel, bias=None, strides=1, dilation_rate=1, padding="valid", groups=1):
    """out[b, t] = bias + sum over j of x[b, window t at tap j] @ kernel[j]."""
    kernel, narrow = block_kernel(kernel, groups)
    batch, width, _ = x.values.shape
    taps, channels, filters = kernel.shape
    width_out, windows = conv1d_windows(x.mask, batch, width, taps, strides, dilation_rate, padding)
    out = np.zeros((batch, width_out, filters))
    mask = None if x.mask is None else np.zeros((batch, width_out), bool)
    for text in range(batch):
        for index, reads in windows[text]:
            out[text, index] = 0 if bias is None else bias
            for tap, at in enumerate(reads):
                if at >= 0:
                    out[text, index] += x.values[text, at] @ kernel[tap]
            if mask is not None:
                mask[text, index] = True

    def backward(d_out):
        d_x, d_kernel, d_bias = np.zeros(x.values.shape), np.zeros(kernel.shape), np.zeros(filters)
        for text in range(batch):
            for index, reads in windows[text]:
                d_bias += d_out[text, index]
                for tap, at in enumerate(reads):
                    if at >= 0:
                        d_x[text, at] += kernel[tap] @ d_out[text, index]
                        d_kernel[tap] += np.outer(x.values[text, at], d_out[text, index])
        d_kernel = narrow(d_kernel)
        return (d_x, d_kernel) if bias is None else (d_x, d_kernel, d_bias)

    return Sequence(out, mask), backward


def global_max_pool(x: Sequence):
    """The largest over the unmasked steps; the first index wins a tie, NaN wins over numbers; none: zeros."""
    batch, width, channels = x.values.shape
    out, winner = np.zeros((batch, channels)), np.full((batch, channels), -1)
    for text in range(batch):
        steps = [t for t in range(width) if x.mask is None or x.mask[text, t]]
        for c in range(channels):
            for t in steps:
                value, best = x.values[text, t, c], out[text, c]
                if winner[text, c] < 0 or value > best or (math.isnan(value) and not math.isnan(best)):
                    out[text, c], winner[text, c] = value, t

    def backward(d_out):
        d_x = np.zeros(x.values.shape)
        for text in range(batch):
            for c in range(channels):
                if winner[text, c] >= 0:
                    d_x[text, winner[text, c], c] += d_out[text, c]
        return (d_x,)

    return out, backward


def winner_gap(x: Sequence) -> np.ndarray:
    """How far the largest step lies above the next [B, C]; infinite where there is no other."""
    values = x.values if x.mask is None else np.where(x.mask[:, :, None], x.values, -np.inf)
    if values.shape[1] < 2:
        return np.full((values.shape[0], values.shape[2]), np.inf)
    largest = np.sort(values, axis=1)
    with np.errstate(invalid="ignore"):
        gap = largest[:, -1] - largest[:, -2]
    return np.where(np.isnan(gap), np.inf, gap)


def global_average_pool(x: Sequence):
    """The mean over the unmasked steps; none: zeros."""
    weight = np.ones(x.values.shape[:2]) if x.mask is None else x.mask.astype(np.float64)
    weight = weight / np.maximum(weight.sum(1, keepdims=True), 1)
    return (x.values * weight[:, :, None]).sum(1), lambda d_out: (d_out[:, None, :] * weight[:, :, None],)


def global_sum_pool(x: Sequence):
    """The sum over the unmasked steps."""
    weight = np.ones(x.values.shape[:2]) if x.mask is None else x.mask.astype(np.float64)
    return (x.values * weight[:, :, None]).sum(1), lambda d_out: (d_out[:, None, :] * weight[:, :, None],)


def token_bag(x: Sequence, weights=None, mode="mean"):
    """The sum over the unmasked tokens of w x, divided by the sum of w ("mean"), by the root of the sum of
    w^2 ("sqrtn"), or by nothing; 0 where that divides by 0. "max" is global_max_pool. Weights [B, T] or
    [B, T, 1] (a Sequence, whose masked places weigh 0), which may be longer than the texts.
    """
    if mode == "max":
        return global_max_pool(x)
    batch, steps, _ = x.values.shape
    counts = np.ones((batch, steps)) if x.mask is None else x.mask.astype(np.float64)
    given, shape = weights, None
    if weights is not None:
        given = weights.values[:, :, 0] if isinstance(weights, Sequence) else weights
        shape = weights.values.shape if isinstance(weights, Sequence) else weights.shape
        given = given[:, :steps]
    w = counts if given is None else counts * given
    total = {"mean": w.sum(1), "sum": np.ones(batch), "sqrtn": np.sqrt((w * w).sum(1))}[mode]
    share = np.where(total == 0, 0, 1 / np.where(total == 0, 1, total))
    out = share[:, None] * np.einsum("bt,btd->bd", w, x.values)

    def backward(d_out):
        d_x = d_out[:, None, :] * (w * share[:, None])[:, :, None]
        if weights is None:
            return (d_x,)
        k = {"mean": np.ones_like(w), "sum": np.zeros_like(w), "sqrtn": w * share[:, None]}[mode]
        from_out = np.einsum("bd,bd->b", d_out, out)[:, None]
        d_w = counts * share[:, None] * (np.einsum("bd,btd->bt", d_out, x.values) - k * from_out)
        d_weights = np.zeros(shape[:2])
        d_weights[:, :steps] = d_w
        if isinstance(weights, Sequence) and weights.mask is not None:
            d_weights = d_weights * weights.mask
        return d_x, d_weights.reshape(shape)

    return out, backward


def dense(x, kernel, bias=None, transposed=False):
    """x @ kernel + bias on the last axis of [..., C]; with ``transposed`` x @ kernel.T + bias."""
    if transposed:
        out, back = dense(x, kernel.T, bias)
        return out, lambda d_out: tuple(g.T if n == 1 else g for n, g in enumerate(back(d_out)))
    out = x @ kernel + (0 if bias is None else bias)

    def backward(d_out):
        rows, d_rows = x.reshape(-1, x.shape[-1]), d_out.reshape(-1, kernel.shape[1])
        gradients = (d_out @ kernel.T, rows.T @ d_rows)
        return gradients if bias is None else (*gradients, d_rows.sum(0))

    return out, backward


def sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def normal_cdf(x):
    return 0.5 * np.vectorize(math.erfc, otypes=[np.float64])(-np.asarray(x) / math.sqrt(2))


SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
GELU_TANH = math.sqrt(2 / math.pi)


def gelu_tanh_inner(x):
    return GELU_TANH * (x + 0.044715 * x**3)


def exp_below(x):  # exp where x is negative, 1 elsewhere: no overflow
    return np.exp(np.minimum(x, 0))


#: name -> (f, f'), with Keras's defaults; f'(0) = 0 at the corner of relu.
ACTIVATIONS = {
    "linear": (lambda x: x + 0.0, lambda x: np.ones_like(x)),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "softplus": (lambda x: np.logaddexp(x, 0), sigmoid),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2),
    "elu": (lambda x: np.where(x > 0, x, exp_below(x) - 1), exp_below),
    "selu": (
        lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * (exp_below(x) - 1)),
        lambda x: SELU_SCALE * np.where(x > 0, 1, SELU_ALPHA * exp_below(x)),
    ),
    "exponential": (np.exp, np.exp),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.2 * x), lambda x: np.where(x > 0, 1, 0.2)),
    "relu6": (lambda x: np.clip(x, 0, 6), lambda x: ((x > 0) & (x < 6)) * 1.0),
    "hard_sigmoid": (lambda x: np.clip(x + 3, 0, 6) / 6, lambda x: ((x > -3) & (x < 3)) / 6),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "gelu": (
        lambda x: x * normal_cdf(x),
        lambda x: normal_cdf(x) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    ),
    "gelu_tanh": (
        lambda x: 0.5 * x * (1 + np.tanh(gelu_tanh_inner(x))),
        lambda x: (
            0.5 * (1 + np.tanh(gelu_tanh_inner(x)))
            + 0.5 * x * (1 - np.tanh(gelu_tanh_inner(x)) ** 2) * GELU_TANH * (1 + 3 * 0.044715 * x * x)
        ),
    ),
}
ACTIVATIONS |= {
    "log_sigmoid": (lambda x: -np.logaddexp(-x, 0), lambda x: sigmoid(-x)),
    "mish": (lambda x: x * np.tanh(np.logaddexp(x, 0)), lambda x: mish_slope(x)),
    "hard_silu": (
        lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
        lambda x: np.where(np.abs(x) < 3, x / 3 + 0.5, x > 0),
    ),
    "hard_tanh": (lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1) * 1.0),
    "tanh_shrink": (lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2),
    "soft_shrink": (lambda x: x - np.clip(x, -0.5, 0.5), lambda x: (np.abs(x) > 0.5) * 1.0),
    "hard_shrink": (lambda x: np.where(np.abs(x) > 0.5, x, 0), lambda x: (np.abs(x) > 0.5) * 1.0),
    "squareplus": (
        lambda x: (x + np.sqrt(x * x + 4)) / 2,
        lambda x: (1 + x / np.sqrt(x * x + 4)) / 2,
    ),
    "sparse_plus": (
        lambda x: np.where(x > 1, x, np.clip((x + 1) / 2, 0, 1) ** 2),
        lambda x: np.clip((x + 1) / 2, 0, 1),
    ),
    "sparse_sigmoid": (lambda x: np.clip((x + 1) / 2, 0, 1), lambda x: (np.abs(x) < 1) * 0.5),
}
#: Those that never fall and that token_conv_pool takes: max(f(x)) = f(max(x)).
MONOTONE = list(ACTIVATIONS)[:12]


def mish_slope(x):
    t = np.tanh(np.logaddexp(x, 0))
    return t + x * sigmoid(x) * (1 - t * t)


def activation(x, activation="relu"):
    function, derivative = ACTIVATIONS[activation]
    return function(x), lambda d_out: (d_out * derivative(x),)


def softmax(x):
    """exp(x) / sum of exp(x) over the last axis."""
    shifted = np.exp(x - x.max(-1, keepdims=True))
    out = shifted / shifted.sum(-1, keepdims=True)
    return out, lambda d_out: (out * (d_out - (d_out * out).sum(-1, keepdims=True)),)


def log_softmax(x):
    """x - log of the sum of exp(x) over the last axis."""
    out = x - x.max(-1, keepdims=True)
    out = out - np.log(np.exp(out).sum(-1, keepdims=True))
    return out, lambda d_out: (d_out - np.exp(out) * d_out.sum(-1, keepdims=True),)


def random_key(key: int, counter: int) -> int:
    """csrc/base/random.h, ec_random_key."""
    bits = (1 << 64) - 1
    z = (key + 0x9E3779B97F4A7C15 * (counter + 1)) & bits
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & bits
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & bits
    return z ^ (z >> 31)


def random_u32(key: int, column: int) -> int:
    """csrc/base/random.h, ec_random_u32."""
    bits = (1 << 32) - 1
    x = ((column * 0x9E3779B9) ^ key) & bits
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & bits
    x = ((x ^ (x >> 15)) * 0x846CA68B) & bits
    x = ((x ^ (x >> 16)) + (key >> 32)) & bits
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & bits
    x = ((x ^ (x >> 15)) * 0x846CA68B) & bits
    return x ^ (x >> 16)


def dropout_scale(shape, rate, seed, step, layer, starts=None, shared_axes=0) -> np.ndarray:
    """What dropout multiplies with, 0 or 1 / (1 - rate); a text of [B, T, C] begins at `starts`. Along
    `shared_axes` (bit k: axis k) what is drawn first counts for all.
    """
    same = [bool(shared_axes >> axis & 1) for axis in range(len(shape))]
    scale = np.zeros(shape)
    for index in np.ndindex(*shape[:-1]):
        text, position = index[0], index[1] - (starts[index[0]] if starts else 0) if len(index) > 1 else 0
        if position < 0:
            continue
        key = seed
        for counter in (step, layer, 0 if same[0] else text, 0 if len(shape) > 2 and same[1] else position):
            key = random_key(key, counter)
        for column in range(shape[-1]):
            if random_u32(key, 0 if same[-1] else column) >= int(rate * 2**32):
                scale[(*index, column)] = 1 / (1 - rate)
    return scale


def dropout(x, rate, seed, step, layer, starts=None, training=True, shared_axes=0):
    scale = np.ones(x.shape)
    if training:
        scale = dropout_scale(x.shape, rate, seed, step, layer, starts, shared_axes)
    return x * scale, lambda d_out: (d_out * scale,)


def concatenate(*arrays):
    ends = np.cumsum([array.shape[-1] for array in arrays])[:-1]
    return np.concatenate(arrays, -1), lambda d_out: tuple(np.split(d_out, ends, -1))


EPSILON = 1e-7  # of Keras


def cross_entropy(x, targets, kind, from_logits=True, label_smoothing=0.0):
    """(loss of each row [...], probabilities, d loss / d x) of logits, or probabilities, `x` [..., C]. The
    losses are the package's one definition in float64, which tests/situations holds to Keras's values.
    """
    classes = x.shape[-1]
    if kind == "binary":
        y = np.asarray(targets, np.float64).reshape(x.shape) * (1 - label_smoothing) + 0.5 * label_smoothing
        loss = binary_cross_entropy(y, x, from_logits).mean(-1)
        if from_logits:
            return loss, sigmoid(x), (sigmoid(x) - y) / classes
        p = np.clip(x, EPSILON, 1 - EPSILON)
        return loss, x, np.where(p == x, (p - y) / (p * (1 - p)), 0) / classes
    if kind == "sparse_categorical":
        y = np.eye(classes)[np.asarray(targets).reshape(x.shape[:-1])]
    else:
        y = np.asarray(targets, np.float64)
    y = y * (1 - label_smoothing) + label_smoothing / classes
    loss = categorical_cross_entropy(y, x, from_logits)
    if from_logits:
        p = softmax(x)[0]
        return loss, p, p * y.sum(-1, keepdims=True) - y
    total = x.sum(-1, keepdims=True)
    q = x / total
    p = np.clip(q, EPSILON, 1 - EPSILON)
    d_q = np.where(p == q, -y / p, 0)
    return loss, x, (d_q - (d_q * q).sum(-1, keepdims=True)) / total


def squared_error(x, targets):
    """(mean over the last axis of the squared difference [...], x, d loss / d x)."""
    difference = x - np.asarray(targets, np.float64).reshape(x.shape)
    return (difference**2).mean(-1), x, 2 * difference / x.shape[-1]


def row_weights(shape, mask=None, sample_weight=None) -> np.ndarray:
    """Weight of each loss, as Keras's "sum_over_batch_size": sample weight / losses that count."""
    weight = np.ones(shape)
    if mask is not None:
        weight = weight * beside(mask.astype(np.float64), weight)
    weight = weight / max(weight.sum(), 1)
    if sample_weight is None:
        return weight
    return weight * beside(np.asarray(sample_weight, np.float64), weight)
