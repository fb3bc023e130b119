"""What a step does to a row of a table in fewer bits: penalties, constraints, moving averages and dense
updates are those of a float32 table whose rows are rounded once at the end of the step, by chance under known
keys or as the nearest of a master.
"""

import io

import numpy as np
import pytest
from reference import random_key, random_u32
from reference_optimizers import adagrad, adam, sgd

import embedcnn
from embedcnn import callbacks, constraints, layers, models, optimizers
from embedcnn.graph.stored import decoded, encoded
from embedcnn.saving import archive
from embedcnn.saving.optimizer_state import optimizer_state, restore_states

ROWS, WIDTH = 30, 5
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(ROWS, WIDTH)).astype(np.float32)
X, Y = RNG.integers(0, 20, (24, 6)), RNG.normal(size=24).astype(np.float32)  # no text reads rows 20 to 29
HALVES = ["float16", "bfloat16"]
ROUNDINGS = ["stochastic", "master"]


# -- the reference: float64 ----------------------------------------------------------------------------------
def keyed_bits(step, width=WIDTH, rows=ROWS, seed=0, number=0):
    """The random numbers that round parameter `number` in a step."""
    key = random_key(random_key(seed, step), number + (1 << 40))
    return np.array([[random_u32(random_key(key, row), c) for c in range(width)] for row in range(rows)])


def neighbours(dtype, values):
    """The next stored number towards zero, the unit there, and how much of it is cut off."""
    fraction, least = (10, -24) if dtype == "float16" else (7, -133)
    exponent = np.floor(np.log2(np.maximum(np.abs(values), 1e-300)))
    unit = 2.0 ** np.maximum(exponent - fraction, least)
    below = np.floor(np.abs(values) / unit)
    return below * unit, unit, np.abs(values) / unit - below


def check_rounded(dtype, stored, values, bits):
    """`stored` are `values`, rounded by chance where there are `bits`, else to nearest. A number may go the
    other way where float32 and float64 can differ about it; few may.
    """
    below, unit, cut = neighbours(dtype, values)
    kept = 13 if dtype == "float16" else 16
    drawn = 0.5 if bits is None else (bits >> (32 - kept)) / 2.0**kept
    expected = np.sign(values) * np.where(cut + drawn >= 1, below + unit, below)
    other = np.abs(cut + drawn - 1) < 2e-3
    np.testing.assert_array_equal(stored[~other], expected[~other].astype(np.float32))
    assert (np.abs(stored - values)[other] <= 1.01 * unit[other]).all() and other.mean() < 0.05


