"""Batches that a thread makes ahead of the step: same bits, no thread left, errors, Ctrl-C, random state."""

import os
import signal
import threading
import time
import traceback

import numpy as np
import pytest

import embedcnn
from embedcnn import Ragged, callbacks, layers
from embedcnn.data import Dataset
from embedcnn.encoding import TokenizerEncoder
from embedcnn.text import TextEncoder
from embedcnn.training.batches import AHEAD, REFILL

WORDS = ["good", "bad", "film", "very", "a", "an", "one", "awful", "great"]


def some_texts(count=57):
    random = np.random.default_rng(3)
    texts = [" ".join(random.choice(WORDS, random.integers(1, 9))) for _ in range(count)]
    return texts, np.array(["good" in text for text in texts], np.int64)


TEXTS, LABELS = some_texts()


def text_model(encoder=None, length=None):
    embedcnn.utils.set_random_seed(1)
    tokens = embedcnn.Input((length,), dtype="int32")
    x = layers.GlobalMaxPooling1D()(
        layers.Conv1D(8, 2, padding="same", activation="relu")(layers.Embedding(20, 6)(tokens))
    )
    x = layers.Dropout(0.3)(x)
    model = embedcnn.Model(tokens, layers.Dense(1, activation="sigmoid")(x), seed=4)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.text_encoder = encoder
    return model


def adapted(**options):
    encoder = TextEncoder(**options)
    encoder.adapt(TEXTS)
    return encoder


def bits(model):
    return [value.tobytes() for value in model.get_weights()]


def feeders():
    return [thread for thread in threading.enumerate() if thread.name.startswith("embedcnn-data")]


@pytest.fixture(autouse=True)
def no_thread_left():
    before = set(threading.enumerate())
    yield
    limit = time.monotonic() + 60
    while set(threading.enumerate()) - before and time.monotonic() < limit:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before


class Watched(TextEncoder):
    """An encoder that notes which thread calls it with how many texts."""

    def __init__(self, **options):
        super().__init__(**options)
        self.calls = []

    def __call__(self, texts):
        self.calls.append((threading.current_thread().name, len(texts)))
        return super().__call__(texts)


@pytest.mark.parametrize("length", [None, 6])
@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda texts: np.array(texts, object)[:, None]])
def test_texts_give_the_bits_of_their_ids(kind, length):
    encoder = adapted(output_sequence_length=length)
    ids, texts = text_model(length=length), text_model(encoder, length)
    options = {"epochs": 3, "batch_size": 10, "verbose": 0, "class_weight": {0: 1.0, 1: 2.0}}
    expected = ids.fit(encoder(TEXTS), LABELS, validation_split=0.2, **options).history
    assert texts.fit(kind(TEXTS), LABELS, validation_split=0.2, **options).history == expected
    assert bits(texts) == bits(ids)
    assert (texts.predict(kind(TEXTS), verbose=0) == ids.predict(encoder(TEXTS), verbose=0)).all()
    scores = texts.evaluate(kind(TEXTS), LABELS, verbose=0)
    assert scores == ids.evaluate(encoder(TEXTS), LABELS, verbose=0)


@pytest.mark.parametrize("kind", [list, np.array, lambda texts: np.array(texts, object)[:, None]])
def test_texts_that_a_layer_reads_are_split_into_training_and_validation(kind):
    def model():
        embedcnn.utils.set_random_seed(1)
        reader = layers.TextVectorization()
        reader.adapt(TEXTS)
        words = layers.Embedding(reader.vocabulary_size(), 4)
        stack = [words, layers.GlobalMaxPooling1D(), layers.Dense(2, activation="softmax")]
        made = embedcnn.Sequential([embedcnn.Input((1,), dtype="string"), reader, *stack])
        made.compile("adam", "sparse_categorical_crossentropy")
        return made

    at = int(len(TEXTS) * 0.8)
    held_out = (TEXTS[at:], LABELS[at:])
    expected = model().fit(TEXTS[:at], LABELS[:at], epochs=2, verbose=0, validation_data=held_out).history
    assert model().fit(kind(TEXTS), LABELS, epochs=2, verbose=0, validation_split=0.2).history == expected


