"""Operations of symbolic tensors in the core against NumPy in float64: values, and gradients by differences.

Each on several shapes, without steps, with steps, and with more axes. The specification of the value is what
NumPy gives; that of the gradient, its differences.
"""

import numpy as np
import pytest
from tensor_checks import SHAPES, arrays_of, check, erf

import embedcnn
from embedcnn import layers, ops

ONE = {
    "negative": np.negative,
    "exp": np.exp,
    "log1p": lambda x: np.log1p(np.abs(x)),
    "expm1": np.expm1,
    "square": np.square,
    "abs": np.abs,
    "erf": erf,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "reciprocal": lambda x: 1 / x,
}
OF_POSITIVE = {"log": np.log, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x)}
WITHOUT_SLOPE = {"sign": np.sign, "floor": np.floor, "ceil": np.ceil, "round": np.round, "trunc": np.trunc}


@pytest.mark.parametrize("shape", SHAPES)
def test_functions_of_one_value(shape):
    (x,) = arrays_of([shape])
    for name, reference in ONE.items():
        given = np.abs(x) if name == "log1p" else x
        check(getattr(ops, name), reference, [given])
    for name, reference in OF_POSITIVE.items():
        check(getattr(ops, name), reference, [np.abs(x)])
    for name, reference in WITHOUT_SLOPE.items():
        check(getattr(ops, name), reference, [x], slopes=False)
    check(lambda x: ops.clip(x, -1.0, 0.9), lambda x: np.clip(x, -1, 0.9), [x])
    check(ops.zeros_like, np.zeros_like, [x], slopes=False)
    check(ops.ones_like, np.ones_like, [x], slopes=False)
    check(ops.stop_gradient, np.array, [x], slopes=False)


BROADCAST = [
    ((3, 5), (3, 5)),
    ((3, 5), (3, 1)),
    ((2, 4, 3), (2, 1, 3)),
    ((2, 4, 1), (2, 4, 3)),
    ((2, 1, 3), (2, 4, 1)),
    ((2, 3, 2, 4), (2, 3, 1, 4)),
    ((2, 3, 2, 4), (2, 1, 2, 1)),
]


@pytest.mark.parametrize("shapes", BROADCAST)
def test_two_values(shapes):
    x, y = arrays_of(shapes)
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum"):
        check(getattr(ops, name), getattr(np, name), [x, y])
    check(ops.power, np.power, [np.abs(x), y])
    for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
        compare = getattr(np, name)
        check(getattr(ops, name), lambda x, y, compare=compare: compare(x, y) * 1.0, [x, y], slopes=False)
    check(lambda x, y: ops.where(x > 0, x, y), lambda x, y: np.where(x > 0, x, y), [x, y])
    both, either = (lambda x, y: (x > 0) & (y > 1), lambda x, y: (x > 0) | (y > 1))
    check(both, lambda x, y: both(x, y) * 1.0, [x, y], slopes=False)
    check(either, lambda x, y: either(x, y) * 1.0, [x, y], slopes=False)


def test_operators_with_numbers_and_arrays_on_both_sides():
    x, y = arrays_of([(2, 4, 3), (2, 4, 3)])
    steps, channels = (array.astype(np.float32) for array in arrays_of([(4, 3), (3,)], 5))

    def formula(x, y):
        return (2.0 - x) * channels + steps / (x * y) - (x**2 + 1) ** 0.5 + 1 / (3 + abs(-y)) + x % 2.0

    check(formula, formula, [x, y])
    check(lambda x: x // 0.7, lambda x: x // 0.7, [x], slopes=False)
    check(lambda x: (x != 0.5) ^ (x > 1), lambda x: ((x != 0.5) ^ (x > 1)) * 1.0, [x], slopes=False)
    check(lambda x: channels * x - 1.0, lambda x: channels * x - 1, [x])


@pytest.mark.parametrize("shape", SHAPES)
def test_reductions(shape):
    (x,) = arrays_of([shape])
    for axis in {-1, 1, tuple(range(1, len(shape)))}:
        for keepdims in (False, True):
            check_reductions(x, axis, keepdims)
    for axis in {-1, 1}:
        check_along_one(x, axis)
    check(lambda x: ops.normalize(x), lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True), [x])


