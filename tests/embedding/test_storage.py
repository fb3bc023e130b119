"""Tables in float16, bfloat16 and int8: what is read, how halves learn, mapped files, conversion."""

import numpy as np
import pytest

import embedcnn
from embedcnn import callbacks, layers, optimizers
from embedcnn.graph.stored import decoded, encoded

ROWS, WIDTH = 60, 13
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(ROWS, WIDTH)).astype(np.float32)
X, Y = RNG.integers(0, ROWS, (32, 9)), RNG.normal(size=32).astype(np.float32)
HALVES = ["float16", "bfloat16"]
DTYPES = [*HALVES, "int8"]


def bfloat(values):
    """Rounded to nearest, ties to even, by way of exact sums in float64."""
    exponent = np.floor(np.log2(np.abs(values.astype(np.float64)) + 1e-300))
    unit = 2.0 ** (exponent - 7)
    return (np.rint(values.astype(np.float64) / unit) * unit).astype(np.float32)


# -- what is kept --------------------------------------------------------------------------------------------
def test_matrices_are_rounded_to_nearest():
    values = np.concatenate([TABLE, TABLE * 1e-6, TABLE * 1000]).astype(np.float32)
    rows, _, overflow = encoded("float16", values)
    np.testing.assert_array_equal(rows, values.astype(np.float16))
    assert not overflow
    np.testing.assert_array_equal(decoded("bfloat16", encoded("bfloat16", values)[0]), bfloat(values))
    rows, scales, _ = encoded("int8", values)
    np.testing.assert_allclose(scales, np.abs(values).max(axis=1) / 127, rtol=1e-6)
    assert (np.abs(decoded("int8", rows, scales) - values) <= scales[:, None] * 0.501).all()
    assert (np.abs(rows).max(axis=1) == 127).all()


def test_every_half_is_read_as_numpy_reads_it(rung):
    bits = np.arange(65536, dtype=np.uint16)
    bits = bits[np.isfinite(bits.view(np.float16))].reshape(-1, 32)
    layer = layers.Embedding(len(bits), 32, weights=[bits.view(np.float16)], storage_dtype="float16")
    read = layer(np.arange(len(bits))[None])[0]
    np.testing.assert_array_equal(read, bits.view(np.float16).astype(np.float32))
    np.testing.assert_array_equal(np.signbit(read), bits >= 0x8000)


ABOVE = {
    "rows": [layers.Flatten],
    "mean": [layers.GlobalAveragePooling1D],
    "max": [layers.GlobalMaxPooling1D],
    "text cnn": [lambda: layers.Conv1D(5, 3), layers.GlobalMaxPooling1D],
    "convolution": [lambda: layers.Conv1D(5, 3, padding="same"), layers.Flatten],
    "lstm": [lambda: layers.LSTM(4)],
}


def model_of(above="mean", optimizer="sgd", table=None, dtype="float32", **options):
    embedcnn.utils.set_random_seed(1)
    layer = layers.Embedding(
        ROWS, WIDTH, weights=[TABLE if table is None else table], storage_dtype=dtype, **options
    )
    made = [embedcnn.Input((9,)), layer, *(one() for one in ABOVE[above]), layers.Dense(1)]
    model = embedcnn.Sequential(made, seed=2)
    model.compile(optimizer, "mse")
    return model, layer


@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("dtype", DTYPES)
def test_all_is_computed_in_float32(dtype, above):
    """The bits of a float32 table with the same numbers: predictions, and gradients where it learns."""
    stored, layer = model_of(above, dtype=dtype)
    whole, _ = model_of(above, table=layer.embeddings.numpy())
    np.testing.assert_array_equal(stored.predict(X, verbose=0), whole.predict(X, verbose=0))
    if dtype != "int8":
        _, found = stored.compute_gradients(X, Y)
        _, expected = whole.compute_gradients(X, Y)
        for got, other in zip(found.values(), expected.values(), strict=True):
            for one, another in zip(
                *(g if isinstance(g, tuple) else (g,) for g in (got, other)), strict=True
            ):
                np.testing.assert_array_equal(one, another)


