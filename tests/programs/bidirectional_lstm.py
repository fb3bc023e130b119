"""Two bidirectional LSTMs over an Embedding: Keras's example of the IMDB reviews."""

import keras
from keras import layers
from start import begin, ten_epochs, words

x_train, y_train = words(16, 12, 40)

inputs = keras.Input(shape=(None,), dtype="int32")
x = layers.Embedding(40, 8)(inputs)
x = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(x)
x = layers.Bidirectional(layers.LSTM(6))(x)
outputs = layers.Dense(1, activation="sigmoid")(x)
model = keras.Model(inputs, outputs)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
begin(model)
losses = ten_epochs(model, x_train, y_train)
