"""What happens between the steps of several ranks: callbacks act alike, the first rank prints and writes."""

import os
import subprocess
import sys

import numpy as np
import pytest
import rank_models as models
from rank_threads import errors_on_ranks, on_ranks

import embedcnn
from embedcnn import callbacks, distributed, layers, optimizers

x, y = models.words()


def test_the_first_rank_prints_and_writes(capfd, tmp_path):
    def train(rank):
        folder = tmp_path / str(rank)  # as though each rank were on another machine
        os.makedirs(folder)
        watching = [
            callbacks.ModelCheckpoint(folder / "{epoch}.model", monitor="loss"),
            callbacks.CSVLogger(folder / "log.csv"),
        ]
        model = models.text_cnn()
        model.fit(x, y, batch_size=10, epochs=2, verbose=2, callbacks=watching)
        model.evaluate(x, y, verbose=2)
        return sorted(os.listdir(folder)), model.get_weights()

    (files, weights), (others, _) = on_ranks(2, train)
    assert files == ["1.model", "2.model", "log.csv"] and others == []
    assert capfd.readouterr().out.count("Epoch 1/2") == 1
    saved = embedcnn.models.load_model(tmp_path / "0" / "2.model")
    assert models.same_bits(saved.get_weights(), weights)


class Own(callbacks.Callback):
    """Notes what one of the user's is told."""

    def __init__(self):
        self.batches, self.epochs = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(dict(logs))


def test_callbacks_of_ones_own_are_told_the_means_of_all():
    def train(rank):
        own, model = Own(), models.text_cnn(metrics=["accuracy"])
        model.fit(x, y, batch_size=10, epochs=2, verbose=0, callbacks=[own], validation_data=(x, y))
        return own

    alone = train(0)
    for own in on_ranks(3, train):
        np.testing.assert_allclose(own.batches, alone.batches, rtol=2e-6)
        for got, expected in zip(own.epochs, alone.epochs, strict=True):
            np.testing.assert_allclose(list(got.values()), list(expected.values()), rtol=2e-6)


class Evaluates(callbacks.Callback):
    """Evaluates other data after each epoch, and keeps what it finds."""

    def on_train_begin(self, logs=None):
        self.found = []

    def on_epoch_end(self, epoch, logs=None):
        self.found.append(self.model.evaluate(x[:9], y[:9], verbose=0))
        self.found.append(float(self.model.predict(x[:3], verbose=0)[0, 0]))


def test_callbacks_may_evaluate():
    def train(rank):
        own = Evaluates()
        models.text_cnn().fit(x, y, batch_size=10, epochs=2, verbose=0, callbacks=[own])
        return own.found

    alone = train(0)
    for found in on_ranks(2, train):
        np.testing.assert_allclose(found, alone, rtol=1e-5)


def test_early_stopping_and_learning_rates_are_the_same_on_all_ranks():
    def train(rank):
        stop = callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
        slow = callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1)
        model = models.text_cnn(optimizers.SGD(2.0))
        model.fit(
            *(x[:25], y[:25]),
            batch_size=10,
            epochs=12,
            verbose=0,
            callbacks=[stop, slow],
            validation_data=(x[25:], y[25:]),
        )
        return stop.stopped_epoch, model.optimizer.rate(), model.get_weights()

    alone = train(0)
    assert alone[0] and alone[1] < 2.0
    for stopped, rate, weights in on_ranks(2, train):
        assert (stopped, rate) == alone[:2]
        assert models.furthest(weights, alone[2]) < 1e-5


class StopsOn(callbacks.Callback):
    """Ends the training after a batch, on one rank alone."""

    def __init__(self, rank, batch):
        self.rank, self.batch = rank, batch

    def on_train_batch_end(self, batch, logs=None):
        if distributed.rank() == self.rank and batch == self.batch:
            self.model.stop_training = True


@pytest.mark.parametrize("shards", [True, False])
def test_one_rank_that_stops_stops_all(shards):
    def train(rank):
        model = models.text_cnn()
        model.fit(x, y, batch_size=5, epochs=3, verbose=0, callbacks=[StopsOn(1, 3)])
        return model.optimizer.steps, model.stop_training

    assert on_ranks(3, train, auto_shard_dataset=shards) == [(4, True)] * 3


