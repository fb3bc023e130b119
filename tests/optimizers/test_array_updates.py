"""Optimizer.apply and apply_gradients: Keras's values, the bits of training, arrays, tables, misuse."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from golden.make_keras_optimizers import RATE, SETTINGS, values_and_gradients

import embedcnn
from embedcnn import layers, models, ops, optimizers

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "keras_optimizers.json").read_text())
RNG = np.random.default_rng(3)
IDS, Y = RNG.integers(0, 12, (5, 6, 4)), RNG.integers(0, 3, (5, 6))
OPTIONS = {
    "adam": lambda: optimizers.Adam(0.05, clipnorm=0.5),
    "amsgrad": lambda: optimizers.Adam(0.05, amsgrad=True, beta_2=0.5),
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9, weight_decay=0.01),
    "averages": lambda: optimizers.RMSprop(0.01, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    "accumulating": lambda: optimizers.Nadam(0.02, gradient_accumulation_steps=2, global_clipnorm=0.1),
    "dense": lambda: optimizers.Adam(0.05, embedding_update="dense"),
    "schedule": lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_ten_updates_of_arrays_as_keras(name):
    kind, settings = SETTINGS[name]
    values, steps = values_and_gradients()
    arrays = [value.astype(np.float32) for value in values]
    optimizer = getattr(optimizers, kind)(learning_rate=RATE, **settings)
    for number, gradients in enumerate(steps):
        assert optimizer.apply_gradients(zip(gradients, arrays, strict=True)) == number + 1
    for array, stored in zip(arrays, GOLDEN[name], strict=True):
        np.testing.assert_allclose(array.ravel(), stored, rtol=2e-5, atol=2e-6)


def model_of(optimizer):
    embedcnn.utils.set_random_seed(1)
    model = embedcnn.Sequential(
        [
            embedcnn.Input((4,), dtype="int32"),
            layers.Embedding(12, 3, embeddings_constraint=embedcnn.constraints.MaxNorm(2.0, axis=1)),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3, activation="softmax", kernel_constraint="non_neg"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def same_bits(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.optimizer.steps == other.optimizer.steps
    for a, b in zip(one.trainable_variables, other.trainable_variables, strict=True):
        first, second = one.optimizer.states.get(a), other.optimizer.states.get(b)
        assert (first is None) == (second is None)
        if first is None or second is None:
            continue
        assert first.steps == second.steps
        for slot, same in zip(first.slots, second.slots, strict=True):
            np.testing.assert_array_equal(slot, same)


@pytest.mark.parametrize("name", OPTIONS)
def test_the_bits_of_train_on_batch(name, tmp_path):
    """With the gradients of compute_gradients, in turn with whole steps, and over a file."""
    whole, parts = model_of(OPTIONS[name]()), model_of(OPTIONS[name]())
    for step in range(5):
        whole.train_on_batch(IDS[step], Y[step])
        if step == 3:  # training and loops of one's own share the state
            parts.train_on_batch(IDS[step], Y[step])
        else:
            _, gradients = parts.compute_gradients(IDS[step], Y[step])
            parts.optimizer.apply(list(gradients.values()), parts.trainable_variables)
        same_bits(whole, parts)
        if step == 1:
            parts.save(tmp_path / "model")
            parts = models.load_model(tmp_path / "model")


def test_a_dense_gradient_of_a_table_touches_all_of_its_rows():
    rows, dense = model_of("adam"), model_of("adam")
    gradient = RNG.normal(size=(12, 3)).astype(np.float32)
    rows.optimizer.apply([(np.arange(12), gradient)], [rows.layers[0].embeddings])
    dense.optimizer.apply([gradient], [dense.layers[0].embeddings])
    same_bits(rows, dense)


def test_rows_that_come_twice_are_summed():
    one, other = np.ones((4, 2), np.float32), np.ones((4, 2), np.float32)
    optimizers.SGD(1.0).apply([([1, 3, 1], [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])], [one])
    optimizers.SGD(1.0).apply([([1, 3], [[4.0, 4.0], [2.0, 2.0]])], [other])
    np.testing.assert_array_equal(one, other)
    assert one.tolist() == [[1, 1], [-3, -3], [1, 1], [-1, -1]]


def test_a_language_model_of_arrays_alone_learns():
    """README: ops and an optimizer make a training loop of one's own, with a recurrent layer in it."""
    rng, text = np.random.default_rng(0), np.tile(np.arange(5), 9)
    ids, y = text[None, :-1].astype(np.int32), text[None, 1:]
    draw = lambda *shape: (rng.normal(size=shape) / 3).astype(np.float32)  # noqa: E731
    table, kernel, back, out = draw(5, 4), draw(4, 24), draw(6, 24), draw(6, 5)
    optimizer, found = optimizers.Adam(0.05), []
    for _ in range(40):
        x = ops.embedding_lookup(ids, table)
        states = ops.lstm(x, kernel, back, return_sequences=True)
        loss, top = ops.vjp(ops.dense_cross_entropy, y, states, out)
        _, middle = ops.vjp(ops.lstm, x, kernel, back, return_sequences=True, d_out=top["x"])
        _, bottom = ops.vjp(ops.embedding_lookup, ids, table, d_out=middle["x"])
        gradients = [bottom["embeddings"], middle["kernel"], middle["recurrent_kernel"], top["kernel"]]
        optimizer.apply_gradients(zip(gradients, [table, kernel, back, out], strict=True))
        found.append(loss)
    assert found[0] > 1.4 and found[-1] < 0.1


