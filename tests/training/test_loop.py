import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from keras_values import data, text_model

import embedcnn
from embedcnn import Ragged, callbacks, layers, metrics, optimizers, utils


def compiled_model(optimizer=None, seed=0, table_seed=0, **options):
    utils.set_random_seed(table_seed)
    model = text_model(seed)
    model.compile(optimizer or optimizers.Adam(0.01), "sparse_categorical_crossentropy", **options)
    return model


def dropout_model(seed=0):
    utils.set_random_seed(5)
    tokens = embedcnn.Input((7,), dtype="int32")
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(8, 3, activation="relu")(layers.Embedding(12, 4)(tokens)))
    model = embedcnn.Model(tokens, layers.Dense(3, activation="softmax")(layers.Dropout(0.5)(x)), seed=seed)
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def bits(model):
    return [value.tobytes() for value in model.get_weights()]


def many(count=100):
    random = np.random.default_rng(0)
    x = random.integers(0, 12, (count, 7))
    return x, (x[:, 0] % 3).astype(np.int64)


def test_training_learns():
    model = compiled_model(metrics=["accuracy"])
    x, y = many(400)
    history = model.fit(x, y, epochs=30, verbose=0).history
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] > 0.7


def test_the_same_seed_gives_the_same_bits():
    x, y = many()
    results = []
    for seed in (1, 1, 2):
        model = dropout_model(seed)
        model.fit(x, y, epochs=2, verbose=0)
        results.append(bits(model))
    assert results[0] == results[1] != results[2]


def test_any_number_of_threads_gives_the_same_bits():
    x, y = many()
    results = []
    for threads in (1, 2, 3):
        embedcnn.set_num_threads(threads)
        try:
            model = dropout_model()
            model.fit(x, y, epochs=2, verbose=0)
        finally:
            embedcnn.set_num_threads(0)
        results.append(bits(model))
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("kind", ["file", "pickle"])
def test_save_and_resume_continues_to_the_same_bits(tmp_path, kind):
    import pickle

    x, y = many()
    straight = dropout_model()
    history = straight.fit(x, y, epochs=4, verbose=0, validation_split=0.2).history
    halved = dropout_model()
    first = halved.fit(x, y, epochs=2, verbose=0, validation_split=0.2).history
    if kind == "file":
        halved.save(tmp_path / "half.keras")
        halved = embedcnn.models.load_model(tmp_path / "half.keras")
    else:
        halved = pickle.loads(pickle.dumps(halved))
    rest = halved.fit(x, y, epochs=4, initial_epoch=2, verbose=0, validation_split=0.2)
    assert rest.epoch == [2, 3]
    assert bits(halved) == bits(straight)
    assert first["loss"] + rest.history["loss"] == history["loss"]
    assert first["val_accuracy"] + rest.history["val_accuracy"] == history["val_accuracy"]


def test_shuffling_changes_the_order_and_nothing_else():
    x = np.repeat(np.arange(1, 12), 7).reshape(11, 7)
    seen = []
    model = compiled_model(optimizers.SGD(0.0), metrics=[lambda y, p: seen.append(y.tolist()) or p[:, 0]])
    y = np.arange(11) % 3
    model.fit(x, y, epochs=2, batch_size=11, verbose=0)
    model.fit(x, y, epochs=1, batch_size=11, verbose=0, shuffle=False)
    assert seen[2] == y.tolist()
    assert seen[0] != seen[1] != seen[2]
    assert sorted(seen[0]) == sorted(seen[1]) == sorted(y)


def test_validation_split_takes_the_last_examples_before_shuffling():
    x, y = data(2)
    seen = []
    model = compiled_model(optimizers.SGD(0.0), metrics=[lambda y, p: seen.append(y.tolist()) or p[:, 0]])
    model.fit(x, y, verbose=0, validation_split=0.25)
    assert sorted(seen[0]) == sorted(y[:12])
    assert seen[1] == y[12:].tolist()


def test_validation_data_frequency_and_weights():
    x, y = data(2)
    model = compiled_model()
    history = model.fit(x, y, epochs=5, verbose=0, validation_data=(x, y), validation_freq=2)
    assert len(history.history["val_loss"]) == 2
    history = model.fit(
        x, y, epochs=4, verbose=0, validation_data=(x, y, np.ones(16)), validation_freq=[1, 4]
    )
    assert len(history.history["val_loss"]) == 2
    assert history.history["val_loss"][-1] == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-6)