def test_memory():
    for dtype, size in (
        ("float32", 4 * WIDTH),
        ("float16", 2 * WIDTH),
        ("bfloat16", 2 * WIDTH),
        ("int8", WIDTH + 4),
    ):
        assert layers.Embedding(ROWS, WIDTH, storage_dtype=dtype).embeddings.nbytes == ROWS * size


# -- how halves learn ----------------------------------------------------------------------------------------
def moved(dtype, start, change, rounding="stochastic", updates=1, rows=4000):
    """A table of equal numbers after updates by `change` each."""
    layer = layers.Embedding(
        rows,
        2,
        weights=[np.full((rows, 2), start, np.float32)],
        storage_dtype=dtype,
        storage_rounding=rounding,
    )
    optimizer = optimizers.SGD(1.0)
    for _ in range(updates):
        optimizer.apply([(np.arange(rows), np.full((rows, 2), -change, np.float32))], [layer.embeddings])
    return layer.embeddings.numpy()


UNITS = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("part", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("start", [1.0, 1.5, 2.0**-9])
@pytest.mark.parametrize("dtype", HALVES)
def test_chance_rounds_to_a_neighbour_with_the_right_share(dtype, start, part, sign):
    unit = UNITS[dtype] * 2.0 ** np.floor(np.log2(start))
    after = moved(dtype, sign * start, sign * part * unit)
    up = np.isclose(after, sign * (start + unit), rtol=1e-7)
    assert (up | (after == np.float32(sign * start))).all()
    assert abs(up.mean() - part) < 5 * np.sqrt(part * (1 - part) / after.size)


def test_chance_rounds_subnormal_halves():
    unit = 2.0**-24
    after = moved("float16", 5 * unit, 0.3 * unit)
    assert set(np.unique(after / unit)) == {5.0, 6.0}
    assert abs((after / unit == 6).mean() - 0.3) < 0.03


@pytest.mark.parametrize("dtype", HALVES)
def test_what_is_a_half_already_stays_one(dtype):
    unit = UNITS[dtype]
    np.testing.assert_array_equal(moved(dtype, 1.0, 3 * unit), np.float32(1 + 3 * unit))
    np.testing.assert_array_equal(moved(dtype, 1.0, -1.0), 0)


def test_numbers_beyond_the_range_of_halves_show():
    assert np.isinf(moved("float16", 60000.0, 60000.0)).all()
    assert (moved("float16", 65472.0, 31.0) <= 65504).all()
    largest = np.float32(np.uint32(0x7F7F0000).view(np.float32))
    assert np.isfinite(moved("bfloat16", float(largest), 2.0**118)).all()
    assert np.isnan(moved("float16", 1.0, np.nan)).all() and np.isnan(moved("bfloat16", 1.0, np.nan)).all()


@pytest.mark.parametrize("dtype", HALVES)
def test_small_updates_are_not_lost(dtype):
    unit = UNITS[dtype]
    assert abs(moved(dtype, 1.0, unit / 16, updates=32).mean() - (1 + 2 * unit)) < unit / 8
    masters = moved(dtype, 1.0, unit / 16, "master", updates=32)
    np.testing.assert_array_equal(masters, np.float32(1 + 2 * unit))
    np.testing.assert_array_equal(moved(dtype, 1.0, unit / 16, "master", updates=7), 1.0)


OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9),
    "adam": lambda: optimizers.Adam(0.01, weight_decay=0.01),
    "amsgrad": lambda: optimizers.Adam(0.01, amsgrad=True),
    "rmsprop": lambda: optimizers.RMSprop(0.01),
    "adagrad": lambda: optimizers.Adagrad(0.1),
    "adadelta": lambda: optimizers.Adadelta(1.0),
    "adamax": lambda: optimizers.Adamax(0.01),
    "nadam": lambda: optimizers.Nadam(0.01, clipnorm=0.1),
    "several steps": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=2),
}


def fitted(dtype, optimizer="adam", threads=0, epochs=3, **options):
    embedcnn.set_num_threads(threads)
    try:
        model, layer = model_of("mean", OPTIMIZERS[optimizer](), dtype=dtype, **options)
        model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0)
        return layer.embeddings.numpy()
    finally:
        embedcnn.set_num_threads(0)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("rounding", ["stochastic", "master"])
