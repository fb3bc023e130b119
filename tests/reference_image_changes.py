"""Operations that move or change pixels of images [B, H, W, C], in float64: slow and obvious.

Each gives the result and a function from its gradient to those of what it read.
"""

import numpy as np
from reference import random_key, random_u32

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


def draw(seed, step, layer, image, number, low, high):
    """Number `number` of an image, as csrc/ops/image_draws.h keys it."""
    key = seed
    for counter in (step, layer, image):
        key = random_key(key, counter)
    return low + (high - low) * random_u32(key, number) / 2**32


def linear(x, images):
    """The result and the backward of a matrix for each image, from its values to those of the result."""
    out = np.stack([matrix @ one.ravel() for (matrix, _), one in zip(images, x, strict=True)])
    out = out.reshape(len(x), *images[0][1])

    def backward(d_out):
        back = [matrix.T @ one.ravel() for (matrix, _), one in zip(images, d_out, strict=True)]
        return (np.stack(back).reshape(x.shape),)

    return out, backward


def moved(places, size):
    """The matrix of an image whose values come from these places, -1: from nowhere."""
    matrix = np.zeros((places.size, size))
    found = places.ravel() >= 0
    matrix[np.flatnonzero(found), places.ravel()[found]] = 1
    return matrix, places.shape


def numbers_of(x):
    return np.arange(x[0].size).reshape(x.shape[1:])


def window_of(numbers, top, left, height, width):
    places = np.full((height, width, numbers.shape[2]), -1)
    for i, j in np.ndindex(height, width):
        if 0 <= top + i < numbers.shape[0] and 0 <= left + j < numbers.shape[1]:
            places[i, j] = numbers[top + i, left + j]
    return places


def window_images(x, height, width, top=0, left=0, value=0.0, **_):
    places = window_of(numbers_of(x), top, left, height, width)
    out, backward = linear(x, [moved(places, x[0].size)] * len(x))
    return out + value * (places < 0), backward


def random_window(x, height, width, layer=0, seed=0, step=0, **_):
    images = []
    for image in range(len(x)):
        top = int(draw(seed, step, layer, image, 0, 0, x.shape[1] - height + 1))
        left = int(draw(seed, step, layer, image, 1, 0, x.shape[2] - width + 1))
        images.append(moved(window_of(numbers_of(x), top, left, height, width), x[0].size))
    return linear(x, images)


def random_flip(x, cols=False, rows=False, layer=0, always=False, seed=0, step=0, training=True):
    images = []
    for image in range(len(x)):
        turns = (training or always) and draw(seed, step, layer, image, 0, 0, 1) < 0.5
        places = numbers_of(x)
        places = places[:, ::-1] if turns and cols else places
        images.append(moved(places[::-1] if turns and rows else places, x[0].size))
    return linear(x, images)


def inside(at, size, fill_mode):
    """A coordinate brought into an axis of `size` places, in float32."""
    at, length, last = np.float32(at), np.float32(size), np.float32(size - 1)
    if fill_mode == "constant" or 0 <= at <= last:
        return at
    if fill_mode == "reflect":
        at = -at - np.float32(1) if at < 0 else at
        at -= 2 * length * np.floor(at / (2 * length))
        at = 2 * length - at - 1 if at >= length else at
    elif fill_mode == "wrap" and size > 1:
        at += length * (np.floor(-at / last) + 1 if at < 0 else -np.floor(at / last))
    return np.float32(min(max(at, 0), last))


