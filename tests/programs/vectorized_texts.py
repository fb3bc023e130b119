"""Raw texts through TextVectorization, a 1D convnet behind it: Keras's text classification from scratch."""

import keras
import numpy as np
from keras import layers
from start import begin, ten_epochs

texts = [
    "The film was GREAT, great!",
    "bad plot; bad acting",
    "a great plot",
    "the worst film",
    "Not bad, not great.",
] * 3
labels = np.array([1, 0, 1, 0, 1] * 3, dtype="float32")

max_features, sequence_length = 16, 12
vectorize_layer = layers.TextVectorization(
    standardize="lower_and_strip_punctuation",
    max_tokens=max_features,
    output_mode="int",
    output_sequence_length=sequence_length,
)
vectorize_layer.adapt(texts)
ids = np.asarray(vectorize_layer(texts))

inputs = keras.Input(shape=(None,), dtype="int64")
x = layers.Embedding(max_features, 8)(inputs)
x = layers.Dropout(0.0)(x)
x = layers.Conv1D(6, 3, padding="valid", activation="relu", strides=2)(x)
x = layers.GlobalMaxPooling1D()(x)
x = layers.Dense(6, activation="relu")(x)
predictions = layers.Dense(1, activation="sigmoid", name="predictions")(x)
model = keras.Model(inputs, predictions)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
begin(model)
losses = ten_epochs(model, ids, labels)