def test_what_is_missing_stays_and_is_named():
    a, b = np.ones(2, np.float32), np.ones(3, np.float32)
    optimizer = optimizers.SGD(1.0)
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['arrays/1'\]"):
        optimizer.apply([np.ones(2), None], [a, b])
    assert a.tolist() == [0, 0] and b.tolist() == [1, 1, 1] and optimizer.iterations == 1


def test_other_variables_and_settings_from_call_to_call():
    a, b = np.ones(2, np.float32), np.ones(3, np.float32)
    optimizer = optimizers.SGD(1.0, momentum=0.5)
    for arrays in ([a], [a, b], [b], [b, a]):
        optimizer.apply([np.ones(one.shape) for one in arrays], arrays)
    expected = 1 - 1 - 1.5 - 1.75
    np.testing.assert_allclose(a, expected)
    np.testing.assert_allclose(b, expected)
    optimizer.clipvalue = 0.0625
    optimizer.apply([np.ones(2)], [a])
    np.testing.assert_allclose(a, expected - 0.875 - 0.0625)


def test_an_optimizer_that_has_updated_is_copied():
    optimizer, w = optimizers.Adam(0.1), np.ones(2, np.float32)
    optimizer.apply([np.ones(2)], [w])
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizers.Adam(0.1)))):
        other.apply([np.ones(2)], [w])


@pytest.mark.parametrize(
    ("gradients", "variables", "message"),
    [
        ([np.ones(2)], [], "a gradient for each of 0 variables. Received: 1"),
        ([None], [np.ones(2, np.float32)], "no gradient is given"),
        ([np.ones(2)], [np.ones(2)], "must be a float32 array in C order.*Received: float64"),
        ([np.ones((2, 3))], [np.ones((3, 2), np.float32).T], "in C order"),
        ([np.ones(2)], [[1.0, 2.0]], "must be a variable of a layer or a NumPy array. Received: list"),
        ([np.ones(3)], [np.ones(2, np.float32)], r"has the shape \(3,\)"),
        ([(np.arange(2), np.ones((2, 1)))], [np.ones(2, np.float32)], r"must be an array of shape \(2,\)"),
        ([([9], [[1.0]])], [np.ones((2, 1), np.float32)], r"= 9 is outside \[0, 2\)"),
        ([(1, 2, 3)], [np.ones((2, 1), np.float32)], "a tuple of 3"),
    ],
)
def test_misuse(gradients, variables, message):
    optimizer = optimizers.SGD(1.0)
    with pytest.raises((ValueError, TypeError), match=message):
        optimizer.apply(gradients, variables)
    assert optimizer.iterations == 0


def test_frozen_and_repeated_variables():
    model = model_of("sgd")
    kernel = model.layers[-1].kernel
    with pytest.raises(ValueError, match="distinct"):
        model.optimizer.apply([np.ones((3, 3))] * 2, [kernel, kernel])
    model.layers[-1].trainable = False
    with pytest.raises(ValueError, match=r"dense\w*/kernel'\] are frozen"):
        model.optimizer.apply([np.ones((3, 3))], [kernel])