class Reference:
    """A table and its optimizer in float64; the numbers that are rounded come from outside, step by step."""

    def __init__(self, rule, slots, constraint=None, momentum=None, overwrite=0, dense=False, accumulate=1):
        self.rule, self.constraint, self.dense = rule, constraint, dense
        self.momentum, self.overwrite, self.accumulate = momentum, overwrite, accumulate
        self.slots, self.average, self.updates, self.steps = slots, None, 0, 0
        self.sums, self.touched = np.zeros((ROWS, WIDTH)), np.zeros(ROWS, bool)

    def step(self, value, rows, values):
        """The table after a step, not rounded."""
        value, now = value.astype(np.float64), np.zeros(ROWS, bool)
        self.average = value.copy() if self.average is None else self.average
        self.sums[rows] += values
        now[rows] = self.touched[rows] = True
        if (self.steps + 1) % self.accumulate == 0:
            moving = np.arange(ROWS) if self.dense else np.flatnonzero(self.touched)
            own = [slot[moving] for slot in self.slots]
            gradient = self.sums[moving] / self.accumulate
            value[moving] = self.rule(value[moving], own, gradient, step=self.updates + 1)
            for slot, changed in zip(self.slots, own, strict=True):
                slot[moving] = changed
            now = self.touched.copy()
        if self.momentum is not None:
            keep = self.momentum if self.updates else 0.0
            self.average = keep * self.average + (1 - keep) * value
            if self.overwrite and (self.steps // self.accumulate + 1) % self.overwrite == 0:
                value = self.average.copy()
        if self.constraint is not None:
            constrained = np.arange(ROWS) if self.dense else np.flatnonzero(now)
            value[constrained] = self.constraint(value[constrained])
        if (self.steps + 1) % self.accumulate == 0:
            self.updates += 1
            self.sums[:], self.touched[:] = 0, False
        self.steps += 1
        return value


RULES = {
    "sgd": (lambda **o: optimizers.SGD(0.05, **o), lambda v, s, g, step: sgd(v, s, g, 0.05, step), 0),
    "momentum": (
        lambda **o: optimizers.SGD(0.05, momentum=0.9, weight_decay=0.02, **o),
        lambda v, s, g, step: sgd(v, s, g, 0.05, step, momentum=0.9, weight_decay=0.02),
        1,
    ),
    "adam": (lambda **o: optimizers.Adam(0.02, **o), lambda v, s, g, step: adam(v, s, g, 0.02, step), 2),
    "adagrad": (
        lambda **o: optimizers.Adagrad(0.1, **o),
        lambda v, s, g, step: adagrad(v, s, g, 0.1, step),
        1,
    ),
}
SETTINGS = {
    "plain": {},
    "non_neg": {"constraint": constraints.NonNeg()},
    "max_norm": {"constraint": constraints.MaxNorm(1.5, axis=1)},
    "unit_norm": {"constraint": constraints.UnitNorm(axis=1)},
    "min_max_norm": {"constraint": constraints.MinMaxNorm(1.0, 2.0, rate=0.5, axis=-1)},
    "averages": {"momentum": 0.9},
    "averages, constrained": {"momentum": 0.7, "constraint": constraints.NonNeg()},
    "overwriting": {"momentum": 0.8, "overwrite": 3},
    "overwriting, constrained": {"momentum": 0.8, "overwrite": 2, "constraint": constraints.UnitNorm(axis=1)},
    "several steps": {"accumulate": 3, "momentum": 0.9, "constraint": constraints.MaxNorm(1.5, axis=1)},
    "several steps, constrained": {"accumulate": 2, "constraint": constraints.MaxNorm(1.0, axis=1)},
    "several steps, overwriting": {"accumulate": 2, "momentum": 0.9, "overwrite": 2},
}


def made(rule, setting, dtype, rounding="stochastic", dense=False):
    """An Embedding and an optimizer of a rule and a setting."""
    options = SETTINGS[setting]
    layer = layers.Embedding(
        ROWS,
        WIDTH,
        weights=[TABLE],
        storage_dtype=dtype,
        storage_rounding=rounding,
        embeddings_constraint=options.get("constraint"),
    )
    arguments = {"embedding_update": "dense" if dense else "lazy"}
    if "momentum" in options:
        arguments |= {"use_ema": True, "ema_momentum": options["momentum"]}
        arguments |= {"ema_overwrite_frequency": options.get("overwrite")}
    if "accumulate" in options:
        arguments["gradient_accumulation_steps"] = options["accumulate"]
    return layer, RULES[rule][0](**arguments)


def gradients(steps):
    """Some rows a step, none of the last ten."""
    rng = np.random.default_rng(1)
    for _ in range(steps):
        rows = np.sort(rng.choice(20, 7, replace=False))
        yield rows, rng.normal(size=(7, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("dense", [False, True], ids=["lazy", "dense"])
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("dtype", HALVES)
def test_a_step_is_that_of_float32_and_then_rounded(dtype, rounding, dense, setting, rule):
    layer, optimizer = made(rule, setting, dtype, rounding, dense)
    table = layer.embeddings
    start = np.full((ROWS, WIDTH), optimizer.slot_start)
    reference = Reference(
        RULES[rule][1], [start.copy() for _ in range(RULES[rule][2])], dense=dense, **SETTINGS[setting]
    )
    first, everything = table.value.copy(), np.arange(ROWS)
    for step, (rows, values) in enumerate(gradients(9)):
        before = table.learnt(everything)
        expected = reference.step(before, rows, values)
        optimizer.apply([(rows, values)], [table])
        after = table.learnt(everything)
        check_rounded(dtype, table.numpy(), expected, keyed_bits(step) if rounding == "stochastic" else None)
        if rounding == "master":
            np.testing.assert_allclose(after, expected, rtol=2e-5, atol=2e-6)
            np.testing.assert_array_equal(table.value, encoded(dtype, after)[0])
    if not dense:
        np.testing.assert_array_equal(table.value[20:], first[20:])  # at rest: the same bits
    if "momentum" in SETTINGS[setting]:
        optimizer.finalize_variable_values([table])
        expected = encoded(dtype, reference.average.astype(np.float32))[0]
        got, unit = table.numpy(), neighbours(dtype, reference.average)[1]
        assert (np.abs(got - reference.average) <= 0.51 * unit + 1e-5).all()
        assert (table.value == expected).mean() > 0.95
        if not dense:
            np.testing.assert_array_equal(table.value[20:], first[20:])


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("dtype", HALVES)
def test_what_holds_of_a_constraint_after_rounding(dtype, rounding):
    unit = (2.0**-10 if dtype == "float16" else 2.0**-7) / (2 if rounding == "master" else 1)
    for name, low, high in (("non_neg", 0, np.inf), ("unit_norm", 1, 1), ("max_norm", 0, 1.5)):
        layer, optimizer = made("adam", name, dtype, rounding)
        for rows, values in gradients(9):
            optimizer.apply([(rows, values)], [layer.embeddings])
        touched = layer.embeddings.numpy()[:20]
        if name == "non_neg":
            assert (touched >= 0).all() and (touched == 0).any()
        else:
            norms = np.linalg.norm(touched.astype(np.float64), axis=1)
            assert (norms >= low * (1 - unit) - 1e-5).all() and (norms <= high * (1 + unit) + 1e-5).all()


@pytest.mark.parametrize("setting", ["averages", "overwriting", "max_norm"])
@pytest.mark.parametrize("dtype", HALVES)
def test_rows_that_rest_keep_their_bits(dtype, setting):
    for dense in (False, True):
        layer, optimizer = made("adam", setting, dtype, dense=dense)
        layer.trainable_rows = [2, 3, 5, 7, 11]
        before = layer.embeddings.value.copy()
        for rows, values in gradients(9):
            optimizer.apply([(rows, values)], [layer.embeddings])
        if optimizer.use_ema:
            optimizer.finalize_variable_values([layer.embeddings])
        moved = np.flatnonzero((layer.embeddings.value != before).any(axis=1))
        assert moved.tolist() == [2, 3, 5, 7, 11]


# -- penalties, max_norm: with a model -----------------------------------------------------------------------
def model_of(dtype, optimizer="sgd", table=TABLE, **options):
    embedcnn.utils.set_random_seed(1)
    layer = layers.Embedding(ROWS, WIDTH, weights=[table], storage_dtype=dtype, **options)
    made = [embedcnn.Input((6,)), layer, layers.GlobalAveragePooling1D(), layers.Dense(1)]
    model = embedcnn.Sequential(made, seed=2)
    model.compile(optimizer, "mse")
    return model, layer


PENALTIES = {"l1": {"l1": 0.03}, "l2": {"l2": 0.02}, "both": {"l1": 0.01, "l2": 0.04}}


@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("update", ["lazy", "dense"])
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("dtype", HALVES)
def test_penalties_are_those_of_the_rounded_rows(dtype, rounding, update, kind):
    options = {"embeddings_regularizer": embedcnn.regularizers.L1L2(**PENALTIES[kind])}
    model, layer = model_of(
        dtype, optimizers.Adam(0.05, embedding_update=update), storage_rounding=rounding, **options
    )
    for _ in range(3):
        start = layer.embeddings.numpy()
        whole, _ = model_of("float32", optimizers.Adam(0.05, embedding_update=update), start, **options)
        free, _ = model_of("float32", "sgd", start)
        for other in (whole, free):
            other.layers[-1].set_weights(model.layers[-1].get_weights())
        (loss, found), (expected, same) = model.compute_gradients(X, Y), whole.compute_gradients(X, Y)
        assert loss == pytest.approx(expected, rel=1e-6)
        assert model.evaluate(X, Y, verbose=0) == pytest.approx(whole.evaluate(X, Y, verbose=0), rel=1e-6)
        alone, of_data = free.compute_gradients(X, Y)
        rows = np.unique(X) if update == "lazy" else np.arange(ROWS)
        read, numbers = start[rows].astype(np.float64), PENALTIES[kind]
        penalty = numbers.get("l1", 0) * np.abs(read).sum() + numbers.get("l2", 0) * (read**2).sum()
        assert loss - alone == pytest.approx(penalty, rel=1e-4)
        for one, other in zip(found.values(), same.values(), strict=True):
            for got, wanted in zip(one, other, strict=True) if isinstance(one, tuple) else [(one, other)]:
                np.testing.assert_array_equal(got, wanted)
        if update == "lazy":
            (ids, got), (_, data) = (next(iter(one.values())) for one in (found, of_data))
            wanted = data + numbers.get("l1", 0) * np.sign(start[ids]) + 2 * numbers.get("l2", 0) * start[ids]
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
        model.train_on_batch(X, Y)


@pytest.mark.parametrize("order", [1.0, 2.0, float("inf")])
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("dtype", HALVES)
def test_max_norm_scales_rows_that_a_step_reads(dtype, rounding, order):
    model, layer = model_of(
        dtype, optimizers.SGD(0.0), max_norm=1.2, norm_type=order, storage_rounding=rounding
    )
    start = layer.embeddings.numpy()
    model.train_on_batch(X, Y)
    norms = np.linalg.norm(start.astype(np.float64), order, axis=1)
    scale = np.where((norms > 1.2) & np.isin(np.arange(ROWS), X), 1.2 / (norms + 1e-7), 1)
    assert (scale < 1).any()
    towards_zero = np.zeros((ROWS, WIDTH), np.uint32) if rounding == "stochastic" else None
    check_rounded(dtype, layer.embeddings.numpy(), start * scale[:, None], towards_zero)
    np.testing.assert_array_equal(layer.embeddings.numpy()[20:], start[20:])
    unit = 0 if rounding == "stochastic" else 2.0**-11 if dtype == "float16" else 2.0**-8
    norms = np.linalg.norm(layer.embeddings.numpy()[np.unique(X)].astype(np.float64), order, axis=1)
    assert (norms <= 1.2 * (1 + unit)).all()
    settled = layer.embeddings.value.copy()
    for _ in range(3):
        model.train_on_batch(X, Y)
    np.testing.assert_array_equal(layer.embeddings.value, settled)


def test_max_norm_rounds_subnormal_halves_towards_zero():
    unit = 2.0**-24
    start = np.array([[1.0, 2.0, 3.0, 4.0, 2.0**21]] * ROWS, np.float32) * np.float32(unit)
    model, layer = model_of(
        "float16", optimizers.SGD(0.0), start, max_norm=2.0**20 * unit, norm_type=float("inf")
    )
    model.train_on_batch(X, Y)
    after = layer.embeddings.numpy()[X[0, 0]] / unit
    assert after[:4].tolist() == [0.0, 0.0, 1.0, 1.0] and 2**20 * 0.998 < after[4] <= 2**20


# -- laws ----------------------------------------------------------------------------------------------------
EVERYTHING = {
    "lazy": ({"use_ema": True, "ema_momentum": 0.8}, {}),
    "dense": ({"use_ema": True, "ema_momentum": 0.8, "embedding_update": "dense"}, {}),
    "overwriting": ({"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2}, {}),
    "dense, several steps": (
        {"gradient_accumulation_steps": 2, "embedding_update": "dense"},
        {"max_norm": 2.0},
    ),
    "clipped": ({"global_clipnorm": 0.5}, {"max_norm": 1.5, "scale_grad_by_freq": True}),
    "some rows": ({"use_ema": True, "clipnorm": 0.2}, {"trainable_rows": [1, 2, 3, 5, 8, 13]}),
}


def with_everything(dtype, case, rounding="stochastic"):
    settings, options = EVERYTHING[case]
    return model_of(
        dtype,
        optimizers.Adam(0.03, weight_decay=0.01, **settings),
        storage_rounding=rounding,
        embeddings_regularizer=embedcnn.regularizers.L1L2(0.01, 0.01),
        embeddings_constraint=constraints.MaxNorm(1.8, axis=1),
        **options,
    )


def bits(model):
    return [variable.value.copy() for variable in model.weights]


def same(one, other):
    for a, b in zip(bits(one), bits(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", EVERYTHING)
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("dtype", HALVES)
def test_the_bits_do_not_depend_on_threads(dtype, rounding, case):
    made = []
    for threads in (1, 2, 3):
        embedcnn.set_num_threads(threads)
        try:
            model, _ = with_everything(dtype, case, rounding)
            losses = model.fit(X, Y, batch_size=5, epochs=2, shuffle=False, verbose=0).history["loss"]
            made.append((model, losses))
        finally:
            embedcnn.set_num_threads(0)
    for model, losses in made[1:]:
        same(model, made[0][0])
        assert losses == made[0][1]


@pytest.mark.parametrize("case", EVERYTHING)
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("dtype", HALVES)
def test_gradients_and_update_apart_are_one_step(dtype, rounding, case):
    (whole, _), (parts, _) = (with_everything(dtype, case, rounding) for _ in range(2))
    for _ in range(4):
        whole.train_on_batch(X, Y)
        parts.apply_gradients(parts.compute_gradients(X, Y)[1])
    same(whole, parts)


@pytest.mark.parametrize("case", EVERYTHING)
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("dtype", HALVES)
def test_saved_in_the_middle_it_goes_on_to_the_same_bits(dtype, rounding, case, tmp_path):
    model, _ = with_everything(dtype, case, rounding)
    for number in range(3):
        model.train_on_batch(X[8 * number : 8 * number + 8], Y[8 * number : 8 * number + 8])
    model.save(tmp_path / "half.embedcnn")
    again = models.load_model(tmp_path / "half.embedcnn")
    assert again.layers[0].embeddings.constraint is not None and again.layers[0].embeddings.dtype == dtype
    for number in (1, 0, 2):
        for one in (model, again):
            one.train_on_batch(X[8 * number : 8 * number + 8], Y[8 * number : 8 * number + 8])
    same(model, again)
    for one in (model, again):
        one.fit(X, Y, batch_size=7, verbose=0, shuffle=False)  # ends with the averages
    same(model, again)


def test_averages_are_kept_of_touched_rows_only(tmp_path):
    rows = 50_000
    layer = layers.Embedding(rows, 64, storage_dtype="bfloat16")
    model = embedcnn.Sequential([layer, layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile(optimizers.Adam(use_ema=True), "mse")
    model.train_on_batch(np.full((2, 3), 7), np.ones(2))
    model.train_on_batch(np.full((2, 3), 9), np.ones(2))
    state = model.optimizer.states[layer.embeddings]
    assert np.flatnonzero(state.average.any(axis=1)).tolist() == [7, 9]
    assert state.averaged_rows(layer.embeddings).tolist() == [7, 9]
    model.save(tmp_path / "m.embedcnn")
    again = models.load_model(tmp_path / "m.embedcnn")
    np.testing.assert_array_equal(again.optimizer.states[again.layers[0].embeddings].average, state.average)


# -- averages in the model -----------------------------------------------------------------------------------
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("update", ["lazy", "dense"])
def test_a_look_at_the_averages_changes_no_training(update, dtype, rounding):
    settings = {"use_ema": True, "ema_momentum": 0.8, "embedding_update": update}
    (looked, layer), (plain, other) = (
        model_of(dtype, optimizers.Adam(0.05, **settings), storage_rounding=rounding) for _ in range(2)
    )
    swap = callbacks.SwapEMAWeights()
    inside = []

    class Look(callbacks.Callback):
        def on_test_begin(self, logs=None):
            inside.append(layer.embeddings.numpy())

    looked.fit(
        X,
        Y,
        batch_size=8,
        epochs=3,
        shuffle=False,
        verbose=0,
        validation_data=(X, Y),
        callbacks=[swap, Look()],
    )
    plain.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    same(looked, plain)
    assert len(inside) == 3
    state = plain.optimizer.states[other.embeddings]
    rows = np.unique(X)
    np.testing.assert_array_equal(inside[-1][rows], decoded(dtype, encoded(dtype, state.average[rows])[0]))
    np.testing.assert_array_equal(inside[-1][20:], decoded(dtype, encoded(dtype, TABLE)[0])[20:])
    assert looked.optimizer.states[layer.embeddings].held == []


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("dtype", HALVES)
def test_a_checkpoint_of_the_averages_trains_on(dtype, rounding, tmp_path):
    """With swap_on_epoch the file has the averages as weights; the training goes on from it all the same."""

    def trained(epochs, *more):
        model, _ = model_of(
            dtype, optimizers.Adam(0.05, use_ema=True, ema_momentum=0.8), storage_rounding=rounding
        )
        swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
        model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=[swap, *more])
        return model

    trained(2, callbacks.ModelCheckpoint(tmp_path / "{epoch}.embedcnn"))
    saved = models.load_model(tmp_path / "2.embedcnn")
    same(saved, trained(2))
    assert saved.optimizer.states[saved.layers[0].embeddings].held
    saved.fit(
        *(X, Y),
        batch_size=8,
        shuffle=False,
        verbose=0,
        initial_epoch=2,
        epochs=3,
        callbacks=[callbacks.SwapEMAWeights(swap_on_epoch=True)],
    )
    same(saved, trained(3))


# -- conversion ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [*HALVES, "int8"])
def test_a_converted_table_keeps_its_rules_and_averages(dtype, tmp_path):
    model, layer = with_everything("float32", "lazy")
    layer.max_norm = 1.5
    model.train_on_batch(X, Y)
    model.convert_tables(dtype)
    model.save(tmp_path / "m.embedcnn")
    for one in (model, models.load_model(tmp_path / "m.embedcnn"), models.clone_model(model)):
        table = one.layers[0].embeddings
        assert table.dtype == dtype and one.layers[0].max_norm == 1.5
        assert table.regularizer.l1 == 0.01 and table.constraint.max_value == 1.8
    again = models.load_model(tmp_path / "m.embedcnn")
    for one in (model, again):
        one.train_on_batch(X, Y)
        one.convert_tables("float32")
        one.train_on_batch(X, Y)
    same(model, again)
    table = model.layers[0].embeddings
    state = model.optimizer.states[table]
    assert np.linalg.norm(table.numpy()[np.unique(X)], axis=1).max() <= 1.8 * 1.0001
    assert np.abs(state.average[20:] - table.numpy()[20:]).max() < (0.02 if dtype != "float16" else 0.001)


@pytest.mark.parametrize("dtype", HALVES)
def test_a_table_that_began_in_halves_has_all_averages_in_float32(dtype):
    model, layer = with_everything(dtype, "lazy")
    model.train_on_batch(X, Y)
    model.convert_tables("float32")
    state = model.optimizer.states[layer.embeddings]
    np.testing.assert_array_equal(state.average[20:], layer.embeddings.numpy()[20:])
    assert state.average[np.unique(X)].any(axis=1).all()
    model.fit(X, Y, verbose=0)


# -- misuse --------------------------------------------------------------------------------------------------
WRONG = {
    "steps": ("steps", np.array([np.inf], np.float32), "wrong shapes"),
    "rows of averages": ("average_rows", np.array([0, ROWS], np.int64), "averages of"),
    "kind of rows": ("average_rows", np.array([0.0, 1.0], np.float32), "averages of"),
    "averages": ("average", np.zeros((1, WIDTH), np.float32), "averages of"),
    "averages in halves": ("average", np.zeros((2, WIDTH), np.float16), "averages of"),
    "moves": ("moves", np.zeros(3, np.int64), "wrong shapes"),
    "rows that are held": ("held_rows", np.zeros((ROWS, WIDTH), np.float32), "are held"),
    "some rows are held": ("held_rows", np.zeros((3, WIDTH), np.float16), "are held"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_state_that_does_not_fit_is_refused(case):
    name, array, message = WRONG[case]
    model, layer = with_everything("float16", "lazy")
    model.train_on_batch(np.array([[0] * 6, [1] * 6]), np.ones(2))
    state = optimizer_state(model.optimizer, {"words": layer.embeddings})
    file = io.BytesIO()
    archive.write_tensors(file, state | {f"words/{name}": array})
    with pytest.raises(ValueError, match=message):
        restore_states(model.optimizer, {"words": layer.embeddings}, file.getvalue(), "'a file'")


def stored(dtype="float16", **options):
    return lambda: layers.Embedding(ROWS, WIDTH, storage_dtype=dtype, **options)


def column_norms():
    model, layer = model_of("float32", embeddings_constraint=constraints.MaxNorm(1.0, axis=0))
    return model.convert_tables("bfloat16")


CASES = {
    "int8 with a norm": (stored("int8", max_norm=1.0), "`max_norm` of"),
    "int8 with a penalty": (stored("int8", embeddings_regularizer="l2"), "a table of int8 never learns"),
    "int8 with a constraint": (stored("int8", embeddings_constraint="non_neg"), "would do nothing"),
    "norms of columns": (stored(embeddings_constraint=constraints.MaxNorm(1.0, axis=0)), "Use axis=1"),
    "the norm of all": (
        stored(embeddings_constraint=constraints.MaxNorm(1.0, axis=[0, 1])),
        "norms over all rows",
    ),
    "converted": (column_norms, "`embeddings_constraint` of"),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case):
    call, message = CASES[case]
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)
