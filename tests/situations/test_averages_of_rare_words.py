"""Moving averages of weights (`use_ema`) of a table of which each step touches some rows only: a row that is
not touched stands still, but its average goes on towards it, as it does where every row is updated.
"""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import callbacks, models, optimizers

L = keras.layers


def table(update, momentum=0.9, rows=12, **options):
    """Plain SGD: dense and lazy updates are the same, but for the rounding of averages."""
    keras.utils.set_random_seed(6)
    model = keras.Sequential(
        [keras.Input((None,), dtype="int32"), L.Embedding(rows, 3), L.GlobalAveragePooling1D(), L.Dense(1)],
        seed=1,
    )
    optimizer = optimizers.SGD(0.5, use_ema=True, ema_momentum=momentum, embedding_update=update, **options)
    model.compile(optimizer, "mse")
    return model


def batches(count, rows=12):
    """Each step reads a few of the rows, and most of them seldom."""
    rng = np.random.default_rng(1)
    for number in range(count):
        yield np.minimum(rng.zipf(1.4, (2, 3)) - 1, rows - 1), np.array([[np.sin(number)], [1.0]])


def averages(model):
    model.optimizer.finalize_variable_values(model.trainable_weights)
    return model.get_weights()


def test_a_word_that_is_absent_for_long_is_at_its_value():
    """Trained in 5 steps, absent in 2,000: the average is where the word has been all the time."""
    model = table("lazy", momentum=0.99)
    for _ in range(5):
        model.train_on_batch(np.array([[3]]), np.array([[1.0]]))
    value = model.layers[0].embeddings.numpy()[3]
    for _ in range(2000):
        model.train_on_batch(np.array([[1]]), np.array([[1.0]]))
    assert np.array_equal(model.layers[0].embeddings.numpy()[3], value)
    np.testing.assert_allclose(averages(model)[0][3], value, rtol=1e-5)


CASES = {
    "plain": {},
    "slow": {"momentum": 0.999},
    "overwrites": {"ema_overwrite_frequency": 7},
    "overwrites each": {"ema_overwrite_frequency": 1},
    "accumulating": {"gradient_accumulation_steps": 3},
    "accumulating and overwriting": {"gradient_accumulation_steps": 3, "ema_overwrite_frequency": 2},
    "clipped": {"clipnorm": 0.1},
    "momentum 0": {"momentum": 0.0},
    "momentum 1": {"momentum": 1.0},
}


@pytest.mark.parametrize("name", CASES)
def test_lazy_averages_are_those_of_dense_updates(name, threads):
    lazy, dense = table("lazy", **CASES[name]), table("dense", **CASES[name])
    for number, (x, y) in enumerate(batches(60)):
        for model in (lazy, dense):
            model.train_on_batch(x, y)
        if number in (11, 40):
            for one, other in zip(lazy.get_weights(), dense.get_weights(), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    for one, other in zip(averages(lazy), averages(dense), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_saved_debts_are_paid_to_the_bit(tmp_path, name):
    whole = table("lazy", **CASES[name])
    parts = list(batches(40))
    for x, y in parts[:20]:
        whole.train_on_batch(x, y)
    whole.save(tmp_path / "model")
    again = models.load_model(tmp_path / "model")
    for x, y in parts[20:]:
        whole.train_on_batch(x, y)
        again.train_on_batch(x, y)
    for one, other in zip(averages(whole), averages(again), strict=True):
        assert np.array_equal(one, other)


def test_a_file_without_debts_is_read(tmp_path):
    """Files of 0.1.0 do not say how often a row has moved: all are taken to be up to date."""
    model = table("lazy")
    for x, y in batches(5):
        model.train_on_batch(x, y)
    model.optimizer.states[model.layers[0].embeddings].moves = None
    model.save(tmp_path / "model")
    again = models.load_model(tmp_path / "model")
    before = again.optimizer.states[again.layers[0].embeddings].average.copy()
    np.testing.assert_array_equal(averages(again)[0], before)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_swapped_averages_are_whole(swap_on_epoch):
    x = np.array([[1, 2], [1, 3], [1, 1], [1, 1]] * 2)
    found = []
    for update in ("lazy", "dense"):
        model, seen = table(update, momentum=0.7), []

        class Watch(callbacks.Callback):
            def on_test_end(self, logs=None, seen=seen):
                seen.append(self.model.get_weights()[0])

        swap = callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)
        options = {"batch_size": 1, "epochs": 3, "shuffle": False, "verbose": 0}
        model.fit(
            x, np.ones((8, 1)), validation_data=(x, np.ones((8, 1))), callbacks=[Watch(), swap], **options
        )
        found.append([*seen, *model.get_weights()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
