import types
import warnings

import numpy as np
import pytest
from keras_values import VALUES, data, text_model

from embedcnn import callbacks, models, optimizers


def compiled_model(**options):
    model = text_model()
    model.compile(optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


# NaN stays Keras's best value for ever; here any number beats it (tests/situations/test_epochs_with_nan.py)
@pytest.mark.parametrize("name", [name for name in VALUES["traces"] if name != "nan first"])
def test_early_stopping_as_keras(name):
    trace = VALUES["traces"][name]
    callback = callbacks.EarlyStopping(**trace["arguments"])
    now: dict = {"epoch": None}
    variable = types.SimpleNamespace(snapshot=lambda: now["epoch"], value=object(), own=lambda: now)
    variable.as_stored = lambda value: value
    variable.refuse_unfit = lambda value: None
    callback.set_model(types.SimpleNamespace(stop_training=False, metrics=[], weights=[variable]))
    callback.on_train_begin()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for epoch, value in enumerate(trace["values"]):
            now["epoch"] = epoch
            value = float("nan") if value is None else value
            callback.on_epoch_end(epoch, {"loss": value, "accuracy": value})
            if callback.model.stop_training:
                break
    callback.on_train_end()
    assert epoch + 1 == trace["epochs"]
    assert callback.stopped_epoch == trace["stopped_epoch"]
    assert callback.wait == trace["wait"]
    assert now.get(...) == trace["restored"]


def test_early_stopping_restores_the_best_weights():
    model = compiled_model()
    x, y = data(2)
    seen = []
    keep = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((logs["loss"], model.get_weights()))
    )
    rise = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(model.optimizer, "lr", 0.1 if epoch < 3 else 50.0)
    )
    stop = callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)
    model.fit(x, y, epochs=20, verbose=0, callbacks=[rise, keep, stop])
    assert len(seen) < 20
    best = min(range(len(seen)), key=lambda epoch: seen[epoch][0])
    for restored, expected in zip(model.get_weights(), seen[best][1], strict=True):
        assert (restored == expected).all()


def test_a_missing_value_warns_and_names_what_there_is():
    model = compiled_model()
    x, y = data(2)
    with pytest.warns(
        UserWarning, match="watches 'val_loss', which is not available. Available: accuracy, loss"
    ):
        model.fit(x, y, verbose=0, callbacks=callbacks.EarlyStopping())


def test_history_and_order_of_calls():
    model = compiled_model()
    x, y = data(2)
    calls = []

    class Recorder(callbacks.Callback):
        pass

    for moment in callbacks.MOMENTS:
        setattr(Recorder, moment, lambda self, *a, m=moment: calls.append(m))
    history = model.fit(
        x, y, batch_size=8, epochs=1, validation_data=(x, y), verbose=0, callbacks=[Recorder()]
    )
    batch = ["on_train_batch_begin", "on_train_batch_end"]
    test = ["on_test_begin", *["on_test_batch_begin", "on_test_batch_end"] * 2, "on_test_end"]
    epoch = ["on_epoch_begin", *batch * 2, *test, "on_epoch_end"]
    assert calls == ["on_train_begin", *epoch, "on_train_end"]
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.epoch == [0]
    assert history.params == {"verbose": 0, "epochs": 1, "steps": 2}


def test_checkpoints(tmp_path, capsys):
    model = compiled_model()
    x, y = data(2)
    every = callbacks.ModelCheckpoint(tmp_path / "deep" / "{epoch:02d}-{loss:.1f}.keras")
    best = callbacks.ModelCheckpoint(tmp_path / "best.keras", "loss", save_best_only=True, verbose=1)
    batches = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.st", save_weights_only=True, save_freq=3)
    losses = model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=[every, best, batches]).history[
        "loss"
    ]
    names = sorted(path.name for path in (tmp_path / "deep").iterdir())
    assert names == [f"{epoch + 1:02d}-{loss:.1f}.keras" for epoch, loss in enumerate(losses)]
    assert {path.name for path in tmp_path.iterdir()} == {"deep", "best.keras", "2-1.st", "3-2.st"}
    again = models.load_model(tmp_path / "best.keras")
    assert (again.predict(x) == model.predict(x)).all()
    assert "saved the model to" in capsys.readouterr().out
    other = text_model()
    other.load_weights(tmp_path / "3-2.st")
    assert (other.predict(x) == model.predict(x)).all()


def test_checkpoint_keeps_the_better_file(tmp_path):
    path = tmp_path / "model"
    callback = callbacks.ModelCheckpoint(path, "loss", save_best_only=True, initial_value_threshold=0.0)
    model = compiled_model()
    x, y = data(2)
    model.fit(x, y, verbose=0, callbacks=callback)
    assert not path.exists()