def check_reductions(x, axis, keepdims):
    for name in ("sum", "mean", "max", "min", "var"):
        function, reference = getattr(ops, name), getattr(np, name)
        check(
            lambda x, function=function: function(x, axis, keepdims),
            lambda x, reference=reference: reference(x, axis=axis, keepdims=keepdims),
            [x],
        )
    check(
        lambda x: ops.logsumexp(x, axis, keepdims),
        lambda x: np.log(np.exp(x).sum(axis=axis, keepdims=keepdims)),
        [x],
    )
    for name in ("any", "all"):
        function, reference = getattr(ops, name), getattr(np, name)
        check(
            lambda x, function=function: function(x > 0, axis, keepdims),
            lambda x, reference=reference: reference(x > 0, axis=axis, keepdims=keepdims) * 1.0,
            [x],
            slopes=False,
        )


def check_along_one(x, axis):
    for name in ("argmax", "argmin"):
        function, reference = getattr(ops, name), getattr(np, name)
        check(
            lambda x, function=function: function(x, axis),
            lambda x, reference=reference: reference(x, axis=axis) * 1.0,
            [x],
            slopes=False,
        )
    check(lambda x: ops.cumsum(x, axis), lambda x: np.cumsum(x, axis), [x])
    check(lambda x: ops.softmax(x, axis), lambda x: softmax(x, axis), [x])
    check(lambda x: ops.log_softmax(x, axis), lambda x: np.log(softmax(x, axis)), [x])


def softmax(x, axis):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


@pytest.mark.parametrize("shape", SHAPES)
def test_reductions_over_the_batch_too(shape):
    (x,) = arrays_of([shape])
    for name in ("sum", "mean", "max", "min"):
        function, reference = getattr(ops, name), getattr(np, name)
        check(lambda x, function=function: function(x), lambda x, reference=reference: reference(x), [x])
        check(
            lambda x, function=function: function(x, axis=0),
            lambda x, reference=reference: reference(x, axis=0),
            [x],
        )
    check(lambda x: x - ops.mean(x, 0, keepdims=True), lambda x: x - x.mean(0, keepdims=True), [x])
    check(lambda x: x / ops.sum(ops.abs(x)), lambda x: x / np.abs(x).sum(), [x])
    if len(shape) == 2 and len(x) > 1:
        check(lambda x: ops.std(x, 0), lambda x: x.std(0), [x + np.arange(len(x))[:, None]])