def test_means_count_examples_not_batches():
    x, y = many(70)
    model = compiled_model(metrics=["accuracy"])
    whole = model.evaluate(x, y, batch_size=70, verbose=0)
    parts = model.evaluate(x, y, batch_size=32, verbose=0)
    assert parts == pytest.approx(whole, rel=1e-6)
    accuracy = (model.predict(x).argmax(axis=1) == y).mean()
    assert whole[1] == pytest.approx(accuracy)


def test_sample_and_class_weights():
    x, y = data(2)
    weights = np.linspace(0, 2, 16)
    results = []
    for arguments in (
        {"class_weight": {0: 0.5, 2: 3.0}},
        {"sample_weight": np.array([0.5, 1.0, 3.0])[y]},
        {"class_weight": {0: 0.5, 2: 3.0}, "sample_weight": weights},
        {"sample_weight": weights * np.array([0.5, 1.0, 3.0])[y]},
    ):
        model = compiled_model()
        model.fit(x, y, verbose=0, epochs=2, **arguments)
        results.append(np.concatenate([value.ravel() for value in model.get_weights()]))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-6)
    np.testing.assert_allclose(results[2], results[3], rtol=1e-4, atol=1e-6)
    assert np.abs(results[0] - results[2]).max() > 1e-4


def test_weighted_metrics():
    x, y = data(2)
    weights = np.linspace(0, 2, 16)
    model = compiled_model(
        metrics=["accuracy"], weighted_metrics=[metrics.SparseCategoricalAccuracy("weighted")]
    )
    values = model.evaluate(x, y, sample_weight=weights, batch_size=5, verbose=0, return_dict=True)
    right = model.predict(x).argmax(axis=1) == y
    assert values["accuracy"] == pytest.approx(right.mean())
    assert values["weighted"] == pytest.approx((right * weights).sum() / weights.sum())


def test_metrics_given_as_functions_and_objects():
    x, y = data(2)

    def confidence(y_true, y_pred):
        return y_pred.max(axis=-1)

    model = compiled_model(metrics=["acc", confidence, lambda y, p: 3.0, "mae"][:3])
    values = model.evaluate(x, y, batch_size=5, verbose=0, return_dict=True)
    assert values["confidence"] == pytest.approx(model.predict(x).max(axis=1).mean(), rel=1e-6)
    assert values["lambda"] == 3.0
    assert set(values) == {"loss", "acc", "confidence", "lambda"}


@pytest.mark.parametrize(
    ("units", "last", "loss", "kind"),
    [
        (1, "sigmoid", "binary_crossentropy", metrics.BinaryAccuracy),
        (3, "softmax", "sparse_categorical_crossentropy", metrics.SparseCategoricalAccuracy),
        (3, "softmax", "categorical_crossentropy", metrics.CategoricalAccuracy),
        (3, "sigmoid", "binary_crossentropy", metrics.CategoricalAccuracy),
    ],
)
def test_accuracy_is_resolved_as_in_keras(units, last, loss, kind):
    numbers = embedcnn.Input((4,))
    model = embedcnn.Model(numbers, layers.Dense(units, activation=last)(numbers))
    model.compile("sgd", loss, metrics=["accuracy", kind("numpy")])
    assert type(model.metrics[0]) is kind
    random = np.random.default_rng(1)
    x = random.normal(size=(20, 4))
    y = random.integers(0, max(2, units), 20)
    if loss == "categorical_crossentropy" or (units > 1 and loss == "binary_crossentropy"):
        y = utils.to_categorical(y, units)
    values = model.evaluate(x, y, verbose=0, return_dict=True)
    expected = kind()(y, model.predict(x))
    assert values["accuracy"] == pytest.approx(expected)
    assert values["numpy"] == pytest.approx(expected)


def test_binary_accuracy_of_logits_looks_at_the_probability():
    numbers = embedcnn.Input((1,))
    model = embedcnn.Model(numbers, layers.Dense(1, use_bias=False, kernel_initializer="ones")(numbers))
    model.compile("sgd", embedcnn.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    assert model.evaluate([[0.3], [-0.3]], [1, 0], verbose=0)[1] == 1.0
    assert model.predict_labels(np.array([[0.3], [-0.3]])) == [1, 0]


def test_ragged_input_equals_masked_padding():
    random = np.random.default_rng(3)
    rows = [random.integers(1, 12, length).tolist() for length in (7, 3, 5, 2, 6, 1)]
    padded = np.array([row + [0] * (7 - len(row)) for row in rows])
    ragged = Ragged.from_sequences(rows)
    y = np.arange(6) % 3
    results = []
    for x, mask_zero in ((padded, True), (ragged, False)):
        utils.set_random_seed(1)
        tokens = embedcnn.Input((None,), dtype="int32")
        h = layers.Conv1D(4, 2, activation="relu")(layers.Embedding(12, 4, mask_zero=mask_zero)(tokens))
        model = embedcnn.Model(
            tokens, layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling1D()(h)), seed=2
        )
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, epochs=3, batch_size=4, verbose=0)
        results.append(model.predict(x, batch_size=2))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)