@pytest.mark.parametrize("name", VALUES["plateaus"])
def test_reduce_on_plateau_as_keras(name):
    trace = VALUES["plateaus"][name]
    callback = callbacks.ReduceLROnPlateau("loss", **trace["arguments"])
    callback.set_model(types.SimpleNamespace(optimizer=optimizers.SGD(0.1), metrics=[]))
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(trace["values"]):
        logs = {"loss": value}
        before = callback.model.optimizer.lr
        callback.on_epoch_end(epoch, logs)
        assert logs["learning_rate"] == before
        rates.append(callback.model.optimizer.lr)
    np.testing.assert_allclose(rates, trace["rates"], rtol=1e-6)


def test_learning_rate_scheduler(capsys):
    model = compiled_model()
    x, y = data(2)
    by_epoch = callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    assert model.fit(x, y, epochs=2, verbose=0, callbacks=by_epoch).history["learning_rate"] == [0.1, 0.05]
    by_rate = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1)
    assert model.fit(x, y, epochs=2, verbose=0, callbacks=by_rate).history["learning_rate"] == [0.025, 0.0125]
    assert "Epoch 2: LearningRateScheduler sets the rate to 0.0125." in capsys.readouterr().out
    with pytest.raises(ValueError, match="learning_rate='fast'"):
        model.fit(x, y, verbose=0, callbacks=callbacks.LearningRateScheduler(lambda epoch: "fast"))


def test_terminate_on_nan(capsys):
    model = compiled_model()
    x, y = data(2)
    model.set_weights([np.full(w.shape, np.nan) for w in model.weights])
    history = model.fit(x, y, batch_size=4, epochs=5, verbose=0, callbacks=callbacks.TerminateOnNaN())
    assert model.optimizer.iterations == 1
    assert len(history.epoch) == 1
    assert "Batch 0: the loss is nan, terminating training" in capsys.readouterr().out


def test_moments_that_are_not_needed_cost_nothing(tmp_path):
    each, batches = (
        callbacks.ModelCheckpoint(tmp_path / "m"),
        callbacks.ModelCheckpoint(tmp_path / "m", save_freq=2),
    )
    assert not callbacks.CallbackList([each], None, {}).listens("on_train_batch_end")
    assert callbacks.CallbackList([batches], None, {}).listens("on_train_batch_end")


def test_unfreeze_at(tmp_path):
    model = compiled_model()
    table = model.layers[1]
    table.trainable = False
    x, y = data(2)
    before = table.embeddings.numpy()
    seen = []
    watch = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(
            (model.optimizer.lr, (table.embeddings.value == before).all())
        )
    )
    model.fit(x, y, epochs=4, verbose=0, callbacks=[callbacks.UnfreezeAt(2, lr=0.01), watch])
    assert seen == [(0.1, True), (0.1, True), (0.01, False), (0.01, False)]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: callbacks.ReduceLROnPlateau(factor=1.0),
            ValueError,
            r"`factor` must be a number in \[0, 1\)",
        ),
        (lambda: callbacks.LearningRateScheduler(0.1), TypeError, "`schedule` must be a function"),
        (lambda: callbacks.EarlyStopping(mode="lowest"), ValueError, "mode='lowest' is unknown"),
        (lambda: callbacks.EarlyStopping(patience=-1), ValueError, "`patience` must be an integer >= 0"),
        (
            lambda: callbacks.ModelCheckpoint("f", save_freq=0),
            ValueError,
            "`save_freq` must be 'epoch' or a positive",
        ),
        (lambda: callbacks.LambdaCallback(on_epoch=print), TypeError, "no argument 'on_epoch'"),
        (lambda: callbacks.UnfreezeAt(-1), ValueError, "`epoch` must be an integer >= 0"),
        (lambda: callbacks.UnfreezeAt(1, lr=0.1, learning_rate=0.1), TypeError, "`lr` is an alias"),
        (lambda: callbacks.CallbackList([print], None, {}), TypeError, "instances of Callback"),
    ],
)
def test_misuse(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_misuse_seen_in_training(tmp_path):
    model = compiled_model()
    x, y = data(2)
    with pytest.raises(ValueError, match="No such layer: 'embeding'"):
        model.fit(x, y, verbose=0, callbacks=callbacks.UnfreezeAt(0, "embeding"))
    with pytest.raises(KeyError, match="val_loss"):
        model.fit(x, y, verbose=0, callbacks=callbacks.ModelCheckpoint(tmp_path / "{val_loss}"))
    strange = callbacks.EarlyStopping("lr_now")
    model.fit(
        x,
        y,
        verbose=0,
        callbacks=callbacks.LambdaCallback(on_epoch_end=lambda e, logs: logs.update(lr_now=1.0)),
    )
    strange.set_model(model)
    strange.on_train_begin()
    strange.on_epoch_end(0, {"lr_now": 1.0})
    with pytest.raises(ValueError, match="give mode='min' or mode='max'"):
        strange.on_epoch_end(1, {"lr_now": np.float32(2.0)})
