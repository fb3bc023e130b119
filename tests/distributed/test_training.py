"""Several ranks compute what one process does with the whole batch: each model, setting and kind of data."""

import numpy as np
import pytest
import rank_models as models
from rank_threads import errors_on_ranks, on_ranks

import embedcnn
from embedcnn import distributed, layers, losses, optimizers, regularizers

x, y = models.words()
weights = np.random.default_rng(1).random(len(y)).astype(np.float32)
tags = np.random.default_rng(2).integers(0, models.CLASSES, x.shape)
ragged = embedcnn.Ragged(x[x > 0], np.r_[0, (x > 0).sum(axis=1).cumsum()])


def fitted(make, *data, batch_size=10, epochs=2, **options):
    """Weights and history of a model after a training."""
    model = make()
    history = model.fit(*data, batch_size=batch_size, epochs=epochs, verbose=0, **options).history
    return model.get_weights(), history


def two_outputs():
    """Two losses, over steps and over texts: what divides them differs from rank to rank."""
    words = embedcnn.Input((None,), dtype="int32")
    h = models.table()(words)
    steps = models.dense(models.CLASSES, 2, activation="softmax", name="steps")(h)
    texts = models.dense(1, 3, name="texts")(layers.GlobalAveragePooling1D()(h))
    model = embedcnn.Model(words, [steps, texts], seed=5)
    model.compile("sgd", ["sparse_categorical_crossentropy", "mse"], loss_weights=[1.0, 0.5])
    return model


def many_classes():
    """So many that the last layer and its loss are one operation, which goes back before the others."""
    words = embedcnn.Input((None,), dtype="int32")
    h = layers.GlobalAveragePooling1D()(models.table()(words))
    model = embedcnn.Model(words, models.dense(2100, 3, activation="softmax")(h), seed=5)
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    assert "dense_cross_entropy" in str(model.lowered(training=True))
    return model


