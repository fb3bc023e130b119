"""A service predicts with one model in many threads, also while it is trained, saved or given other weights:
every answer is that of one thread alone, with the weights of a whole step; only a second training is refused.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import _core, callbacks
from embedcnn.training import prediction

L = keras.layers
RNG = np.random.default_rng(3)
X = [RNG.integers(1, 50, (n % 7 + 1, n % 11 + 3)) for n in range(64)]


def convolutional(outputs=1):
    x = keras.Input((None,), dtype="int32")
    h = L.GlobalMaxPooling1D()(L.Conv1D(8, 3, padding="same")(L.Embedding(50, 6)(x)))
    made = [L.Dense(3, activation="softmax")(h) for _ in range(outputs)]
    return keras.Model(x, made if outputs > 1 else made[0])


def recurrent():
    x = keras.Input((None,), dtype="int32")
    return keras.Model(x, L.Bidirectional(L.LSTM(4))(L.Embedding(50, 6, mask_zero=True)(x)))


def written_in_python():
    x = keras.Input((None,), dtype="int32")
    h = L.GlobalAveragePooling1D()(L.Embedding(50, 6)(x))
    return keras.Model(x, L.Lambda(lambda values: np.sin(values) * 2)(h))


def in_threads(count, work):
    """What `work(number)` gives in each of so many threads, which begin together."""
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(run, number) for number in range(count)]]


@pytest.mark.parametrize("make", [convolutional, lambda: convolutional(2), recurrent, written_in_python])
@pytest.mark.parametrize("how", ["predict", "predict_on_batch", "__call__"])
def test_many_threads_give_the_answers_of_one(make, how):
    model = make()
    call = (lambda x: model.predict(x, verbose=0)) if how == "predict" else getattr(model, how)
    alone = [call(x) for x in X]

    def work(number):
        for turn in range(40):
            at = (number * 13 + turn) % len(X)
            for found, expected in zip(np.atleast_3d(call(X[at])), np.atleast_3d(alone[at]), strict=True):
                np.testing.assert_array_equal(found, expected)
        return True

    assert all(in_threads(8, work))


def test_more_threads_than_programs_wait():
    model = written_in_python()
    running, most, two = [], [], threading.Event()

    def slow(values):
        values = np.asarray(values)  # a function of arrays, called at each step
        running.append(1)
        most.append(len(running))
        if len(running) > 1:
            two.set()
        two.wait(60)  # for a second thread, however late it comes
        time.sleep(0.02)
        running.pop()
        return values

    two.set()
    model = keras.Sequential([keras.Input((2,)), L.Lambda(slow)])
    model.predict(np.ones((1, 2)), verbose=0)
    two.clear()
    most.clear()
    in_threads(prediction.AT_ONCE + 4, lambda number: model.predict(np.ones((1, 2)), verbose=0))
    assert 2 <= max(most) <= prediction.AT_ONCE


def test_a_layer_may_predict_with_its_own_model():
    model = None

    def nested(values):
        values = np.asarray(values)
        return values if model is None or values[0, 0] > 5 else model.predict(values + 10, verbose=0)

    x = keras.Input((2,))
    made = keras.Model(x, L.Lambda(nested, output_shape=(2,))(x))
    model = made
    found = in_threads(2 * prediction.AT_ONCE, lambda number: model.predict(np.ones((1, 2)), verbose=0))
    assert all((one == 11).all() for one in found)


def test_training_within_a_prediction_is_an_error_not_a_dead_end():
    x = keras.Input((2,))

    def nested(values):
        model.set_weights(model.get_weights())
        return values

    model = keras.Model(x, L.Dense(1)(L.Lambda(nested, output_shape=(2,))(x)))
    with pytest.raises(RuntimeError, match="is predicting in this thread"):
        model.predict(np.ones((1, 2)), verbose=0)


def test_predictions_during_a_training_see_whole_steps():
    """All weights are equal and get the same updates: an answer from a part of a step would differ."""
    width = 20000
    x = keras.Input((1,))
    model = keras.Model(x, L.Dense(width, use_bias=False, kernel_initializer="zeros")(x))
    model.compile(keras.optimizers.SGD(0.01), "mse")
    over, seen = threading.Event(), []

    def watch():
        while not over.is_set():
            out = model.predict_on_batch(np.ones((1, 1)))
            seen.append((float(out.min()), float(out.max())))

    threads = [threading.Thread(target=watch) for _ in range(3)]
    for thread in threads:
        thread.start()
    enough = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(
            model, "stop_training", len(seen) > 50 and seen[0] != seen[-1]
        )
    )
    model.fit(np.ones((32, 1)), np.ones((32, width)), batch_size=4, epochs=10000, verbose=0, callbacks=enough)
    over.set()
    for thread in threads:
        thread.join()
    assert len(seen) > 50 and len(set(seen)) > 1
    assert all(least == most for least, most in seen)


def test_other_weights_come_as_a_whole():
    width = 20000
    model = keras.Sequential([keras.Input((1,)), L.Dense(width, use_bias=False)])
    sets = [[np.full((1, width), value, np.float32)] for value in (1.0, 2.0)]
    model.set_weights(sets[0])
    over = threading.Event()

    def change():
        while not over.is_set():
            for values in sets:
                model.set_weights(values)

    thread = threading.Thread(target=change)
    thread.start()
    found = [model.predict_on_batch(np.ones((1, 1))) for _ in range(200)]
    over.set()
    thread.join()
    assert all(out.min() == out.max() for out in found)


def test_a_model_without_a_shape_is_built_once():
    for _ in range(20):
        model = keras.Sequential([L.Dense(3), L.Dense(2)])
        found = in_threads(4, lambda number, model=model: model.predict(np.ones((2, 5)), verbose=0))
        assert all((one == found[0]).all() for one in found)


@pytest.mark.parametrize("how", ["predict", "predict_on_batch", "__call__"])
def test_a_model_that_is_being_built_is_waited_for(how, monkeypatch):
    model = keras.Sequential([L.Dense(3)])
    x, half, over = np.ones((2, 5)), threading.Event(), threading.Event()
    rewire = model._rewire

    def pausing(new_inputs):  # here the graph is there, and what reads the data is not
        half.set()
        over.wait(0.3)
        rewire(new_inputs)

    monkeypatch.setattr(model, "_rewire", pausing)

    def work(number):
        if number and half.wait(60):
            try:
                return model.predict(x, verbose=0) if how == "predict" else getattr(model, how)(x)
            finally:
                over.set()
        return model.predict_on_batch(x)

    first, *others = in_threads(3, work)
    assert all((one == first).all() for one in others)


def test_dropout_and_moving_statistics_in_threads():
    model = keras.Sequential([keras.Input((4,)), L.BatchNormalization(), L.Dropout(0.5)])
    x = RNG.normal(size=(16, 4))
    in_threads(6, lambda number: [model(x, training=True) for _ in range(20)])
    expected = np.mean(x, 0) * (1 - 0.99**120)
    np.testing.assert_allclose(model.layers[0].moving_mean.numpy(), expected, rtol=1e-4)


def test_states_that_a_layer_keeps_are_not_mixed():
    model = keras.Sequential(
        [keras.Input((1, 2), batch_size=1), L.LSTM(3, stateful=True)]
        if "batch_size" in keras.Input.__code__.co_varnames
        else [keras.Input((1, 2)), L.SimpleRNN(3, stateful=True)]
    )
    for _ in range(200):
        model.predict_on_batch(np.ones((1, 1, 2)))
    after = model.predict_on_batch(np.ones((1, 1, 2)))
    model.layers[-1].reset_state()
    in_threads(4, lambda number: [model.predict_on_batch(np.ones((1, 1, 2))) for _ in range(50)])
    np.testing.assert_array_equal(model.predict_on_batch(np.ones((1, 1, 2))), after)


def test_a_save_beside_a_training(tmp_path):
    model = convolutional()
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = RNG.integers(0, 50, (64, 5)), RNG.integers(0, 3, 64)
    saved = []

    def save():
        for number in range(5):
            model.save(tmp_path / f"{number}")
            saved.append(keras.models.load_model(tmp_path / f"{number}").optimizer.iterations)

    thread = threading.Thread(target=save)
    stop = callbacks.LambdaCallback(
        on_train_begin=lambda logs: thread.start(),
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", not thread.is_alive()),
    )
    model.fit(x, y, epochs=100000, verbose=0, callbacks=stop)
    assert len(saved) == 5 and saved == sorted(saved)


def test_a_forked_child_predicts_whatever_other_threads_were_doing():
    model = written_in_python()
    begun, over = threading.Event(), threading.Event()

    def hold(values):
        begun.set()
        over.wait(10)
        return values

    model = keras.Sequential(
        [keras.Input((2,)), L.Lambda(lambda values: hold(values) if values[0, 0] else values)]
    )
    thread = threading.Thread(target=lambda: model.predict(np.ones((1, 2)), verbose=0))
    with model._access.training():
        thread.start()
        begun.wait()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                ok = (model.predict(np.zeros((1, 2)), verbose=0) == 0).all()
                model.set_weights([])  # waits for all who read: nobody does here
                status = 0 if ok else 2
            finally:
                os._exit(status)
        over.set()
        thread.join()
        assert os.waitpid(child, 0)[1] == 0


# -- the leases themselves -----------------------------------------------------------------------------------
def test_leases():
    access = _core.Access("m", 2)
    with access.training(), access.training(), access.changing(), access.reading(), access.changing():
        assert in_threads(1, lambda _: refusal(access)) == ["Model 'm' is in use by another thread"]
    with access.reading(), access.reading(), pytest.raises(RuntimeError, match="'m' is predicting"):
        access.changing().__enter__()
    assert in_threads(1, lambda _: refusal(access)) == [None]


def refusal(access):
    try:
        with access.training():
            return None
    except RuntimeError as error:
        return str(error).partition(",")[0]


def test_a_lease_that_is_dropped_is_given_back():
    access = _core.Access("m", 1)
    access.changing().__enter__()
    access.training().__enter__()
    lease = access.changing()
    lease.__enter__()
    with pytest.raises(RuntimeError, match="entered once"):
        lease.__enter__()
    del lease
    assert in_threads(1, lambda _: [refusal(access), access.changing().__enter__()]) == [[None, None]]


def test_a_lease_that_another_thread_waits_with_is_not_entered():
    access = _core.Access("m", 2)
    lease, entered = access.changing(), threading.Event()

    def wait():
        with lease:
            entered.set()

    with access.reading():
        waiting = threading.Thread(target=wait)
        waiting.start()
        message = ""
        while "entered once" not in message:  # before that the thread has not begun to wait
            with pytest.raises(RuntimeError) as refused:
                lease.__enter__()
            message = str(refused.value)
        assert not entered.is_set()
        lease.__exit__(None, None, None)  # as a `with` that never began would not
        with pytest.raises(RuntimeError, match="entered once"):
            lease.__enter__()
    waiting.join()
    assert entered.is_set() and in_threads(1, lambda _: [access.changing().__enter__()]) == [[None]]


def test_who_comes_first_is_served_first():
    access, order = _core.Access("m", 2), []

    def work(name, lease):
        with lease:
            order.append(name)

    threads = [
        threading.Thread(target=work, args=(name, lease()))
        for name, lease in (("a", access.changing), ("b", access.reading), ("c", access.changing))
    ]
    with access.reading():
        for before, thread in enumerate(threads):
            assert access.waiting == before
            thread.start()
            while access.waiting == before:  # until this thread stands in the queue
                time.sleep(0.001)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == ["a", "b", "c"] and access.waiting == 0


@pytest.mark.parametrize(("name", "limit", "error"), [("m", 0, ValueError), (1, 1, TypeError)])
def test_misuse(name, limit, error):
    with pytest.raises(error):
        _core.Access(name, limit)
