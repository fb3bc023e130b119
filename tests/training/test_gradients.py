"""compute_gradients and apply_gradients: together the bits of train_on_batch, and what may stand between."""

import numpy as np
import pytest

import embedcnn
from embedcnn import Ragged, constraints, layers, optimizers, regularizers, utils

rng = np.random.default_rng(5)
WORDS = rng.integers(0, 40, (3, 12, 9))
FLOATS = rng.normal(size=(3, 12, 6)).astype(np.float32)
LABELS = rng.integers(0, 3, (3, 12))
WEIGHTS = rng.uniform(0.5, 2, (3, 12)).astype(np.float32)

OPTIMIZERS = {
    "sgd": lambda **more: optimizers.SGD(0.1, **more),
    "momentum": lambda **more: optimizers.SGD(0.1, momentum=0.9, nesterov=True, **more),
    "adam": lambda **more: optimizers.Adam(0.01, **more),
    "rmsprop": lambda **more: optimizers.RMSprop(0.01, momentum=0.5, centered=True, **more),
    "adagrad": lambda **more: optimizers.Adagrad(0.1, **more),
    "adadelta": lambda **more: optimizers.Adadelta(1.0, **more),
    "adamax": lambda **more: optimizers.Adamax(0.01, **more),
    "nadam": lambda **more: optimizers.Nadam(0.01, **more),
}
CLIPPINGS = [{}, {"clipnorm": 0.1}, {"global_clipnorm": 0.1}, {"clipvalue": 0.01}]


@pytest.fixture(params=[1, 2, 3], ids="{} threads".format)
def threads(request):
    embedcnn._core._set_least_work(0)  # small steps go to a team too
    embedcnn.set_num_threads(request.param)
    yield
    embedcnn.set_num_threads(0)
    embedcnn._core._set_least_work(4_000_000)


def table_model(**of_table):
    return embedcnn.Sequential(
        [
            embedcnn.Input((None,), dtype="int32"),
            layers.Embedding(40, 5, name="table", **of_table),
            layers.Conv1D(6, 3, activation="relu", name="conv"),
            layers.GlobalMaxPooling1D(),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax", name="out", kernel_regularizer=regularizers.L2(0.01)),
        ]
    )


def dense_model():
    return embedcnn.Sequential(
        [
            embedcnn.Input((6,)),
            layers.Dense(7, activation="tanh", name="hidden"),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax", name="out"),
        ]
    )


def made(make, optimizer, loss="sparse_categorical_crossentropy", **settings):
    utils.set_random_seed(3)
    model = make()
    model.compile(optimizer, loss, **settings)
    return model


def state_of(model):
    """Weights, moving statistics, slots, accumulators and averages."""
    optimizer = model.optimizer
    found = [*model.get_weights(), np.array(optimizer.steps)]
    for variable in model.trainable_weights:
        state = optimizer.state(variable)
        more = (state.accumulator, state.average, state.touched)
        found += [*state.slots, state.steps, *(array for array in more if array is not None)]
    return [array.tobytes() for array in found]


def check_bits(make, optimizer, x, y=LABELS, weights=None, **settings):
    """Three steps, whole in one model, in two calls in another."""
    whole, parts = made(make, optimizer(), **settings), made(make, optimizer(), **settings)
    start = whole.get_weights()
    for step in range(len(x)):
        weight = None if weights is None else weights[step]
        result = whole.train_on_batch(x[step], y[step], weight)
        loss, gradients = parts.compute_gradients(x[step], y[step], weight)
        parts.apply_gradients(gradients)
        assert loss == (result[0] if isinstance(result, list) else result)
        assert state_of(parts) == state_of(whole)
    assert any((before != after).any() for before, after in zip(start, whole.get_weights(), strict=True))


