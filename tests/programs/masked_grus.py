"""GRUs above each other over padded texts, with class and sample weights and two outputs."""

import keras
import numpy as np
from keras import layers
from start import begin, ten_epochs, words

ids, y = words(18, 9, 30)
length = (ids > 0).sum(axis=1, keepdims=True).astype("float32") / 9

inputs = keras.Input((None,), dtype="int32", name="text")
x = layers.Embedding(30, 6, mask_zero=True)(inputs)
x = layers.GRU(7, return_sequences=True)(x)
x = layers.LayerNormalization()(x)
x = layers.GRU(5)(x)
label = layers.Dense(1, activation="sigmoid", name="label")(x)
size = layers.Dense(1, name="size")(x)
model = keras.Model(inputs, {"label": label, "size": size})
model.compile(
    optimizer=keras.optimizers.Adam(0.01, clipnorm=1.0),
    loss={"label": "binary_crossentropy", "size": "mse"},
    loss_weights={"label": 1.0, "size": 0.5},
)
begin(model)
losses = ten_epochs(model, ids, {"label": y[:, None], "size": length})
assert np.shape(model.predict(ids, verbose=0)["size"]) == (18, 1)