def map_matrix(shape, numbers, fill_mode, interpolation):
    """The matrix of an image [H, W, C] seen through a map, and what share of each value is the constant."""
    height, width, channels = shape
    matrix, constant = np.zeros((height, width, height, width)), np.zeros((height, width))
    a, b, c = np.float32(numbers[:3]), np.float32(numbers[3:6]), np.float32(numbers[6:])
    for row, col in np.ndindex(height, width):
        x, y = np.float32(col), np.float32(row)
        k = c[0] * x + c[1] * y + np.float32(1)
        at_x = inside((a[0] * x + a[1] * y + a[2]) / k, width, fill_mode)
        at_y = inside((b[0] * x + b[1] * y + b[2]) / k, height, fill_mode)
        if interpolation == "nearest":  # halves away from zero
            at_x, at_y = (np.copysign(np.floor(np.abs(at) + np.float32(0.5)), at) for at in (at_x, at_y))
        left, top = np.floor(at_x), np.floor(at_y)
        for up, beside in np.ndindex(2, 2):
            share = abs(1 - up - float(at_y - top)) * abs(1 - beside - float(at_x - left))
            if 0 <= top + up < height and 0 <= left + beside < width:
                matrix[row, col, int(top) + up, int(left) + beside] += share
            else:
                constant[row, col] += share
    whole = np.einsum("ijkl,cd->ijckld", matrix, np.eye(channels))
    return whole.reshape(height * width * channels, -1), constant[..., None]


def affine_images(x, maps, fill_mode="constant", fill_value=0.0, interpolation="bilinear"):
    found = [map_matrix(x.shape[1:], one, fill_mode, interpolation) for one in maps]
    out, backward = linear(x, [(matrix, x.shape[1:]) for matrix, _ in found])
    out = out + fill_value * np.stack([constant for _, constant in found])
    return out, lambda d_out: (*backward(d_out), np.zeros(maps.shape))


def map_drawn(kind, row, col, height, width):
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    if kind == "translation":
        return [1, 0, -col * width, 0, 1, -row * height, 0, 0]
    turn = np.array([[np.cos(2 * np.pi * row), -np.sin(2 * np.pi * row)], [0, 0]])
    turn[1] = -turn[0, 1], turn[0, 0]
    matrix = turn if kind == "rotation" else np.diag([1 + col, 1 + row])
    away = middle - matrix @ middle
    return [*matrix[0], away[0], *matrix[1], away[1], 0, 0]


def random_affine(
    x,
    kind="rotation",
    row_low=0,
    row_high=0,
    col_low=0,
    col_high=0,
    keeps_ratio=False,
    layer=0,
    always=False,
    seed=0,
    step=0,
    training=True,
    **settings,
):
    if not training and not always:
        return x, lambda d_out: (d_out,)
    maps = []
    for image in range(len(x)):
        row = draw(seed, step, layer, image, 0, row_low, row_high)
        col = row if keeps_ratio else draw(seed, step, layer, image, 1, col_low, col_high)
        maps.append(map_drawn(kind, row, col, *x.shape[1:3]))
    out, backward = affine_images(x, np.array(maps), **settings)
    return out, lambda d_out: backward(d_out)[:1]


def random_light(
    x, low=0, high=0, least=0, most=0, contrast=False, layer=0, always=False, seed=0, step=0, training=True
):
    if not training and not always:
        return x, lambda d_out: (d_out,)
    drawn = np.array([draw(seed, step, layer, image, 0, low, high) for image in range(len(x))])
    factor = drawn.reshape(-1, 1, 1, 1)
    plain = x.mean((1, 2), keepdims=True) * (1 - factor) + factor * x if contrast else x + factor

    def backward(d_out):
        d = np.where((plain < least) | (plain > most), 0, d_out)
        return (factor * d + (1 - factor) * d.mean((1, 2), keepdims=True) if contrast else d,)

    return np.clip(plain, least, most), backward


FUNCTIONS = {
    "resize_images": lambda x, seed, step, training, **settings: resize_images(x, **settings),
    "affine_images": lambda x, maps, seed, step, training, **settings: affine_images(x, maps, **settings),
    "window_images": window_images,
    "random_window": random_window,
    "random_flip": random_flip,
    "random_affine": random_affine,
    "random_light": random_light,
}
"""By the name of the operation: of images (and what else it reads), seed, step, training and its settings."""