@pytest.mark.parametrize("clipping", CLIPPINGS, ids=str)
@pytest.mark.parametrize("kind", ["dense", "lazy table", "dense table"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_calls_give_the_bits_of_one(name, kind, clipping, threads):
    if kind == "dense":
        check_bits(dense_model, lambda: OPTIMIZERS[name](**clipping), FLOATS)
    else:
        update = kind.split()[0]
        check_bits(table_model, lambda: OPTIMIZERS[name](embedding_update=update, **clipping), WORDS)


@pytest.mark.parametrize("update", ["lazy", "dense"])
@pytest.mark.parametrize(
    "settings",
    [
        {"gradient_accumulation_steps": 2},
        {"gradient_accumulation_steps": 2, "global_clipnorm": 0.1},
        {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 2},
        {"weight_decay": 0.01},
        {"gradient_accumulation_steps": 3, "use_ema": True, "weight_decay": 0.01, "clipnorm": 0.05},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "of_table",
    [
        {},
        {"embeddings_regularizer": regularizers.L1L2(0.01, 0.02)},
        {"mask_zero": True, "embeddings_constraint": constraints.MaxNorm(0.1, axis=1)},
    ],
    ids=["plain", "regularizer", "constraint"],
)
def test_the_same_for_everything_an_update_does(of_table, settings, update):
    def optimizer():
        return optimizers.Adam(0.01, embedding_update=update, **settings)

    check_bits(lambda: table_model(**of_table), optimizer, WORDS, weights=WEIGHTS)


class Mixed(layers.Layer):
    """A layer written in Python, with a weight."""

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", (input_shape[-1], 4), "glorot_uniform")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 4)

    def forward(self, x):
        kernel = self.kernel.numpy()
        return x @ kernel, lambda d_y: (d_y @ kernel.T, [x.T @ d_y])


def squared(y_true, y_pred):
    error = y_pred - y_true
    return (error**2).mean(axis=-1), 2 * error / error.shape[-1]


def python_model():
    return embedcnn.Sequential(
        [
            embedcnn.Input((9,), dtype="int32"),
            layers.Embedding(40, 5),
            layers.GlobalAveragePooling1D(),
            Mixed(),
            layers.Dense(3, activity_regularizer="l2"),
        ]
    )


def two_outputs():
    tokens = embedcnn.Input((None,), dtype="int32")
    x = layers.Masking(0.0)(layers.Embedding(40, 5, embeddings_regularizer="l2", name="table")(tokens))
    x = layers.GlobalAveragePooling1D()(layers.LSTM(4, return_sequences=True)(x))
    first = layers.Dense(3, activation="softmax", name="first")(x)
    return embedcnn.Model(tokens, [first, layers.Dense(2, name="unused")(x)])


@pytest.mark.parametrize("update", ["lazy", "dense"])
def test_the_same_with_what_is_written_in_python_and_several_regions(update, threads):
    def optimizer():
        return optimizers.Adam(0.01, global_clipnorm=0.5, embedding_update=update)

    y = np.eye(3)[LABELS]
    check_bits(python_model, optimizer, WORDS, y, loss=squared, metrics=["mae"])
    check_bits(python_model, optimizer, WORDS, y, WEIGHTS, loss=squared)
    two = {"loss": {"first": "sparse_categorical_crossentropy"}, "metrics": {"first": "accuracy"}}
    check_bits(two_outputs, optimizer, WORDS, y=[{"first": part} for part in LABELS], **two)


def test_the_same_for_ragged_texts_and_steps_between():
    x = [Ragged.from_sequences([row[: 3 + i % 6] for i, row in enumerate(batch)]) for batch in WORDS]
    check_bits(table_model, optimizers.Adam, x)
    whole, parts = made(table_model, "adam"), made(table_model, "adam")
    for step in (0, 1, 2):  # a whole step, two calls, a whole step
        whole.train_on_batch(WORDS[step], LABELS[step])
        if step == 1:
            parts.apply_gradients(parts.compute_gradients(WORDS[step], LABELS[step])[1])
        else:
            parts.train_on_batch(WORDS[step], LABELS[step])
    assert state_of(parts) == state_of(whole)


def test_gradients_are_arrays_of_ones_own_by_path():
    model = made(table_model, "adam")
    _, first = model.compute_gradients(WORDS[0], LABELS[0])
    assert list(first) == [
        "table/embeddings",
        "conv/kernel",
        "conv/bias",
        "norm/gamma",
        "norm/beta",
        "out/kernel",
        "out/bias",
    ]
    rows, values = first["table/embeddings"]
    np.testing.assert_array_equal(np.sort(rows), np.unique(WORDS[0]))
    assert rows.dtype == np.int32 and values.dtype == np.float32 and values.shape == (len(rows), 5)
    kept = {path: np.copy(part) for path, part in first.items() if path != "table/embeddings"}
    before = model.optimizer.steps, model.get_layer("out").kernel.numpy()
    _, again = model.compute_gradients(WORDS[0], LABELS[0])
    assert model.optimizer.steps == before[0]
    np.testing.assert_array_equal(model.get_layer("out").kernel.numpy(), before[1])
    for path, part in kept.items():  # the same draws of dropout, and the first ones are untouched
        np.testing.assert_array_equal(again[path], part)
        np.testing.assert_array_equal(first[path], part)
        assert not np.shares_memory(first[path], again[path])


def test_a_gradient_of_a_regularizer_is_in_the_result_and_clipping_is_not():
    plain = made(dense_model, optimizers.SGD(0.1))
    clipped = made(dense_model, optimizers.SGD(0.1, clipnorm=1e-3))
    _, first = plain.compute_gradients(FLOATS[0], LABELS[0])
    _, second = clipped.compute_gradients(FLOATS[0], LABELS[0])
    np.testing.assert_array_equal(first["out/kernel"], second["out/kernel"])

    model = made(table_model, "sgd")
    kernel = model.get_layer("out").kernel
    _, with_penalty = model.compute_gradients(WORDS[0], LABELS[0])
    value = kernel.numpy()
    kernel.regularizer = None
    model.compile("sgd", "sparse_categorical_crossentropy")  # its program is made anew
    _, without = model.compute_gradients(WORDS[0], LABELS[0])
    difference = with_penalty["out/kernel"] - without["out/kernel"]
    np.testing.assert_allclose(difference, 0.02 * value, rtol=1e-4, atol=1e-7)


def test_the_mean_over_two_halves_is_the_gradient_of_the_whole():
    def model():
        made_ = embedcnn.Sequential(
            [
                embedcnn.Input((None,), dtype="int32"),
                layers.Embedding(40, 5, name="table"),
                layers.Conv1D(6, 3, activation="tanh", name="conv"),
                layers.GlobalMaxPooling1D(),
                layers.Dense(3, activation="softmax", name="out"),
            ],
            seed=3,
        )
        made_.compile(optimizers.Adam(0.01, global_clipnorm=0.5), "sparse_categorical_crossentropy")
        return made_

    def start():
        utils.set_random_seed(3)
        return model()

    whole, main, worker = start(), start(), start()
    for x, y in zip(WORDS, LABELS, strict=True):
        loss = whole.train_on_batch(x, y)
        worker.set_weights(main.get_weights())
        first, one = main.compute_gradients(x[:6], y[:6])
        second, other = worker.compute_gradients(x[6:], y[6:])
        assert (first + second) / 2 == pytest.approx(loss, rel=1e-6)
        mean = {path: (one[path] + other[path]) / 2 for path in one if path != "table/embeddings"}
        pairs = one["table/embeddings"], other["table/embeddings"]
        rows, values = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        assert len(np.unique(rows)) < len(rows)
        mean["table/embeddings"] = (rows, values / 2)
        main.apply_gradients(mean)
    for expected, got in zip(whole.get_weights(), main.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def scaled(gradients, factor):
    return {
        path: (part[0], part[1] * factor) if isinstance(part, tuple) else part * factor
        for path, part in gradients.items()
    }


@pytest.mark.parametrize("update", ["lazy", "dense"])
def test_a_gradient_of_zeros_leaves_what_sgd_trains(update):
    model = made(table_model, optimizers.SGD(0.5, embedding_update=update))
    _, gradients = model.compute_gradients(WORDS[0], LABELS[0])
    before = [array.tobytes() for array in model.get_weights()]
    model.apply_gradients(scaled(gradients, 0))
    assert [array.tobytes() for array in model.get_weights()] == before
    model.apply_gradients(gradients)
    assert [array.tobytes() for array in model.get_weights()] != before
    assert model.optimizer.steps == 2


@pytest.mark.parametrize("update", ["lazy", "dense"])
def test_rows_may_be_added_left_out_repeated_and_in_any_order(update):
    model = made(table_model, optimizers.SGD(0.5, embedding_update=update))
    words = WORDS[0] % 20
    _, gradients = model.compute_gradients(words, LABELS[0])
    table = model.get_layer("table").embeddings
    before = table.numpy()
    ones = np.ones((1, 5), np.float32)
    gradients["table/embeddings"] = np.array([37, 2, 37, 5]), np.concatenate([ones, 3 * ones, 7 * ones, ones])
    model.apply_gradients(gradients)
    expected = np.zeros((40, 5), np.float32)
    expected[[2, 5, 37]] = [[1.5], [0.5], [4.0]]
    np.testing.assert_allclose(before - table.numpy(), expected, atol=1e-6)

    empty = np.zeros(0, np.int32), np.zeros((0, 5), np.float32)
    before = table.numpy()
    model.apply_gradients(gradients | {"table/embeddings": empty})
    np.testing.assert_array_equal(table.numpy(), before)


def test_nan_passes_as_in_a_whole_step():
    model = made(dense_model, "sgd")
    _, gradients = model.compute_gradients(FLOATS[0], LABELS[0])
    gradients["out/bias"][1] = np.nan
    model.apply_gradients(gradients)
    assert np.isnan(model.get_layer("out").bias.numpy()).tolist() == [False, True, False]


def test_a_copy_of_a_model_and_other_dtypes_serve_as_well():
    model = made(dense_model, "adam")
    copy = embedcnn.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile("adam", "sparse_categorical_crossentropy")
    _, gradients = copy.compute_gradients(FLOATS[0], LABELS[0])
    wide = {path: part.astype(np.float64) for path, part in gradients.items()}
    copy.apply_gradients(gradients)
    model.apply_gradients(wide)
    assert state_of(model) == state_of(copy)


def test_a_model_inside_a_model_has_its_name_in_the_path():
    def inner(name):
        return embedcnn.Sequential([embedcnn.Input((6,)), layers.Dense(6, name="dense")], name=name)

    model = embedcnn.Sequential([embedcnn.Input((6,)), inner("a"), inner("b"), layers.Dense(3, name="out")])
    model.compile("sgd", "mse")
    _, gradients = model.compute_gradients(FLOATS[0], FLOATS[0][:, :3])
    assert sorted(gradients) == [
        "a/dense/bias",
        "a/dense/kernel",
        "b/dense/bias",
        "b/dense/kernel",
        "out/bias",
        "out/kernel",
    ]
    assert (gradients["a/dense/kernel"] != gradients["b/dense/kernel"]).any()
    model.apply_gradients(gradients)


def test_weights_without_a_gradient_are_absent():
    model = made(two_outputs, "adam", {"first": "sparse_categorical_crossentropy"})
    _, gradients = model.compute_gradients(WORDS[0], {"first": LABELS[0]})
    assert "first/kernel" in gradients and "unused/kernel" not in gradients
    frozen = made(table_model, "adam")
    frozen.get_layer("table").trainable = False
    _, gradients = frozen.compute_gradients(WORDS[0], LABELS[0])
    assert "table/embeddings" not in gradients and "norm/moving_mean" not in gradients
    before = frozen.get_layer("table").embeddings.numpy()
    frozen.apply_gradients(gradients)
    np.testing.assert_array_equal(frozen.get_layer("table").embeddings.numpy(), before)


GOOD_ROWS, GOOD_VALUES = np.array([1, 2]), np.zeros((2, 5), np.float32)
WRONG = {
    "unknown": ({"nobody/kernel": np.zeros(3)}, ValueError, "no weight with the path 'nobody/kernel'"),
    "frozen": ({"norm/moving_mean": np.zeros(6)}, ValueError, "norm/moving_mean learns nothing"),
    "missing": ({"out/bias": ...}, ValueError, r"those of \['out/bias'\] are missing"),
    "shape": (
        {"out/bias": np.zeros((3, 1))},
        ValueError,
        r"out/bias has the shape \(3, 1\); expected \(3,\), the shape of the weight$",
    ),
    "rank": (
        {"conv/kernel": np.zeros(4)},
        ValueError,
        r"conv/kernel has the shape \(4,\); expected \(\d+, 5, \d+\), the shape of the weight$",
    ),
    "dtype": ({"out/bias": np.array(["a", "b", "c"])}, TypeError, "bias has dtype"),
    "none": ({"out/bias": None}, ValueError, "that of out/bias is missing"),
    "dense for a table": (
        {"table/embeddings": np.zeros((40, 5))},
        TypeError,
        r"table/embeddings is a table: its gradient must be a tuple \(rows, values\) of integers \(U,\) and "
        r"floats \(U, 5\). Received: an array of shape \(40, 5\)$",
    ),
    "triple for a table": (
        {"table/embeddings": (GOOD_ROWS, GOOD_VALUES, 1)},
        TypeError,
        r"table/embeddings is a table.*\(rows, values\).*Received: a tuple$",
    ),
    "pair for a matrix": (
        {"conv/kernel": (GOOD_ROWS, GOOD_VALUES)},
        TypeError,
        r"conv/kernel is no table: its gradient must be an array of shape \(\d+, 5, \d+\). "
        "Received: a tuple$",
    ),
    "row too large": ({"table/embeddings": ([1, 40], GOOD_VALUES)}, ValueError, r"= 40 is outside \[0, 40\)"),
    "row below zero": (
        {"table/embeddings": ([-1, 4], GOOD_VALUES)},
        ValueError,
        r"= -1 is outside \[0, 40\)",
    ),
    "rows of floats": ({"table/embeddings": ([1.0, 4.0], GOOD_VALUES)}, TypeError, "expected integers"),
    "rows of rows": ({"table/embeddings": ([[1, 4]], GOOD_VALUES)}, ValueError, "one axis of row numbers"),
    "too few values": ({"table/embeddings": ([1, 3, 2], GOOD_VALUES)}, ValueError, r"expected \(3, 5\)"),
    "too narrow": ({"table/embeddings": ([1, 2], GOOD_VALUES[:, :4])}, ValueError, r"expected \(2, 5\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_named_and_changes_nothing(name):
    change, error, message = WRONG[name]
    model = made(table_model, "adam")
    _, gradients = model.compute_gradients(WORDS[0], LABELS[0])
    before = state_of(model)
    wrong = {path: part for path, part in (gradients | change).items() if part is not ...}
    with pytest.raises(error, match=message):
        model.apply_gradients(wrong)
    assert state_of(model) == before
    model.apply_gradients(gradients)
    assert state_of(model) != before


@pytest.mark.parametrize("freezes", [True, False])
def test_a_change_of_trainable_between_the_calls_is_an_error(freezes):
    model = made(table_model, "adam")
    layer = model.get_layer("conv")
    layer.trainable = freezes
    _, gradients = model.compute_gradients(WORDS[0], LABELS[0])
    layer.trainable = not freezes
    with pytest.raises(ValueError, match="conv/kernel.*`trainable` has changed"):
        model.apply_gradients(gradients)
    layer.trainable = freezes
    model.apply_gradients(gradients)


def test_both_need_a_compiled_model():
    model = dense_model()
    with pytest.raises(ValueError, match=r"compile\(\) before compute_gradients"):
        model.compute_gradients(FLOATS[0], LABELS[0])
    with pytest.raises(ValueError, match=r"compile\(\) before apply_gradients"):
        model.apply_gradients({})
    late = embedcnn.Sequential([layers.Dense(3)])
    late.compile("sgd", "mse")
    with pytest.raises(ValueError, match="not built"):
        late.apply_gradients({})
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(TypeError, match="must be a dict"):
        model.apply_gradients([1, 2])
