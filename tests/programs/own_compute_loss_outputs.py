"""A model of two outputs of masked texts, whose compute_loss reads them by name: the loss of
compile with its regularizers, doubled, and how far the outputs are from each other.
"""

import keras
from keras import layers, ops
from start import begin, ten_epochs, words

ids, y = words(12, 6, 20)
weight = (1.0 + ids.sum(axis=1) % 3).astype("float32")


class Agreeing(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = 2.0 * super().compute_loss(x, y, y_pred, sample_weight)
        apart = ops.square(y_pred["whole"] - y_pred["half"]) * ops.expand_dims(sample_weight["whole"], -1)
        return loss + 0.1 * ops.mean(apart) + 0.01 * sum(self.losses)


inputs = keras.Input((6,), dtype="int32")
vectors = layers.Embedding(20, 4, mask_zero=True)(inputs)
x = layers.GRU(5)(vectors)
half = layers.Dense(1, activation="sigmoid")(x)
whole = layers.Dense(1, activation="sigmoid", kernel_regularizer="l2")(x)
model = Agreeing(inputs, {"half": half, "whole": whole})
model.compile(
    "adam", {"whole": "binary_crossentropy", "half": "mse"}, loss_weights={"whole": 1.0, "half": 0.3}
)
begin(model)
losses = ten_epochs(model, ids, {"whole": y[:, None], "half": 1 - y[:, None]}, sample_weight=weight)
