"""Regularizers, constraints, moving averages, accumulation, weight decay and schedules: as Keras, and their
laws.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from draws import examples
from golden.make_keras_rules import (
    CASES,
    SCALINGS,
    SCHEDULE_STEPS,
    SCHEDULES,
    STEPS,
    build,
    data,
    optimizer_of,
    schedule_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_values import text_model, weights

import embedcnn
from embedcnn import constraints, initializers, layers, optimizers, regularizers
from embedcnn.optimizers import schedules

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "keras_rules.json").read_text())


def close(values, stored, tolerance=2e-5):
    for value, other in zip(values, stored, strict=True):
        np.testing.assert_allclose(np.ravel(value), other, rtol=tolerance, atol=tolerance / 10)


@pytest.mark.parametrize("name", CASES)
def test_ten_steps_as_keras(name):
    options, kind, arguments = CASES[name]
    model = build(embedcnn, options)
    optimizer = optimizer_of(embedcnn, kind, arguments)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    x, y, _ = data()
    losses = [model.train_on_batch(x[i], y[i]) for i in range(STEPS)]
    expected = GOLDEN["cases"][name]
    np.testing.assert_allclose(losses, expected["losses"], rtol=2e-5)
    close(model.get_weights(), expected["weights"], 1e-4)
    assert model.evaluate(x[0], y[0], verbose=0) == pytest.approx(expected["test"], rel=5e-5)
    if optimizer.use_ema:
        optimizer.finalize_variable_values(model.trainable_variables)
        close(model.get_weights(), expected["averages"], 1e-4)


def text_case(options, optimizer, seed=1):
    """The text model with an Embedding of these options."""
    tokens = embedcnn.Input((7,), dtype="int32")
    x = layers.Embedding(12, 4, **options)(tokens)
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(3, 2, activation="tanh")(x))
    model = embedcnn.Model(tokens, layers.Dense(3, activation="softmax")(x), seed=0)
    model.set_weights(weights([w.shape for w in model.weights], seed))
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


TABLE_RULES = {
    "l2": ({"embeddings_regularizer": "l2"}, {}),
    "l1": ({"embeddings_regularizer": regularizers.L1(0.02)}, {"clipnorm": 0.3}),
    "max_norm": ({"embeddings_constraint": constraints.MaxNorm(0.5, axis=1)}, {}),
    "unit_norm": ({"embeddings_constraint": constraints.UnitNorm(axis=1)}, {}),
    "non_neg": ({"embeddings_constraint": "non_neg"}, {}),
    "ema": ({}, {"use_ema": True, "ema_momentum": 0.6}),
    "ema overwrite": ({}, {"use_ema": True, "ema_momentum": 0.6, "ema_overwrite_frequency": 2}),
    "accumulation": ({}, {"gradient_accumulation_steps": 2}),
    "all": (
        {
            "embeddings_regularizer": "l1_l2",
            "embeddings_constraint": constraints.MinMaxNorm(0.1, 0.9, axis=1),
        },
        {"gradient_accumulation_steps": 3, "use_ema": True, "global_clipnorm": 0.5, "weight_decay": 0.01},
    ),
}


@pytest.mark.parametrize("kind", ["SGD", "Adam", "RMSprop"])
@pytest.mark.parametrize("name", TABLE_RULES)
def test_lazy_equals_dense_where_every_row_is_touched(name, kind):
    options, arguments = TABLE_RULES[name]
    x = np.stack([np.roll(np.arange(12), shift)[:7] for shift in range(12)])
    results = []
    for update in ("lazy", "dense"):
        model = text_case(options, getattr(optimizers, kind)(0.05, embedding_update=update, **arguments))
        losses = [model.train_on_batch(x, np.arange(12) % 3) for _ in range(6)]
        results.append([np.array(losses), *model.get_weights()])
    for lazy, dense in zip(*results, strict=True):
        np.testing.assert_allclose(lazy, dense, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("name", TABLE_RULES)
def test_lazy_rules_leave_other_rows_alone(name):
    options, arguments = TABLE_RULES[name]
    model = text_case(options, optimizers.Adam(0.1, **arguments))
    before = model.get_weights()[0]
    for _ in range(4):
        model.train_on_batch(np.full((4, 7), 5), [0, 1, 2, 0])
    after = model.get_weights()[0]
    assert [row for row in range(12) if (before[row] != after[row]).any()] == [5]


def test_the_lazy_penalty_is_that_of_the_rows_read():
    model = text_case({"embeddings_regularizer": regularizers.L2(0.5)}, "sgd")
    plain = text_case({}, "sgd")
    table = model.get_weights()[0]
    x, y = np.array([[1, 1, 2, 3, 1, 1, 1]]), [0]
    penalty = 0.5 * (table[1:4] ** 2).sum()
    assert model.test_on_batch(x, y) - plain.test_on_batch(x, y) == pytest.approx(penalty, rel=1e-5)
    assert model.train_on_batch(x, y) - plain.train_on_batch(x, y) == pytest.approx(penalty, rel=1e-5)
    dense = text_case(
        {"embeddings_regularizer": regularizers.L2(0.5)}, optimizers.SGD(embedding_update="dense")
    )
    everything = 0.5 * (table**2).sum()
    plain = text_case({}, "sgd")
    for step in ("test_on_batch", "train_on_batch"):
        difference = getattr(dense, step)(x, y) - getattr(plain, step)(x, y)
        assert difference == pytest.approx(everything, rel=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("update", ["lazy", "dense"])
def test_a_penalised_table_that_no_loss_depends_on_learns_by_its_penalty(update, dtype):
    """As in Keras; lazily, the rows that a step reads."""
    x, rows = np.array([[1, 1, 2, 3]]), 20000
    one, other = embedcnn.Input((4,), dtype="int32"), embedcnn.Input((4,), dtype="int32")
    table = layers.Embedding(rows, 8, embeddings_regularizer=regularizers.L2(0.5), storage_dtype=dtype)
    learnt = layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(one))
    aside = layers.GlobalAveragePooling1D()(table(other))
    model = embedcnn.Model([one, other], [layers.Dense(1)(learnt), layers.Dense(1)(aside)])
    model.compile(optimizers.SGD(0.1, embedding_update=update), ["mse", None])
    before = np.array(table.get_weights()[0])
    counted = before[1:4] if update == "lazy" else before
    y = np.zeros((1, 1), np.float32)
    total, loss = model.train_on_batch([x, x], [y])
    assert total - loss == pytest.approx(0.5 * (counted.astype(np.float64) ** 2).sum(), rel=1e-4)
    expected = before.astype(np.float64)
    expected[1:4] *= 0.9
    if update == "dense":
        expected[[0, *range(4, rows)]] *= 0.9
    got = np.array(table.get_weights()[0])
    np.testing.assert_allclose(got, expected, rtol=2e-3 if dtype == "float16" else 1e-6, atol=1e-7)
    if update == "lazy":
        np.testing.assert_array_equal(got[4:], before[4:])


@pytest.mark.parametrize("settings", [{}, {"clipnorm": 0.1}, {"global_clipnorm": 0.1}, {"clipvalue": 0.01}])
def test_a_penalised_weight_that_no_loss_depends_on_learns_by_its_penalty(settings):
    """In a step, and in one of two calls; the weights beside it, which have no penalty, keep their bits."""
    x = embedcnn.Input((3,))
    side = layers.Dense(2, kernel_regularizer=regularizers.L1L2(0.1, 0.2))
    model = embedcnn.Model(x, [layers.Dense(1)(x), side(x)])
    model.set_weights([np.random.default_rng(3).normal(size=one.shape) for one in model.get_weights()])
    model.compile(optimizers.SGD(0.1, **settings), ["mse", None])
    data, y = np.random.default_rng(4).normal(size=(6, 3)).astype(np.float32), np.zeros((6, 1), np.float32)
    kernel, bias = (one.astype(np.float64) for one in side.get_weights())
    gradient = 0.1 * np.sign(kernel) + 0.4 * kernel
    loss, gradients = model.compute_gradients(data, [y])
    found = {name: one for name, one in gradients.items() if np.shape(one) == (3, 2)}
    np.testing.assert_allclose(next(iter(found.values())), gradient, rtol=1e-5)
    error = model.predict(data, verbose=0)[0].astype(np.float64)
    own = np.concatenate([(data.T @ error / 3).ravel(), [error.mean() * 2]])
    if "clipnorm" in settings:
        gradient *= min(1, 0.1 / np.linalg.norm(gradient))
    elif "global_clipnorm" in settings:
        gradient *= min(1, 0.1 / np.linalg.norm([*own, *gradient.ravel()]))
    elif "clipvalue" in settings:
        gradient = np.clip(gradient, -0.01, 0.01)
    before = model.get_weights()
    model.train_on_batch(data, [y])
    np.testing.assert_allclose(side.get_weights()[0], kernel - 0.1 * gradient, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(side.get_weights()[1], bias.astype(np.float32))
    whole = model.get_weights()
    model.set_weights(before)
    model.apply_gradients(gradients)
    for one, other in zip(model.get_weights(), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_frozen_weights_have_no_penalty_and_keep_their_bits():
    model = build(embedcnn, {"kernel_regularizer": "l2", "kernel_constraint": "unit_norm"})
    model.layers[1].trainable = False
    model.compile(optimizers.Adam(0.1, use_ema=True, weight_decay=0.1), "sparse_categorical_crossentropy")
    plain = build(embedcnn, {})
    plain.compile("sgd", "sparse_categorical_crossentropy")
    x, y, _ = data()
    assert model.test_on_batch(x[0], y[0]) == pytest.approx(plain.test_on_batch(x[0], y[0]))
    before = model.layers[1].get_weights()
    for i in range(STEPS):
        model.train_on_batch(x[i], y[i])
    for one, other in zip(before, model.layers[1].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    model.layers[1].trainable = True
    model.train_on_batch(x[0], y[0])
    norms = np.sqrt((model.layers[1].get_weights()[0] ** 2).sum(axis=0))
    np.testing.assert_allclose(norms, 1, rtol=1e-5)


@settings(max_examples=examples(25), deadline=None)
@given(
    parts=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    kind=st.sampled_from(["SGD", "Adam", "Nadam", "Adagrad"]),
    update=st.sampled_from(["lazy", "dense"]),
    seed=st.integers(0, 99),
)
def test_a_batch_in_equal_parts_accumulates_to_the_same_update(parts, kind, update, seed):
    """n batches of the same size, one update = their examples in one batch."""
    rng = np.random.default_rng(seed)
    count, size = len(parts), parts[0]
    x, y = rng.integers(0, 12, (count * size, 7)), rng.integers(0, 3, count * size)
    whole = text_case({}, getattr(optimizers, kind)(0.05, embedding_update=update))
    whole.train_on_batch(x, y)
    more = {"gradient_accumulation_steps": count}
    parted = text_case({}, getattr(optimizers, kind)(0.05, embedding_update=update, **more))
    before = parted.get_weights()
    for i in range(count):
        parted.train_on_batch(x[i * size : (i + 1) * size], y[i * size : (i + 1) * size])
        if i < count - 1:
            for one, other in zip(before, parted.get_weights(), strict=True):
                np.testing.assert_array_equal(one, other)
    assert parted.optimizer.iterations == 1 and parted.optimizer.steps == count
    tolerance = 2e-5 if kind in ("SGD", "Adagrad") else 2e-3  # Adam divides noise by its own size
    for one, other in zip(whole.get_weights(), parted.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance / 20)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_bits_do_not_depend_on_the_team(threads):
    options, arguments = TABLE_RULES["all"]
    results = []
    before = embedcnn.get_num_threads()
    try:
        for count in (1, threads):
            embedcnn.set_num_threads(count)
            model = text_case(options, optimizers.Adam(0.05, **arguments))
            rng = np.random.default_rng(3)
            losses = [
                model.train_on_batch(rng.integers(0, 12, (16, 7)), rng.integers(0, 3, 16)) for _ in range(7)
            ]
            results.append([np.array(losses), *model.get_weights()])
    finally:
        embedcnn.set_num_threads(before)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_saved_and_resumed_to_the_same_bits(tmp_path):
    """Accumulators, touched rows, averages and the schedule's step are part of the file."""
    options, arguments = TABLE_RULES["all"]
    rate = schedules.CosineDecay(0.05, 20, warmup_target=0.1, warmup_steps=4)
    model = text_case(options, optimizers.Adam(rate, **arguments))
    rng = np.random.default_rng(4)
    batches = [(rng.integers(0, 12, (8, 7)), rng.integers(0, 3, 8)) for _ in range(9)]
    for batch in batches[:4]:  # in the middle of an accumulation
        model.train_on_batch(*batch)
    model.save(tmp_path / "m")
    again = embedcnn.models.load_model(tmp_path / "m")
    assert again.optimizer.learning_rate.get_config() == rate.get_config()
    assert again.layers[1].get_config() == model.layers[1].get_config()
    for batch in batches[4:]:
        assert model.train_on_batch(*batch) == again.train_on_batch(*batch)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_fit_ends_with_the_averages():
    x, y, _ = data()
    model = build(embedcnn, {})
    model.compile(optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9), "sparse_categorical_crossentropy")
    model.fit(x[0], y[0], batch_size=4, epochs=3, verbose=0)
    for variable in model.trainable_variables:
        np.testing.assert_array_equal(variable.numpy(), model.optimizer.states[variable].average)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_as_keras(name):
    schedule = schedule_of(embedcnn, *SCHEDULES[name])
    np.testing.assert_allclose(
        [schedule(step) for step in SCHEDULE_STEPS], GOLDEN["schedules"][name], rtol=2e-5, atol=1e-7
    )
    again = schedules.deserialize(json.loads(json.dumps(schedules.serialize(schedule))))
    assert again(7) == schedule(7)
    assert optimizers.get(optimizers.serialize(optimizers.Adam(schedule))).rate() == schedule(0)


