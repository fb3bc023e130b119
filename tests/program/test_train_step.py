"""Training steps of the core against the reference's loop, with every optimizer and clip setting."""

import numpy as np
import pytest
from program.models import (
    documents,
    documents_input,
    every_input,
    every_layer,
    every_layer_input,
    every_operation,
    text_batch,
    text_cnn,
)

from embedcnn import _core

OPTIMIZERS = {
    "sgd": ("sgd", {}),
    "momentum": ("sgd", {"momentum": 0.9}),
    "nesterov": ("sgd", {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    "adam": ("adam", {}),
    "adamw": ("adam", {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-5, "weight_decay": 0.02}),
    "rmsprop": ("rmsprop", {"epsilon": 1e-5}),
    "rmsprop momentum": ("rmsprop", {"rho": 0.8, "momentum": 0.9, "epsilon": 1e-5, "weight_decay": 0.01}),
    "rmsprop centered": ("rmsprop", {"centered": True, "epsilon": 1e-4}),
    "rmsprop both": ("rmsprop", {"centered": True, "momentum": 0.5, "epsilon": 1e-4}),
    "adagrad": ("adagrad", {"epsilon": 1e-5, "weight_decay": 0.01}),
    "adadelta": ("adadelta", {"rho": 0.95, "epsilon": 1e-4, "weight_decay": 0.01}),
    "adamax": ("adamax", {"epsilon": 1e-4, "weight_decay": 0.01}),
    "nadam": ("nadam", {"epsilon": 1e-4, "weight_decay": 0.01}),
}
CLIPS = {
    "none": {},
    "norm": {"clipnorm": 0.1},
    "global": {"global_clipnorm": 0.15},
    "value": {"clipvalue": 0.02},
}


@pytest.mark.parametrize("update", ["lazy", "dense"])
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ten_steps(optimizer, clip, update):
    name, hyper = OPTIMIZERS[optimizer]
    pair = text_cnn(mask_zero=True, rate=0.3)
    pair.set_optimizer(name, embedding_update=update, **hyper, **CLIPS[clip])
    rng = np.random.default_rng(0)
    for step in range(10):
        ids, labels = text_batch(rng)
        # all but SGD divide by the gradient's size: an entry whose gradient is rounding alone may differ
        pair.check_train_step([ids], [labels], 0.01, step, tolerance=2e-5 if name == "sgd" else 2e-4)


@pytest.mark.parametrize("fused", [True, False])
def test_every_rung_and_thread_count(rung, threads, fused):
    pair = text_cnn(fused=fused, rate=0.5)
    pair.set_optimizer("sgd", momentum=0.9, global_clipnorm=0.5)
    rng = np.random.default_rng(1)
    for step in range(10):
        ids, labels = text_batch(rng, batch=1 + 3 * step % 11, length=3 + step)
        weight = None if step % 2 else rng.random(len(labels)).astype(np.float32)
        pair.check_train_step([ids], [labels], 0.1, step, weight, tolerance=3e-5)


def test_every_operation(rung, threads):
    pair = every_operation()
    pair.set_optimizer("sgd", momentum=0.5, global_clipnorm=1.0)
    rng = np.random.default_rng(2)
    for step in range(10):
        inputs, targets = every_input(rng, batch=step + 1)
        pair.check_train_step(inputs, targets, 0.05, step, tolerance=3e-5)
        pair.compare_gradients(3e-5)


def test_documents(rung, threads):
    pair = documents()
    pair.set_optimizer("sgd", momentum=0.5, clipnorm=1.0)
    rng = np.random.default_rng(4)
    for step in range(8):
        inputs, targets = documents_input(rng, batch=step + 1, sentences=1 + step % 5)
        pair.check_train_step(inputs, targets, 0.1, step, tolerance=3e-5)
        pair.compare_gradients(3e-5)


def test_every_layer(rung, threads):
    pair = every_layer()  # a bias before batch normalisation has no gradient: Adam would move it by rounding
    pair.set_optimizer("sgd", momentum=0.5, clipnorm=1.0)
    rng = np.random.default_rng(3)
    for step in range(8):
        inputs, targets = every_layer_input(rng, batch=step + 2)
        pair.check_train_step(inputs, targets, 0.02, step, tolerance=1e-4)
        pair.compare_gradients(1e-4)


def test_learning_lowers_the_loss():
    pair = text_cnn()
    pair.set_optimizer("adam")
    ids, labels = text_batch(np.random.default_rng(3), batch=30)
    losses = [pair.core.train_step([ids], [labels], None, 0.01, step).losses[0] for step in range(60)]
    assert losses[-1] < 0.05 < losses[0]
    assert pair.core.test_step([ids], [labels], None).correct == (30,)


def test_test_step_changes_nothing():
    pair = text_cnn(rate=0.5)
    pair.set_optimizer("adam")
    ids, labels = text_batch(np.random.default_rng(4))
    before = [value.tobytes() for value in pair.values]
    losses, total, correct, outputs = pair.core.test_step([ids], [labels], None, want_outputs=True)
    expected = pair.reference.test_step([ids], [labels])
    np.testing.assert_allclose(losses, expected[0], rtol=1e-6)
    np.testing.assert_allclose(outputs[0], expected[2][0], rtol=1e-5, atol=1e-7)
    assert correct == tuple(expected[1])
    assert total == len(ids)
    assert [value.tobytes() for value in pair.values] == before
    assert pair.core.test_step([ids], [labels], None).outputs is None


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_lazy_is_dense_when_all_rows_are_touched(name):
    rng = np.random.default_rng(5)
    batches = [
        (rng.permuted(np.tile(np.arange(12), (4, 1)), axis=1), rng.integers(0, 3, 4)) for _ in range(5)
    ]
    results = []
    for update in ("lazy", "dense"):
        pair = text_cnn(vocabulary=12)
        pair.set_optimizer(name, embedding_update=update, global_clipnorm=0.5)
        for step, (ids, labels) in enumerate(batches):
            pair.core.train_step([ids], [labels], None, 0.05, step)
        results.append([value.tobytes() for value in pair.values])
    assert results[0] == results[1]


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_lazy_leaves_untouched_rows_alone(name):
    pair = text_cnn()
    pair.set_optimizer(name, weight_decay=0.1, **({"momentum": 0.9} if name == "sgd" else {}))
    before = pair.values[0].copy()
    rng = np.random.default_rng(6)
    for step in range(3):
        ids, labels = text_batch(rng, vocabulary=20)
        pair.core.train_step([ids], [labels], None, 0.1, step)
    np.testing.assert_array_equal(pair.values[0][20:], before[20:])
    assert all((slot[20:] == 0).all() for slot in pair.slots[0])
    assert (pair.values[0][:20] != before[:20]).any()


@pytest.mark.parametrize("frozen", [[0], [1, 2], [0, 1, 2, 3, 4], [5, 6], [0, 5]])
def test_frozen_parameters_keep_their_bits(frozen):
    trainable = [number not in frozen for number in range(7)]
    pair = text_cnn(trainable=trainable)
    pair.set_optimizer("adam", global_clipnorm=0.5)
    before = [value.tobytes() for value in pair.values]
    rng = np.random.default_rng(7)
    for step in range(3):
        ids, labels = text_batch(rng)
        pair.check_train_step([ids], [labels], 0.01, step, tolerance=2e-4)
    same = [value.tobytes() == old for value, old in zip(pair.values, before, strict=True)]
    assert same == [number in frozen for number in range(7)]
    assert all(pair.steps[number][0] == 0 for number in frozen)


def test_a_frozen_parameter_may_be_read_only():
    pair = text_cnn()
    pair.set_optimizer("sgd")
    table = pair.values[0].copy()
    table.flags.writeable = False
    pair.core.bind(0, table, False, [], np.zeros(1, np.int64))
    ids, labels = text_batch(np.random.default_rng(8))
    pair.core.train_step([ids], [labels], None, 0.1, 0)
    with pytest.raises(ValueError, match="embeddings is read-only"):
        pair.core.bind(0, table, True, [], np.zeros(1, np.int64))


def test_unfreezing_between_steps():
    pair = text_cnn(trainable=[False] + [True] * 6)
    pair.set_optimizer("adam")
    rng = np.random.default_rng(9)
    for step in range(6):
        if step == 3:
            pair.core.bind(0, pair.values[0], True, pair.slots[0], pair.steps[0])
            pair.reference.trainable[0] = True
        ids, labels = text_batch(rng)
        pair.check_train_step([ids], [labels], 0.01, step, tolerance=2e-4)
    assert pair.steps[0][0] == 3
    assert pair.steps[1][0] == 6


def test_weights_set_in_place_count_from_the_next_step():
    pair = text_cnn()
    pair.set_optimizer("sgd")
    ids, labels = text_batch(np.random.default_rng(10))
    pair.core.train_step([ids], [labels], None, 0.1, 0)
    for value in pair.values:
        value[...] = 0
    assert pair.core.test_step([ids], [labels], None).losses[0] == pytest.approx(np.log(3))


def training_bytes(threads, fused, rate=0.4, steps=8):
    _core.set_num_threads(threads)
    try:
        pair = text_cnn(vocabulary=300, width=24, filters=20, fused=fused, rate=rate, mask_zero=True)
        pair.set_optimizer("adam", global_clipnorm=1.0)
        rng = np.random.default_rng(11)
        for step in range(steps):
            ids, labels = rng.integers(0, 300, (17, 21)), rng.integers(0, 3, 17)
            pair.core.train_step([ids], [labels], None, 0.01, step)
        return b"".join(value.tobytes() for value in pair.values)
    finally:
        _core.set_num_threads(0)


@pytest.mark.parametrize("fused", [True, False])
def test_any_number_of_threads_trains_the_same_bits(rung, fused):
    assert len({training_bytes(threads, fused) for threads in (1, 2, 3, 4, 7)}) == 1


def test_steps_that_go_to_and_fro_between_one_thread_and_a_team_have_the_same_bits():
    """Near the size where a team begins to pay, a program tries both now and then."""
    all_alone = training_bytes(1, True, steps=60)
    _core._set_least_work(200_000)
    assert training_bytes(3, True, steps=60) == all_alone


def test_examples_in_another_order_give_the_same_loss():
    pair = text_cnn()
    ids, labels = text_batch(np.random.default_rng(12), batch=9)
    order = np.random.default_rng(13).permutation(9)
    _, _, correct, outputs = pair.core.test_step([ids], [labels], None, want_outputs=True)
    again = pair.core.test_step([ids[order]], [labels[order]], None, want_outputs=True)
    np.testing.assert_array_equal(again[3][0], outputs[0][order])
    assert again[2] == correct
