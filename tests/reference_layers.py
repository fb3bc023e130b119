"""Further layers in float64: pooling over windows, merging, flattening, normalising."""

import math

import numpy as np
from reference import (
    Sequence,
    beside,
    concatenate,
    conv1d,
    conv1d_windows,
    random_key,
    random_u32,
    sequence,
    span,
)


def pool1d(kind, x: Sequence, pool_size=2, strides=2, padding="valid"):
    """Over the unmasked steps of each window; a window without any is masked, its value zero."""
    batch, width, channels = x.values.shape
    width_out, windows = conv1d_windows(x.mask, batch, width, pool_size, strides, 1, padding)
    out = np.zeros((batch, width_out, channels))
    mask = None if x.mask is None else np.zeros((batch, width_out), bool)
    shares = np.zeros((batch, width_out, width, channels))  # of each step in each window's result
    for text in range(batch):
        for index, reads in windows[text]:
            steps = [t for t in reads if t >= 0]
            if mask is not None:
                mask[text, index] = bool(steps)
            for c in range(channels) if steps else ():
                values = [x.values[text, t, c] for t in steps]
                if kind == "average_pool":
                    shares[text, index, steps, c] = 1 / len(steps)
                    out[text, index, c] = sum(values) / len(steps)
                else:
                    missing = [i for i, value in enumerate(values) if math.isnan(value)]
                    winner = missing[0] if missing else values.index(max(values))
                    shares[text, index, steps[winner], c] = 1
                    out[text, index, c] = values[winner]

    def backward(d_out):
        return (np.einsum("bwtc,bwc->btc", shares, d_out),)

    return Sequence(out, mask), backward


def merge(*arrays, kind="add", kept=None):
    """Value by value; the first of equal maxima gets the gradient. Values not `kept` take no part."""
    stack = np.stack(arrays)
    part = np.ones(stack.shape, bool)
    for number, one in enumerate(kept or []):
        part[number] &= one
    some = part.any(0)

    def back(share):
        return lambda d_out: tuple(np.where(part, share, 0) * np.where(some, d_out, 0))

    if kind in ("maximum", "minimum"):
        worst = -np.inf if kind == "maximum" else np.inf
        shown = np.where(part, stack, worst)
        # the first NaN, else the first best
        winner = shown.argmax(0) if kind == "maximum" else shown.argmin(0)
        share = np.arange(len(arrays)).reshape(-1, *[1] * arrays[0].ndim) == winner
        return np.where(some, np.take_along_axis(shown, winner[None], 0)[0], 0), back(share)
    if kind == "multiply":
        shown = np.where(part, stack, 1)
        others = np.stack([np.delete(shown, i, 0).prod(0) for i in range(len(arrays))])
        return np.where(some, shown.prod(0), 0), back(others)
    weights = {"add": np.ones(len(arrays)), "average": np.full(len(arrays), 1 / len(arrays))}
    weights = np.array([1, -1]) if kind == "subtract" else weights[kind]
    return np.tensordot(weights, np.where(part, stack, 0), 1), back(
        weights.reshape(-1, *[1] * arrays[0].ndim) * np.ones(stack.shape)
    )


def joined(name, tensors, **attributes):
    """merge or concatenate of sequences whose masks differ, or of texts padded to different lengths."""
    width = max(t.values.shape[1] for t in tensors)
    room = [width - t.values.shape[1] for t in tensors]
    values = [
        np.pad(t.values, ((0, 0), (0, more), *((0, 0),) * (t.values.ndim - 2)))
        for t, more in zip(tensors, room, strict=True)
    ]
    kept = [
        np.pad(np.ones(t.values.shape[:2], bool) if t.mask is None else t.mask, ((0, 0), (0, more)))
        for t, more in zip(tensors, room, strict=True)
    ]
    mask = None if any(t.mask is None for t in tensors) else np.logical_or.reduce(kept)
    if name == "merge":
        out, backward = merge(*values, kept=[beside(k, values[0]) for k in kept], **attributes)
    else:
        zeroed = [np.where(beside(k, v), v, 0) for k, v in zip(kept, values, strict=True)]
        out, backward = concatenate(*zeroed)

    def back(d_out):
        found = backward(sequence(d_out, mask).values)
        return tuple(
            np.where(beside(k, d), d, 0)[:, : t.values.shape[1]]
            for d, k, t in zip(found, kept, tensors, strict=True)
        )

    return sequence(out, mask), back


