"""ModelCheckpoint and EarlyStopping: which files, by Keras's rules; names, weights, wrong use."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.make_keras_checkpoints import CASES, drive

import embedcnn
from embedcnn import callbacks, layers, metrics, models

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "keras_checkpoints.json").read_text())
X = np.random.default_rng(0).integers(1, 9, (24, 6))
Y = np.roll(X, -1, 1)


def language_model(**options):
    model = embedcnn.Sequential(
        [
            embedcnn.Input((None,), dtype="int32"),
            layers.Embedding(9, 4),
            layers.LSTM(6, return_sequences=True),
            layers.Dense(9, activation="softmax"),
        ],
        seed=1,
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


# NaN stays Keras's best value for ever; here any number beats it (tests/situations/test_epochs_with_nan.py)
@pytest.mark.parametrize("name", [name for name in CASES if name != "nan at first"])
def test_files_as_keras(name):
    arguments, filepath, losses = CASES[name]
    metric = metrics.SparseCategoricalAccuracy(name="accuracy")
    assert drive(callbacks.ModelCheckpoint(filepath, **arguments), losses, metric) == GOLDEN[name]


def test_names_hold_epoch_batch_and_values(tmp_path):
    model = language_model()
    watch = [
        callbacks.ModelCheckpoint(tmp_path / "e" / "{epoch:02d}-{val_loss:.2f}-{val_accuracy:.3f}.keras"),
        callbacks.ModelCheckpoint(tmp_path / "b" / "{epoch}-{batch:04d}-{loss:.4f}", save_freq=2),
        callbacks.ModelCheckpoint(tmp_path / "best", save_best_only=True, save_weights_only=True),
    ]
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.get_weights()))
    weights = []
    history = model.fit(
        X, Y, batch_size=8, epochs=3, verbose=0, validation_data=(X[:8], Y[:8]), callbacks=[*watch, keep]
    ).history
    names = [
        f"{epoch + 1:02d}-{loss:.2f}-{accuracy:.3f}.keras"
        for epoch, (loss, accuracy) in enumerate(
            zip(history["val_loss"], history["val_accuracy"], strict=True)
        )
    ]
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == names
    written = sorted((tmp_path / "b").iterdir())
    assert [path.name[:6] for path in written] == ["1-0002", "2-0001", "2-0003", "3-0002"]
    assert written[2].name == f"2-0003-{history['loss'][1]:.4f}"
    for name, expected in zip(names, weights, strict=True):
        for one, other in zip(models.load_model(tmp_path / "e" / name).get_weights(), expected, strict=True):
            np.testing.assert_array_equal(one, other)
    best = int(np.argmin(history["val_loss"]))
    other = language_model()
    other.load_weights(tmp_path / "best")
    for one, expected in zip(other.get_weights(), weights[best], strict=True):
        np.testing.assert_array_equal(one, expected)
    assert other.optimizer.steps == 0, "weights only"
    assert models.load_model(written[-1]).optimizer.steps == 8


def test_best_of_the_batches(tmp_path):
    callback = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}-{batch}", "loss", save_best_only=True, save_freq=1, initial_value_threshold=2.5
    )
    callback.set_model(language_model())
    callback.on_epoch_begin(0, {})
    for batch, loss in enumerate([3.0, 2.5, 2.4, 2.4, 2.3]):
        callback.on_train_batch_end(batch, {"loss": loss})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1-3", "1-5"] and callback.best == 2.3


def test_one_callback_goes_on_in_a_second_fit(tmp_path):
    model = language_model()
    callback = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=4)
    for first, last in ((0, 1), (1, 2)):
        model.fit(X, Y, batch_size=8, initial_epoch=first, epochs=last, verbose=0, callbacks=callback)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2-1"]


def test_a_metric_of_several_numbers(tmp_path):
    x, y = np.random.default_rng(1).normal(size=(9, 4)), np.arange(9) % 3
    model = embedcnn.Sequential([embedcnn.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metrics.F1Score(name="each")])
    best = callbacks.ModelCheckpoint(tmp_path / "{epoch}", "each", save_best_only=True, mode="max")
    with pytest.warns(UserWarning, match="watches 'each', which is not one number"):
        model.fit(x, y, epochs=2, verbose=0, callbacks=best)
    assert len(list(tmp_path.iterdir())) == 2
    for stop in (callbacks.EarlyStopping("each"), callbacks.ReduceLROnPlateau("each")):
        with pytest.raises(ValueError, match="watches 'each', which must be one number. Received: 3 numbers"):
            model.fit(x, y, verbose=0, callbacks=stop)


def test_a_missing_value_is_named(tmp_path):
    best = callbacks.ModelCheckpoint(tmp_path / "m", save_best_only=True)
    with pytest.warns(UserWarning, match="'val_loss', which is not available. Available: accuracy, loss"):
        language_model().fit(X, Y, verbose=0, callbacks=best)
    assert (tmp_path / "m").exists(), "as Keras: kept, as nothing says that it is worse"
    for name, text in [
        ("{batch}", "names 'batch', which the logs do not hold. Available: epoch, accuracy, loss"),
        ("{val_auc:.2f}", "names 'val_auc', which the logs do not hold"),
    ]:
        with pytest.raises(KeyError, match=text):
            language_model().fit(X, Y, verbose=0, callbacks=callbacks.ModelCheckpoint(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("name", ["{epoch:zz}", "{epoch", "{}", "{loss.x}"])
def test_names_that_are_no_pattern(tmp_path, name):
    with pytest.raises(
        ValueError, match=r"`filepath` must name values of the logs, as .*Received: filepath="
    ):
        language_model().fit(X, Y, verbose=0, callbacks=callbacks.ModelCheckpoint(tmp_path / name))


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a directory"):
        language_model().fit(X, Y, verbose=0, callbacks=callbacks.ModelCheckpoint(tmp_path))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: callbacks.ModelCheckpoint(""), "`filepath` must be a path"),
        (lambda: callbacks.ModelCheckpoint("f", save_freq=1.5), "save_freq=1.5"),
        (lambda: callbacks.ModelCheckpoint("f", mode="best"), "mode='best' is unknown"),
        (lambda: callbacks.ModelCheckpoint("f", None), "`monitor` must be the name of a value"),
        (
            lambda: callbacks.ModelCheckpoint("f", initial_value_threshold="1"),
            "`initial_value_threshold` must be a finite number. Received: initial_value_threshold='1'",
        ),
        (lambda: callbacks.EarlyStopping(min_delta=float("nan")), "`min_delta` must be a finite number"),
        (lambda: callbacks.EarlyStopping(baseline="0.5"), "`baseline` must be a finite number or None"),
        (lambda: callbacks.EarlyStopping(patience=1.5), "`patience` must be an integer >= 0"),
    ],
)
def test_misuse(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# -- EarlyStopping -------------------------------------------------------------------------------------------
def test_the_best_weights_come_back_exactly():
    model = language_model()
    seen = []
    rise = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(model.optimizer, "lr", 0.01 if epoch < 4 else 3.0),
        on_epoch_end=lambda epoch, logs: seen.append((logs["val_loss"], model.get_weights())),
    )
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True, min_delta=1e-4)
    model.fit(X, Y, epochs=20, verbose=0, validation_data=(X, Y), callbacks=[rise, stop])
    assert len(seen) == 6 and stop.best_epoch == 3 and stop.stopped_epoch == 5
    for one, expected in zip(model.get_weights(), seen[3][1], strict=True):
        np.testing.assert_array_equal(one, expected)
    assert model.evaluate(X, Y, verbose=0)[0] == pytest.approx(seen[3][0], rel=1e-6)


@pytest.mark.parametrize(("mode", "epochs"), [("auto", 6), ("max", 6), ("min", 3)])
def test_the_mode_of_early_stopping(mode, epochs):
    model = language_model()
    rising = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(accuracy=0.1 * epoch, other=0.1 * epoch)
    )
    monitor = "accuracy" if mode == "auto" else "other"
    stop = callbacks.EarlyStopping(monitor, patience=2, mode=mode)
    history = model.fit(X, Y, epochs=6, verbose=0, callbacks=[rising, stop])
    assert len(history.epoch) == epochs
