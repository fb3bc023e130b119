"""Epochs and batches written out, with train_on_batch, test_on_batch and a metric of one's own."""

import keras
import numpy as np
from keras import layers
from start import begin, words

x_train, y_train = words(50, 8, 30)
batch_size = 10

model = keras.Sequential(
    [layers.Embedding(30, 6), layers.GlobalAveragePooling1D(), layers.Dense(1, activation="sigmoid")]
)
model.compile(optimizer=keras.optimizers.SGD(0.5), loss="binary_crossentropy")
model.build((None, 8))
begin(model)
accuracy = keras.metrics.BinaryAccuracy()
losses = []
for epoch in range(2):
    order = np.random.default_rng(epoch).permutation(len(x_train))
    accuracy.reset_state()
    for start in range(0, len(x_train), batch_size):
        rows = order[start : start + batch_size]
        losses.append(float(model.train_on_batch(x_train[rows], y_train[rows])))
        accuracy.update_state(y_train[rows][:, None], model.predict_on_batch(x_train[rows]))
    assert 0 <= float(accuracy.result()) <= 1
assert float(model.test_on_batch(x_train, y_train)) > 0
