"""Operations that formulas of the user's own are made of, and attention, in float64: slow and obvious.

Each takes the values of its tensors [B, T, ...] or [B, ...], or of a weight [...], and their masks; it gives
the values of the result and a function from their gradient to those of the tensors.
"""

import math

import numpy as np
import reference

erf = np.vectorize(math.erf, otypes=[float])

ELEMENTWISE = {
    "negative": (np.negative, lambda x: (-np.ones_like(x),)),
    "square": (np.square, lambda x: (2 * x,)),
    "sin": (np.sin, lambda x: (np.cos(x),)),
    "cos": (np.cos, lambda x: (-np.sin(x),)),
    "erf": (erf, lambda x: (2 / np.sqrt(np.pi) * np.exp(-x * x),)),
    "arctan": (np.arctan, lambda x: (1 / (1 + x * x),)),
    "tan": (lambda x: np.tan(x), lambda x: (1 + np.tan(x) ** 2,)),
    "stop_gradient": (np.array, lambda x: (np.zeros_like(x),)),
    "add": (np.add, lambda x, y: (np.ones_like(x), np.ones_like(y))),
    "subtract": (np.subtract, lambda x, y: (np.ones_like(x), -np.ones_like(y))),
    "multiply": (np.multiply, lambda x, y: (y, x)),
}


def unbroadcast(gradient, shape):
    """The sums of a gradient over the axes along which an array of this shape was repeated."""
    gradient = gradient.sum(tuple(range(gradient.ndim - len(shape))))
    along = tuple(axis for axis, size in enumerate(shape) if size == 1 != gradient.shape[axis])
    return gradient.sum(along, keepdims=True) if along else gradient


def elementwise(values, masks, kind):
    function, slopes = ELEMENTWISE[kind]

    def backward(d_out):
        found = slopes(*np.broadcast_arrays(*values))
        return tuple(unbroadcast(d_out * slope, x.shape) for slope, x in zip(found, values, strict=True))

    return function(*values), backward


def matmul(values, masks):
    x, kernel = values

    def backward(d_out):
        return d_out @ kernel.T, x.reshape(-1, x.shape[-1]).T @ d_out.reshape(-1, d_out.shape[-1])

    return x @ kernel, backward


def moved(places):
    """What a linear operation makes of an array of the numbers of its values; -1: a constant."""

    def backward_of(x):
        def backward(d_out):
            d_x = np.zeros(x.size)
            np.add.at(d_x, places.ravel()[places.ravel() >= 0], d_out.ravel()[places.ravel() >= 0])
            return (d_x.reshape(x.shape),)

        return backward

    return backward_of


def slice_(values, masks, axis, start=0, stop=1 << 20, step=1):
    (x,) = values
    numbers = np.arange(x.size).reshape(x.shape)
    stop = None if abs(stop) >= 1 << 20 else stop
    start = None if abs(start) >= 1 << 20 else start
    places = numbers[(slice(None),) * axis + (slice(start, stop, step),)]
    return x.ravel()[places], moved(places)(x)


def pad(values, masks, axis, before=0, behind=0, value=0.0):
    (x,) = values
    around = [(before, behind) if one == axis else (0, 0) for one in range(x.ndim)]
    places = np.pad(np.arange(x.size).reshape(x.shape), around, constant_values=-1)
    return np.where(places < 0, value, x.ravel()[places]), moved(places)(x)


def stretch(values, masks, axis, times=1):
    (x,) = values
    places = np.repeat(np.arange(x.size).reshape(x.shape), times, axis)
    return x.ravel()[places], moved(places)(x)


def cumsum(values, masks, axes=0):
    (x,) = values
    axis = int(axes).bit_length() - 1 if axes else x.ndim - 1

    def backward(d_out):
        return (np.flip(np.cumsum(np.flip(d_out, axis), axis), axis),)

    return np.cumsum(x, axis), backward


def reduce(values, masks, kind, steps):
    """The sum or mean over the unmasked steps."""
    (x,), (mask,) = values, masks
    counts = np.ones(x.shape[:2]) if mask is None else mask * 1.0
    number = counts.sum(1) if kind == "mean" else np.ones(len(x))
    share = (counts / np.maximum(number, 1)[:, None])[:, :, None]
    return (x * share).sum(1), lambda d_out: (share * d_out[:, None],)


def argsort(values, masks, axis, descending=0):
    (x,) = values
    found = np.argsort(-x if descending else x, axis, kind="stable")
    return found.astype(float), lambda d_out: (np.zeros_like(x),)


def attention(values, masks, heads=1, causal=0, scale=1.0, kept=1.0):
    """`kept`: what dropout multiplies the shares [B, heads, T, S] with."""
    q, k, v = values
    counts = [np.ones(x.shape[:2], bool) if m is None else m for x, m in zip(values, masks, strict=True)]
    allowed = counts[0][:, :, None] & counts[1][:, None, :]
    if causal:
        allowed &= np.tril(np.ones(allowed.shape[1:], bool))
    split = lambda x: np.stack(np.split(x, heads, -1), 1)  # noqa: E731
    joined = lambda x: np.concatenate(list(np.moveaxis(x, 1, 0)), -1)  # noqa: E731
    q, k, v = map(split, (q, k, v))
    scores = np.where(allowed[:, None], scale * q @ np.swapaxes(k, -1, -2), -np.inf)
    top = np.maximum(scores.max(-1, keepdims=True, initial=-1e300), -1e300)
    shares = np.exp(scores - top)
    shares /= np.maximum(shares.sum(-1, keepdims=True), 1e-300)

    def backward(d_out):
        d_out = split(d_out)
        d_shares = d_out @ np.swapaxes(v, -1, -2) * kept
        d_scores = scale * shares * (d_shares - (d_shares * shares).sum(-1, keepdims=True))
        d_v = np.swapaxes(shares * kept, -1, -2) @ d_out
        return joined(d_scores @ k), joined(np.swapaxes(d_scores, -1, -2) @ q), joined(d_v)

    return joined(shares * kept @ v), backward


FUNCTIONS = {
    "elementwise": elementwise,
    "matmul": matmul,
    "slice": slice_,
    "pad": pad,
    "stretch": stretch,
    "cumsum": cumsum,
    "reduce": reduce,
    "argsort": argsort,
    "attention": attention,
}


def run(name, tensors, arrays, attributes):
    """The result of an operation, a Sequence under the mask of the first one where it has steps."""
    if name == "weight":
        return arrays[0], lambda d_out: (d_out,)
    values = [one.values if isinstance(one, reference.Sequence) else one for one in tensors]
    masks = [one.mask if isinstance(one, reference.Sequence) else None for one in tensors]
    out, backward = FUNCTIONS[name](values, masks, **attributes)
    if not isinstance(tensors[0], reference.Sequence) or name == "reduce":
        return out, backward
    mask = masks[0]
    return reference.sequence(out, mask), lambda d_out: backward(reference.sequence(d_out, mask).values)