@pytest.mark.parametrize("shape", [(3, 4, 6), (1, 4, 2), (2, 4, 3, 2), (2, 4, 1), (5, 4, 5)])
def test_values_move(shape):
    (x,) = arrays_of([shape])
    last = len(shape) - 1
    pairs = [
        (lambda x: ops.reshape(x, (-1, int(np.prod(shape[1:])))), lambda x: x.reshape(len(x), -1)),
        (lambda x: ops.reshape(x, (-1, 2, 2, *shape[2:])), lambda x: x.reshape(len(x), 2, 2, *shape[2:])),
        (lambda x: ops.expand_dims(x, 1), lambda x: x[:, None]),
        (lambda x: ops.expand_dims(x, -1), lambda x: x[..., None]),
        (lambda x: ops.squeeze(ops.expand_dims(x, 2), 2), lambda x: x),
        (lambda x: ops.swapaxes(x, 1, last), lambda x: np.swapaxes(x, 1, last)),
        (lambda x: x[:, 0], lambda x: x[:, 0]),
        (lambda x: x[:, -1], lambda x: x[:, -1]),
        (lambda x: x[:, 1:3], lambda x: x[:, 1:3]),
        (lambda x: x[:, ::-2], lambda x: x[:, ::-2]),
        (lambda x: x[..., :1], lambda x: x[..., :1]),
        (lambda x: x[..., 0], lambda x: x[..., 0]),
        (lambda x: x[:, None, 1], lambda x: x[:, None, 1]),
        (lambda x: ops.flip(x, 1), lambda x: np.flip(x, 1)),
        (lambda x: ops.repeat(x, 2, 1), lambda x: np.repeat(x, 2, 1)),
        (lambda x: ops.repeat(x, 3, -1), lambda x: np.repeat(x, 3, -1)),
        (lambda x: ops.tile(x, [1, 2] + [1] * (last - 1)), lambda x: np.tile(x, [1, 2] + [1] * (last - 1))),
        (lambda x: ops.concatenate([x, 2 * x], 1), lambda x: np.concatenate([x, 2 * x], 1)),
        (lambda x: ops.concatenate([x, x * x], -1), lambda x: np.concatenate([x, x * x], -1)),
        (lambda x: ops.stack([x, 2 * x], 1), lambda x: np.stack([x, 2 * x], 1)),
        (lambda x: ops.stack([x, 2 * x], -1), lambda x: np.stack([x, 2 * x], -1)),
        (lambda x: ops.split(x, 2, 1)[1], lambda x: np.split(x, 2, 1)[1]),
        (lambda x: ops.split(x, [1, 3], 1)[1], lambda x: np.split(x, [1, 3], 1)[1]),
        (lambda x: ops.unstack(x, axis=1)[2], lambda x: x[:, 2]),
        (lambda x: ops.take(x, [2, 0, -1, 2], 1), lambda x: x[:, [2, 0, -1, 2]]),
        (lambda x: ops.take(x, [[0], [-1]], -1), lambda x: np.take(x, [[0], [-1]], -1)),
    ]
    for function, reference in pairs:
        check(function, reference, [x])
    around = [(0, 0), (1, 2), *[(0, 1)] * (last - 1)]
    check(
        lambda x: ops.pad(x, around, constant_values=3.0),
        lambda x: np.pad(x, around, constant_values=3.0),
        [x],
    )
    at = np.abs(x).argmax(1)[:, None]
    check(
        lambda x: ops.take_along_axis(x, ops.argmax(ops.abs(x), 1, keepdims=True), 1),
        lambda x: np.take_along_axis(x, at, 1),
        [x],
    )
    check(
        lambda x: ops.one_hot(ops.argmax(x, -1), shape[-1]),
        lambda x: np.eye(shape[-1])[x.argmax(-1)],
        [x],
        slopes=False,
    )


@pytest.mark.parametrize("sizes", [(2, 3, 4, 5), (1, 1, 1, 1), (3, 7, 2, 9), (2, 40, 33, 17), (4, 5, 6, 1)])
def test_products(sizes):
    batch, m, k, p = sizes
    x, y, w, v = arrays_of([(batch, m, k), (batch, k, p), (k, p), (m, m)])
    weight, left = w.astype(np.float32), v.astype(np.float32)
    check(ops.matmul, np.matmul, [x, y])
    check(lambda x: x @ weight, lambda x: x @ weight, [x])
    check(lambda x: ops.matmul(left, x), lambda x: left @ x, [x])
    check(lambda x: ops.matmul(x, weight[:, 0]), lambda x: x @ weight[:, 0], [x])
    check(lambda x, y: ops.einsum("bmk,bkp->bmp", x, y), np.matmul, [x, y])
    check(lambda x, y: ops.einsum("bmk,bkp->bpm", x, y), lambda x, y: np.swapaxes(x @ y, 1, 2), [x, y])
    check(lambda x, y: ops.einsum("bmk,bkp->b", x, y), lambda x, y: (x @ y).sum((1, 2)), [x, y])
    check(lambda x: ops.einsum("bmk,kp->bmp", x, weight), lambda x: x @ weight, [x])
    check(lambda x: ops.einsum("kp,bmk->bmp", weight, x), lambda x: x @ weight, [x])
    heads = [
        x.reshape(batch, m, 1, k) * np.array([1, -2])[:, None],
        y.swapaxes(1, 2)[:, :, None] + np.ones((2, 1)),
    ]
    check(
        lambda x, y: ops.einsum("bmhk,bphk->bhmp", x, y),
        lambda x, y: np.einsum("bmhk,bphk->bhmp", x, y),
        heads,
    )


