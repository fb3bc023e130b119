"""A service loads, unpickles and copies models in its threads while others build new ones: nothing that one
thread does may reach the weights, the names or the programs of another.
"""

import copy
import pickle
import threading

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import models

L = keras.layers
X = np.arange(12).reshape(3, 4) % 7


def made():
    """A model with tables, nested layers and a model inside: every way in which weights are created."""
    inner = keras.Sequential([keras.Input((5,)), L.Dense(3, activation="tanh")])
    return keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            L.Embedding(7, 3),
            L.Bidirectional(L.LSTM(2, return_sequences=True)),
            L.TimeDistributed(L.Dense(5)),
            L.GlobalMaxPooling1D(),
            inner,
            L.Dense(2, kernel_initializer="he_normal"),
        ]
    )


def together(jobs):
    """Runs the jobs in threads that start at once; what went wrong in them."""
    barrier, wrong = threading.Barrier(len(jobs)), []

    def run(job):
        barrier.wait()
        try:
            job()
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def is_drawn(model):
    """Whether every kernel and table of a new model holds drawn numbers."""
    return all(weight.numpy().any() for weight in model.weights if weight.name.endswith(("kernel", "ings")))


def test_eight_threads_load_while_another_builds(tmp_path):
    saved = made()
    expected = saved.predict(X, verbose=0)
    saved.save(tmp_path / "model")
    small = keras.Sequential([keras.Input((3,)), L.Dense(2)])
    small.save(tmp_path / "small")

    def load():
        for number in range(200):
            if number % 20 == 0:
                model = models.load_model(tmp_path / "model")
                assert np.array_equal(model.predict(X, verbose=0), expected)
            else:
                model = models.load_model(tmp_path / "small")
                assert np.array_equal(model.get_weights()[0], small.get_weights()[0])

    def build():
        for _ in range(200):
            assert is_drawn(keras.Sequential([keras.Input((3,)), L.Dense(4), L.Dense(2)]))

    assert together([load] * 8 + [build]) == []
    assert is_drawn(made())  # and later, in one thread


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)), models.clone_model]
)
def test_threads_copy_models_while_others_build(copied):
    source = made()

    def copies():
        for _ in range(20):
            model = copied(source)
            assert is_drawn(model)
            if copied is not models.clone_model:
                pairs = zip(model.get_weights(), source.get_weights(), strict=True)
                assert all(np.array_equal(one, other) for one, other in pairs)

    def build():
        for _ in range(20):
            assert is_drawn(made())

    assert together([copies] * 4 + [build] * 2) == []


def test_a_load_that_fails_leaves_nothing_behind(tmp_path):
    made().save(tmp_path / "model")
    data = (tmp_path / "model").read_bytes()
    (tmp_path / "asks-for-more").write_bytes(data.replace(b'"units": 5', b'"units": 9'))
    for _ in range(3):
        with pytest.raises(ValueError):
            models.load_model(tmp_path / "asks-for-more")
        assert is_drawn(made())


def test_a_generator_that_loads_between_two_layers(tmp_path):
    """A load inside the building of another model, in one thread: each has its own weights."""
    keras.Sequential([keras.Input((3,)), L.Dense(2)]).save(tmp_path / "small")

    class Loads(L.Layer):
        def build(self, input_shape):
            models.load_model(tmp_path / "small")
            self.kernel = self.add_weight("kernel", (input_shape[-1], 2))

        def call(self, x):
            return x

    layer = Loads()
    layer(keras.Input((3,)))
    assert layer.kernel.numpy().any()


def test_names_made_in_threads_are_all_different():
    names = []

    def name():
        names.extend(L.Dense(1).name for _ in range(500))

    assert together([name] * 6) == []
    assert len(set(names)) == 3000


def test_models_trained_in_threads_see_their_own_changes():
    """Weights replaced in one thread, while others replace theirs, take effect at the next prediction."""

    def use():
        model = keras.Sequential([keras.Input((2,)), L.Dense(1, use_bias=False)])
        for number in range(200):
            model.layers[0].kernel.replace(np.full((2, 1), number, np.float32))
            assert model.predict(np.ones((1, 2), np.float32), verbose=0)[0, 0] == 2 * number

    assert together([use] * 4) == []