def test_texts_are_encoded_batch_by_batch_on_another_thread():
    encoder = Watched(max_tokens=20)
    encoder.adapt(TEXTS)
    model = text_model(encoder)
    model.fit(TEXTS, LABELS, batch_size=20, epochs=2, verbose=0)
    assert [size for _, size in encoder.calls] == [1, 20, 20, 17, 20, 20, 17]
    main = threading.current_thread().name
    assert [name == main for name, _ in encoder.calls] == [True] + 6 * [False]
    encoder.calls.clear()
    model.predict(["good"], verbose=0)  # a single batch needs no thread
    assert all(name == main for name, _ in encoder.calls)


def test_an_encoder_that_pads_to_the_longest_sees_all_texts():
    from embedcnn.preprocessing.text import Tokenizer

    tokenizer = Tokenizer(num_words=20)
    tokenizer.fit_on_texts(TEXTS)
    encoder = TokenizerEncoder(tokenizer)
    ids, texts = text_model(), text_model(encoder)
    ids.fit(encoder(TEXTS), LABELS, batch_size=10, verbose=0)
    texts.fit(TEXTS, LABELS, batch_size=10, verbose=0)
    assert bits(ids) == bits(texts)
    fixed = text_model(TokenizerEncoder(tokenizer, maxlen=9))
    again = text_model()
    fixed.fit(TEXTS, LABELS, batch_size=10, verbose=0)
    again.fit(fixed.text_encoder(TEXTS), LABELS, batch_size=10, verbose=0)
    assert bits(fixed) == bits(again)


def test_what_is_no_text_is_named():
    model = text_model(adapted())
    with pytest.raises(TypeError, match=r"x\[2\] is missing: nan"):
        model.fit(["a", "b", float("nan")], [0, 1, 0], verbose=0)
    with pytest.raises(TypeError, match=r"expected one text per example. Received: texts of shape \(2, 2\)"):
        model.predict(np.array([["a", "b"], ["c", "d"]]), verbose=0)
    begun = []
    watcher = callbacks.LambdaCallback(on_train_begin=lambda logs: begun.append(1))
    with pytest.raises(ValueError, match="no vocabulary"):
        text_model(TextEncoder()).fit(TEXTS, LABELS, verbose=0, callbacks=[watcher])
    with pytest.raises(ValueError, match="expected token ids of shape"):
        text_model(adapted(output_sequence_length=5), 6).fit(TEXTS, LABELS, callbacks=[watcher], verbose=0)
    assert not begun


def test_several_inputs_one_of_them_text():
    embedcnn.utils.set_random_seed(1)
    tokens = embedcnn.Input((None,), dtype="int32", name="text")
    numbers = embedcnn.Input((2,), name="numbers")
    pooled = layers.GlobalMaxPooling1D()(layers.Embedding(20, 6)(tokens))
    output = layers.Dense(1, activation="sigmoid")(layers.Concatenate()([pooled, numbers]))
    model = embedcnn.Model([tokens, numbers], output, seed=0)
    model.compile("adam", "binary_crossentropy")
    model.text_encoder = adapted()
    extra = np.random.default_rng(0).normal(size=(len(TEXTS), 2)).astype("f")
    begin = model.get_weights()
    model.fit({"text": TEXTS, "numbers": extra}, LABELS, batch_size=16, verbose=0, shuffle=False)
    arrays = bits(model)
    model.set_weights(begin)
    model.compile("adam", "binary_crossentropy")
    data = Dataset.from_tensor_slices(({"text": TEXTS, "numbers": extra}, LABELS)).batch(16)
    model.fit(data, verbose=0)
    assert bits(model) == arrays
    single = model.predict([TEXTS, extra], verbose=0)
    assert (model.predict(data, verbose=0) == single).all()


@pytest.mark.parametrize("form", ["texts", "ragged", "arrays", "weights"])
def test_a_dataset_gives_the_bits_of_arrays(form):
    encoder = adapted(output_sequence_length=6 if form == "arrays" else None)
    arrays, stream = text_model(encoder), text_model(encoder)
    weights = np.linspace(0.5, 2, len(TEXTS)).astype("f") if form == "weights" else None
    arrays.fit(TEXTS, LABELS, sample_weight=weights, batch_size=10, epochs=2, shuffle=False, verbose=0)
    columns = (TEXTS, LABELS) if weights is None else (TEXTS, LABELS, weights)
    data = Dataset.from_tensor_slices(columns).batch(10)
    if form in ("ragged", "arrays"):
        data = data.map(lambda texts, labels: (encoder(texts), labels), num_parallel_calls=2).prefetch(2)
    stream.fit(data, epochs=2, verbose=0)
    assert bits(stream) == bits(arrays)
    assert stream.evaluate(data, verbose=0)[0] == pytest.approx(
        arrays.evaluate(TEXTS, LABELS, sample_weight=weights, batch_size=10, verbose=0)[0]
    )
    assert (stream.predict(data, verbose=0) == arrays.predict(TEXTS, batch_size=10, verbose=0)).all()


