"""Further layers in float64: pooling over windows, merging, flattening, normalising."""

import math

import numpy as np
from reference import Sequence, conv1d_windows


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


def merge(*arrays, kind="add"):
    """Value by value; the first of equal maxima gets the gradient."""
    stack = np.stack(arrays)
    if kind in ("maximum", "minimum"):
        winner = (
            stack.argmax(0) if kind == "maximum" else stack.argmin(0)
        )  # the first NaN, else the first best
        share = np.arange(len(arrays)).reshape(-1, *[1] * arrays[0].ndim) == winner
        return np.take_along_axis(stack, winner[None], 0)[0], lambda d_out: tuple(share * d_out)
    if kind == "multiply":
        others = [np.delete(stack, i, 0).prod(0) for i in range(len(arrays))]
        return stack.prod(0), lambda d_out: tuple(d_out * other for other in others)
    weights = {"add": np.ones(len(arrays)), "average": np.full(len(arrays), 1 / len(arrays))}
    weights = np.array([1, -1]) if kind == "subtract" else weights[kind]
    return np.tensordot(weights, stack, 1), lambda d_out: tuple(weight * d_out for weight in weights)


def flatten(x: Sequence, length):
    """[B, T, C] -> [B, T C]; masked steps are zeros."""
    batch, width, channels = x.values.shape
    kept = np.ones((batch, width, 1)) if x.mask is None else x.mask[:, :, None]
    room = np.zeros((batch, length - width, channels))
    out = np.concatenate([np.where(kept, x.values, 0), room], 1).reshape(batch, -1)
    return out, lambda d_out: (kept * d_out.reshape(batch, length, channels)[:, :width],)


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