def flatten(x: Sequence, length):
    """[B, T, ...] -> [B, the product of the others]; masked steps are zeros."""
    batch, width, *dims = x.values.shape
    kept = np.ones((batch, width)) if x.mask is None else x.mask
    kept = beside(kept, x.values)
    room = np.zeros((batch, length - width, *dims))
    out = np.concatenate([np.where(kept, x.values, 0), room], 1).reshape(batch, -1)
    return out, lambda d_out: (kept * d_out.reshape(batch, length, *dims)[:, :width],)


def stored_steps(mask, batch, width):
    """(texts, steps) of the steps inside the spans of the texts, one text after the other."""
    ends = [(0, width)] * batch if mask is None else [span(row) for row in mask]
    places = [(b, t) for b, (first, end) in enumerate(ends) for t in range(first, end)]
    return tuple(np.array(places, np.int64).reshape(-1, 2).T)


def fold(x: Sequence, steps=1):
    """[B, S, W, ...] -> the stored steps as texts of W steps, or as rows without any; and the frame."""
    batch, width, *_ = x.values.shape
    places = stored_steps(x.mask, batch, width)
    out = x.values[places]

    def backward(d_out):
        d_x = np.zeros(x.values.shape)
        d_x[places] = d_out
        return (d_x,)

    return [Sequence(out) if steps else out, (places, x.mask, (batch, width))], backward


def unfold(x, frame, repeats=False):
    """Back to [B, S, W, ...]. With `repeats` a masked inner step stands for the one before it."""
    places, mask, shape = frame
    values = x.values if isinstance(x, Sequence) else x
    out = np.zeros((*shape, *values.shape[1:]))
    out[places] = values

    def backward(d_out):
        d = sequence(d_out, mask).values[places]
        if isinstance(x, Sequence) and x.mask is not None:
            for text, t in np.argwhere(~x.mask)[::-1]:
                if repeats and t:
                    d[text, t - 1] += d[text, t]
                d[text, t] = 0
        return (d, None)

    return sequence(out, mask), backward


def layer_normalization(x, *parameters, scale=True, center=True, epsilon=1e-3):
    """(x - mean) / sqrt(variance + epsilon) over the last axis, times gamma, plus beta."""
    deviation = np.sqrt(x.var(-1, keepdims=True) + epsilon)
    normal = (x - x.mean(-1, keepdims=True)) / deviation
    gamma = parameters[0] if scale else np.ones(x.shape[-1])
    out = normal * gamma + (parameters[-1] if center else 0)
    rows = tuple(range(x.ndim - 1))

    def backward(d_out):
        d = d_out * gamma
        d_x = (d - d.mean(-1, keepdims=True) - normal * (d * normal).mean(-1, keepdims=True)) / deviation
        gradients = [(d_out * normal).sum(rows)] * bool(scale) + [d_out.sum(rows)] * bool(center)
        return (d_x, *gradients)

    return out, backward


def rectifier(x, *parameters, slope=0.0, threshold=0.0, max_value=math.inf):
    """min(x, max_value) above the threshold, slope (x - threshold) below; alpha is a slope per value."""
    slope = parameters[0][: x.shape[-2]] if parameters and parameters[0].ndim == 2 else slope
    slope = parameters[0] if parameters and parameters[0].ndim == 1 else slope
    above = x > threshold
    out = np.where(above, np.minimum(x, max_value), slope * (x - threshold))

    def backward(d_out):
        d_x = d_out * np.where(above, x < max_value, slope)
        if not parameters:
            return (d_x,)
        d_alpha, per_value = np.zeros(parameters[0].shape), np.where(above, 0, d_out * x)
        if parameters[0].ndim == 1 or len(parameters[0]) == 1:
            d_alpha += per_value.reshape(-1, x.shape[-1]).sum(0)
        else:
            d_alpha[: x.shape[1]] += per_value.sum(0)
        return d_x, d_alpha

    return out, backward


