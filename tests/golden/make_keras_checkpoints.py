"""Writes keras_checkpoints.json: which files keras.callbacks.ModelCheckpoint saves, and the best value after
each epoch.

Run by hand, where Keras is installed: ``python tests/golden/make_keras_checkpoints.py``.
"""

import json
import math
import types
import warnings
from pathlib import Path

EPOCHS = 6
BATCHES = 4
LOSSES = [0.9, 0.8, 0.85, 0.7, 0.7, 0.65]
ACCURACIES = [0.5, 0.4, 0.6, 0.6, 0.7, 0.3]
NAN = [float("nan"), 0.8, 0.5, float("nan"), 0.4, 0.6]
NAN_LATER = [0.9, float("nan"), 0.8, 0.95, float("nan"), 0.7]

# name: arguments beside the file's name; the name; the values of val_loss
CASES = {
    "every epoch": ({}, "{epoch:02d}-{val_loss:.2f}.keras", LOSSES),
    "every epoch, fixed name": ({}, "last.keras", LOSSES),
    "best loss": ({"save_best_only": True}, "{epoch}.keras", LOSSES),
    "best loss, mode max": ({"save_best_only": True, "mode": "max"}, "{epoch}.keras", LOSSES),
    "best accuracy": (
        {"save_best_only": True, "monitor": "val_accuracy"},
        "{epoch}-{val_accuracy:.3f}.keras",
        LOSSES,
    ),
    "best training accuracy": ({"save_best_only": True, "monitor": "accuracy"}, "{epoch}.keras", LOSSES),
    "best accuracy, mode min": (
        {"save_best_only": True, "monitor": "val_accuracy", "mode": "min"},
        "{epoch}.keras",
        LOSSES,
    ),
    "threshold": ({"save_best_only": True, "initial_value_threshold": 0.75}, "{epoch}.keras", LOSSES),
    "threshold never reached": (
        {"save_best_only": True, "initial_value_threshold": 0.1},
        "{epoch}.keras",
        LOSSES,
    ),
    "threshold of an accuracy": (
        {"save_best_only": True, "monitor": "val_accuracy", "initial_value_threshold": 0.55},
        "{epoch}.keras",
        LOSSES,
    ),
    "threshold without best only": ({"initial_value_threshold": 0.1}, "{epoch}.keras", LOSSES),
    "nan at first": ({"save_best_only": True}, "{epoch}.keras", NAN),
    "nan later": ({"save_best_only": True}, "{epoch}.keras", NAN_LATER),
    "missing value": ({"save_best_only": True, "monitor": "val_auc", "mode": "max"}, "{epoch}.keras", LOSSES),
    "every 3 batches": ({"save_freq": 3}, "{epoch:02d}-{batch:03d}-{loss:.3f}.keras", LOSSES),
    "every 5 batches": ({"save_freq": 5}, "{epoch}-{batch}.keras", LOSSES),
    "every batch, best of a missing value": (
        {"save_freq": 2, "save_best_only": True},
        "{epoch}-{batch}.keras",
        LOSSES,
    ),
    "weights": ({"save_weights_only": True}, "{epoch:03d}.weights.h5", LOSSES),
    "weights every 7 batches": (
        {"save_weights_only": True, "save_freq": 7},
        "{epoch}-{batch}.weights.h5",
        LOSSES,
    ),
}


def drive(callback, losses, metric):
    """The names saved in each epoch, and the best value after it (None where there is none)."""
    saved = []

    def save(path, overwrite=True):
        saved[-1]["files"].append(Path(path).name)

    def save_weights(path, overwrite=True):
        saved[-1]["files"].append(f"weights {Path(path).name}")

    callback.set_model(types.SimpleNamespace(metrics=[metric], save=save, save_weights=save_weights))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for epoch in range(EPOCHS):
            saved.append({"files": []})
            callback.on_epoch_begin(epoch, {})
            for batch in range(BATCHES):
                callback.on_train_batch_end(batch, {"loss": 1 / (1 + epoch + batch)})
            accuracy = ACCURACIES[epoch]
            logs = {"accuracy": accuracy, "loss": 0.5, "val_accuracy": accuracy, "val_loss": losses[epoch]}
            callback.on_epoch_end(epoch, logs)
            best = callback.best
            saved[-1]["best"] = None if best is None or math.isnan(best) else float(best)
    return saved


def main() -> None:
    import keras
    from keras.src.trainers.compile_utils import MetricsList

    found = {}
    for name, (arguments, filepath, losses) in CASES.items():
        metric = MetricsList([keras.metrics.SparseCategoricalAccuracy(name="accuracy")])
        found[name] = drive(keras.callbacks.ModelCheckpoint(filepath, **arguments), losses, metric)
    text = json.dumps(found).replace("]}], ", "]}],\n").replace("}], ", "}],\n")
    Path(__file__).with_name("keras_checkpoints.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
