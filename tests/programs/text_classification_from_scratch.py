"""Keras's example of text classification from scratch: strided convolutions, dropout, a hidden layer."""

import keras
from keras import layers
from start import begin, ten_epochs, words

max_features, embedding_dim = 60, 8
ids, y = words(16, 60, max_features)

inputs = keras.Input(shape=(None,), dtype="int64")
x = layers.Embedding(max_features, embedding_dim)(inputs)
x = layers.Dropout(0.0)(x)
x = layers.Conv1D(8, 7, padding="valid", activation="relu", strides=3)(x)
x = layers.Conv1D(8, 7, padding="valid", activation="relu", strides=3)(x)
x = layers.GlobalMaxPooling1D()(x)
x = layers.Dense(8, activation="relu")(x)
x = layers.Dropout(0.0)(x)
predictions = layers.Dense(1, activation="sigmoid", name="predictions")(x)
model = keras.Model(inputs, predictions)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
begin(model)
losses = ten_epochs(model, ids, y[:, None])
