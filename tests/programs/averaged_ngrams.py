"""fastText's classifier: the average of the vectors of words and pairs of words."""

import keras
import numpy as np
from keras import layers
from start import begin, ten_epochs, words

ids, y = words(20, 10, 25)
pairs = 25 + (ids[:, :-1] * 7 + ids[:, 1:]) % 20
x = np.concatenate([ids, pairs], axis=1)

model = keras.Sequential()
model.add(layers.Embedding(45, 8))
model.add(layers.GlobalAveragePooling1D())
model.add(layers.Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.build((None, x.shape[1]))
begin(model)
losses = ten_epochs(model, x, y)
