"""Keras's example of a bidirectional LSTM on reviews: two layers of them, over texts of any length."""

import keras
from keras import layers
from start import begin, ten_epochs, words

max_features = 40
ids, y = words(16, 10, max_features)

inputs = keras.Input(shape=(None,), dtype="int32")
x = layers.Embedding(max_features, 8)(inputs)
x = layers.Bidirectional(layers.LSTM(5, return_sequences=True))(x)
x = layers.Bidirectional(layers.LSTM(5))(x)
outputs = layers.Dense(1, activation="sigmoid")(x)
model = keras.Model(inputs, outputs)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
begin(model)
losses = ten_epochs(model, ids, y[:, None])
