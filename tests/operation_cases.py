"""What the golden values of Keras are computed of: operations, the shapes of their arguments, and attention.
Imported by tests/golden/make_keras_operations.py, with Keras, and by the tests, with embedcnn.
"""

import zlib

import numpy as np

ONE = [((3, 5),), ((1, 1),), ((2, 4, 3),), ((2, 7, 1),), ((2, 3, 2, 4),)]
TWO = [
    ((3, 5), (3, 5)),
    ((3, 5), (3, 1)),
    ((2, 4, 3), (2, 1, 3)),
    ((2, 1, 3), (2, 4, 1)),
    ((2, 3, 2, 4), (2, 3, 1, 4)),
]
DEEP = [((2, 4, 3),), ((1, 4, 2),), ((2, 4, 3, 2),), ((2, 4, 1),), ((3, 4, 5),)]
MATRICES = [
    ((2, 3, 4), (2, 4, 5)),
    ((1, 1, 1), (1, 1, 1)),
    ((3, 7, 2), (3, 2, 9)),
    ((2, 20, 17), (2, 17, 6)),
    ((2, 2, 3, 4), (2, 2, 4, 3)),
]
THREE = [shapes for shapes in MATRICES if len(shapes[0]) == 3]

OF_ONE = "negative exp log log1p expm1 sqrt rsqrt square abs erf sin cos tanh sigmoid relu reciprocal"
OF_TWO = (
    "add subtract multiply divide maximum minimum power equal not_equal less less_equal greater "
    "greater_equal logical_and logical_or"
)
REDUCTIONS = "sum mean max min logsumexp var argmax"


def named(name, *settings, **more):
    """The operation of this name, with settings behind its tensors."""
    return lambda ops, *tensors: getattr(ops, name)(*tensors, *settings, **more)


CASES = {
    **{name: (named(name), ONE) for name in OF_ONE.split()},
    **{name: (named(name), TWO) for name in OF_TWO.split()},
    **{
        f"{name} {axis} {keepdims}": (named(name, axis, keepdims=keepdims), ONE)
        for name in REDUCTIONS.split()
        for axis, keepdims in ((1, False), (-1, True))
    },
    "logical_not": (lambda ops, x: ops.logical_not(x > 1), ONE),
    "where": (lambda ops, x, y: ops.where(x > 1, x, y), TWO),
    "clip": (lambda ops, x: ops.clip(x, 0.7, 1.2), ONE),
    "cast": (lambda ops, x: ops.cast(x, "int32"), ONE),
    "zeros_like": (lambda ops, x: ops.zeros_like(x), ONE),
    "ones_like": (lambda ops, x: ops.ones_like(x), ONE),
    "mean of all": (lambda ops, x: ops.mean(x), ONE),
    "cumsum": (lambda ops, x: ops.cumsum(x, axis=1), ONE),
    "softmax": (lambda ops, x: ops.softmax(x, axis=1), ONE),
    "log_softmax": (lambda ops, x: ops.log_softmax(x, axis=-1), ONE),
    "normalize": (lambda ops, x: ops.normalize(x, axis=-1), ONE),
    "reshape": (lambda ops, x: ops.reshape(x, (x.shape[0] or -1, -1)), ONE),
    "reshape deep": (lambda ops, x: ops.reshape(x, (-1, 2, 2, *x.shape[2:])), DEEP),
    "transpose": (lambda ops, x: ops.transpose(x, (0, 2, 1, *range(3, len(x.shape)))), DEEP),
    "swapaxes": (lambda ops, x: ops.swapaxes(x, 1, -1), DEEP),
    "expand_dims": (lambda ops, x: ops.expand_dims(x, -1), ONE),
    "squeeze": (lambda ops, x: ops.squeeze(ops.expand_dims(x, 1), 1), ONE),
    "get_item": (lambda ops, x: x[:, 1:3, ..., :1], DEEP),
    "get_item last": (lambda ops, x: x[:, -1], DEEP),
    "concatenate": (lambda ops, x: ops.concatenate([x, x * x], axis=1), ONE),
    "stack": (lambda ops, x: ops.stack([x, x * 2], axis=1), ONE),
    "split": (lambda ops, x: ops.split(x, 2, axis=1)[1], DEEP),
    "tile": (lambda ops, x: ops.tile(x, [1, 2, *[1] * (len(x.shape) - 2)]), ONE),
    "repeat": (lambda ops, x: ops.repeat(x, 2, axis=1), ONE),
    "pad": (lambda ops, x: ops.pad(x, [(0, 0), (1, 2), *[(0, 1)] * (len(x.shape) - 2)]), ONE),
    "flip": (lambda ops, x: ops.flip(x, 1), ONE),
    "take": (lambda ops, x: ops.take(x, np.array([2, 0, 3]), axis=1), DEEP),
    "take_along_axis": (
        lambda ops, x: ops.take_along_axis(x, ops.cast(ops.argmax(x, 1, keepdims=True), "int32"), axis=1),
        DEEP,
    ),
    "one_hot": (lambda ops, x: ops.one_hot(ops.argmax(x, axis=-1), 6), ONE),
    "matmul": (lambda ops, x, y: ops.matmul(x, y), MATRICES),
    "einsum": (lambda ops, x, y: ops.einsum("bik,bkj->bji", x, y), THREE * 2),
    "operators": (lambda ops, x, y: (2.0 - x) * y / (x + 1.5) - x**2 + abs(-y), TWO),
}


def arrays_for(name, shapes):
    """The arguments: positive, so that logarithms and roots have values, and no two alike."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return [rng.uniform(0.3, 2, shape).astype(np.float32) for shape in shapes]


ATTENTIONS = {
    "dot": ("Attention", {}, {}, (3, 5, 4), (3, 6, 4)),
    "scaled": ("Attention", {"use_scale": True}, {}, (2, 5, 4), (2, 5, 4)),
    "causal": ("Attention", {}, {"use_causal_mask": True}, (2, 5, 4), (2, 5, 4)),
    "concat": ("Attention", {"use_scale": True, "score_mode": "concat"}, {}, (2, 3, 4), (2, 5, 4)),
    "additive": ("AdditiveAttention", {}, {}, (3, 5, 4), (3, 6, 4)),
    "additive unscaled": ("AdditiveAttention", {"use_scale": False}, {}, (2, 5, 4), (2, 4, 4)),
    "heads": ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, {}, (3, 5, 4), (3, 6, 7)),
    "wide heads": (
        "MultiHeadAttention",
        {"num_heads": 3, "key_dim": 2, "output_shape": 6, "use_bias": False},
        {},
        (2, 4, 8),
        (2, 4, 8),
    ),
    "causal heads": (
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 4},
        {"use_causal_mask": True},
        (2, 6, 8),
        (2, 6, 8),
    ),
}
"""Layer, its arguments, those of its call, shapes of query and value."""


def attention_data(query, value):
    """Query, value, and a mask of each: the first text is whole, the others are padded behind."""
    rng = np.random.default_rng(11)
    masks = [np.ones(shape[:2], bool) for shape in (query, value)]
    for mask in masks:
        for text in range(1, len(mask)):
            mask[text, mask.shape[1] - text :] = False
    return [rng.normal(size=shape).astype(np.float32) for shape in (query, value)] + masks


def weights_for(shapes):
    rng = np.random.default_rng(13)
    return [rng.uniform(-0.8, 0.8, shape).astype(np.float32) for shape in shapes]
