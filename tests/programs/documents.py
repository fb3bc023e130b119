"""Documents of sentences: an encoder of sentences inside TimeDistributed, then one of documents."""

import keras
import numpy as np
from keras import layers
from start import begin, ten_epochs

random = np.random.default_rng(0)
x, y = random.integers(0, 40, (12, 4, 7)), random.integers(0, 3, 12)

sentence = keras.Input(shape=(7,), dtype="int32")
encoded = layers.Bidirectional(layers.GRU(5))(layers.Embedding(40, 6)(sentence))
sentence_encoder = keras.Model(sentence, encoded)
document = keras.Input(shape=(4, 7), dtype="int32")
encoded = layers.TimeDistributed(sentence_encoder)(document)
encoded = layers.Bidirectional(layers.GRU(5))(encoded)
model = keras.Model(document, layers.Dense(3, activation="softmax")(encoded))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
begin(model)
losses = ten_epochs(model, x, y)
