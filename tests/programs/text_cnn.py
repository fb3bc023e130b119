"""A CNN for sentences with windows of three widths (Kim 2014), as a functional model."""

import keras
from keras import layers
from start import begin, ten_steps, words

ids, y = words(20, 15, 60)

tokens = keras.Input(shape=(15,), dtype="int32")
embedded = layers.Embedding(60, 10)(tokens)
pooled = []
for width in (2, 3, 4):
    x = layers.Conv1D(6, width, activation="relu")(embedded)
    pooled.append(layers.GlobalMaxPooling1D()(x))
x = layers.Concatenate()(pooled)
x = layers.Dropout(0.0)(x)
outputs = layers.Dense(1, activation="sigmoid")(x)
model = keras.Model(tokens, outputs)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
begin(model)
losses = ten_steps(model, ids, y)