def test_lists_of_equal_length_and_single_lists():
    x, y = data(2)
    model = compiled_model()
    expected = model.predict(x)
    for given in (x.tolist(), [x], (x,), x.astype(float), x.astype(np.uint8), {model.inputs[0].name: x}):
        assert (model.predict(given) == expected).all()
    assert model.evaluate([x], y.tolist(), verbose=0) == model.evaluate(
        x, y[:, None].astype(float), verbose=0
    )


def batches(x, y, size):
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]


class Batches:
    def __init__(self, x, y, size):
        self.x, self.y, self.size = x, y, size

    def __iter__(self):
        return batches(self.x, self.y, self.size)

    def __len__(self):
        return -(-len(self.x) // self.size)


def test_iterables_of_batches():
    x, y = many(70)
    arrays, stream = compiled_model(), compiled_model()
    arrays.fit(x, y, epochs=2, batch_size=32, shuffle=False, verbose=0)
    history = stream.fit(Batches(x, y, 32), epochs=2, verbose=0, validation_data=Batches(x, y, 10))
    assert bits(arrays) == bits(stream)
    assert history.params["steps"] == 3
    assert stream.evaluate(Batches(x, y, 32), verbose=0) == pytest.approx(
        arrays.evaluate(x, y, verbose=0), rel=1e-6
    )
    assert (stream.predict(Batches(x, y, 32)) == arrays.predict(x)).all()


def test_a_dataset():
    from embedcnn.data import Dataset

    x, y = many(70)
    arrays, stream = compiled_model(), compiled_model()
    arrays.fit(x, y, epochs=2, batch_size=32, shuffle=False, verbose=0, validation_data=(x, y))
    dataset = Dataset.from_tensor_slices((x, y)).batch(32)
    history = stream.fit(dataset, epochs=2, verbose=0, validation_data=dataset)
    assert bits(arrays) == bits(stream)
    assert history.history == arrays.history.history
    assert (stream.predict(dataset, verbose=0) == arrays.predict(x, verbose=0)).all()
    stream.fit(dataset.repeat(), steps_per_epoch=5, verbose=0)
    assert stream.optimizer.iterations == 11


def test_class_numbers_per_token():
    tokens = embedcnn.Input((None,), dtype="int32")
    x = layers.Conv1D(8, 1, activation="relu")(layers.Embedding(12, 8)(tokens))
    model = embedcnn.Model(tokens, layers.Dense(3, activation="softmax")(x), seed=0)
    model.compile(optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, _ = many()
    model.fit(x, x % 3, epochs=40, verbose=0)
    assert model.evaluate(x, x % 3, verbose=0)[1] == 1.0
    assert (model.predict(x, verbose=0).argmax(axis=-1) == x % 3).all()


def test_compiling_in_a_callback():
    x, y = data(2)
    model = compiled_model()
    again = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: model.compile("sgd", "sparse_categorical_crossentropy")
    )
    assert len(model.fit(x, y, epochs=3, verbose=0, callbacks=again).history["loss"]) == 3


def test_steps_per_epoch():
    x, y = many(70)

    def endless():
        while True:
            yield from batches(x, y, 10)

    model = compiled_model()
    model.fit(endless(), steps_per_epoch=3, epochs=4, verbose=0)
    assert model.optimizer.iterations == 12
    with pytest.warns(UserWarning, match="x ran out of data: 2 batches, but 5 were expected"):
        model.fit(Batches(x, y, 10), steps_per_epoch=5, epochs=2, verbose=0)
    assert model.optimizer.iterations == 19
    model.fit(x, y, steps_per_epoch=2, verbose=0)
    assert model.optimizer.iterations == 21
    with pytest.warns(UserWarning, match="x ran out of data: 3 batches, but 9 were expected"):
        model.fit(x, y, steps_per_epoch=9, verbose=0)


def test_trainable_is_live():
    x, y = data(2)
    model = compiled_model()
    conv = model.layers[2]
    model.train_on_batch(x, y)
    conv.trainable = False
    frozen = conv.kernel.numpy()
    model.train_on_batch(x, y)
    assert (conv.kernel.numpy() == frozen).all()
    conv.trainable = True
    model.train_on_batch(x, y)
    assert (conv.kernel.numpy() != frozen).any()
    assert model.optimizer.state(conv.kernel).steps[0] == 2


def test_predictions_see_new_weights():
    x, y = data(2)
    model = compiled_model()
    before = model.predict(x)
    model.train_on_batch(x, y)
    middle = model.predict(x)
    model.set_weights([np.zeros(w.shape) for w in model.weights])
    assert (before != middle).any()
    np.testing.assert_allclose(model.predict(x), 1 / 3, rtol=1e-6)


def test_compiling_again_keeps_the_weights():
    x, y = data(2)
    model = compiled_model()
    model.fit(x, y, verbose=0)
    before = model.predict(x)
    model.compile("sgd", "categorical_crossentropy")
    assert (model.predict(x) == before).all()
    assert model.train_on_batch(x, utils.to_categorical(y, 3)) > 0


def test_ctrl_c_keeps_the_last_whole_step():
    x, y = many(3000)
    model = compiled_model()
    ended = []
    watch = callbacks.LambdaCallback(
        on_train_end=lambda logs: ended.append(1),
        on_train_batch_end=lambda batch, logs: os.kill(os.getpid(), signal.SIGINT) if batch == 4 else None,
    )
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, verbose=0, callbacks=watch)
    assert ended == [1]
    assert model.optimizer.iterations == 5
    assert all(state.steps[0] == 5 for state in model.optimizer.states.values())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(x[:50], y[:50], verbose=0)


