"""Operations along other axes than the last in float64: `axes` has bit k for axis k, the batch's being 0.

Masked steps take no part where the steps are among the axes. Each function wraps that of the last axis: the
values of a lane are gathered, worked on, and put back.
"""

import numpy as np
import reference
import reference_layers


def chosen(axes, ndim):
    return [axis for axis in range(1, ndim) if axes >> axis & 1]


def lanes(x, mask, axes):
    """(indices of the values, their places in the lane) of each lane; masked steps are left out."""
    along = chosen(axes, x.ndim)
    turned = np.moveaxis(np.arange(x.size).reshape(x.shape), along, range(-len(along), 0))
    numbers = turned.reshape(-1, int(np.prod([x.shape[axis] for axis in along])))
    counted = np.ones(x.shape, bool)
    if mask is not None and 1 in along:
        counted &= mask.reshape(*mask.shape, *[1] * (x.ndim - 2))
    for row in numbers:
        places = np.flatnonzero(counted.ravel()[row])
        if len(places):
            yield row[places], places


def laned(function, x, mask, axes):
    """function(a row [1, n]) -> (row, backward), applied to each lane."""
    out, backs = np.zeros(x.size), []
    for where, _ in lanes(x, mask, axes):
        row, back = function(x.ravel()[where][None])
        out[where] = row[0]
        backs.append((where, back))

    def backward(d_out):
        d_x = np.zeros(x.size)
        for where, back in backs:
            d_x[where] = back(d_out.ravel()[where][None])[0][0]
        return (d_x.reshape(x.shape),)

    return out.reshape(x.shape), backward


def softmax(x, mask, axes):
    return laned(reference.softmax, x, mask, axes)


def log_softmax(x, mask, axes):
    return laned(reference.log_softmax, x, mask, axes)


def unit_normalization(x, mask, axes):
    return laned(reference_layers.unit_normalization, x, mask, axes)


def layer_normalization(x, mask, *parameters, axes, scale=True, center=True, epsilon=1e-3):
    """gamma and beta have the sizes of the axes."""
    plain = lambda row: reference_layers.layer_normalization(row, scale=False, center=False, epsilon=epsilon)  # noqa: E731
    normal, back = laned(plain, x, mask, axes)
    places = [(where, at) for where, at in lanes(x, mask, axes)]
    gamma, beta, kept = np.ones(x.size), np.zeros(x.size), np.zeros(x.size)
    for where, at in places:
        kept[where] = 1
        if scale:
            gamma[where] = parameters[0].ravel()[at]
        if center:
            beta[where] = parameters[-1].ravel()[at]
    shaped = [array.reshape(x.shape) for array in (gamma, beta, kept)]

    def backward(d_out):
        d_out = d_out * shaped[2]
        gradients = []
        for factor in [normal] * bool(scale) + [np.ones(x.shape)] * bool(center):
            gradient = np.zeros(parameters[0].size)
            for where, at in places:
                gradient[at] += (d_out * factor).ravel()[where]
            gradients.append(gradient.reshape(parameters[0].shape))
        return (*back(d_out * shaped[0]), *gradients)

    return normal * shaped[0] + shaped[1] * shaped[2], backward


def batch_normalization(x, mask, *parameters, axes, training, **settings):
    """Each place of the axis by itself, as a batch of one channel."""
    (axis,) = chosen(axes, x.ndim)
    out, backs = np.zeros(x.shape), []
    for place in range(x.shape[axis]):
        here = (slice(None),) * axis + (place,)
        part = x[here]
        counted = np.ones(x.shape[:2], bool) if mask is None else mask
        counted = counted.reshape(*counted.shape, *[1] * (x.ndim - 2)) & np.ones(x.shape, bool)
        own = [parameter[place : place + 1] for parameter in parameters]
        made, back = reference_layers.batch_normalization(
            part.reshape(-1, 1), counted[here].reshape(-1), *own, training=training, **settings
        )
        out[here] = made.reshape(part.shape)
        backs.append((here, back))

    def backward(d_out):
        d_x, gradients = np.zeros(x.shape), [np.zeros(parameter.shape) for parameter in parameters]
        for place, (here, back) in enumerate(backs):
            d_part, *found = back(d_out[here].reshape(-1, 1))
            d_x[here] = d_part.reshape(d_x[here].shape)
            for gradient, one in zip(gradients, found, strict=True):
                gradient[place] += one[0]
        return (d_x, *gradients)

    return out, backward


def concatenate_steps(tensors):
    """Texts one behind the other, and their masks; masked steps are zeros."""
    ends = np.cumsum([t.values.shape[1] for t in tensors])[:-1]
    masks = [np.ones(t.values.shape[:2], bool) if t.mask is None else t.mask for t in tensors]
    mask = None if all(t.mask is None for t in tensors) else np.concatenate(masks, 1)
    out = np.concatenate(
        [reference.sequence(t.values, m).values for t, m in zip(tensors, masks, strict=True)], 1
    )

    def backward(d_out):
        parts = np.split(reference.sequence(d_out, mask).values, ends, 1)
        return tuple(reference.sequence(d, m).values for d, m in zip(parts, masks, strict=True))

    return reference.sequence(out, mask), backward