# -- masks, and texts of any length --------------------------------------------------------------------------
IDS = np.zeros((4, 7), int)
for _row, _length in enumerate((7, 3, 5, 1)):
    IDS[_row, :_length] = np.random.default_rng(_row).integers(1, 9, _length)
IDS[0, 2] = 0
COUNTS = (IDS != 0)[:, :, None]


def model_of(function, length, mask_zero=True):
    ids = embedcnn.Input((length,), dtype="int32")
    table = layers.Embedding(9, 5, mask_zero=mask_zero, embeddings_initializer="ones")
    x = table(ids)
    table.set_weights([np.random.default_rng(0).normal(size=(9, 5))])
    return embedcnn.Model(ids, function(ids, x))


@pytest.mark.parametrize("length", [None, 7])
def test_masked_steps_have_no_share(length):
    x = np.random.default_rng(0).normal(size=(9, 5))[IDS]
    kept = x * COUNTS
    scores = np.where(COUNTS[:, :, 0], x.sum(-1), -1e9)
    cases = {
        "mean": (lambda ids, x: ops.mean(x, 1), kept.sum(1) / COUNTS.sum(1)),
        "max": (lambda ids, x: ops.max(x, 1), np.where(COUNTS, x, -9).max(1)),
        "argmax": (lambda ids, x: ops.argmax(x, 1), np.where(COUNTS, x, -9).argmax(1)),
        "cumsum": (lambda ids, x: ops.cumsum(x, 1), np.cumsum(kept, 1) * COUNTS),
        "values": (lambda ids, x: x * 2 + 1, (x * 2 + 1) * COUNTS),
        "channels": (lambda ids, x: ops.sum(x, -1), kept.sum(-1)),
        "one channel": (lambda ids, x: x[:, :, 1], kept[:, :, 1]),
        "softmax": (
            lambda ids, x: ops.softmax(ops.sum(x, -1), axis=1),
            softmax(scores, 1) * COUNTS[:, :, 0],
        ),
        "pooling": (
            lambda ids, x: ops.sum(x * ops.expand_dims(ops.softmax(ops.sum(x, -1), axis=1), -1), axis=1),
            (x * softmax(scores, 1)[:, :, None]).sum(1),
        ),
        "of a mask of its own": (
            lambda ids, x: ops.sum(x, 1) / ops.sum(ops.cast(ids != 0, "float32"), 1)[:, None],
            kept.sum(1) / COUNTS.sum(1),
        ),
        "heads": (
            lambda ids, x: ops.mean(ops.reshape(x, (-1, length or -1, 5, 1)), (1, 3)),
            kept.sum(1) / COUNTS.sum(1),
        ),
    }
    for name, (function, expected) in cases.items():
        got = model_of(function, length).predict(IDS, verbose=0)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6, err_msg=name)
        wider = np.pad(IDS, ((0, 0), (0, 3))) if length is None else IDS
        got = model_of(function, length).predict(wider, verbose=0)
        np.testing.assert_allclose(got[:, :7] if got.shape != expected.shape else got, expected, 1e-5, 1e-6)


@pytest.mark.parametrize("length", [None, 7])
def test_cut_steps_are_those_of_the_padded_form(length):
    x = np.random.default_rng(0).normal(size=(9, 5))[IDS]
    kept = x * COUNTS
    for part in (np.s_[:, 0], np.s_[:, -1], np.s_[:, 1:], np.s_[:, :-2], np.s_[:, 2:5], np.s_[:, ::2]):
        got = model_of(lambda ids, x, part=part: x[part], length).predict(IDS, verbose=0)
        np.testing.assert_allclose(got, kept[part], rtol=1e-6)
        got = model_of(lambda ids, x, part=part: x[part], length, mask_zero=False).predict(IDS, verbose=0)
        np.testing.assert_allclose(got, x[part], rtol=1e-6)
    if length:
        turned = model_of(lambda ids, x: ops.transpose(x, (0, 2, 1)), length).predict(IDS, verbose=0)
        np.testing.assert_allclose(turned, kept.swapaxes(1, 2), rtol=1e-6)