def interrupt_after(delay, done):
    """Ctrl-C once, and again while nobody has heard: Python drops what is raised inside of a finalizer."""
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGINT)
    while not done.wait(10):
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_at_any_moment_leaves_whole_steps():
    x, y = many(5000)
    for number in range(10):
        model, done = compiled_model(), threading.Event()
        sender = threading.Thread(target=interrupt_after, args=(0.02 + 0.003 * number, done))
        with pytest.raises(KeyboardInterrupt):
            sender.start()  # not before: it must not end the tests of a machine that is slow to come here
            model.fit(x, y, epochs=10000, batch_size=8, verbose=0)
        done.set()
        sender.join()
        steps = {int(state.steps[0]) for state in model.optimizer.states.values()}
        assert steps <= {model.optimizer.iterations}


def test_an_error_in_a_callback_leaves_the_model_usable():
    x, y = data(2)
    model = compiled_model()

    def fail(batch, logs):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        model.fit(x, y, verbose=0, callbacks=callbacks.LambdaCallback(on_train_batch_end=fail))
    assert model.train_on_batch(x, y) > 0


def test_callbacks_may_use_the_model():
    x, y = data(2)
    model = compiled_model()
    seen = []
    watch = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.evaluate(x, y, verbose=0))
    )
    history = model.fit(x, y, epochs=2, verbose=0, validation_data=(x, y), callbacks=watch)
    assert seen == history.history["val_loss"]


def test_a_second_training_is_refused():
    x, y = many(2000)
    model = compiled_model()
    started, errors = threading.Event(), []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: started.set())

    def intrude():
        started.wait()
        for call in (
            lambda: model.evaluate(x, y),
            lambda: model.train_on_batch(x, y),
            lambda: model.load_weights("never"),
        ):
            try:
                call()
            except RuntimeError as error:
                errors.append(str(error))

    thread = threading.Thread(target=intrude)
    thread.start()
    stop = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", not thread.is_alive())
    )
    model.fit(x, y, epochs=100000, verbose=0, callbacks=[watch, stop])
    thread.join()
    assert len(errors) == 3
    assert all(f"Model {model.name!r} is in use by another thread" in error for error in errors)
    model.predict(x[:3])


def test_stop_training_from_a_batch():
    x, y = many(320)
    model = compiled_model()
    stop = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(model, "stop_training", batch == 2)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = model.fit(x, y, epochs=5, verbose=0, callbacks=stop)
    assert model.optimizer.iterations == 3
    assert history.epoch == [0]


def test_progress_lines(capsys):
    x, y = many(70)
    model = compiled_model(metrics=["accuracy"])
    model.fit(x, y, epochs=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0::2] == ["Epoch 1/2", "Epoch 2/2"]
    assert lines[1].startswith("3/3 - 0s - ")
    assert "accuracy: 0." in lines[1]
    assert "loss: 1." in lines[1]
    assert lines[1].endswith("examples/s")
    model.fit(x, y, verbose=1)
    bar = capsys.readouterr().err
    assert "Epoch 1/1" in bar
    assert "accuracy" in bar
    assert "examples/s" in bar
    model.fit(x, y, verbose=0)
    model.evaluate(x, y, verbose=0)
    model.predict(x, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_single_class_warns():
    x, _ = data(2)
    model = compiled_model()
    with pytest.warns(UserWarning, match="y holds only the class 1: nothing can be learned"):
        model.fit(x, np.ones(16, int), verbose=0)
