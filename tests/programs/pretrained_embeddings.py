"""Pre-trained vectors in a frozen Embedding below a text CNN: Keras's example of that name."""

import keras
from keras import layers
from start import begin, numbers, ten_epochs, words

ids, _ = words(24, 20, 50)
y = ids.max(axis=1) % 3
vectors = numbers(50, 8)

embedding = layers.Embedding(50, 8, trainable=False)
embedding.build((1,))
int_sequences_input = keras.Input(shape=(None,), dtype="int32")
x = embedding(int_sequences_input)
x = layers.Conv1D(16, 3, activation="relu")(x)
x = layers.MaxPooling1D(2)(x)
x = layers.Conv1D(16, 3, activation="relu")(x)
x = layers.GlobalMaxPooling1D()(x)
x = layers.Dense(12, activation="relu")(x)
x = layers.Dropout(0.0)(x)
model = keras.Model(int_sequences_input, layers.Dense(3, activation="softmax")(x))
model.compile(loss="sparse_categorical_crossentropy", optimizer="rmsprop", metrics=["acc"])
begin(model)
embedding.set_weights([vectors])
losses = ten_epochs(model, ids, y)