@pytest.mark.parametrize("name", SCALINGS)
def test_variance_scaling_as_keras(name):
    values = initializers.VarianceScaling(**SCALINGS[name], seed=3)((60, 50, 20))
    expected = GOLDEN["scalings"][name]
    assert values.std() == pytest.approx(expected["std"], rel=0.02)
    slack = 0.35 if "untruncated" in name else 0.02
    assert np.abs(values).max() == pytest.approx(expected["largest"], rel=slack)
    again = initializers.get(initializers.serialize(initializers.VarianceScaling(**SCALINGS[name], seed=3)))
    np.testing.assert_array_equal(again((60, 50, 20)), values)


def test_identity():
    np.testing.assert_array_equal(initializers.Identity(2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])
    assert initializers.get("identity").get_config() == {"gain": 1.0}


def test_a_learning_rate_function_without_arguments():
    rates = iter([0.5, 0.25])
    optimizer = optimizers.SGD(lambda: next(rates))
    assert [optimizer.rate(), optimizer.rate()] == [0.5, 0.25]


def test_excluded_variables_keep_their_weight():
    model = build(embedcnn, {})
    optimizer = optimizers.AdamW(0.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([model.layers[1].kernel])
    optimizer.learning_rate = 0.1
    assert not optimizer.decays(model.layers[1].kernel) and optimizer.decays(model.layers[1].bias)


MISUSE = {
    "l1 negative": (
        lambda: regularizers.L1(-1),
        ValueError,
        "`l1` must be a finite number >= 0. Received: l1=-1",
    ),
    "l2 nan": (lambda: regularizers.L2(float("nan")), ValueError, "l2=nan"),
    "l1l2 text": (lambda: regularizers.L1L2("0.1"), ValueError, "l1='0.1'"),
    "regularizer name": (lambda: regularizers.get("l3"), ValueError, "did you mean"),
    "no such regularizer": (
        lambda: layers.GlobalMaxPooling1D(kernel_regularizer="l2"),
        ValueError,
        "Unrecognized keyword arguments passed to GlobalMaxPooling1D: {'kernel_regularizer': 'l2'}",
    ),
    "constraint name": (lambda: constraints.get("maxnorm"), ValueError, "did you mean 'max_norm'"),
    "max_value": (lambda: constraints.MaxNorm(-1), ValueError, "`max_value` must be a finite number >= 0"),
    "axis": (
        lambda: constraints.MaxNorm(axis="rows"),
        ValueError,
        "`axis` must be an integer. Received: axis='rows'",
    ),
    "min above max": (lambda: constraints.MinMaxNorm(2.0, 1.0), ValueError, "`min_value` must be at most"),
    "rate": (
        lambda: constraints.MinMaxNorm(rate=2.0),
        ValueError,
        r"`rate` must be a number in \[0, 1\]. Received: rate=2",
    ),
    "axis of a bias": (
        lambda: layers.Dense(2, bias_constraint=constraints.UnitNorm(axis=1))(embedcnn.Input((3,))),
        ValueError,
        r"`axis`=1 is outside \[-1, 1\)",
    ),
    "axis of a lazy table": (
        lambda: text_case({"embeddings_constraint": "max_norm"}, "sgd").train_on_batch(
            np.zeros((1, 7), int), [0]
        ),
        ValueError,
        "Use axis=1, or an optimizer with embedding_update='dense'",
    ),
    "accumulation 1": (
        lambda: optimizers.SGD(gradient_accumulation_steps=1),
        ValueError,
        r"`gradient_accumulation_steps` must be an integer in \[2",
    ),
    "accumulation float": (lambda: optimizers.SGD(gradient_accumulation_steps=2.0), ValueError, "=2.0"),
    "ema flag": (lambda: optimizers.SGD(use_ema="yes"), TypeError, "`use_ema` must be True or False"),
    "ema momentum": (lambda: optimizers.SGD(ema_momentum=1.5), ValueError, r"must be a number in \[0, 1\]"),
    "ema frequency": (
        lambda: optimizers.SGD(ema_overwrite_frequency=0),
        ValueError,
        "ema_overwrite_frequency=0",
    ),
    "excluded variable": (
        lambda: optimizers.SGD().exclude_from_weight_decay(["bias"]),
        TypeError,
        "`var_list` must hold variables. Received: str",
    ),
    "excluded names": (
        lambda: optimizers.SGD().exclude_from_weight_decay(var_names="bias"),
        TypeError,
        "`var_names` must be a list of strings",
    ),
    "decay_steps": (
        lambda: schedules.CosineDecay(0.1, 0),
        ValueError,
        "`decay_steps` must be a finite number > 0",
    ),
    "decay_rate": (
        lambda: schedules.ExponentialDecay(0.1, 5, -1),
        ValueError,
        "`decay_rate` must be a finite",
    ),
    "initial rate": (lambda: schedules.PolynomialDecay("0.1", 5), ValueError, "initial_learning_rate='0.1'"),
    "boundaries": (lambda: schedules.PiecewiseConstantDecay([1], [0.1]), ValueError, "one number more"),
    "boundaries fall": (
        lambda: schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]),
        ValueError,
        "`boundaries` must rise",
    ),
    "schedule class": (
        lambda: optimizers.SGD({"class_name": "Linear", "config": {}}),
        ValueError,
        "schedule='Linear' is unknown",
    ),
    "schedule gives NaN": (
        lambda: optimizers.SGD(lambda step: float("nan")).rate(),
        ValueError,
        "`learning_rate` must be a finite number >= 0",
    ),
    "mode": (lambda: initializers.VarianceScaling(mode="fan"), ValueError, "mode='fan' is unknown"),
    "distribution": (
        lambda: initializers.VarianceScaling(distribution="gauss"),
        ValueError,
        "distribution='gauss'",
    ),
    "scale": (
        lambda: initializers.VarianceScaling(scale=0),
        ValueError,
        "`scale` must be a finite number > 0",
    ),
    "identity of a vector": (
        lambda: initializers.Identity()((3,)),
        ValueError,
        r"two axes. Received: shape=\(3,\)",
    ),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse(name):
    call, error, message = MISUSE[name]
    with pytest.raises(error, match=message):
        call()


