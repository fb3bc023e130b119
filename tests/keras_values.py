"""What Keras computed once (tests/golden/make_keras_values.py), and the models and data for it."""

import json
from pathlib import Path

import numpy as np

import embedcnn
from embedcnn import layers

VALUES = json.loads(Path(__file__).with_name("golden").joinpath("keras_values.json").read_text())


def data(seed):
    random = np.random.RandomState(seed)
    return random.randint(0, 12, (16, 7)), random.randint(0, 3, 16)


def weights(shapes, seed):
    random = np.random.RandomState(seed)
    return [
        (random.uniform(-0.5, 0.5, shape) if len(shape) > 1 else np.zeros(shape)).astype("float32")
        for shape in shapes
    ]


def text_model(seed=0):
    tokens = embedcnn.Input((7,), dtype="int32")
    x = layers.Embedding(12, 4)(tokens)
    branches = [layers.GlobalMaxPooling1D()(layers.Conv1D(3, k, activation="relu")(x)) for k in (2, 3)]
    return embedcnn.Model(
        tokens, layers.Dense(3, activation="softmax")(layers.Concatenate()(branches)), seed=seed
    )