def test_without_a_mask_every_step_counts():
    x = np.random.default_rng(0).normal(size=(9, 5))[IDS]
    got = model_of(lambda ids, x: ops.mean(x, 1), None, mask_zero=False).predict(IDS, verbose=0)
    np.testing.assert_allclose(got, x.mean(1), rtol=1e-5)


def test_ids_are_numbers_too_and_make_masks():
    ids = embedcnn.Input((None,), dtype="int32")
    one_hot = embedcnn.Model(ids, ops.one_hot(ids, 9))
    np.testing.assert_array_equal(one_hot.predict(IDS, verbose=0), np.eye(9)[IDS])
    own = model_of(lambda ids, x: layers.LSTM(3)(x, mask=ops.not_equal(ids, 0)), None, mask_zero=False)
    masked = model_of(lambda ids, x: layers.LSTM(3)(x), None)
    masked.set_weights(own.get_weights())
    np.testing.assert_array_equal(own.predict(IDS, verbose=0), masked.predict(IDS, verbose=0))


def test_refused():
    x = embedcnn.Input((None, 4))
    with pytest.raises(ValueError, match="only the batch and the steps of a sequence may have any size"):
        embedcnn.Model(x, ops.transpose(x, (0, 2, 1))).predict(np.zeros((1, 2, 4)), verbose=0)
    with pytest.raises(ValueError, match="unknown number of steps stays"):
        ops.reshape(x, (-1, 8))
    with pytest.raises(ValueError, match="these shapes cannot be broadcast"):
        x + np.zeros(3)
    with pytest.raises(TypeError, match="`if`"):
        bool(x > 0)
    with pytest.raises(TypeError, match="cannot be iterated"):
        list(x)


# -- files and summaries -------------------------------------------------------------------------------------
def test_a_model_of_operations_trains_and_comes_back(tmp_path, capsys):
    def pooled(ids, x):
        weights = ops.softmax(ops.squeeze(layers.Dense(1)(x), -1), axis=1)
        return layers.Dense(1)(ops.sum(x * ops.expand_dims(weights, -1), axis=1) * [1.0, 2.0, 3.0, 4.0, 5.0])

    model = model_of(pooled, None)
    model.compile("adam", "mse")
    losses = model.fit(IDS, np.arange(4.0), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "pooled.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "pooled.embedcnn")
    np.testing.assert_array_equal(again.predict(IDS, verbose=0), model.predict(IDS, verbose=0))
    model.summary()
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("(Squeeze)", "(Softmax)", "(ExpandDims)", "(Multiply)", "(Sum)"))


def test_weights_in_formulas_learn_and_no_file_holds_them(tmp_path):
    scale = layers.Dense(3)
    scale.build((None, 4))
    x = embedcnn.Input((4,))
    model = embedcnn.Model(x, x @ ops.exp(scale.kernel) + scale.bias)
    given = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    expected = given @ np.exp(scale.kernel.numpy())
    np.testing.assert_allclose(model.predict(given, verbose=0), expected, rtol=1e-5)
    model.compile(embedcnn.optimizers.SGD(1.0), "mse")
    before = scale.kernel.numpy()
    model.train_on_batch(given, np.zeros((5, 3)))
    slope = given.T @ expected * 2 / 15 * np.exp(before)
    np.testing.assert_allclose(scale.kernel.numpy(), before - slope, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="reads a weight of another layer"):
        model.save(tmp_path / "weights.embedcnn")


