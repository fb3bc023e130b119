"""Models and data that ranks train together in tests/distributed, small and without chance."""

import numpy as np

import embedcnn
from embedcnn import layers

VOCABULARY, CLASSES = 60, 3


def words(count=37, steps=12, seed=0):
    """Ids (count, steps) with zeros behind, of very different lengths; and classes."""
    draw = np.random.default_rng(seed)
    ids = draw.integers(1, VOCABULARY, (count, steps))
    ids *= np.arange(steps) < draw.integers(3, steps + 1, (count, 1))
    return ids.astype(np.int32), draw.integers(0, CLASSES, count)


def uniform(seed):
    return embedcnn.initializers.RandomUniform(-0.3, 0.3, seed=seed)


def table(width=8, **options):
    options = {"mask_zero": True, "embeddings_initializer": uniform(1), **options}
    return layers.Embedding(VOCABULARY, width, **options)


def dense(units, seed, **options):
    return layers.Dense(units, kernel_initializer=uniform(seed), **options)


def text_cnn(optimizer="adam", loss="sparse_categorical_crossentropy", embedding=None, metrics=(), **head):
    x = embedcnn.Input((None,), dtype="int32")
    h = (embedding or table())(x)
    h = layers.Conv1D(6, 3, activation="relu", kernel_initializer=uniform(2))(h)
    h = layers.GlobalMaxPooling1D()(h)
    model = embedcnn.Model(x, dense(CLASSES, 3, activation="softmax", **head)(h), seed=5)
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


def tagger(optimizer="adam", embedding=None, loss="sparse_categorical_crossentropy", **compiled):
    """A class for each step, of texts whose lengths differ."""
    x = embedcnn.Input((None,), dtype="int32")
    h = layers.LSTM(
        5, return_sequences=True, kernel_initializer=uniform(2), recurrent_initializer=uniform(4)
    )((embedding or table())(x))
    model = embedcnn.Model(x, dense(CLASSES, 3, activation="softmax")(h), seed=5)
    model.compile(optimizer, loss, **compiled)
    return model


def furthest(one, other):
    """The largest distance between two lists of arrays."""
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


def same_bits(one, other):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))