def tied():
    words = embedcnn.Input((None,), dtype="int32")
    embedding = models.table(mask_zero=False)
    model = embedcnn.Model(words, layers.TiedDense(embedding, activation="softmax")(embedding(words)), seed=5)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def bags():
    words = embedcnn.Input((None,), dtype="int32")
    h = layers.EmbeddingBag(models.VOCABULARY, 6, embeddings_initializer=models.uniform(1))(words)
    model = embedcnn.Model(words, models.dense(models.CLASSES, 3, activation="softmax")(h), seed=5)
    model.compile(optimizers.Adagrad(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def active():
    words = embedcnn.Input((None,), dtype="int32")
    h = layers.GlobalMaxPooling1D()(models.table()(words))
    h = models.dense(6, 2, activity_regularizer=regularizers.L1L2(0.01, 0.02))(h)
    model = embedcnn.Model(words, models.dense(1, 3)(h), seed=5)
    model.compile("sgd", "mse")
    return model


def penalty_alone(update):
    """Of an output without a loss: its table and kernel learn by their penalties."""

    def make():
        words = embedcnn.Input((None,), dtype="int32")
        one = models.dense(1, 2, name="one")(layers.GlobalAveragePooling1D()(models.table()(words)))
        shrinks = models.table(embeddings_regularizer=regularizers.L2(0.3))(words)
        h = layers.GlobalAveragePooling1D()(shrinks)
        other = models.dense(2, 3, kernel_regularizer=regularizers.L2(0.2), name="other")(h)
        model = embedcnn.Model(words, [one, other], seed=5)
        model.compile(optimizers.SGD(0.1, embedding_update=update), ["mse", None])
        return model

    return make


def images():
    pixels = embedcnn.Input((6, 6, 2))
    h = layers.Conv2D(4, 3, activation="relu", kernel_initializer=models.uniform(2))(pixels)
    model = embedcnn.Model(pixels, models.dense(1, 3)(layers.Flatten()(h)), seed=5)
    model.compile(optimizers.RMSprop(0.01), "mse", metrics=["mae"])
    return model


def own_loss():
    return models.text_cnn(loss=lambda true, guess: embedcnn.ops.sum((true - guess) ** 2, axis=-1))


def cnn(optimizer=lambda: "adam", embedding=None, **options):
    """Makes the same model anew each time, with an optimizer and a table of its own."""
    return lambda: models.text_cnn(optimizer(), embedding=embedding and embedding(), **options)


def halves(rounding):
    made = layers.Embedding(models.VOCABULARY, 8, storage_dtype="float16", storage_rounding=rounding)
    made.build((None, 12))
    made.set_weights([np.random.default_rng(6).normal(size=(models.VOCABULARY, 8)) / 4])
    return models.text_cnn(optimizers.SGD(0.1, momentum=0.9), embedding=made)


pictures = np.random.default_rng(3).normal(size=(len(y), 6, 6, 2)).astype(np.float32)
lasso = regularizers.L1L2(0.001, 0.002)
CASES = {
    "cnn": (cnn(metrics=["accuracy"]), x, y),
    "ragged": (cnn(), ragged, y),
    "sgd with momentum": (cnn(lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True)), x, y),
    "steps, masked": (lambda: models.tagger(metrics=["accuracy"]), x, tags),
    "a sum": (cnn(loss=losses.SparseCategoricalCrossentropy(reduction="sum")), x, y),
    "two losses": (two_outputs, x, [tags, weights]),
    "many classes": (many_classes, x, y),
    "a tied table": (tied, x, x),
    "bags": (bags, ragged, y),
    "activity": (active, x, weights),
    "images": (images, pictures, weights),
    "a loss in Python": (own_loss, x, np.eye(3)[y]),
    "penalties": (
        cnn(lambda: "sgd", lambda: models.table(embeddings_regularizer=lasso), kernel_regularizer=lasso),
        *(x, y),
    ),
    "penalties of all rows": (
        cnn(
            lambda: optimizers.SGD(0.1, embedding_update="dense"),
            lambda: models.table(embeddings_regularizer=lasso),
        ),
        *(x, y),
    ),
    "a penalty alone": (penalty_alone("lazy"), x, weights),
    "a penalty alone, of all rows": (penalty_alone("dense"), x, weights),
    "dense updates": (cnn(lambda: optimizers.Adam(0.01, embedding_update="dense")), x, y),
    "norm of all": (cnn(lambda: optimizers.Adam(0.01, global_clipnorm=0.05)), x, y),
    "norm of each": (cnn(lambda: optimizers.SGD(0.5, clipnorm=0.01)), x, y),
    "accumulation": (cnn(lambda: optimizers.Adam(0.01, gradient_accumulation_steps=3)), x, y),
    "averages": (
        cnn(lambda: optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3)),
        *(x, y),
    ),
    "some rows": (cnn(embedding=lambda: models.table(trainable_rows=np.arange(5, 30))), x, y),
    "a frozen table": (cnn(embedding=lambda: models.table(trainable=False)), x, y),
    "constraints": (
        cnn(embedding=lambda: models.table(embeddings_constraint=embedcnn.constraints.UnitNorm(axis=1))),
        *(x, y),
    ),
}


@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("name", CASES)
def test_ranks_train_as_one_process(name, ranks):
    """37 examples in batches of 10: parts of unequal sizes, and a last batch of 7."""
    make, *data = CASES[name]
    alone, history = fitted(make, *data)
    found = on_ranks(ranks, lambda rank: fitted(make, *data))
    assert models.furthest(make().get_weights(), alone) > 1e-4  # it has learnt something
    for got, logs in found:
        assert models.furthest(got, alone) < 2e-6
        assert models.same_bits(got, found[0][0])
        assert logs == found[0][1]
        for key, values in history.items():
            np.testing.assert_allclose(logs[key], values, rtol=2e-6)


@pytest.mark.parametrize("options", [{"sample_weight": weights}, {"class_weight": {0: 1.0, 1: 3.0, 2: 0.2}}])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight"])
def test_weights_of_examples(options, reduction):
    make = cnn(loss=losses.SparseCategoricalCrossentropy(reduction=reduction))
    alone, history = fitted(make, x, y, **options)
    for got, logs in on_ranks(3, lambda rank: fitted(make, x, y, **options)):
        assert models.furthest(got, alone) < 1e-6
        np.testing.assert_allclose(logs["loss"], history["loss"], rtol=1e-6)