def test_rules_go_through_configurations():
    layer = layers.Conv1D(
        2,
        3,
        kernel_regularizer=regularizers.L1L2(0.1, 0.2),
        kernel_constraint=constraints.MaxNorm(1.0, axis=[0, 1]),
        activity_regularizer="l2",
    )
    again = layers.Conv1D.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.get_config() == layer.get_config()
    assert again.kernel_constraint.axis == [0, 1] and again.bias_regularizer is None
    assert repr(again.kernel_regularizer) == "L1L2(l1=0.1, l2=0.2)"


def test_text_model_is_fused_unless_activities_are_penalised():
    model = text_model()
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert "token_conv_pool" in str(model.lowered(training=True))
    model = text_case({"activity_regularizer": "l2"}, "sgd")
    listing = str(model.lowered(training=True))
    assert "activity_penalty" in listing and "token_conv_pool" not in listing
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 12, (8, 7)), rng.integers(0, 3, 8)
    plain = text_case({}, "sgd")
    penalty = 0.01 * (model.get_weights()[0][x] ** 2).sum() / 8
    assert model.train_on_batch(x, y) - plain.train_on_batch(x, y) == pytest.approx(penalty, rel=1e-4)
    assert "activity_penalty" not in str(model._programs.ready("predict") and model.lowered_as("predict"))
