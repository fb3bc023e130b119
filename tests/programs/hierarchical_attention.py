"""Documents of sentences of words, with an attention of one's own over words and over sentences."""

import keras
import numpy as np
from keras import layers, ops
from start import begin, ten_epochs

random = np.random.default_rng(0)
x, y = random.integers(0, 40, (12, 4, 7)), random.integers(0, 3, 12)


class AttentionLayer(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.projection = layers.Dense(units, activation="tanh")
        self.context = layers.Dense(1, use_bias=False)

    def call(self, inputs):
        weights = ops.softmax(self.context(self.projection(inputs)), axis=1)
        return ops.sum(weights * inputs, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])


sentence_input = keras.Input(shape=(7,), dtype="int32")
words = layers.Embedding(40, 6)(sentence_input)
words = layers.Bidirectional(layers.GRU(5, return_sequences=True))(words)
sentence_encoder = keras.Model(sentence_input, AttentionLayer(4)(words))

document_input = keras.Input(shape=(4, 7), dtype="int32")
sentences = layers.TimeDistributed(sentence_encoder)(document_input)
sentences = layers.Bidirectional(layers.GRU(5, return_sequences=True))(sentences)
document = AttentionLayer(4)(sentences)
model = keras.Model(document_input, layers.Dense(3, activation="softmax")(document))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
begin(model)
losses = ten_epochs(model, x, y)
