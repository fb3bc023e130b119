"""Metric learning by similarity: anchors and positives embedded by one encoder, a loss over all pairs."""

import keras
import numpy as np
from keras import layers, ops
from start import begin, numbers, ten_epochs

anchors, positives = numbers(10, 6), numbers(10, 6, seed=1)


class Similarity(layers.Layer):
    def __init__(self, units, temperature=0.2, **kwargs):
        super().__init__(**kwargs)
        self.encoder = keras.Sequential([layers.Dense(units, activation="relu"), layers.Dense(units)])
        self.temperature = temperature

    def call(self, inputs):
        a, p = [ops.normalize(self.encoder(x), axis=-1) for x in inputs]
        return ops.sum(a * p, axis=-1, keepdims=True) / self.temperature


def contrastive(y_true, y_pred):
    return ops.mean(keras.losses.binary_crossentropy(y_true, y_pred, from_logits=True)) + 0.01 * ops.mean(
        ops.square(y_pred)
    )


inputs = [keras.Input((6,)), keras.Input((6,))]
model = keras.Model(inputs, Similarity(5)(inputs))
model.compile(optimizer=keras.optimizers.Adam(learning_rate=1e-3), loss=contrastive)
begin(model)
losses = ten_epochs(model, [anchors, positives], np.arange(10).reshape(-1, 1) % 2)
