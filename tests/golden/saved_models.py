"""What is asked of a saved model, when it is written (make_saved_models.py) and by every later version that
reads it (test_saved_by_earlier_versions.py).
"""

import numpy as np

import embedcnn
from embedcnn import callbacks, layers, models, optimizers

TEXTS = ["it purrs softly", "the cat purrs all day", "it barks", "the dog barks at night"]
BOOK = "the quick brown fox jumps over the lazy dog, and the dog sleeps on. " * 8


def taken(x):
    """The inputs as `fit` takes them: texts as lists, a single input alone."""
    parts = [part.tolist() if part.dtype.kind == "U" else part for part in x]
    return parts[0] if len(parts) == 1 else parts


def loaded(path):
    """The model of a file; the command's classifier comes uncompiled."""
    model = models.load_model(path)
    if path.stem == "classifier":
        model.compile("adam", "categorical_crossentropy")
    return model


def predicted(model, x):
    """The predictions of a model, as a list of arrays; texts come as an array of str."""
    found = model.predict(taken(x), verbose=0)
    return found if isinstance(found, list) else [found]


def continued(model, x, y):
    """The predictions after two further epochs."""
    model.fit(taken(x), y, batch_size=8, epochs=2, verbose=0)
    return predicted(model, x)


def written(writer):
    """What a language model writes and measures, then what it measures after further training."""
    found = {"text": np.array(writer.generate("the quick", 20, temperature=0))}
    found["loss"] = np.array(writer.evaluate(BOOK, length=10)["loss"])
    writer.fit(BOOK, length=10, batch_size=8, epochs=1, verbose=0)
    return found | {"continued": np.array(writer.evaluate(BOOK, length=10)["loss"])}


class Interruption(callbacks.Callback):
    """Counts batches, and ends the training after so many."""

    def __init__(self, stop_at):
        self.stop_at, self.seen = stop_at, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.stop_at:
            raise KeyboardInterrupt


def backed_up(folder, stop_at=None):
    """A model, a function that trains it for 12 batches with a backup after every second, and what counts
    them.
    """
    embedcnn.utils.set_random_seed(1)
    random = np.random.default_rng(3)
    x, y = random.integers(0, 30, (24, 8)), random.integers(0, 3, 24)
    words = embedcnn.Input((8,), dtype="int32", name="words")
    hidden = layers.Conv1D(5, 3, activation="relu", name="convolution")(
        layers.Embedding(30, 4, name="table")(words)
    )
    hidden = layers.Dropout(0.3, name="dropout")(layers.GlobalMaxPooling1D(name="pool")(hidden))
    model = embedcnn.Model(words, layers.Dense(3, activation="softmax", name="classes")(hidden), seed=4)
    rate = optimizers.schedules.ExponentialDecay(0.05, 4, 0.9)
    model.compile(
        optimizers.Adam(rate, use_ema=True), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    interruption = Interruption(stop_at)
    watching = [
        callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True),
        callbacks.BackupAndRestore(folder, save_freq=2),
        interruption,
    ]

    def fit():
        model.fit(x, y, batch_size=8, epochs=4, callbacks=watching, verbose=0)

    return model, fit, interruption