@pytest.mark.parametrize("dtype", HALVES)
def test_halves_learn_as_float32_does(dtype, rounding, optimizer):
    start = decoded(dtype, *encoded(dtype, TABLE)[:2])
    got = fitted(dtype, optimizer, storage_rounding=rounding)
    expected = fitted("float32", optimizer, table=start)
    change = np.abs(expected - start).mean()
    assert change > 1e-3
    assert np.abs(got - expected).mean() < (0.02 if dtype == "bfloat16" else 0.003)
    assert (got != start).any()


@pytest.mark.parametrize("rounding", ["stochastic", "master"])
@pytest.mark.parametrize("dtype", HALVES)
def test_the_bits_follow_from_the_seed_not_from_threads(dtype, rounding):
    made = [fitted(dtype, threads=threads, storage_rounding=rounding) for threads in (1, 2, 3)]
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


@pytest.mark.parametrize("rounding", ["stochastic", "master"])
@pytest.mark.parametrize("dtype", HALVES)
def test_saved_and_resumed_training_has_the_bits_of_one_that_went_on(dtype, rounding, tmp_path):
    model, _ = model_of("mean", "adam", dtype=dtype, storage_rounding=rounding)
    model.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    model.save(tmp_path / "half.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "half.embedcnn")
    assert again.layers[0].embeddings.dtype == dtype
    for one in (model, again):
        one.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", HALVES)
def test_gradients_and_update_apart_are_one_step(dtype):
    (whole, table), (parts, other) = (model_of("mean", "adam", dtype=dtype) for _ in range(2))
    for _ in range(3):
        whole.train_on_batch(X, Y)
        parts.apply_gradients(parts.compute_gradients(X, Y)[1])
    np.testing.assert_array_equal(table.embeddings.numpy(), other.embeddings.numpy())


@pytest.mark.parametrize("rounding", ["stochastic", "master"])
@pytest.mark.parametrize("dtype", HALVES)
def test_only_rows_that_learn_are_written(dtype, rounding):
    start = decoded(dtype, *encoded(dtype, TABLE)[:2])
    after = fitted(dtype, trainable_rows=[1, 5], storage_rounding=rounding)
    assert np.flatnonzero((after != start).any(axis=1)).tolist() == [1, 5]
    model, layer = model_of("mean", "adam", dtype=dtype, storage_rounding=rounding)
    model.train_on_batch(np.full((2, 9), 7), np.ones(2))
    if rounding == "master":
        assert np.flatnonzero(layer.embeddings.mastered).tolist() == [7]
        assert np.flatnonzero(layer.embeddings.masters.any(axis=1)).tolist() == [7]
    assert np.flatnonzero((layer.embeddings.numpy() != start).any(axis=1)).tolist() == [7]


def test_int8_does_not_learn(capsys):
    model, layer = model_of("mean", "adam", dtype="int8")
    before = layer.embeddings.numpy()
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(layer.embeddings.numpy(), before)
    assert layer.embeddings not in model.optimizer.states
    assert len(model.trainable_weights) == 2
    model.summary()
    assert "Non-trainable params: 780 (1020.00 B)" in capsys.readouterr().out


# -- mapped files, weights, files ----------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mapped_file_is_read_in_place_and_never_written(dtype, tmp_path):
    rows, scales, _ = encoded(dtype, TABLE)
    rows.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", rows.dtype, "r", shape=rows.shape)
    given = [mapped] if scales is None else (mapped, scales)
    layer = layers.Embedding(ROWS, WIDTH, weights=given, storage_dtype=dtype, trainable=False)
    model = embedcnn.Sequential([layer, layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    assert np.shares_memory(layer.embeddings.value, mapped)
    np.testing.assert_array_equal(layer.embeddings.numpy(), decoded(dtype, rows, scales))
    layer.trainable = True
    model.fit(X, Y, verbose=0)
    assert np.shares_memory(layer.embeddings.value, mapped) == (dtype == "int8")
    np.testing.assert_array_equal(np.fromfile(tmp_path / "rows", rows.dtype), rows.ravel())


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_are_float32_for_who_asks(dtype):
    layer = layers.Embedding(ROWS, WIDTH, storage_dtype=dtype)
    layer.embeddings.assign(TABLE)
    kept = decoded(dtype, *encoded(dtype, TABLE)[:2])
    np.testing.assert_array_equal(layer.get_weights()[0], kept)
    np.testing.assert_array_equal(np.asarray(layer.embeddings), kept)
    layer.set_weights([TABLE[::-1]])
    np.testing.assert_array_equal(layer.get_weights()[0], kept[::-1])
    model = embedcnn.Sequential([embedcnn.Input((9,)), layer])
    state = model.state_dict()
    (name,) = state
    assert state[name].dtype == np.float32
    model.load_state_dict({name: TABLE})
    np.testing.assert_array_equal(layer.get_weights()[0], kept)


@pytest.mark.parametrize("rounding", ["stochastic", "master"])
@pytest.mark.parametrize("dtype", HALVES)
def test_the_best_weights_come_back(dtype, rounding):
    model, layer = model_of("mean", optimizers.Adam(0.5), dtype=dtype, storage_rounding=rounding)
    seen = [layer.embeddings.numpy()]
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(layer.embeddings.numpy()))
    stop = callbacks.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
    model.fit(X, Y, epochs=6, verbose=0, callbacks=[keep, stop])
    assert stop.best_epoch + 1 < len(seen) - 1
    np.testing.assert_array_equal(layer.embeddings.numpy(), seen[stop.best_epoch + 1])
    model.train_on_batch(X, Y)
    assert np.abs(layer.embeddings.numpy() - seen[stop.best_epoch + 1]).max() < 1  # not from later masters


@pytest.mark.parametrize("dtype", DTYPES)
def test_files(dtype, tmp_path):
    model, layer = model_of(dtype=dtype)
    model.save_weights(tmp_path / "stored.safetensors")
    other, table = model_of(dtype=dtype, table=TABLE * 0)
    other.load_weights(tmp_path / "stored.safetensors")
    np.testing.assert_array_equal(table.embeddings.numpy(), layer.embeddings.numpy())
    whole, _ = model_of()
    whole.save_weights(tmp_path / "whole.safetensors")
    other.load_weights(tmp_path / "whole.safetensors")
    np.testing.assert_array_equal(table.embeddings.numpy(), layer.embeddings.numpy())
    whole.load_weights(tmp_path / "stored.safetensors")
    np.testing.assert_array_equal(whole.layers[0].embeddings.numpy(), layer.embeddings.numpy())
    for kept in DTYPES:
        another, table = model_of(dtype=kept, table=TABLE * 0)
        another.load_weights(tmp_path / "stored.safetensors")
        expected = decoded(kept, *encoded(kept, layer.embeddings.numpy())[:2])
        np.testing.assert_array_equal(table.embeddings.numpy(), expected)
    sizes = [(tmp_path / name).stat().st_size for name in ("stored.safetensors", "whole.safetensors")]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_are_added_behind_a_stored_table(dtype):
    layer = layers.Embedding(ROWS, WIDTH, weights=[TABLE], storage_dtype=dtype, trainable=False)
    assert layer.append_rows(TABLE[:2] * 3) == ROWS
    np.testing.assert_array_equal(
        layer(np.array([[ROWS, ROWS + 1]]))[0], decoded(dtype, *encoded(dtype, TABLE[:2] * 3)[:2])
    )


# -- conversion ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_convert_tables_says_what_it_costs(dtype):
    model, layer = model_of("text cnn", "adam")
    model.fit(X, Y, verbose=0)
    before = layer.embeddings.numpy()
    report = model.convert_tables(dtype, check=(X, Y))
    assert (report.dtype, report.tables, report.overflow) == (dtype, [layer.name], 0)
    assert report.bytes_before == before.nbytes and report.bytes_after == layer.embeddings.nbytes
    assert report.after == model.evaluate(X, Y, verbose=0, return_dict=True)
    assert report.before != report.after and abs(report.before["loss"] - report.after["loss"]) < 0.1
    assert f"{layer.name} to {dtype}: 3.05 KB ->" in str(report) and "loss:" in str(report)
    np.testing.assert_array_equal(layer.embeddings.numpy(), decoded(dtype, *encoded(dtype, before)[:2]))
    state = model.optimizer.states.get(layer.embeddings)
    assert state is not None and state.steps[0] == 1
    model.fit(X, Y, verbose=0)
    assert state.steps[0] == 1 + (dtype != "int8")
    model.convert_tables("float32")
    assert layer.embeddings.value.dtype == np.float32
    model.fit(X, Y, verbose=0)


def test_a_converted_table_keeps_the_state_of_its_optimizer():
    layer, out = layers.Embedding(ROWS, WIDTH), layers.Dense(1)
    model = embedcnn.Sequential([embedcnn.Input((9,)), layer, layers.GlobalAveragePooling1D(), out])
    mine = optimizers.Adam()
    model.compile(optimizers.MultiOptimizer([(mine, layer), ("sgd", out)]), "mse")
    model.train_on_batch(X, Y)
    state = mine.states[layer.embeddings]
    model.convert_tables("bfloat16")
    model.train_on_batch(X, Y)
    assert mine.states[layer.embeddings] is state and state.steps[0] == 2


def test_numbers_beyond_float16_are_counted_and_bounded():
    model, layer = model_of(table=TABLE * 1e5)
    large = np.abs(TABLE * 1e5) >= 65520
    with pytest.warns(UserWarning, match=f"{large.sum()} numbers beyond the range of float16"):
        report = model.convert_tables("float16")
    assert report.overflow == large.sum() > 0
    assert f"{report.overflow} numbers beyond the range" in str(report)
    np.testing.assert_array_equal(np.abs(layer.embeddings.numpy()[large]), 65504)


def test_other_models_of_the_layer_see_the_converted_table():
    model, layer = model_of()
    below = embedcnn.Model(model.input, model.layers[1].output)
    first = below.predict(X, verbose=0)
    model.convert_tables("int8")
    second = below.predict(X, verbose=0)
    assert (first != second).any()
    np.testing.assert_allclose(second, layer.embeddings.numpy()[X].mean(axis=1), rtol=0, atol=1e-6)


def tied():
    ids, table = embedcnn.Input((9,)), layers.Embedding(ROWS, WIDTH)
    return embedcnn.Model(ids, layers.TiedDense(table)(layers.GlobalAveragePooling1D()(table(ids))))


def stored(dtype="float16", **options):
    return lambda: layers.Embedding(ROWS, WIDTH, storage_dtype=dtype, **options)


INT8, SCALES = np.zeros((ROWS, WIDTH), np.int8), np.ones(ROWS, np.float32)
CASES = {
    "dtype": (stored("float8"), "storage_dtype='float8'"),
    "dtype object": (stored(np.float16), "storage_dtype"),
    "rounding": (stored(storage_rounding="up"), "storage_rounding='up'"),
    "constraint": (stored("int8", embeddings_constraint="non_neg"), "storage_dtype='int8'"),
    "overflow": (
        stored(weights=[TABLE * 1e6]),
        "numbers are beyond the range of float16, 65504; the first is weights[",
    ),
    "nan": (stored(weights=[np.full((ROWS, WIDTH), np.nan, np.float16)]), "nan"),
    "shape of halves": (stored(weights=[np.zeros((3, 2), np.float16)]), "Received a matrix of shape (3, 2)"),
    "shape of bytes": (stored("int8", weights=(INT8[:2], SCALES)), "Received a matrix of shape (2, 13)"),
    "scales": (stored("int8", weights=(INT8, SCALES[:2])), "scales float32 of shape (60,)"),
    "scales dtype": (stored("int8", weights=(INT8, SCALES.astype(float))), "Received: float64"),
    "scales nan": (stored("int8", weights=(INT8, SCALES * np.nan)), "weights[1]"),
    "convert dtype": (lambda: model_of()[0].convert_tables("int4"), "dtype='int4'"),
    "convert check": (lambda: model_of()[0].convert_tables("int8", check=X), "`check` must be (x, y)"),
    "convert nothing": (
        lambda: embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(1)]).convert_tables("int8"),
        "has no Embedding whose table",
    ),
    "convert tied": (lambda: tied().convert_tables("int8"), "reads all of it, and there is no other"),
    "tied to halves": (
        lambda: layers.TiedDense(stored()())(embedcnn.Input((WIDTH,))),
        "must be kept in float32",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case):
    call, message = CASES[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert message in str(caught.value)
