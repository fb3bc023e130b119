"""Operations that move or change pixels of images [B, H, W, C], in float64: slow and obvious.

Each gives the result and a function from its gradient to those of what it read.
"""

import numpy as np

KERNELS = {
    "bilinear": (1, lambda x: 1 - x),
    "bicubic": (
        2,
        lambda x: np.where(x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2),
    ),
    "lanczos3": (3, lambda x: np.sinc(x) * np.sinc(x / 3)),
    "lanczos5": (5, lambda x: np.sinc(x) * np.sinc(x / 5)),
}


def resize_weights(source, size, interpolation, antialias=False):
    """[size, source]: what each place of an axis takes of each place before it is resized."""
    scale = source / size
    at, places = (np.arange(size)[:, None] + 0.5) * scale, np.arange(source)[None, :]
    if interpolation == "nearest":
        return 1.0 * (np.minimum(np.floor(at), source - 1) == places)
    if interpolation == "area":
        covered = np.minimum(places + 1, at + scale / 2) - np.maximum(places, at - scale / 2)
        weights = np.maximum(covered, 0)
    else:
        radius, kernel = KERNELS[interpolation]
        x = np.abs(places + 0.5 - at) / (max(scale, 1) if antialias else 1)
        weights = np.where(x < radius, kernel(x), 0)
    return weights / weights.sum(1, keepdims=True)


def resize_images(x, height, width, interpolation="bilinear", antialias=False):
    rows = resize_weights(x.shape[1], height, interpolation, antialias)
    cols = resize_weights(x.shape[2], width, interpolation, antialias)
    out = np.einsum("ik,jl,bklc->bijc", rows, cols, x)
    return out, lambda d_out: (np.einsum("ik,jl,bijc->bklc", rows, cols, d_out),)
