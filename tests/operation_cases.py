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

FOUR = [((2, 4, 3),), ((1, 3, 2),), ((2, 4, 3, 2),), ((2, 3, 4),), ((3, 5, 5),)]
"""As DEEP, of other sizes; the last axes are such that neither is larger everywhere."""
THREE_AXES = [((2, 4, 3),), ((1, 3, 2),), ((4, 4, 4),), ((2, 3, 4),), ((3, 5, 5),)]
PAIRS = [((3, 5), (3, 5)), ((1, 2), (1, 2)), ((2, 4, 3), (2, 4, 3)), ((2, 7, 2), (2, 7, 2)), ((9, 4), (9, 4))]

SIZES = [(2, 3, 4, 2, 5), (1, 1, 1, 1, 1), (2, 4, 4, 1, 3), (1, 5, 2, 3, 2), (3, 2, 2, 2, 2)]
HEADS = [tuple((batch, steps, n, h) for steps in (t, s, s)) for batch, t, s, n, h in SIZES]
ACTIVATIONS = (
    "relu6 leaky_relu elu celu selu silu gelu softplus softsign hard_sigmoid hard_silu hard_tanh log_sigmoid "
    "tanh_shrink soft_shrink hard_shrink squareplus sparse_plus sparse_sigmoid"
)
WITH_SETTINGS = {
    "leaky_relu": (0.1,),
    "elu": (0.5,),
    "celu": (0.5,),
    "soft_shrink": (0.7,),
    "hard_shrink": (0.7,),
    "threshold": (1.0, 0.3),
    "squareplus": (2.0,),
    "gelu": (False,),
}
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
    **{
        name: (named(name), ONE)
        for name in ("arcsinh", "erfc", "deg2rad", "rad2deg", "sinc", "isposinf", "isneginf")
    },
    "arccosh": (lambda ops, x: ops.arccosh(x + 1), ONE),
    "arctanh": (lambda ops, x: ops.arctanh(x / 3), ONE),
    **{name: (named(name), TWO) for name in ("fmax", "fmin", "logaddexp2")},
    "heaviside": (lambda ops, x, y: ops.heaviside(ops.round(x) - 1, y), TWO),
    "fmod": (lambda ops, x, y: ops.fmod(ops.stop_gradient(x * 5), y + 1), TWO),
    "fliplr": (named("fliplr"), DEEP),
    "hsplit": (lambda ops, x: ops.hsplit(x, 2)[1], DEEP),
    "dsplit": (lambda ops, x: ops.dsplit(x, [1])[0], FOUR),
    "dstack": (lambda ops, x: ops.dstack([x, x * x]), DEEP),
    "cross": (lambda ops, x, y: ops.cross(x, y), [((2, 3), (2, 3))] * 3 + [((2, 4, 3), (2, 4, 3))] * 2),
    "trapezoid": (lambda ops, x: ops.trapezoid(x, dx=0.5, axis=1), FOUR),
    **{
        f"{name} {axis}": (
            lambda ops, x, name=name, axis=axis: getattr(ops, name)(
                ops.where(x > 1.2, np.float32("nan"), x), axis=axis
            ),
            FOUR,
        )
        for name in ("nansum", "nanprod")
        for axis in (1, -1)
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
    **{name: (lambda ops, x, name=name: getattr(ops, name)(x - 1.1), ONE) for name in ACTIVATIONS.split()},
    **{
        f"{name} {settings}": (
            lambda ops, x, name=name, settings=settings: getattr(ops, name)(x - 1.1, *settings),
            ONE,
        )
        for name, settings in WITH_SETTINGS.items()
    },
    **{name: (named(name), ONE) for name in ["tan", "sinh", "cosh", "arctan", "log2", "log10", "exp2"]},
    **{name: (lambda ops, x, name=name: getattr(ops, name)(x / 3), ONE) for name in ("arcsin", "arccos")},
    **{name: (named(name), TWO) for name in ("arctan2", "logaddexp", "divide_no_nan", "floor_divide")},
    **{
        name: (lambda ops, x, name=name: getattr(ops, name)(ops.log(x - 1)), ONE)
        for name in ("isnan", "isfinite", "isinf")
    },
    "nan_to_num": (lambda ops, x: ops.nan_to_num(ops.stop_gradient(ops.log(x - 1))) + x, ONE),
    **{f"{name} {axis}": (named(name, axis), ONE) for name in ("sort", "argsort") for axis in (1, -1)},
    "top_k": (lambda ops, x: ops.top_k(x, 2)[0], [*DEEP[:3], DEEP[4], ((2, 3, 7),)]),
    "top_k indices": (lambda ops, x: ops.top_k(x, 2)[1], [*DEEP[:3], DEEP[4], ((2, 3, 7),)]),
    "in_top_k": (lambda ops, x: ops.in_top_k(ops.argmax(x[:, :, 1], -1), x[:, :, 0], 2), THREE_AXES),
    "multi_hot": (lambda ops, x: ops.multi_hot(ops.argmax(x, axis=-1), 6), FOUR),
    "isin": (lambda ops, x: ops.isin(ops.argmax(x, axis=-1), np.array([0, 2])), FOUR),
    **{
        f"{name} {axis} {keepdims}": (named(name, axis, keepdims=keepdims), ONE)
        for name in ("prod", "any", "all", "ptp", "amax", "amin")
        for axis, keepdims in ((1, False), (-1, True))
    },
    **{f"std {axis}": (named("std", axis), FOUR) for axis in (1, -1)},
    "average": (lambda ops, x: ops.average(x, axis=1), ONE),
    "average weighted": (lambda ops, x, y: ops.average(x, axis=1, weights=y), [(one, one) for (one,) in ONE]),
    "count_nonzero": (lambda ops, x: ops.count_nonzero(ops.relu(x - 1), axis=1), ONE),
    "moments": (lambda ops, x: ops.moments(x, axes=[1])[1], ONE),
    **{f"norm {order}": (named("norm", order, 1), ONE) for order in (None, 1, 2, 3, np.inf)},
    "norm of two": (named("norm", "fro", (-2, -1)), FOUR),
    "rms_normalization": (lambda ops, x: ops.rms_normalization(x, axis=-1, epsilon=1e-3), ONE),
    "binary_crossentropy": (lambda ops, x: ops.binary_crossentropy(ops.round(x / 2), x / 2.1), ONE),
    "binary_crossentropy logits": (
        lambda ops, x: ops.binary_crossentropy(ops.round(x / 2), x, from_logits=True),
        ONE,
    ),
    "categorical_crossentropy": (lambda ops, x, y: ops.categorical_crossentropy(x, y), PAIRS),
    "categorical_crossentropy logits": (
        lambda ops, x, y: ops.categorical_crossentropy(ops.softmax(x), y, from_logits=True),
        PAIRS,
    ),
    "sparse_categorical_crossentropy": (
        lambda ops, x: ops.sparse_categorical_crossentropy(ops.argmax(x, -1), x, from_logits=True),
        FOUR,
    ),
    **{
        f"pad {mode}": (
            lambda ops, x, mode=mode: ops.pad(x, [(0, 0), (1, 2), *[(0, 0)] * (len(x.shape) - 2)], mode=mode),
            FOUR,
        )
        for mode in ("reflect", "symmetric")
    },
    "roll": (lambda ops, x: ops.roll(x, 3, axis=1), ONE),
    "diff": (lambda ops, x: ops.diff(x, axis=1), FOUR),
    "moveaxis": (lambda ops, x: ops.moveaxis(x, 1, -1), FOUR),
    "hstack": (lambda ops, x: ops.hstack([x, x * 2]), ONE),
    "unstack": (lambda ops, x: ops.unstack(x, axis=1)[2], FOUR),
    "slice": (lambda ops, x: ops.slice(x, [0, 1, 0], [x.shape[0] or -1, 2, 1]), THREE_AXES),
    "full_like": (lambda ops, x: ops.full_like(x, 3.0), ONE),
    **{name: (named(name), FOUR) for name in ("tril", "triu")},
    "triu shifted": (lambda ops, x: ops.triu(x, k=1), FOUR),
    "diagonal": (lambda ops, x: ops.diagonal(x, 1, axis1=1, axis2=2), THREE_AXES),
    "trace": (lambda ops, x: ops.trace(x, axis1=1, axis2=2), THREE_AXES),
    "tensordot": (lambda ops, x: ops.tensordot(x, np.ones((x.shape[-1], 3), "float32"), 1), FOUR),
    "einsum dots": (
        lambda ops, x: ops.einsum("...i,ij->...j", x, np.ones((x.shape[-1], 3), "float32")),
        FOUR,
    ),
    "einsum of one": (lambda ops, x: ops.einsum("bij->bj", x), THREE_AXES),
    "einsum of three": (lambda ops, x, y: ops.einsum("bik,bkj,bil->bjl", x, y, x * 2), THREE * 2),
    "cumprod": (lambda ops, x: ops.cumprod(x, axis=1), ONE),
    "median": (lambda ops, x: ops.median(x, axis=-1), FOUR),
    "median of steps": (lambda ops, x: ops.median(x, axis=1, keepdims=True), FOUR),
    "select": (lambda ops, x, y: ops.select([x > 1, y > 1], [x * y, y], x), PAIRS),
    "isclose": (lambda ops, x, y: ops.isclose(ops.round(x), ops.round(y)), PAIRS),
    "hypot": (named("hypot"), TWO),
    "cbrt": (named("cbrt"), ONE),
    "append": (lambda ops, x: ops.append(x, x * x, axis=1), ONE),
    "cond": (lambda ops, x: ops.cond(ops.sum(x) > 5.0, lambda: x * 2, lambda: x * x), ONE),
    "fori_loop": (lambda ops, x: ops.fori_loop(0, 3, lambda i, y: y * x, x), ONE),
    "dot_product_attention": (lambda ops, q, k, v: ops.dot_product_attention(q, k, v), HEADS),
    "dot_product_attention causal": (
        lambda ops, q, k, v: ops.dot_product_attention(q, k, v, is_causal=True, scale=0.7),
        HEADS,
    ),
    "swish": (lambda ops, x: ops.swish(x), ONE),
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
