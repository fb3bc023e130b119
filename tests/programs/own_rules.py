"""Initializers, regularizers and constraints of one's own: classes and functions, over a text CNN."""

import keras
import numpy as np
from keras import layers, ops
from start import begin, ten_epochs, words

ids, y = words(12, 6, 20)


class Orthogonal(keras.regularizers.Regularizer):
    """As the example of Keras's guide: the columns are to be apart from each other."""

    def __init__(self, strength=0.1):
        self.strength = strength

    def __call__(self, x):
        columns = ops.reshape(x, (-1, 4))
        products = ops.matmul(ops.transpose(columns), columns)
        return self.strength * ops.sum(ops.square(products * (1.0 - ops.eye(4))))

    def get_config(self):
        return {"strength": self.strength}


class Centred(keras.constraints.Constraint):
    def __call__(self, w):
        return w - ops.mean(w, axis=0, keepdims=True)


class Ramp(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return ops.reshape(ops.arange(int(np.prod(shape)), dtype="float32") * 0.01, shape)


def cubed(w):
    return 0.05 * ops.sum(ops.abs(w) ** 3) + 0.01 * ops.mean(w * w)


inputs = keras.Input((6,), dtype="int32")
x = layers.Embedding(20, 4, embeddings_constraint=Centred())(inputs)
x = layers.Conv1D(4, 2, activation="relu", kernel_regularizer=Orthogonal(0.2), bias_initializer=Ramp())(x)
x = layers.GlobalMaxPooling1D()(x)
outputs = layers.Dense(1, activation="sigmoid", kernel_regularizer=cubed, kernel_constraint=Centred())(x)
model = keras.Model(inputs, outputs)
model.compile("adam", "binary_crossentropy")
assert np.allclose(model.get_weights()[2], [0, 0.01, 0.02, 0.03])
begin(model)
losses = ten_epochs(model, ids, y[:, None])
