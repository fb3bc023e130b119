"""A text with structured data beside it: normalized numbers, looked-up and hashed categories."""

import keras
import numpy as np
from keras import layers
from start import numbers, ten_epochs, words

ids, y = words(14, 7, 25)
age = numbers(14, 2) * 5 + 30
state = np.arange(14)[:, None] % 4 + 10
shop = np.arange(14)[:, None] * 7 % 5

normalization = layers.Normalization()
normalization.adapt(age)
lookup = layers.IntegerLookup(vocabulary=[10, 11, 12], output_mode="one_hot")
region_of = np.asarray(lookup(state), "float32")
shop_of = np.asarray(layers.Hashing(6, output_mode="one_hot")(shop), "float32")

text = keras.Input((7,), dtype="int32", name="text")
numeric = keras.Input((2,), name="age")
region = keras.Input((region_of.shape[1],), name="state")
store = keras.Input((6,), name="shop")
x = layers.GlobalAveragePooling1D()(layers.Embedding(25, 6)(text))
features = layers.concatenate([x, normalization(numeric), region, store])
x = layers.Dense(8, activation="relu")(features)
model = keras.Model([text, numeric, region, store], layers.Dense(1, activation="sigmoid")(x))
model.compile("adam", "binary_crossentropy", metrics=["AUC"])
begin_weights = [w for w in model.weights if all(w is not one for one in normalization.weights)]
random = np.random.default_rng(1)
for weight in begin_weights:
    weight.assign((random.normal(size=tuple(weight.shape)) * 0.3).astype("float32"))
inputs = {"text": ids, "age": age, "state": region_of, "shop": shop_of}
losses = ten_epochs(model, inputs, y[:, None])