def test_epochs_of_a_dataset_follow_those_of_the_model(tmp_path):
    def shuffled():
        return Dataset.from_tensor_slices((TEXTS, LABELS)).shuffle(100, seed=5).batch(10)

    whole, parts = text_model(adapted()), text_model(adapted())
    whole.fit(shuffled(), epochs=4, verbose=0)
    parts.fit(shuffled(), epochs=3, verbose=0)
    parts.save(tmp_path / "m")
    parts = embedcnn.models.load_model(tmp_path / "m")
    parts.fit(shuffled(), epochs=1, verbose=0)
    assert bits(whole) == bits(parts)


def test_random_state_does_not_depend_on_timing():
    def slow(pause):
        for start in range(0, 50, 10):
            time.sleep(pause)
            yield Ragged.from_sequences([[1 + start % 7, 2]] * 10), LABELS[start : start + 10]

    results = []
    for pause in (0, 0.003):
        model = text_model()
        model.fit(slow(pause), verbose=0)
        results.append(bits(model))
    assert results[0] == results[1]


def test_an_array_that_is_filled_again_and_again():
    ids, labels = np.random.default_rng(0).integers(0, 20, (60, 5)), LABELS[:10]

    def same_array():
        buffer = np.empty((10, 5), ids.dtype)
        for start in range(0, 60, 10):
            buffer[:] = ids[start : start + 10]
            yield buffer, labels
            buffer[:] = 0

    arrays, stream = text_model(), text_model()
    arrays.fit(ids, np.tile(labels, 6), batch_size=10, shuffle=False, verbose=0)
    stream.fit(same_array(), verbose=0)
    assert bits(arrays) == bits(stream)


def test_the_next_batches_are_made_while_the_step_runs():
    made, seen = [], []

    def batches():
        for number in range(count):
            made.append(number)
            yield [[1, 2, 3]], [number % 2]

    def wait(batch, logs):  # until as many are made as surely will be
        limit = time.monotonic() + 60
        while len(made) < min(count, batch + REFILL) and time.monotonic() < limit:
            time.sleep(0.001)
        seen.append(len(made) - batch)

    count = 2 * AHEAD
    watcher = callbacks.LambdaCallback(on_train_batch_begin=wait)
    text_model().fit(batches(), verbose=0, callbacks=[watcher])
    # this batch, those that wait, one in the making
    assert all(REFILL <= one <= AHEAD + 2 for one in seen[: count - AHEAD])


def failing(number):
    yield [[1, 2]], [1]
    if number > 0:
        yield [[1, 2]], [0]
    raise KeyError("lost")


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_errors_keep_their_traceback(method, number):
    model = text_model()
    with pytest.raises(KeyError, match="lost") as caught:
        getattr(model, method)(failing(number), verbose=0)
    assert traceback.extract_tb(caught.tb)[-1].name == "failing"
    assert not feeders()
    if method == "fit":
        assert model.optimizer.iterations == number + 1
    model.fit([[1, 2]], [1], verbose=0)  # the model is free again


def test_a_wrong_batch_is_an_error_after_those_before_it():
    model = text_model()
    with pytest.raises(ValueError, match=r"A batch of an iterable must be \(x, y\)"):
        model.fit(iter([([[1, 2]], [1]), ([[1, 2]],)]), verbose=0)
    assert model.optimizer.iterations == 1


class Source:
    """An iterable that counts how many of its iterators are open."""

    def __init__(self, count):
        self.count, self.open, self.opened = count, 0, 0

    def __iter__(self):
        self.open += 1
        self.opened += 1
        try:
            for number in range(self.count):
                yield [[1, 2, 3]], [number % 2]
        finally:
            self.open -= 1