# -- threads -------------------------------------------------------------------------------------------------
def of_many_operations(ids, x):
    """Every kind of operation, with gradients that are summed over texts and over the batch."""
    scale = layers.Dense(5)
    scale.build((None, 5))
    place = np.random.default_rng(3).normal(size=(7, 5)).astype(np.float32)
    x = ops.tanh(x @ scale.kernel + scale.bias) * ops.exp(scale.bias) + place
    x = x - ops.mean(x, axis=(0, 1), keepdims=True)
    scores = ops.softmax(ops.matmul(x, ops.transpose(x, (0, 2, 1))), axis=-1)
    x = ops.cumsum(ops.matmul(scores, x), axis=1) + ops.flip(x, 1)
    parts = [
        ops.max(x, 1),
        ops.take(scale.kernel, ids, axis=0)[:, 3],
        ops.pad(x, [(0, 0), (1, 0), (0, 0)])[:, 2],
    ]
    rows = ops.concatenate([*parts, ops.take(x, [1, 4], axis=1)[:, 1], ops.repeat(x, 2, 1)[:, 5]], axis=-1)
    return layers.Dense(2)(ops.where(rows > 0, rows, 0.1 * rows))


@pytest.mark.parametrize("mask_zero", [False, True])
def test_the_bits_do_not_depend_on_the_threads(mask_zero):
    made, ids = [], np.random.default_rng(0).integers(0, 5, (70, 7))
    try:
        for threads in (1, 2, 5):
            embedcnn.set_num_threads(threads)
            embedcnn.utils.set_random_seed(1)
            model = model_of(of_many_operations, 7, mask_zero)
            model.compile(embedcnn.optimizers.SGD(0.01), "mse")
            for _ in range(3):
                model.train_on_batch(ids, np.ones((70, 2)))
            weights = [variable.value for variable in model._programs.bound("train").variables]
            made.append([weight.copy() for weight in weights])
    finally:
        embedcnn.set_num_threads(0)
    for others in made[1:]:
        for one, other in zip(made[0], others, strict=True):
            np.testing.assert_array_equal(one, other)
            assert np.isfinite(one).all()


@pytest.mark.parametrize(
    ("name", "first", "second", "attributes"),
    [("matmul", (4, 3), (3, 5), {}), ("take", (4,), (2,), {"axis": 2, "along": 1})],
)
def test_open_steps_that_differ_are_refused_when_they_come(name, first, second, attributes):
    inputs = [("x", "float32", -1, first), ("y", "float32", -1, second)]
    program = embedcnn._core.Program(inputs, [], [(name, (0, 1), (2,), (), attributes)], (2,))
    x, y = np.ones((2, 600, *first), np.float32), np.ones((2, 600, *second), np.float32)
    assert program.forward([x, y])[0].shape[:2] == (2, 600)
    for shorter in ([x, y[:, :2]], [x[:, :2], y]):
        with pytest.raises(ValueError, match="of the second|the sequences have"):
            program.forward(shorter)


def test_indices_of_texts_are_refused_where_one_row_is_meant():
    inputs = [("x", "float32", None, (4,)), ("at", "float32", None, (2,))]
    with pytest.raises(ValueError, match="indices a single row"):
        embedcnn._core.Program(inputs, [], [("take", (0, 1), (2,), (), {"axis": 1})], (2,))
    inputs = [("x", "float32", None, (5, 4)), ("at", "float32", -1, (4,))]  # how long they are is not known
    with pytest.raises(ValueError, match="take: axis = 1, along = 1"):
        embedcnn._core.Program(inputs, [], [("take", (0, 1), (2,), (), {"axis": 1, "along": 1})], (2,))


def test_indices_along_an_axis_may_have_fixed_steps_as_sizes_of_a_row():
    inputs = [("x", "float32", 5, (4,)), ("at", "float32", None, (5, 2))]
    program = embedcnn._core.Program(inputs, [], [("take", (0, 1), (2,), (), {"axis": 2, "along": 1})], (2,))
    x, at = np.arange(40, dtype=np.float32).reshape(2, 5, 4), np.full((2, 5, 2), 3, np.float32)
    assert np.array_equal(program.forward([x, at])[0], np.take_along_axis(x, at.astype(int), 2))