@pytest.mark.parametrize("rounding", ["stochastic", "master"])
def test_tables_of_halves(rounding):
    """Rounding draws the same numbers on each rank; where sums differ in their last bit it may go the other
    way, by a half's last bit.
    """
    alone, _ = fitted(lambda: halves(rounding), x, y)
    found = on_ranks(2, lambda rank: fitted(lambda: halves(rounding), x, y))
    for got, _ in found:
        assert models.same_bits(got, found[0][0])
        assert models.furthest(got, alone) < 1e-3


def test_the_same_bits_each_time_and_at_any_number_of_threads():
    clipped, runs = cnn(lambda: optimizers.Adam(0.01, global_clipnorm=1.0)), []
    for threads in (1, 1, 2):
        embedcnn.set_num_threads(threads)
        runs.append(on_ranks(3, lambda rank: fitted(clipped, x, y))[0][0])
    embedcnn.set_num_threads(0)
    assert models.same_bits(runs[0], runs[1])
    assert models.same_bits(runs[0], runs[2])


def batches(x, y, size=10):
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


class Again:
    """An iterable of batches."""

    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


class Numbered(embedcnn.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return batches(x, y)[index]


@pytest.mark.parametrize(
    "source",
    [
        lambda: Again(batches(x, y)),
        lambda: iter(batches(x, y) * 2),
        lambda: embedcnn.data.Dataset.from_tensor_slices((x, y)).shuffle(40, seed=3).batch(10),
        Numbered,
    ],
    ids=["iterable", "generator", "Dataset", "PyDataset"],
)
def test_iterables_are_cut_batch_by_batch(source):
    def train(rank):
        model = models.text_cnn()
        options = {"steps_per_epoch": 4} if hasattr(source(), "__next__") else {}
        return model.fit(source(), epochs=2, verbose=0, **options).history, model.get_weights()

    history, alone = train(0)
    for logs, got in on_ranks(3, train):
        assert models.furthest(got, alone) < 2e-6
        np.testing.assert_allclose(logs["loss"], history["loss"], rtol=2e-6)


def test_texts_are_cut_too():
    texts = [" ".join(f"w{i}" for i in row if i) for row in x]

    def train(rank):
        encoder = embedcnn.text.TextEncoder()
        encoder.adapt(texts)
        model = models.text_cnn(embedding=layers.Embedding(80, 8, embeddings_initializer=models.uniform(1)))
        model.text_encoder = encoder
        names = np.array(["a", "b", "c"])[y]
        history = model.fit(texts, names, epochs=3, batch_size=10, verbose=0, validation_split=0.2).history
        return history, model.get_weights(), model.labels

    history, alone, labels = train(0)
    for logs, got, names in on_ranks(2, train):
        assert models.furthest(got, alone) < 2e-6 and names == labels == ["a", "b", "c"]
        np.testing.assert_allclose(logs["val_loss"], history["val_loss"], rtol=2e-6)


def test_ranks_with_data_of_their_own_may_have_unequally_much():
    """Rank 0 has three batches, rank 1 one, rank 2 none: the second step is that of rank 0 alone."""
    parts = [batches(x[:25], y[:25]), batches(x[25:32], y[25:32]), []]
    joined = [(np.concatenate([x[:10], x[25:32]]), np.concatenate([y[:10], y[25:32]])), *parts[0][1:]]

    def train(data, valid):
        model = models.text_cnn(metrics=["accuracy"])
        history = model.fit(Again(data), epochs=2, verbose=0, validation_data=Again(valid)).history
        return history, model.get_weights()

    history, alone = train(joined, joined)
    found = on_ranks(3, lambda rank: train(parts[rank], parts[rank]), auto_shard_dataset=False)
    for logs, got in found:
        assert models.furthest(got, alone) < 2e-6
        assert sorted(logs) == ["accuracy", "loss", "val_accuracy", "val_loss"]
        for key in logs:
            np.testing.assert_allclose(logs[key], history[key], rtol=2e-6)


def test_arrays_of_their_own_are_shuffled_on_each_rank():
    halves_of = [slice(0, 20), slice(20, 37)]

    def train(rank):
        model = models.text_cnn()
        history = model.fit(x[halves_of[rank]], y[halves_of[rank]], batch_size=5, epochs=2, verbose=0).history
        return history["loss"], model.get_weights(), model.optimizer.steps

    one, other = on_ranks(2, train, auto_shard_dataset=False)
    assert one[0] == other[0] and models.same_bits(one[1], other[1])
    assert one[2] == 8  # four batches of 5 on rank 0


def test_single_batches():
    def train(rank):
        model = models.text_cnn(metrics=["accuracy"])
        values = [model.train_on_batch(x[:11], y[:11]) for _ in range(3)]
        return values, model.test_on_batch(x[:7], y[:7], return_dict=True), model.get_weights()

    values, tested, alone = train(0)
    for got, logs, weights in on_ranks(3, train):
        np.testing.assert_allclose(got, values, rtol=2e-6)
        np.testing.assert_allclose(list(logs.values()), list(tested.values()), rtol=2e-6)
        assert models.furthest(weights, alone) < 1e-6


def test_a_learning_rate_of_ones_own_is_asked_once_a_step():
    def train(rank):
        asked = []
        rate = lambda: asked.append(1) or 0.1 / len(asked)  # noqa: E731
        model = models.text_cnn(optimizers.SGD(rate))
        model.fit(x, y, batch_size=10, verbose=0)
        return len(asked), model.get_weights()

    asked, alone = train(0)
    for times, got in on_ranks(2, train):
        assert models.furthest(got, alone) < 2e-6 and times == asked == 4


def test_dropout_draws_other_numbers_on_each_rank_and_the_same_in_each_run():
    """Each rank has the same example, whose kept values show in the gradient of the layer behind."""

    def train(rank):
        ones = embedcnn.Input((64,))
        out = layers.Dense(1, use_bias=False, kernel_initializer="zeros")(layers.Dropout(0.5)(ones))
        model = embedcnn.Model(ones, out, seed=7)
        model.compile(optimizers.SGD(0.5), "mse")
        model.fit(np.ones((4, 64), np.float32), np.ones(4), batch_size=4, verbose=0)
        return model.get_weights()[0].ravel()

    alone, first, second = train(0), on_ranks(2, train), on_ranks(2, train)
    assert np.array_equal(first[0], first[1]) and np.array_equal(first[0], second[0])
    # A step is 0.5 * 2 * the mean over 4 examples of kept / 0.5: as often kept as the value says.
    kept = np.rint(first[0] * 2)
    assert np.allclose(first[0] * 2, kept, atol=1e-5) and set(kept) >= {0, 1, 2, 3}
    assert not np.array_equal(first[0], alone)


def test_moving_statistics_are_the_mean_over_ranks():
    """Each rank normalises with the statistics of its part; the moving ones are averaged."""
    values = np.random.default_rng(0).normal(3, 2, (12, 4)).astype(np.float32)

    def train(rank):
        numbers = embedcnn.Input((4,))
        model = embedcnn.Model(numbers, layers.Dense(1)(layers.BatchNormalization(momentum=0.5)(numbers)))
        model.compile("sgd", "mse")
        model.fit(values, values[:, 0], batch_size=12, verbose=0, shuffle=False)
        return model.get_weights()[2:4], model.get_weights()

    found = on_ranks(3, train)
    parts = values.astype(np.float64).reshape(3, 4, 4)
    mean, variance = found[0][0]
    np.testing.assert_allclose(mean, 0.5 * parts.mean(axis=1).mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.5 + 0.5 * parts.var(axis=1).mean(axis=0), rtol=1e-5)
    assert all(models.same_bits(found[0][1], other[1]) for other in found)


def test_moving_statistics_of_single_batches():
    values = np.random.default_rng(0).normal(3, 2, (12, 4)).astype(np.float32)

    def train(rank):
        numbers = embedcnn.Input((4,))
        model = embedcnn.Model(numbers, layers.Dense(1)(layers.BatchNormalization(momentum=0.5)(numbers)))
        model.compile("sgd", "mse")
        for _ in range(2):
            model.train_on_batch(values, values[:, 0])
        return model.get_weights()

    first, second = on_ranks(2, train)
    assert models.same_bits(first, second)
    np.testing.assert_allclose(first[2], 0.75 * values.mean(axis=0), rtol=1e-5)


def test_metrics_are_those_of_all_examples():
    truth = (np.random.default_rng(4).random((37, 1)) > 0.4).astype(np.float32)

    def evaluate(rank):
        words = embedcnn.Input((None,), dtype="int32")
        h = layers.GlobalAveragePooling1D()(models.table()(words))
        model = embedcnn.Model(words, models.dense(1, 3, activation="sigmoid")(h))
        own = [embedcnn.metrics.AUC(), "Precision", "Recall", "mse", embedcnn.metrics.ConfusionMatrix(2)]
        model.compile("sgd", "binary_crossentropy", metrics=own, weighted_metrics=["accuracy"])
        return model.evaluate(x, truth, batch_size=8, verbose=0, sample_weight=weights, return_dict=True)

    alone = evaluate(0)
    for got in on_ranks(3, evaluate):
        assert got.keys() == alone.keys()
        for key in got:
            np.testing.assert_allclose(got[key], alone[key], rtol=1e-6)


def test_weights_and_optimizer_of_rank_0_are_those_of_all():
    """Ranks that begin with other weights and another state go on with those of rank 0."""

    def train(rank):
        model = models.text_cnn(optimizers.Adam(0.01, use_ema=True))
        with_others = embedcnn.distributed.distribution()
        model.set_weights([weight + rank for weight in model.get_weights()])
        model.seed += rank
        if rank != 1:  # trained before, alone
            with distributed.DataParallel(distributed.Communicator()).scope():
                model.fit(x, y, batch_size=10, epochs=1 + rank, verbose=0)
        assert embedcnn.distributed.distribution() is with_others
        history = model.fit(x, y, batch_size=10, epochs=2, verbose=0, initial_epoch=0).history
        return history, model.get_weights(), model.optimizer.steps, model.epochs_trained, model.seed

    with distributed.DataParallel(distributed.Communicator()).scope():
        alone = train(0)
    for got in on_ranks(3, train):
        assert models.furthest(got[1], alone[1]) < 2e-6
        assert got[2:] == alone[2:]


def test_tables_send_rows_and_never_the_table():
    def sent(vocabulary):
        def train(rank):
            made = layers.Embedding(vocabulary, 8, embeddings_initializer="zeros")
            model = models.text_cnn(embedding=made)
            model.fit(x, y, batch_size=37, verbose=0)
            begun = distributed.distribution().bytes_sent
            model.fit(x, y, batch_size=37, verbose=0)
            return distributed.distribution().bytes_sent - begun

        return on_ranks(2, train)[0]

    small, large = sent(models.VOCABULARY), sent(200_000)
    assert large - small < 100  # of the second training: a step, and the sizes of what it compares
    assert small < 20_000


@pytest.mark.parametrize("size", [100, 70_000])
def test_sums_have_the_order_of_ranks(size):
    """At once or in pieces: 1e8 + 1 - 1e8 in float32 is 0 in this order, and 1 in another one."""

    def add(rank):
        values = np.full(size, [1e8, 1.0, -1e8][rank], np.float32)
        return distributed.distribution().together.sum_in_order(values)

    for total in on_ranks(3, add):
        assert total.dtype == np.float32 and np.array_equal(total, np.zeros(size))


def test_one_rank_alone_is_as_no_distribution():
    alone, _ = fitted(cnn(), x, y)
    with distributed.DataParallel(distributed.Communicator()).scope():
        assert (distributed.rank(), distributed.size()) == (0, 1)
        got, _ = fitted(cnn(), x, y)
    assert models.same_bits(got, alone)


def test_errors_of_one_rank_end_all():
    def train(rank):
        bad = x.copy()
        if rank == 1:
            bad[20:] = models.VOCABULARY + 7
        models.text_cnn().fit(bad, y, batch_size=37, verbose=0, shuffle=False)

    first, second, third = errors_on_ranks(3, train)
    assert type(second) is ValueError and "outside [0, 60)" in str(second)
    for other in (first, third):
        assert type(other) is distributed.RankError
        assert "rank 1" in str(other) and "outside [0, 60)" in str(other)


def test_after_an_error_all_may_go_on():
    def train(rank):
        bad = x + models.VOCABULARY if rank == 0 else x
        with pytest.raises((ValueError, distributed.RankError)):
            models.text_cnn().fit(bad, y, batch_size=10, verbose=0)
        return fitted(cnn(), x, y)[0]

    alone, _ = fitted(cnn(), x, y)
    for got in on_ranks(2, train):
        assert models.furthest(got, alone) < 2e-6
