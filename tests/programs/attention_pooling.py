"""An LSTM whose states are weighed by an attention of one's own (Yang and others 2016)."""

import keras
from keras import layers, ops
from start import begin, ten_epochs, words

ids, y = words(16, 10, 30)


class AttentionPooling(layers.Layer):
    def build(self, input_shape):
        features = input_shape[-1]
        self.W = self.add_weight(shape=(features, features), initializer="glorot_uniform", name="W")
        self.b = self.add_weight(shape=(features,), initializer="zeros", name="b")
        self.u = self.add_weight(shape=(features, 1), initializer="glorot_uniform", name="u")

    def call(self, x):
        scores = ops.matmul(ops.tanh(ops.matmul(x, self.W) + self.b), self.u)
        weights = ops.softmax(ops.squeeze(scores, -1), axis=-1)
        return ops.sum(x * ops.expand_dims(weights, -1), axis=1)


inputs = keras.Input((10,), dtype="int32")
x = layers.Embedding(30, 6)(inputs)
x = layers.LSTM(7, return_sequences=True)(x)
x = AttentionPooling()(x)
model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
model.compile("adam", "binary_crossentropy")
begin(model)
losses = ten_epochs(model, ids, y)
