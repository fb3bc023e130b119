"""Writes golden/keras_optimizers/*: models that Keras 3 saved in the middle of a training, with each of its
optimizers, and the weights after it went on.

Needs Keras 3: python tests/golden/make_keras_optimizers.py
"""

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np

os.environ["KERAS_BACKEND"] = "jax"

import keras  # noqa: E402
from keras import layers, optimizers  # noqa: E402

FOLDER = Path(__file__).parent / "keras_optimizers"
DECAY = optimizers.schedules.ExponentialDecay(0.05, 2, 0.7)
OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optimizers.RMSprop(0.01),
    "rmsprop_all": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adagrad": lambda: optimizers.Adagrad(0.1),
    "adadelta": lambda: optimizers.Adadelta(1.0),
    "adam": lambda: optimizers.Adam(0.02),
    "amsgrad": lambda: optimizers.Adam(0.02, amsgrad=True),
    "adamw": lambda: optimizers.AdamW(0.02, weight_decay=0.1),
    "adamax": lambda: optimizers.Adamax(0.02),
    "nadam": lambda: optimizers.Nadam(0.02),
    "schedule": lambda: optimizers.Adam(DECAY),
}


def built(optimizer):
    keras.utils.set_random_seed(0)
    x = keras.Input((5, 3))
    y = layers.Bidirectional(layers.LSTM(2))(x)
    y = layers.Dense(3, activation="tanh", trainable=False)(y)
    model = keras.Model(x, layers.Dense(2)(y))
    model.compile(optimizer, "mse")
    return model


def pack(path):
    """Compresses the parts of a file, which Keras does not."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    x = random.normal(size=(4, 5, 3)).astype(np.float32)
    y = random.normal(size=(4, 2)).astype(np.float32)
    arrays = {"x": x, "y": y}
    for name, make in OPTIMIZERS.items():
        model = built(make())
        for _ in range(3):
            model.train_on_batch(x, y)
        if name == "adam":
            model.optimizer.learning_rate = 0.005
        model.save(FOLDER / f"{name}.keras")
        pack(FOLDER / f"{name}.keras")
        if name == "adam":  # last: it takes the optimizer out of what compile was given
            model.save(FOLDER / "adam.h5")
            (FOLDER / "adam.h5.gz").write_bytes(gzip.compress((FOLDER / "adam.h5").read_bytes(), mtime=0))
            (FOLDER / "adam.h5").unlink()
        for _ in range(2):
            model.train_on_batch(x, y)
        arrays |= {f"{name}/{place}": one for place, one in enumerate(model.get_weights())}
    np.savez_compressed(FOLDER / "after.npz", **arrays)