class Stop(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch == 2


class Fail(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            raise ZeroDivisionError


class Interrupt(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("steps", [None, 40])
@pytest.mark.parametrize(
    ("callback", "error"), [(Stop, None), (Fail, ZeroDivisionError), (Interrupt, KeyboardInterrupt)]
)
def test_every_end_closes_the_iterator_and_ends_the_thread(callback, error, steps):
    source, model = Source(60), text_model()
    options = {"verbose": 0, "callbacks": [callback()], "steps_per_epoch": steps, "epochs": 2}
    if error is None:
        model.fit(source, **options)
    else:
        with pytest.raises(error) as caught:
            model.fit(source, **options)
        assert caught.tb is not None  # the frames are still alive: nothing was closed by chance
    assert source.open == 0
    assert not feeders()
    assert model.optimizer.iterations == 3


def test_ctrl_c_while_the_next_batch_is_awaited():
    def slow():
        yield [[1, 2]], [1]
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        yield [[1, 2]], [1]

    model = text_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(slow(), verbose=0)
    assert not feeders()


def test_texts_in_memory_and_early_stop():
    model = text_model(adapted())
    model.fit(TEXTS, LABELS, batch_size=2, epochs=3, verbose=0, callbacks=[Stop()])
    assert model.optimizer.iterations == 3
    assert not feeders()


def test_a_generator_of_the_user_goes_on_where_steps_ended():
    numbers = []

    def endless():
        for number in range(10**6):
            numbers.append(number)
            yield [[1, 2, 3]], [number % 2]

    source, model = endless(), text_model()
    model.fit(source, steps_per_epoch=3, epochs=2, verbose=0)
    assert numbers == list(range(6))
    model.fit(source, steps_per_epoch=2, verbose=0)
    assert numbers == list(range(8))


def test_validation_begins_anew_each_time():
    source = Source(9)
    history = (
        text_model().fit(Source(4), epochs=3, verbose=0, validation_data=source, validation_steps=2).history
    )
    assert len(history["val_loss"]) == source.opened == 3
    assert source.open == 0


def test_steps_of_evaluate_and_predict():
    model, source = text_model(), Source(5)
    assert model.predict(source, steps=2, verbose=0).shape == (2, 1)
    assert model.predict(source, steps=9, verbose=0).shape == (5, 1)
    assert model.predict(TEXTS_IDS, batch_size=10, steps=2, verbose=0).shape == (20, 1)
    one, two = (model.evaluate(source, steps=steps, verbose=0)[1] for steps in (1, 2))
    assert {one, two} != {one}  # labels 0, then 0 and 1
    assert source.open == 0
    for method in ("evaluate", "predict"):
        with pytest.raises(ValueError, match="`steps` must be a positive integer"):
            getattr(model, method)(source, steps=0, verbose=0)
    with pytest.raises(ValueError, match="`batch_size` must not be given"):
        model.predict(source, batch_size=3, verbose=0)


TEXTS_IDS = np.random.default_rng(0).integers(0, 20, (57, 4))


def test_validation_steps_of_arrays():
    seen = []
    watcher = callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: seen.append(batch))
    options = {"validation_data": (TEXTS_IDS, LABELS), "validation_steps": 2, "batch_size": 10, "verbose": 0}
    text_model().fit(TEXTS_IDS, LABELS, callbacks=[watcher], **options)
    assert seen == [0, 1]


def test_data_sets_of_unknown_and_infinite_length():
    data = Dataset.from_tensor_slices((TEXTS_IDS, LABELS)).filter(lambda x, y: x[0] > 3).batch(10)
    endless = Dataset.from_tensor_slices((TEXTS_IDS, LABELS)).batch(10).repeat()
    model = text_model()
    model.fit(data, epochs=2, verbose=0)
    assert model.optimizer.iterations == 2 * len(list(data))
    with pytest.raises(ValueError, match="x is a data set without end: .*`steps_per_epoch`"):
        model.fit(endless, verbose=0)
    with pytest.raises(ValueError, match="without end"):
        model.fit(data, validation_data=endless, verbose=0)
    model.fit(data, validation_data=endless, validation_steps=2, verbose=0)


def test_a_sequential_that_data_builds():
    model = embedcnn.Sequential([layers.Embedding(20, 4), layers.GlobalMaxPooling1D(), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert model.predict(iter([([[1, 2]],), ([[3, 4]],)]), verbose=0).shape == (2, 1)
    model.fit(Source(5), verbose=0)
    assert model.optimizer.iterations == 5