def unflatten(x, length, second=None, third=None):
    """[B, L S T C] -> [B, L, S, T, C]; S and T may be left out."""
    dims = [length, *(size for size in (second, third) if size)]
    dims.append(x.shape[1] // int(np.prod(dims)))
    return Sequence(x.reshape(len(x), *dims)), lambda d_out: (d_out.reshape(x.shape),)


def repeat(x, length):
    """[B, C] -> [B, L, C], the same at every step."""
    return Sequence(np.repeat(x[:, None], length, 1)), lambda d_out: (d_out.sum(1),)


def permute(x: Sequence, length):
    """[B, T, C] -> [B, C, L], zeros where masked and behind T."""
    room = length - x.values.shape[1]
    out = np.pad(sequence(*x).values, ((0, 0), (0, room), (0, 0))).transpose(0, 2, 1)
    return Sequence(out), lambda d_out: (d_out.transpose(0, 2, 1)[:, : x.values.shape[1]],)


def noise_of(shape, seed, step, layer, starts=None) -> np.ndarray:
    """The normal numbers of csrc/ops/noise.c; a text of [B, T, C] begins at `starts`."""
    out = np.zeros(shape)
    for index in np.ndindex(*shape[:-1]):
        text, position = index[0], index[1] - (starts[index[0]] if starts else 0) if len(index) > 1 else 0
        if position < 0:
            continue
        key = seed
        for counter in (step, layer, text, position):
            key = random_key(key, counter)
        for column in range(shape[-1]):
            u = ((random_u32(key, column - column % 2) >> 8) + 0.5) / 2**24
            v = random_u32(key, column - column % 2 + 1) / 2**32
            turn = math.sin if column % 2 else math.cos
            out[(*index, column)] = math.sqrt(-2 * math.log(u)) * turn(2 * math.pi * v)
    return out


def noise(x, deviation, seed, step, layer=0, starts=None, training=True, multiply=False):
    """x + deviation n, or x (1 + deviation n), in training."""
    numbers = deviation * noise_of(x.shape, seed, step, layer, starts) if training else np.zeros(x.shape)
    if multiply:
        return x * (1 + numbers), lambda d_out: (d_out * (1 + numbers),)
    return x + numbers, lambda d_out: (d_out,)


def unit_normalization(x):
    """x / |x| over the last axis; zeros stay zeros, without a gradient."""
    norm = np.sqrt((x**2).sum(-1, keepdims=True))
    inverse = np.where(norm > 0, 1 / np.where(norm > 0, norm, 1), 0)
    out = x * inverse
    return out, lambda d_out: ((d_out - out * (out * d_out).sum(-1, keepdims=True)) * inverse,)


def masking(*inputs, mask_value=0.0):
    """Steps whose values all equal mask_value are masked, or, of a mask and x, those where the mask is 0."""
    *given, x = inputs
    mask = given[0] != 0 if given else (x.values != np.float32(mask_value)).any(-1)
    mask = mask if x.mask is None else mask & x.mask
    return sequence(x.values, mask), lambda d_out: (*(0 * one for one in given), sequence(d_out, mask).values)


def batch_normalization(x, mask, *parameters, training, scale=True, center=True, epsilon=1e-3, momentum=0.99):
    """Over all unmasked rows for each channel; writes the moving statistics in training."""
    axes = tuple(range(x.ndim - 1))
    kept = np.ones((*x.shape[:-1], 1))
    if mask is not None:
        kept = kept * beside(mask.astype(np.float64), kept)
    count = kept.sum()
    own = training and count > 0
    *given, moving_mean, moving_variance = parameters
    gamma = given[0] if scale else np.ones(x.shape[-1])
    beta = given[-1] if center else np.zeros(x.shape[-1])
    mean, variance = moving_mean.copy(), moving_variance.copy()
    if own:
        mean = (x * kept).sum(axes) / count
        variance = ((x - mean) ** 2 * kept).sum(axes) / count
        moving_mean[...] = moving_mean * momentum + mean * (1 - momentum)
        moving_variance[...] = moving_variance * momentum + variance * (1 - momentum)
    deviation = np.sqrt(variance + epsilon)
    normal = (x - mean) / deviation

    def backward(d_out):
        d_out = d_out * kept
        d_gamma, d_beta = (d_out * normal).sum(axes), d_out.sum(axes)
        d_x = gamma / deviation * d_out
        if own:
            d_x = gamma / deviation * (d_out - kept * (d_beta + normal * d_gamma) / count)
        nothing = np.zeros(x.shape[-1])
        return d_x, *[d_gamma] * bool(scale), *[d_beta] * bool(center), nothing, nothing

    return normal * gamma + beta, backward


def depthwise_conv1d(x: Sequence, kernel, bias=None, strides=1, dilation_rate=1, padding="valid"):
    """conv1d whose kernel [K, C, C M] reads channel c for the outputs c M ... c M + M - 1 only."""
    taps, channels, multiplier = kernel.shape
    wide = np.zeros((taps, channels, channels, multiplier))
    wide[:, np.arange(channels), np.arange(channels)] = kernel
    settings = {"strides": strides, "dilation_rate": dilation_rate, "padding": padding}
    out, wide_backward = conv1d(x, wide.reshape(taps, channels, -1), bias, **settings)

    def backward(d_out):
        d_x, d_wide, *rest = wide_backward(d_out)
        d_wide = d_wide.reshape(wide.shape)
        return d_x, d_wide[:, np.arange(channels), np.arange(channels)], *rest

    return out, backward


def weight_normalization(x, g, v, bias=None):
    """x g / |v| + bias, |v| over all axes of v but the last."""
    norm = np.sqrt((v**2).sum(tuple(range(v.ndim - 1))))
    out = x * (g / norm) + (0 if bias is None else bias)

    def backward(d_out):
        rows = tuple(range(x.ndim - 1))
        d_scale = (d_out * x).sum(rows)
        gradients = (d_out * (g / norm), d_scale / norm, -d_scale * g / norm**3 * v)
        return gradients if bias is None else (*gradients, d_out.sum(rows))

    return out, backward


def dot(a, b, axis_a=1, axis_b=1, length_a=0, length_b=0):
    """Summed along one axis of each; masked steps are zeros."""

    def padded(x, length):
        if not isinstance(x, Sequence):
            return x
        return np.pad(sequence(*x).values, ((0, 0), (0, length - x.values.shape[1]), (0, 0)))

    first, second = padded(a, length_a), padded(b, length_b)
    letters_a, letters_b = list("Bij"[: first.ndim]), list("Bkl"[: second.ndim])
    letters_a[axis_a] = letters_b[axis_b] = "s"
    left = "".join(letter for letter in letters_a + letters_b if letter not in "Bs")
    names_a, names_b = "".join(letters_a), "".join(letters_b)
    out = np.einsum(f"{names_a},{names_b}->B{left}", first, second)
    shape = out.shape

    def backward(d_out):
        d_out = d_out.reshape(shape)
        d_a = np.einsum(f"B{left},{names_b}->{names_a}", d_out, second)
        d_b = np.einsum(f"B{left},{names_a}->{names_b}", d_out, first)
        cut = [x.values.shape[1] if isinstance(x, Sequence) else None for x in (a, b)]
        return d_a[:, : cut[0]], d_b[:, : cut[1]]

    if isinstance(a, Sequence) and isinstance(b, Sequence):
        return Sequence(out), backward
    return out.reshape(len(out), -1), backward