class Fails(callbacks.Callback):
    """Ends the training by an error on all ranks, as though it were killed."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.steps == 6:
            raise ZeroDivisionError


def normalised():
    """With moving statistics, dropout and a moving average."""
    numbers = embedcnn.Input((4,))
    h = layers.Dropout(0.3)(layers.BatchNormalization(momentum=0.8)(numbers))
    model = embedcnn.Model(numbers, models.dense(2, 3, activation="softmax")(h), seed=5)
    model.compile(
        optimizers.Adam(0.01, use_ema=True), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


@pytest.mark.parametrize("every", [2, 4, "epoch"])
def test_backups_go_on_to_the_same_bits(tmp_path, every):
    """Four batches an epoch; killed after six steps; the backup lies where rank 0 alone finds it."""
    values = np.random.default_rng(0).normal(size=(37, 4)).astype(np.float32)
    classes = np.random.default_rng(1).integers(0, 2, 37)

    def train(rank, *others):
        backup = callbacks.BackupAndRestore(tmp_path / str(rank), save_freq=every, double_checkpoint=True)
        model = normalised()
        try:
            model.fit(values, classes, batch_size=10, epochs=3, verbose=0, callbacks=[backup, *others])
        except ZeroDivisionError:
            return None
        return model.get_weights(), model.history.history, model.optimizer.steps

    whole = on_ranks(2, train)
    assert on_ranks(2, lambda rank: train(rank, Fails())) == [None, None]
    assert os.listdir(tmp_path / "0") and not os.path.exists(tmp_path / "1")
    again = on_ranks(2, train)
    for (weights, logs, steps), (expected, history, taken) in zip(again, whole, strict=True):
        assert models.same_bits(weights, expected) and logs == history and steps == taken == 12
    assert not os.path.exists(tmp_path / "0")


def test_averages_are_swapped_in_on_all_ranks():
    def train(rank):
        model = models.text_cnn(optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9))
        swap = callbacks.SwapEMAWeights()
        options = {"validation_data": (x, y), "callbacks": [swap]}
        return model.fit(x, y, batch_size=10, epochs=2, verbose=0, **options).history, model.get_weights()

    history, alone = train(0)
    for logs, got in on_ranks(2, train):
        assert models.furthest(got, alone) < 3e-6
        np.testing.assert_allclose(logs["val_loss"], history["val_loss"], rtol=1e-5)


def both(make, *data, size=2, shards=True, **options):
    """The errors of a training on ranks that all do the same."""

    def train(rank):
        make().fit(*data, batch_size=10, verbose=0, **options)

    return errors_on_ranks(size, train, auto_shard_dataset=shards)


def stateful():
    words = embedcnn.Input((12,), batch_size=10, dtype="int32")
    h = layers.LSTM(4, stateful=True)(models.table(mask_zero=False)(words))
    model = embedcnn.Model(words, models.dense(models.CLASSES, 3, activation="softmax")(h))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


class OwnStep(embedcnn.Model):
    def train_step(self, data):
        return super().train_step(data)


class OwnLoss(embedcnn.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return embedcnn.ops.mean((y - y_pred) ** 2)


def of_class(cls, loss="sparse_categorical_crossentropy"):
    words = embedcnn.Input((None,), dtype="int32")
    h = layers.GlobalMaxPooling1D()(models.table()(words))
    model = cls(words, models.dense(models.CLASSES, 3, activation="softmax")(h))
    model.compile("sgd", loss)
    return model


def several_optimizers():
    model = of_class(embedcnn.Model)
    model.compile(optimizers.MultiOptimizer([("adam", model.layers)]), "sparse_categorical_crossentropy")
    return model


REFUSED = {
    "train_step": lambda: of_class(OwnStep),
    "compute_loss": lambda: of_class(OwnLoss, None),
    "MultiOptimizer": several_optimizers,
    "scale_grad_by_freq": lambda: models.text_cnn(embedding=models.table(scale_grad_by_freq=True)),
    "max_norm": lambda: models.text_cnn(embedding=models.table(max_norm=1.0)),
    "stateful": stateful,
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_ranks_cannot_do_together_is_refused(what):
    for error in both(REFUSED[what], x[:30], y[:30]):
        assert type(error) is NotImplementedError and what in str(error), error


def test_carried_states_and_steps_in_two_calls_are_refused():
    for error in both(models.text_cnn, x, y, callbacks=[callbacks.CarryState(5)]):
        assert type(error) is NotImplementedError and "CarryState" in str(error)

    def compute(rank):
        models.text_cnn().compute_gradients(x, y)

    def update(rank):
        models.text_cnn().apply_gradients({})

    for work in (compute, update):
        for error in errors_on_ranks(2, work):
            assert type(error) is NotImplementedError and "train_on_batch" in str(error)


def test_a_model_without_weights_yet_is_refused():
    def train(rank):
        model = embedcnn.Sequential([models.table(), layers.GlobalMaxPooling1D(), layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(iter([(x[:5], y[:5])]), verbose=0)

    for error in errors_on_ranks(2, train):
        assert type(error) is NotImplementedError and "build" in str(error)


def differing(name, make=lambda rank: models.text_cnn(), data=lambda rank: (x, y), **options):
    """Checks that all ranks are told that `name` differs."""

    def train(rank):
        chosen = {key: value(rank) for key, value in options.items()}
        make(rank).fit(*data(rank), verbose=0, **chosen)

    for error in errors_on_ranks(3, train):
        assert type(error) is ValueError and f"rank 1 differs from rank 0 in `{name}`" in str(error), error


def with_texts(rank):
    model = models.text_cnn()
    model.text_encoder = embedcnn.text.TextEncoder()
    model.text_encoder.adapt(["a b c d e"])
    return model


def test_ranks_that_are_about_to_do_different_things_are_told():
    one = lambda rank: int(rank == 1)  # noqa: E731
    differing("data", batch_size=lambda rank: 8 + one(rank))
    differing("data", data=lambda rank: (x[one(rank) :], y[one(rank) :]))
    differing(
        "data", data=lambda rank: (np.roll(x, rank, axis=0), y)
    )  # each has its own, and has not said so
    texts = np.array(["a b", "c", "d e"] * 4)
    differing("data", with_texts, data=lambda rank: (np.roll(texts, rank), y[:12]))
    differing("epochs", epochs=lambda rank: 2 + one(rank))
    differing("validation", validation_data=lambda rank: None if one(rank) else (x, y))
    differing("callbacks", callbacks=lambda rank: [Own()] * one(rank))
    differing("class_weight", class_weight=lambda rank: {0: 1.0 + one(rank)})
    differing("optimizer", lambda rank: models.text_cnn(optimizers.Adam(0.1, beta_1=0.9 - 0.1 * one(rank))))
    differing("weights", lambda rank: models.text_cnn(embedding=models.table(width=8 + one(rank))))
    differing("labels", data=lambda rank: (x, np.array([f"{one(rank)}a", "b", "c"])[y]))


def test_balanced_weights_of_data_of_ones_own_are_refused():
    for error in both(models.text_cnn, x, y, shards=False, class_weight="balanced"):
        assert type(error) is ValueError and "balanced" in str(error)
    alone = models.text_cnn()
    alone.fit(x, y, batch_size=10, verbose=0, class_weight="balanced")

    def train(rank):
        model = models.text_cnn()
        model.fit(x, y, batch_size=10, verbose=0, class_weight="balanced")
        return model.get_weights()

    assert models.furthest(on_ranks(2, train)[0], alone.get_weights()) < 2e-6


def test_other_words_are_told():
    def made(rank):
        model = with_texts(rank)
        model.text_encoder.adapt(["e e d c b a"] if rank else ["a a b c d e"])
        return model

    differing("vocabulary", made, data=lambda rank: (np.array(["a b", "c", "d e"] * 4), y[:12]))


def test_other_data_are_told():
    order = np.random.default_rng(7).permutation(len(x))

    def train(rank):
        data = embedcnn.data.Dataset.from_tensor_slices((x, y))
        data = embedcnn.data.Dataset.from_tensor_slices((x[order], y[order])) if rank else data
        models.text_cnn().fit(data.batch(10), verbose=0)

    for error in errors_on_ranks(2, train):
        assert type(error) is distributed.RankError and "different batches" in str(error)


def test_ranks_that_do_different_things_are_told():
    def work(rank):
        model = models.text_cnn()
        if rank:
            model.evaluate(x, y, verbose=0)
        else:
            model.fit(x, y, verbose=0)

    for error in errors_on_ranks(2, work):
        assert type(error) is distributed.RankError
        assert "rank 0 begins to train while rank 1 begins to evaluate" in str(error)


def test_another_learning_rate_on_one_rank_is_told():
    class Lower(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if distributed.rank():
                self.model.optimizer.learning_rate = 0.001

    for error in both(models.text_cnn, x, y, callbacks=[Lower()]):
        assert error is None or "learning rates" in str(error)

    def train(rank):
        models.text_cnn(optimizers.SGD(0.1)).fit(x, y, verbose=0, callbacks=[Lower()])

    assert all("learning rates" in str(error) for error in errors_on_ranks(2, train))


def test_arguments():
    with pytest.raises(TypeError, match="`value` must be a DataParallel or None"):
        distributed.set_distribution("all")
    with pytest.raises((TypeError, ImportError), match="communicator|mpi4py"):
        distributed.DataParallel(3)
    with pytest.raises(TypeError, match="auto_shard_dataset"):
        distributed.DataParallel(distributed.Communicator(), auto_shard_dataset="yes")


def test_without_mpi4py_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r"embedcnn\[mpi\]"):
        distributed.DataParallel()


def test_importing_it_does_not_start_mpi():
    code = "import embedcnn.distributed, sys; assert 'mpi4py' not in sys.modules; embedcnn.distributed.rank()"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("variable", ["PMI_SIZE", "OMPI_COMM_WORLD_SIZE"])
def test_commands_are_refused_under_mpirun(variable):
    environment = {**os.environ, variable: "2"}
    command = [sys.executable, "-m", "embedcnn", "train"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "mpirun started 2 processes" in done.stderr
    environment[variable] = "1"
    subprocess.run([*command, "--help"], env=environment, capture_output=True, check=True)
