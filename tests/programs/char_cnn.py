"""A deep CNN over characters with residual blocks and batch normalisation."""

import keras
from keras import layers
from start import begin, ten_epochs, words

ids, y = words(16, 24, 30)

inputs = keras.Input((24,), dtype="int32")
x = layers.Embedding(30, 8)(inputs)
for dilation in (1, 2):
    shortcut = x
    x = layers.Conv1D(8, 3, padding="same", dilation_rate=dilation)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.SeparableConv1D(8, 3, padding="same")(x)
    x = layers.add([x, shortcut])
    x = layers.AveragePooling1D(2)(x)
x = layers.Flatten()(x)
model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adamax(0.005))
begin(model)
losses = ten_epochs(model, ids, y)
