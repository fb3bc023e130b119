"""max_pool and average_pool over windows of time in float64; part of the specification in reference.py."""

import math

import numpy as np
from reference import Sequence, conv1d_windows


def pool1d(kind, x: Sequence, pool_size=2, strides=2, padding="valid"):
    """Over the unmasked steps of each window; the mask of a window is "any", its value without any step zero."""
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
