"""Several labels a text, from counts of its words: Keras's example of the titles of papers."""

import keras
import numpy as np
from keras import layers
from start import begin, numbers, ten_epochs

x = abs(numbers(30, 25))
y = (numbers(30, 6, seed=2) > 0.5).astype("float32")


def make_model():
    return keras.Sequential(
        [
            layers.Dense(16, activation="relu"),
            layers.Dense(8, activation="relu"),
            layers.Dense(y.shape[1], activation="sigmoid"),
        ]
    )


model = make_model()
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["binary_accuracy"])
model.build((None, 25))
begin(model)
losses = ten_epochs(model, x, y)
assert np.shape(model.predict(x, verbose=0)) == (30, 6)
