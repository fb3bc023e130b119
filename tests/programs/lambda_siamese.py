"""Manhattan LSTM: how near two texts are as exp(-|a - b|), by Lambda layers of ops."""

import keras
from keras import layers, ops
from start import begin, ten_epochs, words

left, y = words(18, 9, 30)
right, _ = words(18, 9, 30, seed=3)

embedding, lstm = layers.Embedding(30, 7), layers.LSTM(6)
first, second = keras.Input((9,), dtype="int32"), keras.Input((9,), dtype="int32")
one, other = lstm(embedding(first)), lstm(embedding(second))


def near(pair):
    return ops.exp(-ops.sum(ops.abs(pair[0] - pair[1]), axis=1, keepdims=True))


distance = layers.Lambda(near, output_shape=(1,))([one, other])
model = keras.Model([first, second], distance)
model.compile(loss="mean_squared_error", optimizer=keras.optimizers.Adam(0.01, clipnorm=1.25))
begin(model)
losses = ten_epochs(model, [left, right], y)
